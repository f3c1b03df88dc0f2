//! Faults that are ordered by their names in JSON, over HTTP and on the command line.

use std::process::Stdio;
use std::time::Duration;

use fourwire_lab::Lab;
use fourwire_lab::deepgram::SpeechOptions;
use fourwire_lab::http::send_json;
use fourwire_lab::tones::Script;
use hyper::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::Instant;

use crate::support::{QUERY, Stream, finals, lab, transcript};

const KEY: [(&str, &str); 1] = [("authorization", "Token lab-deepgram-key")];

fn words() -> Vec<i16> {
    Script::new(16_000).word(500, "harbor").word(1_500, "lantern").word(2_500, "willow").samples(3_500)
}

async fn request(lab: &Lab, method: Method, path: &str, body: Option<&Value>) -> u16 {
    send_json(method, &format!("{}/lab/{path}", lab.deepgram_url()), None, body).await.unwrap().status
}

/// A lab in which this fault waits for the next stream.
async fn faulty(fault: Value) -> Lab {
    let lab = lab(SpeechOptions::default()).await;
    assert_eq!(request(&lab, Method::POST, "faults", Some(&json!({ "fault": fault }))).await, 204);
    lab
}

fn results(messages: &[Value]) -> Vec<&Value> {
    messages.iter().filter(|message| message["type"] == "Results").collect()
}

#[tokio::test]
async fn every_refusal_has_its_status_headers_and_body() {
    for (refusal, status, code, retry_after) in [
        (json!("language"), 400, "Bad Request", None),
        (json!("parameter"), 400, "INVALID_QUERY_PARAMETER", None),
        (json!("auth"), 401, "INVALID_AUTH", None),
        (json!("permission"), 401, "INSUFFICIENT_PERMISSIONS", None),
        (json!("payment"), 402, "ASR_PAYMENT_REQUIRED", None),
        (json!("model"), 403, "INSUFFICIENT_PERMISSIONS", None),
        (json!("rate"), 429, "TOO_MANY_REQUESTS", None),
        (json!({ "kind": "rate", "retry_after": 30 }), 429, "TOO_MANY_REQUESTS", Some("30")),
        (json!("quota"), 429, "TOO_MANY_REQUESTS", None),
        (json!({ "kind": "quota", "retry_after": 86_400 }), 429, "TOO_MANY_REQUESTS", Some("86400")),
        (json!("internal"), 500, "INTERNAL_SERVER_ERROR", None),
        (json!("unavailable"), 503, "SERVICE_UNAVAILABLE", None),
        (json!({ "kind": "unavailable", "retry_after": 0 }), 503, "SERVICE_UNAVAILABLE", Some("0")),
        (json!({ "status": 502, "code": "BAD_GATEWAY", "message": "No." }), 502, "BAD_GATEWAY", None),
    ] {
        let lab = faulty(json!({ "refuse": refusal })).await;
        let refused = Stream::connect(&lab, QUERY, &KEY).await.expect_err("a refusal");
        let body: Value = serde_json::from_slice(refused.body().as_deref().unwrap()).unwrap();
        let header = |name: &str| refused.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!((refused.status().as_u16(), &body["err_code"]), (status, &code.into()), "{refusal}");
        assert_eq!(header("dg-error"), body["err_msg"].as_str(), "{refusal}");
        assert_eq!(header("dg-request-id"), body["request_id"].as_str(), "{refusal}");
        assert_eq!(header("retry-after"), retry_after, "{refusal}");
        assert!(body["err_msg"].as_str().is_some_and(|message| !message.is_empty()), "{refusal}");
        assert_eq!(lab.speech().streams()[0].refused, Some(status), "{refusal}");
        Stream::connect(&lab, QUERY, &KEY).await.expect("the next one is well");
    }
}

#[tokio::test]
async fn a_quota_and_a_rate_are_told_apart_by_what_they_say() {
    let mut told = Vec::new();
    for kind in ["rate", "quota"] {
        let lab = faulty(json!({ "refuse": kind })).await;
        let refused = Stream::connect(&lab, QUERY, &KEY).await.expect_err("a refusal");
        told.push(refused.headers()["dg-error"].to_str().unwrap().to_lowercase());
    }
    assert!(!told[0].contains("quota") && told[1].contains("daily quota"), "{told:?}");
}

