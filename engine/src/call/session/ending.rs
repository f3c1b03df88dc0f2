//! How a call ends: the speech services say the rest, the audio is stored, then the conversation, then all is forgotten.

use fourwire_wire::conversation::{Conversation, ConversationStatus, PhoneCall};
use fourwire_wire::event::close;
use fourwire_wire::frame::{Channel, PerChannel};
use fourwire_wire::query::TimeZone;
use fourwire_wire::structured::{Structured, SummaryBy};
use fourwire_wire::units::UnixMillis;

use super::{Extent, Phase, Session};
use crate::call::Action;
use crate::call::link::{Link, MAX_DRAIN_MILLIS};
use crate::call::record::Finished;
use crate::call::timers::{Timer, Timers};
use crate::summary::{self, Talk, UNTITLED};
use crate::zones::UserClock;

/// How long a client may go on after the carrier has said that the call is over, in milliseconds: its last frames are still on
/// their way, and most clients end the call themselves.
pub(super) const HANG_UP_MILLIS: u64 = 5_000;
/// How long a language model may take, in milliseconds: a client is waiting. What it did not do in time is made up for later.
const SUMMARY_MILLIS: u64 = 30_000;
/// Wait before a conversation that could not be stored is offered again, in milliseconds; doubled each time, to 64 s.
const STORE_RETRY_MILLIS: u64 = 1_000;

impl Session {
    /// The carrier has reported something new of the call.
    pub(super) fn phone_call(&mut self, call: &PhoneCall, now: UnixMillis) {
        let had_ended = self.has_ended();
        self.state.phone_call = Some(call.clone());
        self.save();
        if self.has_ended() && !had_ended && matches!(self.phase, Phase::Live) {
            let wait = if self.client.is_some() { HANG_UP_MILLIS } else { 0 };
            self.timers.set(Timer::Grace, Some(now + wait));
        }
    }

    /// A client has named the user's time zone. The first one stays: a second device elsewhere does not move the call.
    pub(super) fn time_zone(&mut self, zone: &TimeZone) {
        if self.state.time_zone.is_none() {
            self.state.time_zone = Some(zone.clone());
            self.save();
        }
    }

    /// Whether the carrier has said that the call is over.
    pub(super) fn has_ended(&self) -> bool {
        self.state.phone_call.as_ref().is_some_and(|call| call.outcome.is_some())
    }

    /// The call is over.
    pub(super) fn end(&mut self, now: UnixMillis) {
        self.flush(now);
        self.phase = Phase::Draining;
        self.state.ending = true;
        for timer in [Timer::Grace, Timer::Longest, Timer::Idle, Timer::Count] {
            self.timers.set(timer, None);
        }
        self.timers.set(Timer::Drain, Some(now + MAX_DRAIN_MILLIS));
        for channel in Channel::BOTH {
            self.with_link(channel, |link, actions| link.finish_for_good(now, actions));
        }
        self.pusher.finish(now);
        self.save();
    }

    /// Whether speech services still have something to say.
    pub(super) fn is_transcribing(&self) -> bool {
        Channel::BOTH.iter().any(|channel| !self.links.get(*channel).is_idle())
    }

    /// Goes on with the end of the call as far as it can.
    pub(super) fn finish(&mut self, now: UnixMillis) {
        if matches!(self.phase, Phase::Draining) && !self.is_transcribing() {
            self.conclude(now);
        }
        let is_complete = self.summary.is_some() && self.recorder.is_done() && self.pusher.is_done(now);
        if matches!(self.phase, Phase::Concluding) && is_complete && self.offered.is_none() {
            if self.is_void() {
                self.vanish();
            } else if self.state.registered {
                self.store(now);
            }
        }
    }

    /// Everything is said.
    fn conclude(&mut self, now: UnixMillis) {
        for channel in Channel::BOTH {
            self.end_stream(channel, now);
        }
        self.timers.set(Timer::Drain, None);
        self.recorder.give_up_gap();
        self.phase = Phase::Concluding;
        self.pusher.conclude(now);
        if self.client.is_some() && !self.is_void() {
            let processing = self.finished(ConversationStatus::Processing, now);
            self.actions.push_back(Action::Processing(processing));
        }
        self.sum_up(now);
    }

    /// How much of the call there is now.
    fn extent(&self) -> Extent {
        (PerChannel::from_fn(|channel| self.recorder.end(channel)), self.segments.len())
    }

    /// Whether there is audio that was not there when the call was finished before, or it was never finished.
    fn has_grown(&self) -> bool {
        let grown =
            |before: &Finished| Channel::BOTH.iter().any(|side| self.recorder.end(*side) > *before.ends.get(*side));
        self.state.finished.as_deref().is_none_or(grown)
    }

