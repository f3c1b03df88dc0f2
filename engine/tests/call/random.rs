//! Whatever happens in whatever order, the contract holds: the world asserts it at every action, and in the end there is
//! one conversation with all that was sent.

use std::rc::Rc;

use fourwire_engine::audio::SampleRate;
use fourwire_engine::call::{Action, ConnectOptions, Down, Event, Services, Session, Start, StreamId};
use fourwire_engine::pusher::Pusher;
use fourwire_engine::speech::deepgram::Deepgram;
use fourwire_engine::speech::{Provider, Refusal};
use fourwire_engine::zones::UtcOnly;
use fourwire_wire::frame::{Channel, Frame, PerChannel};
use fourwire_wire::ids::{ConversationId, UserId};
use fourwire_wire::pii::Pii;
use fourwire_wire::query::{Language, Source};
use fourwire_wire::units::{Samples, UnixMillis};
use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::harness::service::{Farewell, Handshake, Manner, Service};
use crate::harness::world::Coming;
use crate::harness::{BEGIN, Call, terms};

/// Rates of simulated clients.
const RATES: [u32; 3] = [8_000, 16_000, 48_000];

/// Something that happens to a call in a working world.
#[derive(Clone, Debug)]
enum Step {
    Connect { rate: usize, interim: bool },
    Audio { channel: Channel, samples: u16, loud: bool },
    Bytes(Vec<u8>),
    Text(&'static str),
    Disconnect,
    Wait(u64),
    Service { number: usize, channel: Channel, service: Service },
    Cut(Channel),
    StoreFails(u32),
    StoreTakes(u64),
    Evict,
    Reopen,
}

fn channel() -> impl Strategy<Value = Channel> {
    prop_oneof![Just(Channel::User), Just(Channel::Remote)]
}

fn service() -> impl Strategy<Value = Service> {
    let handshake = prop_oneof![
        2 => (0_u64..6_000).prop_map(Handshake::Accept),
        1 => (0_u64..6_000).prop_map(Handshake::Refuse),
        1 => Just(Handshake::Never),
    ];
    let manner = prop_oneof![3 => Just(Manner::Good), 1 => Just(Manner::Quiet), 1 => Just(Manner::Garbage), 1 => Just(Manner::Error)];
    let farewell = prop_oneof![2 => Just(Farewell::Good), 1 => Just(Farewell::Abrupt), 1 => Just(Farewell::Never)];
    (handshake, manner, farewell).prop_map(|(handshake, manner, farewell)| Service {
        handshake,
        manner,
        farewell,
        lag: 0,
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..RATES.len(), any::<bool>()).prop_map(|(rate, interim)| Step::Connect { rate, interim }),
        12 => (channel(), 1_u16..32_768, any::<bool>())
            .prop_map(|(channel, samples, loud)| Step::Audio { channel, samples, loud }),
        1 => proptest::collection::vec(any::<u8>(), 0..8).prop_map(Step::Bytes),
        2 => prop_oneof![Just(r#"{"type":"end"}"#), Just("ping"), Just("{}")].prop_map(Step::Text),
        2 => Just(Step::Disconnect),
        8 => (0_u64..3_000).prop_map(Step::Wait),
        1 => (0_u64..100_000).prop_map(Step::Wait),
        3 => (0_usize..2, channel(), service())
            .prop_map(|(number, channel, service)| Step::Service { number, channel, service }),
        1 => channel().prop_map(Step::Cut),
        1 => (0_u32..4).prop_map(Step::StoreFails),
        1 => (0_u64..20_000).prop_map(Step::StoreTakes),
        1 => Just(Step::Evict),
        2 => Just(Step::Reopen),
    ]
}

/// Does one step; returns how much audio the call took with it, by channel, in samples at 16 kHz.
fn perform(call: &mut Call, rate: &mut u32, step: Step) -> PerChannel<u64> {
    let mut taken = PerChannel::default();
    match step {
        Step::Connect { rate: index, interim } if !call.session.is_done() => {
            *rate = RATES[index];
            call.world.send(call.now, Coming::Connect(ConnectOptions { interim, ..terms(*rate) }));
        }
        Step::Audio { channel, samples, loud } => {
            let level = if loud { 3_000 } else { 0 };
            let mut frame = Vec::new();
            Frame::write(channel, (0..samples).map(|n| if n % 40 < 20 { level } else { -level }), &mut frame);
            let before = call.session.conversation().audio;
            call.frame(frame);
            let after = call.session.conversation().audio;
            let grown = before.iter().zip(&after).any(|(before, after)| after.samples > before.samples);
            if grown {
                *taken.get_mut(channel) = u64::from(samples) * 16_000 / u64::from(*rate);
            }
        }
        Step::Bytes(bytes) => call.frame(bytes),
        Step::Text(text) => call.text(text),
        Step::Disconnect => call.disconnect(),
        Step::Wait(millis) => call.run_for(millis),
        Step::Service { number, channel, service } => *call.world.services[number].get_mut(channel) = service,
        Step::Cut(channel) => call.world.cut(channel, call.now),
        Step::StoreFails(failures) => call.world.store.failures = failures,
        Step::StoreTakes(millis) => call.world.store.millis = millis,
        Step::Evict if !call.session.is_done() => call.evict(),
        Step::Reopen if call.session.is_done() && !call.world.store.conversations.is_empty() => call.reopen(),
        Step::Connect { .. } | Step::Evict | Step::Reopen => {}
    }
    call.run_for(0);
    taken
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 25, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_course_of_a_call_ends_in_one_conversation(steps in proptest::collection::vec(step(), 0..60)) {
        let mut call = Call::with_services(2);
        let mut rate = RATES[0];
        let mut taken: PerChannel<u64> = PerChannel::default();
        let mut evicted = false;
        for step in steps {
            evicted |= matches!(step, Step::Evict);
            let more = perform(&mut call, &mut rate, step);
            for channel in Channel::BOTH {
                *taken.get_mut(channel) += more.get(channel);
            }
        }
        call.disconnect();
        call.world.store.failures = 0;
        call.run_for(10 * 60_000);
        prop_assert!(call.session.is_done(), "{:?}", call.session);
        prop_assert!(call.world.store.outstanding.is_none());
        let versions = &call.world.store.conversations;
        let Some(last) = versions.last() else {
            // Nothing came but connections.
            prop_assert_eq!(taken, PerChannel::default(), "what was recorded is a conversation");
            return Ok(());
        };
        prop_assert!(versions.iter().all(|version| version.id == last.id && version.created_at == last.created_at));
        for audio in &last.audio {
            let taken = *taken.get(audio.channel);
            // A sample may be lost to rounding at each change of the connection.
            prop_assert!(evicted || audio.samples.get() + 100 >= taken, "{:?}, {taken}", audio);
        }
    }
}

/// An event that no owner in its right mind would report, or report then.
#[derive(Clone, Debug)]
enum Rogue {
    Connected(bool),
    Frame(Vec<u8>),
    Audio(Channel, u16),
    Text(&'static str),
    Disconnected,
    Opened(Channel, usize),
    Said(Channel, usize, String),
    Down(Channel, usize, bool),
    PusherOpened,
    PusherDown,
    Registered(bool),
    Counted(u64, bool),
    Stored,
    StoreFailed,
    Timeout,
}

fn said() -> impl Strategy<Value = String> {
    let number = prop_oneof![Just(-1.0), Just(0.0), 0.0..30.0_f64, Just(1e18), Just(1e300)];
    let results = (number.clone(), number.clone(), number.clone(), number, any::<bool>(), any::<bool>()).prop_map(
        |(start, duration, from, to, is_final, speech_final)| {
            let words = serde_json::json!([{"word": "w", "start": from, "end": to, "confidence": from}]);
            let channel = serde_json::json!({"alternatives": [{"words": words}]});
            serde_json::json!({"type": "Results", "start": start, "duration": duration, "is_final": is_final,
                "speech_final": speech_final, "channel": channel})
            .to_string()
        },
    );
    prop_oneof![
        6 => results,
        1 => Just(r#"{"type":"UtteranceEnd"}"#.to_owned()),
        1 => Just(r#"{"type":"Metadata"}"#.to_owned()),
        1 => Just(r#"{"type":"Error"}"#.to_owned()),
        1 => ".{0,20}",
    ]
}

fn rogue() -> impl Strategy<Value = Rogue> {
    prop_oneof![
        2 => any::<bool>().prop_map(Rogue::Connected),
        1 => proptest::collection::vec(any::<u8>(), 0..40).prop_map(Rogue::Frame),
        6 => (channel(), any::<u16>()).prop_map(|(channel, samples)| Rogue::Audio(channel, samples)),
        2 => prop_oneof![Just(r#"{"type":"end"}"#), Just("ping")].prop_map(Rogue::Text),
        1 => Just(Rogue::Disconnected),
        5 => (channel(), 0_usize..4).prop_map(|(channel, age)| Rogue::Opened(channel, age)),
        6 => (channel(), 0_usize..4, said()).prop_map(|(channel, age, text)| Rogue::Said(channel, age, text)),
        2 => (channel(), 0_usize..4, any::<bool>()).prop_map(|(channel, age, refused)| Rogue::Down(channel, age, refused)),
        2 => Just(Rogue::PusherOpened),
        2 => Just(Rogue::PusherDown),
        1 => any::<bool>().prop_map(Rogue::Registered),
        1 => (any::<u64>(), any::<bool>()).prop_map(|(to, may_go_on)| Rogue::Counted(to, may_go_on)),
        1 => Just(Rogue::Stored),
        1 => Just(Rogue::StoreFailed),
        4 => Just(Rogue::Timeout),
    ]
}

/// What is known of a session from its actions alone.
#[derive(Default)]
struct Watch {
    streams: PerChannel<Vec<StreamId>>,
    pusher: StreamId,
    offered: bool,
    forgotten: bool,
}

impl Watch {
    fn drain(&mut self, session: &mut Session, now: UnixMillis) {
        for _ in 0..100_000 {
            let Some(action) = session.poll(now) else { return };
            assert!(!self.forgotten, "{action:?} after Forget");
            match action {
                Action::SpeechOpen { channel, stream, .. } => self.streams.get_mut(channel).push(stream),
                Action::PusherOpen { stream, .. } => self.pusher = stream,
                Action::Store { .. } => assert!(!std::mem::replace(&mut self.offered, true), "two are offered at once"),
                Action::Forget => self.forgotten = true,
                Action::SpeechAudio { pcm, .. } => assert!(!pcm.is_empty()),
                _ => {}
            }
        }
        panic!("there is no end of actions");
    }

    /// The stream that was opened `age` streams ago, or one that never was.
    fn stream(&self, channel: Channel, age: usize) -> StreamId {
        self.streams.get(channel).iter().rev().nth(age).copied().unwrap_or_default()
    }

    fn handle(&mut self, session: &mut Session, now: UnixMillis, rogue: &Rogue) {
        let mut message = Vec::new();
        let event = match rogue {
            Rogue::Connected(interim) => {
                Event::Connected(ConnectOptions { rate: SampleRate::MAX, interim: *interim, resume: false })
            }
            Rogue::Frame(bytes) => Event::Frame(bytes),
            Rogue::Audio(channel, samples) => {
                Frame::write(*channel, (0..samples / 2).map(|n| if n % 2 == 0 { 5_000 } else { -5_000 }), &mut message);
                Event::Frame(&message)
            }
            Rogue::Text(text) => Event::Text(text),
            Rogue::Disconnected => Event::Disconnected,
            Rogue::Opened(channel, age) => {
                Event::SpeechOpened { channel: *channel, stream: self.stream(*channel, *age) }
            }
            Rogue::Said(channel, age, text) => {
                Event::SpeechText { channel: *channel, stream: self.stream(*channel, *age), text }
            }
            Rogue::Down(channel, age, refused) => {
                let down = if *refused { Down::Refused(Refusal::UNREACHED) } else { Down::Closed };
                Event::SpeechDown { channel: *channel, stream: self.stream(*channel, *age), down }
            }
            Rogue::PusherOpened => Event::PusherOpened { stream: self.pusher },
            Rogue::PusherDown => Event::PusherDown { stream: self.pusher },
            Rogue::Registered(true) => Event::Registered,
            Rogue::Registered(false) => Event::RegisterFailed,
            Rogue::Counted(to, may_go_on) => Event::Counted { to: Samples::new(*to), may_go_on: *may_go_on },
            Rogue::Stored => Event::Stored,
            Rogue::StoreFailed => Event::StoreFailed,
            Rogue::Timeout => Event::Timeout,
        };
        if matches!(rogue, Rogue::Stored | Rogue::StoreFailed) {
            self.offered = false;
        }
        session.handle(now, event);
        self.drain(session, now);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 80, failure_persistence: None, ..ProptestConfig::default() })]

    /// Steps of the clock may go back, as wall clocks do.
    #[test]
    fn no_event_at_no_time_panics_or_keeps_a_session_busy(
        events in proptest::collection::vec((rogue(), -2_000_i64..9_000), 0..80),
    ) {
        let origin = "https://service.example".parse().unwrap();
        let providers: Rc<[Provider]> = Rc::new([Provider::Deepgram(Deepgram::new(origin, Pii::default()))]);
        let start = Start {
            conversation: ConversationId::from_random([1; 16]),
            call_id: None,
            phone_call: None,
            language: Language::parse("en").unwrap(),
            time_zone: None,
            source: Source::PhoneCall,
        };
        let mut now = UnixMillis::new(BEGIN);
        let pusher = Pusher::new("https://push.example".parse().unwrap(), None);
        let pusher = Some(pusher.endpoint(&UserId::parse("ann").unwrap()));
        let mut session = Session::start(start, &Services { speech: providers, has_model: true, pusher, zones: Rc::new(UtcOnly) }, now);
        let mut watch = Watch::default();
        watch.drain(&mut session, now);
        for (event, millis) in events {
            now = if millis < 0 { now - millis.unsigned_abs() } else { now + millis.unsigned_abs() };
            watch.handle(&mut session, now, &event);
            // At one moment a session wakes a few times at most: for each of its timers, and what follows from them.
            let mut wakes = 0;
            while session.wake().is_some_and(|wake| wake <= now) {
                wakes += 1;
                prop_assert!(wakes < 20, "{session:?}");
                watch.handle(&mut session, now, &Rogue::Timeout);
            }
        }
    }
}
