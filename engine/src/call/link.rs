//! One channel's link to a speech service: opens a stream when there is audio, feeds it, notices when it is dead, opens
//! the next one and replays what the last had not settled.
//!
//! ```text
//!   Idle ──audio──▶ Connecting ──opened──▶ Open ──drain, all sent──▶ Draining ──closed──▶ Idle
//!                      │  ▲                 │
//!                 fault│  │retry            │fault
//!                      ▼  │                 │
//!                     Waiting ◀─────────────┘
//! ```
//!
//! The link keeps the audio that has no final words yet ([`super::backlog`]), so a stream that dies takes nothing along:
//! the next one starts where the last final result ended. The same goes for one that is given up because a client that will come
//! back was cut off in the middle of a word (`Suspended`).

mod flow;

use std::rc::Rc;

use fourwire_wire::event::{ServiceStatus, SpeechFault, Status};
use fourwire_wire::frame::Channel;
use fourwire_wire::query::Language;
use fourwire_wire::units::{Samples, UnixMillis};

use flow::{Flow, is_speech};

use super::backlog::{self, Backlog};
use super::{Action, Down, StreamId};
use crate::speech::{Heard, Provider, Window};

/// Audio goes to the service in pieces of this length: few enough messages, and little enough delay.
const PIECE: Samples = Samples::from_millis(100);
/// The same in bytes of PCM16.
const PIECE_BYTES: usize = 3_200;

/// How long a service may take to accept a stream, in milliseconds.
const CONNECT_MILLIS: u64 = 5_000;

/// How long a service may take to say the rest after the last audio, in milliseconds.
const DRAIN_MILLIS: u64 = 5_000;

/// Wait before the first retry, in milliseconds; doubled with each fault in a row, up to [`LONGEST_WAIT_MILLIS`].
const FIRST_WAIT_MILLIS: u64 = 1_000;
/// Longest wait before a retry, in milliseconds.
const LONGEST_WAIT_MILLIS: u64 = 16_000;

/// When audio is held back by that limit, the next piece is tried after this many milliseconds.
const PACE_MILLIS: u64 = 200;

/// One channel's link.
#[derive(Debug)]
pub(super) struct Link {
    channel: Channel,
    providers: Rc<[Provider]>,
    language: Language,
    /// Which of the providers is used now.
    chosen: usize,
    state: State,
    /// Counts streams, so that news of an earlier one is recognised.
    stream: StreamId,
    backlog: Backlog,
    /// Where the current stream's audio began.
    origin: Samples,
    /// Up to where the current stream has been sent audio.
    sent: Samples,
    /// Faults since a service last answered.
    faults: u32,
    /// What was told of the last of them.
    trouble: Option<ServiceStatus>,
    /// The client was told that speech was dropped from the backlog since the last stream was opened.
    gap_told: bool,
    /// No more audio will come: finish the stream when everything is sent.
    finishing: bool,
}

#[derive(Debug)]
enum State {
    Idle,
    Connecting {
        since: UnixMillis,
    },
    Open(Flow),
    Draining {
        since: UnixMillis,
    },
    Waiting {
        until: UnixMillis,
    },
    /// What has no final words waits for what follows it, or for the call's end.
    Suspended,
}

impl Link {
    pub(super) fn new(channel: Channel, providers: Rc<[Provider]>, language: Language, position: Samples) -> Self {
        Self {
            channel,
            providers,
            language,
            chosen: 0,
            state: State::Idle,
            stream: StreamId::default(),
            backlog: Backlog::starting_at(position),
            origin: position,
            sent: position,
            faults: 0,
            trouble: None,
            gap_told: false,
            finishing: false,
        }
    }

    /// What a client that connects now has to know: that captions have stopped.
    pub(super) fn trouble(&self) -> Option<&ServiceStatus> {
        self.trouble.as_ref()
    }

    /// Where this channel's audio ends so far.
    pub(super) fn end(&self) -> Samples {
        self.backlog.end()
    }

    /// From where on audio may still be needed: what lies before has its final words, or will have none.
    pub(super) fn settled(&self) -> Samples {
        self.backlog.from()
    }

    /// Takes audio; `spoken` is false for silence that stands for a channel that sent nothing, which opens no stream.
    pub(super) fn audio(&mut self, samples: &[i16], spoken: bool, now: UnixMillis, actions: &mut Vec<Action<'static>>) {
        if samples.is_empty() {
            return;
        }
        if spoken {
            self.finishing = false;
        }
        self.notice_gap(samples, actions);
        self.backlog.push(samples);
        match self.state {
            State::Idle | State::Suspended if spoken => self.connect(now, actions),
            State::Idle => self.forget_all(),
            _ => {}
        }
    }

