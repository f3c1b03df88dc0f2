//! Moments as models write them: RFC 3339 with or without an offset, to the second or the minute, or seconds since 1970.

use fourwire_wire::units::UnixMillis;
use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::zones::UserClock;

/// Numbers below are seconds since 1970, which reach it in the year 5138; others are milliseconds.
const FIRST_MILLIS: u64 = 100_000_000_000;

/// Reads a moment; a time without an offset is one on the user's clock. `None` for what is none, and for a day alone.
pub(super) fn read(value: &Value, clock: &UserClock<'_>) -> Option<UnixMillis> {
    match value {
        Value::Number(number) => number.as_u64().map(since_1970),
        Value::String(text) => of_text(text.trim(), clock).or_else(|| text.trim().parse().ok().map(since_1970)),
        _ => None,
    }
}

fn since_1970(count: u64) -> UnixMillis {
    UnixMillis::new(if count < FIRST_MILLIS { count.saturating_mul(1_000) } else { count })
}

fn of_text(text: &str, clock: &UserClock<'_>) -> Option<UnixMillis> {
    // "…-04:00[America/New_York]", RFC 9557: the offset says it already.
    let text = text.split('[').next().unwrap_or_default();
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let end = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (time, offset) = rest.split_at_checked(end)?;
    let time = time.trim();
    let seconds = if time.len() == "15:00".len() { ":00" } else { "" };
    if offset.is_empty() {
        let shown = OffsetDateTime::parse(&format!("{date}T{time}{seconds}Z"), &Rfc3339).ok()?;
        return clock.moment(PrimitiveDateTime::new(shown.date(), shown.time()));
    }
    let offset = match offset.split_at_checked(3) {
        Some((hours, "")) => format!("{hours}:00"),
        Some((hours, minutes)) if minutes.len() == 2 => format!("{hours}:{minutes}"),
        _ => offset.to_owned(),
    };
    UnixMillis::from_rfc3339(&format!("{date}T{time}{seconds}{offset}"))
}
