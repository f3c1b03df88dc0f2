//! A call keeps what a speech service may still need and nothing else, however long it lasts.

// The resident set is read where Linux tells it. The test is alone in its program, so nothing else moves it.
#![cfg(target_os = "linux")]

use std::rc::Rc;

use fourwire_engine::audio::SampleRate;
use fourwire_engine::call::{Action, ConnectOptions, Event, Services, Session, Start};
use fourwire_engine::speech::Provider;
use fourwire_engine::speech::deepgram::Deepgram;
use fourwire_engine::zones::UtcOnly;
use fourwire_wire::frame::{Channel, Frame};
use fourwire_wire::ids::ConversationId;
use fourwire_wire::pii::Pii;
use fourwire_wire::query::{Language, Source};
use fourwire_wire::units::{Samples, UnixMillis};

/// How much a call may grow between its third minute and its end, in kB: a tenth of what one forgotten minute takes.
const GROWTH_KB: u64 = 384;

#[test]
fn an_hour_without_a_speech_service_takes_no_more_memory_than_three_minutes() {
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
    let mut now = UnixMillis::new(1_774_440_000_000);
    let mut session = Session::start(
        start,
        &Services { speech: providers, has_model: false, pusher: None, zones: Rc::new(UtcOnly) },
        now,
    );
    handle(
        &mut session,
        now,
        Event::Connected(ConnectOptions { rate: SampleRate::INTERNAL, interim: true, resume: false }),
    );
    // 100 ms of a tone of 400 Hz, loud enough to be speech.
    let tone = (0..1_600).map(|n| if n % 40 < 20 { 3_000 } else { -3_000 });
    let frames = Channel::BOTH.map(|channel| {
        let mut frame = Vec::new();
        Frame::write(channel, tone.clone(), &mut frame);
        frame
    });
    let mut early = 0;
    for tenth in 0..36_000 {
        now = now + 100;
        for frame in &frames {
            handle(&mut session, now, Event::Frame(frame));
        }
        if tenth == 1_800 {
            early = resident_kb();
        }
    }
    let hour = Samples::from_millis(60 * 60 * 1000);
    assert!(session.conversation().audio.iter().all(|audio| audio.samples == hour));
    let grown = resident_kb().saturating_sub(early);
    assert!(grown < GROWTH_KB, "the call grew by {grown} kB");
}

/// Passes an event and leaves all actions aside: no service ever answers.
fn handle(session: &mut Session, now: UnixMillis, event: Event<'_>) {
    session.handle(now, event);
    while let Some(action) = session.poll(now) {
        assert!(!matches!(action, Action::SpeechAudio { .. }));
    }
}

fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
