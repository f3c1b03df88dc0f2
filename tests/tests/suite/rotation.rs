//! Another master secret: everything that was stored under the old one stays readable, and is sealed anew on request.

use std::time::Duration;

use fourwire_lab::app::{Delivery, Phone, PhoneOptions};
use fourwire_tests::phone::PhoneUser;
use fourwire_tests::phone::caller::Caller;
use fourwire_tests::world::SECRET;
use fourwire_tests::{Talk, World, http};
use hyper::Method;
use serde_json::{Map, Value};

const USER: &str = "outlives-a-secret";
const LIMIT: Duration = Duration::from_secs(30);
const OPERATOR_KEY: &str = "the key of an operator of the tests";
const NEWER_SECRET: &str = "a newer secret that is only good for tests";

#[tokio::test]
async fn after_a_rotation_all_is_readable_and_sealed_anew_on_the_operator_s_request() {
    let mut world = World::start().await;
    Caller::new(&world, USER, "+12025551701").await;
    let options = PhoneOptions { sample_rate: 16_000, ..world.phone(USER) };
    let mut phone = Phone::connect(options.clone()).await.expect("let in");
    phone.play(&Talk::random(17, 16_000, 3, &[]).recording(), &Delivery::default()).await.expect("still there");
    phone.hang_up(LIMIT).await;
    let before = http::only_conversation(world.edge(), &options.token).await;

    world.crash_into(|variables| {
        variables.insert("ENCRYPTION_SECRET".to_owned(), format!("{NEWER_SECRET},{SECRET}").into());
        variables.insert("OPERATOR_KEY".to_owned(), OPERATOR_KEY.into());
    });
    assert_eq!(http::only_conversation(world.edge(), &options.token).await, before);
    let audio = format!("/v1/conversations/{}/audio?channel=1", before.id);
    let heard = http::get(world.edge(), &audio, &options.token).await;
    assert_eq!(heard.status, 200);

    let done = reseal(&world, OPERATOR_KEY).await;
    assert_eq!(done["users"], 1);
    // Whose object it is, the conversation's entry and key, the user's numbers and what the user has used, the number's holder, the
    // user's place in the directory.
    assert_eq!(done["records"], 7, "{done}");
    let again = reseal(&world, OPERATOR_KEY).await;
    assert_eq!((again["users"].as_u64(), again["records"].as_u64()), (Some(1), Some(0)), "all is sealed anew already");
    assert_eq!(http::only_conversation(world.edge(), &options.token).await, before);
    assert_eq!(http::get(world.edge(), &audio, &options.token).await.bytes, heard.bytes);
    let numbers = http::get(world.edge(), "/v1/phone/numbers", &options.token).await;
    assert_eq!(numbers.body["numbers"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_number_whose_report_was_lost_is_sealed_anew_with_its_user() {
    let mut world = World::start().await;
    let with = |secrets: [&str; 2]| {
        let secrets = secrets.join(",");
        move |variables: &mut Map<String, Value>| {
            variables.insert("ENCRYPTION_SECRET".to_owned(), secrets.into());
            variables.insert("OPERATOR_KEY".to_owned(), OPERATOR_KEY.into());
        }
    };
    // The oldest secret stays for good; the one of the middle is to go.
    world.crash_into(with([NEWER_SECRET, SECRET]));
    let number = "+12025551702";
    let user = PhoneUser::new(&world, "waits-for-a-report");
    assert_eq!(user.verify(number).await.status, 200);
    let newest = "the newest secret that is only good for tests";
    world.crash_into(with([&format!("{newest},{NEWER_SECRET}"), SECRET]));
    assert!(reseal(&world, OPERATOR_KEY).await["records"].as_u64() >= Some(3));
    world.crash_into(with([newest, SECRET]));
    let user = PhoneUser::new(&world, "waits-for-a-report");
    let status = user.check(number).await["status"].clone();
    assert!(status == "ringing" || status == "verified", "it can be read: {status}");
    let other = PhoneUser::new(&world, "wants-it-too").verify(number).await;
    assert_eq!(other.status, 409, "by anybody's verification: {}", other.text);
}

#[tokio::test]
async fn a_secret_that_was_taken_away_too_early_costs_nobody_else_the_new_seal() {
    let mut world = World::start().await;
    let with = |secrets: &[&str]| {
        let secrets = secrets.join(",");
        move |variables: &mut Map<String, Value>| {
            variables.insert("ENCRYPTION_SECRET".to_owned(), secrets.into());
            variables.insert("OPERATOR_KEY".to_owned(), OPERATOR_KEY.into());
        }
    };
    let newest = "the newest secret that is only good for tests";
    let users = ["sealed-under-the-first", "sealed-under-the-second", "sealed-under-the-first-too"];
    let numbers = ["+12025551711", "+12025551712", "+12025551713"];
    Caller::new(&world, users[0], numbers[0]).await;
    Caller::new(&world, users[2], numbers[2]).await;
    world.crash_into(with(&[NEWER_SECRET, SECRET]));
    Caller::new(&world, users[1], numbers[1]).await;

    world.crash_into(with(&[newest, SECRET]));
    let done = reseal(&world, OPERATOR_KEY).await;
    assert_eq!((done["users"].as_u64(), done["failed"].as_u64()), (Some(2), Some(1)), "{done}");
    assert_eq!(world.workerd.log().matches("reseal_failed").count(), 1);
    world.crash_into(with(&[newest, NEWER_SECRET, SECRET]));
    let done = reseal(&world, OPERATOR_KEY).await;
    assert_eq!((done["users"].as_u64(), done["failed"].as_u64()), (Some(3), Some(0)), "it was put back: {done}");
    world.crash_into(with(&[newest, SECRET]));
    for (user, number) in users.into_iter().zip(numbers) {
        let listed = http::get(world.edge(), "/v1/phone/numbers", &world.token(user)).await;
        assert_eq!(listed.body.pointer("/numbers/0/phone_number").and_then(Value::as_str), Some(number), "{user}");
    }
}

#[tokio::test]
async fn nobody_but_the_operator_has_things_sealed_anew() {
    let world = World::shared().await;
    let token = world.token("no-operator");
    let answer = http::send(Method::POST, world.edge(), "/v1/operator/reseal", Some(&token)).await;
    assert_eq!((answer.status, answer.code()), (503, "not_configured"), "without a key there is no operator");
    let mut world = World::start().await;
    world.crash_into(|variables| {
        variables.insert("OPERATOR_KEY".to_owned(), OPERATOR_KEY.into());
    });
    for key in [token.as_str(), "", &OPERATOR_KEY[1..]] {
        let answer = http::send(Method::POST, world.edge(), "/v1/operator/reseal", Some(key)).await;
        assert_eq!((answer.status, answer.code()), (401, "authorization_invalid"));
    }
}

async fn reseal(world: &World, key: &str) -> Value {
    let answer = http::send(Method::POST, world.edge(), "/v1/operator/reseal", Some(key)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.body["cursor"], Value::Null);
    answer.body
}
