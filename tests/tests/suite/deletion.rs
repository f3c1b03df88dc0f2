//! What a user deletes is gone: from every list, from the store, and its key from the database.

use std::time::{Duration, Instant};

use fourwire_lab::app::{Delivery, Phone, PhoneOptions};
use fourwire_lab::twilio::{AUTH_TOKEN, Outcome, Twilio};
use fourwire_tests::kept::Kept;
use fourwire_tests::phone::PhoneUser;
use fourwire_tests::playback::{file, path};
use fourwire_tests::world::SECRET;
use fourwire_tests::{Talk, World, http};
use fourwire_wire::ids::ConversationId;
use hyper::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

const RATE: u32 = 16_000;
const LIMIT: Duration = Duration::from_secs(20);
const USER: &str = "deleter";
const OTHER: &str = "bystander";

#[tokio::test]
async fn a_deleted_conversation_leaves_nothing_and_everything_else_stays_until_it_is_deleted_too() {
    let mut world = World::start().await;
    let (token, other) = (world.token(USER), world.token(OTHER));
    let (gone, stays, others) = (call(&world, USER).await, call(&world, USER).await, call(&world, OTHER).await);
    let before = world.kill_and_read(USER);
    assert_eq!([gone, stays, others].map(|id| objects(&before, id)), [3; 3], "a document and two chunks");
    assert_eq!(before.keys.len(), 2);

    world.crash();
    assert_eq!(delete(&world, &format!("/v1/conversations/{gone}"), &token).await, (200, json!({ "success": true })));
    assert_is_gone(&world, gone, &token).await;
    let left: Vec<_> = http::conversations(world.edge(), &token).await.iter().map(|entry| entry.id).collect();
    assert_eq!(left, [stays]);
    let again = http::send(Method::DELETE, world.edge(), &format!("/v1/conversations/{gone}"), Some(&token)).await;
    assert_eq!((again.status, again.code()), (404, "conversation_not_found"));
    let after = world.kill_and_read(USER);
    assert_eq!([gone, stays, others].map(|id| objects(&after, id)), [0, 3, 3]);
    assert!(after.keys.keys().eq([&stays.to_string()]), "its key is gone: {:?}", after.keys.keys());
    let mine: Vec<_> = after.objects.into_iter().filter(|object| object.name.contains(&stays.to_string())).collect();
    assert_eq!(Kept { objects: mine, keys: after.keys }.opened(SECRET, USER).len(), 3, "the other one can be read");

    world.crash();
    assert_eq!(delete(&world, "/v1/account", &token).await, (200, json!({ "success": true })));
    assert_is_gone(&world, stays, &token).await;
    assert_eq!(http::conversations(world.edge(), &token).await, []);
    assert_eq!(http::conversations(world.edge(), &other).await.len(), 1, "nobody else's");
    assert!(!file(world.edge(), &other, others, "stereo").await.is_empty());
    let mut end = world.kill_and_read(USER);
    assert_eq!(
        end.take_others().len(),
        2,
        "who there is, for the operator; one of them goes when the limits count no more"
    );
    assert_eq!([gone, stays, others].map(|id| objects(&end, id)), [0, 0, 3]);
    assert_eq!((end.objects.len(), end.keys.len()), (3, 0));
}

#[tokio::test]
async fn a_call_by_the_name_of_a_deleted_one_is_a_new_conversation() {
    let world = World::shared().await;
    let options = phone(world, "calls-again");
    let place = async || {
        let phone = Phone::connect(options.clone()).await.expect("let in");
        phone.hang_up(LIMIT).await.conversation().expect("memory_created").id
    };
    let first = place().await;
    assert_eq!(place().await, first, "it is reopened while it is there");
    delete(world, &format!("/v1/conversations/{first}"), &options.token).await;
    let second = place().await;
    assert_ne!(second, first);
    assert_eq!(http::only_conversation(world.edge(), &options.token).await.id, second);
}

