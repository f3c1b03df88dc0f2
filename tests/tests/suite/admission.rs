//! Who is not let in: every token that is not good, on every door, in the words that each door's clients look for.

use std::time::Duration;

use fourwire_lab::LabOptions;
use fourwire_lab::app::{Auth, ConnectError, Phone};
use fourwire_lab::identity::{Flaw, IssuerOptions};
use fourwire_tests::raw::{End, Raw};
use fourwire_tests::{World, http, personal};
use hyper::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

const NATIVE: &str = "/v4/listen?channels=2";
const BROWSER: &str = "/v4/web/listen?channels=2";

fn refused(reason: &str) -> End {
    (1008, reason.to_owned())
}

#[tokio::test]
async fn no_flawed_token_opens_the_native_socket() {
    let world = World::shared().await;
    for flaw in Flaw::ALL {
        let bearer = format!("Bearer {}", flawed(world, flaw));
        let (texts, end) = Raw::open(world.edge(), NATIVE, Some(&bearer)).await.rest().await;
        assert_eq!((texts, end), (vec![], refused("Invalid authorization token")), "{flaw:?}");
    }
}

#[tokio::test]
async fn the_native_socket_wants_a_bearer_token_in_the_header() {
    let world = World::shared().await;
    let token = world.token("header-forms");
    let end =
        |header: Option<String>| async move { Raw::open(world.edge(), NATIVE, header.as_deref()).await.rest().await.1 };
    assert_eq!(end(None).await, refused("Authorization header not found"));
    for header in [token.clone(), format!("Basic {token}"), format!("Bearer {token} x"), "Bearer x".to_owned()] {
        assert_eq!(end(Some(header)).await, refused("Invalid authorization token"));
    }
    let in_the_url = format!("{NATIVE}&token={token}&authorization={token}");
    let (_, end) = Raw::open(world.edge(), &in_the_url, None).await.rest().await;
    assert_eq!(end, refused("Authorization header not found"), "a token in a URL is never looked at");
}

#[tokio::test]
async fn the_scheme_may_be_in_any_letters_and_several_spaces_may_follow() {
    let world = World::shared().await;
    let token = world.token("spaced/out+user==");
    for (scheme, status) in
        [("bearer ", 200), ("BEARER  ", 200), ("Bearer   ", 200), ("Bearer\t", 401), ("Basic ", 401)]
    {
        let header = format!("{scheme}{token}");
        let headers = [("authorization", header.as_str())];
        let answer = http::raw(Method::GET, world.edge(), "/v1/conversations", &headers, "").await;
        assert_eq!(answer.status, status, "{scheme:?}");
    }
}

#[tokio::test]
async fn no_flawed_token_opens_the_browsers_socket() {
    let world = World::shared().await;
    for flaw in Flaw::ALL {
        let auth = json!({ "type": "auth", "token": flawed(world, flaw) }).to_string();
        assert_eq!(first_message(world, Some(&auth)).await, turned_away("Invalid token"), "{flaw:?}");
    }
}

#[tokio::test]
async fn a_browsers_first_message_must_be_its_token() {
    let world = World::shared().await;
    let token = world.token("first-messages");
    for (message, reason) in [
        ("hello".to_owned(), "Invalid JSON"),
        (json!([1, 2]).to_string(), "Invalid JSON"),
        (json!({ "type": "end" }).to_string(), "First message must be auth"),
        (json!({ "token": token }).to_string(), "First message must be auth"),
        (json!({ "type": "auth" }).to_string(), "Missing token"),
        (json!({ "type": "auth", "token": "" }).to_string(), "Invalid token"),
    ] {
        assert_eq!(first_message(world, Some(&message)).await, turned_away(reason), "{reason}");
    }
    let mut binary = Raw::open(world.edge(), BROWSER, None).await;
    binary.send_binary(vec![1, 0, 0]).await;
    let (texts, end) = binary.rest().await;
    assert_eq!((answers(&texts), end), turned_away("Expected JSON auth message"));
}

