//! What all users together may use within a day of what the operator pays for. It is not meant to be reached: it bounds what a
//! fault, or somebody with any number of accounts, can cost in a night.

use fourwire_wire::units::UnixMillis;
use serde::{Deserialize, Serialize};

use super::Usage;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counter {
    /// Verification calls.
    Rings,
    /// Calls that were put through, in seconds.
    DialledSeconds,
    /// Audio that speech services were sent, in milliseconds of call.
    SpeechMillis,
}

impl Counter {
    /// Every counter.
    pub const ALL: [Self; 3] = [Self::Rings, Self::DialledSeconds, Self::SpeechMillis];

    /// Its name in the store and in the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rings => "rings",
            Self::DialledSeconds => "dialled_seconds",
            Self::SpeechMillis => "speech_millis",
        }
    }
}

/// The most that may be used within 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ceilings {
    /// Verification calls.
    pub rings: u64,
    /// Minutes of calls that were put through.
    pub dialled_minutes: u64,
    /// Minutes of calls that were transcribed.
    pub speech_minutes: u64,
}

impl Default for Ceilings {
    /// Some hundred people who call all day: about $10 of rings, $150 of calls and $300 of speech at the prices of 2026.
    /// (<https://www.twilio.com/en-us/voice/pricing/us>, <https://deepgram.com/pricing>)
    fn default() -> Self {
        Self { rings: 500, dialled_minutes: 10_000, speech_minutes: 20_000 }
    }
}

impl Ceilings {
    /// A counter's ceiling, in the counter's unit.
    #[must_use]
    pub const fn of(&self, counter: Counter) -> u64 {
        match counter {
            Counter::Rings => self.rings,
            Counter::DialledSeconds => self.dialled_minutes.saturating_mul(60),
            Counter::SpeechMillis => self.speech_minutes.saturating_mul(60_000),
        }
    }
}

/// What the operator is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Four fifths are used.
    Nearing,
    /// Everything is used: what is new is refused.
    Reached,
}

/// What follows from an increase of a counter from one total to another; nothing mostly.
#[must_use]
pub const fn notice(before: u64, after: u64, ceiling: u64) -> Option<Notice> {
    let near = ceiling / 5 * 4;
    if before < ceiling && after >= ceiling {
        Some(Notice::Reached)
    } else if before < near && after >= near {
        Some(Notice::Nearing)
    } else {
        None
    }
}

/// The first hour, counted from 1970, of which the counters still count; older ones may go.
#[must_use]
pub const fn first_hour(now: UnixMillis) -> u64 {
    Usage::first_hour(now)
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn the_operator_is_told_once_when_it_gets_close_and_once_when_it_is_over() {
        for (before, after, expected) in [
            (0, 79, None),
            (79, 80, Some(Notice::Nearing)),
            (80, 99, None),
            (99, 100, Some(Notice::Reached)),
            (0, 1_000, Some(Notice::Reached)),
            (100, 101, None),
        ] {
            assert_eq!(notice(before, after, 100), expected, "{before} to {after}");
        }
        assert_eq!(notice(0, 0, 0), None, "nothing is allowed, and nothing is used");
    }

    #[test]
    fn each_counter_has_its_ceiling_in_its_own_unit() {
        let ceilings = Ceilings { rings: 1, dialled_minutes: 2, speech_minutes: 3 };
        assert_eq!(Counter::ALL.map(|counter| ceilings.of(counter)), [1, 120, 180_000]);
    }
}
