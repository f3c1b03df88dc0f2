//! The session's state machine: who is connected, which phase the call is in, and what each event leads to.
//!
//! ```text
//!   Live ──end, or grace over──▶ Draining ──all is said──▶ Concluding ──audio stored──▶ Storing ──stored──▶ Done
//!    ▲                              │                         │                          │
//!    └───────── a client connects ──┴─────────────────────────┴──────────────────────────┘
//! ```

mod budget;
mod changes;
mod connection;
mod ending;
mod entry;
mod sign_in;

use std::collections::VecDeque;
use std::rc::Rc;

use fourwire_wire::conversation::{Conversation, ConversationStatus};
use fourwire_wire::event::{PING_EVERY_MILLIS, ServiceStatus, Status, close};
use fourwire_wire::frame::{Channel, PerChannel};
use fourwire_wire::ids::{ConversationId, SegmentId};
use fourwire_wire::segment::Segment;
use fourwire_wire::structured::{Structured, SummaryBy};
use fourwire_wire::units::{Samples, UnixMillis};

use super::captions::{Captions, Change};
use super::intake::Intake;
use super::link::{Link, News};
use super::pusher::PusherLink;
use super::record::{Snapshot, SnapshotChannel, Start};
use super::recorder::Recorder;
use super::timers::{Timer, Timers};
use super::{Action, Event};
use crate::quota::sessions::REPORT_EVERY_MILLIS;
use crate::record::ChunkSpan;
use crate::speech::Provider;
use crate::zones::Zones;
use budget::Budget;
use changes::Changes;
use connection::Client;
use entry::Entry;

/// A client that sends nothing at all for this long, in milliseconds, is gone: the peer's limit.
const IDLE_MILLIS: u64 = 90_000;
/// How long a call waits for a client that left without a word, in milliseconds: longer than any client's whole retry
/// budget (five tries, the last after 16 s).
const GRACE_MILLIS: u64 = 60_000;
/// No call is longer, in milliseconds: the peer's four hours, which is also Twilio's longest `<Dial>`.
pub(crate) const MAX_CALL_MILLIS: u64 = 4 * 60 * 60 * 1000;

/// What a session can ask for, by configuration.
#[derive(Clone, Debug)]
pub struct Services {
    /// The speech services, in the order in which they are tried.
    pub speech: Rc<[Provider]>,
    /// Whether there is a language model for summaries.
    pub has_model: bool,
    /// Where the operator's program hears the user's calls, if there is one.
    pub pusher: Option<crate::pusher::Endpoint>,
    /// The rules of time zones, for what is said of "tomorrow".
    pub zones: Rc<dyn Zones>,
}

/// What was made of a call's text, and by whom.
type Summary = (Structured, SummaryBy);

/// How much of a call there is: where each channel's audio ends, and how many segments it has.
type Extent = (PerChannel<Samples>, usize);

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
    /// How much audio may still come, whatever connection brings it.
    budget: Budget,
    /// The audio of the client's connection, until the call ends.
    intake: Option<Intake>,
    links: PerChannel<Link>,
    captions: PerChannel<Captions>,
    /// What of the transcript a client may not have got before its connection broke.
    changes: Changes,
    /// Segments that were shown to a client, and came to nothing while it was away.
    withdrawn: Vec<SegmentId>,
    recorder: Recorder,
    pusher: PusherLink,
    /// Whether summaries are asked of a language model.
    has_model: bool,
    zones: Rc<dyn Zones>,
    /// What was made of the text, once the call is over.
    summary: Option<Summary>,
    /// Of how much of the call that was made or is being made. A client that comes back and adds nothing has nothing made anew.
    summed_up: Option<Extent>,
    timers: Timers,
    actions: VecDeque<Action<'static>>,
    /// A conversation that the store has, and of which it has not said yet whether it took it.
    offered: Option<Box<Conversation>>,
    store_failures: u32,
    /// When the other party's name was last saved by itself.
    contact_saved_at: Option<UnixMillis>,
    /// How the conversation's way into the user's index goes.
    entry: Entry,
    entry_failures: u32,
    /// The user may have nothing more recorded today.
    used_up: bool,
}

#[derive(Debug)]
enum Phase {
    Live,
    /// The speech services say what they still have.
    Draining,
    /// All is said; the record of it is being completed.
    Concluding,
    /// The store has the conversation, [`Session::offered`], and has not said yet whether it took it.
    Storing,
    /// The store did not take it; [`Timer::StoreRetry`] runs.
    Retrying,
    Done,
}

/// Where a side goes on after a restart.
#[derive(Clone, Copy, Debug)]
struct ResumePoint {
    /// What is recorded begins here.
    record: Samples,
    /// What is listened to begins here.
    captions: Samples,
}

