//! The speech service fails one side of a call in every way it can. The other side's captions go on live, the client is
//! told which side stopped and why, and what was said meanwhile is captioned once the service is back, and once only.

use std::time::Duration;

use fourwire_lab::app::{Delivery, Message, Phone, PhoneOptions, Received};
use fourwire_lab::deepgram::{Fault, Refusal, RefusalKind, Speech, Which};
use fourwire_lab::recording::Recording;
use fourwire_tests::{Talk, World, assert_words_land};
use fourwire_wire::event::{ServerEvent, ServiceStatus, SpeechFault, Status};
use fourwire_wire::frame::{Channel, PerChannel};
use fourwire_wire::units::Samples;

const RATE: u32 = 16_000;
const SECONDS: u32 = 16;
/// The numbers of the first streams of the two sides; those after them are tries to replace one.
const USERS_STREAM: usize = 1;
const FIRST_RETRY: usize = 3;
/// When a stream breaks that had begun well.
const BREAKS_AT: Duration = Duration::from_secs(4);
/// How soon a client must know that captions have stopped.
const NOTICE: Duration = Duration::from_secs(5);
/// How soon a healthy side's words come: the pause that ends an utterance, and what a busy machine needs.
const LIVE: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_service_that_refuses_is_tried_until_it_takes_the_stream() {
    let refuse = |status, code| Fault::Refuse(Refusal::new(status, code, "No."));
    let (failed, received) = user_side_breaks(&talk(), |speech| {
        speech.arm(Which::Nth(USERS_STREAM), refuse(503, "SERVICE_UNAVAILABLE"));
        speech.arm(Which::Nth(FIRST_RETRY), refuse(500, "INTERNAL_SERVER_ERROR"));
        speech.arm(Which::Nth(FIRST_RETRY + 1), refuse(429, "TOO_MANY_REQUESTS"));
    })
    .await;
    assert_eq!(failed.reason, Some(SpeechFault::Refused));
    let refusals = received.statuses().filter(|status| status.status == Status::SttFailed);
    let waits: Vec<_> = refusals.map(|status| (status.retryable, status.retry_after)).collect();
    assert_eq!(waits, [1.0, 2.0, 4.0].map(|wait| (Some(true), Some(wait))), "the client is told what happens next");
}

#[tokio::test]
async fn a_service_that_never_answers_the_handshake_is_given_up() {
    let (failed, _) = user_side_breaks(&talk(), |speech| speech.arm(Which::Nth(USERS_STREAM), Fault::Hang)).await;
    assert_eq!(failed.reason, Some(SpeechFault::Timeout));
}

#[tokio::test]
async fn a_stream_that_is_dropped_is_replaced() {
    let at = Samples::from_seconds(BREAKS_AT.as_secs_f64());
    let (failed, _) =
        user_side_breaks(&talk(), |speech| speech.arm(Which::Nth(USERS_STREAM), Fault::Drop { at })).await;
    assert_eq!(failed.reason, Some(SpeechFault::Closed));
}

#[tokio::test]
async fn a_stream_that_the_service_closes_with_an_error_is_replaced() {
    let at = Samples::from_seconds(BREAKS_AT.as_secs_f64());
    let close = Fault::Close { at, code: 1011, reason: "NET-0000".to_owned() };
    let (failed, _) = user_side_breaks(&talk(), |speech| speech.arm(Which::Nth(USERS_STREAM), close)).await;
    assert_eq!(failed.reason, Some(SpeechFault::Closed));
}

#[tokio::test]
async fn a_service_that_falls_silent_while_speech_flows_counts_as_dead_within_five_seconds() {
    let from = Samples::from_seconds(BREAKS_AT.as_secs_f64());
    let silent = |speech: &Speech| speech.arm(Which::Nth(USERS_STREAM), Fault::Silent { from });
    let (failed, _) = user_side_breaks(&talk(), silent).await;
    assert_eq!(failed.reason, Some(SpeechFault::Quiet));

    // How soon it is noticed is a matter of how much is said, so here both sides hardly stop.
    let talk = Talk::dense(12, RATE, SECONDS);
    let received = call_with(&talk, silent).await;
    let (told, failed) = first_status(&received, Status::SttFailed);
    assert_eq!((failed.channel, failed.reason), (Some(Channel::User), Some(SpeechFault::Quiet)));
    assert!(told <= BREAKS_AT + NOTICE, "told after {told:?}");
    for channel in Channel::BOTH {
        assert_eq!(received.text(channel), talk.text(channel));
    }
}

