//! A client that closes its socket gets the close frame back, with its own code, whatever the call is doing just then.
//!
//! A client of RFC 6455 waits for that frame before it lets the connection go; many give up after 10 to 30 s and report 1006.

use std::time::Duration;

use fourwire_tests::World;
use fourwire_tests::raw::{End, Raw};
use fourwire_tests::workerd::Sockets;
use serde_json::json;
use tokio::time::sleep;

/// What a client says as it goes, and what it is answered.
const CODES: [(Option<u16>, u16); 12] = [
    (None, 1000),
    (Some(1000), 1000),
    (Some(1001), 1001),
    (Some(1002), 1002),
    (Some(1003), 1003),
    (Some(1008), 1008),
    (Some(1011), 1011),
    (Some(1013), 1013),
    (Some(3000), 3000),
    (Some(3999), 3999),
    (Some(4000), 4000),
    (Some(4999), 4999),
];

/// Opens a socket of a call and waits until the session is ready.
async fn open(world: &World, user: &str, call: &str) -> Raw {
    let bearer = format!("Bearer {}", world.token(user));
    let mut socket = Raw::open(world.edge(), &format!("/v4/listen?channels=2&call_id={call}"), Some(&bearer)).await;
    ready(&mut socket).await;
    socket
}

async fn ready(socket: &mut Raw) {
    while socket.next_json().await.expect("an open socket")["status"] != json!("ready") {}
}

/// The same as a browser.
async fn open_in_browser(world: &World, user: &str, call: &str) -> Raw {
    let mut socket = Raw::open(world.edge(), &format!("/v4/web/listen?channels=2&call_id={call}"), None).await;
    socket.send_text(&json!({ "type": "auth", "token": world.token(user) }).to_string()).await;
    ready(&mut socket).await;
    socket
}

/// Closes a socket and reads until it is closed from the other side as well.
async fn closed(mut socket: Raw, code: Option<u16>, reason: &str) -> End {
    socket.close(code, reason).await;
    socket.rest().await.1
}

#[tokio::test]
async fn a_close_comes_back_with_its_code() {
    let world = World::shared().await;
    for (code, answer) in CODES {
        let call = format!("call-{}", code.unwrap_or_default());
        let native = open(world, "closes", &call).await;
        assert_eq!(closed(native, code, "").await.0, answer, "{code:?}");
        let browser = open_in_browser(world, "closes", &call).await;
        let (answered, _) = closed(browser, code, "").await;
        assert!(answered == answer || (code.is_none() && answered == 1005), "{code:?} of a browser: {answered}");
    }
}

#[tokio::test]
async fn the_longest_reason_is_no_obstacle() {
    let world = World::shared().await;
    for reason in ["done", &"x".repeat(123), &"€".repeat(41)] {
        let socket = open(world, "says-why", "reasons").await;
        assert_eq!(closed(socket, Some(4_000), reason).await.0, 4_000, "{reason}");
    }
}

#[tokio::test]
async fn a_close_after_the_end_of_the_call_comes_back() {
    let world = World::shared().await;
    for (code, answer) in CODES {
        let mut socket = open(world, "ends-and-closes", &format!("call-{}", code.unwrap_or_default())).await;
        socket.send_text(r#"{"type":"end"}"#).await;
        // The call may be over first, and then the server is who closes.
        let (answered, _) = closed(socket, code, "").await;
        assert!([answer, 1000].contains(&answered), "{code:?}: {answered}");
    }
}

#[tokio::test]
async fn a_close_of_a_client_that_was_replaced_or_came_back_comes_back() {
    let world = World::shared().await;
    for (code, answer) in CODES {
        let call = format!("call-{}", code.unwrap_or_default());
        let first = open(world, "replaced", &call).await;
        let second = open(world, "replaced", &call).await;
        // The first has its own close frame on its way.
        assert_eq!(closed(first, code, "").await.0, 1001, "{code:?}");
        assert_eq!(closed(second, code, "").await.0, answer, "{code:?}");
        // Now nobody is there, and the call waits.
        let third = open(world, "replaced", &call).await;
        assert_eq!(closed(third, code, "").await.0, answer, "{code:?}");
    }
}

#[tokio::test]
async fn a_close_that_finds_its_object_out_of_memory_comes_back() {
    let world = World::shared().await;
    for (code, answer) in [(None, 1000), (Some(1001), 1001), (Some(3000), 3000), (Some(4999), 4999)] {
        let user = "closes-evicted";
        let mut options = world.phone(user);
        options.call_id = Some(format!("call-{}", code.unwrap_or_default()));
        let socket = open(world, user, options.call_id.as_deref().expect("a name")).await;
        // What it has begun is written.
        sleep(Duration::from_millis(300)).await;
        world.evict_call(user, &options, Sockets::Hibernate);
        assert_eq!(closed(socket, code, "").await.0, answer, "{code:?}");
    }
}
