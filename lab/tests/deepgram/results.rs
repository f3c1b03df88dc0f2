//! What a stream says of tones, message by message, and where.

use fourwire_lab::deepgram::SpeechOptions;
use fourwire_lab::resample::resample;
use fourwire_lab::tones::Script;
use serde_json::Value;

use crate::support::{QUERY, Stream, finals, lab, transcript};

/// A message in a few words.
fn short(message: &Value) -> String {
    let kind = message["type"].as_str().unwrap_or("?");
    match (kind, message["is_final"].as_bool(), message["speech_final"].as_bool()) {
        ("Results", Some(true), Some(true)) => format!("speech_final {}", transcript(message).unwrap()),
        ("Results", Some(true), _) => format!("final {}", transcript(message).unwrap()),
        ("Results", _, _) => format!("interim {}", transcript(message).unwrap()),
        _ => kind.to_owned(),
    }
}

#[tokio::test]
async fn a_stream_tells_what_the_real_one_tells_in_that_order() {
    let lab = lab(SpeechOptions::default()).await;
    let audio = Script::new(16_000).word(500, "harbor").word(800, "river").word(3_000, "willow").samples(4_000);
    let (messages, end) = Stream::open(&lab, QUERY).await.transcribe(&audio).await;
    assert_eq!(
        messages.iter().map(short).collect::<Vec<_>>(),
        [
            "SpeechStarted",
            "interim harbor",
            "interim harbor river",
            "speech_final harbor river",
            "UtteranceEnd",
            "SpeechStarted",
            "interim willow",
            "speech_final willow",
            "final ",
            "Metadata"
        ]
    );
    assert_eq!(end, Some((1000, String::new())));
    let word = &messages[3]["channel"]["alternatives"][0]["words"][1];
    let start = word["start"].as_f64().unwrap();
    assert!((start - 0.8).abs() < 0.01, "river is at {start}");
    assert_eq!(word["punctuated_word"], "river");
    assert!((messages[4]["last_word_end"].as_f64().unwrap() - 0.96).abs() < 0.01);
    assert_eq!((&messages[9]["duration"], &messages[9]["channels"]), (&4.0.into(), &1.into()));
}

#[tokio::test]
async fn interims_and_events_come_only_where_they_are_asked_for() {
    let lab = lab(SpeechOptions::default()).await;
    let audio = Script::new(16_000).word(500, "harbor").samples(3_000);
    let query = "model=nova-3&encoding=linear16&sample_rate=16000&endpointing=300";
    let (messages, _) = Stream::open(&lab, query).await.transcribe(&audio).await;
    assert_eq!(messages.iter().map(short).collect::<Vec<_>>(), ["speech_final harbor", "final ", "Metadata"]);
    let word = &messages[0]["channel"]["alternatives"][0]["words"][0];
    assert!(word.get("punctuated_word").is_none(), "nobody asked for punctuation");
}

#[tokio::test]
async fn finalize_makes_a_final_of_what_there_is_and_nothing_of_nothing() {
    let lab = lab(SpeechOptions::default()).await;
    let mut stream = Stream::open(&lab, QUERY).await;
    stream.text(r#"{"type":"Finalize"}"#).await;
    stream.audio(&Script::new(16_000).word(100, "lemon").samples(300)).await;
    stream.text(r#"{"type":"Finalize"}"#).await;
    let messages = [stream.next().await.unwrap(), stream.next().await.unwrap(), stream.next().await.unwrap()];
    assert_eq!(messages.each_ref().map(short), ["SpeechStarted", "interim lemon", "final lemon"]);
    assert_eq!(messages[2]["from_finalize"], true);
}

#[tokio::test]
async fn silence_gives_an_empty_final_every_few_seconds() {
    let lab = lab(SpeechOptions::default()).await;
    let (messages, _) = Stream::open(&lab, QUERY).await.transcribe(&vec![0; 16_000 * 13]).await;
    let finals: Vec<_> = messages.iter().filter(|message| message["is_final"] == true).collect();
    assert_eq!(finals.len(), 4);
    assert!(finals.iter().all(|message| transcript(message) == Some("")));
    let mut end = 0.0;
    for message in finals {
        let (start, duration) = (message["start"].as_f64().unwrap(), message["duration"].as_f64().unwrap());
        assert!((start - end).abs() < 1e-6 && duration <= 5.0, "{start} + {duration}");
        end = start + duration;
    }
}

#[tokio::test]
async fn every_rate_gives_the_same_words_at_the_same_times() {
    let lab = lab(SpeechOptions::default()).await;
    let audio = Script::new(48_000).word(400, "canyon").word(1_400, "saddle").samples(2_500);
    for rate in [8_000, 16_000, 44_100, 48_000] {
        let query = QUERY.replace("16000", &rate.to_string());
        let (messages, _) = Stream::open(&lab, &query).await.transcribe(&resample(&audio, 48_000, rate)).await;
        assert_eq!(finals(&messages), ["canyon", "saddle"], "{rate} Hz");
        let starts = messages.iter().filter(|message| message["is_final"] == true);
        let starts: Vec<_> =
            starts.filter_map(|message| message["channel"]["alternatives"][0]["words"][0]["start"].as_f64()).collect();
        assert!((starts[0] - 0.4).abs() < 0.01 && (starts[1] - 1.4).abs() < 0.01, "{rate} Hz: {starts:?}");
    }
}

#[tokio::test]
async fn a_stream_may_be_cut_anywhere_also_within_a_sample() {
    let lab = lab(SpeechOptions::default()).await;
    let mut stream = Stream::open(&lab, QUERY).await;
    let audio = Script::new(16_000).word(100, "pebble").samples(700);
    let bytes: Vec<u8> = audio.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    for piece in bytes.chunks(333) {
        stream.binary(piece.to_vec()).await;
    }
    stream.text(r#"{"type":"CloseStream"}"#).await;
    assert_eq!(finals(&stream.rest().await.0), ["pebble"]);
    let report = &lab.speech().streams()[0];
    assert_eq!((report.audio_bytes, &report.pcm), (bytes.len() as u64, &audio));
    assert_eq!(report.texts, [r#"{"type":"CloseStream"}"#]);
}
