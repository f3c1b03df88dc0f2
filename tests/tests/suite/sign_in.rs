//! An issuer that does not answer costs little, and nobody stays on a socket longer than the sign-in lasts.

use std::time::Duration;

use fourwire_lab::LabOptions;
use fourwire_lab::identity::{IssuerOptions, KeysAnswer};
use fourwire_tests::raw::Raw;
use fourwire_tests::{World, http, personal};
use fourwire_wire::event::{ClientMessage, close};
use fourwire_wire::frame::Channel;
use fourwire_wire::pii::Pii;
use hyper::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

const OPERATOR_KEY: &str = "the key of an operator of the tests";
/// More than any issuer should be asked in.
const MANY: u64 = 12;

#[tokio::test]
async fn an_issuer_that_hangs_holds_nobody_up_for_long() {
    let world = World::start().await;
    world.lab.issuer().answer_keys(KeysAnswer::Hang);
    let token = world.token("not-held-up");
    for path in ["/v1/conversations", "/v1/phone/numbers"] {
        let answer = http::get(world.edge(), path, &token).await;
        assert_eq!((answer.status, answer.code()), (503, "issuer_unreachable"), "{path}");
        let wait: u64 =
            answer.headers["retry-after"].to_str().ok().and_then(|text| text.parse().ok()).expect("seconds");
        assert!((1..=10).contains(&wait), "{wait}");
    }
}

#[tokio::test]
async fn an_issuer_that_fails_is_left_alone_for_a_while() {
    let world = World::start().await;
    world.lab.issuer().answer_keys(KeysAnswer::Status(500));
    let token = world.token("turned-away-cheaply");
    for _ in 0..MANY {
        let answer = http::get(world.edge(), "/v1/conversations", &token).await;
        assert_eq!((answer.status, answer.code()), (503, "issuer_unreachable"));
    }
    let fetches = world.lab.issuer().key_fetches();
    assert!((1..MANY).contains(&fetches), "{fetches} fetches for {MANY} requests");
}

#[tokio::test]
async fn an_issuer_that_forbids_caching_is_not_asked_by_each_request() {
    let issuer = IssuerOptions { keys_max_age: Duration::ZERO, ..IssuerOptions::default() };
    let world = World::with(LabOptions { issuer, ..LabOptions::default() }, |_| {}).await;
    let token = world.token("asks-often");
    for _ in 0..MANY {
        assert_eq!(http::conversations(world.edge(), &token).await, []);
    }
    let fetches = world.lab.issuer().key_fetches();
    assert!((1..MANY).contains(&fetches), "{fetches} fetches for {MANY} requests");
}

/// A world in which an expired token is good for no more than a second on a socket.
async fn strict_world() -> World {
    World::with(LabOptions::default(), |variables| {
        variables.insert("SIGN_IN_GRACE_SECONDS".to_owned(), "1".into());
        variables.insert("OPERATOR_KEY".to_owned(), OPERATOR_KEY.into());
    })
    .await
}

/// A socket with a call of its own, which resumes or does not.
async fn open(world: &World, token: &str, call: &str, resume: bool) -> Raw {
    let resume = if resume { "&resume=1" } else { "" };
    let path = format!("/v4/listen?channels=2&sample_rate=16000&call_id={call}{resume}");
    Raw::open(world.edge(), &path, Some(&format!("Bearer {token}"))).await
}

/// A token that expires so soon.
fn short(world: &World, user: &str, seconds: u64) -> String {
    personal::protect_user(user);
    world.lab.issuer().short_token(user, Duration::from_secs(seconds))
}

fn auth(token: &str) -> String {
    ClientMessage::auth(&Pii::new(token.to_owned())).into_inner()
}

/// Answers the server's question where audio begins, which a client that resumes is asked first.
async fn answer_held(socket: &mut Raw) {
    let held = next_of(socket, "audio_held").await;
    let (user, remote) = (&held["user"], &held["remote"]);
    let from = json!({ "type": "audio_from", "user": user, "remote": remote,
        "held": { "user": user, "remote": remote } });
    socket.send_text(&from.to_string()).await;
}

/// A tenth of a second of the user's silence.
async fn send_frame(socket: &mut Raw) {
    let frame = [&[Channel::User.byte()][..], &[0; 3_200]].concat();
    socket.send_binary(frame).await;
}

/// The next message of a type.
async fn next_of(socket: &mut Raw, kind: &str) -> Value {
    loop {
        let message = socket.next_json().await.expect("still open");
        if message["type"] == kind {
            return message;
        }
    }
}