#[tokio::test]
async fn a_client_that_connects_while_captions_are_stopped_is_told_so() {
    let world = World::start().await;
    world.lab.speech().arm(Which::All, Fault::Refuse(Refusal::of(RefusalKind::Unavailable)));
    let options = world.phone("fault-newcomer");
    let mut first = Phone::connect(options.clone()).await.expect("let in");
    first.send_frame(Channel::Remote, &[0; 1600]).await.expect("still there");
    let failed = |received: &Received| received.statuses().any(|status| status.status == Status::SttFailed);
    assert!(first.listener().wait_until(NOTICE, failed).await);
    let second = Phone::connect(options).await.expect("let in");
    assert!(second.listener().wait_until(NOTICE, failed).await);
    let received = second.received();
    let (_, status) = first_status(&received, Status::SttFailed);
    assert_eq!((status.channel, status.reason), (Some(Channel::Remote), Some(SpeechFault::Refused)));
}

fn talk() -> Talk {
    Talk::random(11, RATE, SECONDS, &[])
}

/// A call whose user side's captions break as `arm` orders. Checks what holds for every fault, and returns what the client
/// was told of this one.
async fn user_side_breaks(talk: &Talk, arm: impl FnOnce(&Speech)) -> (ServiceStatus, Received) {
    let received = call_with(talk, arm).await;
    assert_words_land(&received.segments, &talk.said());
    let stored = received.conversation().expect("memory_created");
    assert_words_land(&stored.transcript_segments, &talk.said());

    let (failed_at, failed) = first_status(&received, Status::SttFailed);
    let (restored_at, restored) = first_status(&received, Status::SttRestored);
    assert!(failed_at < restored_at, "{failed_at:?}, {restored_at:?}");
    assert_eq!([failed.channel, restored.channel], [Some(Channel::User); 2]);
    assert!(received.statuses().all(|status| status.channel != Some(Channel::Remote)), "the other side is well");
    assert_live(&received, Channel::Remote);
    (failed, received)
}

/// Plays a call in a world whose speech service has faults. The user's side begins first, so that it has the first stream.
async fn call_with(talk: &Talk, arm: impl FnOnce(&Speech)) -> Received {
    let world = World::start().await;
    arm(world.lab.speech());
    let options = PhoneOptions { sample_rate: RATE, ..world.phone("broken-captions") };
    let mut phone = Phone::connect(options).await.expect("let in");
    let (first, rest) = split(&talk.recording(), 160);
    for (index, channel) in Channel::BOTH.into_iter().enumerate() {
        phone.send_frame(channel, first.get(channel)).await.expect("still there");
        assert!(world.lab.speech().wait_until(NOTICE, |streams| streams.len() > index).await);
    }
    phone.play(&rest, &Delivery::default()).await.expect("still there");
    let received = phone.hang_up(Duration::from_secs(30)).await;
    assert_eq!(received.close_code(), Some(1000));
    received
}

/// The first samples of both channels, and the rest.
fn split(recording: &Recording, at: usize) -> (PerChannel<Vec<i16>>, Recording) {
    let part = |range: std::ops::Range<usize>| {
        PerChannel::from_fn(|channel| recording.audio.get(channel)[range.clone()].to_vec())
    };
    let rest = part(at..recording.audio.user.len());
    (part(0..at), Recording::new(recording.sample_rate, rest.user, rest.remote))
}

/// The first status of a kind, and when it came.
fn first_status(received: &Received, wanted: Status) -> (Duration, ServiceStatus) {
    let found = received.arrivals.iter().find_map(|arrival| match &arrival.message {
        Message::Event(ServerEvent::ServiceStatus(status)) if status.status == wanted => {
            Some((arrival.at, status.clone()))
        }
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no {wanted:?} among {:?}", received.statuses().collect::<Vec<_>>()))
}

/// Asserts that a side's words came while the call ran, soon after they were said.
fn assert_live(received: &Received, channel: Channel) {
    for arrival in &received.arrivals {
        let Message::Segments(segments) = &arrival.message else { continue };
        for segment in segments.iter().filter(|segment| segment.is_user == (channel == Channel::User)) {
            let late = arrival.at.saturating_sub(Duration::from_secs_f64(segment.end));
            assert!(late <= LIVE, "a word of {:.1} s came {late:?} late", segment.end);
        }
    }
}
