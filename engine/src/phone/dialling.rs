//! Whether a user may make a call now: how many at once, how many a day, how many minutes.

use fourwire_wire::conversation::Outcome;
use fourwire_wire::units::UnixMillis;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::ledger::CallRecord;

/// How far back calls and minutes count, in milliseconds: a day.
pub const WINDOW_MILLIS: u64 = 86_400_000;
/// Twilio's own limit for one call, in seconds: four hours.
pub const MAX_CALL_SECONDS: u32 = 14_400;
/// A call that could only last shorter than this, in seconds, is not begun.
const MIN_SECONDS: u32 = 60;

/// What a user may do within a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallLimits {
    /// Calls at the same time.
    pub at_once: usize,
    /// Calls within any 24 hours, whether they were answered or not. One that was refused is none.
    pub a_day: usize,
    /// Seconds of calls within any 24 hours.
    pub seconds_a_day: u32,
    /// Seconds of one call.
    pub longest: u32,
}

impl Default for CallLimits {
    /// A person who calls all day, and not a machine: two calls at once, a hundred a day, ten hours.
    fn default() -> Self {
        Self { at_once: 2, a_day: 100, seconds_a_day: 36_000, longest: MAX_CALL_SECONDS }
    }
}

/// A user has reached a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
#[error("Call limit reached")]
pub struct LimitReached;

impl CallLimits {
    /// How long a call may last, in seconds, given the user's calls of the last day.
    ///
    /// # Errors
    /// [`LimitReached`] where there may be none.
    pub fn grant(&self, recent: &[CallRecord], now: UnixMillis) -> Result<u32, LimitReached> {
        let counts =
            |call: &&CallRecord| now.since(call.requested_at) < WINDOW_MILLIS && call.outcome != Some(Outcome::Refused);
        let counted = || recent.iter().filter(counts);
        let active = counted().filter(|call| call.is_active(now)).count();
        if active >= self.at_once || counted().count() >= self.a_day {
            return Err(LimitReached);
        }
        let used = counted().map(|call| call.seconds(now)).fold(0, u32::saturating_add);
        let granted = self.seconds_a_day.saturating_sub(used).min(self.longest);
        // An operator may want calls shorter than a minute.
        if granted < MIN_SECONDS.min(self.longest) { Err(LimitReached) } else { Ok(granted) }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::phone::number::PhoneNumber;
    use crate::phone::sid::CallSid;

    const NOW: UnixMillis = UnixMillis::new(1_800_000_000_000);

    /// A call of so many seconds that was asked for so many seconds ago; none: it has not ended.
    fn call(ago: u64, seconds: Option<u32>) -> CallRecord {
        CallRecord {
            call_sid: CallSid::parse(format!("CA{ago:032}")).unwrap(),
            leg_sid: None,
            call_id: None,
            callee: PhoneNumber::parse("+12025550142").unwrap(),
            caller_id: PhoneNumber::parse("+12025550100").unwrap(),
            requested_at: NOW - ago * 1000,
            time_limit: 1_800,
            ringing_at: None,
            answered_at: None,
            ended_at: None,
            outcome: seconds.map(|_| Outcome::Completed),
            duration: seconds,
        }
    }

    #[test]
    fn a_user_s_calls_at_once_and_a_day_are_counted() {
        let limits = CallLimits { at_once: 1, a_day: 3, ..CallLimits::default() };
        assert_eq!(limits.grant(&[], NOW), Ok(14_400));
        assert_eq!(limits.grant(&[call(5, None)], NOW), Err(LimitReached));
        let ended = [call(50, Some(9)), call(60, Some(9))];
        assert!(limits.grant(&ended, NOW).is_ok());
        assert_eq!(limits.grant(&[call(50, Some(9)), call(60, Some(9)), call(70, Some(0))], NOW), Err(LimitReached));
        assert!(limits.grant(&[call(50, Some(9)), call(60, Some(9)), call(86_400, Some(9))], NOW).is_ok());
    }

    #[test]
    fn a_call_that_was_refused_is_not_counted() {
        let limits = CallLimits { at_once: 1, a_day: 1, ..CallLimits::default() };
        let mut refused = call(5, None);
        refused.refuse(NOW - 1_000);
        assert!(limits.grant(&[refused], NOW).is_ok());
    }

    #[test]
    fn what_is_left_of_the_day_is_the_call_s_time_limit() {
        let limits = CallLimits { seconds_a_day: 3_600, ..CallLimits::default() };
        assert_eq!(limits.grant(&[call(5_000, Some(3_000))], NOW), Ok(600));
        assert_eq!(limits.grant(&[call(5_000, Some(3_541))], NOW), Err(LimitReached));
        // A call that is going on may take all that it was granted.
        assert_eq!(limits.grant(&[call(5, None)], NOW), Ok(1_800));
    }

    #[test]
    fn a_limit_below_a_minute_is_possible() {
        let limits = CallLimits { longest: 30, ..CallLimits::default() };
        assert_eq!(limits.grant(&[], NOW), Ok(30));
    }
}
