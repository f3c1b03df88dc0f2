//! Requests that cannot be served get a status and a stable code, and nothing else happens.

use std::time::Duration;

use fourwire_lab::app::{Phone, PhoneOptions, Received};
use fourwire_tests::{World, http};
use fourwire_wire::event::Status;
use hyper::Method;

#[tokio::test]
async fn a_query_that_cannot_be_served_is_refused_by_name_on_both_sockets() {
    let world = World::shared().await;
    for (query, code) in [
        ("", "channels_unsupported"),
        ("channels=1", "channels_unsupported"),
        ("channels=two", "channels_unsupported"),
        ("channels=2&sample_rate=7999", "sample_rate_invalid"),
        ("channels=2&sample_rate=48001", "sample_rate_invalid"),
        ("channels=2&sample_rate=fast", "sample_rate_invalid"),
        ("channels=2&codec=opus", "codec_unsupported"),
        ("channels=2&codec=lc3_fs1030", "codec_unsupported"),
        ("channels=2&language=english%20please", "language_invalid"),
        ("channels=2&call_id=a%2Fb", "call_id_invalid"),
        ("channels=2&resume=1&sample_rate=48000", "resume_unsupported"),
        ("channels=2&custom_stt=enabled", "custom_stt_unsupported"),
    ] {
        for path in ["/v4/listen", "/v4/web/listen"] {
            let answer = http::refused_upgrade(world.edge(), &format!("{path}?{query}")).await;
            assert_eq!((answer.status, answer.code()), (400, code), "{path}?{query}");
            assert!(!answer.detail().is_empty(), "a sentence for a person");
        }
    }
}

#[tokio::test]
async fn names_and_values_that_nobody_knows_are_ignored() {
    let world = World::shared().await;
    let pairs =
        [("codec", "pcm9"), ("source", "spaceship"), ("vad_gate", "enabled"), ("colour", "blue"), ("channels", "7")];
    let query = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let options = PhoneOptions { query, call_id: None, ..world.phone("unknown-names") };
    let phone = Phone::connect(options).await.expect("let in");
    let is_ready = |received: &Received| received.statuses().any(|status| status.status == Status::Ready);
    assert!(phone.listener().wait_until(Duration::from_secs(10), is_ready).await);
}

#[tokio::test]
async fn what_is_not_there_or_takes_another_method_is_said_so() {
    let world = World::shared().await;
    let token = world.token("wanderer");
    let asked = async |method, path: &str| {
        let answer = http::send(method, world.edge(), path, Some(&token)).await;
        (answer.status, answer.code().to_owned())
    };
    for path in ["/", "/v1", "/v4/listen/more", "/v1/conversations/x/y", "/v2/listen"] {
        assert_eq!(asked(Method::GET, path).await, (404, "not_found".to_owned()), "{path}");
    }
    for path in ["/healthz", "/v1/conversations", "/v1/conversations/x/transcript"] {
        for method in [Method::POST, Method::PUT, Method::DELETE] {
            assert_eq!(asked(method, path).await, (405, "method_not_allowed".to_owned()), "{path}");
        }
    }
    for path in ["/v4/listen?channels=2", "/v4/web/listen?channels=2"] {
        assert_eq!(asked(Method::GET, path).await, (426, "websocket_required".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_sockets_address_takes_no_other_method() {
    let world = World::shared().await;
    for path in ["/v4/listen?channels=2", "/v4/web/listen?channels=2"] {
        let answer = http::send(Method::POST, world.edge(), path, None).await;
        assert_eq!((answer.status, answer.code()), (405, "method_not_allowed"), "{path}");
    }
}

#[tokio::test]
async fn a_healthy_worker_says_so() {
    let world = World::shared().await;
    let answer = http::send(Method::GET, world.edge(), "/healthz", None).await;
    assert_eq!((answer.status, &answer.body["status"]), (200, &"ok".into()));
    assert_eq!(answer.body["problems"], serde_json::json!([]));
}
