//! The page's session and the server's own, with a network between them that breaks: every sample that was captured is stored
//! once, on its side and in its place, whatever breaks and whenever.
#![expect(clippy::cast_possible_truncation, reason = "small numbers of tests")]

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use fourwire_engine::audio::SampleRate;
use fourwire_engine::call::{self, Chunk, ConnectOptions, Saved, Services, Snapshot, Start};
use fourwire_engine::record::ChunkSpan;
use fourwire_engine::zones::UtcOnly;
use fourwire_web::capture::Block;
use fourwire_web::session::{Action, Event, News, Outgoing, Session, State};
use fourwire_wire::event::{PING, ServerEvent};
use fourwire_wire::frame::{Channel, PerChannel};
use fourwire_wire::ids::ConversationId;
use fourwire_wire::pii::Pii;
use fourwire_wire::query::ListenQuery;
use fourwire_wire::units::UnixMillis;
use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// When the simulated calls begin.
const BEGIN: u64 = 1_774_440_000_000;
/// What a worklet hears at once, in milliseconds, and the step of the simulation.
const STEP: u64 = 20;

/// A message on its way.
enum Message {
    Text(String),
    Frame(Vec<u8>),
}

/// A page, its server, and the network between them.
struct World {
    millis: u64,
    /// How much was heard of each side, in samples.
    captured: u64,
    page: Session,
    server: call::Session,
    /// Messages to the server over the socket that there is.
    up: Option<Vec<Message>>,
    /// Messages to the page over it.
    down: Vec<String>,
    /// The network swallows everything, without a word.
    is_cut: bool,
    /// What outlives a restart of the server.
    snapshot: Option<Snapshot>,
    stored: Vec<Chunk>,
    states: Vec<State>,
    /// The server has closed the socket, after what is on its way down.
    closing: Option<u16>,
    is_done: bool,
}

/// A sample that tells its own side and place.
fn sample(side: Channel, at: u64) -> i16 {
    let place = (at % 9_973) as i16;
    if side == Channel::User { place } else { -place - 1 }
}

fn services() -> Services {
    Services { speech: Rc::from([]), has_model: false, pusher: None, zones: Rc::new(UtcOnly) }
}

/// What the server is told of what it wanted done.
enum Report {
    Recorded(ChunkSpan),
    Registered,
    Stored,
}

impl World {
    fn new() -> Self {
        let ListenQuery { language, source, .. } = ListenQuery::parse("channels=2").unwrap();
        let conversation = ConversationId::from_random([3; 16]);
        let start = Start { conversation, call_id: None, phone_call: None, language, time_zone: None, source };
        let mut world = Self {
            millis: 0,
            captured: 0,
            page: Session::new(|| 0.5),
            server: call::Session::start(start, &services(), UnixMillis::new(BEGIN)),
            up: None,
            down: Vec::new(),
            is_cut: false,
            snapshot: None,
            stored: Vec::new(),
            states: Vec::new(),
            closing: None,
            is_done: false,
        };
        world.serve();
        world.tell(Event::Start);
        world
    }

    fn now(&self) -> UnixMillis {
        UnixMillis::new(BEGIN + self.millis)
    }

    fn tell(&mut self, event: Event<'_>) {
        let now = Duration::from_millis(self.millis);
        self.page.handle(now, event);
        while let Some(action) = self.page.poll() {
            match action {
                Action::AskToken => self.page.handle(now, Event::Token(Some(Pii::new("token".to_owned())))),
                Action::Open if self.is_cut => self.page.handle(now, Event::Closed { code: 1006, reason: "" }),
                Action::Open => {
                    self.up = Some(Vec::new());
                    self.page.handle(now, Event::Opened);
                    self.ask_server(call::Event::Connected(terms()));
                }
                Action::Send(text) => self.send(Message::Text(text.into_inner())),
                Action::Close(_) => self.drop_socket(),
                Action::Tell(News::State(state)) => self.states.push(state),
                Action::Tell(News::Done { .. }) => self.is_done = true,
                Action::Tell(_) => {}
            }
        }
        while self.up.is_some() {
            let message = match self.page.next_frame() {
                Some(Outgoing::Frame(frame)) => Message::Frame(frame.to_vec()),
                Some(Outgoing::Text(text)) => Message::Text(text),
                None => break,
            };
            self.send(message);
        }
    }

