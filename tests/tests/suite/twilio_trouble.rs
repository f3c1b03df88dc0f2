//! Twilio's API is slow or down while somebody wants to call: the caller hears so well within the time that Twilio waits
//! for an answer, nobody is dialled, and nothing of the user's is used up.

use std::time::Duration;

use fourwire_lab::LabOptions;
use fourwire_lab::twilio::{Fault, Operation};
use fourwire_tests::World;
use fourwire_tests::phone::caller::{Caller, only_sentence};
use fourwire_wire::conversation::Outcome;
use serde_json::Value;
use tokio::time::Instant;

const CALLEE: &str = "+12125551701";
const CANNOT_CHECK: &str = "Your caller ID cannot be checked right now. Please try again in a moment.";
/// Twilio gives a webhook 15 s.
const IN_TIME: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_call_in_twilio_s_trouble_is_refused_in_time_and_costs_the_user_nothing() {
    // Where there is one call a day, whatever is used up is noticed.
    let limits = ["CALLS_A_DAY", "CALLS_AT_ONCE"].map(|name| (name.to_owned(), Value::from("1")));
    let world = World::with(LabOptions::default(), |variables| variables.extend(limits)).await;
    let twilio = world.lab.twilio();
    let patient = Caller::new(&world, "troubled", "+12025551701").await;
    let other = Caller::new(&world, "troubled-too", "+12025551702").await;
    for fault in [Fault::Down, Fault::TooMany, Fault::Refuse { status: 401, code: 20_003 }] {
        twilio.fail_on(Operation::Fetch, 1, fault);
        is_told_in_time(&patient).await;
    }
    twilio.fail_on(Operation::Fetch, 1, Fault::Hang);
    twilio.fail_on(Operation::Fetch, 1, Fault::Slow(Duration::from_secs(30)));
    tokio::join!(is_told_in_time(&patient), is_told_in_time(&other));
    assert!(twilio.dialled().is_empty());

    for (caller, tries) in [(patient, 4), (other, 1)] {
        let calls = caller.user.calls().await;
        assert_eq!(calls.len(), tries);
        assert!(calls.iter().all(|call| call.outcome == Some(Outcome::Refused) && call.ended_at.is_some()));
        assert_eq!(caller.user.primary().await.as_ref(), Some(&caller.number), "the number is still the user's");
        twilio.fail_on(Operation::Fetch, 1, Fault::Slow(Duration::from_secs(1)));
        let _ = caller.dials(CALLEE).await;
    }
}

async fn is_told_in_time(caller: &Caller) {
    let begun = Instant::now();
    assert_eq!(only_sentence(&caller.calls(CALLEE).await), CANNOT_CHECK);
    assert!(begun.elapsed() < IN_TIME, "{:?}", begun.elapsed());
}
