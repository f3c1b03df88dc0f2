//! Access tokens: who has them, what they are good for, for how long, and how many there are.

use std::time::Duration;

use fourwire_lab::twilio::{CallEvent, Ending, TWIML_APP_SID};
use fourwire_tests::World;
use fourwire_tests::phone::caller::{Caller, only_leg};
use fourwire_tests::phone::{PhoneUser, strict_world};
use hyper::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn who_has_no_verified_number_gets_no_token() {
    let world = World::shared().await;
    let user = PhoneUser::new(world, "token-without-number");
    let refused = async |when: &str| {
        let answer = token(&user).await;
        assert_eq!((answer.status, answer.code()), (400, "no_verified_number"), "{when}");
        assert_eq!(answer.detail(), "No verified phone number found. Verify a number first.");
    };
    refused("at first").await;
    let number = "+12025551001";
    assert_eq!(user.verify(number).await.status, 200);
    refused("while the number rings").await;
    assert!(world.lab.twilio().finish(number, fourwire_lab::twilio::Outcome::NoAnswer));
    assert!(user.wait_until_status(number, "no_answer", Duration::from_secs(10)).await);
    let id = user.verified_at_once(world.lab.twilio(), number).await;
    assert_eq!(token(&user).await.status, 200);
    assert_eq!(user.send(Method::DELETE, &format!("/v1/phone/numbers/{id}")).await.status, 200);
    refused("after it was given up").await;
}

#[tokio::test]
async fn a_token_is_good_for_placing_calls_for_an_hour_and_for_nothing_else() {
    let world = World::shared().await;
    let caller = Caller::new(world, "token-holder", "+12025551002").await;
    let answer = token(&caller.user).await;
    assert_eq!((answer.status, &answer.headers["cache-control"]), (200, &"no-store".parse().expect("a header")));
    let fields: Vec<_> = answer.body.as_object().expect("an object").keys().collect();
    assert_eq!(fields, ["access_token", "identity", "ttl"]);
    assert_eq!((&answer.body["ttl"], &answer.body["identity"]), (&json!(3_600), &json!("token-holder")));

    let claims = claims(&answer.body);
    assert_eq!(claims["grants"]["identity"], "fwe_token_2dholder", "Twilio takes letters, digits and _");
    let voice = claims["grants"]["voice"].as_object().expect("a grant");
    assert_eq!(voice.keys().collect::<Vec<_>>(), ["outgoing"], "nobody can call the device");
    assert_eq!(voice["outgoing"]["application_sid"], TWIML_APP_SID);
    assert_eq!(life(&claims), 3_600);

    let placed = caller.calls("+12125551002").await;
    assert_eq!(*only_leg(&placed).caller_id.expose(), caller.number);
}

#[tokio::test]
async fn a_user_whose_id_twilio_does_not_take_calls_all_the_same() {
    let world = World::shared().await;
    let long = format!("{}/~", "x".repeat(253));
    for (id, own, callee) in [
        ("auth0|5f7c8ec7c33c6c004bbafe82", "+12025551006", "+12125551006"),
        ("q3Jkz+9/Ff0 w1==", "+12025551007", "+12125551007"),
        (&long, "+12025551008", "+12125551008"),
    ] {
        let caller = Caller::new(world, id, own).await;
        let leg = caller.dials(callee).await;
        caller.told(&leg, CallEvent::Answered).await;
        caller.ended(&leg, Ending::Talked(3)).await;
        // The reports have reached this user, by the id in the callback's address.
        let [call] = &caller.user.calls().await[..] else { panic!("one call") };
        assert_eq!(call.duration, Some(3), "{id}");
    }
}

#[tokio::test]
async fn the_operator_says_how_long_a_token_is_good() {
    let caller = Caller::new(strict_world().await, "short-token", "+12025551003").await;
    let answer = token(&caller.user).await;
    assert_eq!(answer.body["ttl"], 600);
    assert_eq!(life(&claims(&answer.body)), 600);
}

#[tokio::test]
async fn a_user_has_ten_tokens_a_minute() {
    let world = World::shared().await;
    let caller = Caller::new(world, "token-hoarder", "+12025551004").await;
    // The device has the first already.
    for _ in 2..=10 {
        assert_eq!(token(&caller.user).await.status, 200);
    }
    let eleventh = token(&caller.user).await;
    assert_eq!((eleventh.status, eleventh.code()), (429, "too_many_requests"));
    let wait: u64 = eleventh.headers["retry-after"].to_str().expect("a text").parse().expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    let other = Caller::new(world, "token-hoarders-neighbour", "+12025551005").await;
    assert_eq!(token(&other.user).await.status, 200);
    // What was taken before is still good.
    let _ = only_leg(&caller.calls("+12125551004").await);
}

async fn token(user: &PhoneUser) -> fourwire_tests::http::Answer {
    user.post("/v1/phone/token", &json!({})).await
}

fn life(claims: &Value) -> u64 {
    claims["exp"].as_u64().expect("a time") - claims["iat"].as_u64().expect("a time")
}

/// What an answer's token says.
fn claims(answer: &Value) -> Value {
    let token = answer["access_token"].as_str().expect("a text");
    let claims = token.split('.').nth(1).expect("three parts");
    serde_json::from_slice(&base64url(claims)).expect("JSON")
}

fn base64url(text: &str) -> Vec<u8> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits = text.chars().flat_map(|letter| {
        let value = ALPHABET.find(letter).expect("base64url");
        (0..6).rev().map(move |bit| value >> bit & 1 == 1)
    });
    let bits: Vec<bool> = bits.collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit))).collect()
}