#[tokio::test]
async fn a_late_stream_says_all_that_it_would_have_said_so_much_later() {
    let late = Duration::from_millis(700);
    let well = Stream::open(&lab(SpeechOptions::default()).await, QUERY).await.transcribe(&words()).await;
    let lab = faulty(json!({ "late_ms": 700 })).await;
    let mut stream = Stream::open(&lab, QUERY).await;
    let begun = Instant::now();
    stream.audio(&words()).await;
    stream.text(r#"{"type":"CloseStream"}"#).await;
    let first = stream.next().await.unwrap();
    assert!(begun.elapsed() >= late, "{:?}", begun.elapsed());
    assert!(lab.speech().streams()[0].is_open(), "it goes on after the request to finish");
    let (rest, end) = stream.rest().await;
    let messages: Vec<Value> = std::iter::once(first).chain(rest).collect();
    // All but the request's id and the time of day.
    let plain = |messages: &[Value]| -> Vec<Value> {
        let keys = ["type", "start", "duration", "is_final", "speech_final", "channel", "timestamp", "last_word_end"];
        messages.iter().map(|message| keys.iter().map(|key| message[key].clone()).collect()).collect()
    };
    assert_eq!((plain(&messages), end), (plain(&well.0), well.1));
}

#[tokio::test]
async fn a_late_stream_that_is_left_is_over_at_once() {
    let lab = faulty(json!({ "late_ms": 3_600_000 })).await;
    let mut stream = Stream::open(&lab, QUERY).await;
    stream.audio(&words()).await;
    stream.text(r#"{"type":"CloseStream"}"#).await;
    assert!(stream.is_quiet(Duration::from_millis(300)).await);
    drop(stream);
    let over = |streams: &[&fourwire_lab::deepgram::StreamReport]| streams.iter().all(|stream| !stream.is_open());
    assert!(lab.speech().wait_until(Duration::from_secs(10), over).await);
}

#[tokio::test]
async fn an_utterance_end_comes_with_the_ordered_end_of_the_last_word() {
    for (at_ms, last_word_end) in [(0, -1.0), (1_000, -1.0), (1_000, 0.2), (2_300, 0.66), (2_300, 0.0), (3_000, 1e9)] {
        let lab = faulty(json!({ "utterance_end": { "at_ms": at_ms, "last_word_end": last_word_end } })).await;
        let (messages, _) = Stream::open(&lab, QUERY).await.transcribe(&words()).await;
        let ends: Vec<_> = messages.iter().filter(|message| message["type"] == "UtteranceEnd").collect();
        let ordered = ends.iter().filter(|end| end["last_word_end"] == last_word_end).count();
        assert_eq!(ordered, 1, "{at_ms} ms, {last_word_end} s: {ends:?}");
        assert_eq!(ends[0]["channel"], json!([0, 1]));
        assert_eq!(finals(&messages), ["harbor", "lantern", "willow"], "{at_ms} ms, {last_word_end} s");
    }
}

#[tokio::test]
async fn interim_words_can_be_withdrawn_by_an_empty_final() {
    for (from_ms, withdrawn, left) in [
        (0, "harbor", ["lantern", "willow"]),
        (400, "harbor", ["lantern", "willow"]),
        (1_200, "lantern", ["harbor", "willow"]),
        (2_200, "willow", ["harbor", "lantern"]),
    ] {
        let lab = faulty(json!({ "withdraw": { "from_ms": from_ms } })).await;
        let (messages, _) = Stream::open(&lab, QUERY).await.transcribe(&words()).await;
        assert_eq!(finals(&messages), left, "{from_ms} ms");
        let interim = results(&messages).into_iter().find(|message| transcript(message) == Some(withdrawn));
        let interim = interim.expect("an interim");
        let end = interim["start"].as_f64().unwrap() + interim["duration"].as_f64().unwrap();
        let covers = |message: &&&Value| {
            let start = message["start"].as_f64().unwrap();
            message["is_final"] == true && start <= end && start + message["duration"].as_f64().unwrap() >= end
        };
        let results = results(&messages);
        let last = results.iter().find(covers).expect("a final over the interim");
        assert_eq!((interim["is_final"].as_bool(), transcript(last)), (Some(false), Some("")), "{from_ms} ms");
        assert_eq!(last["channel"]["alternatives"][0]["words"], json!([]));
    }
}

#[tokio::test]
async fn results_can_lack_what_a_client_relies_on() {
    for (what, is_odd) in [
        ("speech_final", (|message| message["speech_final"].is_null()) as fn(&Value) -> bool),
        ("confidence", |message| {
            let best = &message["channel"]["alternatives"][0];
            best["confidence"].is_null()
                && best["words"].as_array().unwrap().iter().all(|word| word["confidence"].is_null())
        }),
        ("words", |message| message["channel"]["alternatives"][0].get("words").is_none()),
        ("times", |message| {
            let words = message["channel"]["alternatives"][0]["words"].as_array().unwrap();
            words.first().is_none_or(|word| word["start"] == -3.0 && word["end"].as_f64() > Some(1e6))
        }),
    ] {
        let lab = faulty(json!({ "nulls": { "from_ms": 1_300, "what": what } })).await;
        let (messages, end) = Stream::open(&lab, QUERY).await.transcribe(&words()).await;
        assert_eq!((finals(&messages).join(" ").as_str(), end.map(|end| end.0)), ("harbor lantern willow", Some(1000)));
        let (before, after): (Vec<_>, Vec<_>) = results(&messages)
            .into_iter()
            .partition(|message| message["start"].as_f64().unwrap() + message["duration"].as_f64().unwrap() < 1.3);
        assert!(!before.is_empty() && !before.into_iter().any(is_odd), "{what}: too early");
        assert!(after.len() >= 4 && after.into_iter().all(is_odd), "{what}: {messages:?}");
    }
}

#[tokio::test]
async fn open_streams_can_be_struck_and_all_be_healed() {
    // On a busy machine the order may come after the default limit of a silent stream.
    let lab = lab(SpeechOptions { idle_limit: Duration::from_mins(5), ..SpeechOptions::default() }).await;
    let mut stream = Stream::open(&lab, QUERY).await;
    let close = json!({ "close": { "code": 1011, "reason": "NET-0000" } });
    assert_eq!(request(&lab, Method::POST, "faults/open", Some(&close)).await, 204);
    assert_eq!(stream.next().await, Err(Some((1011, "NET-0000".to_owned()))));

    let all = json!({ "which": "all", "fault": { "refuse": "payment" } });
    assert_eq!(request(&lab, Method::POST, "faults", Some(&all)).await, 204);
    for _ in 0..2 {
        let refused = Stream::connect(&lab, QUERY, &KEY).await.expect_err("a refusal");
        assert_eq!(refused.status().as_u16(), 402);
    }
    assert_eq!(request(&lab, Method::DELETE, "faults", None).await, 204);
    Stream::open(&lab, QUERY).await;
}

#[tokio::test]
async fn what_is_no_order_is_refused_and_changes_nothing() {
    let lab = lab(SpeechOptions::default()).await;
    for body in [json!({}), json!({ "fault": "explode" }), json!({ "fault": { "refuse": "RATE" } }), json!([])] {
        assert_eq!(request(&lab, Method::POST, "faults", Some(&body)).await, 422, "{body}");
    }
    Stream::open(&lab, QUERY).await;
}

#[tokio::test]
async fn the_command_line_orders_faults_too() {
    let serve = |fault: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fourwire-lab"));
        command.args(["serve", "--port", "0", "--speech-fault", fault]).stdout(Stdio::piped()).kill_on_drop(true);
        command.stderr(Stdio::null()).spawn().unwrap()
    };
    let mut lab = serve(r#"{"fault":{"refuse":{"kind":"rate","retry_after":7}}}"#);
    let ready = BufReader::new(lab.stdout.take().unwrap()).lines().next_line().await.unwrap().unwrap();
    let ready: Value = serde_json::from_str(&ready).unwrap();
    let origin = ready["origin"].as_str().unwrap();
    let answer = send_json(Method::GET, &format!("{origin}/deepgram/v1/listen?{QUERY}"), None, None).await.unwrap();
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("7")));

    let status = serve(r#"{"fault":"explode"}"#).wait().await.unwrap();
    assert_eq!(status.code(), Some(2), "what is no fault is an error of the command line");
}
