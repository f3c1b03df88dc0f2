//! A user's listen sessions: how many calls at once, and how many minutes of audio within a day.
//!
//! A slot belongs to a call and not to a socket, so a client that connects again takes no second one. The call tells each minute
//! that it goes on and how much audio it has; one that is not heard of for three minutes has lost its slot, so a call whose object
//! died takes none for ever.

use fourwire_wire::event::close;
use fourwire_wire::ids::CallId;
use fourwire_wire::units::{Samples, UnixMillis};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Usage;

/// How often a call that goes on tells of it, in milliseconds.
pub const REPORT_EVERY_MILLIS: u64 = 60_000;
/// How long a slot is held without news of its call, in milliseconds: three reports.
const LEASE_MILLIS: u64 = 3 * REPORT_EVERY_MILLIS;

/// How much a user may have recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// Calls at the same time.
    pub at_once: usize,
    /// Minutes of audio within 24 hours, all calls together.
    pub minutes_a_day: u64,
}

impl Default for SessionLimits {
    /// A person who is on the phone all day, on more than one device: four calls at once, ten hours.
    fn default() -> Self {
        Self { at_once: 4, minutes_a_day: 600 }
    }
}

/// Why a call is not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
pub enum SessionError {
    /// As many calls are recorded as may be at once.
    #[error("{}", close::TOO_MANY_SESSIONS)]
    TooMany,
    /// As many minutes were recorded as may be within a day.
    #[error("{}", close::DAY_USED_UP)]
    DayUsedUp,
}

/// A stretch of a call's audio, counted on its longer side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// What was told of before.
    pub from: Samples,
    /// What there is now.
    pub to: Samples,
}

/// What a report leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// How many milliseconds of audio are new.
    pub millis: u64,
    /// Whether the user has any left.
    pub may_go_on: bool,
}

/// A user's sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sessions {
    open: Vec<Slot>,
    /// In milliseconds of audio.
    used: Usage,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Slot {
    call: CallId,
    /// When the call was last heard of.
    seen_at: UnixMillis,
    /// Up to where its audio is counted.
    counted: Samples,
}

impl Sessions {
    /// A call begins, or is taken up again.
    ///
    /// # Errors
    /// [`SessionError`] where the user may have no further one now.
    pub fn open(&mut self, call: &CallId, limits: &SessionLimits, now: UnixMillis) -> Result<(), SessionError> {
        self.forget_lost(now);
        if self.has_used_up(limits, now) {
            return Err(SessionError::DayUsedUp);
        }
        if !self.open.iter().any(|slot| slot.call == *call) && self.open.len() >= limits.at_once {
            return Err(SessionError::TooMany);
        }
        self.hold(call, Samples::ZERO, now);
        Ok(())
    }

    /// A call that goes on tells of its audio. A report that comes twice counts once.
    pub fn report(&mut self, call: &CallId, audio: Stretch, limits: &SessionLimits, now: UnixMillis) -> Counted {
        self.forget_lost(now);
        // One that lost its slot, since its reports did not get through, is there all the same.
        let before = self.hold(call, audio.to, now);
        let millis = audio.to.saturating_sub(audio.from.max(before)).millis();
        self.used.add(millis, now);
        Counted { millis, may_go_on: !self.has_used_up(limits, now) }
    }

    /// A call is over: its slot is free.
    pub fn close(&mut self, call: &CallId, audio: Stretch, limits: &SessionLimits, now: UnixMillis) -> Counted {
        let counted = self.report(call, audio, limits, now);
        self.open.retain(|slot| slot.call != *call);
        counted
    }

    /// The calls that have a slot, or had one when they were last heard of.
    pub fn calls(&self) -> impl Iterator<Item = &CallId> {
        self.open.iter().map(|slot| &slot.call)
    }

    /// Sees to it that a call has a slot; how much of its audio was counted before, and is from now on.
    fn hold(&mut self, call: &CallId, counted: Samples, now: UnixMillis) -> Samples {
        if let Some(slot) = self.open.iter_mut().find(|slot| slot.call == *call) {
            slot.seen_at = now;
            let before = slot.counted;
            slot.counted = before.max(counted);
            before
        } else {
            self.open.push(Slot { call: call.clone(), seen_at: now, counted });
            Samples::ZERO
        }
    }

