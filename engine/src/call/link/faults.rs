//! What a link makes of a stream that went wrong: what is tried again and when, what is not, and what the client is told.

use fourwire_wire::event::{ServiceStatus, SpeechFault, Status};
use fourwire_wire::frame::Channel;
use fourwire_wire::units::{Samples, UnixMillis};

use super::{Link, State};
use crate::call::backlog;
use crate::call::{Action, Alert};
use crate::speech::{Provider, Refusal, RefusalKind};

/// Wait before the first retry, in milliseconds; doubled with each fault in a row, up to [`MAX_WAIT_MILLIS`].
const FIRST_WAIT_MILLIS: u64 = 1_000;
/// Longest wait before a retry, in milliseconds.
const MAX_WAIT_MILLIS: u64 = 16_000;
/// Longest wait that a service may ask for, in seconds.
const MAX_RETRY_AFTER_SECONDS: u64 = 60;

impl Link {
    /// Gives up what has no captions yet, and tells of it.
    pub(super) fn give_up(&mut self, actions: &mut Vec<Action<'static>>) {
        if self.listening.has_speech(&self.backlog, self.backlog.from(), self.backlog.end()) {
            self.tell_gap(actions);
        }
        self.state = State::Idle;
        self.forget_all();
    }

    /// The stream is gone. One that was asked to close, and has left no word unsaid, has done its work all the same.
    pub(super) fn lose(&mut self, fault: SpeechFault, now: UnixMillis, actions: &mut Vec<Action<'static>>) {
        if matches!(self.state, State::Draining { .. }) && !self.has_unsettled_speech() {
            self.rest(now, actions);
        } else {
            self.fail(fault, None, now, actions);
        }
    }

    /// The service did not take the stream.
    pub(super) fn refused(&mut self, refusal: &Refusal<'_>, now: UnixMillis, actions: &mut Vec<Action<'static>>) {
        let Some(provider) = self.provider() else { return };
        let service = provider.name();
        let fault = match provider.refused(refusal) {
            RefusalKind::Credentials => SpeechFault::Credentials,
            RefusalKind::Quota => SpeechFault::Quota,
            RefusalKind::Language => SpeechFault::Language,
            RefusalKind::Outage { retry_after } => return self.fail(SpeechFault::Refused, retry_after, now, actions),
        };
        actions.push(Action::Alert(Alert::SpeechRefused { service, fault, status: refusal.status }));
        // It will say the same the next time: for this call there is one service less.
        self.candidates.remove(self.chosen);
        if self.candidates.is_empty() {
            return self.fail_for_good(service, fault, actions);
        }
        self.chosen %= self.candidates.len();
        self.state = State::Waiting { until: now };
        self.rewind();
        self.tell_failed(service, fault, Some(0), actions);
    }

    /// No service captions this side any more. What is recorded is not touched.
    pub(super) fn fail_for_good(&mut self, service: &str, fault: SpeechFault, actions: &mut Vec<Action<'static>>) {
        self.state = State::Unavailable;
        self.forget_all();
        self.tell_failed(service, fault, None, actions);
    }

    /// The stream is over in bad order: tell the client, and try again, with the next service if there is one.
    fn fail(
        &mut self,
        fault: SpeechFault,
        retry_after: Option<u64>,
        now: UnixMillis,
        actions: &mut Vec<Action<'static>>,
    ) {
        let name = self.provider().map_or("The speech service", Provider::name);
        self.faults = self.faults.saturating_add(1);
        let services = u32::try_from(self.candidates.len()).unwrap_or(u32::MAX).max(1);
        self.chosen = (self.chosen + 1) % self.candidates.len().max(1);
        if self.last_tries == Some(0) {
            return self.give_up(actions);
        }
        // A service that was not tried since the last good one is tried at once.
        let wait = match self.faults.checked_sub(services) {
            None => 0,
            Some(rounds) => FIRST_WAIT_MILLIS.saturating_mul(1 << rounds.min(8)).min(MAX_WAIT_MILLIS),
        };
        let asked = retry_after.filter(|_| services == 1).unwrap_or_default().min(MAX_RETRY_AFTER_SECONDS);
        let wait = wait.max(asked.saturating_mul(1000));
        self.state = State::Waiting { until: now + wait };
        self.rewind();
        self.tell_failed(name, fault, Some(wait), actions);
    }

    /// Tells the client that captions have stopped, why, and after how many milliseconds they are tried again, if ever.
    fn tell_failed(
        &mut self,
        service: &str,
        fault: SpeechFault,
        wait: Option<u64>,
        actions: &mut Vec<Action<'static>>,
    ) {
        let why = match fault {
            SpeechFault::Refused => "did not take the connection",
            SpeechFault::Timeout => "did not answer",
            SpeechFault::Closed => "ended the connection",
            SpeechFault::Quiet => "heard speech and said nothing",
            SpeechFault::Error => "reported an error",
            SpeechFault::Credentials => "does not accept the operator's credentials",
            SpeechFault::Quota => "has no quota left for the operator's account",
            SpeechFault::Language => "does not transcribe this language",
        };
        let retry_after = wait.map(|wait| Samples::from_millis(wait).seconds());
        let next = retry_after.map_or_else(
            || "The call is recorded without them.".to_owned(),
            |seconds| format!("Next try in {seconds} s."),
        );
        let text = format!("Captions of {} stopped: {service} {why}. {next}", side(self.channel));
        let mut status = self.status(Status::SttFailed, text);
        (status.reason, status.retryable, status.retry_after) = (Some(fault), Some(wait.is_some()), retry_after);
        self.trouble = Some(status.clone());
        actions.push(Action::Status(status));
    }

    /// The service said something: it is alive, and captions that had stopped are back.
    pub(super) fn answered(&mut self, now: UnixMillis, actions: &mut Vec<Action<'static>>) {
        match &mut self.state {
            State::Open(flow) => flow.answered(now, self.sent),
            State::Draining { since, .. } => *since = now,
            _ => {}
        }
        self.faults = 0;
        if self.trouble.take().is_some() {
            let text = format!("Captions of {} are back.", side(self.channel));
            actions.push(Action::Status(self.status(Status::SttRestored, text)));
        }
    }

    /// Tells the client, once a stream, if these samples will push speech out of the backlog that no service has heard.
    pub(super) fn notice_gap(&mut self, samples: &[i16], actions: &mut Vec<Action<'static>>) {
        let coming = Samples::new(u64::try_from(samples.len()).unwrap_or(u64::MAX));
        let kept_from = (self.backlog.end() + coming).saturating_sub(Samples::from_millis(backlog::MAX_MILLIS));
        if self.gap_told || matches!(self.state, State::Unavailable) || self.sent >= kept_from {
            return;
        }
        if self.listening.has_speech(&self.backlog, self.sent, kept_from) {
            self.gap_told = true;
            self.tell_gap(actions);
        }
    }

    fn tell_gap(&self, actions: &mut Vec<Action<'static>>) {
        let text = format!("Some of what {} said will have no captions.", side(self.channel));
        actions.push(Action::Status(self.status(Status::SttGap, text)));
    }

    fn status(&self, status: Status, status_text: String) -> ServiceStatus {
        ServiceStatus {
            status,
            status_text,
            channel: Some(self.channel),
            reason: None,
            retryable: None,
            retry_after: None,
        }
    }
}

/// The side of the call as the user knows it.
fn side(channel: Channel) -> &'static str {
    match channel {
        Channel::User => "your side",
        Channel::Remote => "the other side",
    }
}
