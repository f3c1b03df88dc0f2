//! What is tried again, when, and for how long.

use fourwire_engine::user::follow_up::FollowUp;
use fourwire_engine::user::task::Task;
use fourwire_engine::user::unfinished::CallState;
use fourwire_engine::user::{Error, Job};
use fourwire_wire::conversation::ConversationStatus;

use crate::world::{BEGIN, DAY, MINUTE, World, entry, id, settings};

fn finished(world: &mut World) {
    world.begin_call(1);
    world.end_call(1);
}

#[test]
fn a_server_that_never_answers_is_notified_six_times_in_six_hours() {
    let mut world = World::new();
    finished(&mut world);
    world.refuse(|job| matches!(job, Job::FollowUp { .. }));
    world.core().enqueue(id(1), FollowUp::Webhook, world.now).unwrap();
    world.plan();
    world.pass(BEGIN + DAY);
    assert_eq!(world.times("notify"), [0.0, 1.0, 5.0, 21.0, 85.0, 341.0]);
    assert_eq!(world.database.count("duties"), 0);
}

#[test]
fn a_server_that_comes_back_is_notified_once() {
    let mut world = World::new();
    finished(&mut world);
    world.refuse(|job| matches!(job, Job::FollowUp { .. }));
    world.core().enqueue(id(1), FollowUp::Webhook, world.now).unwrap();
    world.plan();
    world.pass(BEGIN + 10 * MINUTE);
    world.refuse(|_| false);
    world.pass(BEGIN + DAY);
    assert_eq!(world.times("notify"), [0.0, 1.0, 5.0, 21.0]);
}

#[test]
fn a_model_that_has_just_failed_is_asked_after_a_minute() {
    let mut world = World::new();
    finished(&mut world);
    world.core().enqueue(id(1), FollowUp::Summary, world.now).unwrap();
    world.plan();
    world.pass(BEGIN + DAY);
    assert_eq!(world.times("sum up"), [1.0]);
}

#[test]
fn a_mistyped_setting_counts_as_a_try_and_is_named_with_the_conversation() {
    let mut world = World::new();
    finished(&mut world);
    world.core().enqueue(id(1), FollowUp::Summary, world.now).unwrap();
    world.core().enqueue(id(1), FollowUp::Webhook, world.now).unwrap();
    world.plan();
    world.config =
        settings(&[("SUMMARY_MODEL", "one"), ("SUMMARY_URL", "nowhere"), ("WEBHOOK_URL", "http://far.example")]);
    world.pass(BEGIN + 2 * MINUTE);
    assert!(world.jobs.is_empty(), "{:?}", world.jobs);
    assert!(!world.failures.is_empty());
    for failure in &world.failures {
        assert_eq!((failure.task, failure.conversation), (Task::FollowUps, Some(id(1))));
        assert!(matches!(&failure.error, Error::Config(_)), "{failure:?}");
    }
    world.config = settings(&[]);
    world.pass(BEGIN + DAY);
    assert_eq!((world.times("sum up").len(), world.times("notify").len()), (1, 1));
}

#[test]
fn without_a_server_nobody_is_notified_and_what_was_deleted_is_forgotten() {
    let mut world = World::with(&[("WEBHOOK_URL", ""), ("WEBHOOK_SECRET", "")]);
    finished(&mut world);
    world.core().enqueue(id(1), FollowUp::Webhook, world.now).unwrap();
    world.core().enqueue(id(2), FollowUp::Summary, world.now).unwrap();
    world.plan();
    world.pass(BEGIN + 2 * MINUTE);
    assert_eq!((world.jobs.len(), world.database.count("duties")), (0, 0));
}

#[test]
fn a_call_that_never_reported_its_end_is_asked_after_and_finished() {
    let mut world = World::new();
    world.begin_call(1);
    world.calls.clear();
    world.refuse(|job| matches!(job, Job::AskCall { .. }));
    world.pass(BEGIN + 4 * MINUTE);
    // Two minutes after its beginning, and then ever later.
    assert_eq!(world.times("ask"), [2.0, 2.25, 2.75, 3.75]);
    world.refuse(|job| matches!(job, Job::FinishCall { .. }));
    world.pass(BEGIN + 10 * MINUTE);
    assert!(!world.times("finish").is_empty());
    world.refuse(|_| false);
    world.pass(BEGIN + DAY);
    let found = world.core().find(id(1), world.now).unwrap().unwrap();
    assert_eq!(found.entry.status, ConversationStatus::Completed);
    assert_eq!((world.times("sum up").len(), world.times("notify").len()), (1, 1));
    assert_eq!(world.database.count("unfinished"), 0);
}

