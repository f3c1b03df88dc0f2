//! A whole call in simulated time, in the manner of quinn-proto's `Pair`: `step` moves the clock to the next thing that
//! happens, and a session that keeps waking itself without getting anywhere is caught.

pub mod client;
pub mod pusher;
pub mod recording;
pub mod service;
pub mod voice;
pub mod world;

use std::rc::Rc;

use fourwire_engine::audio::SampleRate;
use fourwire_engine::call::{ConnectOptions, Event, Saved, Services, Session, Start};
use fourwire_engine::pusher::Pusher;
use fourwire_engine::speech::Provider;
use fourwire_engine::speech::deepgram::Deepgram;
use fourwire_wire::conversation::{Conversation, PhoneCall};
use fourwire_wire::event::{ServiceStatus, SpeechFault, Status};
use fourwire_wire::frame::{Channel, PerChannel};
use fourwire_wire::ids::{CallId, ConversationId, UserId};
use fourwire_wire::pii::Pii;
use fourwire_wire::query::{Language, Source, TimeZone};
use fourwire_wire::segment::WireSegment;
use fourwire_wire::structured::Structured;
use fourwire_wire::units::UnixMillis;

use client::Client;
use service::Service;
use voice::{Said, WORD_MILLIS, name};
use world::{Coming, Told, World};

use crate::bundled_zones::Bundled;

/// When every simulated call begins.
pub const BEGIN: u64 = 1_774_440_000_000;
/// How often a session may wake without the clock moving on.
const WAKES_AT_ONCE: u32 = 20;
/// How far from where it was said a word may be found, in seconds.
const NEAR: f64 = 0.1;

/// A session, its world and its clock: milliseconds since the call began.
pub struct Call {
    pub now: u64,
    pub session: Session,
    pub world: World,
    services: Services,
    wakes_at_once: u32,
}

impl Call {
    /// A call with one speech service that does everything right.
    pub fn new() -> Self {
        Self::with_services(1)
    }

    /// A call with several such services.
    pub fn with_services(count: usize) -> Self {
        Self::with(count, false, false)
    }

    /// A call in another language than English.
    pub fn in_language(tag: &str) -> Self {
        Self::with_language(tag, 1, false, false)
    }

    /// A call with a speech service and a language model, which answers when a test lets it.
    pub fn with_model() -> Self {
        Self::with(1, true, false)
    }

    /// A call with a speech service and a pusher.
    pub fn with_pusher() -> Self {
        Self::with(1, false, true)
    }

    fn with(count: usize, has_model: bool, has_pusher: bool) -> Self {
        Self::with_language("en", count, has_model, has_pusher)
    }

    fn with_language(tag: &str, count: usize, has_model: bool, has_pusher: bool) -> Self {
        let provider = |number| {
            let origin = format!("https://service-{number}.example").parse().unwrap();
            Provider::Deepgram(Deepgram::new(origin, Pii::new("KEY".to_owned())))
        };
        let pusher = has_pusher.then(|| {
            let pusher = Pusher::new("https://push.example".parse().unwrap(), None);
            pusher.endpoint(&UserId::parse("ann").unwrap())
        });
        let services =
            Services { speech: (0..count).map(provider).collect(), has_model, pusher, zones: Rc::new(Bundled) };
        let start = Start {
            conversation: ConversationId::from_random([9; 16]),
            call_id: CallId::parse("1774440000500").ok(),
            phone_call: None,
            language: Language::parse(tag).unwrap(),
            time_zone: None,
            source: Source::PhoneCall,
        };
        let session = Session::start(start, &services, UnixMillis::new(BEGIN));
        let mut world = World::new(vec![PerChannel::from_fn(|_| Service::default()); count]);
        world.pusher = has_pusher.then(pusher::Pusher::new);
        let mut call = Self { now: 0, session, world, services, wakes_at_once: 0 };
        call.drain();
        call
    }

    /// A client connects now and sends its whole call, `Client::new`'s moment zero being now.
    pub fn play(&mut self, client: &Client) {
        self.connect(client.rate);
        for (at, frame) in client.frames() {
            self.world.send(self.now + at, Coming::Frame(frame));
        }
    }

    /// Plays a call to its last frame and ends it.
    pub fn play_and_end(&mut self, client: &Client) {
        let end = self.now + client.millis + 100;
        self.play(client);
        self.run_until(end);
        self.end();
        self.run_for(30_000);
        assert!(self.session.is_done());
    }

    pub fn connect(&mut self, rate: u32) {
        self.connect_with(terms(rate));
    }

    pub fn connect_with(&mut self, terms: ConnectOptions) {
        self.world.send(self.now, Coming::Connect(terms));
        self.run_for(0);
    }

