//! What a user deletes is gone: from every list, from the store, and its key from the database.

use std::time::Duration;

use fourwire_lab::app::{Delivery, Phone, PhoneOptions};
use fourwire_tests::kept::Kept;
use fourwire_tests::phone::PhoneUser;
use fourwire_tests::playback::{file, path};
use fourwire_tests::world::SECRET;
use fourwire_tests::{Talk, World, http};
use fourwire_wire::ids::ConversationId;
use hyper::Method;
use serde_json::{Value, json};

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
