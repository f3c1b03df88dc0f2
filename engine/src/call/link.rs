//! One channel's link to a speech service: opens a stream when there is audio, feeds it, notices when it is dead, opens
//! the next one and replays what the last had not settled.
//!
//! ```text
//!   Idle ──audio──▶ Connecting ──opened──▶ Open ──drain, all sent──▶ Draining ──closed──▶ Idle
//!                      │  ▲                 │
//!                 fault│  │retry            │fault
//!                      ▼  │                 │
//!                     Waiting ◀─────────────┘      refused for good by every service ──▶ Unavailable
//! ```
//!
//! The link keeps the audio that has no final words yet ([`super::backlog`]), so a stream that dies takes nothing along:
//! the next one starts where the last final result ended. The same goes for one that is given up because a client that will come
//! back was cut off in the middle of a word (`Suspended`).

mod faults;
mod flow;
mod gaps;
mod listening;

use std::rc::Rc;

use fourwire_wire::event::{ServiceStatus, SpeechFault};
use fourwire_wire::frame::Channel;
use fourwire_wire::query::Language;
use fourwire_wire::units::{Samples, UnixMillis};

use flow::{Flow, QUIET_SPEECH};
use gaps::Gaps;
use listening::Listening;

use super::backlog::Backlog;
use super::{Action, Down, StreamId};
use crate::speech::{Endpoint, Heard, Provider, Window};

/// Audio goes to the service in pieces of this length: few enough messages, and little enough delay.
const PIECE: Samples = Samples::from_millis(100);

/// How long a service may take to accept a stream, in milliseconds; doubled with each fault in a row, up to
/// [`MAX_TIMEOUT_DOUBLINGS`] times, so that a service that is slow is not sent the same audio by one stream after another.
const CONNECT_MILLIS: u64 = 5_000;
/// How often the time that a service is given is doubled at most: 5 s, 10 s, 20 s.
const MAX_TIMEOUT_DOUBLINGS: u32 = 2;

/// How long a service may say nothing at all after it was asked for the rest, in milliseconds. As long as it answers it is
/// waited for, up to [`MAX_DRAIN_MILLIS`].
const DRAIN_MILLIS: u64 = 5_000;
/// How long the end of a call waits for the services, in milliseconds, whatever happens to them: a stream that is opened (at most
/// 5 s), sent a full backlog at 1.25 times its pace (38 s take 30.4 s) and drained (5 s). Mostly it is 1 s. What has no captions
/// by then is told (`stt_gap`).
pub(super) const MAX_DRAIN_MILLIS: u64 = 41_000;

/// When audio is held back by that limit, the next piece is tried after this many milliseconds.
const PACE_MILLIS: u64 = 200;

/// What a stream is sent of a gap, so that the service notices that nobody speaks: more than ends an utterance.
const GAP_SILENCE: Samples = Samples::from_millis(2_000);

/// A stream in which the service has heard no word for so long is closed: it costs the operator money, and one of the streams that
/// an account may have at once. The next one is opened when somebody speaks.
const MAX_WORDLESS: Samples = Samples::from_millis(30_000);
/// So much speech within [`WAKE_WITHIN`] is somebody who speaks. The detector takes one frame in ten of silence for speech.
const WAKE_SPEECH: Samples = Samples::from_millis(160);
/// See [`WAKE_SPEECH`].
const WAKE_WITHIN: Samples = Samples::from_millis(400);
/// What the next stream hears of the time before.
const PRE_ROLL: Samples = Samples::from_millis(2_000);

/// One channel's link. Positions in it count the audio that it was given ([`Gaps`]); what comes in and goes out counts the call's.
#[derive(Debug)]
pub(super) struct Link {
    channel: Channel,
    providers: Rc<[Provider]>,
    /// The services that take the language and have not refused for good, in the order of configuration.
    candidates: Vec<Candidate>,
    /// Which of them is used now.
    chosen: usize,
    state: State,
    /// Counts streams, so that news of an earlier one is recognised.
    stream: StreamId,
    backlog: Backlog,
    /// Where it lies in the call.
    gaps: Gaps,
    /// Where in it somebody speaks.
    listening: Listening,
    /// Where the current stream's audio began.
    origin: Samples,
    /// Up to where the current stream has been sent audio.
    sent: Samples,
    /// Where the service last heard a word, or began to listen.
    last_word: Samples,
    /// Nobody has spoken for a while: no stream before somebody does.
    is_resting: bool,
    /// Faults since a service last answered.
    faults: u32,
    /// What was told of the last of them.
    trouble: Option<ServiceStatus>,
    /// The client was told that speech was dropped from the backlog since the last stream was opened.
    gap_told: bool,
    /// No more audio will come: finish the stream when everything is sent.
    finishing: bool,
    /// The call is ending: how many more streams are opened for what is left. A service that cannot answer is not waited for.
    last_tries: Option<usize>,
}