    /// Whether the open stream is to be sent a piece of audio now.
    pub(super) fn has_piece(&self, now: UnixMillis) -> bool {
        let State::Open(flow) = &self.state else { return false };
        let (from, to) = self.next_piece();
        let enough = to.saturating_sub(from) == PIECE || (self.finishing && to > from);
        enough && !self.has_hole() && to.saturating_sub(self.origin) <= flow.allowance(now)
    }

    /// Takes the piece that [`Link::has_piece`] announced.
    pub(super) fn piece(&mut self, now: UnixMillis) -> Option<(StreamId, &[u8])> {
        let (from, to) = self.next_piece();
        let State::Open(flow) = &mut self.state else { return None };
        let piece = self.backlog.slice(from, to);
        flow.sent(piece, to.saturating_sub(from), now);
        self.sent = to;
        Some((self.stream, piece))
    }

    /// No more audio will come for now: let the service say the rest.
    pub(super) fn finish(&mut self, now: UnixMillis, actions: &mut Vec<Action<'static>>) {
        self.finishing = true;
        match self.state {
            State::Waiting { .. } | State::Suspended if self.has_unsent() => self.connect(now, actions),
            State::Waiting { .. } | State::Suspended => self.rest(now, actions),
            _ => self.finish_if_due(now, actions),
        }
    }

    /// The client is away and will go on where it broke off, perhaps in the middle of a word: the stream is given up, and the
    /// next one hears what this one had not settled, together with what follows. Returns whether there was a stream.
    pub(super) fn suspend(&mut self, actions: &mut Vec<Action<'static>>) -> bool {
        let had_stream = self.has_stream();
        if had_stream {
            self.close(actions);
        }
        if !self.is_idle() {
            self.state = State::Suspended;
            self.rewind();
        }
        had_stream
    }

