//! The log, for the operator: each line is one JSON object with `level`, `event` (a name in snake case) and the event's fields, so that
//! Cloudflare's log search can filter on each
//! (<https://developers.cloudflare.com/workers/observability/logs/workers-logs/>). `LOG_LEVEL` says which lines there are.
//!
//! A field is an id of ours, a number, a name of ours or an error's text that holds nothing of a user: never a phone number, a name, a
//! word that was said, a token or the query of an address. The black-box suite looks for those in every line.

use std::cell::Cell;
use std::time::Duration;

use fourwire_engine::config::LogLevel;
use serde_json::{Map, Value};

thread_local! {
    /// The lowest level that is written. Settings are an isolate's, and so is this.
    static LOWEST: Cell<LogLevel> = const { Cell::new(LogLevel::Info) };
}

/// Writes lines of this level and higher ones from now on.
pub(crate) fn set_lowest(level: LogLevel) {
    LOWEST.set(level);
}

/// Writes a line. Through the macros of this module.
pub(crate) fn write(level: LogLevel, event: &'static str, fields: impl IntoIterator<Item = (&'static str, Value)>) {
    if level < LOWEST.get() {
        return;
    }
    let mut line = Map::new();
    line.insert("level".to_owned(), level.name().into());
    line.insert("event".to_owned(), event.into());
    // A field without a value is none.
    let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
    line.extend(fields.map(|(name, value)| (name.to_owned(), value)));
    let line = Value::Object(line).to_string();
    match level {
        LogLevel::Debug => worker::console_debug!("{line}"),
        LogLevel::Info => worker::console_log!("{line}"),
        LogLevel::Warn => worker::console_warn!("{line}"),
        LogLevel::Error => worker::console_error!("{line}"),
    }
}

/// A time as a field.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A line of a level: the event's name, and its fields as `name = value`.
macro_rules! line {
    ($level:ident, $event:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::log::write(
            fourwire_engine::config::LogLevel::$level,
            $event,
            [$((stringify!($name), serde_json::json!($value))),*],
        )
    };
}

/// Something that happened as it should.
macro_rules! info {
    ($($line:tt)*) => { $crate::log::line!(Info, $($line)*) };
}

/// Something that went wrong elsewhere, or costs nobody anything.
macro_rules! warning {
    ($($line:tt)*) => { $crate::log::line!(Warn, $($line)*) };
}

/// Something that the operator should look at.
macro_rules! error {
    ($($line:tt)*) => { $crate::log::line!(Error, $($line)*) };
}

pub(crate) use {error, info, line, warning};
