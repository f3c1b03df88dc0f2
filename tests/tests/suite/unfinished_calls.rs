//! A call whose object cannot go on is finished all the same: when a bad setting is mended, without the feature that a bad setting is
//! for, and from what is stored where the object is lost. It takes minutes until then, so these begin early.

use std::fs;
use std::time::{Duration, Instant};

use fourwire_lab::app::{Delivery, Phone, PhoneOptions};
use fourwire_tests::playback::sides;
use fourwire_tests::world::SECRET;
use fourwire_tests::{Talk, World, http};
use fourwire_wire::conversation::ConversationStatus;
use fourwire_wire::frame::Channel;
use fourwire_wire::structured::SummaryBy;
use hyper::Method;
use serde_json::json;
use tokio::time::sleep;

use crate::summaries::{call, world};

const RATE: u32 = 16_000;
/// Has the archive refuse what a call stores.
const REFUSES: &str = r#"{"type":"inject","fault":"archive","refuse_ms":600000}"#;
/// A minute until a call that was left is ended, the waits of a wake-up that fails, and time for the rest.
const LIMIT: Duration = Duration::from_secs(200);

/// A call of seven seconds whose client is gone.
async fn left(world: &World, user: &str) -> PhoneOptions {
    let options = PhoneOptions { sample_rate: RATE, ..world.phone(user) };
    let mut phone = Phone::connect(options.clone()).await.expect("let in");
    let recording = Talk::random(93, RATE, 7, &[]).recording();
    phone.play(&recording, &Delivery { speed: 2.0, ..Delivery::default() }).await.expect("still there");
    let begun = Instant::now();
    while http::only_conversation(world.edge(), &options.token).await.audio.iter().any(|audio| audio.stored.get() == 0)
    {
        assert!(begun.elapsed() < LIMIT, "a chunk is stored every five seconds");
        sleep(Duration::from_millis(100)).await;
    }
    phone.vanish();
    options
}

#[tokio::test]
async fn a_mistyped_optional_setting_costs_its_feature_and_no_call() {
    let mut world = world().await;
    let options = left(&world, "mistyped-model").await;
    world.crash_into(|variables| {
        for setting in ["SUMMARY_URL", "WEBHOOK_URL", "PUSHER_URL", "RETENTION_DAYS"] {
            variables.insert(setting.to_owned(), "nowhere".into());
        }
    });
    let health = http::send(Method::GET, world.edge(), "/healthz", None).await;
    assert_eq!((health.status, health.body["problems"].as_array().map(Vec::len)), (503, Some(4)), "{}", health.text);
    // A call that begins now, and the one that was left.
    let (_, begun_now) = call(&world, "begins-anyway").await;
    assert_eq!(begun_now.summary_by, SummaryBy::Extract);
    let finished = http::wait_until_completed(world.edge(), &options.token, LIMIT).await;
    assert_eq!((finished.summary_by, finished.discarded), (SummaryBy::Extract, false));
}

#[tokio::test]
async fn a_call_that_cannot_be_read_is_tried_again_until_it_can() {
    let mut world = World::start().await;
    let options = left(&world, "unreadable-for-a-while").await;
    world.crash_into(|variables| {
        variables.insert("ENCRYPTION_SECRET".to_owned(), "another secret that cannot read anything".into());
    });
    // Its alarm comes, and finds a state that it cannot open.
    let begun = Instant::now();
    while world.logged("call_not_restored").is_empty() {
        assert!(begun.elapsed() < LIMIT, "the call's alarm comes after a minute");
        sleep(Duration::from_millis(200)).await;
    }
    world.crash_into(|variables| {
        variables.insert("ENCRYPTION_SECRET".to_owned(), SECRET.into());
    });
    let finished = http::wait_until_completed(world.edge(), &options.token, LIMIT).await;
    assert!(!finished.transcript_segments.is_empty());
}

#[tokio::test]
async fn a_call_whose_object_is_lost_is_finished_from_what_is_stored_or_forgotten_where_nothing_is() {
    let mut world = World::start().await;
    let spoken = left(&world, "lost-object").await;
    let silent = world.phone("lost-at-once");
    // Its first audio makes it a conversation, and the archive takes none of it.
    let mut lost = Phone::connect(silent.clone()).await.expect("let in");
    lost.send_text(REFUSES).await.expect("still there");
    lost.send_frame(Channel::User, &[0; 160]).await.expect("still there");
    let begun = Instant::now();
    while http::conversations(world.edge(), &silent.token).await.is_empty() {
        assert!(begun.elapsed() < LIMIT, "it is entered with its first audio");
        sleep(Duration::from_millis(100)).await;
    }
    world.workerd.kill();
    drop(lost);
    let objects =
        fs::read_dir(world.kept().join("do")).expect("objects are kept").map(|entry| entry.expect("one").path());
    let calls: Vec<_> = objects.filter(|path| path.to_string_lossy().ends_with("Call")).collect();
    let [calls] = calls.as_slice() else { panic!("where calls are kept: {calls:?}") };
    fs::remove_dir_all(calls).expect("it can be removed");
    world.crash();

    let finished = http::wait_until_completed(world.edge(), &spoken.token, LIMIT).await;
    assert_eq!(finished.status, ConversationStatus::Completed);
    let stored: Vec<_> = finished.audio.iter().map(|audio| audio.stored.seconds()).collect();
    assert!(stored.iter().all(|seconds| *seconds > 4.0), "{stored:?}");
    let heard = sides(world.edge(), &spoken.token, finished.id).await;
    assert_eq!(heard.user.len(), usize::try_from(finished.audio[0].samples.get()).expect("a length"));
    let begun = Instant::now();
    while !http::conversations(world.edge(), &silent.token).await.is_empty() {
        assert!(begun.elapsed() < LIMIT, "nothing was stored of it");
        sleep(Duration::from_millis(500)).await;
    }
    // Its client may come back, and begins anew.
    let silent = PhoneOptions { call_id: silent.call_id, ..world.phone("lost-at-once") };
    let again = Phone::connect(silent).await.expect("let in").hang_up(LIMIT).await;
    assert!(again.conversation().is_some(), "{again:?}");
}

#[tokio::test]
async fn an_error_in_one_task_of_a_user_keeps_no_other_from_being_done() {
    let mut world = world().await;
    world.lab.hook().answer([500]);
    let (options, conversation) = call(&world, "one-task-fails").await;
    let begun = Instant::now();
    while world.lab.hook().messages().is_empty() {
        assert!(begun.elapsed() < LIMIT, "the operator's server is notified");
        sleep(Duration::from_millis(100)).await;
    }
    world.crash_into(|variables| {
        variables.insert("RETENTION_DAYS".to_owned(), "soon".into());
    });
    // What is asked meanwhile must not plan the next try away.
    let path = format!("/v1/conversations/{}", conversation.id);
    assert_eq!(
        http::patch(world.edge(), &path, &options.token, &json!({ "starred": true }).to_string()).await.status,
        200
    );
    while world.lab.hook().messages().len() < 2 {
        assert!(begun.elapsed() < LIMIT, "it is tried again after a minute");
        sleep(Duration::from_millis(200)).await;
    }
}
