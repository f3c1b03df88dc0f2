//! A fault of our own in one call touches no other call, and costs its own call no more than a moment.

use std::time::Duration;

use fourwire_lab::app::{Delivery, Phone, PhoneOptions};
use fourwire_lab::recording::Recording;
use fourwire_lab::tones::Script;
use fourwire_tests::{Spoken, Talk, World, assert_words_land, http};

const RATE: u32 = 16_000;
const LIMIT: Duration = Duration::from_secs(20);
const PANIC: &str = r#"{"type":"inject","fault":"panic"}"#;

#[tokio::test]
async fn a_panic_in_one_call_costs_another_call_nothing_and_its_own_call_goes_on() {
    let world = World::start().await;
    let healthy = PhoneOptions { sample_rate: RATE, ..world.phone("healthy") };
    let talk = Talk::random(51, RATE, 14, &[]);
    let bystander = async {
        let mut phone = Phone::connect(healthy).await.expect("let in");
        phone.play(&talk.recording(), &Delivery::default()).await.expect("the other call's fault is not ours");
        phone.hang_up(LIMIT).await
    };
    let struck = PhoneOptions { sample_rate: RATE, ..world.phone("struck") };
    let (received, spoken) = tokio::join!(bystander, call_with_a_panic(struck.clone()));

    assert_words_land(&received.segments, &talk.said());
    assert_eq!(received.close_code(), Some(1000));
    let lengths = received.conversation().expect("memory_created").audio.iter().map(|audio| audio.samples);
    assert!(lengths.into_iter().all(|length| length == talk.length()));

    let conversation = http::only_conversation(world.edge(), &struck.token).await;
    assert_words_land(&conversation.transcript_segments, &spoken.words);
    assert!(world.workerd.log().contains("injected fault"), "the fault was there");
}

/// A call that panics between two parts; what was said in both.
async fn call_with_a_panic(options: PhoneOptions) -> Spoken {
    let mut phone = Phone::connect(options.clone()).await.expect("let in");
    let mut spoken = Spoken::default();
    spoken.say(&mut phone, &Talk::random(52, RATE, 4, &[])).await;
    play_silence(&mut phone, 1_500).await;
    phone.send_text(PANIC).await.expect("still there");
    // The socket outlives the fault, or is closed; either way the phone goes on as soon as it can.
    play_silence(&mut phone, 1_000).await;
    let closed = phone.received().closing.is_some();
    if closed {
        phone = Phone::connect(options).await.expect("let in again");
    }
    spoken.say(&mut phone, &Talk::random(53, RATE, 4, &[])).await;
    let received = phone.hang_up(LIMIT).await;
    assert_eq!(received.close_code(), Some(1000), "closed after the fault: {closed}");
    spoken
}

/// Sends silence of both sides, as far as the connection takes it.
async fn play_silence(phone: &mut Phone, millis: u64) {
    let silence = Script::new(RATE).samples(millis);
    let _ = phone.play(&Recording::new(RATE, silence, vec![]), &Delivery::default()).await;
}