    /// The client says that the call is over.
    pub fn end(&mut self) {
        self.text(r#"{"type":"end"}"#);
    }

    pub fn text(&mut self, text: &str) {
        self.world.send(self.now, Coming::Text(text.to_owned()));
        self.run_for(0);
    }

    pub fn frame(&mut self, frame: Vec<u8>) {
        self.world.send(self.now, Coming::Frame(frame));
        self.run_for(0);
    }

    /// The client sends what is too large to be looked at.
    pub fn too_big(&mut self) {
        self.session.handle(UnixMillis::new(BEGIN + self.now), Event::MessageTooBig);
        self.drain();
    }

    /// The language model answers, or does not.
    pub fn summarised(&mut self, structured: Option<Structured>) {
        self.world.send(self.now, Coming::Summarised(structured));
        self.run_for(0);
    }

    /// The carrier reports something.
    /// What the session was given.
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// A client says where the user's clock is.
    pub fn time_zone(&mut self, name: &str) {
        self.session.handle(UnixMillis::new(BEGIN + self.now), Event::TimeZone(&TimeZone::parse(name).unwrap()));
        self.drain();
    }

    pub fn told_of_phone_call(&mut self, call: PhoneCall) {
        self.world.send(self.now, Coming::PhoneCall(Box::new(call)));
        self.run_for(0);
    }

    /// The client's socket breaks.
    pub fn disconnect(&mut self) {
        self.world.send(self.now, Coming::Gone);
        self.run_for(0);
    }

    /// The session's owner is taken out of memory and comes back with what was saved.
    pub fn evict(&mut self) {
        self.restore();
        self.drain();
    }

    /// The same under a client whose socket stays open.
    pub fn evict_under_client(&mut self, rate: u32) {
        assert!(self.world.connected);
        self.restore();
        self.reattach(terms(rate));
    }

    /// A client's socket is found after a restart.
    pub fn reattach(&mut self, terms: ConnectOptions) {
        self.session.handle(UnixMillis::new(BEGIN + self.now), Event::Reattached(terms));
        self.drain();
    }

    /// Something happens that no part of the world makes happen.
    pub fn happen(&mut self, event: Event<'_>) {
        self.session.handle(UnixMillis::new(BEGIN + self.now), event);
        self.drain();
    }

    /// The user deletes the conversation.
    pub fn deleted(&mut self) {
        self.session.handle(UnixMillis::new(BEGIN + self.now), Event::Deleted);
        self.drain();
    }

    /// The owner is taken out of memory, and nothing happens yet.
    pub fn restore(&mut self) {
        let state = self.world.store.snapshot.clone().expect("a session is saved from its start on");
        let segments = self.world.store.segments.values().cloned().collect();
        self.world.forget_sockets(self.now);
        let chunks = self.world.recording.kept.values().map(|chunk| chunk.span).collect();
        self.session = Session::restore(state, Saved { segments, chunks }, &self.services);
    }

    /// A client comes back to a call that was finished.
    pub fn reopen(&mut self) {
        assert!(self.session.is_done());
        let conversation = self.world.store.conversations.last().unwrap().clone();
        self.session = Session::reopen(conversation, &self.services);
        self.world.forget_sockets(self.now);
        self.world.store.forgotten = false;
        self.world.index.released = None;
        self.world.store.segments.clear();
        self.drain();
    }

    /// Lets everything happen that happens within so many milliseconds.
    pub fn run_for(&mut self, millis: u64) {
        self.run_until(self.now + millis);
    }

    /// Lets everything happen that happens up to a moment.
    pub fn run_until(&mut self, moment: u64) {
        while self.step(moment) {}
        self.now = self.now.max(moment);
    }

    /// Moves on to the next thing that happens, if it is not later than `limit`.
    fn step(&mut self, limit: u64) -> bool {
        let wake = self.session.wake().map(|at| at.get().saturating_sub(BEGIN));
        let Some(next) = [self.world.next_at(), wake].into_iter().flatten().min().filter(|at| *at <= limit) else {
            return false;
        };
        if next > self.now {
            self.wakes_at_once = 0;
            self.now = next;
        }
        if let Some(coming) = self.world.arrive(self.now) {
            if self.world.deliver(&coming, self.now) {
                self.handle(&coming);
            }
        } else {
            self.wakes_at_once += 1;
            assert!(self.wakes_at_once < WAKES_AT_ONCE, "the session wakes and gets nowhere: {:?}", self.session);
            self.session.handle(UnixMillis::new(BEGIN + self.now), Event::Timeout);
            self.drain();
        }
        true
    }

    fn handle(&mut self, coming: &Coming) {
        let event = match coming {
            Coming::Connect(terms) => Event::Connected(*terms),
            Coming::Frame(frame) => Event::Frame(frame),
            Coming::Text(text) => Event::Text(text),
            Coming::Gone => Event::Disconnected,
            Coming::Opened(channel, stream) => Event::SpeechOpened { channel: *channel, stream: *stream },
            Coming::Said(channel, stream, text) => Event::SpeechText { channel: *channel, stream: *stream, text },
            Coming::Down(channel, stream, down) => {
                Event::SpeechDown { channel: *channel, stream: *stream, down: *down }
            }
            Coming::PhoneCall(call) => Event::PhoneCall(call),
            Coming::Summarised(structured) => Event::Summarised(structured.as_ref()),
            Coming::Recorded(span) => Event::Recorded(span),
            Coming::RecordFailed(span) => Event::RecordFailed(span),
            Coming::PusherOpened(stream) => Event::PusherOpened { stream: *stream },
            Coming::PusherDown(stream) => Event::PusherDown { stream: *stream },
            Coming::Registered => Event::Registered,
            Coming::RegisterFailed => Event::RegisterFailed,
            Coming::Counted(to, may_go_on) => Event::Counted { to: *to, may_go_on: *may_go_on },
            Coming::Stored => Event::Stored,
            Coming::StoreFailed => Event::StoreFailed,
        };
        self.session.handle(UnixMillis::new(BEGIN + self.now), event);
        self.drain();
    }

    pub fn drain(&mut self) {
        while let Some(action) = self.session.poll(UnixMillis::new(BEGIN + self.now)) {
            self.world.carry_out(action, self.now);
        }
    }
}

/// What the peer's client asks for.
pub fn terms(rate: u32) -> ConnectOptions {
    ConnectOptions { rate: SampleRate::new(rate).unwrap(), interim: false, resume: false }
}

/// What tests ask about a call.
impl Call {
    /// Who hears the call.
    pub fn pusher(&mut self) -> &mut pusher::Pusher {
        self.world.pusher.as_mut().expect("the call has a pusher")
    }

