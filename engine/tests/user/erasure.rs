//! A user has everything deleted: whatever happens on the way, nothing is left.

use fourwire_engine::phone::number::PhoneNumber;
use fourwire_engine::phone::sid::CallerIdSid;
use fourwire_engine::user::task::Task;
use fourwire_engine::user::{CallStart, Job};
use fourwire_wire::conversation::ConversationStatus;
use proptest::prelude::*;

use crate::world::{BEGIN, DAY, MINUTE, World, entry, id, settings};

fn number(last: u8) -> PhoneNumber {
    PhoneNumber::parse(&format!("+1202555014{last}")).unwrap()
}

fn with_numbers(world: &World) {
    world.core().verify_number(&number(1), world.now).unwrap().unwrap();
    let caller_id = CallerIdSid::parse(format!("PN{:032x}", 1)).unwrap();
    assert!(world.core().confirm_number(&number(1), caller_id, world.now).unwrap().is_some());
    world.core().verify_number(&number(2), world.now).unwrap().unwrap();
}

fn erase(world: &mut World) {
    world.core().erase(world.now).unwrap();
    world.plan();
    world.run(&[Task::Deletions, Task::Erasure]);
}

#[test]
fn an_account_is_deleted_in_the_middle_of_a_call() {
    let mut world = World::new();
    with_numbers(&world);
    world.begin_call(1);
    world.begin_call(2);
    world.end_call(2);
    let CallStart::Go { entry: third, key, .. } = world.start(3) else { panic!("it may begin") };
    world.now = BEGIN + MINUTE;
    erase(&mut world);
    let ended = format!("end and clear {}", id(1));
    assert_eq!(world.times(&ended), [1.0]);
    assert_eq!(world.times("release").len(), 2);
    assert!(!world.has(1) && !world.has(2));
    // What comes of the running calls afterwards brings nothing back, and is cleared.
    assert!(matches!(world.start(1), CallStart::NoSuchCall));
    assert!(matches!(world.start(3), CallStart::NoSuchCall), "before its first audio too");
    world.core().register(&third, &key, world.now).unwrap();
    assert!(!world.has(3));
    world.folders.insert(id(1));
    assert!(!world.core().upsert(&entry(1, BEGIN, ConversationStatus::Completed), world.now).unwrap());
    world.plan();
    world.pass(BEGIN + 2 * MINUTE);
    assert!(world.folders.is_empty());
    world.pass(BEGIN + DAY);
    assert!(!world.is_forgotten, "the last day's calls count for their limits");
    world.pass(BEGIN + DAY + 2 * MINUTE);
    assert!(world.is_forgotten);
    assert_eq!(world.alarm, None);
}

#[test]
fn each_hop_that_is_lost_is_made_anew() {
    for lost in [
        (|job: &Job| matches!(job, Job::Clear { call: Some(_), .. })) as fn(&Job) -> bool,
        |job| matches!(job, Job::Clear { call: None, .. }),
        |job| matches!(job, Job::Release(_)),
        |job| matches!(job, Job::Forget),
        |_| true,
    ] {
        let mut world = World::new();
        with_numbers(&world);
        world.begin_call(1);
        world.begin_call(2);
        world.end_call(2);
        world.refuse(lost);
        erase(&mut world);
        world.pass(BEGIN + 2 * DAY);
        assert!(!world.is_forgotten);
        assert!(world.alarm.is_some(), "it is gone on with");
        world.refuse(|_| false);
        world.pass(BEGIN + 4 * DAY);
        assert!(world.is_forgotten && world.folders.is_empty() && world.calls.is_empty());
    }
}

#[test]
fn a_deletion_that_is_cut_off_at_its_first_step_is_gone_on_with() {
    let mut world = World::new();
    world.begin_call(1);
    world.end_call(1);
    world.core().delete(id(1), world.now).unwrap();
    world.plan();
    world.dies_after = Some(0);
    world.run(&[Task::Deletions]);
    assert!(world.folders.contains(&id(1)));
    world.pass(BEGIN + MINUTE);
    assert!(world.folders.is_empty());
}

