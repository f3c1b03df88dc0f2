//! How much a user may call: at once, a day, and for how long.

use std::time::Duration;

use fourwire_lab::LabOptions;
use fourwire_lab::twilio::{CallEvent, Ending};
use fourwire_tests::phone::caller::{Caller, only_sentence};
use fourwire_tests::phone::strict_world;
use fourwire_tests::{World, http};
use futures_util::future::join_all;
use serde_json::{Value, json};

const LIMIT: &str = "Phone call limit reached. Goodbye.";
/// What the operator shows.
const KEY: &str = "the operator's key, of 32 letters";

#[tokio::test]
async fn of_calls_that_are_placed_at_the_same_moment_two_are_put_through() {
    let world = World::shared().await;
    let caller = Caller::new(world, "switchboard", "+12025551301").await;
    let placed = join_all((0..6).map(|_| caller.calls("+12125551301"))).await;
    let (dialled, refused): (Vec<_>, Vec<_>) = placed.iter().partition(|call| !call.legs.is_empty());
    assert_eq!((dialled.len(), refused.len()), (2, 4));
    for call in refused {
        assert_eq!(only_sentence(call), LIMIT);
    }
    let other = Caller::new(world, "switchboards-neighbour", "+12025551302").await;
    let _ = other.dials("+12125551301").await;

    // A call that rings or is talked on is one; a call that is over is none.
    let leg = &dialled[0].legs[0];
    for event in [CallEvent::Initiated, CallEvent::Ringing, CallEvent::Answered] {
        caller.told(leg, event).await;
        assert_eq!(only_sentence(&caller.calls("+12125551301").await), LIMIT, "{event:?}");
    }
    caller.ended(leg, Ending::Talked(1)).await;
    let _ = caller.dials("+12125551301").await;
    assert_eq!(only_sentence(&caller.calls("+12125551301").await), LIMIT);
    assert_eq!(caller.user.calls().await.len(), 3, "what is refused is no call");
}

#[tokio::test]
async fn a_day_has_so_many_calls_answered_or_not() {
    let caller = Caller::new(strict_world().await, "telemarketer", "+12025551303").await;
    for ending in [Ending::Busy, Ending::NoAnswer, Ending::Failed] {
        let leg = caller.dials("+12125551303").await;
        caller.ended(&leg, ending).await;
    }
    assert_eq!(only_sentence(&caller.calls("+12125551303").await), LIMIT);
}

#[tokio::test]
async fn a_call_ends_with_the_day_s_minutes_and_none_begins_that_would_be_over_at_once() {
    let caller = Caller::new(strict_world().await, "chatterbox", "+12025551304").await;
    let leg = caller.dials("+12125551304").await;
    assert_eq!(leg.time_limit, Some(Duration::from_mins(10)));
    caller.told(&leg, CallEvent::Answered).await;
    assert_eq!(only_sentence(&caller.calls("+12125551304").await), LIMIT, "the first call may still take them all");
    caller.ended(&leg, Ending::Talked(480)).await;
    let leg = caller.dials("+12125551304").await;
    assert_eq!(leg.time_limit, Some(Duration::from_mins(2)));
    caller.ended(&leg, Ending::Talked(61)).await;
    assert_eq!(only_sentence(&caller.calls("+12125551304").await), LIMIT, "59 seconds are left");
}

#[tokio::test]
async fn when_all_users_together_have_talked_as_long_as_they_may_nobody_is_put_through() {
    let limits = [("TOTAL_CALL_MINUTES_A_DAY", "2"), ("OPERATOR_KEY", KEY)];
    let limits = limits.map(|(name, value)| (name.to_owned(), Value::from(value)));
    let world = World::with(LabOptions::default(), |variables| variables.extend(limits)).await;
    let first = Caller::new(&world, "talks-for-all", "+12025551305").await;
    let other = Caller::new(&world, "comes-after-all", "+12025551306").await;
    let leg = first.dials("+12125551305").await;
    first.ended(&leg, Ending::Talked(119)).await;
    let leg = other.dials("+12125551306").await;
    // A report that comes twice counts once.
    for _ in 0..2 {
        other.ended(&leg, Ending::Talked(1)).await;
    }
    for caller in [&first, &other] {
        assert_eq!(only_sentence(&caller.calls("+12125551307").await), LIMIT);
    }
    let reached = json!({
        "level": "error", "event": "ceiling_reached", "counter": "dialled_seconds", "used": 120, "ceiling": 120
    });
    assert_eq!(world.logged_times("ceiling_reached", 1).await, [reached]);
    let usage = http::get(world.edge(), "/v1/operator/usage", KEY).await;
    assert_eq!(usage.body["usage"][1], json!({"counter": "dialled_seconds", "used": 120, "ceiling": 120}));
}
