//! A setting that is missing closes the routes that need it, by name, and no other route.

use fourwire_lab::LabOptions;
use fourwire_lab::app::{Phone, PhoneOptions};
use fourwire_tests::{World, http};
use hyper::Method;

const LISTEN: [&str; 2] = ["/v4/listen?channels=2", "/v4/web/listen?channels=2"];
const CONVERSATIONS: [&str; 2] = ["/v1/conversations", "/v1/conversations/00000000-0000-4000-8000-000000000000"];

async fn without(setting: &str) -> World {
    World::with(LabOptions::default(), |variables| _ = variables.remove(setting).expect("it was set")).await
}

/// Asserts that sockets and the health check name what is missing.
async fn assert_sockets_are_closed(world: &World, named: &str) {
    let sentence = format!("{named} is not configured");
    for path in LISTEN {
        let answer = http::refused_upgrade(world.edge(), path).await;
        assert_eq!((answer.status, answer.code(), answer.detail()), (503, "not_configured", &*sentence), "{path}");
    }
    let health = http::send(Method::GET, world.edge(), "/healthz", None).await;
    assert_eq!((health.status, &health.body["problems"]), (503, &serde_json::json!([sentence])));
}

async fn assert_conversations_are_closed(world: &World, named: &str) {
    let token = world.token("unconfigured");
    for path in CONVERSATIONS {
        let answer = http::get(world.edge(), path, &token).await;
        let expected = format!("{named} is not configured");
        assert_eq!((answer.status, answer.code(), answer.detail()), (503, "not_configured", &*expected), "{path}");
    }
}

#[tokio::test]
async fn without_an_identity_issuer_nobody_is_let_in_anywhere() {
    for (setting, named) in [
        // Without an issuer of its own, a Firebase project is looked for.
        ("IDENTITY_ISSUER", "FIREBASE_PROJECT_ID"),
        ("IDENTITY_AUDIENCE", "IDENTITY_AUDIENCE"),
        ("IDENTITY_KEYS_URL", "IDENTITY_KEYS_URL"),
    ] {
        let world = without(setting).await;
        assert_sockets_are_closed(&world, named).await;
        assert_conversations_are_closed(&world, named).await;
    }
}

#[tokio::test]
async fn without_the_encryption_secret_nothing_is_kept_and_nothing_is_read() {
    let world = without("ENCRYPTION_SECRET").await;
    assert_sockets_are_closed(&world, "ENCRYPTION_SECRET").await;
    assert_conversations_are_closed(&world, "ENCRYPTION_SECRET").await;
}

#[tokio::test]
async fn without_a_speech_service_there_are_no_calls_but_conversations_can_be_read() {
    let world = without("DEEPGRAM_API_KEY").await;
    assert_sockets_are_closed(&world, "DEEPGRAM_API_KEY").await;
    let token = world.token("reader-without-speech");
    assert_eq!(http::conversations(world.edge(), &token).await, []);
}

#[tokio::test]
async fn a_setting_that_cannot_be_used_is_named_and_its_value_is_not_shown() {
    let world = World::with(LabOptions::default(), |variables| {
        variables.insert("ENCRYPTION_SECRET".to_owned(), "hunter2".into());
    })
    .await;
    let answer = http::refused_upgrade(world.edge(), LISTEN[0]).await;
    assert_eq!((answer.status, answer.code()), (503, "not_configured"));
    assert!(answer.detail().starts_with("ENCRYPTION_SECRET "), "{}", answer.detail());
    assert!(!answer.body.to_string().contains("hunter2"));
}

#[tokio::test]
async fn an_issuer_that_cannot_be_reached_is_said_to_be_the_reason() {
    let world = World::with(LabOptions::default(), |variables| {
        // Nothing listens on the discard port.
        variables.insert("IDENTITY_KEYS_URL".to_owned(), "http://127.0.0.1:9/keys".into());
    })
    .await;
    let token = world.token("nobody-can-tell");
    let answer = http::get(world.edge(), "/v1/conversations", &token).await;
    assert_eq!((answer.status, answer.code()), (503, "issuer_unreachable"));
    let refused = Phone::connect(PhoneOptions::new(world.edge(), token)).await;
    assert!(matches!(refused, Err(fourwire_lab::app::ConnectError::Refused { status: 503, .. })));
}