    /// Whether nothing is expected from a service any more, or not before more audio comes.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle | State::Suspended)
    }

    /// Gives up whatever the link still waits for.
    pub(super) fn abandon(&mut self, actions: &mut Vec<Action<'static>>) {
        if self.has_stream() {
            self.close(actions);
        }
        self.state = State::Idle;
        self.forget_all();
    }

    /// The service accepted the stream.
    pub(super) fn opened(&mut self, stream: StreamId, now: UnixMillis) {
        if self.is_current(stream) && matches!(self.state, State::Connecting { .. }) {
            // While the service made up its mind, the oldest audio may have gone.
            self.rewind();
            self.gap_told = false;
            self.state = State::Open(Flow::new(now));
        }
    }

    /// The stream could not be opened, or has ended. Returns whether that is news.
    pub(super) fn down(
        &mut self,
        stream: StreamId,
        down: Down,
        now: UnixMillis,
        actions: &mut Vec<Action<'static>>,
    ) -> bool {
        let is_news = self.is_current(stream) && self.has_stream();
        if is_news {
            self.lose(down.fault(), now, actions);
        }
        is_news
    }

    /// The service sent a message. Returns what the captions need of it, with the stream's origin.
    pub(super) fn text(
        &mut self,
        stream: StreamId,
        text: &str,
        now: UnixMillis,
        actions: &mut Vec<Action<'static>>,
    ) -> Option<News> {
        if !self.is_current(stream) || !matches!(self.state, State::Open(_) | State::Draining { .. }) {
            return None;
        }
        let heard = self.provider()?.read(text);
        match heard {
            Heard::Words(mut window) => {
                self.answered(actions);
                // It cannot have heard more than it was sent.
                window.end = window.end.min(self.sent.saturating_sub(self.origin));
                Some(News::Words(self.origin, window))
            }
            Heard::UtteranceEnd => Some(News::UtteranceEnd),
            Heard::Drained if matches!(self.state, State::Draining { .. }) => {
                self.close(actions);
                self.rest(now, actions);
                Some(News::UtteranceEnd)
            }
            Heard::Error => {
                self.close(actions);
                self.lose(SpeechFault::Error, now, actions);
                Some(News::UtteranceEnd)
            }
            // A service that only shows that it is alive does not do its work.
            Heard::Drained | Heard::Alive => None,
        }
    }

    /// Everything before `position` has its final words and need not be kept.
    pub(super) fn settle(&mut self, position: Samples) {
        self.backlog.forget_before(position.min(self.sent));
    }

    /// When the link next has something to do by itself.
    pub(super) fn wake(&self, now: UnixMillis) -> Option<UnixMillis> {
        match &self.state {
            State::Idle | State::Suspended => None,
            State::Connecting { since } => Some(*since + CONNECT_MILLIS),
            State::Draining { since } => Some(*since + DRAIN_MILLIS),
            State::Waiting { until } => Some(*until),
            State::Open(flow) => {
                let held_back = self.backlog.end().saturating_sub(self.sent) >= PIECE;
                let pace = (held_back || self.finishing).then_some(now + PACE_MILLIS);
                [Some(flow.keep_alive_at()), pace, flow.dead_at()].into_iter().flatten().min()
            }
        }
    }

    /// Does what is due. Returns whether the stream was given up.
    pub(super) fn timeout(&mut self, now: UnixMillis, actions: &mut Vec<Action<'static>>) -> bool {
        match &mut self.state {
            State::Connecting { since } if now >= *since + CONNECT_MILLIS => {
                self.close(actions);
                self.lose(SpeechFault::Timeout, now, actions);
                return true;
            }
            State::Draining { since } if now >= *since + DRAIN_MILLIS => {
                self.close(actions);
                self.lose(SpeechFault::Timeout, now, actions);
                return true;
            }
            State::Waiting { until } if now >= *until => self.connect(now, actions),
            State::Open(flow) if flow.dead_at().is_some_and(|at| now >= at) => {
                self.close(actions);
                self.lose(SpeechFault::Quiet, now, actions);
                return true;
            }
            State::Open(flow) if now >= flow.keep_alive_at() => {
                flow.kept_alive(now);
                if let Some(provider) = self.providers.get(self.chosen) {
                    let text = provider.keep_alive();
                    actions.push(Action::SpeechText { channel: self.channel, stream: self.stream, text });
                }
            }
            _ => {}
        }
        false
    }

    /// Sends the end of the stream once all audio has gone, or where it cannot go on.
    pub(super) fn finish_if_due(&mut self, now: UnixMillis, actions: &mut Vec<Action<'static>>) {
        let is_due = self.has_hole() || (self.finishing && !self.has_unsent());
        if !is_due || !matches!(self.state, State::Open(_)) {
            return;
        }
        if let Some(provider) = self.provider() {
            let text = provider.finish();
            actions.push(Action::SpeechText { channel: self.channel, stream: self.stream, text });
        }
        self.state = State::Draining { since: now };
    }

    fn provider(&self) -> Option<&Provider> {
        self.providers.get(self.chosen)
    }

    fn is_current(&self, stream: StreamId) -> bool {
        self.stream == stream
    }

    fn has_stream(&self) -> bool {
        matches!(self.state, State::Connecting { .. } | State::Open(_) | State::Draining { .. })
    }

    fn has_unsent(&self) -> bool {
        self.backlog.end() > self.sent.max(self.backlog.from())
    }

    /// Whether the audio that the stream would be sent next is gone. A stream has no holes, since its times count what it
    /// was sent: it ends there, and another one begins behind it.
    fn has_hole(&self) -> bool {
        self.backlog.from() > self.sent
    }

    /// Whether there is speech that the stream was sent and that has no final words.
    fn has_unsettled_speech(&self) -> bool {
        let unsettled = self.backlog.slice(self.backlog.from(), self.sent);
        unsettled.chunks(PIECE_BYTES).any(is_speech)
    }

    /// From where to where the next piece goes, as far as there is audio.
    fn next_piece(&self) -> (Samples, Samples) {
        let from = self.sent.max(self.backlog.from());
        (from, (from + PIECE).min(self.backlog.end()))
    }

    /// Opens the next stream, from the oldest audio that has no final words.
    fn connect(&mut self, now: UnixMillis, actions: &mut Vec<Action<'static>>) {
        let Some(provider) = self.provider() else { return };
        let endpoint = provider.endpoint(&self.language);
        self.stream = self.stream.next();
        self.state = State::Connecting { since: now };
        actions.push(Action::SpeechOpen { channel: self.channel, stream: self.stream, endpoint });
    }

    /// The stream is over in good order: whatever came meanwhile gets a new one.
    fn rest(&mut self, now: UnixMillis, actions: &mut Vec<Action<'static>>) {
        self.state = State::Idle;
        self.backlog.forget_before(self.sent);
        if self.has_unsent() {
            self.connect(now, actions);
        } else {
            self.forget_all();
        }
    }

    fn close(&self, actions: &mut Vec<Action<'static>>) {
        actions.push(Action::SpeechClose { channel: self.channel, stream: self.stream });
    }

    /// The stream is gone. One that was asked to close, and has left no word unsaid, has done its work all the same.
    fn lose(&mut self, fault: SpeechFault, now: UnixMillis, actions: &mut Vec<Action<'static>>) {
        if matches!(self.state, State::Draining { .. }) && !self.has_unsettled_speech() {
            self.rest(now, actions);
        } else {
            self.fail(fault, now, actions);
        }
    }

    /// The stream is over in bad order: tell the client, and try again, with the next service if there is one.
    fn fail(&mut self, fault: SpeechFault, now: UnixMillis, actions: &mut Vec<Action<'static>>) {
        let name = self.provider().map_or("The speech service", Provider::name);
        self.faults = self.faults.saturating_add(1);
        let services = u32::try_from(self.providers.len()).unwrap_or(u32::MAX).max(1);
        self.chosen = (self.chosen + 1) % self.providers.len().max(1);
        // A service that was not tried since the last good one is tried at once.
        let wait = match self.faults.checked_sub(services) {
            None => 0,
            Some(rounds) => FIRST_WAIT_MILLIS.saturating_mul(1 << rounds.min(8)).min(LONGEST_WAIT_MILLIS),
        };
        self.state = State::Waiting { until: now + wait };
        self.rewind();
        let why = match fault {
            SpeechFault::Refused => "did not take the connection",
            SpeechFault::Timeout => "did not answer",
            SpeechFault::Closed => "ended the connection",
            SpeechFault::Quiet => "heard speech and said nothing",
            SpeechFault::Error => "reported an error",
            SpeechFault::Credentials => "did not accept the operator's credentials",
            SpeechFault::Quota => "has no quota left",
            SpeechFault::Language => "does not transcribe this language",
        };
        let retry_after = Samples::from_millis(wait).seconds();
        let text = format!("Captions of {} stopped: {name} {why}. Next try in {retry_after} s.", side(self.channel));
        let status = self.status(Status::SttFailed, text, Some((fault, retry_after)));
        self.trouble = Some(status.clone());
        actions.push(Action::Status(status));
    }

    /// The service said something: it is alive, and captions that had stopped are back.
    fn answered(&mut self, actions: &mut Vec<Action<'static>>) {
        if let State::Open(flow) = &mut self.state {
            flow.answered();
        }
        if self.faults > 0 {
            self.faults = 0;
            self.trouble = None;
            let text = format!("Captions of {} are back.", side(self.channel));
            actions.push(Action::Status(self.status(Status::SttRestored, text, None)));
        }
    }

    fn forget_all(&mut self) {
        self.backlog.forget_before(self.backlog.end());
        self.rewind();
    }

    /// The next stream begins with the oldest audio that has no final words.
    fn rewind(&mut self) {
        self.origin = self.backlog.from();
        self.sent = self.origin;
    }

    /// Tells the client, once a stream, if these samples will push speech out of the backlog that no service has heard.
    fn notice_gap(&mut self, samples: &[i16], actions: &mut Vec<Action<'static>>) {
        let coming = Samples::new(u64::try_from(samples.len()).unwrap_or(u64::MAX));
        let kept_from = (self.backlog.end() + coming).saturating_sub(Samples::from_millis(backlog::MAX_MILLIS));
        let unheard = self.backlog.slice(self.sent, kept_from);
        if self.gap_told || !is_speech(unheard) {
            return;
        }
        self.gap_told = true;
        let text = format!("Some of what {} said will have no captions.", side(self.channel));
        actions.push(Action::Status(self.status(Status::SttGap, text, None)));
    }

    fn status(&self, status: Status, status_text: String, failed: Option<(SpeechFault, f64)>) -> ServiceStatus {
        ServiceStatus {
            status,
            status_text,
            channel: Some(self.channel),
            reason: failed.map(|(fault, _)| fault),
            retryable: failed.map(|_| true),
            retry_after: failed.map(|(_, seconds)| seconds),
        }
    }
}

/// What a service's message means to the captions.
#[derive(Debug)]
pub(super) enum News {
    /// Words of a stream that began at a position.
    Words(Samples, Window),
    /// The open utterance is over.
    UtteranceEnd,
}

/// The side of the call as the user knows it.
fn side(channel: Channel) -> &'static str {
    match channel {
        Channel::User => "your side",
        Channel::Remote => "the other side",
    }
}
