//! How long conversations are kept, and how they are given out.

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

/// Requests to the archive and to objects that one request for an export makes, where nothing else is set. The platform lets a
/// request make 10,000 (50 on its free plan: <https://developers.cloudflare.com/workers/platform/limits/#subrequests>); a
/// thousand opens about 83 minutes of audio, some seconds of work.
const DEFAULT_EXPORT_REQUESTS: usize = 1_000;
/// Fewest requests that give out something of every conversation: its entry, its names, its document, and a chunk of audio.
const MIN_EXPORT_REQUESTS: usize = 10;
/// Most that can be set: what the platform allows, with room for what comes before.
const MAX_EXPORT_REQUESTS: usize = 9_000;

/// How much one request for an export does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportLimits {
    /// Most requests to the archive and to objects.
    pub requests: usize,
}

impl<F: Fn(&'static str) -> Option<String>> Settings<F> {
    pub(super) fn export(&self) -> Result<ExportLimits, ConfigError> {
        const NAME: &str = "EXPORT_REQUESTS";
        let requests = self.number(NAME, DEFAULT_EXPORT_REQUESTS)?;
        if !(MIN_EXPORT_REQUESTS..=MAX_EXPORT_REQUESTS).contains(&requests) {
            return Err(ConfigError::Invalid { name: NAME, problem: "must be from 10 to 9000".to_owned() });
        }
        Ok(ExportLimits { requests })
    }

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