#[test]
fn a_call_of_which_nothing_was_stored_leaves_nothing() {
    let mut world = World::new();
    world.begin_call(1);
    world.calls.clear();
    world.folders.clear();
    world.pass(BEGIN + DAY);
    assert!(!world.has(1));
    assert_eq!(world.database.count("pending_deletions"), 0);
}

#[test]
fn a_call_that_cannot_be_read_is_finished_once_it_must_be_over() {
    let mut world = World::new();
    world.begin_call(1);
    world.calls.insert(id(1), CallState::Unreadable);
    world.pass(BEGIN + DAY);
    assert_eq!(world.times("finish"), [250.0], "four hours and ten minutes");
}

#[test]
fn a_run_that_is_cut_off_is_made_up_for_after_seconds_and_then_ever_later() {
    let mut world = World::new();
    finished(&mut world);
    world.core().enqueue(id(1), FollowUp::Webhook, world.now).unwrap();
    let mut waits = Vec::new();
    for _ in 0..4 {
        world.dies_after = Some(0);
        world.run(&Task::ALL);
        let alarm = world.alarm.unwrap();
        waits.push(alarm.since(world.now) / 1_000);
        world.now = alarm;
    }
    assert_eq!(waits, [15, 30, 60, 120]);
    world.run(&Task::ALL);
    assert_eq!(world.times("notify").len(), 1);
}

#[test]
fn what_is_old_goes_with_its_audio_and_its_calls() {
    let mut world = World::new();
    finished(&mut world);
    world.pass(BEGIN + 29 * DAY);
    assert!(world.has(1));
    world.begin_call(2);
    world.end_call(2);
    world.pass(BEGIN + 31 * DAY);
    assert_eq!((world.has(1), world.has(2)), (false, true));
    assert_eq!(world.folders.iter().collect::<Vec<_>>(), [&id(2)]);
    assert_eq!(world.times("clear"), [30.0 * 24.0 * 60.0 + 1.0 / 60_000.0]);
}

#[test]
fn a_retention_that_cannot_be_read_deletes_nothing() {
    let mut world = World::with(&[("RETENTION_DAYS", "a month")]);
    finished(&mut world);
    world.pass(BEGIN + 100 * DAY);
    assert!(world.has(1));
}

#[test]
fn a_conversation_in_which_nothing_was_said_goes_unless_it_changes() {
    let mut world = World::new();
    for number in [1, 2] {
        world.begin_call(number);
        world.end_call(number);
        world.core().expire(id(number), world.now).unwrap();
    }
    world.core().upsert(&entry(2, BEGIN, ConversationStatus::Completed), world.now).unwrap();
    world.plan();
    world.pass(BEGIN + 2 * DAY);
    assert_eq!((world.has(1), world.has(2)), (false, true));
}

#[test]
fn a_deletion_is_gone_on_with_until_nothing_is_left() {
    let mut world = World::new();
    finished(&mut world);
    world.refuse(|job| matches!(job, Job::Clear { .. }));
    assert!(world.core().delete(id(1), world.now).unwrap());
    world.run(&[Task::Deletions]);
    assert!(!world.has(1), "its key is gone at once");
    world.pass(BEGIN + 3 * DAY);
    let times = world.times("clear");
    let waits: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(waits[..8], [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0]);
    assert!(waits[8..].iter().all(|wait| (*wait - 60.0).abs() < f64::EPSILON), "{waits:?}");
    world.refuse(|_| false);
    world.pass(BEGIN + 4 * DAY);
    assert_eq!((world.folders.len(), world.database.count("pending_deletions")), (0, 0));
    assert!(!world.core().delete(id(1), world.now).unwrap());
}
