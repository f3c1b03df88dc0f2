//! A telephone number in E.164, by the world's numbering plans and not by its shape alone.

use std::fmt;

use fourwire_wire::pii::Pii;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Longest text that is looked at as a number: fifteen digits with a separator each.
const MAX_BYTES: usize = 40;

/// A text is not a number that could be rung from abroad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("Phone number must be in E.164 format (e.g., +15551234567)")]
pub struct NumberError;

/// A valid number, as `+` and digits. It prints as a placeholder.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PhoneNumber(Pii<String>);

/// What a number's plan says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The country, as two letters of ISO 3166; none for numbers of no country, such as those of satellites.
    pub region: Option<String>,
    /// What calling it means.
    pub kind: Kind,
}

/// What calling a number means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A person or a company at the usual price.
    Ordinary,
    /// A call for which the callee is paid, a number that follows a person about, a pager, a mailbox.
    Special,
}

impl PhoneNumber {
    /// Takes a number as people and apps write one: with its `+`, and maybe spaces, hyphens, dots and brackets.
    ///
    /// A national prefix that was left in by mistake (`+44 07400 …`) is taken out, as the plan says.
    ///
    /// # Errors
    /// [`NumberError`] where no plan has such a number.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        let is_separator = |character: char| matches!(character, '-' | '(' | ')' | '.') || character.is_whitespace();
        if text.len() > MAX_BYTES {
            return Err(NumberError);
        }
        let compact: String = text.chars().filter(|character| !is_separator(*character)).collect();
        let digits = compact.strip_prefix('+').ok_or(NumberError)?;
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NumberError);
        }
        let number = PHONE_NUMBER_UTIL.parse(&compact, None).map_err(|_| NumberError)?;
        if !PHONE_NUMBER_UTIL.is_valid_number(&number) {
            return Err(NumberError);
        }
        Ok(Self(Pii::new(PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164).into_owned())))
    }

    /// The number itself, for the one place that must have it: never for a log line.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// What its plan says of it.
    #[must_use]
    pub fn plan(&self) -> Plan {
        let Ok(number) = PHONE_NUMBER_UTIL.parse(self.expose(), None) else {
            return Plan { region: None, kind: Kind::Special };
        };
        let kind = match PHONE_NUMBER_UTIL.get_number_type(&number) {
            PhoneNumberType::FixedLine
            | PhoneNumberType::Mobile
            | PhoneNumberType::FixedLineOrMobile
            | PhoneNumberType::TollFree
            | PhoneNumberType::VoIP
            | PhoneNumberType::UAN => Kind::Ordinary,
            _ => Kind::Special,
        };
        let region = PHONE_NUMBER_UTIL.get_region_for_number(&number).map(|region| format!("{region:?}"));
        Plan { region: region.filter(|region| region.len() == 2), kind }
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = NumberError;

    fn try_from(text: String) -> Result<Self, NumberError> {
        Self::parse(&text)
    }
}

impl From<PhoneNumber> for String {
    fn from(number: PhoneNumber) -> Self {
        number.0.into_inner()
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn parse(text: &str) -> Option<String> {
        PhoneNumber::parse(text).ok().map(String::from)
    }

    #[test]
    fn a_number_is_taken_as_people_write_it() {
        for text in ["+12025550142", "+1 (202) 555-0142", "+1.202.555.0142", " +1 202 555 0142\n"] {
            assert_eq!(parse(text).as_deref(), Some("+12025550142"), "{text:?}");
        }
    }

    #[test]
    fn a_national_prefix_that_was_left_in_is_taken_out_where_the_plan_has_one() {
        assert_eq!(parse("+4407400123456").as_deref(), Some("+447400123456"));
        // Italy's zero is part of the number.
        assert_eq!(parse("+390236618300").as_deref(), Some("+390236618300"));
    }

    #[test]
    fn what_no_plan_has_is_refused() {
        let long = "+1".repeat(40);
        let texts = [
            "",
            "+",
            "12025550142",
            "+1202555014",
            "+120255501422",
            "+999123456789",
            "+1-800-FLOWERS",
            "tel:+12025550142",
            "+12025550142;ext=5",
            "+1202555014２",
            "++12025550142",
            "+12025550142</Number>",
            &long,
        ];
        for text in texts {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_plan_tells_the_caribbean_from_the_states_and_premium_from_ordinary() {
        let plan = |text: &str| {
            let plan = PhoneNumber::parse(text).unwrap().plan();
            (plan.region.unwrap_or_default(), plan.kind)
        };
        assert_eq!(plan("+12025550142"), ("US".to_owned(), Kind::Ordinary));
        assert_eq!(plan("+16135550142"), ("CA".to_owned(), Kind::Ordinary));
        assert_eq!(plan("+18765550142"), ("JM".to_owned(), Kind::Ordinary));
        assert_eq!(plan("+18095550142").0, "DO");
        assert_eq!(plan("+19002340142").1, Kind::Special);
        assert_eq!(plan("+447400123456"), ("GB".to_owned(), Kind::Ordinary));
        assert_eq!(plan("+447012345678").1, Kind::Special);
        assert_eq!(plan("+881612345678").0, "");
    }

    #[test]
    fn a_number_never_prints() {
        let number = PhoneNumber::parse("+12025550142").unwrap();
        assert_eq!(format!("{number:?}"), "[personal]");
    }
}
