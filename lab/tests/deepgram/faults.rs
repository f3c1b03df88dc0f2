//! A fault strikes where it was ordered, the streams around it stay well, and healing ends it.

use std::time::Duration;

use fourwire_lab::deepgram::{Closed, Fault, Refusal, SpeechOptions, Which};
use fourwire_lab::tones::Script;
use fourwire_wire::units::Samples;
use tokio::time::timeout;

use crate::support::{QUERY, Stream, error_code, finals, lab};

const KEY: [(&str, &str); 1] = [("authorization", "Token lab-deepgram-key")];
const SOON: Duration = Duration::from_millis(500);

fn words() -> Vec<i16> {
    Script::new(16_000).word(500, "harbor").word(1_500, "lantern").word(2_500, "willow").samples(3_500)
}

#[tokio::test]
async fn refused_connections_get_the_ordered_answer_then_all_is_well() {
    let lab = lab(SpeechOptions::default()).await;
    lab.speech().arm(Which::Next(2), Fault::Refuse(Refusal::new(429, "TOO_MANY_REQUESTS", "Too many requests.")));
    for _ in 0..2 {
        let refused = Stream::connect(&lab, QUERY, &KEY).await.expect_err("a refusal");
        assert_eq!((refused.status().as_u16(), error_code(&refused).as_str()), (429, "TOO_MANY_REQUESTS"));
        assert_eq!(refused.headers()["dg-error"], "Too many requests.");
    }
    let (messages, _) = Stream::open(&lab, QUERY).await.transcribe(&words()).await;
    assert_eq!(finals(&messages), ["harbor", "lantern", "willow"]);
}

#[tokio::test]
async fn a_handshake_can_hang_or_be_late() {
    let lab = lab(SpeechOptions::default()).await;
    lab.speech().arm(Which::Nth(1), Fault::Hang);
    lab.speech().arm(Which::Nth(2), Fault::Delay(SOON));
    assert!(timeout(SOON, Stream::open(&lab, QUERY)).await.is_err());
    let begun = tokio::time::Instant::now();
    Stream::open(&lab, QUERY).await;
    assert!(begun.elapsed() >= SOON);
}

#[tokio::test]
async fn a_connection_drops_at_its_place_without_a_close_frame() {
    let lab = lab(SpeechOptions::default()).await;
    lab.speech().arm(Which::Next(1), Fault::Drop { at: Samples::from_millis(2_300) });
    let mut stream = Stream::open(&lab, QUERY).await;
    stream.audio(&words()).await;
    let (messages, end) = stream.rest().await;
    assert_eq!((finals(&messages), end), (vec!["harbor".to_owned(), "lantern".to_owned()], None));
    let dropped = |streams: &[&fourwire_lab::deepgram::StreamReport]| streams[0].closed == Some(Closed::Dropped);
    assert!(lab.speech().wait_until(SOON, dropped).await);
}

#[tokio::test]
async fn a_stream_closes_at_its_place_with_the_ordered_code() {
    let lab = lab(SpeechOptions::default()).await;
    let (at, reason) = (Samples::from_millis(1_200), "NET-0000".to_owned());
    lab.speech().arm(Which::All, Fault::Close { at, code: 1011, reason: reason.clone() });
    let mut stream = Stream::open(&lab, QUERY).await;
    stream.audio(&words()).await;
    let (messages, end) = stream.rest().await;
    assert_eq!((finals(&messages), end), (vec!["harbor".to_owned()], Some((1011, reason))));
}

#[tokio::test]
async fn a_stream_falls_silent_at_its_place_and_stays_open() {
    let lab = lab(SpeechOptions { idle_limit: SOON, ..SpeechOptions::default() }).await;
    lab.speech().arm(Which::Next(1), Fault::Silent { from: Samples::from_millis(1_300) });
    let mut stream = Stream::open(&lab, QUERY).await;
    stream.audio(&words()).await;
    let mut heard = Vec::new();
    while let Ok(message) = timeout(SOON, stream.next()).await {
        heard.push(message.expect("an open stream"));
    }
    assert_eq!(finals(&heard), ["harbor"]);
    stream.text(r#"{"type":"CloseStream"}"#).await;
    assert!(stream.is_quiet(SOON).await);
    assert!(lab.speech().streams()[0].is_open());
}

#[tokio::test]
async fn garbage_comes_once_and_the_stream_goes_on() {
    let lab = lab(SpeechOptions::default()).await;
    let fault = Fault::Garbage { at: Samples::from_millis(1_000), text: "<html>".to_owned() };
    lab.speech().arm(Which::Next(1), fault);
    let (messages, _) = Stream::open(&lab, QUERY).await.transcribe(&words()).await;
    let garbage = messages.iter().position(|message| message == "<html>").expect("the garbage");
    assert_eq!(finals(&messages[..garbage]), ["harbor"]);
    assert_eq!(finals(&messages[garbage..]), ["lantern", "willow"]);
}

#[tokio::test]
async fn an_open_stream_is_struck_at_once_and_healing_takes_orders_back() {
    let lab = lab(SpeechOptions::default()).await;
    let mut one = Stream::open(&lab, QUERY).await;
    let mut other = Stream::open(&lab, QUERY).await;
    lab.speech().strike_stream(1, Fault::Drop { at: Samples::ZERO });
    assert_eq!(one.next().await, Err(None));
    lab.speech().strike(&Fault::Drop { at: Samples::from_millis(60_000) });
    lab.speech().arm(Which::All, Fault::Hang);
    lab.speech().heal();
    other.audio(&vec![0; 16 * 61_000]).await;
    let (messages, end) = other.transcribe(&words()).await;
    assert_eq!((finals(&messages).len(), end), (3, Some((1000, String::new()))));
    Stream::open(&lab, QUERY).await;
}
