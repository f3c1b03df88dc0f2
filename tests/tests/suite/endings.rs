//! However a call ends, it is one conversation with all of its audio: hung up straight after the last frame, or by two
//! clients at once.

use std::time::Duration;

use fourwire_lab::app::{Delivery, Phone, PhoneOptions, Received};
use fourwire_lab::recording::Recording;
use fourwire_tests::playback::{assert_same, find, marked, sides};
use fourwire_tests::{Talk, World, http};
use fourwire_wire::conversation::{Conversation, ConversationStatus};
use fourwire_wire::frame::{Channel, Frame};
use tokio::time::{sleep, timeout};

const RATE: u32 = 16_000;
const LIMIT: Duration = Duration::from_secs(40);

#[tokio::test]
async fn who_sends_everything_at_once_and_hangs_up_has_everything_recorded() {
    let world = World::shared().await;
    let options = phone(world, "in-a-hurry");
    let recording = recording(61, 11);
    let mut phone = Phone::connect(options.clone()).await.expect("let in");
    phone.play(&recording, &Delivery::unpaced()).await.expect("still there");
    let received = phone.hang_up(LIMIT).await;
    let conversation = only(world, &options, &received).await;
    let heard = sides(world.edge(), &options.token, conversation.id).await;
    for channel in Channel::BOTH {
        assert_same(heard.get(channel), recording.audio.get(channel), &format!("channel {}", channel.byte()));
    }
}

#[tokio::test]
async fn what_a_client_sends_after_the_end_is_no_part_of_the_call() {
    let world = World::shared().await;
    let options = phone(world, "afterthought");
    let recording = recording(62, 2);
    let mut phone = Phone::connect(options.clone()).await.expect("let in");
    phone.play(&recording, &Delivery::unpaced()).await.expect("still there");
    phone.send_text(r#"{"type":"end"}"#).await.expect("still there");
    for channel in Channel::BOTH {
        let mut late = Vec::new();
        Frame::write(channel, [7_919; 1_600], &mut late);
        let _ = phone.send_binary(late).await;
    }
    let received = phone.hang_up(LIMIT).await;
    let conversation = only(world, &options, &received).await;
    let heard = sides(world.edge(), &options.token, conversation.id).await;
    for channel in Channel::BOTH {
        assert_same(heard.get(channel), recording.audio.get(channel), &format!("channel {}", channel.byte()));
    }
}

#[tokio::test]
async fn two_clients_of_one_call_that_race_to_end_it_leave_one_conversation_with_both_their_audio() {
    let world = World::shared().await;
    // In milliseconds, how long each waits before its part: one connects and plays, while the other ends the call.
    let rounds = [(0, 0), (40, 0), (0, 20), (0, 100), (0, 400)].map(|(ends_after, comes_after)| async move {
        let options = phone(world, &format!("racers-{ends_after}-{comes_after}"));
        let [ours, theirs] = [71, 72].map(|seed| recording(seed, 1));
        let mut first = Phone::connect(options.clone()).await.expect("let in");
        first.play(&ours, &Delivery::unpaced()).await.expect("still there");
        // What is still on its way when another client takes over is lost with the connection.
        wait_until_taken(world, &options, ours.audio.user.len()).await;
        let other = options.clone();
        let (one, two) = tokio::join!(
            async {
                sleep(Duration::from_millis(ends_after)).await;
                first.hang_up(LIMIT).await
            },
            async {
                sleep(Duration::from_millis(comes_after)).await;
                let mut second = Phone::connect(other).await.expect("let in");
                second.play(&theirs, &Delivery::unpaced()).await.expect("still there");
                second.hang_up(LIMIT).await
            }
        );
        let conversation = http::wait_until_completed(world.edge(), &options.token, LIMIT).await;
        assert_eq!(two.conversation(), Some(&conversation), "who came last is told of the end");
        assert_eq!(two.close_code(), Some(1000));
        assert!([Some(1000), Some(1001)].contains(&one.close_code()), "ended, or taken over: {:?}", one.closing);
        let heard = sides(world.edge(), &options.token, conversation.id).await;
        for channel in Channel::BOTH {
            let (heard, ours, theirs) = (heard.get(channel), ours.audio.get(channel), theirs.audio.get(channel));
            assert_same(&heard[..ours.len()], ours, "what the first said");
            let rest = &heard[ours.len()..];
            let gap = find(rest, theirs).expect("what the second said, in one piece");
            assert_eq!(gap + theirs.len(), rest.len(), "and nothing after it");
        }
    });
    futures_util::future::join_all(rounds).await;
}

#[tokio::test]
async fn a_client_that_says_twice_that_it_ends_the_call_is_answered_once() {
    let world = World::shared().await;
    let options = phone(world, "says-it-twice");
    let mut phone = Phone::connect(options.clone()).await.expect("let in");
    phone.play(&recording(63, 1), &Delivery::unpaced()).await.expect("still there");
    phone.send_text(r#"{"type":"end"}"#).await.expect("still there");
    let received = phone.hang_up(LIMIT).await;
    only(world, &options, &received).await;
    let created = received.events().filter(|event| format!("{event:?}").starts_with("MemoryCreated"));
    assert_eq!(created.count(), 1);
}

fn phone(world: &World, user: &str) -> PhoneOptions {
    PhoneOptions { sample_rate: RATE, ..world.phone(user) }
}

fn recording(seed: u32, seconds: u32) -> Recording {
    marked(Talk::random(seed.into(), RATE, seconds, &[]).recording(), seed)
}

/// Waits until so many samples of either side have arrived.
async fn wait_until_taken(world: &World, options: &PhoneOptions, samples: usize) {
    let taken = async || {
        // With its first audio it comes into the list.
        if http::conversations(world.edge(), &options.token).await.is_empty() {
            return false;
        }
        let conversation = http::only_conversation(world.edge(), &options.token).await;
        conversation.audio.iter().all(|audio| audio.samples.get() >= samples as u64)
    };
    let wait = async {
        while !taken().await {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(LIMIT, wait).await.expect("everything arrives");
}

/// The user's only conversation, which is finished and which the client was told of.
async fn only(world: &World, options: &PhoneOptions, received: &Received) -> Conversation {
    assert_eq!(received.close_code(), Some(1000));
    let conversation = http::only_conversation(world.edge(), &options.token).await;
    assert_eq!((received.conversation(), conversation.status), (Some(&conversation), ConversationStatus::Completed));
    conversation
}
