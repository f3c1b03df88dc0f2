//! Calls of a user: which may begin, which may be dialled, and what the numbers' own objects say.

use std::collections::BTreeMap;

use fourwire_engine::phone::account::AccountError;
use fourwire_engine::phone::claim::{Failure, State};
use fourwire_engine::phone::ledger::{LegStatus, Progress};
use fourwire_engine::phone::number::PhoneNumber;
use fourwire_engine::phone::sid::{CallSid, CallerIdSid};
use fourwire_engine::quota::sessions::SessionError;
use fourwire_engine::user::{CallStart, DialDecision, DialRequest};
use fourwire_wire::conversation::Outcome;

use crate::world::{BEGIN, DAY, MINUTE, World, call};

fn number(last: u8) -> PhoneNumber {
    PhoneNumber::parse(&format!("+1202555014{last}")).unwrap()
}

fn caller_id(number: u8) -> CallerIdSid {
    CallerIdSid::parse(format!("PN{number:032x}")).unwrap()
}

fn sid(number: u8) -> CallSid {
    CallSid::parse(format!("CA{number:032x}")).unwrap()
}

fn dial(world: &World, sid: CallSid) -> DialDecision {
    let request = DialRequest { call_sid: sid, call_id: Some(call(1)), callee: number(9) };
    world.core().dial(request, world.now).unwrap()
}

/// A world in which the user has a verified number.
fn with_number(others: &[(&str, &str)]) -> World {
    let world = World::with(others);
    world.core().verify_number(&number(1), world.now).unwrap().unwrap();
    assert!(world.core().confirm_number(&number(1), caller_id(1), world.now).unwrap().is_some());
    world
}

#[test]
fn of_two_devices_that_dial_at_the_limit_one_is_connected() {
    let mut world = with_number(&[]);
    assert!(matches!(dial(&world, sid(1)), DialDecision::Granted(_)));
    assert!(matches!(dial(&world, sid(2)), DialDecision::LimitReached));
    // Twilio asks once more for the first one.
    assert!(matches!(dial(&world, sid(1)), DialDecision::AlreadyGranted(_)));
    let progress =
        Progress { leg_sid: sid(5), status: LegStatus::Ended(Outcome::Completed), at: world.now, duration: Some(60) };
    assert!(world.core().report_call(&sid(1), &progress).unwrap().is_some());
    assert!(world.core().report_call(&sid(1), &progress).unwrap().is_none(), "it is no news the second time");
    assert!(matches!(dial(&world, sid(1)), DialDecision::CallEnded));
    world.now = world.now + MINUTE;
    assert!(matches!(dial(&world, sid(2)), DialDecision::Granted(_)));
}

#[test]
fn a_call_that_was_refused_counts_for_nothing_and_opens_no_socket() {
    let world = with_number(&[("LISTEN_NEEDS_CALL", "true")]);
    assert!(matches!(world.start(1), CallStart::NoSuchCall));
    assert!(matches!(dial(&world, sid(1)), DialDecision::Granted(_)));
    assert!(matches!(world.start(1), CallStart::Go { .. }));
    world.core().refuse_call(&sid(1), world.now).unwrap();
    assert!(matches!(world.start(1), CallStart::NoSuchCall));
    assert!(matches!(dial(&world, sid(2)), DialDecision::Granted(_)));
}

#[test]
fn without_a_verified_number_nobody_is_called() {
    let world = World::new();
    assert!(matches!(dial(&world, sid(1)), DialDecision::NoVerifiedNumber));
    assert!(world.core().newest_calls().unwrap().is_empty());
}

#[test]
fn a_user_has_so_many_sessions_at_once_and_a_call_keeps_its_own() {
    let mut world = World::with(&[("SESSIONS_AT_ONCE", "2")]);
    world.begin_call(1);
    world.begin_call(2);
    assert!(matches!(world.start(3), CallStart::Refused(SessionError::TooMany)));
    assert!(matches!(world.start(2), CallStart::Go { is_registered: true, .. }));
}

#[test]
fn whoever_signed_in_before_a_sign_out_is_refused_and_the_running_calls_are_named() {
    let mut world = World::new();
    world.begin_call(1);
    world.begin_call(2);
    world.end_call(2);
    let mut running = world.core().sign_out(world.now + 1, world.now).unwrap();
    running.sort();
    // The second has ended and not given its slot back yet: it is asked, and knows nothing.
    assert_eq!(running, [call(1), call(2)]);
    assert!(matches!(world.start(1), CallStart::SignedOut));
    world.now = world.now + 2;
    assert!(matches!(world.start(1), CallStart::Go { is_registered: true, .. }));
}

#[test]
fn the_list_of_numbers_follows_what_the_numbers_say() {
    let world = with_number(&[]);
    for pending in 2..6 {
        world.core().verify_number(&number(pending), world.now).unwrap().unwrap();
    }
    let known = world.core().numbers().unwrap();
    let said = BTreeMap::from([
        (number(2).expose().to_owned(), State::Verified(caller_id(2))),
        (number(3).expose().to_owned(), State::Unknown),
        (number(4).expose().to_owned(), State::Ringing),
        (number(5).expose().to_owned(), State::Failed(Failure::NoAnswer)),
    ]);
    let states = known.pending.iter().map(|number| said[number.expose()].clone()).collect();
    let found = known.reconcile(states, &[false]);
    assert_eq!(found.confirmed, [(number(2), caller_id(2))]);
    assert_eq!(found.dropped, [number(3), number(1)]);
    assert_eq!(found.pending, [(number(4), State::Ringing), (number(5), State::Failed(Failure::NoAnswer))]);
}

#[test]
fn a_verification_that_was_given_up_meanwhile_makes_the_number_nobodys() {
    let world = World::new();
    world.core().verify_number(&number(1), world.now).unwrap().unwrap();
    world.core().drop_number(&number(1)).unwrap();
    assert_eq!(world.core().confirm_number(&number(1), caller_id(1), world.now).unwrap(), None);
    let unknown = with_number(&[]).core().numbers().unwrap().verified[0].id;
    assert_eq!(world.core().choose_number(unknown).unwrap(), Err(AccountError::Unknown));
}

#[test]
fn calls_are_forgotten_when_they_are_old_and_no_earlier_than_after_a_day() {
    let mut world = with_number(&[("RETENTION_DAYS", "1")]);
    assert!(matches!(dial(&world, sid(1)), DialDecision::Granted(_)));
    world.plan();
    world.pass(BEGIN + DAY);
    assert_eq!(world.core().newest_calls().unwrap().len(), 1);
    world.pass(BEGIN + DAY + MINUTE);
    assert_eq!(world.core().newest_calls().unwrap().len(), 0);
}
