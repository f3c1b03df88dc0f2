//! How much audio a call's client may send: a microphone cannot be faster than time, and only what it held back comes at once.

use fourwire_wire::frame::{Channel, PerChannel};
use fourwire_wire::units::UnixMillis;

use crate::limit::{Bucket, Rate};

/// So much of each side may come at once, in milliseconds: what a client keeps while it has no connection (90 s), and some that
/// came meanwhile.
const HEAD_START_MILLIS: u64 = 100_000;
/// How much faster than time it may come in the long run, so that who is late can catch up.
const TIMES: u64 = 2;
/// In microseconds of audio.
const AUDIO: Rate = Rate { burst: HEAD_START_MILLIS * 1000, per_milli: TIMES * 1000 };
/// What a frame counts at least, in microseconds: a message costs us something, however short its audio is.
const MIN_FRAME_MICROS: u64 = 500;

/// What of it is used.
#[derive(Debug, Default)]
pub(super) struct Budget(PerChannel<Bucket>);

impl Budget {
    /// Takes a frame of so many microseconds; false where too much has come.
    pub(super) fn take(&mut self, channel: Channel, micros: u64, now: UnixMillis) -> bool {
        self.0.get_mut(channel).take(micros.max(MIN_FRAME_MICROS), &AUDIO, now).is_ok()
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn audio_comes_as_fast_as_a_client_can_have_it_and_no_faster() {
        /// Of frames: how many, how long each is and how long the time between two, in microseconds.
        type Stretches = &'static [(u64, u64, u64)];
        // What comes, and whether all of it is taken.
        let rows: [(&str, Stretches, bool); 9] = [
            ("an hour live", &[(360_000, 10_000, 10_000)], true),
            ("90 s kept, then live", &[(9_000, 10_000, 0), (60_000, 10_000, 10_000)], true),
            (
                "90 s kept, a minute live, and again",
                &[(9_000, 10_000, 0), (6_000, 10_000, 10_000), (9_000, 10_000, 0)],
                false,
            ),
            (
                "90 s kept, two minutes live, and again",
                &[(9_000, 10_000, 0), (12_000, 10_000, 10_000), (9_000, 10_000, 0)],
                true,
            ),
            ("twice as fast as time for an hour", &[(720_000, 10_000, 5_000)], true),
            ("three times as fast for two minutes", &[(36_000, 10_000, 3_333)], false),
            ("101 s at once", &[(101, 1_000_000, 0)], false),
            ("a sample a frame, as fast as it is spoken", &[(160_000, 62, 62)], true),
            ("a sample a frame, a million at once", &[(1_000_000, 62, 0)], false),
        ];
        for (name, stretches, expected) in rows {
            for channel in Channel::BOTH {
                let (mut budget, mut at) = (Budget::default(), 0);
                let mut is_taken = true;
                for &(frames, micros, between) in stretches {
                    for _ in 0..frames {
                        at += between;
                        let now = UnixMillis::new(1_000 + at / 1_000);
                        is_taken &= budget.take(channel, micros, now);
                        is_taken &= budget.take(channel.other(), 1, now) || !expected;
                    }
                }
                assert_eq!(is_taken, expected, "{name}");
            }
        }
    }
}
