//! A telephone number in E.164, by the world's numbering plans and not by its shape alone.

use std::fmt;

use fourwire_wire::pii::Pii;
use percent_encoding::percent_decode_str;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::unicode;

/// Longest number, in characters that are seen: fifteen digits with a separator each, and brackets.
const MAX_SEEN: usize = 40;
/// Longest text that is looked at, in characters: such a number with characters that are not seen around each of its own,
/// or a `tel:` address with parameters.
const MAX_TEXT: usize = 256;

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
    /// Takes a number as people write, copy and paste one: with its `+`, in digits of any script, with spaces, hyphens, dots,
    /// slashes and brackets of any width, with what is not seen in between, and as a `tel:` address (RFC 3966).
    ///
    /// A national prefix that was left in by mistake (`+44 07400 …`, `+44 (0)7400 …`) is taken out, as the plan says. A
    /// number with an extension is refused: a call to the number alone would reach somebody else. So is one without a `+`,
    /// also where it begins with `00` or `011`: what these mean depends on the country where they are dialled.
    ///
    /// # Errors
    /// [`NumberError`] where no plan has such a number.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        let written = normalise(text).ok_or(NumberError)?;
        // A zero in brackets is dialled within the country only. Most plans take it out themselves, Italy's keeps it, and
        // one that knows no such zero refuses the number with it.
        let without_zero = || written.contains("(0)").then(|| written.replacen("(0)", "", 1));
        by_plan(&written).or_else(|| by_plan(&without_zero()?)).ok_or(NumberError)
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

/// The number of a `+`, digits and brackets, where a plan has it.
fn by_plan(written: &str) -> Option<PhoneNumber> {
    let number = PHONE_NUMBER_UTIL.parse(international(written)?, None).ok()?;
    let is_valid = PHONE_NUMBER_UTIL.is_valid_number(&number);
    is_valid.then(|| PhoneNumber(Pii::new(PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164).into_owned())))
}

/// `+` and digits, without brackets. `None` where there is anything else.
fn international(written: &str) -> Option<String> {
    let compact: String = written.chars().filter(|character| !matches!(character, '(' | ')')).collect();
    let digits = compact.strip_prefix('+')?;
    (!digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())).then_some(compact)
}

/// The beginning of a number that somebody has written, as `+` and digits. `None` where it is none.
pub(super) fn prefix(text: &str) -> Option<String> {
    international(&normalise(text)?)
}

/// What somebody has written as a number, in `+`, ASCII digits and `()`. `None` where it has anything that no number has.
fn normalise(text: &str) -> Option<String> {
    if text.chars().nth(MAX_TEXT).is_some() {
        return None;
    }
    let seen = without_invisible(text);
    let seen = seen.trim();
    match seen.split_at_checked(4) {
        Some((scheme, address)) if scheme.eq_ignore_ascii_case("tel:") => normalise_address(address),
        _ => characters(seen),
    }
}

/// The number of a `tel:` address (RFC 3966), behind its scheme.
fn normalise_address(address: &str) -> Option<String> {
    // A link that is copied has blanks and signs escaped.
    let address = percent_decode_str(address).decode_utf8().ok()?;
    let address = without_invisible(&address);
    let mut parts = address.split(';');
    let number = characters(parts.next()?)?;
    let mut context = None;
    for parameter in parts {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match name.to_ascii_lowercase().as_str() {
            // Digits that are dialled once somebody has answered: the call would reach somebody else without them.
            "ext" | "isub" | "postd" => return None,
            "phone-context" => context = Some(value),
            // Others say nothing of who is reached, and may be ignored.
            _ => {}
        }
    }
    if number.contains('+') {
        return Some(number);
    }
    // A local number says where it is one: in a country, or in a network of which no plan knows.
    let context = international(&characters(context?)?)?;
    Some(context + &number)
}

fn without_invisible(text: &str) -> String {
    text.chars().filter(|character| !unicode::is_invisible(*character)).collect()
}

