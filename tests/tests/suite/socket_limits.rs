//! What comes over a socket is judged by its length before it is copied, and what is not read does not pile up.

use std::time::Duration;

use fourwire_lab::app::{Auth, Delivery, Phone, PhoneOptions};
use fourwire_tests::raw::{End, Raw};
use fourwire_tests::{Talk, World, http};
use serde_json::json;
use tokio::time::{sleep, timeout};

const NATIVE: &str = "/v4/listen?channels=2&sample_rate=16000";
const BROWSER: &str = "/v4/web/listen?channels=2&sample_rate=16000";
const LIMIT: Duration = Duration::from_secs(20);

/// Opens a socket that is signed in, and reads until the session is ready.
async fn ready(world: &World, path: &str, user: &str) -> Raw {
    let token = world.token(user);
    let mut socket = if path == NATIVE {
        Raw::open(world.edge(), path, Some(&format!("Bearer {token}"))).await
    } else {
        let mut socket = Raw::open(world.edge(), path, None).await;
        socket.send_text(&json!({ "type": "auth", "token": token }).to_string()).await;
        socket
    };
    while socket.next_json().await.expect("an open socket")["status"] != json!("ready") {}
    socket
}

async fn code(socket: Raw) -> u16 {
    let (_, (code, _)): (_, End) = socket.rest().await;
    code
}

#[tokio::test]
async fn a_first_message_that_no_token_is_as_long_as_is_not_looked_at() {
    let world = World::shared().await;
    for length in [8 * 1024 + 1, 1024 * 1024, 16 * 1024 * 1024] {
        let mut socket = Raw::open(world.edge(), BROWSER, None).await;
        socket.send_text(&"x".repeat(length)).await;
        assert_eq!(code(socket).await, 1009, "{length} of text");
        let mut socket = Raw::open(world.edge(), BROWSER, None).await;
        socket.send_binary(vec![1; length]).await;
        assert_eq!(code(socket).await, 1009, "{length} bytes");
    }
    // What just fits is looked at.
    let mut socket = Raw::open(world.edge(), BROWSER, None).await;
    socket.send_text(&"x".repeat(8 * 1024)).await;
    assert_eq!(socket.rest().await.1, (1008, "Invalid JSON".to_owned()));
}

#[tokio::test]
async fn a_message_that_is_too_large_closes_either_socket() {
    let world = World::shared().await;
    for path in [NATIVE, BROWSER] {
        for length in [16 * 1024 + 1, 8 * 1024 * 1024] {
            let mut socket = ready(world, path, "long-winded").await;
            socket.send_text(&"x".repeat(length)).await;
            assert_eq!(code(socket).await, 1009, "{length} of text on {path}");
        }
        for length in [64 * 1024 + 2, 8 * 1024 * 1024] {
            let mut socket = ready(world, path, "long-winded").await;
            socket.send_binary(vec![1; length]).await;
            assert_eq!(code(socket).await, 1009, "{length} bytes on {path}");
        }
        let mut socket = ready(world, path, "long-winded").await;
        socket.send_text(&"x".repeat(16 * 1024)).await;
        socket.send_binary(vec![1; 64 * 1024 + 1]).await;
        socket.send_text(r#"{"type":"end"}"#).await;
        assert_eq!(code(socket).await, 1000, "what just fits is taken on {path}");
    }
}

#[tokio::test]
async fn who_does_not_stop_talking_is_closed() {
    let world = World::shared().await;
    for path in [NATIVE, BROWSER] {
        let socket = ready(world, path, "chatterbox").await;
        let (mut sink, stream) = socket.split();
        let talking = tokio::spawn(async move {
            // Until it is closed, or long after it should have been.
            for number in 0..20_000 {
                let name = json!({ "type": "contact", "name": format!("Name {number}") }).to_string();
                if sink.try_send_text(&name).await.is_err() {
                    return;
                }
            }
        });
        let (_, (code, reason)) = stream.rest().await;
        assert_eq!((code, reason.as_str()), (1008, "too many messages"), "{path}");
        talking.abort();
    }
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_closed_and_its_call_goes_on() {
    let world = World::shared().await;
    for (auth, user) in [(Auth::Header, "reads-nothing"), (Auth::FirstMessage, "reads-nothing-in-a-browser")] {
        let path = if auth == Auth::Header { NATIVE } else { BROWSER };
        let call = format!("{path}&call_id=flooded");
        let options =
            PhoneOptions { auth, sample_rate: 16_000, call_id: Some("flooded".to_owned()), ..world.phone(user) };
        let token = options.token.clone();
        let mut socket = if auth == Auth::Header {
            Raw::open(world.edge(), &call, Some(&format!("Bearer {token}"))).await
        } else {
            let mut socket = Raw::open(world.edge(), &call, None).await;
            socket.send_text(&json!({ "type": "auth", "token": token }).to_string()).await;
            socket
        };
        while socket.next_json().await.expect("an open socket")["status"] != json!("ready") {}
        // More than the buffers of two kernels and the bound together.
        for _ in 0..16 {
            socket.send_text(r#"{"type":"inject","fault":"flood","mebibytes":4}"#).await;
            sleep(Duration::from_millis(20)).await;
        }
        sleep(Duration::from_millis(500)).await;
        let (texts, (code, _)) = timeout(LIMIT, socket.rest()).await.expect("it is closed");
        let received: usize = texts.iter().map(String::len).sum();
        assert_eq!(code, 1008);
        assert!(received < 60 * 1024 * 1024, "{received} bytes were kept for it");

        let mut phone = Phone::connect(options).await.expect("let in again");
        let talk = Talk::random(91, 16_000, 2, &[]);
        phone.play(&talk.recording(), &Delivery::default()).await.expect("still there");
        assert_eq!(phone.hang_up(LIMIT).await.close_code(), Some(1000));
        assert_eq!(http::conversations(world.edge(), &token).await.len(), 1);
    }
}