#[tokio::test]
async fn a_client_that_resumes_is_closed_when_its_sign_in_has_expired_and_loses_nothing() {
    let world = strict_world().await;
    let mut socket = open(&world, &short(&world, "expires-midway", 3), "1774440013151", true).await;
    next_of(&mut socket, "audio_held").await;
    assert_eq!(socket.rest().await.1.0, close::SIGN_IN_EXPIRED);
    let mut again = open(&world, &world.token("expires-midway"), "1774440013151", true).await;
    answer_held(&mut again).await;
    send_frame(&mut again).await;
    again.send_text(ClientMessage::END).await;
    assert_eq!(again.rest().await.1.0, close::NORMAL);
    http::only_conversation(world.edge(), &world.token("expires-midway")).await;
}

#[tokio::test]
async fn a_fresh_token_on_the_running_socket_keeps_it_open() {
    const FIRST: u64 = 10;
    let world = strict_world().await;
    let mut socket = open(&world, &short(&world, "renews-midway", FIRST), "1774440013152", true).await;
    next_of(&mut socket, "audio_held").await;
    socket.send_text(&auth(&world.token("renews-midway"))).await;
    let answer = next_of(&mut socket, "auth_response").await;
    assert_eq!(answer["success"], true);
    assert!(answer["expires_in"].as_u64().is_some_and(|seconds| seconds > 3_000), "{answer}");
    sleep(Duration::from_secs(FIRST + 3)).await;
    socket.send_text(&auth(&world.token("renews-midway"))).await;
    assert_eq!(next_of(&mut socket, "auth_response").await["success"], true, "the first token has expired long ago");
}

#[tokio::test]
async fn a_token_that_is_not_good_or_another_user_s_closes_the_socket() {
    let world = World::shared().await;
    let strangers = world.token("shows-anothers-2");
    for (call, token) in [("1774440013153", "made-up"), ("1774440013154", &*strangers)] {
        let mut socket = open(world, &world.token("shows-anothers"), call, true).await;
        socket.send_text(&auth(token)).await;
        assert_eq!(socket.rest().await.1, (close::POLICY, "Invalid token".to_owned()));
    }
}

#[tokio::test]
async fn omis_client_is_not_closed_by_the_clock_of_its_token() {
    let world = strict_world().await;
    let mut socket = open(&world, &short(&world, "knows-no-renewal", 2), "1774440013155", false).await;
    sleep(Duration::from_secs(5)).await;
    socket.send_text(ClientMessage::END).await;
    assert_eq!(socket.rest().await.1.0, close::NORMAL);
}

#[tokio::test]
async fn whom_the_operator_signs_out_is_cut_off_at_once_and_comes_back_only_by_signing_in() {
    const USER: &str = "signed-out-midway";
    let world = strict_world().await;
    let token = world.token(USER);
    let mut omis = open(&world, &token, "1774440013156", false).await;
    let mut ours = open(&world, &token, "1774440013157", true).await;
    answer_held(&mut ours).await;
    for socket in [&mut omis, &mut ours] {
        send_frame(socket).await;
    }
    // Its second is over, so that the sign-out is later than the sign-in.
    sleep(Duration::from_millis(1_100)).await;
    let body = json!({ "user_id": USER }).to_string();
    let path = "/v1/operator/sign-out";
    for key in [token.as_str(), "", &OPERATOR_KEY[1..]] {
        let answer = http::post(world.edge(), path, key, &body).await;
        assert_eq!((answer.status, answer.code()), (401, "authorization_invalid"));
    }
    let answer = http::post(world.edge(), path, OPERATOR_KEY, "{}").await;
    assert_eq!((answer.status, answer.code()), (422, "body_invalid"));
    let answer = http::post(world.edge(), path, OPERATOR_KEY, &body).await;
    assert_eq!((answer.status, &answer.body), (200, &json!({ "calls": 2 })));
    for socket in [omis, ours] {
        assert_eq!(socket.rest().await.1, (close::POLICY, "Signed out".to_owned()));
    }
    // Neither to a call that was running nor to another one.
    for call in ["1774440013156", "1774440013158"] {
        let refused = open(&world, &token, call, true).await;
        assert_eq!(refused.rest().await.1, (close::POLICY, "Signed out: sign in again".to_owned()), "{call}");
    }
    sleep(Duration::from_millis(1_100)).await;
    let mut socket = open(&world, &world.token(USER), "1774440013157", true).await;
    next_of(&mut socket, "audio_held").await;
    let answer = http::send(Method::GET, world.edge(), "/v1/conversations", Some(&token)).await;
    assert_eq!(answer.status, 200, "other requests are bound by their token alone, as the page says");
}
