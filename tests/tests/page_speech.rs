//! Two voices talk through a real browser and Twilio's own SDK to a real recogniser: one is the microphone, the other one picks
//! up. What is stored is what each of them said, on the own side, in its place.
//!
//! It lasts half a minute; with `FOURWIRE_LONG` set, ten minutes. A program of its own, so that nothing runs beside it.
#![allow(missing_docs, clippy::disallowed_methods)]

use std::ops::Range;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use fourwire_lab::app::text;
use fourwire_lab::carrier::{Callee, CarriedCall, Voice};
use fourwire_lab::wer::wer;
use fourwire_lab::{EngineOptions, LabOptions};
use fourwire_tests::browser::Browser;
use fourwire_tests::dialer::{self, Dialer, write_wav};
use fourwire_tests::likeness::{Found, find, loudness, median, offset};
use fourwire_tests::{takes_its_time, workerd};
use fourwire_wire::frame::{Channel, PerChannel};
use fourwire_wire::units::Samples;
use tokio::time::sleep;

/// What the microphone hears.
const CALLER: &str = "Hello, I would like to ask about my order from last week. The package has not arrived yet, and the website \
    says that it was returned to the warehouse. Could you please send it to my house again?";
/// What the callee says.
const CALLEE: &str = "Good morning. I am sorry to hear that. The driver could not find the door, so I will ask him to try again on \
    Thursday afternoon. Somebody should be at home then. Thank you, and have a wonderful day.";
/// The worst word error rate of a side that is still good.
const WORST: f64 = 0.20;
/// How far the two sides may be apart beyond what the call itself takes to the callee and back, in milliseconds.
const APART: f64 = 60.0;
/// Samples of half a minute.
const HALF_MINUTE: usize = 30 * 16_000;
/// A packet of audio, in milliseconds.
const PACKET: f64 = 20.0;
/// How loud a side may be where only the other one speaks, against that one, in decibels.
const CROSS_TALK: f64 = -40.0;

#[tokio::test]
async fn both_sides_are_understood_and_stored_in_their_places() {
    let tools = workerd::top().join(".tools");
    let engine = EngineOptions::Whisper {
        recogniser: tools.join("recogniser-target/release/fourwire-recogniser"),
        model: tools.join("models/whisper-tiny.en"),
    };
    let spoken = PerChannel { user: read_aloud("slt", CALLER, 2), remote: read_aloud("rms", CALLEE, 15) };
    let microphone = scratch("microphone.wav");
    write_wav(&microphone, 16_000, &spoken.user);

    let rounds: usize = if takes_its_time() { 20 } else { 1 };
    let length = Duration::from_secs(31 * rounds as u64);
    let world = dialer::world(LabOptions { engine, ..LabOptions::default() }).await;
    let number = "+12025550162";
    let voice = Voice::recording(&spoken.remote.repeat(rounds), 16_000);
    world.lab.carrier().callee(number, Callee::who_says(voice).pause(Duration::ZERO));
    let browser = Box::leak(Box::new(Browser::start(&microphone)));
    let dialer = Dialer::signed_in(&world, browser, "page-speech", "0122").await;
    dialer.call(number).await;
    // Of the first half minute and of the last one, which may be the same.
    let measured = length.min(Duration::from_secs(30));
    let begun = Instant::now();
    sleep(Duration::from_secs(1)).await;
    let mut jitter_buffers = Vec::new();
    for until in [measured, length] {
        sleep(until.saturating_sub(measured + begun.elapsed())).await;
        let before = dialer.jitter_buffer().await;
        sleep(until.saturating_sub(begun.elapsed())).await;
        jitter_buffers.push(dialer.jitter_buffer().await.millis_since(before));
    }
    dialer.hang_up().await;

    let conversation = dialer.conversation().await;
    let stored = dialer.stored().await;
    let calls = world.lab.carrier().calls();
    let [call] = calls.as_slice() else { panic!("one call") };
    let said = PerChannel { user: [CALLER].repeat(rounds).join(" "), remote: [CALLEE].repeat(rounds).join(" ") };
    for channel in Channel::BOTH {
        let heard = text(&conversation.transcript_segments, channel);
        let compared = wer(said.get(channel), &heard);
        println!("channel {}: {compared}", channel.byte());
        assert!(compared.rate() <= WORST, "channel {}: {compared}: {heard}", channel.byte());
    }
    assert_whole(&stored, length);
    assert_like(&spoken.user, &stored.user, "the microphone");
    assert_like(call.sent_by_callee(), &stored.remote, "the callee");
    assert_aligned(call, &stored, &jitter_buffers);
    assert_apart(&stored);
}

/// Asserts that both sides are as long as the call.
fn assert_whole(stored: &PerChannel<Vec<i16>>, length: Duration) {
    assert_eq!(stored.user.len(), stored.remote.len());
    let recorded = Duration::from_millis(stored.user.len() as u64 / 16);
    println!("stored: {recorded:?} of {length:?}");
    assert!(recorded.abs_diff(length) < Duration::from_secs(2), "{recorded:?}");
}