/// The characters of a number, each as the ASCII one that it stands for, without separators.
fn characters(text: &str) -> Option<String> {
    if text.chars().nth(MAX_SEEN).is_some() {
        return None;
    }
    let kept = text.chars().filter(|character| !is_separator(*character));
    kept.map(|character| match character {
        '+' | '\u{ff0b}' | '\u{fe62}' => Some('+'),
        '(' | '[' | '\u{ff08}' | '\u{ff3b}' | '\u{fe59}' => Some('('),
        ')' | ']' | '\u{ff09}' | '\u{ff3d}' | '\u{fe5a}' => Some(')'),
        _ => unicode::digit(character).and_then(|value| char::from_digit(value, 10)),
    })
    .collect()
}

/// Whether a character only parts digits from one another. A tilde does not: `…56~7` means two numbers.
fn is_separator(character: char) -> bool {
    character.is_whitespace()
        || matches!(
            character,
            // Hyphens, dashes and minus signs; the long vowel mark is what Japanese keyboards give for one.
            '-' | '\u{58a}' | '\u{5be}' | '\u{2d7}' | '\u{2010}'
                ..='\u{2015}' | '\u{2043}' | '\u{2212}'
            | '\u{30fc}' | '\u{ff70}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}'
            // Dots.
            | '.' | '\u{b7}' | '\u{387}' | '\u{2022}' | '\u{2024}' | '\u{2027}' | '\u{2219}' | '\u{22c5}'
            | '\u{30fb}' | '\u{fe52}' | '\u{ff0e}' | '\u{ff65}'
            // Slashes.
            | '/' | '\u{2044}' | '\u{2215}' | '\u{ff0f}'
        )
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
    fn a_number_is_taken_as_people_write_and_paste_it() {
        let each_hidden =
            "+12025550142".chars().flat_map(|digit| ['\u{2066}', digit, '\u{2069}', '\u{200b}']).collect::<String>();
        let spaced_wide = "＋　１　２　０　２　５　５　５　０　１　４　２".to_owned();
        for text in [
            "+12025550142",
            "+1 (202) 555-0142",
            "+1.202.555.0142",
            " +1 202 555 0142\n",
            "(+1) 202 555 0142",
            // Apple's contacts, with embedding marks around the whole and no-break hyphens within.
            "\u{202a}+1 (202) 555\u{2011}0142\u{202c}",
            "\u{2068}+1\u{a0}(202)\u{a0}555\u{2011}0142\u{2069}",
            "\u{200e}+1 202 555 0142\u{200f}",
            "\u{feff}+1\u{202f}202\u{2009}555\u{2007}0142",
            "+1\u{200b}202\u{2060}555\u{ad}0142\u{200d}",
            "+1\u{2010}202\u{2012}555\u{2013}0142",
            "+1\u{2014}202\u{2015}555\u{2212}0142",
            "+1\u{30fc}202\u{ff0d}555\u{fe63}0142",
            "+1/202/555/0142",
            "+1 202／555⁄0142",
            "+1·202•555・0142",
            "+1 [202] 555 0142",
            "＋１（２０２）５５５－０１４２",
            "﹢1 ﹙202﹚ 5550142",
            "+١٢٠٢٥٥٥٠١٤٢",
            "\u{200f}+۱ ۲۰۲ ۵۵۵ ۰۱۴۲",
            "+१२०२५५५०१४२",
            "+1２02٥5৫014၂",
            "tel:+12025550142",
            "TEL:+1-202-555-0142",
            "tel: +1 (202) 555-0142",
            "tel://+12025550142",
            "tel:%2B1%20202%20555%E2%80%910142",
            "tel:+12025550142;npdi;rn=+12025550199",
            "tel:+12025550142;phone-context=example.com",
            "tel:202-555-0142;phone-context=+1",
            "tel:5550142;Phone-Context=+1-202",
            "\u{202a}tel:+12025550142\u{202c}",
            &each_hidden,
            &spaced_wide,
        ] {
            assert_eq!(parse(text).as_deref(), Some("+12025550142"), "{text:?}");
        }
    }

    #[test]
    fn a_national_prefix_that_was_left_in_is_taken_out_where_the_plan_has_one() {
        for (text, number) in [
            ("+4407400123456", "+447400123456"),
            ("+44 (0)7400 123456", "+447400123456"),
            ("+44（０）7400 123456", "+447400123456"),
            ("+44 ( 0 ) 7400/123456", "+447400123456"),
            ("tel:07400123456;phone-context=+44", "+447400123456"),
            ("+49 (0)30 / 901820", "+4930901820"),
            // Italy's zero is part of the number, Portugal has none.
            ("+390236618300", "+390236618300"),
            ("+39 (0)2 3661 8300", "+390236618300"),
            ("+351 (0)21 342 2000", "+351213422000"),
            ("+1 (0)202 555 0142", "+12025550142"),
        ] {
            assert_eq!(parse(text).as_deref(), Some(number), "{text}");
        }
    }

    #[test]
    fn what_no_plan_has_is_refused() {
        let long = "+1".repeat(40);
        let texts = [
            "",
            "+",
            "\u{202a}\u{202c}",
            "tel:",
            "12025550142",
            "+1202555014",
            "+120255501422",
            "+999123456789",
            "++12025550142",
            "+1+2025550142",
            "12025550142+",
            // Which country's prefix it is, nobody says.
            "0012025550142",
            "01144 7400 123456",
            "(202) 555-0142",
            "tel:2025550142",
            "tel:2025550142;phone-context=example.com",
            "tel:2025550142;phone-context=+1;ext=5",
            "tel:2025550142;phone-context=1",
            // Somebody else would be reached.
            "+12025550142;ext=5",
            "tel:+12025550142;ext=5",
            "tel:+12025550142;EXT=",
            "tel:+12025550142;isub=1411",
            "tel:+12025550142;postd=pp22",
            "+1 (202) 555‑0142 ext 5",
            "+1 (202) 555-0142 x5",
            "+1 202 555 0142#5",
            "+1 202 555 0142,,5",
            "+1 202 555 014~2",
            "+1 202 555 0142 / +1 202 555 0143",
            "+1-800-FLOWERS",
            // Not digits.
            "+1202555014²",
            "+1202555014②",
            "+1202555014二",
            "+1202555O142",
            "+1202555014\u{301}2",
            "+1202555\u{0}0142",
            "+1202555\u{7f}0142",
            "+1202555\u{fffd}0142",
            "+1 202 555 0142</Number>",
            "+1&#50;025550142",
            "tel:+1202555%000142",
            "tel:+1202555%FF0142",
            "tel:+1202555%25300142",
            "sip:+12025550142@example.com",
            "callto:+12025550142",
            "+12025550142?call",
            "+1{202}5550142",
            "*67+12025550142",
            &long,
        ];
        for text in texts {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_bound_counts_characters_and_not_what_is_not_seen() {
        // Twelve characters of the number, and a separator of three bytes as often as asked for.
        let separated = |times: usize| format!("+1{}2025550142", "\u{2011}".repeat(times));
        assert!(parse(&separated(28)).is_some());
        assert_eq!(parse(&separated(29)), None);
        let hidden = |times: usize| format!("+1{}2025550142", "\u{2060}".repeat(times));
        assert!(parse(&hidden(244)).is_some());
        assert_eq!(parse(&hidden(245)), None);
        assert_eq!(parse(&hidden(1_000_000)), None);
        // What surrounds a number is no part of it.
        assert!(parse(&format!("{}+12025550142\n\n", " ".repeat(100))).is_some());
    }

    #[test]
    fn what_is_taken_is_taken_again_in_its_own_form() {
        for text in ["＋１（２０２）５５５－０１４２", "+44 (0)7400 123456", "tel:+39-02-3661-8300"] {
            let number = parse(text).unwrap();
            assert_eq!(parse(&number), Some(number));
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
