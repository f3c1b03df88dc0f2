//! The session's state machine: who is connected, which phase the call is in, and what each event leads to.
//!
//! ```text
//!   Live ──end, or grace over──▶ Draining ──all is said──▶ Concluding ──audio stored──▶ Storing ──stored──▶ Done
//!    ▲                              │                         │                          │
//!    └───────── a client connects ──┴─────────────────────────┴──────────────────────────┘
//! ```

mod ending;

use std::collections::VecDeque;
use std::rc::Rc;

use fourwire_wire::conversation::{Conversation, ConversationStatus, PhoneCall};
use fourwire_wire::event::{ClientMessage, PING_EVERY_MILLIS, ServiceStatus, Status, close};
use fourwire_wire::frame::{Channel, Frame, PerChannel};
use fourwire_wire::ids::{CallId, ConversationId};
use fourwire_wire::query::{Language, Source};
use fourwire_wire::segment::Segment;
use fourwire_wire::structured::{Structured, SummaryBy};
use fourwire_wire::units::{Samples, UnixMillis};

use super::captions::Captions;
use super::intake::{Intake, Stretch};
use super::link::{Link, News};
use super::pusher::PusherLink;
use super::record::{Snapshot, SnapshotChannel};
use super::recorder::Recorder;
use super::timers::{Timer, Timers};
use super::{Action, Event};
use crate::audio::SampleRate;
use crate::record::ChunkSpan;
use crate::speech::Provider;

/// A client that sends nothing at all for this long, in milliseconds, is gone: the peer's limit.
const IDLE_MILLIS: u64 = 90_000;
/// How long a call waits for a client that left without a word, in milliseconds: longer than any client's whole retry
/// budget (five tries, the last after 16 s).
const GRACE_MILLIS: u64 = 60_000;
/// No call is longer, in milliseconds: the peer's four hours, which is also Twilio's longest `<Dial>`.
const LONGEST_MILLIS: u64 = 4 * 60 * 60 * 1000;

/// What a new session is about.
#[derive(Clone, Debug)]
pub struct Start {
    /// The conversation that the call will become.
    pub conversation: ConversationId,
    /// The client's name for the call.
    pub call_id: Option<CallId>,
    /// The telephone's side of it, where the carrier has told of one already.
    pub phone_call: Option<PhoneCall>,
    /// What is spoken.
    pub language: Language,
    /// Where the audio comes from.
    pub source: Source,
}

/// What a session can ask for, by configuration.
#[derive(Clone, Debug)]
pub struct Services {
    /// The speech services, in the order in which they are tried.
    pub speech: Rc<[Provider]>,
    /// Whether there is a language model for summaries.
    pub has_model: bool,
    /// Where the operator's program hears the user's calls, if there is one.
    pub pusher: Option<crate::pusher::Endpoint>,
}

/// What was made of a call's text, and by whom.
type Summary = (Structured, SummaryBy);

/// What was saved of a call beside its snapshot.
#[derive(Clone, Debug, Default)]
pub struct Saved {
    /// Its segments, in any order.
    pub segments: Vec<Segment>,
    /// The chunks of the record that are kept, in the order of time.
    pub chunks: Vec<ChunkSpan>,
}

/// One call. [`super`] says how it is used.
#[derive(Debug)]
pub struct Session {
    state: Snapshot,
    /// Everything said, by time.
    segments: Vec<Segment>,
    phase: Phase,
    client: Option<Client>,
    /// The audio of the client's connection, until the call ends.
    intake: Option<Intake>,
    links: PerChannel<Link>,
    captions: PerChannel<Captions>,
    recorder: Recorder,
    pusher: PusherLink,
    /// Whether summaries are asked of a language model.
    has_model: bool,
    /// What was made of the text, once the call is over.
    summary: Option<Summary>,
    timers: Timers,
    actions: VecDeque<Action<'static>>,
    /// The store has a conversation and has not said yet whether it took it.
    offered: bool,
    store_failures: u32,
}

#[derive(Debug)]
enum Phase {
    Live,
    /// The speech services say what they still have.
    Draining,
    /// All is said; the record of it is being completed.
    Concluding,
    Storing(Box<Conversation>),
    /// The store did not take it; [`Timer::StoreRetry`] runs.
    Retrying,
    Done,
}

