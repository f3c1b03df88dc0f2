//! The calls of a user, from what Twilio tells of them. Its reports come late, twice and in any order.

use fourwire_wire::conversation::{Direction, Outcome, PhoneCall};
use fourwire_wire::ids::CallId;
use fourwire_wire::pii::Pii;
use fourwire_wire::units::UnixMillis;
use serde::{Deserialize, Serialize};

use super::number::PhoneNumber;
use super::sid::CallSid;

/// How long a call may ring before it is answered, in milliseconds, with room for a report that is late: Twilio rings for
/// 30 s, plus about 5 s, and the callee hears the notice before the call counts as answered.
const RINGING_MILLIS: u64 = 120_000;
/// How long after a call's end its conversation may still be begun, in milliseconds: a client whose network was down for the
/// whole of a short call tries for about a minute.
const LATE_LISTENER_MILLIS: u64 = 120_000;

/// One call, with what is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    /// Twilio's name for the caller's leg.
    pub call_sid: CallSid,
    /// Twilio's name for the callee's leg, once there is one.
    pub leg_sid: Option<CallSid>,
    /// The client's name for the call.
    pub call_id: Option<CallId>,
    /// Who is called.
    pub callee: PhoneNumber,
    /// The number that the callee sees.
    pub caller_id: PhoneNumber,
    /// When the call was asked for and granted.
    pub requested_at: UnixMillis,
    /// How long it may last, in seconds.
    pub time_limit: u32,
    /// When the callee's phone began to ring.
    pub ringing_at: Option<UnixMillis>,
    /// When the callee answered.
    pub answered_at: Option<UnixMillis>,
    /// When it ended.
    pub ended_at: Option<UnixMillis>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// How long both could talk, in whole seconds as Twilio counts them.
    pub duration: Option<u32>,
}

/// What Twilio says that has become of the callee's leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LegStatus {
    /// It was begun.
    Initiated,
    /// The callee's phone rings.
    Ringing,
    /// The callee has answered.
    Answered,
    /// It is over.
    Ended(Outcome),
}

/// One report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The callee's leg.
    pub leg_sid: CallSid,
    /// What has become of it.
    pub status: LegStatus,
    /// When, by Twilio's clock; by ours where Twilio does not say.
    pub at: UnixMillis,
    /// For how long they talked, in seconds, where it is over.
    pub duration: Option<u32>,
}

impl CallRecord {
    /// Takes note of a report; whether it said anything new. Each report brings its own time, so their order does not
    /// matter, and the first word about how a call ended stands.
    pub fn apply(&mut self, progress: &Progress) -> bool {
        if self.leg_sid.as_ref().is_some_and(|known| *known != progress.leg_sid) {
            return false;
        }
        let before = self.clone();
        self.leg_sid.get_or_insert_with(|| progress.leg_sid.clone());
        // Twilio's times are whole seconds by its own clock, ours are not: nothing happened before it was asked for.
        let requested_at = self.requested_at;
        let after_request = |at: UnixMillis| at.max(requested_at);
        let at = after_request(progress.at);
        match progress.status {
            LegStatus::Ringing => {
                self.ringing_at.get_or_insert(at);
            }
            LegStatus::Answered => {
                self.answered_at.get_or_insert(at);
            }
            LegStatus::Ended(outcome) if self.outcome.is_none() => {
                self.end(outcome, at);
                self.duration = progress.duration;
                if let (Outcome::Completed, Some(seconds)) = (outcome, progress.duration) {
                    // The report of the answer may be lost.
                    self.answered_at.get_or_insert(after_request(progress.at - u64::from(seconds) * 1000));
                }
            }
            LegStatus::Initiated | LegStatus::Ended(_) => {}
        }
        *self != before
    }

    /// The call was refused after it had been entered.
    pub fn refuse(&mut self, now: UnixMillis) {
        if self.outcome.is_none() {
            self.end(Outcome::Refused, now);
        }
    }

    fn end(&mut self, outcome: Outcome, at: UnixMillis) {
        self.outcome = Some(outcome);
        self.ended_at = Some(at);
    }

    /// The call as clients see it.
    #[must_use]
    pub fn phone_call(&self) -> PhoneCall {
        PhoneCall {
            direction: Direction::Outbound,
            call_id: self.call_id.clone(),
            call_sid: self.call_sid.to_string(),
            leg_sid: self.leg_sid.as_ref().map(ToString::to_string),
            callee: Pii::new(self.callee.expose().to_owned()),
            caller_id: Pii::new(self.caller_id.expose().to_owned()),
            requested_at: self.requested_at,
            ringing_at: self.ringing_at,
            answered_at: self.answered_at,
            ended_at: self.ended_at,
            outcome: self.outcome,
            duration: self.duration,
        }
    }

    /// Whether it may be going on now. A call of whose end nothing was heard is over when it must be.
    ///
    /// Where the caller hangs up before Twilio has dialled, or Twilio does not dial after all, there is no leg, and nothing
    /// is ever reported. Such a call must not stand in the way of others for as long as it might have lasted.
    #[must_use]
    pub fn is_active(&self, now: UnixMillis) -> bool {
        let talk = self.leg_sid.as_ref().map_or(0, |_| u64::from(self.time_limit) * 1000);
        self.outcome.is_none() && now.since(self.answered_at.unwrap_or(self.requested_at)) < talk + RINGING_MILLIS
    }