    fn sum_up(&mut self, now: UnixMillis) {
        let extent = Some(self.extent());
        if self.summary.is_some() && self.summed_up == extent {
            return;
        }
        self.summed_up = extent;
        self.summary = None;
        if let Some(finished) = self.state.finished.as_deref().filter(|_| !self.has_grown()) {
            self.summary = Some((finished.structured.clone(), finished.summary_by));
        } else if self.segments.is_empty() {
            self.summary = Some((Structured::titled(UNTITLED), SummaryBy::Nobody));
        } else if self.has_model {
            self.timers.set(Timer::Summary, Some(now + SUMMARY_MILLIS));
            let conversation = self.finished(ConversationStatus::Processing, now);
            self.actions.push_back(Action::Summarise(conversation));
        } else {
            self.summarised(None);
        }
    }

    /// A language model has summed the call up; or it has not, and Fourwire does.
    pub(super) fn summarised(&mut self, by_model: Option<Structured>) {
        // Late news, of a summary that is not needed or not wanted any more.
        if !matches!(self.phase, Phase::Concluding) || self.summary.is_some() {
            return;
        }
        self.timers.set(Timer::Summary, None);
        let by_extract = || (summary::extract(&self.talk()), SummaryBy::Extract);
        self.summary = Some(by_model.map_or_else(by_extract, |structured| (structured, SummaryBy::Model)));
    }

    fn talk(&self) -> Talk<'_> {
        Talk {
            conversation: self.state.conversation,
            began: self.state.started_at.unwrap_or(self.state.created_at),
            segments: &self.segments,
            language: &self.state.language,
            other_party: self.state.contact_name.as_ref(),
            clock: UserClock::new(self.state.time_zone.as_ref(), &*self.zones),
        }
    }

    /// The record is complete: offers the conversation to the store.
    fn store(&mut self, now: UnixMillis) {
        let conversation = self.finished(ConversationStatus::Completed, now);
        // A side whose service was down to the end may have said something that nobody wrote down.
        let has_trouble = Channel::BOTH.iter().any(|channel| self.links.get(*channel).trouble().is_some());
        let is_empty = self.segments.is_empty() && !has_trouble && !self.state.captions_missing;
        self.phase = Phase::Storing;
        self.offered = Some(conversation.clone());
        self.actions.push_back(Action::Store { conversation, is_news: self.has_grown(), is_empty });
    }

    /// Nothing was recorded: the call leaves nothing.
    fn vanish(&mut self) {
        self.phase = Phase::Done;
        if self.client.take().is_some() {
            self.actions.push_back(Action::Close { code: close::NORMAL, reason: "nothing was recorded" });
        }
        self.forget();
    }

    /// The call is over, and so is everything that was kept of it here.
    fn forget(&mut self) {
        self.timers = Timers::default();
        self.release();
        self.actions.push_back(Action::Forget);
    }

    fn finished(&self, status: ConversationStatus, now: UnixMillis) -> Box<Conversation> {
        let has_grown = self.has_grown();
        let before = self.state.finished.as_deref().and_then(|finished| finished.at).filter(|_| !has_grown);
        let finished = before.or(self.state.last_audio_at).unwrap_or(now);
        let mut conversation = self.up_to_date().conversation(&self.segments, status, Some(finished));
        conversation.finishes = conversation.finishes.saturating_add(u32::from(has_grown));
        if let Some((structured, by)) = self.summary.clone() {
            conversation.sum_up(structured, by);
        }
        Box::new(conversation)
    }

    pub(super) fn stored(&mut self) {
        let Some(conversation) = self.offered.take() else { return };
        // A client that came back meanwhile has put the session into another phase: the call goes on.
        if !matches!(self.phase, Phase::Storing) {
            self.state.finished = Some(Box::new(Finished::of(&conversation)));
            self.save();
            return;
        }
        self.phase = Phase::Done;
        if self.client.take().is_some() {
            self.actions.push_back(Action::Finished(conversation));
            self.actions.push_back(Action::Close { code: close::NORMAL, reason: "the conversation is stored" });
        }
        self.forget();
    }

    pub(super) fn store_failed(&mut self, now: UnixMillis) {
        self.offered = None;
        if matches!(self.phase, Phase::Storing) {
            let wait = STORE_RETRY_MILLIS.saturating_mul(1 << self.store_failures.min(6));
            self.store_failures = self.store_failures.saturating_add(1);
            self.phase = Phase::Retrying;
            self.timers.set(Timer::StoreRetry, Some(now + wait));
        }
    }

    /// The user has deleted the conversation: the call ends at once, and nothing of it is kept.
    pub(super) fn deleted(&mut self) {
        self.actions.clear();
        for channel in Channel::BOTH {
            self.with_link(channel, Link::abandon);
        }
        // Nobody is told of captions that there will not be.
        self.actions.retain(|action| matches!(action, Action::SpeechClose { .. }));
        let close = self.pusher.close();
        self.actions.extend(close);
        if self.client.take().is_some() {
            self.actions.push_back(Action::Close { code: close::POLICY, reason: "the conversation was deleted" });
        }
        self.phase = Phase::Done;
        self.forget();
    }
}
