//! What every client hears first, and then every ten seconds.

use std::time::Duration;

use fourwire_lab::app::{Message, Phone};
use fourwire_tests::World;
use fourwire_tests::raw::Raw;
use serde_json::{Value, json};

#[tokio::test]
async fn the_session_says_how_far_it_is_in_the_peers_words() {
    let world = World::shared().await;
    let bearer = format!("Bearer {}", world.token("statuses"));
    let mut socket = Raw::open(world.edge(), "/v4/listen?channels=2", Some(&bearer)).await;
    assert_eq!(socket.next().await.as_deref(), Ok("ping"));
    for (status, text) in
        [("initiating", "Service Starting"), ("stt_initiating", "STT Service Starting"), ("ready", "Ready")]
    {
        let told: Value = socket.next_json().await.expect("an open socket");
        assert_eq!(told, json!({ "type": "service_status", "status": status, "status_text": text }));
    }
}

#[tokio::test]
async fn the_heart_beats_at_once_and_every_ten_seconds_whatever_the_client_does() {
    let world = World::shared().await;
    let phone = Phone::connect(world.phone("heartbeat")).await.expect("let in");
    let limit = Duration::from_secs(25);
    assert!(phone.listener().wait_until(limit, |received| received.pings() == 3).await, "three beats");
    let received = phone.received();
    let pings = received.arrivals.iter().filter(|arrival| matches!(arrival.message, Message::Ping));
    let at: Vec<_> = pings.map(|ping| ping.at.as_secs_f64()).collect();
    for (beat, at) in [0.0, 10.0, 20.0].into_iter().zip(&at) {
        assert!((at - beat).abs() < 1.5, "{at} s instead of {beat} s");
    }
}
