//! How often something may happen: at most so many times within any stretch of so much time, to the millisecond.

use fourwire_wire::units::UnixMillis;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// At most `count` times within `millis`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// How often.
    pub count: usize,
    /// Within how many milliseconds.
    pub millis: u64,
}

/// Something has happened often enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
#[error("too often")]
pub struct TooOften {
    /// In how many seconds it may happen again; at least one.
    pub retry_after: u64,
}

impl TooOften {
    /// Until a moment.
    #[must_use]
    pub fn until(moment: UnixMillis, now: UnixMillis) -> Self {
        Self { retry_after: moment.since(now).div_ceil(1000).max(1) }
    }
}

/// When something happened, as far back as its limits look.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Log(Vec<u64>);

impl Log {
    /// Notes that it happens now, where every limit allows it.
    ///
    /// # Errors
    /// [`TooOften`] where one does not; then nothing is noted.
    pub fn take(&mut self, limits: &[Limit], now: UnixMillis) -> Result<(), TooOften> {
        let furthest = limits.iter().map(|limit| limit.millis).max().unwrap_or(0);
        self.0.retain(|at| now.since(UnixMillis::new(*at)) < furthest);
        let waits = limits.iter().filter_map(|limit| {
            // Of the last `count` times the first must have left the stretch.
            let first = self.0.len().checked_sub(limit.count.max(1))?;
            let free_at = UnixMillis::new(*self.0.get(first)?) + limit.millis;
            (free_at > now).then(|| TooOften::until(free_at, now))
        });
        if let Some(too_often) = waits.max_by_key(|wait| wait.retry_after) {
            return Err(too_often);
        }
        self.0.push(now.get());
        Ok(())
    }

    /// From when on the past allows everything again, if anything has happened.
    #[must_use]
    pub fn rests_at(&self, limits: &[Limit]) -> Option<UnixMillis> {
        let furthest = limits.iter().map(|limit| limit.millis).max()?;
        self.0.last().map(|at| UnixMillis::new(*at) + furthest)
    }

    /// Takes the last time back: it did not happen after all.
    pub fn take_back(&mut self) {
        self.0.pop();
    }
}

/// So much at once, and then no faster than this: for what comes so often that each time cannot be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How much at once, by who has rested.
    pub burst: u64,
    /// How much more with each millisecond.
    pub per_milli: u64,
}

/// How much of a [`Rate`] is used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    used: u64,
    /// When that was.
    at: UnixMillis,
}

impl Bucket {
    /// Uses so much now, where the rate allows it.
    ///
    /// # Errors
    /// [`TooOften`] where it does not; then nothing is used up.
    pub fn take(&mut self, amount: u64, rate: &Rate, now: UnixMillis) -> Result<(), TooOften> {
        // A clock that steps back gives nothing and takes nothing.
        let returned = now.since(self.at).saturating_mul(rate.per_milli);
        (self.used, self.at) = (self.used.saturating_sub(returned), now);
        let used = self.used.saturating_add(amount);
        let missing = used.saturating_sub(rate.burst);
        if missing > 0 {
            return Err(TooOften::until(now + missing.div_ceil(rate.per_milli.max(1)), now));
        }
        self.used = used;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    const LIMITS: [Limit; 2] = [Limit { count: 2, millis: 10_000 }, Limit { count: 3, millis: 60_000 }];

    fn take(log: &mut Log, at: u64) -> Result<(), u64> {
        log.take(&LIMITS, UnixMillis::new(1_000_000 + at)).map_err(|error| error.retry_after)
    }

    #[test]
    fn the_strictest_limit_says_when_to_come_back() {
        let mut log = Log::default();
        assert_eq!(take(&mut log, 0), Ok(()));
        assert_eq!(take(&mut log, 4_000), Ok(()));
        assert_eq!(take(&mut log, 5_500), Err(5));
        assert_eq!(take(&mut log, 9_999), Err(1));
        assert_eq!(take(&mut log, 10_000), Ok(()));
        assert_eq!(take(&mut log, 20_000), Err(40));
        assert_eq!(take(&mut log, 60_000), Ok(()));
    }

    #[test]
    fn no_stretch_of_time_ever_holds_more_than_its_limit() {
        let mut log = Log::default();
        let taken: Vec<u64> = (0..200_000).step_by(700).filter(|at| take(&mut log, *at).is_ok()).collect();
        for start in &taken {
            for limit in LIMITS {
                let within = taken.iter().filter(|at| (*start..start + limit.millis).contains(at)).count();
                assert!(within <= limit.count, "{within} from {start}");
            }
        }
        assert!(taken.len() >= 9, "{taken:?}");
    }

    #[test]
    fn a_bucket_gives_a_burst_and_then_what_drips_in() {
        const RATE: Rate = Rate { burst: 300, per_milli: 1 };
        let mut bucket = Bucket::default();
        for (at, amount, expected) in [
            (0, 100, Ok(())),
            (0, 150, Ok(())),
            (0, 50, Ok(())),
            (0, 1, Err(1)),
            (99, 100, Err(1)),
            (100, 100, Ok(())),
            (100, 5_000, Err(5)),
            (350, 200, Ok(())),
            (350, 51, Err(1)),
            (60_000, 301, Err(1)),
            (60_000, 300, Ok(())),
            // A clock that steps back.
            (10_000, 1, Err(1)),
            (10_001, 1, Ok(())),
            (10_001, 1, Err(1)),
        ] {
            let taken = bucket.take(amount, &RATE, UnixMillis::new(1_000_000 + at));
            assert_eq!(taken.map_err(|error| error.retry_after), expected, "{amount} at {at}");
        }
    }

    #[test]
    fn what_did_not_happen_is_taken_back() {
        let mut log = Log::default();
        take(&mut log, 0).unwrap();
        take(&mut log, 1).unwrap();
        log.take_back();
        assert_eq!(take(&mut log, 2), Ok(()));
    }
}
