//! An operator at night: what the log says of something that went wrong is what happened, where, and to which conversation.

use std::time::Duration;

use fourwire_lab::LabOptions;
use fourwire_lab::app::{Delivery, Phone, PhoneOptions};
use fourwire_lab::deepgram::{Fault, Refusal, Which};
use fourwire_lab::identity::Flaw;
use fourwire_tests::{Talk, World, http};
use serde_json::{Value, json};

const RATE: u32 = 16_000;
const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn an_upload_that_fails_is_found_by_its_conversation() {
    let world = World::start().await;
    let mut phone =
        Phone::connect(PhoneOptions { sample_rate: RATE, ..world.phone("cannot-upload") }).await.expect("in");
    phone.send_text(r#"{"type":"inject","fault":"archive","refuse_ms":7000}"#).await.expect("still there");
    phone.play(&Talk::random(231, RATE, 6, &[]).recording(), &Delivery::default()).await.expect("still there");
    let received = phone.hang_up(2 * LIMIT).await;
    let id = received.conversation().expect("memory_created").id;
    let line = &world.logged_times("chunk_not_stored", 1).await[0];
    let expected =
        json!({ "level": "error", "event": "chunk_not_stored", "conversation": id, "error": "r2.put: injected" });
    assert_eq!(*line, expected);
}

#[tokio::test]
async fn a_token_that_is_refused_is_named_by_what_is_wrong_with_it_and_a_level_leaves_it_out() {
    for (level, lines) in [("info", 1), ("warn", 0)] {
        let world = World::with(LabOptions::default(), |variables| {
            variables.insert("LOG_LEVEL".to_owned(), level.into());
        })
        .await;
        let token = world.lab.issuer().flawed_token("somebody", Flaw::Expired);
        assert_eq!(http::get(world.edge(), "/v1/conversations", &token).await.status, 401);
        let refused = world.logged_times("token_refused", lines).await;
        assert_eq!(refused.len(), lines, "{level}: {refused:?}");
        let is_told = |line: &Value| line["error"].as_str().is_some_and(|error| error.contains("expired"));
        assert!(refused.iter().all(is_told), "{refused:?}");
    }
}

#[tokio::test]
async fn a_service_that_refuses_is_found_by_the_conversation_with_its_status() {
    let world = World::start().await;
    let busy = Fault::Refuse(Refusal::new(503, "SERVICE_UNAVAILABLE", "Later."));
    world.lab.speech().arm(Which::Next(2), busy);
    let mut phone = Phone::connect(PhoneOptions { sample_rate: RATE, ..world.phone("is-refused") }).await.expect("in");
    phone.play(&Talk::random(232, RATE, 4, &[]).recording(), &Delivery::default()).await.expect("still there");
    let id = phone.hang_up(LIMIT).await.conversation().expect("memory_created").id;
    let refused = world.logged_times("speech_refused", 2).await;
    assert_eq!(refused.len(), 2, "{refused:?}");
    for line in refused {
        assert_eq!((&line["conversation"], &line["status"], &line["level"]), (&json!(id), &json!(503), &json!("warn")));
    }
}
