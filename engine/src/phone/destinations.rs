//! Which numbers may be rung at all, for calls and for verification alike: what is not allowed is refused.

use std::collections::BTreeSet;

use thiserror::Error;

use super::number::{self, Kind, PhoneNumber};

/// Where calls may go unless the operator says otherwise: countries in which an ordinary call costs a few cents.
pub const DEFAULT_REGIONS: &str = "AT,AU,BE,CA,CH,DE,DK,ES,FI,FR,GB,IE,IT,NL,NO,NZ,PL,PT,SE,US";

/// A number may not be rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("Calls to this destination are not available")]
pub struct NotAllowed;

/// A list of regions or prefixes cannot be used; the text says which entry and why.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ListError(String);

/// The operator's rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destinations {
    regions: BTreeSet<String>,
    blocked: Vec<String>,
}

impl Destinations {
    /// Takes the regions that may be called, as ISO 3166 letters, and prefixes that may not be all the same, as `+1900`;
    /// both separated by commas. In `+1` the plan tells the country by the area code.
    ///
    /// # Errors
    /// [`ListError`] names the entry that is neither.
    pub fn new(regions: &str, blocked: &str) -> Result<Self, ListError> {
        let entries = |list: &'_ str| -> Vec<String> {
            list.split(',').map(|entry| entry.trim().to_owned()).filter(|entry| !entry.is_empty()).collect()
        };
        let regions = entries(regions);
        let is_region = |entry: &&String| entry.len() == 2 && entry.bytes().all(|byte| byte.is_ascii_uppercase());
        if let Some(bad) = regions.iter().find(|entry| !is_region(entry)) {
            return Err(ListError(format!("has \"{bad}\", which is not a country's two capital letters")));
        }
        let blocked = entries(blocked).into_iter().map(|entry| {
            let bad = || ListError(format!("has \"{entry}\", which is not a + followed by digits"));
            number::prefix(&entry).ok_or_else(bad)
        });
        let blocked = blocked.collect::<Result<_, _>>()?;
        Ok(Self { regions: regions.into_iter().collect(), blocked })
    }

    /// Whether a number may be rung: in an allowed country, at the usual price, behind no blocked prefix.
    ///
    /// # Errors
    /// [`NotAllowed`] where it may not.
    pub fn check(&self, number: &PhoneNumber) -> Result<(), NotAllowed> {
        let plan = number.plan();
        let is_listed = plan.region.is_some_and(|region| self.regions.contains(&region));
        let is_blocked = self.blocked.iter().any(|prefix| number.expose().starts_with(prefix));
        if is_listed && plan.kind == Kind::Ordinary && !is_blocked { Ok(()) } else { Err(NotAllowed) }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn allows(destinations: &Destinations, number: &str) -> bool {
        destinations.check(&PhoneNumber::parse(number).unwrap()).is_ok()
    }

    #[test]
    fn toll_fraud_s_favourites_are_refused_by_default() {
        let destinations = Destinations::new(DEFAULT_REGIONS, "").unwrap();
        for number in ["+12025550142", "+16135550142", "+447400123456", "+4930901820", "+18005550199"] {
            assert!(allows(&destinations, number), "{number}");
        }
        // Jamaica, the Dominican Republic, Grenada, premium in the US and in Britain, Iridium, Inmarsat, Cuba, Somalia.
        let refused = [
            "+18765550142",
            "+18095550142",
            "+14735550142",
            "+19002340142",
            "+449012345678",
            "+881612345678",
            "+870773111632",
            "+5371234567",
            "+252612345678",
        ];
        for number in refused {
            let parsed = PhoneNumber::parse(number);
            assert!(parsed.is_err() || !allows(&destinations, number), "{number}");
        }
    }

    #[test]
    fn a_blocked_area_code_is_refused_inside_an_allowed_country() {
        let destinations = Destinations::new("US", "+1202, +1907").unwrap();
        assert!(!allows(&destinations, "+12025550142"));
        assert!(allows(&destinations, "+12125550142"));
        assert!(!allows(&destinations, "+16135550142"));
        // As it is pasted from a document.
        for pasted in ["+1\u{2011}202", "\u{200e}+1 (202)\u{200e}", "＋１２０２"] {
            assert!(!allows(&Destinations::new("US", pasted).unwrap(), "+12025550142"), "{pasted:?}");
        }
    }

    #[test]
    fn an_empty_list_of_countries_allows_nothing() {
        assert!(!allows(&Destinations::new("", "").unwrap(), "+12025550142"));
    }

    #[test]
    fn an_entry_that_makes_no_sense_is_named() {
        let error = |regions, blocked| Destinations::new(regions, blocked).unwrap_err().to_string();
        assert!(error("US,Canada", "").contains("\"Canada\""));
        assert!(error("US", "1900").contains("\"1900\""));
    }
}