/// A service that may caption the side, and where.
#[derive(Debug)]
struct Candidate {
    /// Its place among the configured services.
    service: usize,
    endpoint: Endpoint,
}

#[derive(Debug)]
enum State {
    Idle,
    Connecting {
        since: UnixMillis,
    },
    Open(Flow),
    Draining {
        /// When the rest was asked for.
        began: UnixMillis,
        /// When the service last answered.
        since: UnixMillis,
    },
    Waiting {
        until: UnixMillis,
    },
    /// What has no final words waits for what follows it, or for the call's end.
    Suspended,
    /// No service captions this side any more.
    Unavailable,
}

impl Link {
    pub(super) fn new(channel: Channel, providers: Rc<[Provider]>, language: &Language, position: Samples) -> Self {
        let candidate = |(service, provider): (usize, &Provider)| {
            provider.endpoint(language).map(|endpoint| Candidate { service, endpoint })
        };
        let candidates = providers.iter().enumerate().filter_map(candidate).collect();
        Self {
            channel,
            providers,
            candidates,
            chosen: 0,
            state: State::Idle,
            stream: StreamId::default(),
            backlog: Backlog::starting_at(position),
            gaps: Gaps::default(),
            last_word: position,
            is_resting: false,
            listening: Listening::default(),
            origin: position,
            sent: position,
            faults: 0,
            trouble: None,
            gap_told: false,
            finishing: false,
            last_tries: None,
        }
    }

    /// What a client that connects now has to know: that captions have stopped.
    pub(super) fn trouble(&self) -> Option<&ServiceStatus> {
        self.trouble.as_ref()
    }

    /// Where this channel's audio ends so far.
    pub(super) fn end(&self) -> Samples {
        self.gaps.in_call(self.backlog.end())
    }

    /// From where on audio may still be needed: what lies before has its final words, or will have none.
    pub(super) fn settled(&self) -> Samples {
        self.gaps.in_call(self.backlog.from())
    }

    /// Takes audio; `spoken` is false for silence that stands for a channel that sent nothing, which opens no stream.
    pub(super) fn audio(&mut self, samples: &[i16], spoken: bool, now: UnixMillis, actions: &mut Vec<Action<'static>>) {
        if samples.is_empty() {
            return;
        }
        if spoken {
            self.finishing = false;
            self.last_tries = None;
        }
        self.notice_gap(samples, actions);
        self.backlog.push(samples);
        self.gaps.forget_before(self.backlog.from());
        match self.state {
            State::Idle if self.is_resting => self.wait_for_speech(spoken, now, actions),
            State::Idle | State::Suspended if spoken => self.connect(now, actions),
            State::Idle | State::Unavailable => self.forget_all(),
            _ => {}
        }
    }

    /// There is no audio up to a position of the call.
    pub(super) fn skip(&mut self, to: Samples, now: UnixMillis, actions: &mut Vec<Action<'static>>) {
        let mut gap = to.saturating_sub(self.end());
        if !matches!(self.state, State::Idle | State::Unavailable) {
            const SILENCE: [i16; 1_600] = [0; 1_600];
            let mut left = usize::try_from(gap.min(GAP_SILENCE).get()).unwrap_or_default();
            gap = gap.saturating_sub(GAP_SILENCE);
            while let Some(piece) = SILENCE.get(..left.min(SILENCE.len())).filter(|piece| !piece.is_empty()) {
                left = left.saturating_sub(piece.len());
                self.audio(piece, false, now, actions);
            }
        }
        if gap > Samples::ZERO {
            self.gaps.add(self.backlog.end(), gap);
            self.gaps.forget_before(self.backlog.from());
        }
    }

