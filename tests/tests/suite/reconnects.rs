//! A phone loses its network, comes back soon, late, or twice at once: a call is one conversation.

use std::time::{Duration, Instant};

use fourwire_lab::app::{Phone, PhoneOptions};
use fourwire_tests::{Spoken, Talk, World, assert_words_land, http};
use tokio::time::sleep;

const RATE: u32 = 16_000;
const LIMIT: Duration = Duration::from_secs(20);
/// What the services need to say the rest of a part.
const PAUSE: Duration = Duration::from_millis(1_500);

#[tokio::test]
async fn a_phone_that_vanishes_and_comes_back_goes_on_in_the_same_conversation() {
    let world = World::shared().await;
    let options = phone(world, "vanishes");
    let mut phone = Phone::connect(options.clone()).await.expect("let in");
    let mut spoken = Spoken::default();
    say(&mut spoken, &mut phone, 21).await;
    phone.vanish();
    sleep(Duration::from_secs(3)).await;
    let mut phone = Phone::connect(options.clone()).await.expect("let in again");
    say(&mut spoken, &mut phone, 22).await;
    let received = phone.hang_up(LIMIT).await;

    let conversation = http::only_conversation(world.edge(), &options.token).await;
    assert_words_land(&conversation.transcript_segments, &spoken.words);
    assert_eq!(received.conversation(), Some(&conversation));
}

#[tokio::test]
async fn a_call_that_comes_back_after_it_was_finished_reopens_its_conversation() {
    let world = World::shared().await;
    let options = phone(world, "comes-back-late");
    let mut phone = Phone::connect(options.clone()).await.expect("let in");
    let mut spoken = Spoken::default();
    say(&mut spoken, &mut phone, 24).await;
    let received = phone.hang_up(LIMIT).await;
    let first = received.conversation().expect("memory_created").clone();

    let mut phone = Phone::connect(options.clone()).await.expect("let in again");
    say(&mut spoken, &mut phone, 25).await;
    let received = phone.hang_up(LIMIT).await;
    let second = received.conversation().expect("memory_created");
    assert_eq!((second.id, second.started_at), (first.id, first.started_at));
    assert_words_land(&second.transcript_segments, &spoken.words);
    assert_eq!(http::only_conversation(world.edge(), &options.token).await, *second);
}

#[tokio::test]
async fn a_second_connection_of_a_call_takes_over() {
    let world = World::shared().await;
    let options = phone(world, "takes-over");
    let mut first = Phone::connect(options.clone()).await.expect("let in");
    let mut spoken = Spoken::default();
    say(&mut spoken, &mut first, 26).await;
    sleep(PAUSE).await;
    let mut second = Phone::connect(options.clone()).await.expect("let in");
    assert!(first.listener().wait_until(LIMIT, |received| received.closing.is_some()).await);
    assert_eq!(first.received().close_code(), Some(1001));
    say(&mut spoken, &mut second, 27).await;
    second.hang_up(LIMIT).await;
    let conversation = http::only_conversation(world.edge(), &options.token).await;
    assert_words_land(&conversation.transcript_segments, &spoken.words);
}

#[tokio::test]
async fn of_two_first_connections_that_come_together_one_takes_over() {
    let world = World::shared().await;
    for trial in 0..6 {
        let user = format!("comes-twice-{trial}");
        let options = phone(world, &user);
        let (one, other) = tokio::join!(Phone::connect(options.clone()), Phone::connect(options.clone()));
        let (one, other) = (one.expect("let in"), other.expect("let in"));
        let is_closed = |phone: &Phone| phone.received().closing.is_some();
        let begun = Instant::now();
        while !is_closed(&one) && !is_closed(&other) {
            assert!(begun.elapsed() < LIMIT, "one of them is told that the other took over");
            sleep(Duration::from_millis(20)).await;
        }
        let (replaced, mut phone) = if is_closed(&one) { (one, other) } else { (other, one) };
        assert_eq!(replaced.received().close_code(), Some(1001));
        let mut spoken = Spoken::default();
        say(&mut spoken, &mut phone, 28).await;
        let received = phone.hang_up(LIMIT).await;
        assert_words_land(&received.segments, &spoken.words);
        assert_eq!(http::conversations(world.edge(), &options.token).await.len(), 1);
    }
}

#[tokio::test]
async fn calls_of_other_names_and_other_users_are_other_conversations() {
    let world = World::shared().await;
    let call = phone(world, "two-calls");
    let stranger = PhoneOptions { call_id: call.call_id.clone(), ..phone(world, "same-call-name") };
    for options in [call.clone(), phone(world, "two-calls"), stranger.clone()] {
        let mut phone = Phone::connect(options).await.expect("let in");
        say(&mut Spoken::default(), &mut phone, 28).await;
        phone.hang_up(LIMIT).await;
    }
    assert_eq!(http::conversations(world.edge(), &call.token).await.len(), 2);
    assert_eq!(http::conversations(world.edge(), &stranger.token).await.len(), 1);
}

fn phone(world: &World, user: &str) -> PhoneOptions {
    PhoneOptions { sample_rate: RATE, ..world.phone(user) }
}

/// Says four seconds of something.
async fn say(spoken: &mut Spoken, phone: &mut Phone, seed: u64) {
    spoken.say(phone, &Talk::random(seed, RATE, 4, &[])).await;
}
