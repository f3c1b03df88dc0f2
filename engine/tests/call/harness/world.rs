//! The world around a session: carries out its actions as an owner would, and checks each against the contract.

use std::collections::{BTreeMap, BTreeSet};

use fourwire_engine::call::{Action, Alert, ConnectOptions, Down, Snapshot, StreamId};
use fourwire_engine::quota::sessions::Stretch;
use fourwire_engine::record::ChunkSpan;
use fourwire_engine::speech::Refusal;
use fourwire_wire::conversation::{Conversation, ConversationStatus, PhoneCall};
use fourwire_wire::event::ServiceStatus;
use fourwire_wire::frame::{Channel, PerChannel};
use fourwire_wire::ids::SegmentId;
use fourwire_wire::pii::Pii;
use fourwire_wire::segment::Segment;
use fourwire_wire::structured::Structured;
use fourwire_wire::units::Samples;

use super::pusher::Pusher;
use super::recording::Recording;
use super::service::{Answer, Handshake, Service, Stream};

/// What a service's answer takes to the session, in milliseconds.
const ANSWER_MILLIS: u64 = 120;
/// What a service takes to close its end of a stream that was given up, in milliseconds.
const CLOSE_MILLIS: u64 = 4_000;
/// Longest piece of audio that is sent at once, in bytes: 100 ms.
const PIECE_BYTES: usize = 3_200;

/// Something on its way to the session.
#[derive(Debug)]
pub enum Coming {
    Connect(ConnectOptions),
    Frame(Vec<u8>),
    Text(String),
    Gone,
    /// The socket that the session closed, or that a test cut off, is gone.
    Opened(Channel, StreamId),
    Said(Channel, StreamId, String),
    Down(Channel, StreamId, Down<'static>),
    PhoneCall(Box<PhoneCall>),
    Summarised(Option<Structured>),
    Recorded(ChunkSpan),
    RecordFailed(ChunkSpan),
    PusherOpened(StreamId),
    PusherDown(StreamId),
    Registered,
    RegisterFailed,
    Counted(Samples, bool),
    Stored,
    StoreFailed,
}

/// The user's object, as far as a call sees it.
#[derive(Debug)]
pub struct Index {
    /// So many times more the conversation is not taken.
    pub failures: u32,
    /// How long an answer takes, in milliseconds.
    pub millis: u64,
    pub offered: u32,
    pub is_registered: bool,
    /// Whether counts are not answered.
    pub is_deaf: bool,
    pub may_go_on: bool,
    pub counts: Vec<(u64, Stretch)>,
    pub released: Option<Stretch>,
}

/// What a client was told.
#[derive(Debug)]
pub enum Told {
    Ping,
    Status(ServiceStatus),
    Held(PerChannel<Samples>),
    StoredUpTo(PerChannel<Samples>),
    Caption(Segment, bool),
    Withdrawn(Vec<SegmentId>),
    Processing(Conversation),
    Finished(Conversation),
    Close(u16),
}

/// What was stored, and how well storing goes.
#[derive(Debug, Default)]
pub struct Store {
    /// So many times more the store fails.
    pub failures: u32,
    /// How long it takes, in milliseconds.
    pub millis: u64,
    pub offered: u32,
    /// Of each conversation that was offered, whether it was news.
    pub news: Vec<bool>,
    pub outstanding: Option<Conversation>,
    pub conversations: Vec<Conversation>,
    pub snapshot: Option<Snapshot>,
    /// How often the state was saved.
    pub saves: u32,
    pub segments: BTreeMap<SegmentId, Segment>,
    pub forgotten: bool,
    /// Whether the last conversation was said to be one in which nothing was said.
    pub is_empty: bool,
}

/// Everything but the session and the clock.
#[derive(Debug)]
pub struct World {
    /// One pair a provider, by its number in the order of configuration.
    pub services: Vec<PerChannel<Service>>,
    pub streams: BTreeMap<(Channel, StreamId), (usize, Stream)>,
    /// Streams that were opened, by channel: which provider, when.
    pub opened: Vec<(Channel, usize, u64)>,
    pub store: Store,
    pub index: Index,
    pub recording: Recording,
    /// Who hears the call, if somebody does.
    pub pusher: Option<Pusher>,
    /// What a language model was asked to sum up; it answers what a test lets it.
    pub summaries: Vec<(u64, Conversation)>,
    pub told: Vec<(u64, Told)>,
    /// What the operator finds in the log.
    pub alerts: Vec<Alert>,
    /// Tokens that the session wants checked.
    pub tokens: Vec<Pii<String>>,
    pub connected: bool,
    coming: BTreeMap<(u64, u64), Coming>,
    number: u64,
    closed: BTreeSet<(Channel, StreamId)>,
}

impl World {
    pub fn new(services: Vec<PerChannel<Service>>) -> Self {
        Self {
            services,
            streams: BTreeMap::new(),
            opened: Vec::new(),
            store: Store::default(),
            index: Index {
                failures: 0,
                millis: 0,
                offered: 0,
                is_registered: false,
                is_deaf: false,
                may_go_on: true,
                counts: Vec::new(),
                released: None,
            },
            recording: Recording::default(),
            pusher: None,
            summaries: Vec::new(),
            told: Vec::new(),
            alerts: Vec::new(),
            tokens: Vec::new(),
            connected: false,
            coming: BTreeMap::new(),
            number: 0,
            closed: BTreeSet::new(),
        }
    }

