//! How long conversations are kept.

use super::{ConfigError, Settings};

/// Milliseconds of a day.
const DAY_MILLIS: u64 = 24 * 60 * 60 * 1000;
/// Longest time that can be set, in days: a hundred years.
const MAX_DAYS: u64 = 36_500;

/// How long conversations are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    days: u64,
}

impl Retention {
    /// The same in milliseconds.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.days.saturating_mul(DAY_MILLIS)
    }
}

impl<F: Fn(&'static str) -> Option<String>> Settings<F> {
    /// None: for ever.
    pub(super) fn retention(&self) -> Result<Option<Retention>, ConfigError> {
        const NAME: &str = "RETENTION_DAYS";
        match self.number(NAME, 0)? {
            0 => Ok(None),
            days if days <= MAX_DAYS => Ok(Some(Retention { days })),
            _ => Err(ConfigError::Invalid { name: NAME, problem: "is more than a hundred years".to_owned() }),
        }
    }
}
