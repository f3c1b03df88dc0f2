//! A call's link to the pusher: opens a connection when there is something to be heard, sends the mix and the captions,
//! and opens another one when it is lost.
//!
//! ```text
//!   Idle ──audio──▶ Connecting ──opened──▶ Open ──all is said──▶ Leaving ──closed──▶ Over
//!                      │  ▲                 │
//!                 fault│  │retry            │fault
//!                      ▼  │                 │
//!                     Waiting ◀─────────────┘
//! ```
//!
//! Nothing in the call waits for it, but its end, and that for [`FLUSH_MILLIS`] at most and only while there is no
//! connection. What is sent counts as heard: a connection that is lost takes along what is on its way.

use std::collections::VecDeque;

use fourwire_wire::frame::{Channel, PerChannel};
use fourwire_wire::ids::ConversationId;
use fourwire_wire::pii::Pii;
use fourwire_wire::query::Language;
use fourwire_wire::segment::Segment;
use fourwire_wire::units::{Samples, UnixMillis};

use super::timers::{Timer, Timers};
use super::{Action, StreamId};
use crate::pusher::mixer::Mixer;
use crate::pusher::{Endpoint, frame};

/// Audio goes out in pieces of this length: every message costs both ends something.
const PIECE: Samples = Samples::from_millis(1_000);
/// How often the pusher is told that the connection is alive, in milliseconds: the peer's.
const HEARTBEAT_MILLIS: u64 = 20_000;
/// How long the pusher may take to accept a connection, in milliseconds.
const CONNECT_MILLIS: u64 = 5_000;
/// Wait before the first retry, in milliseconds; doubled with each fault in a row, up to [`MAX_WAIT_MILLIS`].
const FIRST_WAIT_MILLIS: u64 = 1_000;
/// Longest wait before a retry, in milliseconds.
const MAX_WAIT_MILLIS: u64 = 60_000;
/// How long the end of a call waits for a connection, in milliseconds.
const FLUSH_MILLIS: u64 = 2_000;
/// How many segments wait for a connection at most: about a quarter of an hour of brisk talk. At the bound the oldest goes.
const MAX_SEGMENTS: usize = 256;

/// A call's link.
#[derive(Debug)]
pub(super) struct PusherLink {
    endpoint: Option<Endpoint>,
    conversation: ConversationId,
    language: Language,
    state: State,
    /// Counts connections, so that news of an earlier one is recognised.
    stream: StreamId,
    /// Faults since a connection last stood for a heartbeat.
    faults: u32,
    mixer: Mixer,
    /// What was said and not sent, in the order in which it changed.
    segments: VecDeque<Segment>,
    /// The call is over: until when its end waits for a connection.
    wait_until: Option<UnixMillis>,
    /// Nothing more comes, and what is left is to be sent.
    concluded: bool,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Idle,
    Connecting { since: UnixMillis },
    Open { greeted: bool, heartbeat_at: UnixMillis },
    Waiting { until: UnixMillis },
    Leaving,
    Over,
}

impl PusherLink {
    /// A link for what follows behind each side's end; without an endpoint it does nothing and holds nothing.
    pub(super) fn new(
        endpoint: Option<Endpoint>,
        conversation: ConversationId,
        language: Language,
        ends: PerChannel<Samples>,
    ) -> Self {
        Self {
            state: if endpoint.is_some() { State::Idle } else { State::Over },
            endpoint,
            conversation,
            language,
            stream: StreamId::default(),
            faults: 0,
            mixer: Mixer::starting_at(ends),
            segments: VecDeque::new(),
            wait_until: None,
            concluded: false,
        }
    }

    /// Takes a side's audio, which follows what it gave before.
    pub(super) fn audio(&mut self, channel: Channel, samples: &[i16]) {
        if self.endpoint.is_some() {
            self.mixer.push(channel, samples);
        }
    }

    /// A side has no audio up to a position.
    pub(super) fn skip(&mut self, channel: Channel, to: Samples) {
        if self.endpoint.is_some() {
            self.mixer.skip(channel, to);
        }
    }

    /// Takes a segment that is new for good, or has grown.
    pub(super) fn segment(&mut self, segment: &Segment) {
        if self.endpoint.is_none() {
            return;
        }
        self.segments.retain(|waiting| waiting.id != segment.id);
        if self.segments.len() >= MAX_SEGMENTS {
            self.segments.pop_front();
        }
        self.segments.push_back(segment.clone());
    }

    /// The pusher accepted the connection.
    pub(super) fn opened(&mut self, stream: StreamId, now: UnixMillis) {
        if self.stream == stream && matches!(self.state, State::Connecting { .. }) {
            self.state = State::Open { greeted: false, heartbeat_at: now + HEARTBEAT_MILLIS };
        }
    }

    /// The connection could not be opened, or has ended.
    pub(super) fn down(&mut self, stream: StreamId, now: UnixMillis) {
        if self.stream == stream && self.is_live() {
            self.fail(now);
        }
    }

    /// The call is over, and the last words are being waited for: whatever there is to be sent needs a connection soon.
    pub(super) fn finish(&mut self, now: UnixMillis) {
        self.wait_until = Some(now + FLUSH_MILLIS);
        self.hurry(now);
    }

    /// All is said.
    pub(super) fn conclude(&mut self, now: UnixMillis) {
        self.wait_until.get_or_insert(now + FLUSH_MILLIS);
        self.concluded = true;
        self.hurry(now);
        if matches!(self.state, State::Idle) && !self.has_news() {
            self.state = State::Over;
        }
    }

