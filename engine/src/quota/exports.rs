//! How many parts of an export a user may have: each one opens as much of the archive as a request may.

use fourwire_wire::units::UnixMillis;

use crate::limit::{Limit, Log, TooOften};

/// How many within an hour, unless the operator says otherwise: 40 hours of audio, since a part opens some 40 minutes at least.
pub const DEFAULT_AN_HOUR: usize = 60;
/// Milliseconds of an hour.
const HOUR_MILLIS: u64 = 3_600_000;

/// Notes that a user wants a part now.
///
/// # Errors
/// [`TooOften`] where the user has had so many parts within an hour; then nothing is noted.
pub fn take_part(taken: &mut Log, an_hour: usize, now: UnixMillis) -> Result<(), TooOften> {
    taken.take(&[Limit { count: an_hour, millis: HOUR_MILLIS }], now)
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn a_user_has_so_many_parts_within_an_hour() {
        const BEGIN: UnixMillis = UnixMillis::new(1_800_000_000_000);
        let mut taken = Log::default();
        for (at, expected) in [
            (0, Ok(())),
            (600_000, Ok(())),
            (600_000, Err(3_000)),
            (3_599_999, Err(1)),
            (3_600_000, Ok(())),
            (3_600_000, Err(600)),
        ] {
            let answer = take_part(&mut taken, 2, BEGIN + at).map_err(|error| error.retry_after);
            assert_eq!(answer, expected, "at {at}");
        }
    }
}