    /// Nobody spoke for a while: opens a stream if somebody does now, which hears what came just before, too. Silence that stands for
    /// a channel that sent nothing need not be listened to.
    fn wait_for_speech(&mut self, spoken: bool, now: UnixMillis, actions: &mut Vec<Action<'static>>) {
        let end = self.backlog.end();
        let from = end.saturating_sub(WAKE_WITHIN);
        if spoken && self.listening.reaches(WAKE_SPEECH, &self.backlog, from, end).is_some() {
            self.connect(now, actions);
        } else {
            self.forget_before(end.saturating_sub(PRE_ROLL));
            self.rewind();
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
        flow.sent(now);
        self.sent = to;
        Some((self.stream, self.backlog.slice(from, to)))
    }

    /// Finds out whether an answer is due, where the service has said nothing for a while.
    pub(super) fn suspect(&mut self, now: UnixMillis) {
        let State::Open(flow) = &mut self.state else { return };
        let Some(from) = flow.suspicious_from(now) else { return };
        if let Some(enough) = self.listening.reaches(QUIET_SPEECH, &self.backlog, from, self.sent) {
            flow.answer_is_due(self.sent.saturating_sub(enough).millis(), now);
        }
    }

    /// The call is over: lets the service say the rest, and waits for nobody who cannot.
    pub(super) fn finish_for_good(&mut self, now: UnixMillis, actions: &mut Vec<Action<'static>>) {
        // A service that was good until now may have a bad moment.
        let tries = self.candidates.len().saturating_add(usize::from(self.faults == 0));
        self.last_tries = Some(tries.saturating_sub(usize::from(matches!(self.state, State::Connecting { .. }))));
        self.finish(now, actions);
    }

    /// No more audio will come for now: lets the service say the rest.
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
        matches!(self.state, State::Idle | State::Suspended | State::Unavailable)
    }

    /// Gives up whatever the link still waits for, and tells what has no captions for it.
    pub(super) fn abandon(&mut self, actions: &mut Vec<Action<'static>>) {
        if self.has_stream() {
            self.close(actions);
        }
        self.give_up(actions);
    }

    /// The service accepted the stream.
    pub(super) fn opened(&mut self, stream: StreamId, now: UnixMillis) {
        if self.is_current(stream) && matches!(self.state, State::Connecting { .. }) {
            // While the service made up its mind, the oldest audio may have gone.
            self.rewind();
            self.gap_told = false;
            self.state = State::Open(Flow::new(now, self.origin, self.timeout_doublings()));
        }
    }

