//! A browser's signalling socket: who is admitted, and what is said on it beside calls.

use std::time::Duration;

use axum::http::Method;
use fourwire_lab::carrier::Ended;
use fourwire_lab::http::send;
use http_body_util::Full;
use hyper::Request;
use serde_json::json;
use tokio::time::Instant;

use super::browser::{Browser, World};
use crate::support::{LIMIT, token};

#[tokio::test]
async fn a_good_token_connects_and_a_second_one_may_follow() {
    let world = World::new().await;
    let mut browser = Browser::open(&world.lab).await;
    for (identity, life) in [("ann", 600), ("bob", 60)] {
        browser.listen(&token(identity, life, &json!({}))).await;
        let connected = browser.expect("connected").await;
        assert_eq!(connected["token"]["identity"], identity);
        let left = connected["token"]["ttl"].as_u64().unwrap();
        assert!((life - 5..=life).contains(&left), "{left}");
    }
}

#[tokio::test]
async fn a_bad_token_has_its_number_and_the_browser_is_sent_away() {
    let world = World::new().await;
    let good = token("ann", 600, &json!({}));
    let unsigned = good.rsplit_once('.').unwrap().0;
    for (token, code) in [
        ("nonsense".to_owned(), 31_204),
        (token("ann", 0, &json!({})), 31_205),
        (format!("{unsigned}.AAAA"), 31_202),
        (token("ann", 25 * 3_600, &json!({})), 31_207),
        (token("ann lee", 600, &json!({})), 31_105),
        (token("ann", 600, &json!({ "Plan": 1 })), 31_204),
    ] {
        let mut browser = Browser::open(&world.lab).await;
        browser.listen(&token).await;
        assert_eq!(browser.expect("error").await["error"]["code"], code);
        browser.expect("close").await;
    }
}

#[tokio::test]
async fn a_bad_token_later_leaves_the_socket_open() {
    let world = World::new().await;
    let mut browser = Browser::connect(&world.lab).await;
    browser.listen(&token("ann", 0, &json!({}))).await;
    assert_eq!(browser.expect("error").await["error"]["code"], 31_205);
    assert!(browser.is_quiet().await, "no close follows");
}

#[tokio::test]
async fn whoever_shows_no_token_may_do_nothing() {
    let world = World::new().await;
    let mut browser = Browser::open(&world.lab).await;
    browser.invite("TJS1", "v=0", "To=%2B12025550199").await;
    assert_eq!(browser.expect("error").await["error"]["code"], 31_201);
    browser.expect("close").await;
    assert!(world.lab.carrier().calls().is_empty() && world.application.seen().is_empty());
}

#[tokio::test]
async fn a_browser_registers_and_unregisters_and_says_what_nobody_knows() {
    let world = World::new().await;
    let mut browser = Browser::connect(&world.lab).await;
    for text in ["", "nonsense", "[]", r#"{"type":"dance"}"#, r#"{"type":"invite","payload":{}}"#] {
        browser.text(text).await;
    }
    browser.send("hangup", json!({ "callsid": "CA0" })).await;
    browser.send("register", json!({ "media": { "audio": true } })).await;
    browser.expect("ready").await;
    browser.send("register", json!({ "media": { "audio": false } })).await;
    browser.expect("offline").await;
}

#[tokio::test]
async fn a_heartbeat_comes_every_five_seconds() {
    let world = World::new().await;
    let mut browser = Browser::connect(&world.lab).await;
    let start = Instant::now();
    assert_eq!(browser.frame().await.as_deref(), Some("\n"));
    assert!((3..15).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_ordered_refusal_strikes_before_the_application_is_asked() {
    let world = World::new().await;
    world.lab.carrier().refuse(1, 31_486);
    let mut browser = Browser::connect(&world.lab).await;
    browser.invite("TJS1", "v=0", "").await;
    let hangup = browser.expect("hangup").await;
    assert_eq!((&hangup["callsid"], &hangup["error"]["code"]), (&"TJS1".into(), &31_486.into()));
    assert_eq!(world.over().await.ended, Some(Ended::Refused(31_486)));
    assert!(world.application.seen().is_empty());

    browser.invite("TJS2", "v=0", "").await;
    let hangup = browser.expect("hangup").await;
    assert_eq!(hangup["error"]["code"], 31_400, "the next one is asked for, and its offer is none");
    assert_eq!(world.application.seen().len(), 1);
}

#[tokio::test]
async fn a_page_of_another_origin_gets_what_it_needs() {
    let world = World::new().await;
    let ask = async |method: Method, path: &str, body: &str| {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", world.lab.origin()))
            .header("origin", "http://127.0.0.1:8787")
            .header("content-type", "application/json")
            .body(Full::from(body.to_owned()));
        let answer = send(request.unwrap(), LIMIT).await.unwrap();
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{path}");
        answer
    };
    let preflight = ask(Method::OPTIONS, "/identity/sign-in", "").await;
    assert_eq!(preflight.header("access-control-allow-headers"), Some("content-type"));
    assert!(preflight.header("access-control-allow-methods").unwrap().contains("POST"));
    let signed_in = ask(Method::POST, "/identity/sign-in", r#"{"user":"ann"}"#).await;
    assert!(signed_in.json()["id_token"].is_string());
    let shim = ask(Method::GET, "/carrier/shim.js", "").await;
    assert!(shim.header("content-type").unwrap().starts_with("text/javascript"));
    assert!(String::from_utf8_lossy(&shim.body).contains("globalThis.WebSocket"));
    let silence = ask(Method::GET, "/carrier/silence.wav", "").await;
    assert_eq!((silence.header("content-type"), &silence.body[..4]), (Some("audio/wav"), &b"RIFF"[..]));
}

#[tokio::test]
async fn a_plain_request_for_signalling_is_refused() {
    let world = World::new().await;
    let request = Request::get(format!("{}/signal", world.lab.origin())).body(Full::default()).unwrap();
    assert_eq!(send(request, Duration::from_secs(5)).await.unwrap().status, 426);
}
