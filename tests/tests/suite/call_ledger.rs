//! The list of a user's calls: what Twilio has told of each, in whatever order it told it, and of nobody else's.

use fourwire_lab::twilio::{CallEvent, Ending};
use fourwire_tests::World;
use fourwire_tests::phone::caller::Caller;
use fourwire_tests::phone::webhook::Webhook;
use fourwire_tests::phone::{PhoneUser, strict_world};
use fourwire_tests::world::user_object;
use fourwire_wire::conversation::{Outcome, PhoneCall};
use fourwire_wire::units::UnixMillis;
use serde_json::{Value, json};

const CALLEE: &str = "+12125551501";

#[tokio::test]
async fn a_call_is_listed_with_both_sides_names_numbers_times_and_its_end() {
    let world = World::shared().await;
    let caller = Caller::new(world, "bookkeeper", "+12025551501").await;
    let placed = caller.place(&caller.device().to(CALLEE).param("CallId", "call-1501")).await;
    let leg = &placed.legs[0];
    let listed = async || {
        let answer = caller.user.get("/v1/phone/calls").await;
        assert_eq!((answer.status, &answer.headers["cache-control"]), (200, &"no-store".parse().expect("a header")));
        let [call] = answer.body["calls"].as_array().expect("a list").as_slice() else { panic!("{}", answer.body) };
        call.clone()
    };
    let asked = listed().await;
    let time = |call: &Value, name: &str| {
        let text = call[name].as_str().unwrap_or_else(|| panic!("{name}: {call}"));
        UnixMillis::from_rfc3339(text).expect("a time")
    };
    let requested = time(&asked, "requested_at");
    let expected = json!({
        "direction": "outbound", "call_id": "call-1501", "call_sid": placed.call_sid, "leg_sid": null,
        "callee": CALLEE, "caller_id": "+12025551501", "requested_at": asked["requested_at"],
        "ringing_at": null, "answered_at": null, "ended_at": null, "outcome": null, "duration": null,
    });
    assert_eq!(asked, expected);

    caller.told(leg, CallEvent::Initiated).await;
    assert_eq!(listed().await["leg_sid"], *leg.call_sid);
    caller.told(leg, CallEvent::Ringing).await;
    let ringing = time(&listed().await, "ringing_at");
    caller.told(leg, CallEvent::Answered).await;
    let answered = time(&listed().await, "answered_at");
    caller.ended(leg, Ending::Talked(61)).await;
    let over = listed().await;
    assert_eq!((&over["outcome"], &over["duration"]), (&json!("completed"), &json!(61)));
    let moments = [requested, ringing, answered, time(&over, "ended_at")];
    assert!(moments.is_sorted(), "Twilio tells whole seconds, but nothing rings before it was asked for: {moments:?}");
}

#[tokio::test]
async fn reports_that_overtake_each_other_and_come_twice_tell_of_one_call() {
    let caller = Caller::new(World::shared().await, "out-of-order", "+12025551502").await;
    let leg = caller.dials(CALLEE).await;
    let ended = CallEvent::Completed(Ending::Talked(30));
    caller.told(&leg, ended).await;
    let first = only_call(&caller.user).await;
    assert_eq!((first.outcome, first.duration), (Some(Outcome::Completed), Some(30)));
    assert!(first.answered_at.is_some(), "they talked, so somebody has answered");
    for event in [CallEvent::Answered, CallEvent::Ringing, CallEvent::Initiated, ended, CallEvent::Ringing] {
        caller.told(&leg, event).await;
    }
    let then = only_call(&caller.user).await;
    assert!(then.ringing_at.is_some());
    assert_eq!(PhoneCall { ringing_at: None, ..then }, first, "nothing that was known has changed");
    // The first word about the end stands.
    caller.told(&leg, CallEvent::Completed(Ending::Failed)).await;
    assert_eq!(only_call(&caller.user).await.outcome, Some(Outcome::Completed));
}

