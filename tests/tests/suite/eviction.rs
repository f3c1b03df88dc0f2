//! A call's object is thrown out of memory, or its whole machine dies: the call goes on, and it stays one conversation.

use std::time::Duration;

use fourwire_lab::app::{Phone, PhoneOptions};
use fourwire_tests::workerd::Sockets;
use fourwire_tests::{Spoken, Talk, World, assert_words_land, http};
use fourwire_wire::event::Status;
use tokio::time::sleep;

const RATE: u32 = 16_000;
const LIMIT: Duration = Duration::from_secs(20);
/// What the services need to say the rest of a part.
const PAUSE: Duration = Duration::from_millis(1_500);

#[tokio::test]
async fn a_socket_that_outlives_its_object_finds_the_call_again() {
    let world = World::shared().await;
    let user = "evicted-hibernating";
    let options = phone(world, user);
    let mut phone = Phone::connect(options.clone()).await.expect("let in");
    world.evict_call(user, &options, Sockets::Hibernate);
    let mut spoken = Spoken::default();
    say(&mut spoken, &mut phone, 71).await;
    let received = phone.hang_up(LIMIT).await;
    assert_eq!(received.close_code(), Some(1000), "the socket stayed open");
    assert_words_land(&received.segments, &spoken.words);
    let conversation = http::only_conversation(world.edge(), &options.token).await;
    assert_eq!(received.conversation(), Some(&conversation));
}

#[tokio::test]
async fn a_client_whose_socket_goes_with_the_object_comes_back_into_the_same_conversation() {
    let world = World::shared().await;
    let user = "evicted-closed";
    let options = phone(world, user);
    let mut phone = Phone::connect(options.clone()).await.expect("let in");
    let mut spoken = Spoken::default();
    say(&mut spoken, &mut phone, 70).await;
    phone.vanish();
    sleep(PAUSE).await;
    // Until it speaks no service is needed, and so the object may be evicted.
    let phone = Phone::connect(options.clone()).await.expect("let in again");
    let before = http::only_conversation(world.edge(), &options.token).await;
    world.evict_call(user, &options, Sockets::Close);
    assert!(phone.listener().wait_until(LIMIT, |received| received.closing.is_some()).await);
    let mut phone = Phone::connect(options.clone()).await.expect("let in again");
    say(&mut spoken, &mut phone, 72).await;
    phone.hang_up(LIMIT).await;
    let conversation = http::only_conversation(world.edge(), &options.token).await;
    assert_eq!(conversation.id, before.id);
    assert_words_land(&conversation.transcript_segments, &spoken.words);
}

#[tokio::test]
async fn a_call_that_was_evicted_while_its_client_was_away_goes_on_when_the_client_is_back() {
    let world = World::shared().await;
    let user = "evicted-between";
    let options = phone(world, user);
    let mut phone = Phone::connect(options.clone()).await.expect("let in");
    let mut spoken = Spoken::default();
    say(&mut spoken, &mut phone, 73).await;
    phone.vanish();
    sleep(PAUSE).await;
    world.evict_call(user, &options, Sockets::Hibernate);
    let mut phone = Phone::connect(options.clone()).await.expect("let in again");
    say(&mut spoken, &mut phone, 74).await;
    let received = phone.hang_up(LIMIT).await;

    let statuses: Vec<_> = received.statuses().map(|status| status.status).collect();
    assert!(statuses.contains(&Status::InProgressConversationsProcessing), "{statuses:?}");
    let conversation = http::only_conversation(world.edge(), &options.token).await;
    assert_words_land(&conversation.transcript_segments, &spoken.words);
}

#[tokio::test]
async fn a_machine_that_dies_in_the_middle_of_a_call_costs_the_time_until_the_client_is_back() {
    let mut world = World::start().await;
    let mut options = phone(&world, "crashed");
    let mut phone = Phone::connect(options.clone()).await.expect("let in");
    let mut spoken = Spoken::default();
    say(&mut spoken, &mut phone, 75).await;
    sleep(PAUSE).await;
    world.crash();
    assert!(phone.listener().wait_until(LIMIT, |received| received.closing.is_some()).await);
    world.edge().clone_into(&mut options.edge);
    let mut phone = Phone::connect(options.clone()).await.expect("let in again");
    say(&mut spoken, &mut phone, 76).await;
    let received = phone.hang_up(LIMIT).await;
    let conversation = http::only_conversation(world.edge(), &options.token).await;
    assert_words_land(&conversation.transcript_segments, &spoken.words);
    assert_eq!(received.conversation(), Some(&conversation));
}

fn phone(world: &World, user: &str) -> PhoneOptions {
    PhoneOptions { sample_rate: RATE, ..world.phone(user) }
}

/// Says four seconds of something.
async fn say(spoken: &mut Spoken, phone: &mut Phone, seed: u64) {
    spoken.say(phone, &Talk::random(seed, RATE, 4, &[])).await;
}