    /// Sends something to the session, to arrive at a moment.
    pub fn send(&mut self, at: u64, coming: Coming) {
        self.number += 1;
        self.coming.insert((at, self.number), coming);
    }

    /// When the next thing arrives.
    pub fn next_at(&self) -> Option<u64> {
        self.coming.first_key_value().map(|((at, _), _)| *at)
    }

    /// What has arrived by `now`, one at a time.
    pub fn arrive(&mut self, now: u64) -> Option<Coming> {
        let entry = self.coming.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }

    /// The session's owner is moved or restarted: all sockets to services and all that was on its way is gone.
    pub fn forget_sockets(&mut self, now: u64) {
        self.pusher.iter_mut().for_each(|pusher| pusher.forget(now));
        self.recording.interrupted();
        self.streams.clear();
        self.closed.clear();
        self.coming.retain(|_, coming| {
            matches!(coming, Coming::Connect(_) | Coming::Frame(_) | Coming::Text(_) | Coming::Gone)
        });
        self.store.outstanding = None;
    }

    /// Breaks a channel's open stream off, as a network does.
    pub fn cut(&mut self, channel: Channel, now: u64) {
        let ids: Vec<_> = self.streams.keys().filter(|(of, _)| *of == channel).copied().collect();
        for (channel, stream) in ids {
            self.streams.remove(&(channel, stream));
            self.send(now, Coming::Down(channel, stream, Down::Closed));
        }
    }

    /// Breaks the connection to the pusher off.
    pub fn cut_pusher(&mut self, now: u64) {
        let live = self.pusher.as_ref().and_then(|pusher| pusher.connections.last());
        if let Some(stream) = live.filter(|known| known.closed.is_none()).map(|known| known.stream) {
            self.send(now, Coming::PusherDown(stream));
        }
    }