#[tokio::test]
async fn with_the_account_go_numbers_and_calls_and_the_user_may_begin_anew() {
    let world = World::shared().await;
    let user = PhoneUser::new(world, "leaver");
    let number = "+12025551901";
    user.verified_at_once(world.lab.twilio(), number).await;
    let has_caller_id = || world.lab.twilio().caller_ids().iter().any(|known| known.number.expose() == number);
    assert!(has_caller_id());
    assert_eq!(delete(world, "/v1/account", &user.token).await, (200, json!({ "success": true })));
    assert_eq!(user.get("/v1/phone/numbers").await.body, json!({ "numbers": [], "pending": [] }));
    assert!(user.calls().await.is_empty());
    assert!(!has_caller_id(), "given up at Twilio");
    assert_eq!(user.post("/v1/phone/token", &json!({})).await.code(), "no_verified_number");

    let somebody = PhoneUser::new(world, "next-owner");
    somebody.verified_at_once(world.lab.twilio(), number).await;
    let phone = Phone::connect(phone(world, "leaver")).await.expect("let in");
    phone.hang_up(LIMIT).await;
    assert_eq!(http::conversations(world.edge(), &user.token).await.len(), 1);
    assert_eq!(delete(world, "/v1/account", &user.token).await.0, 200, "and again");
    assert_eq!(http::conversations(world.edge(), &user.token).await, []);
}

#[tokio::test]
async fn an_account_of_many_calls_is_deleted_in_steps_and_a_crash_between_two_loses_none() {
    let mut world = World::start().await;
    let (user, calls) = ("has-called-a-lot", 45);
    let options = |number: usize| PhoneOptions { call_id: Some(format!("call-{number}")), ..phone(&world, user) };
    for number in 0..calls {
        Phone::connect(options(number)).await.expect("let in").hang_up(LIMIT).await;
    }
    let token = world.token(user);
    let ids: Vec<_> = http::listed(world.edge(), &token, "?limit=100").await.iter().map(|entry| entry.id).collect();
    assert_eq!(ids.len(), calls);
    assert_eq!(delete(&world, "/v1/account", &token).await, (200, json!({ "success": true })));
    assert_eq!(http::conversations(world.edge(), &token).await, [], "at once, for the user");
    let begun = Instant::now();
    loop {
        let kept = world.kill_and_read(user);
        let left = ids.iter().filter(|id| objects(&kept, **id) > 0).count();
        if left == 0 && kept.keys.is_empty() {
            break;
        }
        assert!(begun.elapsed() < 6 * LIMIT, "{left} of {calls} are left, and {} keys", kept.keys.len());
        world.crash();
        // What a run that was cut off had begun is gone on with after 15 s.
        sleep(Duration::from_secs(16)).await;
    }
}

#[tokio::test]
async fn a_call_that_is_deleted_while_it_runs_is_ended_and_leaves_nothing() {
    let mut world = World::start().await;
    for (user, is_account) in [("drops-a-call", false), ("drops-all", true)] {
        let options = phone(&world, user);
        let mut running = Phone::connect(options.clone()).await.expect("let in");
        let delivery = Delivery { speed: 2.0, ..Delivery::default() };
        running.play(&Talk::random(92, RATE, 7, &[]).recording(), &delivery).await.expect("still there");
        let conversation = until_stored(&world, &options.token).await;
        let path = if is_account { "/v1/account".to_owned() } else { format!("/v1/conversations/{conversation}") };
        assert_eq!(delete(&world, &path, &options.token).await, (200, json!({ "success": true })));
        assert!(running.listener().wait_until(LIMIT, |received| received.closing.is_some()).await, "the call is ended");
        assert_eq!(running.received().close_code(), Some(1008));
        assert_eq!(http::conversations(world.edge(), &options.token).await, []);
        assert_is_gone(&world, conversation, &options.token).await;

        // A client that does not understand the code comes back, and records nothing more of this call.
        let again = Phone::connect(options.clone()).await;
        let closed = match again {
            Err(_) => true,
            Ok(again) => again.listener().wait_until(LIMIT, |received| received.close_code() == Some(1008)).await,
        };
        assert!(closed, "it is turned away");
        assert_eq!(http::conversations(world.edge(), &options.token).await, []);
        // Another call is another conversation.
        let other = phone(&world, user);
        let id = Phone::connect(other).await.expect("let in").hang_up(LIMIT).await.conversation().expect("one").id;
        assert_eq!(http::only_conversation(world.edge(), &options.token).await.id, id);
        let kept = world.kill_and_read(user);
        assert_eq!(objects(&kept, conversation), 0);
        assert!(kept.keys.keys().eq([&id.to_string()]));
        world.crash();
    }
}