    /// The stream could not be opened, or has ended. Returns whether that is news.
    pub(super) fn down(
        &mut self,
        stream: StreamId,
        down: Down<'_>,
        now: UnixMillis,
        actions: &mut Vec<Action<'static>>,
    ) -> bool {
        let is_news = self.is_current(stream) && self.has_stream();
        if is_news {
            match down {
                Down::Refused(refusal) => self.refused(&refusal, now, actions),
                Down::Closed => self.lose(SpeechFault::Closed, now, actions),
            }
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
                self.answered(now, actions);
                // It cannot have heard more than it was sent.
                let heard = |at: Samples| (self.origin + at).min(self.sent);
                let end = heard(window.end);
                if !window.words.is_empty() {
                    self.last_word = end;
                }
                window.end = self.gaps.end_in_call(end);
                for word in &mut window.words {
                    word.start = self.gaps.in_call(heard(word.start)).min(window.end);
                    word.end = self.gaps.end_in_call(heard(word.end));
                }
                let is_wordless = window.is_final && end.saturating_sub(self.last_word) >= MAX_WORDLESS;
                if is_wordless && matches!(self.state, State::Open(_)) {
                    self.is_resting = true;
                    self.ask_for_rest(now, actions);
                }
                Some(News::Words(window))
            }
            Heard::UtteranceEnd { last_word_end } => {
                Some(News::UtteranceEnd(last_word_end.map(|end| self.gaps.end_in_call(self.origin + end))))
            }
            Heard::Drained if matches!(self.state, State::Draining { .. }) => {
                self.close(actions);
                self.rest(now, actions);
                Some(News::StreamEnd)
            }
            Heard::Error => {
                self.close(actions);
                self.lose(SpeechFault::Error, now, actions);
                Some(News::StreamEnd)
            }
            // A service that only shows that it is alive does not do its work.
            Heard::Drained | Heard::Alive => None,
        }
    }

    /// Everything before `position` has its final words and need not be kept.
    pub(super) fn settle(&mut self, position: Samples) {
        self.forget_before(self.gaps.in_link(position).min(self.sent));
    }

    /// When the link next has something to do by itself.
    pub(super) fn wake(&self, now: UnixMillis) -> Option<UnixMillis> {
        match &self.state {
            State::Idle | State::Suspended | State::Unavailable => None,
            State::Connecting { since } => Some(*since + self.connect_millis()),
            State::Draining { began, since } => Some((*since + DRAIN_MILLIS).min(*began + MAX_DRAIN_MILLIS)),
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
        let connect_millis = self.connect_millis();
        match &mut self.state {
            State::Connecting { since } if now >= *since + connect_millis => {
                self.close(actions);
                self.lose(SpeechFault::Timeout, now, actions);
                return true;
            }
            State::Draining { began, since } if now >= (*since + DRAIN_MILLIS).min(*began + MAX_DRAIN_MILLIS) => {
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
                flow.sent(now);
                if let Some(provider) = self.provider() {
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
        self.ask_for_rest(now, actions);
    }

    /// Asks the service for the rest of what it was sent.
    fn ask_for_rest(&mut self, now: UnixMillis, actions: &mut Vec<Action<'static>>) {
        if let Some(provider) = self.provider() {
            let text = provider.finish();
            actions.push(Action::SpeechText { channel: self.channel, stream: self.stream, text });
        }
        self.state = State::Draining { began: now, since: now };
    }

    fn provider(&self) -> Option<&Provider> {
        self.providers.get(self.candidates.get(self.chosen)?.service)
    }

    /// How often the service's time is doubled after the faults there were.
    fn timeout_doublings(&self) -> u32 {
        self.faults.min(MAX_TIMEOUT_DOUBLINGS)
    }

    /// How long the service may take to accept the stream. At the end somebody waits.
    fn connect_millis(&self) -> u64 {
        if self.last_tries.is_some() { CONNECT_MILLIS } else { CONNECT_MILLIS << self.timeout_doublings() }
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
    fn has_unsettled_speech(&mut self) -> bool {
        self.listening.has_speech(&self.backlog, self.backlog.from(), self.sent)
    }

    /// From where to where the next piece goes, as far as there is audio.
    fn next_piece(&self) -> (Samples, Samples) {
        let from = self.sent.max(self.backlog.from());
        (from, (from + PIECE).min(self.backlog.end()))
    }

    /// Opens the next stream, from the oldest audio that has no final words.
    fn connect(&mut self, now: UnixMillis, actions: &mut Vec<Action<'static>>) {
        let Some(candidate) = self.candidates.get(self.chosen) else {
            return self.fail_for_good("The speech service", SpeechFault::Language, actions);
        };
        let endpoint = candidate.endpoint.clone();
        self.last_tries = self.last_tries.map(|tries| tries.saturating_sub(1));
        self.stream = self.stream.next();
        self.state = State::Connecting { since: now };
        self.last_word = self.backlog.from();
        self.is_resting = false;
        actions.push(Action::SpeechOpen { channel: self.channel, stream: self.stream, endpoint });
    }

    /// The stream is over in good order: whatever came meanwhile gets a new one.
    fn rest(&mut self, now: UnixMillis, actions: &mut Vec<Action<'static>>) {
        self.state = State::Idle;
        self.forget_before(self.sent);
        if self.is_resting {
            self.wait_for_speech(true, now, actions);
        } else if self.has_unsent() {
            self.connect(now, actions);
        } else {
            self.forget_all();
        }
    }

    fn close(&self, actions: &mut Vec<Action<'static>>) {
        actions.push(Action::SpeechClose { channel: self.channel, stream: self.stream });
    }

    fn forget_all(&mut self) {
        self.forget_before(self.backlog.end());
        self.rewind();
    }

    fn forget_before(&mut self, position: Samples) {
        self.backlog.forget_before(position);
        self.gaps.forget_before(self.backlog.from());
    }

    /// The next stream begins with the oldest audio that has no final words.
    fn rewind(&mut self) {
        self.origin = self.backlog.from();
        self.sent = self.origin;
    }
}

/// What a service's message means to the captions.
#[derive(Debug)]
pub(super) enum News {
    /// Words, with their times in the call.
    Words(Window),
    /// An utterance is over, whose last word ends at a place of the call, as far as the service says.
    UtteranceEnd(Option<Samples>),
    /// The stream is over.
    StreamEnd,
}
