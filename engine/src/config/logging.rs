//! What the operator reads in the log.

use super::{ConfigError, Settings};

/// How much a line matters. Each level has the lines of those that matter more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// For who looks for a fault of the program.
    Debug,
    /// What happened as it should.
    #[default]
    Info,
    /// What went wrong elsewhere, or costs nobody anything.
    Warn,
    /// What the operator should look at.
    Error,
}

impl LogLevel {
    const ALL: [Self; 4] = [Self::Debug, Self::Info, Self::Warn, Self::Error];

    /// Its name, in the setting and in each line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

impl<F: Fn(&'static str) -> Option<String>> Settings<F> {
    pub(super) fn log_level(&self) -> Result<LogLevel, ConfigError> {
        const NAME: &str = "LOG_LEVEL";
        let Some(text) = self.get(NAME) else { return Ok(LogLevel::default()) };
        let level = LogLevel::ALL.into_iter().find(|level| level.name() == text);
        level.ok_or_else(|| ConfigError::Invalid {
            name: NAME,
            problem: "must be debug, info, warn or error".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::config::Config;

    #[test]
    fn a_level_is_one_of_four_and_info_where_none_is_said() {
        let read =
            |text: Option<&str>| Config::read(|name| text.filter(|_| name == "LOG_LEVEL").map(str::to_owned)).log_level;
        assert_eq!(read(None), Ok(LogLevel::Info));
        for level in LogLevel::ALL {
            assert_eq!(read(Some(level.name())), Ok(level));
        }
        let error = read(Some("loud")).unwrap_err();
        assert_eq!(error.to_string(), "LOG_LEVEL must be debug, info, warn or error");
    }
}
