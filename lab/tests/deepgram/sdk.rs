//! An independent judge: Deepgram's own SDK, as a client of the lab's speech server, finds it to be the real thing.
//!
//! The SDK is the JavaScript one, which `cargo xtask setup --for test` brings with all of the project's node tools.

use std::path::Path;
use std::process::Stdio;

use fourwire_lab::deepgram::{KEY, SpeechOptions};
use fourwire_lab::tones::Script;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::support::{finals, lab};

#[tokio::test]
async fn the_services_own_sdk_transcribes_through_the_lab() {
    let lab = lab(SpeechOptions::default()).await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/deepgram/sdk.mjs");
    let mut node = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../node_modules/.bin/node"))
        .arg(script)
        .args([&lab.deepgram_url().replace("http", "ws"), KEY])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("node and the SDK are there: `cargo xtask setup --for test` installs them");
    let audio = Script::new(16_000).word(400, "harbor").word(700, "lantern").word(2_600, "willow").samples(4_000);
    let bytes: Vec<u8> = audio.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    node.stdin.take().unwrap().write_all(&bytes).await.unwrap();
    let output = node.wait_with_output().await.unwrap();
    assert!(output.status.success());

    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["code"], 1000);
    let messages = told["messages"].as_array().unwrap();
    assert_eq!(finals(messages), ["harbor", "lantern", "willow"]);
    let kinds: Vec<_> = messages.iter().filter_map(|message| message["type"].as_str()).collect();
    for kind in ["SpeechStarted", "Results", "UtteranceEnd", "Metadata"] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    assert!(!kinds.contains(&"sdk-error"), "{messages:?}");
    let stream = &lab.speech().streams()[0];
    assert_eq!((stream.pcm.len(), stream.parameter("model")), (audio.len(), Some("nova-3")));
    assert!(stream.texts.iter().any(|text| text.contains("KeepAlive")));
}