impl ResumePoint {
    /// Behind all that ever came; or, where the client sends it again, behind what the restart has not lost.
    fn new(state: &Snapshot, kept: &[ChunkSpan], channel: Channel) -> Self {
        let SnapshotChannel { end, durable, settled, .. } = *state.channels.get(channel);
        if !state.resumes {
            let end = kept.iter().map(|span| span.get(channel).end).fold(end, Samples::max);
            return Self { record: end, captions: end };
        }
        // A chunk may have been kept after the state was last saved.
        let follow = |reached: Samples, span: &ChunkSpan| {
            let span = span.get(channel);
            if span.start <= reached { reached.max(span.end) } else { reached }
        };
        let record = kept.iter().fold(durable, follow);
        Self { record, captions: settled.min(record) }
    }
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
        let from = PerChannel::from_fn(|channel| ResumePoint::new(&state, &chunks, channel));
        let links = PerChannel::from_fn(|channel| {
            Link::new(channel, Rc::clone(&services.speech), &state.language, from.get(channel).captions)
        });
        let captions = PerChannel::from_fn(|channel| {
            let own = segments.iter().filter(|segment| segment.channel == channel);
            let settled = own.clone().map(|segment| segment.end).max().unwrap_or_default();
            let begun = u32::try_from(own.count()).unwrap_or(u32::MAX);
            Captions::new(state.conversation, channel, begun, settled)
        });
        let changes = Changes::before(&segments, state.started_at);
        let ends = PerChannel::from_fn(|channel| from.get(channel).record);
        let stored = PerChannel::from_fn(|channel| state.channels.get(channel).stored);
        let pusher = PusherLink::new(services.pusher.clone(), state.conversation, state.language.clone(), ends);
        let mut timers = Timers::default();
        let phase = if state.ending {
            // The services are gone, so there is nothing to wait for: the wake-up is due at once.
            timers.set(Timer::Drain, Some(state.created_at));
            Phase::Draining
        } else {
            timers.set(Timer::Longest, Some(state.created_at + MAX_CALL_MILLIS));
            timers.set(Timer::Grace, Some(state.seen_at + GRACE_MILLIS));
            timers.set(Timer::Count, Some(state.seen_at + REPORT_EVERY_MILLIS));
            Phase::Live
        };
        Self {
            state,
            segments,
            phase,
            client: None,
            budget: Budget::default(),
            intake: None,
            links,
            captions,
            changes,
            withdrawn: Vec::new(),
            recorder: Recorder::new(ends, stored, chunks),
            pusher,
            has_model: services.has_model,
            zones: Rc::clone(&services.zones),
            summary: None,
            summed_up: None,
            timers,
            actions: VecDeque::new(),
            offered: None,
            store_failures: 0,
            contact_saved_at: None,
            entry: Entry::default(),
            entry_failures: 0,
            used_up: false,
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
            Event::Connected(terms) => self.connected(terms, now),
            Event::Reattached(terms) => self.reattached(terms, now),
            Event::Frame(message) => self.frame(message, now),
            Event::Text(text) => self.text(text, now),
            Event::SignedIn { until } => self.signed_in(until),
            Event::NotAllowed { reason } => self.not_allowed(reason, now),
            Event::MessageTooBig => self.message_too_big(now),
            Event::Disconnected => self.disconnected(now),
            Event::SpeechOpened { channel, stream } => self.links.get_mut(channel).opened(stream, now),
            Event::SpeechText { channel, stream, text } => {
                let news = self.with_link(channel, |link, actions| link.text(stream, text, now, actions));
                match news {
                    Some(News::Words(window)) => self.words(channel, window, now),
                    Some(News::UtteranceEnd(last_word_end)) => {
                        let change = self.captions.get_mut(channel).end_utterance(last_word_end);
                        self.caption(change, now);
                    }
                    Some(News::StreamEnd) => self.end_stream(channel, now),
                    None => {}
                }
            }
            Event::SpeechDown { channel, stream, down } => {
                if self.with_link(channel, |link, actions| link.down(stream, down, now, actions)) {
                    self.end_stream(channel, now);
                }
            }
            Event::PusherOpened { stream } => self.pusher.opened(stream, now),
            Event::PusherDown { stream } => self.pusher.down(stream, now),
            Event::PhoneCall(call) => self.phone_call(call, now),
            Event::TimeZone(zone) => self.time_zone(zone),
            Event::Summarised(structured) => self.summarised(structured.cloned()),
            Event::Recorded(span) => {
                let news = self.recorder.stored(span);
                self.record_moved(news);
            }
            Event::RecordFailed(span) => {
                let news = self.recorder.failed(span, now);
                self.record_moved(news);
            }
            Event::RecordLost(span) => {
                let news = self.recorder.lost(span);
                self.record_moved(news);
            }
            Event::Registered => self.entered(),
            Event::RegisterFailed => self.entry_failed(now),
            Event::Counted { to, may_go_on } => self.counted(to, may_go_on, now),
            Event::Stored => self.stored(),
            Event::StoreFailed => self.store_failed(now),
            Event::Deleted => self.deleted(),
            Event::Timeout => {}
        }
        self.fire_timers(now);
    }

    /// The next thing to do, until there is none.
    pub fn poll(&mut self, now: UnixMillis) -> Option<Action<'_>> {
        if let Some(action) = self.actions.pop_front() {
            return Some(action);
        }
        if self.is_done() {
            return None;
        }
        if let Some(channel) = Channel::BOTH.into_iter().find(|channel| self.links.get(*channel).has_piece(now)) {
            let (stream, pcm) = self.links.get_mut(channel).piece(now)?;
            return Some(Action::SpeechAudio { channel, stream, pcm });
        }
        for channel in Channel::BOTH {
            self.with_link(channel, |link, actions| link.finish_if_due(now, actions));
            self.links.get_mut(channel).suspect(now);
            let wake = self.links.get(channel).wake(now);
            self.timers.set(Timer::Link(channel), wake);
        }
        self.enter();
        self.finish(now);
        let record = self.recorder.poll(now);
        // With each chunk the state goes on as far as the chunk reaches: what comes after a restart must not overlap it.
        let is_cut = matches!(record, Some(Action::Record(_) | Action::KeepChunk(_)));
        self.queue(record);
        if is_cut {
            self.save();
        }
        self.timers.set(Timer::Record, self.recorder.wake());
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

    /// Which conversation the call becomes.
    #[must_use]
    pub const fn conversation_id(&self) -> ConversationId {
        self.state.conversation
    }

    /// The conversation as it is now.
    #[must_use]
    pub fn conversation(&self) -> Conversation {
        self.up_to_date().conversation(&self.segments, ConversationStatus::InProgress, None)
    }

    /// It is known what has become of a chunk. The state is saved with it: a restart goes on behind it, and never asks for
    /// audio that the client was told to let go of.
    fn record_moved(&mut self, news: Option<Action<'static>>) {
        self.queue(news);
        self.save();
        self.tell_stored();
    }

    fn words(&mut self, channel: Channel, window: crate::speech::Window, now: UnixMillis) {
        let captions = self.captions.get_mut(channel);
        let change = captions.window(window);
        self.links.get_mut(channel).settle(captions.settled());
        self.caption(change, now);
    }

    /// A channel's stream is over, in good order or in bad.
    fn end_stream(&mut self, channel: Channel, now: UnixMillis) {
        let change = self.captions.get_mut(channel).end_stream();
        self.caption(change, now);
    }

    /// Stores, shows and withdraws what a change of a channel's captions asks for.
    fn caption(&mut self, change: Change, now: UnixMillis) {
        let Change { stored, shown, withdrawn } = change;
        let has_client = self.client.is_some();
        let extras = self.client.as_ref().is_some_and(|client| client.terms.interim);
        if let Some(segment) = &stored {
            self.pusher.segment(segment);
            self.keep(segment.clone());
            self.changes.note(segment.id, now);
            // A client that is about to be shown more under the same id needs no state in between.
            let is_outdone = extras && shown.as_ref().is_some_and(|shown| shown.id == segment.id);
            if has_client && !is_outdone {
                self.actions.push_back(Action::Caption { segment: segment.clone(), extras });
            }
        }
        if let Some(segment) = shown.filter(|_| extras) {
            self.actions.push_back(Action::Caption { segment, extras });
        }
        if let Some(id) = withdrawn {
            self.withdraw(id);
        }
        // Shown first: what is sent after a write waits until the write is durable.
        if let Some(segment) = stored {
            self.actions.push_back(Action::SaveSegment(segment));
        }
    }

    /// Has a segment that came to nothing taken off the client's screen, now or when it is back.
    fn withdraw(&mut self, id: SegmentId) {
        match &self.client {
            Some(client) if client.terms.interim => self.actions.push_back(Action::Withdrawn(vec![id])),
            Some(_) => {}
            None if self.withdrawn.contains(&id) => {}
            None => self.withdrawn.push(id),
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
                Timer::SignIn => self.sign_in_expired(now),
                // The poll that follows offers it again.
                Timer::Register => self.entry = Entry::default(),
                Timer::Count => self.count(now),
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
                        self.end_stream(channel, now);
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
        for action in actions {
            let status = if let Action::Status(status) = &action { Some(status.status) } else { None };
            self.state.captions_missing |= status == Some(Status::SttGap);
            if has_client || status.is_none() {
                self.actions.push_back(action);
            }
        }
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
            *state.channels.get_mut(channel) = SnapshotChannel {
                end: self.recorder.end(channel),
                stored: self.recorder.stored_of(channel),
                durable: self.recorder.durable(channel),
                settled: self.links.get(channel).settled(),
            };
        }
        state
    }
}