/// The client's connection.
#[derive(Debug)]
struct Client {
    interim: bool,
    last_at: UnixMillis,
}

impl Session {
    /// A new call.
    #[must_use]
    pub fn start(start: Start, services: &Services, now: UnixMillis) -> Self {
        let mut session = Self::restore(Snapshot::new(start, now), Saved::default(), services);
        session.save();
        session
    }

    /// A call that goes on where its last snapshot and what was saved beside it left it, after a restart of its owner.
    #[must_use]
    pub fn restore(state: Snapshot, saved: Saved, services: &Services) -> Self {
        let Saved { mut segments, chunks } = saved;
        // Whatever utterance was open: its service is gone, and it will not grow any more.
        for segment in &mut segments {
            segment.is_final = true;
        }
        segments.sort_by_key(|segment| (segment.start, segment.channel));
        let links = PerChannel::from_fn(|channel| {
            Link::new(channel, Rc::clone(&services.speech), state.language.clone(), state.channels.get(channel).end)
        });
        let captions = PerChannel::from_fn(|channel| {
            let own = segments.iter().filter(|segment| segment.channel == channel);
            let settled = own.clone().map(|segment| segment.end).max().unwrap_or_default();
            let begun = u32::try_from(own.count()).unwrap_or(u32::MAX);
            Captions::new(state.conversation, channel, begun, settled)
        });
        let ends = PerChannel::from_fn(|channel| state.channels.get(channel).end);
        let stored = PerChannel::from_fn(|channel| state.channels.get(channel).stored);
        let pusher = PusherLink::new(services.pusher.clone(), state.conversation, state.language.clone(), ends);
        let mut timers = Timers::default();
        let phase = if state.ending {
            // The services are gone, so there is nothing to wait for: the wake-up is due at once.
            timers.set(Timer::Drain, Some(state.created_at));
            Phase::Draining
        } else {
            timers.set(Timer::Longest, Some(state.created_at + LONGEST_MILLIS));
            timers.set(Timer::Grace, Some(state.seen_at + GRACE_MILLIS));
            Phase::Live
        };
        Self {
            state,
            segments,
            phase,
            client: None,
            intake: None,
            links,
            captions,
            recorder: Recorder::new(ends, stored, chunks),
            pusher,
            has_model: services.has_model,
            summary: None,
            timers,
            actions: VecDeque::new(),
            offered: false,
            store_failures: 0,
        }
    }

    /// A call that had been finished, and whose client came back: it goes on in the same conversation.
    #[must_use]
    pub fn reopen(conversation: Conversation, services: &Services) -> Self {
        let (state, segments) = Snapshot::of_finished(conversation);
        let saved = Saved { segments, chunks: Vec::new() };
        let mut session = Self::restore(state, saved, services);
        session.save();
        for segment in session.segments.clone() {
            session.actions.push_back(Action::SaveSegment(segment));
        }
        session
    }

    /// Takes what happened. Drain [`Session::poll`] afterwards.
    pub fn handle(&mut self, now: UnixMillis, event: Event<'_>) {
        if self.is_done() {
            return;
        }
        match event {
            Event::Connected { rate, interim } => self.connected(rate, interim, now),
            Event::Reattached { rate, interim } => self.attach(rate, interim, now),
            Event::Frame(message) => self.frame(message, now),
            Event::Text(text) => self.text(text, now),
            Event::Disconnected => self.disconnected(now),
            Event::SpeechOpened { channel, stream } => self.links.get_mut(channel).opened(stream, now),
            Event::SpeechText { channel, stream, text } => {
                let news = self.with_link(channel, |link, actions| link.text(stream, text, now, actions));
                match news {
                    Some(News::Words(origin, window)) => self.words(channel, origin, window),
                    Some(News::UtteranceEnd) => self.close_utterance(channel),
                    None => {}
                }
            }
            Event::SpeechDown { channel, stream, down } => {
                if self.with_link(channel, |link, actions| link.down(stream, down, now, actions)) {
                    self.close_utterance(channel);
                }
            }
            Event::PusherOpened { stream } => self.pusher.opened(stream, now),
            Event::PusherDown { stream } => self.pusher.down(stream, now),
            Event::PhoneCall(call) => self.phone_call(call, now),
            Event::Summarised(structured) => self.summarised(structured.cloned()),
            Event::Recorded(span) => self.recorded(span),
            Event::RecordFailed(span) => {
                let news = self.recorder.failed(span, now);
                self.queue(news);
            }
            Event::RecordLost(span) => {
                let news = self.recorder.lost(span);
                self.queue(news);
            }
            Event::Stored => self.stored(),
            Event::StoreFailed => self.store_failed(now),
            Event::Timeout => {}
        }
        self.fire_timers(now);
    }