#[tokio::test]
async fn a_browser_that_says_nothing_is_turned_away_after_five_seconds() {
    let world = World::shared().await;
    let begun = Instant::now();
    let (_, end) = first_message(world, None).await;
    assert_eq!(end, refused("Auth timeout"));
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(4_500) && took < Duration::from_secs(8), "{took:?}");
}

#[tokio::test]
async fn no_flawed_token_reads_conversations() {
    let world = World::shared().await;
    for path in ["/v1/conversations", "/v1/conversations/00000000-0000-4000-8000-000000000000"] {
        for flaw in Flaw::ALL {
            let answer = http::get(world.edge(), path, &flawed(world, flaw)).await;
            assert_eq!((answer.status, answer.code()), (401, "authorization_invalid"), "{flaw:?} {path}");
        }
        let answer = http::send(Method::GET, world.edge(), path, None).await;
        assert_eq!((answer.status, answer.code()), (401, "authorization_missing"), "{path}");
    }
}

#[tokio::test]
async fn a_new_key_is_taken_when_the_old_keys_have_expired() {
    // The issuer lets its keys be kept for two seconds, and they are kept for the least age of a minute.
    let issuer = IssuerOptions { keys_max_age: Duration::from_secs(2), ..IssuerOptions::default() };
    let world = World::with(LabOptions { issuer, ..LabOptions::default() }, |_| {}).await;
    let old = world.token("rotation");
    assert_eq!(http::get(world.edge(), "/v1/conversations", &old).await.status, 200);
    world.lab.issuer().rotate().expect("a key");
    sleep(Duration::from_secs(61)).await;
    for token in [world.token("rotation"), old] {
        assert_eq!(http::get(world.edge(), "/v1/conversations", &token).await.status, 200);
    }
}

#[tokio::test]
async fn a_new_key_is_looked_up_within_a_minute_and_seldom_for_keys_nobody_has() {
    let world = World::start().await;
    let old = world.token("early-rotation");
    let status = async |token: &str| http::get(world.edge(), "/v1/conversations", token).await.status;
    assert_eq!(status(&old).await, 200);
    world.lab.issuer().rotate().expect("a key");
    let (new, begun) = (world.token("early-rotation"), Instant::now());
    while status(&new).await != 200 {
        assert!(begun.elapsed() < Duration::from_secs(65), "a new key is followed within a minute");
        assert_eq!(status(&old).await, 200, "tokens of the key before stay good");
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(world.lab.issuer().key_fetches(), 2, "unknown keys are no reason to ask the issuer each time");
}

#[tokio::test]
async fn a_phone_sees_why_it_was_not_let_in() {
    let world = World::shared().await;
    let mut options = world.phone("phone-not-let-in");
    options.token = flawed(world, Flaw::Expired);
    options.auth = Auth::FirstMessage;
    let Err(ConnectError::AuthRefused(closing)) = Phone::connect(options).await else { panic!("it was let in") };
    let closing = closing.expect("a close frame");
    assert_eq!((closing.code, closing.reason.as_str()), (Some(1008), "Invalid token"));
}

fn flawed(world: &World, flaw: Flaw) -> String {
    const USER: &str = "flawed-token";
    personal::protect_user(USER);
    world.lab.issuer().flawed_token(USER, flaw)
}

/// What a browser sees of its socket after its first message, if it sends one.
async fn first_message(world: &World, message: Option<&str>) -> (Vec<Value>, End) {
    let mut socket = Raw::open(world.edge(), BROWSER, None).await;
    if let Some(message) = message {
        socket.send_text(message).await;
    }
    let (texts, end) = socket.rest().await;
    (answers(&texts), end)
}

fn answers(texts: &[String]) -> Vec<Value> {
    texts.iter().map(|text| serde_json::from_str(text).expect("JSON")).collect()
}

fn turned_away(reason: &str) -> (Vec<Value>, End) {
    (vec![json!({ "type": "auth_response", "success": false })], refused(reason))
}