    /// Does what the session wants done.
    pub fn carry_out(&mut self, action: Action<'_>, now: u64) {
        assert!(!self.store.forgotten, "after Forget nothing more is done: {action:?}");
        match action {
            Action::Ping => self.tell(now, Told::Ping),
            Action::Status(status) => self.tell(now, Told::Status(status)),
            Action::Held(positions) => self.tell(now, Told::Held(positions)),
            Action::StoredUpTo(positions) => self.tell(now, Told::StoredUpTo(positions)),
            Action::Caption { segment, extras } => self.tell(now, Told::Caption(segment, extras)),
            Action::Withdrawn(segments) => self.tell(now, Told::Withdrawn(segments)),
            Action::Alert(alert) => self.alerts.push(alert),
            Action::Processing(conversation) => self.tell(now, Told::Processing(*conversation)),
            Action::Finished(conversation) => self.tell(now, Told::Finished(*conversation)),
            Action::Verify(token) => self.tokens.push(token),
            Action::Close { code, .. } => {
                self.tell(now, Told::Close(code));
                self.connected = false;
            }
            Action::SpeechOpen { channel, stream, endpoint } => self.open(channel, stream, &endpoint.url, now),
            Action::SpeechAudio { channel, stream, pcm } => self.audio(channel, stream, pcm, now),
            Action::SpeechText { channel, stream, text } => self.service_text(channel, stream, text, now),
            Action::SpeechClose { channel, stream } => {
                self.streams.remove(&(channel, stream)).expect("only what is open is closed");
                // The platform tells of it all the same.
                self.send(now + CLOSE_MILLIS, Coming::Down(channel, stream, Down::Closed));
            }
            Action::PusherOpen { stream, endpoint } => {
                let pusher = self.pusher.as_mut().expect("only who wants to hear calls hears them");
                pusher.ask(stream, &endpoint, now);
                match pusher.handshake {
                    Handshake::Accept(millis) => self.send(now + millis, Coming::PusherOpened(stream)),
                    Handshake::Refuse(millis) | Handshake::RefuseWith(millis, ..) => {
                        self.send(now + millis, Coming::PusherDown(stream));
                    }
                    Handshake::Never => {}
                }
            }
            Action::PusherSend { stream, message } => {
                let connection = self.pusher.as_mut().and_then(|pusher| pusher.live(stream));
                connection.expect("only what is open is sent something").take(message.expose(), now);
            }
            Action::PusherClose { stream } => {
                let connection = self.pusher.as_mut().and_then(|pusher| pusher.live(stream));
                connection.expect("only what is open is closed").closed = Some(now);
                self.send(now + CLOSE_MILLIS, Coming::PusherDown(stream));
            }
            Action::Save(snapshot) => {
                let json = serde_json::to_string(&snapshot).unwrap();
                assert_eq!(serde_json::from_str::<Snapshot>(&json).unwrap(), *snapshot);
                self.store.snapshot = Some(*snapshot);
                self.store.saves += 1;
            }
            Action::SaveSegment(segment) => {
                let earlier = self.store.segments.insert(segment.id, segment.clone());
                if let Some(earlier) = earlier {
                    assert_eq!(earlier.channel, segment.channel, "words never leave their channel");
                }
            }
            Action::Record(chunk) => {
                let outcome = self.recording.record(chunk, now);
                self.send(now + self.recording.millis, outcome);
            }
            Action::KeepChunk(chunk) => self.recording.keep(&chunk),
            Action::DropChunk(span) => self.recording.drop(&span),
            Action::RecordKept(span) => {
                let outcome = self.recording.record_kept(&span, now);
                self.send(now + self.recording.millis, outcome);
            }
            Action::Summarise(conversation) => {
                assert_eq!(conversation.status, ConversationStatus::Processing);
                self.summaries.push((now, *conversation));
            }
            Action::Register(conversation) => self.register(&conversation, now),
            Action::Count(audio) => {
                assert!(audio.from <= audio.to);
                self.index.counts.push((now, audio));
                if !self.index.is_deaf {
                    self.send(now, Coming::Counted(audio.to, self.index.may_go_on));
                }
            }
            Action::Release(audio) => {
                assert!(self.index.released.is_none(), "once");
                self.index.released = Some(audio);
            }
            Action::Store { conversation, is_news, is_empty } => {
                assert!(self.index.is_registered, "what is finished is in the index");
                self.store.news.push(is_news);
                self.store.is_empty = is_empty;
                assert!(self.recording.kept.is_empty(), "audio first: what is finished is complete");
                self.offer(*conversation, now);
            }
            Action::Forget => {
                self.store.forgotten = true;
                assert!(self.index.released.is_some(), "its slot is free");
                assert!(self.streams.is_empty(), "nothing is left open");
                let connections = self.pusher.iter().flat_map(|pusher| &pusher.connections);
                assert!(connections.into_iter().all(|known| known.closed.is_some()), "nor to the pusher");
            }
        }
    }

    fn register(&mut self, conversation: &Conversation, now: u64) {
        assert_eq!(conversation.status, ConversationStatus::InProgress);
        let taken = self.index.failures == 0;
        self.index.failures = self.index.failures.saturating_sub(1);
        self.index.is_registered |= taken;
        self.index.offered += 1;
        self.send(now + self.index.millis, if taken { Coming::Registered } else { Coming::RegisterFailed });
    }

    fn tell(&mut self, now: u64, told: Told) {
        assert!(self.connected, "there is a client to be told {told:?}");
        self.told.push((now, told));
    }

    fn open(&mut self, channel: Channel, stream: StreamId, url: &str, now: u64) {
        assert!(!self.streams.keys().any(|(of, _)| *of == channel), "a channel has one stream at a time");
        assert!(self.closed.insert((channel, stream)), "no stream's id is used twice");
        let number = url.strip_prefix("https://service-").and_then(|rest| rest.split('.').next());
        let provider = number.unwrap().parse::<usize>().unwrap();
        self.opened.push((channel, provider, now));
        self.streams.insert((channel, stream), (provider, Stream::default()));
        match self.services[provider].get(channel).handshake {
            Handshake::Accept(millis) => self.send(now + millis, Coming::Opened(channel, stream)),
            Handshake::Refuse(millis) => self.refuse(channel, stream, now + millis, 503, ""),
            Handshake::RefuseWith(millis, status, body) => self.refuse(channel, stream, now + millis, status, body),
            Handshake::Never => {}
        }
    }