    fn send(&mut self, message: Message) {
        if let Some(up) = &mut self.up {
            up.push(message);
        }
    }

    /// The socket is gone with all that was on its way.
    fn drop_socket(&mut self) {
        self.down.clear();
        self.closing = None;
        if self.up.take().is_some() {
            self.ask_server(call::Event::Disconnected);
        }
    }

    fn break_socket(&mut self) {
        if self.up.is_some() {
            self.drop_socket();
            self.tell(Event::Closed { code: 1006, reason: "" });
        }
    }

    /// The server's machine dies; what it had in memory is lost. The socket outlives it, or does not.
    fn restart(&mut self, socket_lives: bool) {
        let saved = Saved { segments: Vec::new(), chunks: Vec::new() };
        let snapshot = self.snapshot.clone().expect("a session is saved from its start on");
        self.server = call::Session::restore(snapshot, saved, &services());
        if self.up.is_none() {
            self.ask_server(call::Event::Timeout);
        } else if socket_lives {
            self.ask_server(call::Event::Reattached(terms()));
        } else {
            self.up = None;
            self.down.clear();
            self.ask_server(call::Event::Timeout);
            self.tell(Event::Closed { code: 1006, reason: "" });
        }
    }

    fn ask_server(&mut self, event: call::Event<'_>) {
        self.server.handle(self.now(), event);
        self.serve();
    }

    /// The server does what it wants done.
    fn serve(&mut self) {
        let mut reports = VecDeque::new();
        loop {
            while let Some(action) = self.server.poll(UnixMillis::new(BEGIN + self.millis)) {
                let event = match action {
                    call::Action::Ping => {
                        self.down.push(PING.to_owned());
                        continue;
                    }
                    call::Action::Held(positions) => ServerEvent::AudioHeld(positions),
                    call::Action::StoredUpTo(positions) => ServerEvent::AudioStored(positions),
                    call::Action::Finished(memory) => ServerEvent::MemoryCreated { memory, messages: Vec::new() },
                    call::Action::Close { code, .. } => {
                        self.closing = Some(code);
                        continue;
                    }
                    call::Action::Save(snapshot) => {
                        self.snapshot = Some(*snapshot);
                        continue;
                    }
                    call::Action::Record(chunk) => {
                        reports.push_back(Report::Recorded(chunk.span));
                        self.stored.push(chunk);
                        continue;
                    }
                    call::Action::Register(_) => {
                        reports.push_back(Report::Registered);
                        continue;
                    }
                    call::Action::Store { .. } => {
                        reports.push_back(Report::Stored);
                        continue;
                    }
                    _ => continue,
                };
                self.down.push(serde_json::to_string(&event).unwrap());
            }
            let event = match reports.pop_front() {
                Some(Report::Recorded(span)) => {
                    self.server.handle(self.now(), call::Event::Recorded(&span));
                    continue;
                }
                Some(Report::Registered) => call::Event::Registered,
                Some(Report::Stored) => call::Event::Stored,
                None => break,
            };
            self.server.handle(self.now(), event);
        }
    }

    /// Time goes by; while they talk, both sides are heard.
    fn run_for(&mut self, millis: u64, talking: bool) {
        for _ in 0..millis / STEP {
            if talking {
                let from = self.captured;
                self.captured += STEP * 16;
                let heard = PerChannel::from_fn(|side| {
                    let samples = (from..from + STEP * 16).map(|at| f32::from(sample(side, at)) / 32_767.0);
                    samples.collect::<Vec<_>>()
                });
                let samples = PerChannel { user: &heard.user[..], remote: &heard.remote[..] };
                let at = Duration::from_millis(self.millis);
                self.tell(Event::Audio(Block { rate: 16_000, frame: from, at, is_first: false, samples }));
            }
            self.millis += STEP;
            if !self.is_cut {
                for message in self.up.as_mut().map(std::mem::take).unwrap_or_default() {
                    match &message {
                        Message::Text(text) => self.ask_server(call::Event::Text(text)),
                        Message::Frame(frame) => self.ask_server(call::Event::Frame(frame)),
                    }
                }
                for text in std::mem::take(&mut self.down) {
                    self.tell(Event::Text(&text));
                }
                if let Some(code) = self.closing.take().filter(|_| self.up.take().is_some()) {
                    self.tell(Event::Closed { code, reason: "" });
                }
            }
            if self.server.wake().is_some_and(|at| at <= self.now()) {
                self.ask_server(call::Event::Timeout);
            }
            if self.page.wake_at().is_some_and(|at| at <= Duration::from_millis(self.millis)) {
                self.tell(Event::Timeout);
            }
        }
    }