    /// The call goes on after all.
    pub(super) fn resume(&mut self) {
        self.wait_until = None;
        self.concluded = false;
        self.state = match self.state {
            State::Over if self.endpoint.is_some() => State::Idle,
            state => state,
        };
    }

    pub(super) fn close(&mut self) -> Option<Action<'static>> {
        let was_live = self.is_live();
        self.state = State::Over;
        was_live.then_some(Action::PusherClose { stream: self.stream })
    }

    /// Whether there is a connection or one is being opened, so that the session lives in memory.
    pub(super) const fn is_live(&self) -> bool {
        matches!(self.state, State::Connecting { .. } | State::Open { .. } | State::Leaving)
    }

    /// Whether the end of the call need not wait any more.
    pub(super) fn is_done(&self, now: UnixMillis) -> bool {
        let is_late = self.concluded && !matches!(self.state, State::Open { .. }) && self.has_waited(now);
        is_late || matches!(self.state, State::Leaving | State::Over)
    }

    /// When to poll again, if nothing happens before.
    fn wake(&self) -> Option<UnixMillis> {
        let at = match self.state {
            State::Idle | State::Leaving | State::Over => return None,
            State::Open { heartbeat_at, .. } => return Some(heartbeat_at),
            State::Connecting { since } => since + CONNECT_MILLIS,
            State::Waiting { until } => until,
        };
        Some(self.wait_until.filter(|_| self.concluded).map_or(at, |until| until.min(at)))
    }

    /// The next thing to do, until there is none. `zero` is when the call's first sample was captured.
    pub(super) fn poll(
        &mut self,
        zero: Option<UnixMillis>,
        now: UnixMillis,
        timers: &mut Timers,
    ) -> Option<Action<'static>> {
        let action = self.next_action(zero, now);
        timers.set(Timer::Pusher, self.wake());
        action
    }

    fn next_action(&mut self, zero: Option<UnixMillis>, now: UnixMillis) -> Option<Action<'static>> {
        match self.state {
            State::Open { greeted, heartbeat_at } => {
                let message = Pii::new(self.next_message(greeted, heartbeat_at, zero, now)?);
                Some(Action::PusherSend { stream: self.stream, message })
            }
            State::Leaving => self.close(),
            State::Idle | State::Waiting { .. } | State::Connecting { .. }
                if self.concluded && self.has_waited(now) =>
            {
                self.close()
            }
            State::Connecting { since } if since + CONNECT_MILLIS <= now => {
                let close = Action::PusherClose { stream: self.stream };
                self.fail(now);
                Some(close)
            }
            State::Idle if self.has_news() => self.connect(now),
            State::Waiting { until } if until <= now => self.connect(now),
            _ => None,
        }
    }

    /// The next message on an open connection: what it is about, then whatever there is. Behind the last one the state is
    /// [`State::Leaving`].
    fn next_message(
        &mut self,
        greeted: bool,
        heartbeat_at: UnixMillis,
        zero: Option<UnixMillis>,
        now: UnixMillis,
    ) -> Option<Vec<u8>> {
        if !greeted {
            self.state = State::Open { greeted: true, heartbeat_at };
            return Some(frame::conversation(self.conversation));
        }
        if heartbeat_at <= now {
            // A connection that has stood so long is a good one.
            self.faults = 0;
            self.state = State::Open { greeted, heartbeat_at: now + HEARTBEAT_MILLIS };
            return Some(frame::heartbeat());
        }
        if !self.segments.is_empty() {
            return Some(frame::segments(self.conversation, std::mem::take(&mut self.segments).iter()));
        }
        let available = if self.concluded { self.mixer.held() } else { self.mixer.ready() };
        let is_piece = available >= PIECE || (self.concluded && available > Samples::ZERO);
        if let Some(zero) = zero.filter(|_| is_piece) {
            let (from, samples) = self.mixer.take(PIECE);
            let start = Samples::from_millis(zero.get()) + from;
            return Some(frame::audio(start.seconds(), samples));
        }
        self.concluded.then(|| {
            self.state = State::Leaving;
            frame::process(self.conversation, &self.language)
        })
    }

    /// Whether there is something to open a connection for. A call that had audio before a restart is to be processed too.
    fn has_news(&self) -> bool {
        let has_ended = self.wait_until.is_some() && self.mixer.end() > Samples::ZERO;
        has_ended || self.mixer.held() > Samples::ZERO || !self.segments.is_empty()
    }

    fn has_waited(&self, now: UnixMillis) -> bool {
        self.wait_until.is_some_and(|until| until <= now)
    }

    /// The next try is due at once.
    fn hurry(&mut self, now: UnixMillis) {
        if matches!(self.state, State::Waiting { .. }) {
            self.state = State::Waiting { until: now };
        }
    }

    fn connect(&mut self, now: UnixMillis) -> Option<Action<'static>> {
        let endpoint = self.endpoint.clone()?;
        self.stream = self.stream.next();
        self.state = State::Connecting { since: now };
        Some(Action::PusherOpen { stream: self.stream, endpoint })
    }

    /// The connection is gone: another one later, or none where the call's end would have to wait for it.
    fn fail(&mut self, now: UnixMillis) {
        let wait = FIRST_WAIT_MILLIS.saturating_mul(1 << self.faults.min(6)).min(MAX_WAIT_MILLIS);
        self.faults = self.faults.saturating_add(1);
        self.state = if self.concluded { State::Over } else { State::Waiting { until: now + wait } };
    }
}