    /// The one conversation that the call became.
    pub fn conversation(&self) -> &Conversation {
        let [conversation] = self.world.store.conversations.as_slice() else {
            panic!("one call is one conversation, not {}", self.world.store.conversations.len());
        };
        conversation
    }

    /// A channel's segments in the conversation.
    pub fn segments(&self, channel: Channel) -> Vec<&WireSegment> {
        let all = self.conversation().transcript_segments.iter();
        all.filter(|segment| segment.extras.as_ref().unwrap().channel == channel).collect()
    }

    /// A channel's words in the conversation, in order.
    pub fn words(&self, channel: Channel) -> Vec<String> {
        let segments = self.segments(channel);
        segments.iter().flat_map(|segment| segment.text.expose().split(' ').map(str::to_owned)).collect()
    }

    /// Every word that a side said is in the conversation once, in order, and within 100 ms of where it was said.
    pub fn assert_heard(&self, channel: Channel, said: &[Said]) {
        let expected: Vec<_> = said.iter().map(|said| name(said.word)).collect();
        assert_eq!(self.words(channel), expected, "words of {channel:?}");
        let mut rest = said;
        for segment in self.segments(channel) {
            let (own, after) = rest.split_at(segment.text.expose().split(' ').count());
            rest = after;
            let (first, last) = (own[0], own[own.len() - 1]);
            let seconds = |millis: u64| millis as f64 / 1000.0;
            let early = (segment.start - seconds(first.at)).abs();
            let late = (segment.end - seconds(last.at + WORD_MILLIS)).abs();
            assert!(
                early <= NEAR && late <= NEAR,
                "{first:?} to {last:?} was found at {}..{}",
                segment.start,
                segment.end
            );
        }
    }

    /// How much audio a channel has in the conversation, in samples at 16 kHz.
    pub fn samples(&self, channel: Channel) -> u64 {
        self.conversation().audio.iter().find(|audio| audio.channel == channel).unwrap().samples.get()
    }

    /// The statuses of speech that the client was told of a channel, with their times.
    pub fn statuses(&self, channel: Channel) -> Vec<(u64, &ServiceStatus)> {
        let told = self.world.told.iter().filter_map(|(at, told)| match told {
            Told::Status(status) if status.channel == Some(channel) => Some((*at, status)),
            _ => None,
        });
        told.collect()
    }

    /// The same without times and texts.
    pub fn status_kinds(&self, channel: Channel) -> Vec<(Status, Option<SpeechFault>)> {
        self.statuses(channel).iter().map(|(_, status)| (status.status, status.reason)).collect()
    }
}