    fn forget_lost(&mut self, now: UnixMillis) {
        self.open.retain(|slot| now.since(slot.seen_at) < LEASE_MILLIS);
    }

    fn has_used_up(&self, limits: &SessionLimits, now: UnixMillis) -> bool {
        self.used.total(now) >= limits.minutes_a_day.saturating_mul(60_000)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    const BEGIN: UnixMillis = UnixMillis::new(1_800_000_000_000);
    const LIMITS: SessionLimits = SessionLimits { at_once: 2, minutes_a_day: 10 };
    const MINUTE: u64 = 60_000;

    fn call(name: u32) -> CallId {
        CallId::parse(format!("call-{name}")).unwrap()
    }

    fn minutes(from: u64, to: u64) -> Stretch {
        Stretch { from: Samples::from_millis(from * MINUTE), to: Samples::from_millis(to * MINUTE) }
    }

    #[test]
    fn a_user_has_so_many_calls_at_once_and_a_reconnect_is_none_more() {
        let mut sessions = Sessions::default();
        for (name, expected) in [
            (1, Ok(())),
            (2, Ok(())),
            (3, Err(SessionError::TooMany)),
            (1, Ok(())),
            (2, Ok(())),
            (2, Ok(())),
            (4, Err(SessionError::TooMany)),
        ] {
            assert_eq!(sessions.open(&call(name), &LIMITS, BEGIN), expected, "{name}");
        }
        sessions.close(&call(1), minutes(0, 0), &LIMITS, BEGIN);
        assert_eq!(sessions.open(&call(3), &LIMITS, BEGIN), Ok(()));
    }

    #[test]
    fn a_slot_outlives_lost_reports_and_not_its_call() {
        let mut sessions = Sessions::default();
        sessions.open(&call(1), &LIMITS, BEGIN).unwrap();
        sessions.open(&call(2), &LIMITS, BEGIN).unwrap();
        sessions.report(&call(1), minutes(0, 2), &LIMITS, BEGIN + 2 * MINUTE);
        assert_eq!(sessions.open(&call(3), &LIMITS, BEGIN + 3 * MINUTE - 1), Err(SessionError::TooMany));
        // The second was never heard of again.
        assert_eq!(sessions.open(&call(3), &LIMITS, BEGIN + 3 * MINUTE), Ok(()));
    }

    #[test]
    fn each_minute_counts_once_whatever_is_told_twice_or_not_at_all() {
        let mut sessions = Sessions::default();
        sessions.open(&call(1), &LIMITS, BEGIN).unwrap();
        for (from, to, new) in [(0, 1, 1), (0, 1, 0), (0, 2, 1), (1, 4, 2), (4, 4, 0), (2, 3, 0)] {
            let counted = sessions.report(&call(1), minutes(from, to), &LIMITS, BEGIN);
            assert_eq!(counted, Counted { millis: new * MINUTE, may_go_on: true }, "{from} to {to}");
        }
        // After a break of days the call is taken up again: what was told of then is not counted now.
        let later = BEGIN + 100 * 60 * MINUTE;
        sessions.open(&call(1), &LIMITS, later).unwrap();
        assert_eq!(sessions.report(&call(1), minutes(4, 5), &LIMITS, later).millis, MINUTE);
    }

    #[test]
    fn when_the_day_is_used_up_no_call_begins_and_none_goes_on() {
        let mut sessions = Sessions::default();
        sessions.open(&call(1), &LIMITS, BEGIN).unwrap();
        assert!(sessions.report(&call(1), minutes(0, 9), &LIMITS, BEGIN).may_go_on);
        assert!(!sessions.close(&call(1), minutes(9, 10), &LIMITS, BEGIN).may_go_on);
        for name in [1, 2] {
            assert_eq!(sessions.open(&call(name), &LIMITS, BEGIN), Err(SessionError::DayUsedUp));
        }
        assert_eq!(sessions.open(&call(2), &LIMITS, BEGIN + 24 * 60 * MINUTE), Ok(()));
    }
}
