//! `HEAD` is answered wherever `GET` is, with the same status and headers, and without a body.

use std::collections::BTreeMap;
use std::time::Duration;

use fourwire_lab::app::{Delivery, Phone, PhoneOptions};
use fourwire_tests::openapi::Description;
use fourwire_tests::playback::path;
use fourwire_tests::{Talk, World, http};
use hyper::Method;

const RATE: u32 = 16_000;
const LIMIT: Duration = Duration::from_secs(20);
const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";

/// An answer's headers, but for those that belong to the connection, the moment or the platform.
fn headers(answer: &http::Answer) -> BTreeMap<String, String> {
    let other = ["date", "connection", "keep-alive", "transfer-encoding", "vary"];
    let own = answer.headers.iter().filter(|(name, _)| !other.contains(&name.as_str()));
    own.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned())).collect()
}

async fn assert_alike(world: &World, path: &str, token: Option<&str>) {
    let get = http::send(Method::GET, world.edge(), path, token).await;
    let head = http::send(Method::HEAD, world.edge(), path, token).await;
    assert_eq!((head.status, head.bytes.len()), (get.status, 0), "{path}");
    assert_eq!(headers(&head), headers(&get), "{path}");
}

#[tokio::test]
async fn every_path_that_is_read_tells_its_head() {
    let world = World::shared().await;
    let token = world.token("looks-first");
    let mut count = 0;
    for (described, operation) in Description::get().operations() {
        let path = described.template.replace("{id}", UNKNOWN);
        let is_read = described.operations.iter().any(|operation| operation.method == Method::GET);
        if is_read {
            assert_alike(world, &path, Some(&token)).await;
            assert_alike(world, &path, None).await;
            assert_alike(world, &path, Some("no token")).await;
            count += 1;
        } else {
            let head = http::send(Method::HEAD, world.edge(), &path, Some(&token)).await;
            assert_eq!((head.status, head.bytes.len()), (405, 0), "{} {path}", operation.method);
        }
    }
    assert!(count >= 10, "{count}");
    assert_alike(world, "/v1/nothing/here", Some(&token)).await;
}

#[tokio::test]
async fn a_conversation_tells_its_head_and_its_files_their_length() {
    let world = World::shared().await;
    let options = PhoneOptions { sample_rate: RATE, ..world.phone("looks-at-calls") };
    let recording = Talk::random(81, RATE, 6, &[]).recording();
    let mut phone = Phone::connect(options.clone()).await.expect("let in");
    phone.play(&recording, &Delivery::default()).await.expect("still there");
    let id = phone.hang_up(LIMIT).await.conversation().expect("memory_created").id;
    let token = Some(options.token.as_str());
    let of_it = format!("/v1/conversations/{id}");
    for path in [
        "/v1/conversations".to_owned(),
        "/v1/conversations?limit=1".to_owned(),
        "/v1/conversations?limit=none".to_owned(),
        of_it.clone(),
        path(id, "1"),
        path(id, "2"),
        path(id, "stereo"),
        path(id, "mix"),
        path(id, "nowhere"),
        format!("{of_it}/transcript"),
        format!("{of_it}/transcript?format=srt"),
        format!("{of_it}/transcript?format=doc"),
        "/v1/account/export".to_owned(),
        "/v1/phone/numbers".to_owned(),
        "/v1/phone/calls".to_owned(),
    ] {
        assert_alike(world, &path, token).await;
    }
    let get = http::get(world.edge(), &path(id, "stereo"), &options.token).await;
    let head = http::send(Method::HEAD, world.edge(), &path(id, "stereo"), token).await;
    assert_eq!(head.headers["content-length"], get.bytes.len().to_string().as_str());
    assert_eq!(head.headers["accept-ranges"], "bytes");
}

#[tokio::test]
async fn a_head_of_a_sockets_address_opens_none() {
    let world = World::shared().await;
    for path in ["/v4/listen?channels=2", "/v4/web/listen?channels=2", "/v4/listen?channels=1", "/v4/web/listen"] {
        let answer = http::send(Method::HEAD, world.edge(), path, None).await;
        assert_eq!((answer.status, answer.bytes.len()), (426, 0), "{path}");
    }
}
