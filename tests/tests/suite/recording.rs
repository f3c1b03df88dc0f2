//! What is played back of a call is what its client sent, side by side and sample for sample.

use std::time::{Duration, Instant};

use fourwire_lab::app::{Delivery, Frames, Message, Mute, Phone, PhoneOptions};
use fourwire_lab::recording::Recording;
use fourwire_tests::playback::{assert_same, converted, file, find, marked, mono, read, sides};
use fourwire_tests::{Talk, World, http, personal};
use fourwire_wire::conversation::Conversation;
use fourwire_wire::event::ServerEvent;
use fourwire_wire::frame::{Channel, PerChannel};
use fourwire_wire::units::SAMPLES_PER_SECOND;
use futures_util::future::join_all;

const LIMIT: Duration = Duration::from_secs(20);
/// Longest time from the end of a call to its conversation, where nothing goes wrong.
const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn each_side_is_played_back_sample_for_sample_up_to_the_last_one_before_the_end() {
    let world = World::shared().await;
    let calls = [("recorded-8k", 8_000), ("recorded-16k", 16_000), ("recorded-48k", 48_000)];
    join_all(calls.map(async |(user, rate)| {
        let options = PhoneOptions { sample_rate: rate, ..world.phone(user) };
        let recording = uneven(rate, 7);
        // Faster than it was spoken, so that chunks follow close upon each other, and in frames of any size.
        let delivery = Delivery { speed: 2.0, frames: Frames::Random { seed: 5 }, ..Delivery::default() };
        let conversation = call(options.clone(), &recording, &delivery).await;
        let heard = sides(world.edge(), &options.token, conversation.id).await;
        for channel in Channel::BOTH {
            let sent = converted(recording.audio.get(channel), rate);
            assert_same(heard.get(channel), &sent, &format!("{rate} Hz, channel {}", channel.byte()));
        }
        for audio in &conversation.audio {
            let length = u64::try_from(heard.get(audio.channel).len()).expect("a length");
            assert_eq!((audio.samples.get(), audio.stored.get()), (length, length));
        }
    }))
    .await;
}

#[tokio::test]
async fn stereo_has_the_user_on_the_left_and_mix_has_both_in_one() {
    let world = World::shared().await;
    let options = PhoneOptions { sample_rate: 16_000, ..world.phone("stereo") };
    // At full scale, where both together are louder than a sample can tell.
    let loud = |seed: i16| (0..24_000_i16).map(|at| at.wrapping_mul(seed)).collect::<Vec<_>>();
    let recording = Recording::new(16_000, loud(7_919), loud(-6_007));
    let conversation = call(options.clone(), &recording, &Delivery::unpaced()).await;
    let of = async |channel| read(&file(world.edge(), &options.token, conversation.id, channel).await);

    let PerChannel { user, remote } = &recording.audio;
    let (channels, stereo) = of("stereo").await;
    let woven: Vec<i16> = user.iter().zip(remote).flat_map(|(user, remote)| [*user, *remote]).collect();
    assert_eq!(channels, 2);
    assert_same(&stereo, &woven, "stereo");
    let mix: Vec<i16> = user.iter().zip(remote).map(|(user, remote)| user.saturating_add(*remote)).collect();
    assert!(mix.contains(&i16::MAX) && mix.contains(&i16::MIN));
    assert_same(&mono(world.edge(), &options.token, conversation.id, "mix").await, &mix, "mix");

    let path = format!("/v1/conversations/{}/audio", conversation.id);
    let default = http::get(world.edge(), &path, &options.token).await;
    assert_eq!(
        default.bytes,
        file(world.edge(), &options.token, conversation.id, "stereo").await,
        "as without a query"
    );
}

