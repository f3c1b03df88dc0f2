//! How much was used within the last day, by the hour: exact enough for a limit, and never more than some dozens of numbers.

use fourwire_wire::units::UnixMillis;
use serde::{Deserialize, Serialize};

/// Milliseconds of an hour.
const HOUR_MILLIS: u64 = 3_600_000;
/// How many hours count, the one that runs among them.
const HOURS: u64 = 24;

/// What was used in each of the last hours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Usage(Vec<(u64, u64)>);

impl Usage {
    /// Which hour a moment is in, counted from 1970.
    #[must_use]
    pub const fn hour(now: UnixMillis) -> u64 {
        now.get() / HOUR_MILLIS
    }

    /// The first hour that still counts.
    #[must_use]
    pub const fn first_hour(now: UnixMillis) -> u64 {
        Self::hour(now).saturating_sub(HOURS - 1)
    }

    /// So much was used now.
    pub fn add(&mut self, amount: u64, now: UnixMillis) {
        self.0.retain(|(hour, _)| *hour >= Self::first_hour(now));
        if amount == 0 {
            return;
        }
        match self.0.iter_mut().find(|(hour, _)| *hour == Self::hour(now)) {
            Some((_, used)) => *used = used.saturating_add(amount),
            None => self.0.push((Self::hour(now), amount)),
        }
    }

    /// How much that is within the last day.
    #[must_use]
    pub fn total(&self, now: UnixMillis) -> u64 {
        let recent = self.0.iter().filter(|(hour, _)| *hour >= Self::first_hour(now));
        recent.map(|(_, used)| *used).fold(0, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn what_was_used_counts_for_a_day_and_takes_little_room() {
        let at = |hours: u64| UnixMillis::new(1_800_000_000_000 / HOUR_MILLIS * HOUR_MILLIS + hours * HOUR_MILLIS);
        let mut usage = Usage::default();
        for hour in 0..100 {
            usage.add(10, at(hour));
            usage.add(5, at(hour));
            assert_eq!(usage.total(at(hour)), 15 * (hour + 1).min(24));
        }
        assert_eq!(usage.0.len(), 24);
        assert_eq!(usage.total(at(99 + 23)), 15);
        assert_eq!(usage.total(at(99 + 24)), 0);
    }
}
