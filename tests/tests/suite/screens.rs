//! What a client's screen shows is stored or still being said, and what became final while a client was away is sent when it is
//! back.

use std::time::Duration;

use fourwire_lab::app::{Delivery, Phone, PhoneOptions, Received};
use fourwire_lab::deepgram::{Blank, Fault, Which};
use fourwire_tests::{Talk, World};
use fourwire_wire::event::{ServerEvent, Status};
use fourwire_wire::segment::WireSegment;
use fourwire_wire::units::Samples;

const RATE: u32 = 16_000;
const LIMIT: Duration = Duration::from_mins(1);

/// What a screen or a transcript shows, by id.
fn lines(segments: &[WireSegment]) -> Vec<(String, String)> {
    let mut lines: Vec<_> =
        segments.iter().map(|segment| (segment.id.to_string(), segment.text.expose().clone())).collect();
    lines.sort();
    lines
}

fn withdrawn(received: &Received) -> usize {
    received.events().filter(|event| matches!(event, ServerEvent::SegmentsDeleted { .. })).count()
}

#[tokio::test]
async fn interim_words_that_come_to_nothing_are_withdrawn_from_who_was_shown_them_and_from_nobody_else() {
    let world = World::start().await;
    for from in [0, 1_500, 3_000] {
        world.lab.speech().arm(Which::All, Fault::Withdraw { from: Samples::from_millis(from) });
    }
    let [with, without] = [true, false].map(|interim| {
        let options = PhoneOptions { sample_rate: RATE, interim, ..world.phone(&format!("withdrawn-{interim}")) };
        tokio::spawn(async move {
            let mut phone = Phone::connect(options).await.expect("let in");
            let talk = Talk::dense(71, RATE, 8);
            phone.play(&talk.recording(), &Delivery::default()).await.expect("still there");
            phone.hang_up(LIMIT).await
        })
    });
    for (call, is_told) in [(with, true), (without, false)] {
        let received = call.await.expect("the call ends well");
        let stored = &received.conversation().expect("memory_created").transcript_segments;
        assert_eq!(lines(&received.segments), lines(stored));
        assert!(!stored.is_empty());
        assert_eq!(withdrawn(&received) > 0, is_told);
    }
}

#[tokio::test]
async fn results_with_odd_members_cost_no_word() {
    let world = World::start().await;
    for what in [Blank::SpeechFinal, Blank::Confidence, Blank::Words, Blank::Times] {
        world.lab.speech().heal();
        world.lab.speech().arm(Which::All, Fault::Nulls { from: Samples::ZERO, what });
        let options = PhoneOptions { sample_rate: RATE, ..world.phone(&format!("odd-{what:?}").to_lowercase()) };
        let mut phone = Phone::connect(options).await.expect("let in");
        let talk = Talk::random(72, RATE, 5, &[]);
        phone.play(&talk.recording(), &Delivery::default()).await.expect("still there");
        let received = phone.hang_up(LIMIT).await;
        let conversation = received.conversation().expect("memory_created");
        for channel in fourwire_wire::frame::Channel::BOTH {
            let heard = fourwire_lab::app::text(&conversation.transcript_segments, channel);
            assert_eq!(heard, talk.text(channel), "{what:?}");
        }
        let longest = talk.length().seconds();
        assert!(conversation.transcript_segments.iter().all(|segment| segment.start >= 0.0 && segment.end <= longest));
    }
}

#[tokio::test]
async fn a_phone_that_does_not_resume_gets_what_became_final_while_it_was_away() {
    let world = World::shared().await;
    let options = PhoneOptions { sample_rate: RATE, ..world.phone("away") };
    let mut phone = Phone::connect(options.clone()).await.expect("let in");
    let talk = Talk::dense(73, RATE, 5);
    phone.play(&talk.recording(), &Delivery::default()).await.expect("still there");
    // In the middle of what is being said, without a word.
    let mut screen = phone.vanish();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let phone = Phone::connect(options).await.expect("let in again");
    let received = phone.hang_up(LIMIT).await;
    let stored = &received.conversation().expect("memory_created").transcript_segments;
    screen.segments.retain(|known| received.segments.iter().all(|again| again.id != known.id));
    screen.segments.extend(received.segments.iter().cloned());
    assert_eq!(lines(&screen.segments), lines(stored));
    assert!(!received.segments.is_empty(), "the last words were not final when it vanished");
}

#[tokio::test]
async fn a_client_whose_messages_are_no_frames_is_told_that_nothing_is_recorded() {
    let world = World::start().await;
    let mut phone = Phone::connect(world.phone("no-frames")).await.expect("let in");
    for _ in 0..35 {
        phone.send_binary(vec![0; 1_921]).await.expect("still there");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let told = |received: &Received| received.statuses().any(|told| told.status == Status::AudioNotUnderstood);
    assert!(phone.listener().wait_until(LIMIT, told).await);
    let received = phone.hang_up(LIMIT).await;
    assert_eq!(received.statuses().filter(|told| told.status == Status::AudioNotUnderstood).count(), 1);
    world.logged_times("frames_not_understood", 1).await;
}
