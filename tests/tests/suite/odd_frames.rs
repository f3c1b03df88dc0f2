//! Frames and texts that no good client sends neither end a call nor move a word.

use std::time::{Duration, Instant};

use fourwire_lab::app::{Delivery, Phone, PhoneOptions};
use fourwire_lab::tones::speak;
use fourwire_tests::{Said, Spoken, Talk, World, assert_words_land, http};
use fourwire_wire::frame::{Channel, MAX_PAYLOAD_BYTES};
use fourwire_wire::units::Samples;
use tokio::time::sleep;

const RATE: u32 = 16_000;
const LIMIT: Duration = Duration::from_secs(20);

fn phone(world: &World, user: &str) -> PhoneOptions {
    PhoneOptions { sample_rate: RATE, ..world.phone(user) }
}

/// A frame: the channel byte, then PCM.
fn frame(channel: u8, samples: &[i16]) -> Vec<u8> {
    std::iter::once(channel).chain(samples.iter().flat_map(|sample| sample.to_le_bytes())).collect()
}

#[tokio::test]
async fn keepalives_unknown_channels_and_half_samples_move_no_word() {
    let world = World::shared().await;
    let mut phone = Phone::connect(phone(world, "odd-frames")).await.expect("let in");
    let talk = Talk::random(31, RATE, 4, &[]);
    let audio = talk.recording().audio;
    let begun = Instant::now();
    for (index, (user, remote)) in audio.user.chunks(320).zip(audio.remote.chunks(320)).enumerate() {
        let [mut user, remote] = [frame(1, user), frame(2, remote)];
        user.push(0x7f);
        let odd = match index % 6 {
            0 => vec![],
            1 => vec![1],
            2 => vec![2, 0xff],
            3 => frame(3, &[9_000; 160]),
            4 => frame(0, &[9_000; 160]),
            _ => vec![1, 0x7f],
        };
        for message in [odd, user, remote] {
            phone.send_binary(message).await.expect("still there");
        }
        let due = Duration::from_millis(20 * (u64::try_from(index).expect("a few") + 1));
        sleep(due.saturating_sub(begun.elapsed())).await;
    }
    let received = phone.hang_up(LIMIT).await;
    assert_words_land(&received.segments, &talk.said());
    let conversation = received.conversation().expect("memory_created");
    assert!(conversation.audio.iter().all(|audio| audio.samples == talk.length()), "{:?}", conversation.audio);
}

#[tokio::test]
async fn texts_that_mean_nothing_are_ignored() {
    let world = World::shared().await;
    let mut phone = Phone::connect(phone(world, "odd-texts")).await.expect("let in");
    let talk = Talk::random(32, RATE, 3, &[]);
    for text in [
        "",
        "ping",
        "{",
        "null",
        "[]",
        "{}",
        r#"{"type":7}"#,
        r#"{"type":"skip_question"}"#,
        r#"{"type":"image_chunk","id":"1","index":0,"total":1,"data":"x"}"#,
        r#"{"type":"suggested_transcript","segments":[],"stt_provider":"x"}"#,
        r#"{"type":"auth","token":"x"}"#,
        &"x".repeat(16_384),
    ] {
        phone.send_text(text).await.expect("still there");
    }
    phone.play(&talk.recording(), &Delivery::default()).await.expect("still there");
    let received = phone.hang_up(LIMIT).await;
    assert_eq!(received.close_code(), Some(1000));
    assert_words_land(&received.segments, &talk.said());
}

#[tokio::test]
async fn the_largest_frame_is_taken() {
    let world = World::shared().await;
    let mut phone = Phone::connect(phone(world, "largest-frame")).await.expect("let in");
    let mut samples = speak("falcon", RATE);
    samples.resize(MAX_PAYLOAD_BYTES / 2, 0);
    phone.send_frame(Channel::Remote, &samples).await.expect("still there");
    let received = phone.hang_up(LIMIT).await;
    assert_eq!(received.text(Channel::Remote), "falcon");
    let lengths = received.conversation().expect("memory_created").audio.iter().map(|audio| audio.samples.get());
    assert_eq!(lengths.max(), Some(32_768));
}

#[tokio::test]
async fn a_frame_that_is_too_big_closes_the_socket_and_loses_nothing_that_came_before() {
    let world = World::shared().await;
    let options = phone(world, "too-big");
    let mut phone = Phone::connect(options.clone()).await.expect("let in");
    let mut spoken = Spoken::default();
    spoken.say(&mut phone, &Talk::random(33, RATE, 3, &[])).await;
    phone.send_binary(frame(1, &vec![9_000; MAX_PAYLOAD_BYTES / 2 + 1])).await.expect("still there");
    assert!(phone.listener().wait_until(LIMIT, |received| received.closing.is_some()).await);
    assert_eq!(phone.received().close_code(), Some(1009));

    let mut phone = Phone::connect(options.clone()).await.expect("let in again");
    spoken.say(&mut phone, &Talk::random(34, RATE, 3, &[])).await;
    phone.hang_up(LIMIT).await;
    let conversation = http::only_conversation(world.edge(), &options.token).await;
    assert_words_land(&conversation.transcript_segments, &spoken.words);
}

#[tokio::test]
async fn the_slowest_and_the_fastest_rate_and_one_between_are_taken() {
    let world = World::shared().await;
    for rate in [8_000, 11_025, 48_000] {
        let options = PhoneOptions { sample_rate: rate, ..world.phone("rates") };
        let mut phone = Phone::connect(options).await.expect("let in");
        let sound = speak("quarry", rate);
        phone.send_frame(Channel::User, &sound).await.expect("still there");
        let received = phone.hang_up(LIMIT).await;
        let said = Said { channel: Channel::User, at: Samples::ZERO, word: "quarry" };
        assert_words_land(&received.segments, &[said]);
    }
}