#[tokio::test]
async fn a_muted_side_is_silent_while_it_is_muted_and_nothing_of_it_is_lost() {
    let world = World::shared().await;
    let options = PhoneOptions { sample_rate: 16_000, ..world.phone("muted") };
    let recording = uneven(16_000, 9);
    let mute = Mute { channel: Channel::Remote, from: Duration::from_secs(2), until: Duration::from_secs(6) };
    let delivery = Delivery { mutes: vec![mute], ..Delivery::default() };
    let conversation = call(options.clone(), &recording, &delivery).await;
    let heard = sides(world.edge(), &options.token, conversation.id).await;
    assert_same(&heard.user, &recording.audio.user, "the side that was not muted");

    let second = SAMPLES_PER_SECOND as usize;
    let (before, after) = (&recording.audio.remote[..2 * second], &recording.audio.remote[6 * second..]);
    let length = heard.remote.len();
    assert_same(&heard.remote[..2 * second], before, "before the mute");
    assert_same(&heard.remote[length - after.len()..], after, "after the mute");
    let between = &heard.remote[2 * second..length - after.len()];
    assert!(between.iter().all(|sample| *sample == 0), "silence between");
    // How long it was muted is known by the server's clock, to a frame or so.
    assert!(between.len().abs_diff(4 * second) <= second / 10, "{} samples of silence", between.len());
}

#[tokio::test]
async fn a_phone_that_vanishes_and_comes_back_leaves_all_that_it_had_sent() {
    let world = World::shared().await;
    let options = PhoneOptions { sample_rate: 16_000, ..world.phone("recorded-twice") };
    let parts = [3, 4].map(|seed| marked(Talk::random(seed.into(), 16_000, 3, &[]).recording(), seed));
    let [first, second] = &parts;
    let mut phone = Phone::connect(options.clone()).await.expect("let in");
    phone.play(first, &Delivery::default()).await.expect("still there");
    let vanished = Instant::now();
    phone.vanish();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let conversation = call(options.clone(), second, &Delivery::default()).await;
    // On a busy machine it takes longer to come back.
    let longest = vanished.elapsed().saturating_sub(Duration::from_secs(3)) + Duration::from_millis(500);
    let longest = usize::try_from(longest.as_millis()).expect("minutes") * 16;
    let heard = sides(world.edge(), &options.token, conversation.id).await;
    for channel in Channel::BOTH {
        let (heard, first, second) = (heard.get(channel), first.audio.get(channel), second.audio.get(channel));
        assert_same(&heard[..first.len()], first, "before");
        let rest = &heard[first.len()..];
        let gap = find(rest, second).expect("what it said when it was back, in one piece");
        assert_eq!(gap + second.len(), rest.len(), "up to the last sample");
        assert!(rest[..gap].iter().all(|sample| *sample == 0), "nobody spoke between");
        assert!((24_000..longest).contains(&gap), "it was gone for two seconds, at most {longest}: {gap}");
    }
}

#[tokio::test]
async fn the_conversation_is_there_soon_after_the_end() {
    let world = World::shared().await;
    let options = PhoneOptions { sample_rate: 16_000, ..world.phone("soon") };
    let mut phone = Phone::connect(options).await.expect("let in");
    phone.play(&uneven(16_000, 8), &Delivery::default()).await.expect("still there");
    let ended = Instant::now();
    let received = phone.hang_up(LIMIT).await;
    let until_closed = ended.elapsed();
    let is_created = |message: &Message| matches!(message, Message::Event(ServerEvent::MemoryCreated { .. }));
    let created = received.arrivals.iter().find(|arrival| is_created(&arrival.message)).expect("memory_created").at;
    let closed = received.closing.expect("closed").at;
    let took = until_closed.saturating_sub(closed.saturating_sub(created));
    println!("from end to memory_created: {} ms", took.as_millis());
    assert!(took < SOON, "{took:?}");
}

/// A call at a rate in which no sample is like another, and which ends in the middle of a frame.
fn uneven(rate: u32, seconds: u32) -> Recording {
    let mut recording = marked(Talk::random(u64::from(rate), rate, seconds, &[]).recording(), rate);
    let odd = recording.audio.user.len() - 77;
    recording.audio.user.truncate(odd);
    recording.audio.remote.truncate(odd);
    recording
}

/// Places a call, plays a recording to it and ends it at once.
async fn call(options: PhoneOptions, recording: &Recording, delivery: &Delivery) -> Conversation {
    for channel in Channel::BOTH {
        personal::protect_sound(&converted(recording.audio.get(channel), recording.sample_rate));
    }
    let mut phone = Phone::connect(options).await.expect("let in");
    phone.play(recording, delivery).await.expect("still there");
    let received = phone.hang_up(LIMIT).await;
    assert_eq!(received.close_code(), Some(1000));
    received.conversation().expect("memory_created").clone()
}
