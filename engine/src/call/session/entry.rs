//! A call's place among what its user has and may use: the conversation is entered in the index with its first audio, or when
//! somebody ends the call, and what is recorded is counted each minute.

use fourwire_wire::event::close;
use fourwire_wire::frame::Channel;
use fourwire_wire::units::{Samples, UnixMillis};

use super::{Phase, Session};
use crate::call::Action;
use crate::call::timers::Timer;
use crate::quota::sessions::{REPORT_EVERY_MILLIS, Stretch};

/// Wait before a conversation that could not be entered is offered again, in milliseconds; doubled each time, to 64 s.
const RETRY_MILLIS: u64 = 1_000;

/// How the conversation's way into the index goes, where it is not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Entry {
    /// It is to be offered as soon as there is audio.
    #[default]
    Due,
    /// It is offered.
    Offered,
    /// It was not taken; [`Timer::Register`] runs.
    Waiting,
}

impl Session {
    /// Whether there is nothing that anybody would look for: no audio has come, ever, and nobody has said that this was a call.
    pub(super) fn is_void(&self) -> bool {
        self.state.started_at.is_none() && !self.state.registered && !self.state.ended && !self.has_ended()
    }

    /// Has the conversation entered in the user's index, once there is reason to.
    pub(super) fn enter(&mut self) {
        let is_due = self.state.started_at.is_some() || (self.state.ending && !self.is_void());
        if self.state.registered || !is_due || self.entry != Entry::Due || self.is_done() {
            return;
        }
        self.entry = Entry::Offered;
        let conversation = self.conversation();
        self.actions.push_back(Action::Register(Box::new(conversation)));
    }

    pub(super) fn entered(&mut self) {
        if !self.state.registered {
            self.state.registered = true;
            self.entry_failures = 0;
            self.timers.set(Timer::Register, None);
            self.save();
        }
    }

    pub(super) fn entry_failed(&mut self, now: UnixMillis) {
        let wait = RETRY_MILLIS.saturating_mul(1 << self.entry_failures.min(6));
        self.entry_failures = self.entry_failures.saturating_add(1);
        self.entry = Entry::Waiting;
        self.timers.set(Timer::Register, Some(now + wait));
    }

    /// What has been recorded since it was last counted.
    fn uncounted(&self) -> Stretch {
        let end = |channel| self.recorder.end(channel);
        let to = end(Channel::User).max(end(Channel::Remote));
        Stretch { from: self.state.counted, to: to.max(self.state.counted) }
    }

    /// Tells of a call that goes on, so that it keeps its slot, and has its audio counted.
    pub(super) fn count(&mut self, now: UnixMillis) {
        if matches!(self.phase, Phase::Live) {
            self.timers.set(Timer::Count, Some(now + REPORT_EVERY_MILLIS));
            self.actions.push_back(Action::Count(self.uncounted()));
        }
    }

    /// Audio is counted; the user may have nothing more recorded, perhaps.
    pub(super) fn counted(&mut self, to: Samples, may_go_on: bool, now: UnixMillis) {
        self.state.counted = self.state.counted.max(to);
        self.used_up = !may_go_on;
        if self.used_up && matches!(self.phase, Phase::Live) {
            if self.client.is_some() {
                self.refuse();
            }
            self.leave(now);
            self.end(now);
        }
    }

    /// Closes the connection of a user who may have nothing more recorded today.
    pub(super) fn refuse(&mut self) {
        self.actions.push_back(Action::Close { code: close::POLICY, reason: close::DAY_USED_UP });
    }

    /// The call takes no slot any more.
    pub(super) fn release(&mut self) {
        let rest = self.uncounted();
        self.actions.push_back(Action::Release(rest));
    }
}
