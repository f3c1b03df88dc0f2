//! Dates, lengths and categories as people write them.

use fourwire_wire::structured::Category;
use fourwire_wire::units::UnixMillis;
use time::OffsetDateTime;

/// A moment: `Tuesday, 24 November 2026, 03:41 UTC`.
#[must_use]
pub fn moment(at: UnixMillis) -> String {
    let nanos = i128::from(at.get()) * 1_000_000;
    let Ok(at) = OffsetDateTime::from_unix_timestamp_nanos(nanos) else { return "at an unknown time".to_owned() };
    let (weekday, day, month, year) = (at.weekday(), at.day(), at.month(), at.year());
    format!("{weekday}, {day} {month} {year}, {:02}:{:02} UTC", at.hour(), at.minute())
}

/// A length of time: `30 s`, `4 min 12 s`, `1 h 2 min`.
#[must_use]
pub fn length(seconds: f64) -> String {
    let seconds = whole(seconds.round());
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// A place in a call, in whole seconds: `0:05`, `12:00`, `1:02:00`.
pub fn clock(seconds: f64) -> String {
    let seconds = whole(seconds);
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, minutes, seconds) => format!("{minutes}:{seconds:02}"),
        (hours, minutes, seconds) => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// A category's name: `Social`, `Real estate`.
#[must_use]
pub fn category(category: Category) -> String {
    if category == Category::Real {
        return "Real estate".to_owned();
    }
    // The variants are named as people name them.
    format!("{category:?}")
}

fn whole(seconds: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    let whole = seconds as u64;
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_people_write_them() {
        assert_eq!(moment(UnixMillis::new(1_795_491_660_000)), "Tuesday, 24 November 2026, 03:41 UTC");
        assert_eq!(moment(UnixMillis::new(u64::MAX)), "at an unknown time");
        let lengths = [0.0, 29.6, 252.0, 600.0, 3_720.0, 14_400.0].map(length);
        assert_eq!(lengths, ["0 s", "30 s", "4 min 12 s", "10 min", "1 h 2 min", "4 h"]);
        assert_eq!([5.0, 720.0, 3_720.0].map(clock), ["0:05", "12:00", "1:02:00"]);
    }

    #[test]
    fn every_category_has_a_name_of_its_own() {
        assert_eq!((category(Category::Social), category(Category::Real)), ("Social".into(), "Real estate".into()));
    }
}
