//! A phone loses its network and never comes back: what was said is kept all the same.

use std::time::{Duration, Instant};

use fourwire_lab::app::{Phone, PhoneOptions};
use fourwire_tests::playback::{assert_same, sides};
use fourwire_tests::{Spoken, Talk, World, assert_words_land, http};
use fourwire_wire::conversation::ConversationStatus;
use fourwire_wire::frame::Channel;

const RATE: u32 = 16_000;

#[tokio::test]
async fn a_phone_that_never_comes_back_leaves_a_finished_conversation_after_a_minute() {
    let world = World::shared().await;
    let options = PhoneOptions { sample_rate: RATE, ..world.phone("never-comes-back") };
    let mut phone = Phone::connect(options.clone()).await.expect("let in");
    let mut spoken = Spoken::default();
    let talk = Talk::random(23, RATE, 4, &[]);
    spoken.say(&mut phone, &talk).await;
    phone.vanish();
    let gone = Instant::now();

    let in_progress = http::only_conversation(world.edge(), &options.token).await;
    assert_eq!(in_progress.status, ConversationStatus::InProgress);
    let conversation = http::wait_until_completed(world.edge(), &options.token, Duration::from_secs(75)).await;
    assert!(gone.elapsed() > Duration::from_secs(55), "it waited for the phone");
    assert_words_land(&conversation.transcript_segments, &spoken.words);
    assert!(conversation.finished_at.is_some_and(|at| Some(at) > conversation.started_at));
    let heard = sides(world.edge(), &options.token, conversation.id).await;
    for channel in Channel::BOTH {
        assert_same(heard.get(channel), talk.recording().audio.get(channel), "up to the last sample that was sent");
    }
}
