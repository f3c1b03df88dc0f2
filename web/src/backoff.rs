//! When a lost connection is tried again.

use std::time::Duration;

/// How often it is tried before the recording is given up.
pub const ATTEMPTS: u32 = 5;
/// Before the first attempt; twice as long before each further one: 1, 2, 4, 8, 16 s.
const FIRST: Duration = Duration::from_secs(1);
/// What the wait is stretched or shortened by at most, as a part of it, so that many pages do not come back at once.
const JITTER: f64 = 0.25;

/// Failed attempts in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff(u32);

impl Backoff {
    /// The connection is lost, or could not be made: how long to wait, or none when it was tried often enough.
    /// `chance` is a random number from 0 to 1.
    pub fn next(&mut self, chance: f64) -> Option<Duration> {
        let wait = FIRST.checked_mul(2_u32.checked_pow(self.0)?)?;
        if self.0 == ATTEMPTS {
            return None;
        }
        self.0 += 1;
        Some(wait.mul_f64(1.0 + JITTER * (2.0 * chance.clamp(0.0, 1.0) - 1.0)))
    }

    /// Data flows again: the next loss is a first one.
    pub fn reset(&mut self) {
        self.0 = 0;
    }

    /// Which attempt it is now; 0 while nothing was lost.
    #[must_use]
    pub fn attempt(self) -> u32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn five_attempts_from_one_second_to_sixteen_and_then_none() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = std::iter::from_fn(|| backoff.next(0.5)).map(|wait| wait.as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16]);
        backoff.reset();
        assert_eq!(backoff.next(0.0), Some(Duration::from_millis(750)));
        assert_eq!(backoff.next(1.0), Some(Duration::from_millis(2_500)));
    }
}