    /// Whether a client that names the call may begin to have it recorded and transcribed. A call that was asked for and never
    /// dialled, and one that is long over, entitle nobody to that.
    #[must_use]
    pub fn admits_listener(&self, now: UnixMillis) -> bool {
        match (self.outcome, self.ended_at) {
            (Some(Outcome::Refused), _) => false,
            (Some(_), ended_at) => now.since(ended_at.unwrap_or(self.requested_at)) < LATE_LISTENER_MILLIS,
            (None, _) => self.is_active(now),
        }
    }

    /// How many seconds it counts: those that were talked, or all that it may still last.
    #[must_use]
    pub fn seconds(&self, now: UnixMillis) -> u32 {
        match self.duration {
            Some(seconds) => seconds,
            None if self.is_active(now) || (self.answered_at.is_some() && self.outcome.is_none()) => self.time_limit,
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    const BEGIN: UnixMillis = UnixMillis::new(1_800_000_000_000);

    fn record() -> CallRecord {
        CallRecord {
            call_sid: sid(1),
            leg_sid: None,
            call_id: None,
            callee: PhoneNumber::parse("+12025550142").unwrap(),
            caller_id: PhoneNumber::parse("+12025550100").unwrap(),
            requested_at: BEGIN,
            time_limit: 3_600,
            ringing_at: None,
            answered_at: None,
            ended_at: None,
            outcome: None,
            duration: None,
        }
    }

    fn sid(number: u32) -> CallSid {
        CallSid::parse(format!("CA{number:032}")).unwrap()
    }

    fn story() -> Vec<Progress> {
        let report = |status, at, duration| Progress { leg_sid: sid(2), status, at: BEGIN + at, duration };
        vec![
            report(LegStatus::Initiated, 500, None),
            report(LegStatus::Ringing, 1_000, None),
            report(LegStatus::Answered, 9_000, None),
            report(LegStatus::Ended(Outcome::Completed), 70_000, Some(61)),
        ]
    }

    #[test]
    fn reports_in_any_order_and_any_number_tell_the_same_story() {
        let mut expected = record();
        for progress in story() {
            assert!(expected.apply(&progress));
        }
        assert_eq!(expected.duration, Some(61));
        let orders = [[3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1], [0, 3, 2, 1]];
        for order in orders {
            let mut record = record();
            for index in order.into_iter().chain(order) {
                record.apply(&story()[index]);
            }
            assert_eq!(record, expected, "{order:?}");
        }
    }

    #[test]
    fn the_first_word_about_an_end_stands() {
        let mut record = record();
        let mut report = story().remove(3);
        report.status = LegStatus::Ended(Outcome::Busy);
        report.duration = Some(0);
        assert!(record.apply(&report));
        assert!(!record.apply(&story()[3]));
        assert_eq!((record.outcome, record.answered_at), (Some(Outcome::Busy), None));
    }

    #[test]
    fn a_call_of_which_nothing_is_reported_was_never_dialled() {
        let record = record();
        assert!(record.is_active(BEGIN + RINGING_MILLIS - 1));
        assert_eq!(record.seconds(BEGIN), 3_600);
        assert!(!record.is_active(BEGIN + RINGING_MILLIS));
        assert_eq!(record.seconds(BEGIN + RINGING_MILLIS), 0);
    }

    #[test]
    fn a_call_may_be_listened_to_while_it_may_go_on_and_for_a_while_after() {
        let reported = |reports: &[Progress]| {
            let mut record = record();
            for report in reports {
                record.apply(report);
            }
            record
        };
        let mut refused = record();
        refused.refuse(BEGIN);
        let story = story();
        for (what, record, admitted_until) in [
            ("asked for and never dialled", record(), 120_000),
            ("dialled, and never heard of again", reported(&story[..1]), 3_600_000 + 120_000),
            ("answered, and its end was not reported", reported(&story[..3]), 9_000 + 3_600_000 + 120_000),
            ("ended", reported(&story), 70_000 + 120_000),
        ] {
            for (at, expected) in [(0, true), (admitted_until - 1, true), (admitted_until, false), (1 << 50, false)] {
                assert_eq!(record.admits_listener(BEGIN + at), expected, "{what}, after {at} ms");
            }
        }
        assert!(!refused.admits_listener(BEGIN));
    }

    #[test]
    fn nothing_happened_before_it_was_asked_for() {
        let mut record = record();
        for mut progress in story() {
            // Twilio's clock is a minute behind.
            progress.at = progress.at - 60_000;
            record.apply(&progress);
        }
        assert_eq!((record.ringing_at, record.answered_at), (Some(BEGIN), Some(BEGIN)));
        assert_eq!(record.ended_at, Some(BEGIN + 10_000));
    }

    #[test]
    fn another_leg_s_reports_are_not_this_call_s() {
        let mut record = record();
        record.apply(&story()[0]);
        let other = Progress { leg_sid: sid(3), ..story().remove(3) };
        assert!(!record.apply(&other));
        assert_eq!(record.outcome, None);
    }

    #[test]
    fn an_answer_whose_report_was_lost_is_told_by_the_duration() {
        let mut record = record();
        record.apply(&story()[3]);
        assert_eq!(record.answered_at, Some(BEGIN + 9_000));
    }

    #[test]
    fn a_call_whose_end_is_never_reported_is_over_when_it_must_be() {
        let mut record = record();
        record.apply(&story()[0]);
        assert!(record.is_active(BEGIN + 3_600_000));
        assert_eq!(record.seconds(BEGIN), 3_600, "until it is known, it counts in full");
        assert!(!record.is_active(BEGIN + 3_600_000 + RINGING_MILLIS));
        assert_eq!(record.seconds(BEGIN + 4_000_000), 0, "nobody is known to have answered");
        record.refuse(BEGIN + 1);
        assert!(!record.is_active(BEGIN + 2));
    }
}
