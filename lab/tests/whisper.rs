//! A real telephone call through the speech server with the recogniser behind it.
//!
//! It needs the recogniser, its model and the recording, which `cargo xtask setup --for test` brings into `.tools`.

#[path = "deepgram/support.rs"]
mod support;

use std::path::{Path, PathBuf};

use fourwire_lab::recording::{Recording, Turn};
use fourwire_lab::wer::{Wer, wer};
use fourwire_lab::{EngineOptions, Lab, LabOptions};
use fourwire_wire::frame::Channel;
use serde_json::Value;
use support::{QUERY, Stream, finals};

/// The worst word error rate that is still good. The model alone, with a whole channel before it, has 13.8 %.
const WORST: f64 = 0.25;
/// How far outside its turn a word may lie, in seconds.
const OFF_TURN: f64 = 0.7;

fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools")
}

async fn whisper() -> Lab {
    let engine = EngineOptions::Whisper {
        recogniser: tools().join("recogniser-target/release/fourwire-recogniser"),
        model: tools().join("models/whisper-tiny.en"),
    };
    let lab = Lab::start(LabOptions { engine, ..LabOptions::default() }).await;
    lab.expect("the recogniser is there: `cargo xtask setup --for test` builds it")
}

fn words(messages: &[Value]) -> impl Iterator<Item = (f64, f64)> {
    let finals = messages.iter().filter(|message| message["is_final"] == true);
    finals
        .filter_map(|message| message["channel"]["alternatives"][0]["words"].as_array())
        .flatten()
        .filter_map(|word| Some((word["start"].as_f64()?, word["end"].as_f64()?)))
}

fn distance((start, end): (f64, f64), turn: &Turn) -> f64 {
    (turn.start - start).max(end - turn.end).max(0.0)
}

fn check(recording: &Recording, channel: Channel, messages: &[Value]) -> Wer {
    let heard = finals(messages).join(" ");
    let compared = wer(&recording.reference(channel).unwrap(), &heard);
    println!("channel {}: {compared}: {heard}", channel.byte());
    let turns = recording.turns.get(channel);
    for word in words(messages) {
        let off = turns.iter().map(|turn| distance(word, turn)).fold(f64::MAX, f64::min);
        assert!(off <= OFF_TURN, "a word of channel {} at {word:?} lies {off:.2} s outside any turn", channel.byte());
    }
    compared
}

#[tokio::test]
async fn a_real_call_is_understood_on_both_channels() {
    let recording = Recording::read_sample(&tools().join("samples")).unwrap();
    let lab = whisper().await;
    let user = Stream::open(&lab, QUERY).await.transcribe(&recording.audio.user);
    let remote = Stream::open(&lab, QUERY).await.transcribe(&recording.audio.remote);
    let ((user, user_end), (remote, remote_end)) = tokio::join!(user, remote);
    assert_eq!((user_end.map(|end| end.0), remote_end.map(|end| end.0)), (Some(1000), Some(1000)));
    let [user, remote] =
        [(Channel::User, user), (Channel::Remote, remote)].map(|(side, heard)| check(&recording, side, &heard));
    assert!(user.rate() <= WORST && remote.rate() <= WORST, "{user}, {remote}");
}

#[tokio::test]
async fn silence_gives_no_word() {
    let lab = whisper().await;
    let (messages, end) = Stream::open(&lab, QUERY).await.transcribe(&vec![0; 16_000 * 15]).await;
    assert_eq!(end, Some((1000, String::new())));
    assert_eq!(finals(&messages), Vec::<String>::new());
}