    /// The call ends; both finish. Every sample must be there.
    fn end_and_check(mut self) {
        let length = self.captured;
        self.tell(Event::End);
        self.run_for(90_000, false);
        assert!(self.server.is_done(), "the server has finished");
        for side in Channel::BOTH {
            let mut recorded = vec![0; length as usize];
            for chunk in &self.stored {
                let at = chunk.span.get(side).start.get() as usize;
                let pcm = chunk.pcm.get(side).expose().as_chunks::<2>().0.iter().copied().map(i16::from_le_bytes);
                for (place, sample) in recorded[at..].iter_mut().zip(pcm) {
                    *place = sample;
                }
            }
            let wrong = (0..length).find(|at| recorded[*at as usize] != sample(side, *at));
            assert_eq!(wrong, None, "of {length} samples of {side:?}; {:?}", self.states);
        }
    }
}

fn terms() -> ConnectOptions {
    ConnectOptions { rate: SampleRate::INTERNAL, interim: true, resume: true }
}

#[test]
fn a_network_that_is_cut_for_1_5_or_20_seconds_loses_nothing_whether_or_not_it_says_so() {
    for (seconds, says_so) in [(1, true), (5, true), (20, true), (1, false), (5, false), (20, false)] {
        let mut world = World::new();
        world.run_for(12_340, true);
        world.is_cut = true;
        if says_so {
            world.break_socket();
        }
        world.run_for(seconds * 1_000, true);
        world.is_cut = false;
        world.run_for(20_000, true);
        assert_eq!(world.states.last(), Some(&State::Recording), "{seconds} s");
        world.end_and_check();
    }
}

#[test]
fn a_call_that_ends_while_the_network_is_away_is_completed_when_it_is_back() {
    let mut world = World::new();
    world.run_for(8_000, true);
    world.is_cut = true;
    world.break_socket();
    world.run_for(3_000, true);
    world.tell(Event::End);
    world.run_for(4_000, false);
    world.is_cut = false;
    world.run_for(60_000, false);
    assert!(world.is_done);
    world.end_and_check();
}

#[derive(Clone, Copy, Debug)]
enum Break {
    Socket,
    Cut(u64),
    Restart { socket_lives: bool },
}

fn a_break() -> impl Strategy<Value = (u64, Break)> {
    let kind = prop_oneof![
        Just(Break::Socket),
        (1_u64..26).prop_map(|seconds| Break::Cut(seconds * 1_000)),
        any::<bool>().prop_map(|socket_lives| Break::Restart { socket_lives }),
    ];
    (1_u64..400, kind).prop_map(|(steps, kind)| (steps * STEP, kind))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_breaks_and_whenever_every_sample_is_stored_once(breaks in proptest::collection::vec(a_break(), 1..6)) {
        let mut world = World::new();
        world.run_for(2_000, true);
        for (after, kind) in breaks {
            world.run_for(after, true);
            match kind {
                Break::Socket => world.break_socket(),
                Break::Cut(millis) => {
                    world.is_cut = true;
                    world.run_for(millis, true);
                    world.is_cut = false;
                    // Long enough to be back and to have been heard.
                    world.run_for(30_000, true);
                }
                Break::Restart { socket_lives } => world.restart(socket_lives),
            }
        }
        world.run_for(10_000, true);
        world.end_and_check();
    }
}
