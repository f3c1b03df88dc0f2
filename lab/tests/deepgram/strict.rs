//! The speech server refuses what the real one refuses, in the same words, and keeps the same time rules.

use std::time::Duration;

use fourwire_lab::deepgram::{Closed, SpeechOptions};
use fourwire_lab::tones::Script;

use crate::support::{QUERY, Stream, error_code, finals, lab};

fn impatient() -> SpeechOptions {
    SpeechOptions { idle_limit: Duration::from_millis(400), ..SpeechOptions::default() }
}

#[tokio::test]
async fn a_missing_or_wrong_key_is_401_with_the_services_body_and_headers() {
    let lab = lab(SpeechOptions::default()).await;
    for headers in [
        &[][..],
        &[("authorization", "Token wrong")],
        &[("authorization", "Bearer lab-deepgram-key")],
        &[("authorization", "lab-deepgram-key")],
        &[("sec-websocket-protocol", "token, wrong")],
    ] {
        let refused = Stream::connect(&lab, QUERY, headers).await.expect_err("a refusal");
        assert_eq!((refused.status().as_u16(), error_code(&refused).as_str()), (401, "INVALID_AUTH"), "{headers:?}");
        assert!(refused.headers().contains_key("dg-error") && refused.headers().contains_key("dg-request-id"));
    }
    let streams = lab.speech().streams();
    assert_eq!(streams.len(), 5);
    assert!(streams.iter().all(|stream| stream.refused == Some(401) && !stream.opened));
    assert!(!streams[0].had_authorization && streams[1].had_authorization);
}

#[tokio::test]
async fn a_key_among_the_subprotocols_is_taken_and_answered() {
    let lab = lab(SpeechOptions::default()).await;
    let headers = [("sec-websocket-protocol", "token, lab-deepgram-key")];
    let stream = Stream::connect(&lab, QUERY, &headers).await.expect("a stream");
    assert_eq!(stream.response.headers()["sec-websocket-protocol"], "token");
    assert!(stream.response.headers().contains_key("dg-request-id"));
}

#[tokio::test]
async fn a_bad_query_is_400_before_the_stream_begins() {
    let lab = lab(SpeechOptions::default()).await;
    let headers = [("authorization", "Token lab-deepgram-key")];
    for (query, code) in [
        (QUERY.replace("nova-3", "nova-99"), "Bad Request"),
        (QUERY.replace("language=en", "language=tlh"), "Bad Request"),
        (QUERY.replace("sample_rate=16000&", ""), "INVALID_QUERY_PARAMETER"),
        (QUERY.replace("1000", "500"), "INVALID_QUERY_PARAMETER"),
        (format!("{QUERY}&speling=1"), "INVALID_QUERY_PARAMETER"),
    ] {
        let refused = Stream::connect(&lab, &query, &headers).await.expect_err("a refusal");
        assert_eq!((refused.status().as_u16(), error_code(&refused).as_str()), (400, code), "{query}");
    }
}

#[tokio::test]
async fn a_client_that_sends_nothing_is_closed_with_net_0001() {
    let lab = lab(impatient()).await;
    let (messages, end) = Stream::open(&lab, QUERY).await.rest().await;
    assert_eq!((messages.len(), end), (0, Some((1011, "NET-0001".to_owned()))));
    let closed = Some(Closed::ByServer { code: 1011, reason: "NET-0001".to_owned() });
    assert!(lab.speech().wait_until(Duration::from_secs(5), |streams| streams[0].closed == closed).await);
}

#[tokio::test]
async fn keep_alive_alone_does_not_save_the_first_seconds_but_does_save_later_ones() {
    let lab = lab(impatient()).await;
    let keep_alive = r#"{"type": "KeepAlive"}"#;
    let mut never_audio = Stream::open(&lab, QUERY).await;
    let mut some_audio = Stream::open(&lab, QUERY).await;
    some_audio.audio(&[0; 160]).await;
    for _ in 0..3 {
        never_audio.text(keep_alive).await;
        some_audio.text(keep_alive).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(never_audio.next().await, Err(Some((1011, "NET-0001".to_owned()))));
    some_audio.text(keep_alive).await;
    assert!(some_audio.is_quiet(Duration::from_millis(200)).await, "it lives by its messages");
    let (_, end) = some_audio.rest().await;
    assert_eq!(end, Some((1011, "NET-0001".to_owned())), "and ends without them");
}

#[tokio::test]
async fn an_empty_binary_message_is_the_end_of_the_stream() {
    let lab = lab(SpeechOptions::default()).await;
    let mut stream = Stream::open(&lab, QUERY).await;
    stream.audio(&Script::new(16_000).word(100, "harbor").samples(500)).await;
    stream.binary(Vec::new()).await;
    let (messages, end) = stream.rest().await;
    assert_eq!(finals(&messages), ["harbor"]);
    assert_eq!(end, Some((1000, String::new())));
}

#[tokio::test]
async fn a_text_that_is_no_message_is_answered_with_an_error_and_the_stream_goes_on() {
    let lab = lab(SpeechOptions::default()).await;
    let mut stream = Stream::open(&lab, QUERY).await;
    for text in ["", "hello", r#"{"type":"Keepalive"}"#, r#"["KeepAlive"]"#] {
        stream.text(text).await;
        let answer = stream.next().await.unwrap();
        assert_eq!((&answer["type"], &answer["variant"]), (&"Error".into(), &"SchemaError".into()));
        assert_eq!(answer["message"], text);
    }
    let (messages, _) = stream.transcribe(&Script::new(16_000).word(100, "lemon").samples(600)).await;
    assert_eq!(finals(&messages), ["lemon"]);
}

#[tokio::test]
async fn audio_without_a_named_encoding_must_bring_a_container() {
    let lab = lab(SpeechOptions::default()).await;
    let mut stream = Stream::open(&lab, "model=nova-3").await;
    stream.audio(&[0; 800]).await;
    assert_eq!(stream.next().await, Err(Some((1008, "DATA-0000".to_owned()))));
}

#[tokio::test]
async fn a_server_that_keeps_to_its_speed_reads_no_faster() {
    let lab = lab(SpeechOptions { fastest: Some(1.25), ..SpeechOptions::default() }).await;
    let stream = Stream::open(&lab, QUERY).await;
    let begun = tokio::time::Instant::now();
    let (messages, _) = stream.transcribe(&Script::new(16_000).word(100, "olive").samples(1_500)).await;
    assert_eq!(finals(&messages), ["olive"]);
    let took = begun.elapsed();
    assert!((Duration::from_secs(1)..Duration::from_secs(3)).contains(&took), "{took:?}");
}