/// Asserts that a recording is heard in what is stored, in each of its rounds.
fn assert_like(recording: &[i16], stored: &[i16], whose: &str) {
    let round = &recording[..recording.len().min(HALF_MINUTE)];
    let mut found = Vec::new();
    for part in stored.chunks_exact(round.len()) {
        found.extend(find(round, part, offset(round, part)));
    }
    let likeness = median(found.iter().map(|found| found.likeness).collect());
    let lags: Vec<_> = found.iter().map(Found::millis).collect();
    let (first, last) = (&lags[..lags.len().min(3)], &lags[lags.len().saturating_sub(3)..]);
    println!("{whose}: likeness {likeness:.3}, late by {first:.0?} ms at first, {last:.0?} at last");
    assert!(likeness > 0.8, "{whose}: {likeness}");
}

/// Asserts that what the callee says is stored beside what the user says while it is heard, at the call's beginning and at its
/// end, and that the callee is as late then as at first. Between the two lies what the call itself takes: a packet of the user's,
/// and the browser's jitter buffer.
///
/// The browser's microphone is a file, whose clock stands still whenever the machine is too busy to read it. So the user's side is
/// held against what the carrier heard, and when: what came later and later was not said in time.
fn assert_aligned(call: &CarriedCall, stored: &PerChannel<Vec<i16>>, jitter_buffers: &[f64]) {
    // On the carrier's one clock: when it heard what the user said, and when it said what is stored of the callee.
    let on_carrier = PerChannel { user: call.heard_by_callee(), remote: call.sent_by_callee() };
    let end = [on_carrier.user.len(), on_carrier.remote.len(), stored.user.len()].into_iter().min().unwrap_or_default();
    let beginning = 0..HALF_MINUTE.min(end);
    let near = PerChannel::from_fn(|side| {
        offset(&on_carrier.get(side)[beginning.clone()], &stored.get(side)[beginning.clone()])
    });
    let parts = [beginning, end.saturating_sub(HALF_MINUTE)..end];
    let stood_still = parts.clone().map(|part| held_up(call, &part));
    let mut late = Vec::new();
    for ((part, stood), jitter_buffer) in parts.into_iter().zip(stood_still).zip(jitter_buffers) {
        let later = |side| {
            let found = find(&on_carrier.get(side)[part.clone()], &stored.get(side)[part.clone()], *near.get(side));
            median(found.iter().filter(|found| found.likeness > 0.5).map(Found::millis).collect())
        };
        let stood = stood - stood_still[0];
        let (callee, user) = (later(Channel::Remote), later(Channel::User));
        late.push(callee - jitter_buffer);
        let own = callee - user + stood - PACKET - jitter_buffer;
        println!(
            "stored: the callee {callee:.1} ms late, of which the jitter buffer has {jitter_buffer:.1}; the user {user:.1} ms, \
             of which the microphone has stood still {stood:.1}: {own:.1} ms by ourselves"
        );
        assert!(own.abs() < APART, "{own} ms");
    }
    assert!((late[0] - late[1]).abs() < APART, "the callee drifts: {late:?} ms");
}

/// How late the packets of a part of what the carrier heard came at the least, after their place, in milliseconds from any moment.
fn held_up(call: &CarriedCall, part: &Range<usize>) -> f64 {
    let connected = call.connected.map_or(0, Samples::get);
    let part = connected + part.start as u64..connected + part.end as u64;
    let own = call.arrivals.iter().filter(|(heard, _)| part.contains(&heard.get()));
    own.map(|(heard, at)| 1_000.0 * (at.as_secs_f64() - heard.seconds())).fold(f64::INFINITY, f64::min)
}

/// Asserts that where only one side speaks, the other one is silent.
fn assert_apart(stored: &PerChannel<Vec<i16>>) {
    let pieces = |channel: Channel| stored.get(channel).chunks(1_600).map(loudness).collect::<Vec<_>>();
    let levels = PerChannel::from_fn(pieces);
    for channel in Channel::BOTH {
        let (own, other) = (levels.get(channel), levels.get(channel.other()));
        let speaks = median(other.iter().copied().filter(|level| *level > 300.0).collect());
        // The quietest tenth of the pieces in which the other side speaks: in them this side says nothing itself.
        let mut beside: Vec<f64> =
            own.iter().zip(other).filter(|(_, other)| **other > 300.0).map(|(own, _)| *own).collect();
        beside.sort_by(f64::total_cmp);
        let quiet = beside[beside.len() / 10];
        let decibels = 20.0 * (quiet.max(0.1) / speaks).log10();
        println!("channel {}: {decibels:.1} dB where only the other side speaks", channel.byte());
        assert!(decibels < CROSS_TALK, "channel {}: {decibels} dB", channel.byte());
    }
}

/// Half a minute of a voice that says nothing for some seconds, reads a text aloud, and says nothing again, at 16 kHz.
fn read_aloud(voice: &str, text: &str, lead: usize) -> Vec<i16> {
    let file = scratch(&format!("{voice}.wav"));
    let spoken = Command::new("flite").args(["-voice", voice, "-t", text, "-o"]).arg(&file).status();
    assert!(spoken.is_ok_and(|status| status.success()), "flite speaks: `cargo xtask setup --for test` installs it");
    let mut reader = hound::WavReader::open(&file).expect("what was spoken");
    assert_eq!(reader.spec().sample_rate, 16_000);
    let mut samples: Vec<i16> = reader.samples().collect::<Result<_, _>>().expect("samples");
    samples.splice(..0, std::iter::repeat_n(0, lead * 16_000));
    assert!(samples.len() < HALF_MINUTE, "it is over within the half minute");
    samples.resize(HALF_MINUTE, 0);
    samples
}

fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("fourwire-{}-{name}", std::process::id()))
}