/// Waits until some of a running call's audio lies in the store, so that none is on its way.
async fn until_stored(world: &World, token: &str) -> ConversationId {
    let begun = Instant::now();
    loop {
        let running = http::only_conversation(world.edge(), token).await;
        if running.audio.iter().all(|audio| audio.stored.seconds() > 4.0) {
            return running.id;
        }
        assert!(begun.elapsed() < LIMIT, "a chunk is stored every five seconds");
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn an_account_is_deleted_also_while_twilio_is_not_configured() {
    let mut world = World::start().await;
    let user = PhoneUser::new(&world, "leaves-anyway");
    user.verified_at_once(world.lab.twilio(), "+12025551911").await;
    world.crash_into(|variables| {
        variables.remove("TWILIO_AUTH_TOKEN");
    });
    assert_eq!(delete(&world, "/v1/account", &user.token).await, (200, json!({ "success": true })));
    world.crash_into(|variables| {
        variables.insert("TWILIO_AUTH_TOKEN".to_owned(), AUTH_TOKEN.into());
    });
    let listed = http::get(world.edge(), "/v1/phone/numbers", &user.token).await;
    assert_eq!(listed.body, json!({ "numbers": [], "pending": [] }));
}

#[tokio::test]
async fn a_number_that_is_verified_while_the_account_is_deleted_is_nobody_s() {
    let world = World::shared().await;
    let user = PhoneUser::new(world, "gone-while-ringing");
    let (number, twilio) = ("+12025551912", world.lab.twilio());
    let started = user.verify(number).await;
    assert_eq!(started.status, 200, "{:?}", started.body);
    assert_eq!(delete(world, "/v1/account", &user.token).await, (200, json!({ "success": true })));
    // Whoever answers types the code all the same, and Twilio reports it.
    assert!(twilio.finish(number, Outcome::Verified), "it rings");
    let is_known = || twilio.caller_ids().iter().any(|known| known.number.expose() == number);
    let sid = started.body["verification_sid"].as_str().expect("a text").to_owned();
    let is_reported = |twilio: &Twilio| {
        twilio.deliveries().iter().any(|known| known.field("CallSid") == Some(&sid) && known.answer == Ok(204))
    };
    assert!(twilio.wait_until(LIMIT, is_reported).await, "Twilio reports it");
    assert_eq!(user.get("/v1/phone/numbers").await.body, json!({ "numbers": [], "pending": [] }));
    assert_eq!(user.check(number).await["status"], "none");
    assert_eq!(user.post("/v1/phone/token", &json!({})).await.code(), "no_verified_number");
    assert!(!is_known(), "and Twilio forgets it");
}

/// How many objects a conversation has in the store.
fn objects(kept: &Kept, conversation: ConversationId) -> usize {
    kept.objects.iter().filter(|object| object.name.contains(&conversation.to_string())).count()
}

async fn assert_is_gone(world: &World, conversation: ConversationId, token: &str) {
    let document = format!("/v1/conversations/{conversation}");
    for path in [document.clone(), path(conversation, "1"), format!("{document}/transcript")] {
        let answer = http::get(world.edge(), &path, token).await;
        assert_eq!((answer.status, answer.code()), (404, "conversation_not_found"), "{path}");
    }
}

async fn delete(world: &World, path: &str, token: &str) -> (u16, Value) {
    let answer = http::send(Method::DELETE, world.edge(), path, Some(token)).await;
    (answer.status, answer.body)
}

fn phone(world: &World, user: &str) -> PhoneOptions {
    PhoneOptions { sample_rate: RATE, ..world.phone(user) }
}

/// A call of six seconds.
async fn call(world: &World, user: &str) -> ConversationId {
    let mut phone = Phone::connect(phone(world, user)).await.expect("let in");
    let delivery = Delivery { speed: 2.0, ..Delivery::default() };
    phone.play(&Talk::random(91, RATE, 6, &[]).recording(), &delivery).await.expect("still there");
    phone.hang_up(LIMIT).await.conversation().expect("memory_created").id
}
