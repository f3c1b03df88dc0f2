//! A real telephone call, spoken by two people and recorded, goes through the Worker in real time to a real recogniser,
//! and into the store: what lies there of a side is that side's audio at 16 kHz, sample for sample.
//!
//! A segment is an utterance as the recogniser hears it, a turn is one as the recording's authors wrote it down; the two
//! are not cut at the same places. So a segment belongs to every turn of its channel that it overlaps. It must overlap
//! one, and together the segments of a turn must begin and end where the turns that they belong to do.
//!
//! A program of its own, so that nothing runs beside it: recognising speech in real time takes the whole machine.
#![allow(missing_docs, clippy::disallowed_methods)]

use std::path::Path;
use std::time::Duration;

use fourwire_lab::app::{Delivery, Phone, text};
use fourwire_lab::recording::{Recording, Turn};
use fourwire_lab::wer::{normalise, wer};
use fourwire_lab::{EngineOptions, LabOptions};
use fourwire_tests::kept::joined;
use fourwire_tests::playback::{assert_same, converted, sides};
use fourwire_tests::world::SECRET;
use fourwire_tests::{World, http, workerd};
use fourwire_wire::frame::Channel;
use fourwire_wire::segment::WireSegment;
use fourwire_wire::structured::Category;

const USER: &str = "real-call";
/// Of the peer's app.
const RATE: u32 = 48_000;
/// The worst word error rate of a side that is still good. The model alone has 13.8 % on this call.
const WORST: f64 = 0.25;
/// How far a segment's time may be from its turn's, in seconds.
const OFF_TURN: f64 = 0.7;

#[tokio::test]
async fn a_real_call_is_understood_each_side_by_itself() {
    let tools = workerd::top().join(".tools");
    let engine = EngineOptions::Whisper {
        recogniser: needed(&tools.join("recogniser-target/release/fourwire-recogniser")),
        model: needed(&tools.join("models/whisper-tiny.en")),
    };
    let recording = Recording::read_sample(&needed(&tools.join("samples"))).expect("the recording");
    let mut world = World::with(LabOptions { engine, ..LabOptions::default() }, |_| {}).await;

    let options = world.phone(USER);
    let mut phone = Phone::connect(options.clone()).await.expect("let in");
    let sent = recording.at_rate(RATE);
    phone.play(&sent, &Delivery::default()).await.expect("still there");
    let received = phone.hang_up(Duration::from_secs(40)).await;
    assert_eq!(received.close_code(), Some(1000));
    let stored = http::only_conversation(world.edge(), &options.token).await;
    assert_eq!(received.conversation(), Some(&stored));

    let segments = &stored.transcript_segments;
    for channel in Channel::BOTH {
        let (said, heard) = (recording.reference(channel).expect("the turns"), text(segments, channel));
        let compared = wer(&said, &heard);
        println!("channel {}: {compared}: {heard}", channel.byte());
        assert!(compared.rate() <= WORST, "channel {}: {compared}: {heard}", channel.byte());
        assert_not_crossed(
            &said,
            &recording.reference(channel.other()).expect("the turns"),
            &text(segments, channel.other()),
        );
        let own: Vec<_> = segments.iter().filter(|segment| segment.is_user == (channel == Channel::User)).collect();
        assert_in_their_turns(&own, recording.turns.get(channel));
    }

    // Two strangers begin to talk: nobody promises or asks for anything.
    let structured = &stored.structured;
    assert_eq!(structured.category, Category::Social);
    assert!(!structured.title.expose().is_empty() && !structured.overview.expose().is_empty());
    assert!(structured.action_items.is_empty() && structured.events.is_empty(), "{structured:?}");

    let heard = sides(world.edge(), &options.token, stored.id).await;
    let mut kept = world.kill_and_read(USER);
    kept.take_others();
    let opened = kept.opened(SECRET, USER);
    let kept = joined(opened.iter().filter(|(name, _)| name.contains("/audio/")).map(|(_, chunk)| chunk));
    for channel in Channel::BOTH {
        let sent = converted(sent.audio.get(channel), RATE);
        assert!(sent.iter().any(|sample| sample.unsigned_abs() > 1_000), "it has speech");
        assert_same(heard.get(channel), &sent, &format!("played back, channel {}", channel.byte()));
        assert_same(kept.get(channel), &sent, &format!("stored, channel {}", channel.byte()));
    }
}

/// A file that set-up brings.
fn needed(path: &Path) -> std::path::PathBuf {
    assert!(path.exists(), "{} is missing: `cargo xtask setup --for test` brings it", path.display());
    path.to_owned()
}

/// Asserts that no word that only one side said was heard on the other one.
fn assert_not_crossed(said: &str, said_by_other: &str, heard_from_other: &str) {
    let [said, said_by_other, heard_from_other] = [said, said_by_other, heard_from_other].map(normalise);
    let crossed = |word: &&String| said.contains(word) && !said_by_other.contains(word);
    assert_eq!(heard_from_other.iter().filter(crossed).collect::<Vec<_>>(), Vec::<&String>::new());
}

fn assert_in_their_turns(segments: &[&WireSegment], turns: &[Turn]) {
    let overlap = |segment: &WireSegment, turn: &Turn| segment.start < turn.end && segment.end > turn.start;
    let near = |a: f64, b: f64| (a - b).abs() <= OFF_TURN;
    for segment in segments {
        let own: Vec<_> = turns.iter().filter(|turn| overlap(segment, turn)).collect();
        let (Some(first), Some(last)) = (own.first(), own.last()) else { panic!("no turn is at {segment:?}") };
        assert!(segment.start >= first.start - OFF_TURN && segment.end <= last.end + OFF_TURN, "{segment:?}, {own:?}");
    }
    for turn in turns {
        let own: Vec<_> = segments.iter().filter(|segment| overlap(segment, turn)).collect();
        let (Some(first), Some(last)) = (own.first(), own.last()) else { panic!("nothing was heard of {turn:?}") };
        let (begins, ends) = (first.start, last.end);
        assert!(begins <= turn.start || near(begins, turn.start), "{turn:?} begins at {begins}");
        assert!(ends >= turn.end || near(ends, turn.end), "{turn:?} ends at {ends}");
    }
}