#[tokio::test]
async fn a_call_that_nobody_answered_says_why_and_lasted_no_time() {
    let caller = Caller::new(World::shared().await, "unanswered", "+12025551503").await;
    for (ending, outcome) in [
        (Ending::Busy, Outcome::Busy),
        (Ending::NoAnswer, Outcome::NoAnswer),
        (Ending::Failed, Outcome::Failed),
        (Ending::Canceled, Outcome::Canceled),
    ] {
        let leg = caller.dials(CALLEE).await;
        caller.told(&leg, CallEvent::Initiated).await;
        caller.ended(&leg, ending).await;
        let newest = caller.user.calls().await.remove(0);
        assert_eq!((newest.outcome, newest.duration, newest.answered_at), (Some(outcome), Some(0), None));
        assert!(newest.ended_at.is_some());
    }
    let calls = caller.user.calls().await;
    assert_eq!(calls.len(), 4);
    assert!(calls.is_sorted_by(|a, b| a.requested_at >= b.requested_at), "the newest first");
}

#[tokio::test]
async fn reports_of_other_calls_and_for_other_users_change_nothing() {
    let world = World::shared().await;
    let caller = Caller::new(world, "reported-on", "+12025551504").await;
    let stranger = Caller::new(world, "not-reported-on", "+12025551505").await;
    let leg = caller.dials(CALLEE).await;
    let before = caller.user.calls().await;
    assert_eq!(stranger.user.calls().await, []);
    let callback = leg.status_callback().expect("the edge wants to be told");
    let (url, user) = callback.rsplit_once("?user=").expect("whose call it is");
    let path = url.strip_prefix(fourwire_tests::world::PUBLIC_ORIGIN).expect("at the edge");
    let report = |query: &str, parent: &str, leg: &str| {
        let fields =
            [("CallSid", leg), ("ParentCallSid", parent), ("CallStatus", "completed"), ("CallDuration", "7200")];
        Webhook::new(&format!("{path}{query}"), &fields)
    };
    let [unknown, other_leg] = [7, 8].map(|number| format!("CA{number:032}"));
    assert_eq!(user, user_object("reported-on"), "nobody reads in an address whose call it is");
    for (query, parent) in [
        (format!("?user={user}"), &unknown),
        (format!("?user={}", user_object("not-reported-on")), &leg.parent_call_sid),
        (format!("?user={}", user_object("nobody-at-all")), &leg.parent_call_sid),
    ] {
        let answer = report(&query, parent, &leg.call_sid).send(world).await;
        assert_eq!(answer.status, 204, "Twilio has asked properly: {query}");
    }
    for query in ["", "?user=", "?user=zz", "?user=6", "?user=0a", "?user=61", &format!("?user={user}&user={user}")] {
        let answer = report(query, &leg.parent_call_sid, &leg.call_sid).send(world).await;
        assert_eq!((answer.status, answer.code()), (400, "fields_invalid"), "{query}");
    }
    assert_eq!(caller.user.calls().await, before);
    assert_eq!(stranger.user.calls().await, []);

    // Once the callee's leg is known, another one's reports are not about it.
    caller.told(&leg, CallEvent::Initiated).await;
    assert_eq!(report(&format!("?user={user}"), &leg.parent_call_sid, &other_leg).send(world).await.status, 204);
    assert_eq!(only_call(&caller.user).await.outcome, None);
}

#[tokio::test]
async fn a_report_without_what_twilio_always_sends_is_refused() {
    let world = strict_world().await;
    let fields = [("CallSid", "CA00000000000000000000000000000001"), ("CallStatus", "completed")];
    let parent = ("ParentCallSid", "CA00000000000000000000000000000002");
    for fields in
        [&fields[..], &[fields[0], parent], &[fields[1], parent], &[fields[0], ("CallStatus", "odd"), parent], &[]]
    {
        let answer = Webhook::new(&format!("/v1/phone/calls/status?user={}", user_object("nobody-at-all")), fields)
            .send(world)
            .await;
        assert_eq!((answer.status, answer.code()), (400, "fields_invalid"), "{fields:?}");
    }
}

async fn only_call(user: &PhoneUser) -> PhoneCall {
    let mut calls = user.calls().await;
    assert_eq!(calls.len(), 1);
    calls.remove(0)
}