    fn refuse(&mut self, channel: Channel, stream: StreamId, at: u64, status: u16, body: &'static str) {
        let down = Down::Refused(Refusal { status, retry_after: None, body });
        self.send(at, Coming::Down(channel, stream, down));
    }

    /// Whether news of a stream still finds it; a stream that is reported as down is gone with the report.
    pub fn deliver(&mut self, coming: &Coming, now: u64) -> bool {
        match coming {
            Coming::Opened(channel, stream) => {
                let Some((_, known)) = self.streams.get_mut(&(*channel, *stream)) else { return false };
                known.opened = Some(now);
            }
            Coming::Down(channel, stream, _) => {
                self.streams.remove(&(*channel, *stream));
            }
            Coming::PusherOpened(stream) => {
                let Some(connection) = self.pusher.as_mut().and_then(|pusher| pusher.live(*stream)) else {
                    return false;
                };
                connection.opened = Some(now);
            }
            Coming::PusherDown(stream) => {
                if let Some(connection) = self.pusher.as_mut().and_then(|pusher| pusher.live(*stream)) {
                    connection.closed = Some(now);
                }
            }
            Coming::Connect(_) => self.connected = true,
            Coming::Gone => return std::mem::take(&mut self.connected),
            Coming::Frame(_) | Coming::Text(_) => return self.connected,
            Coming::Stored => {
                let conversation = self.store.outstanding.take().expect("something was offered");
                self.store.conversations.push(conversation);
            }
            Coming::StoreFailed => {
                self.store.outstanding.take().expect("something was offered");
            }
            Coming::Said(..)
            | Coming::PhoneCall(_)
            | Coming::Summarised(_)
            | Coming::Registered
            | Coming::RegisterFailed
            | Coming::Counted(..) => {}
            Coming::Recorded(_) => self.recording.answered(true),
            Coming::RecordFailed(_) => self.recording.answered(false),
        }
        true
    }

    fn audio(&mut self, channel: Channel, id: StreamId, pcm: &[u8], now: u64) {
        let (provider, stream) = self.streams.get_mut(&(channel, id)).expect("audio goes to a stream that is there");
        let opened = stream.opened.expect("audio goes to an accepted stream");
        assert!(!stream.finished, "nothing follows CloseStream");
        assert!(!pcm.is_empty() && pcm.len() <= PIECE_BYTES && pcm.len().is_multiple_of(2));
        let Service { manner, lag, .. } = *self.services[*provider].get(channel);
        let answers = stream.audio(pcm, manner);
        let allowed = 2_000 + (now - opened) * 5 / 4;
        assert!(stream.position() / 16 <= allowed, "{} ms were sent, {allowed} are taken", stream.position() / 16);
        self.answer(channel, id, answers, now + lag);
    }

    fn service_text(&mut self, channel: Channel, id: StreamId, text: &str, now: u64) {
        let (provider, stream) = self.streams.get_mut(&(channel, id)).expect("texts go to a stream that is there");
        assert!(stream.opened.is_some() && !stream.finished);
        let message: serde_json::Value = serde_json::from_str(text).unwrap();
        match message["type"].as_str().unwrap() {
            "KeepAlive" => stream.keep_alives += 1,
            "CloseStream" => {
                let Service { farewell, lag, .. } = *self.services[*provider].get(channel);
                let answers = stream.finish(farewell);
                self.answer(channel, id, answers, now + lag);
            }
            other => panic!("no service knows {other}"),
        }
    }

    fn answer(&mut self, channel: Channel, stream: StreamId, answers: Vec<Answer>, now: u64) {
        for answer in answers {
            let coming = match answer {
                Answer::Text(text) => Coming::Said(channel, stream, text),
                Answer::Close => Coming::Down(channel, stream, Down::Closed),
            };
            self.send(now + ANSWER_MILLIS, coming);
        }
    }

    fn offer(&mut self, conversation: Conversation, now: u64) {
        assert!(self.store.outstanding.is_none(), "one conversation is offered at a time");
        self.store.offered += 1;
        let segments = &conversation.transcript_segments;
        assert!(segments.is_sorted_by_key(|segment| segment.start), "segments are in the order of time");
        let ids: BTreeSet<_> = segments.iter().map(|segment| segment.id).collect();
        assert_eq!(ids.len(), segments.len(), "no segment is there twice");
        assert!(segments.iter().all(|segment| segment.extras.as_ref().is_some_and(|extras| extras.is_final)));
        self.store.outstanding = Some(conversation);
        let failed = self.store.failures > 0;
        self.store.failures = self.store.failures.saturating_sub(1);
        self.send(now + self.store.millis, if failed { Coming::StoreFailed } else { Coming::Stored });
    }
}
