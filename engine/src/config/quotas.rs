//! How much a user, and the whole deployment, may use.

use super::{ConfigError, Settings};
use crate::phone::account;
use crate::quota::deployment::Ceilings;
use crate::quota::sessions::SessionLimits;
use crate::quota::{exports, reprocessing};

/// After how many minutes a conversation in which nothing was said is deleted, unless the operator says otherwise: a day.
const DEFAULT_DISCARDED_MINUTES: u64 = 24 * 60;
/// Longest time that can be set, in minutes: a hundred years.
const MAX_MINUTES: u64 = 52_596_000;

/// How much may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// How much a user may have recorded.
    pub sessions: SessionLimits,
    /// How often a user may have numbers rung for verification, within 24 hours.
    pub verifications_a_day: usize,
    /// How often a user may have conversations summed up anew, within an hour.
    pub reprocess_an_hour: usize,
    /// How many parts of an export a user may have, within an hour.
    pub exports_an_hour: usize,
    /// How long a conversation is kept in which nothing was said, in milliseconds; none: as long as others.
    pub discarded_millis: Option<u64>,
    /// What all users together may use within a day.
    pub ceilings: Ceilings,
}

impl<F: Fn(&'static str) -> Option<String>> Settings<F> {
    pub(super) fn quotas(&self) -> Result<Quotas, ConfigError> {
        const DISCARDED: &str = "DISCARDED_MINUTES";
        let (sessions, ceilings) = (SessionLimits::default(), Ceilings::default());
        let discarded_millis = match self.number(DISCARDED, DEFAULT_DISCARDED_MINUTES)? {
            0 => None,
            minutes if minutes <= MAX_MINUTES => Some(minutes.saturating_mul(60_000)),
            _ => {
                let problem = "is more than a hundred years".to_owned();
                return Err(ConfigError::Invalid { name: DISCARDED, problem });
            }
        };
        Ok(Quotas {
            sessions: SessionLimits {
                at_once: self.number("SESSIONS_AT_ONCE", sessions.at_once)?,
                minutes_a_day: self.number("SESSION_MINUTES_A_DAY", sessions.minutes_a_day)?,
            },
            verifications_a_day: self.number("VERIFICATIONS_A_DAY", account::DEFAULT_VERIFICATIONS_A_DAY)?,
            reprocess_an_hour: self.number("REPROCESS_AN_HOUR", reprocessing::DEFAULT_AN_HOUR)?,
            exports_an_hour: self.number("EXPORTS_AN_HOUR", exports::DEFAULT_AN_HOUR)?,
            discarded_millis,
            ceilings: Ceilings {
                rings: self.number("TOTAL_RINGS_A_DAY", ceilings.rings)?,
                dialled_minutes: self.number("TOTAL_CALL_MINUTES_A_DAY", ceilings.dialled_minutes)?,
                speech_minutes: self.number("TOTAL_SPEECH_MINUTES_A_DAY", ceilings.speech_minutes)?,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::config::Config;

    fn read(settings: &[(&'static str, &str)]) -> Result<Quotas, ConfigError> {
        let find = |name| settings.iter().find(|(known, _)| *known == name);
        Config::read(|name| find(name).map(|(_, value)| (*value).to_owned())).quotas
    }

    #[test]
    fn every_limit_has_a_default_and_can_be_set() {
        let default = read(&[]).unwrap();
        assert_eq!((default.sessions, default.ceilings), (SessionLimits::default(), Ceilings::default()));
        assert_eq!((default.verifications_a_day, default.reprocess_an_hour, default.exports_an_hour), (10, 10, 60));
        assert_eq!(default.discarded_millis, Some(86_400_000));
        let set = read(&[
            ("SESSIONS_AT_ONCE", "1"),
            ("SESSION_MINUTES_A_DAY", "2"),
            ("VERIFICATIONS_A_DAY", "7"),
            ("REPROCESS_AN_HOUR", "3"),
            ("EXPORTS_AN_HOUR", "8"),
            ("DISCARDED_MINUTES", "0"),
            ("TOTAL_RINGS_A_DAY", "4"),
            ("TOTAL_CALL_MINUTES_A_DAY", "5"),
            ("TOTAL_SPEECH_MINUTES_A_DAY", "6"),
        ]);
        let sessions = SessionLimits { at_once: 1, minutes_a_day: 2 };
        let ceilings = Ceilings { rings: 4, dialled_minutes: 5, speech_minutes: 6 };
        assert_eq!(
            set,
            Ok(Quotas {
                sessions,
                verifications_a_day: 7,
                reprocess_an_hour: 3,
                exports_an_hour: 8,
                discarded_millis: None,
                ceilings
            })
        );
    }

    #[test]
    fn what_is_no_limit_is_named() {
        for (name, value) in
            [("SESSIONS_AT_ONCE", "-1"), ("TOTAL_RINGS_A_DAY", "many"), ("DISCARDED_MINUTES", "52596001")]
        {
            assert!(read(&[(name, value)]).unwrap_err().to_string().starts_with(name), "{name}");
        }
    }
}