#[test]
fn whoever_begins_anew_within_the_day_is_not_forgotten() {
    let mut world = World::new();
    erase(&mut world);
    world.now = BEGIN + MINUTE;
    world.begin_call(7);
    world.end_call(7);
    world.pass(BEGIN + 3 * DAY);
    assert!(!world.is_forgotten && world.has(7));
}

#[test]
fn everything_is_sealed_anew_and_the_numbers_are_named_whose_objects_are_to_do_so_too() {
    let old = "an old secret of the tests that is long enough";
    let new = "a new secret of the tests that is long enough";
    let mut world = World::with(&[("ENCRYPTION_SECRET", old)]);
    with_numbers(&world);
    world.begin_call(1);
    world.config = settings(&[("ENCRYPTION_SECRET", &format!("{new},{old}"))]);
    let (count, numbers) = world.core().reseal(world.now).unwrap();
    assert_eq!((count, numbers), (4, vec![number(1), number(2)]), "entry, key, account, sessions");
    world.config = settings(&[("ENCRYPTION_SECRET", new)]);
    assert!(world.has(1));
    assert_eq!(world.core().numbers().unwrap().verified.len(), 1);
}

/// What happens to a user's object.
#[derive(Clone, Debug)]
enum Happens {
    Begin(u8),
    End(u8),
    /// A call's object is lost.
    Lose(u8),
    Delete(u8),
    Minutes(u64),
    /// The machine dies after so many further jobs.
    Die(usize),
    /// Nothing is done from now on, or everything.
    Refuse(bool),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        (0..4_u8).prop_map(Happens::Begin),
        (0..4_u8).prop_map(Happens::End),
        (0..4_u8).prop_map(Happens::Lose),
        (0..4_u8).prop_map(Happens::Delete),
        (0..400_u64).prop_map(Happens::Minutes),
        (0..3_usize).prop_map(Happens::Die),
        any::<bool>().prop_map(Happens::Refuse),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_nothing_is_left_and_every_call_is_finished(story in proptest::collection::vec(happens(), 0..30)) {
        let mut world = World::with(&[("RETENTION_DAYS", "0")]);
        for happens in story {
            match happens {
                Happens::Begin(number) => {
                    if matches!(world.start(number), CallStart::Go { is_registered: false, .. }) {
                        world.begin_call(number);
                    }
                }
                Happens::End(number) if world.has(number) => world.end_call(number),
                Happens::Lose(number) => { world.calls.remove(&id(number)); }
                Happens::Delete(number) => {
                    world.core().delete(id(number), world.now).unwrap();
                    world.plan();
                    world.run(&[Task::Deletions]);
                }
                Happens::Minutes(minutes) => world.pass(world.now + minutes * MINUTE),
                Happens::Die(jobs) => world.dies_after = Some(jobs),
                Happens::Refuse(is_refused) => world.refuse(move |_| is_refused),
                Happens::End(_) => {}
            }
        }
        world.refuse(|_| false);
        world.dies_after = None;
        world.calls.clear();
        world.pass(world.now + 3 * DAY);
        for number in 0..4 {
            if let Some(found) = world.core().find(id(number), world.now).unwrap() {
                prop_assert_eq!(found.entry.status, ConversationStatus::Completed);
            } else {
                prop_assert!(!world.folders.contains(&id(number)), "audio without a conversation");
            }
        }
        for table in ["unfinished", "pending_deletions", "duties"] {
            prop_assert_eq!(world.database.count(table), 0, "{}", table);
        }
        prop_assert_eq!(world.alarm, None, "nothing is to be done");
        erase(&mut world);
        world.pass(world.now + 2 * DAY);
        prop_assert!(world.is_forgotten && world.folders.is_empty());
    }
}