    /// The next thing to do, until there is none.
    pub fn poll(&mut self, now: UnixMillis) -> Option<Action<'_>> {
        if let Some(action) = self.actions.pop_front() {
            return Some(action);
        }
        if let Some(channel) = Channel::BOTH.into_iter().find(|channel| self.links.get(*channel).has_piece(now)) {
            let (stream, pcm) = self.links.get_mut(channel).piece(now)?;
            return Some(Action::SpeechAudio { channel, stream, pcm });
        }
        for channel in Channel::BOTH {
            self.with_link(channel, |link, actions| link.finish_if_due(now, actions));
            let wake = self.links.get(channel).wake(now);
            self.timers.set(Timer::Link(channel), wake);
        }
        let record = self.recorder.poll(now);
        // With each chunk the state goes on as far as the chunk reaches: what comes after a restart must not overlap it.
        let is_cut = matches!(record, Some(Action::Record(_) | Action::KeepChunk(_)));
        self.queue(record);
        if is_cut {
            self.save();
        }
        self.timers.set(Timer::Record, self.recorder.wake());
        self.finish(now);
        let push = self.pusher.poll(self.state.started_at, now, &mut self.timers);
        self.queue(push);
        self.actions.pop_front()
    }

    /// When to call [`Session::handle`] with [`Event::Timeout`], if nothing happens before.
    #[must_use]
    pub fn wake(&self) -> Option<UnixMillis> {
        self.timers.next()
    }

    /// Whether streams to speech services or to the pusher are open or wanted, so that the session lives in memory.
    #[must_use]
    pub fn is_streaming(&self) -> bool {
        self.is_transcribing() || self.pusher.is_live()
    }

    /// Whether the call is over, stored and forgotten.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Done)
    }

    /// The conversation as it is now.
    #[must_use]
    pub fn conversation(&self) -> Conversation {
        self.up_to_date().conversation(&self.segments, ConversationStatus::InProgress, None)
    }

    fn connected(&mut self, rate: SampleRate, interim: bool, now: UnixMillis) {
        if self.client.is_some() {
            self.leave(now);
        }
        let resumed = self.state.last_audio_at;
        self.phase = Phase::Live;
        self.state.ending = false;
        self.store_failures = 0;
        self.summary = None;
        self.pusher.resume();
        self.timers.set(Timer::Drain, None);
        self.timers.set(Timer::Summary, None);
        self.timers.set(Timer::StoreRetry, None);
        self.timers.set(Timer::Longest, Some(self.state.created_at + LONGEST_MILLIS));
        self.attach(rate, interim, now);
        self.actions.push_back(Action::Ping);
        self.status(Status::Initiating, "Service Starting");
        if resumed.is_some() {
            self.status(Status::InProgressConversationsProcessing, "Processing Conversations");
        }
        self.status(Status::SttInitiating, "STT Service Starting");
        self.status(Status::Ready, "Ready");
        let troubles = Channel::BOTH.into_iter().filter_map(|channel| self.links.get(channel).trouble());
        self.actions.extend(troubles.cloned().map(Action::Status));
        self.save();
    }

    /// Takes a client's connection as it is; whether the call goes on or is being finished stays as it was.
    fn attach(&mut self, rate: SampleRate, interim: bool, now: UnixMillis) {
        self.client = Some(Client { interim, last_at: now });
        if matches!(self.phase, Phase::Live) {
            let ends = PerChannel::from_fn(|channel| self.links.get(channel).end());
            self.intake = Some(Intake::new(rate, ends, self.state.last_audio_at));
        }
        self.state.seen_at = now;
        self.timers.set(Timer::Grace, self.has_ended().then(|| now + ending::HANG_UP_MILLIS));
        self.timers.set(Timer::Idle, Some(now + IDLE_MILLIS));
        self.timers.set(Timer::Ping, Some(now + PING_EVERY_MILLIS));
    }

    fn frame(&mut self, message: &[u8], now: UnixMillis) {
        let Some(client) = &mut self.client else { return };
        client.last_at = now;
        match Frame::parse(message) {
            Frame::Audio { channel, pcm } => {
                let Some(intake) = &mut self.intake else { return };
                let is_first = self.state.started_at.is_none();
                self.state.started_at.get_or_insert(now - intake.millis(pcm));
                let mut answers = Vec::new();
                let (links, recorder, pusher) = (&mut self.links, &mut self.recorder, &mut self.pusher);
                intake.frame(channel, pcm, now, |Stretch { channel, samples, spoken }| {
                    recorder.audio(channel, samples, now);
                    pusher.audio(channel, samples);
                    links.get_mut(channel).audio(samples, spoken, now, &mut answers);
                });
                // After a reconnect this is what the gap is measured from, so it must not hide the network's delay.
                self.state.last_audio_at = Some(intake.captured_until(now));
                self.queue(answers);
                if is_first {
                    // From here on a restart has a clock to place the rest by.
                    self.save();
                }
            }
            Frame::TooBig => self.close(close::TOO_BIG, "a frame may carry 65536 bytes of audio", now),
            Frame::Keepalive | Frame::UnknownChannel => {}
        }
    }

    fn text(&mut self, text: &str, now: UnixMillis) {
        let Some(client) = &mut self.client else { return };
        client.last_at = now;
        match ClientMessage::parse(text) {
            ClientMessage::End if matches!(self.phase, Phase::Live) => self.end(now),
            ClientMessage::Contact { name } => {
                self.state.contact_name = Some(name);
                self.save();
            }
            ClientMessage::End | ClientMessage::Auth { .. } | ClientMessage::Ignored(_) => {}
        }
    }

    /// A chunk of the record is stored; what has become of the call is saved with it, so that a restart goes on behind it.
    fn recorded(&mut self, span: &ChunkSpan) {
        let news = self.recorder.stored(span);
        self.queue(news);
        self.save();
    }

    /// The client's socket is gone without an `end`: the call waits for it, and the services say what they still have.
    fn disconnected(&mut self, now: UnixMillis) {
        if self.client.is_none() {
            return;
        }
        self.leave(now);
        if matches!(self.phase, Phase::Live) {
            self.timers.set(Timer::Grace, Some(now + GRACE_MILLIS));
            self.state.seen_at = now;
            self.finish_links(now);
            self.save();
        }
    }

    /// Takes the connection apart; the call itself goes on.
    fn leave(&mut self, now: UnixMillis) {
        self.timers.set(Timer::Idle, None);
        self.timers.set(Timer::Ping, None);
        self.client = None;
        self.flush(now);
    }

    /// No more audio comes over this connection: puts what the filters still hold onto the timeline.
    fn flush(&mut self, now: UnixMillis) {
        let Some(intake) = self.intake.take() else { return };
        let mut answers = Vec::new();
        let (links, recorder, pusher) = (&mut self.links, &mut self.recorder, &mut self.pusher);
        intake.finish(|Stretch { channel, samples, spoken }| {
            recorder.audio(channel, samples, now);
            pusher.audio(channel, samples);
            links.get_mut(channel).audio(samples, spoken, now, &mut answers);
        });
        recorder.flush();
        self.queue(answers);
    }

    fn close(&mut self, code: u16, reason: &'static str, now: UnixMillis) {
        self.actions.push_back(Action::Close { code, reason });
        self.disconnected(now);
    }

    fn finish_links(&mut self, now: UnixMillis) {
        for channel in Channel::BOTH {
            self.with_link(channel, |link, actions| link.finish(now, actions));
        }
    }

    fn words(&mut self, channel: Channel, origin: Samples, window: crate::speech::Window) {
        let is_final = window.is_final;
        let captions = self.captions.get_mut(channel);
        let segment = captions.window(origin, window);
        if is_final {
            self.links.get_mut(channel).settle(captions.settled());
        }
        if let Some(segment) = segment {
            self.caption(segment, is_final);
        }
    }

    fn close_utterance(&mut self, channel: Channel) {
        if let Some(segment) = self.captions.get_mut(channel).close() {
            self.caption(segment, true);
        }
    }

    /// A segment changed: for good, or only to be shown.
    fn caption(&mut self, segment: Segment, for_good: bool) {
        let interim = self.client.as_ref().is_some_and(|client| client.interim);
        if for_good {
            self.pusher.segment(&segment);
            self.keep(segment.clone());
        }
        if self.client.is_some() && (for_good || interim) {
            self.actions.push_back(Action::Caption { segment: segment.clone(), extras: interim });
        }
        // Shown first: what is sent after a write waits until the write is durable.
        if for_good {
            self.actions.push_back(Action::SaveSegment(segment));
        }
    }

    /// Puts a segment into the transcript, in place of what was there under its id, by time.
    fn keep(&mut self, segment: Segment) {
        if let Some(index) = self.segments.iter().rposition(|known| known.id == segment.id) {
            self.segments.remove(index);
        }
        let place =
            self.segments.partition_point(|known| (known.start, known.channel) <= (segment.start, segment.channel));
        self.segments.insert(place, segment);
    }

    fn fire_timers(&mut self, now: UnixMillis) {
        while let Some(timer) = self.timers.take_expired(now) {
            match timer {
                Timer::Ping => {
                    self.timers.set(Timer::Ping, Some(now + PING_EVERY_MILLIS));
                    self.actions.push_back(Action::Ping);
                    self.state.seen_at = now;
                    self.save();
                }
                Timer::Idle => {
                    let idle_at = self.client.as_ref().map(|client| client.last_at + IDLE_MILLIS);
                    if idle_at.is_some_and(|at| at <= now) {
                        self.close(close::GOING_AWAY, "nothing came for 90 seconds", now);
                    } else {
                        self.timers.set(Timer::Idle, idle_at);
                    }
                }
                // The poll that follows looks after it.
                Timer::Record | Timer::Pusher => {}
                Timer::Grace => self.end(now),
                Timer::Summary => self.summarised(None),
                Timer::Longest => {
                    if self.client.is_some() {
                        let reason = "a call is recorded for four hours at most";
                        self.actions.push_back(Action::Close { code: close::GOING_AWAY, reason });
                    }
                    self.leave(now);
                    self.end(now);
                }
                Timer::Drain => {
                    for channel in Channel::BOTH {
                        self.with_link(channel, Link::abandon);
                    }
                }
                // The next poll offers the conversation again.
                Timer::StoreRetry => self.phase = Phase::Concluding,
                Timer::Link(channel) => {
                    if self.with_link(channel, |link, actions| link.timeout(now, actions)) {
                        self.close_utterance(channel);
                    }
                }
            }
        }
    }

    /// Runs something on a link and queues what it wants done.
    fn with_link<T>(&mut self, channel: Channel, run: impl FnOnce(&mut Link, &mut Vec<Action<'static>>) -> T) -> T {
        let mut actions = Vec::new();
        let result = run(self.links.get_mut(channel), &mut actions);
        self.queue(actions);
        result
    }

    /// Queues what a link or the recorder wants done; what they tell is for a client, if there is one.
    fn queue(&mut self, actions: impl IntoIterator<Item = Action<'static>>) {
        let has_client = self.client.is_some();
        self.actions.extend(actions.into_iter().filter(|action| has_client || !matches!(action, Action::Status(_))));
    }

    fn status(&mut self, status: Status, text: &str) {
        self.actions.push_back(Action::Status(ServiceStatus {
            status,
            status_text: text.to_owned(),
            channel: None,
            reason: None,
            retryable: None,
            retry_after: None,
        }));
    }

    fn save(&mut self) {
        self.state = self.up_to_date();
        self.actions.push_back(Action::Save(Box::new(self.state.clone())));
    }

    /// The state with each channel's end as it is now.
    fn up_to_date(&self) -> Snapshot {
        let mut state = self.state.clone();
        for channel in Channel::BOTH {
            *state.channels.get_mut(channel) =
                SnapshotChannel { end: self.links.get(channel).end(), stored: self.recorder.stored_of(channel) };
        }
        state
    }
}
