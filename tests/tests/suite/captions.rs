//! What clients get of a caption: the peer's clients what they know, those that asked for more the interim results too.

use std::time::Duration;

use fourwire_lab::app::{Auth, Delivery, Message, Phone, PhoneOptions};
use fourwire_lab::tones::speak;
use fourwire_tests::raw::Raw;
use fourwire_tests::{Talk, World, assert_words_land};
use fourwire_wire::frame::{Channel, Frame};
use serde_json::{Value, json};

const RATE: u32 = 16_000;
const LIMIT: Duration = Duration::from_secs(20);
/// The segment object of the peer.
const PEERS_FIELDS: [&str; 11] = [
    "end",
    "id",
    "is_user",
    "person_id",
    "speaker",
    "speaker_id",
    "speech_profile_processed",
    "start",
    "stt_provider",
    "text",
    "translations",
];

#[tokio::test]
async fn a_browser_has_the_same_call_as_a_phone() {
    let world = World::shared().await;
    let options = PhoneOptions { sample_rate: RATE, auth: Auth::FirstMessage, ..world.phone("browser") };
    let talk = Talk::random(41, RATE, 8, &[]);
    let mut browser = Phone::connect(options).await.expect("let in");
    browser.play(&talk.recording(), &Delivery::default()).await.expect("still there");
    let received = browser.hang_up(LIMIT).await;
    assert_words_land(&received.segments, &talk.said());
    assert_eq!(received.close_code(), Some(1000));
    let conversation = received.conversation().expect("memory_created");
    assert!(conversation.audio.iter().all(|audio| audio.samples == talk.length()), "every byte came through");
    assert!(received.pings() > 0);
}

#[tokio::test]
async fn a_client_that_asks_for_interim_results_gets_words_before_they_are_final() {
    let world = World::shared().await;
    let options = PhoneOptions { sample_rate: RATE, interim: true, ..world.phone("wants-unfinished-words") };
    let talk = Talk::random(42, RATE, 5, &[]);
    let mut phone = Phone::connect(options).await.expect("let in");
    phone.play(&talk.recording(), &Delivery::default()).await.expect("still there");
    let received = phone.hang_up(LIMIT).await;
    assert_words_land(&received.segments, &talk.said());

    for segment in &received.segments {
        let versions = received.arrivals.iter().filter_map(|arrival| match &arrival.message {
            Message::Segments(segments) => segments.iter().find(|known| known.id == segment.id),
            _ => None,
        });
        let extras: Vec<_> = versions.map(|version| version.extras.as_ref().expect("the extras")).collect();
        let is_final: Vec<_> = extras.iter().map(|extras| extras.is_final).collect();
        assert_eq!((is_final.first(), is_final.last()), (Some(&false), Some(&true)), "interim, then final");
        let channel = if segment.is_user { Channel::User } else { Channel::Remote };
        assert!(extras.iter().all(|extras| extras.channel == channel && extras.confidence > 0.5));
    }
}

#[tokio::test]
async fn the_peers_clients_get_the_peers_fields_and_only_words_that_stay() {
    let world = World::shared().await;
    let mut segments = segments(world, "plain", "").await;
    assert_eq!(segments.len(), 1, "one word, told once: {segments:?}");
    let segment = segments.remove(0);
    let mut names: Vec<_> = segment.as_object().expect("an object").keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, PEERS_FIELDS);
    let expected = json!({
        "text": "pillow", "speaker": "SPEAKER_01", "speaker_id": 1, "is_user": false, "person_id": null,
        "translations": [], "speech_profile_processed": true, "stt_provider": null,
    });
    for (name, value) in expected.as_object().expect("an object") {
        assert_eq!(&segment[name], value, "{name}");
    }
}

#[tokio::test]
async fn the_extras_are_the_peers_fields_and_three_more() {
    let world = World::shared().await;
    for segment in segments(world, "extras", "&interim=1").await {
        let mut names: Vec<_> = segment.as_object().expect("an object").keys().map(String::as_str).collect();
        names.retain(|name| !PEERS_FIELDS.contains(name));
        names.sort_unstable();
        assert_eq!(names, ["channel", "confidence", "is_final"]);
        assert_eq!(segment["channel"], 2);
    }
}

/// All segments, as they came, of a call in which the other side says one word.
async fn segments(world: &World, user: &str, query: &str) -> Vec<Value> {
    let path = format!("/v4/listen?channels=2&sample_rate={RATE}{query}");
    let bearer = format!("Bearer {}", world.token(user));
    let mut socket = Raw::open(world.edge(), &path, Some(&bearer)).await;
    let mut samples = speak("pillow", RATE);
    samples.resize(32_000, 0);
    let mut message = Vec::new();
    Frame::write(Channel::Remote, samples, &mut message);
    socket.send_binary(message).await;
    // Words that stay come without an end of the call.
    let mut segments = Vec::new();
    let is_last = |segment: &Value| segment["is_final"].as_bool().unwrap_or(true);
    while !segments.last().is_some_and(is_last) {
        if let Value::Array(more) = socket.next_json().await.expect("an open socket") {
            segments.extend(more);
        }
    }
    socket.send_text(r#"{"type":"end"}"#).await;
    let (texts, _) = socket.rest().await;
    let values = texts.iter().filter_map(|text| serde_json::from_str(text).ok());
    segments.extend(values.filter_map(|value: Value| value.as_array().cloned()).flatten());
    segments
}
