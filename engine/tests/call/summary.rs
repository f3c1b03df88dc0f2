//! What is made of the text when a call is over, and when a call is over.

use fourwire_engine::call::Session;
use fourwire_wire::conversation::{Conversation, Direction, Outcome, PhoneCall};
use fourwire_wire::pii::Pii;
use fourwire_wire::query::TimeZone;
use fourwire_wire::structured::{Structured, SummaryBy};
use fourwire_wire::units::UnixMillis;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::harness::client::Client;
use crate::harness::voice::words;
use crate::harness::world::Told;
use crate::harness::{BEGIN, Call};

/// A call of five seconds on its way, with or without words and a model.
fn call(count: u32, has_model: bool) -> Call {
    let mut call = if has_model { Call::with_model() } else { Call::new() };
    call.play(&Client::new(16_000, 5_000, words(0, count, 200, 900), words(100, count, 500, 900)));
    call.run_for(5_100);
    call
}

fn by_model() -> Structured {
    Structured::titled("Words Exchanged")
}

fn title(call: &Call) -> (&str, SummaryBy) {
    let conversation = call.conversation();
    (conversation.structured.title.expose(), conversation.summary_by)
}

#[test]
fn without_a_model_the_extract_is_there_at_once_and_says_that_it_is_one() {
    let mut call = call(5, false);
    call.end();
    call.run_for(3_000);
    assert!(call.session.is_done());
    let conversation = call.conversation();
    assert_eq!(conversation.summary_by, SummaryBy::Extract);
    assert!(conversation.structured.overview.expose().contains("w1"), "what was said is in it");
}

#[test]
fn a_client_may_say_who_the_other_party_is() {
    let mut call = call(5, false);
    call.text(r#"{"type":"contact","name":"Ann"}"#);
    call.evict_under_client(16_000);
    call.end();
    call.run_for(3_000);
    assert_eq!(call.conversation().contact_name, Some(Pii::new("Ann".to_owned())));
    assert!(call.conversation().structured.overview.expose().contains("Ann: "), "and what they said is told of them");
}

#[test]
fn the_first_time_zone_that_a_client_names_is_the_calls() {
    for (zones, kept) in [
        (&[][..], None),
        (&["America/New_York"], Some("America/New_York")),
        (&["America/New_York", "Europe/Berlin"], Some("America/New_York")),
    ] {
        let mut call = call(5, false);
        for zone in zones {
            call.time_zone(zone);
            call.evict_under_client(16_000);
        }
        call.end();
        call.run_for(3_000);
        let conversation = call.conversation();
        assert_eq!(conversation.time_zone.as_ref().map(TimeZone::as_str), kept);
        let mut reopened = serde_json::to_value(conversation).unwrap();
        let again = Session::reopen(serde_json::from_value(reopened.clone()).unwrap(), call.services());
        assert_eq!(again.conversation().time_zone, conversation.time_zone);
        reopened.as_object_mut().unwrap().remove("time_zone");
        let of_before: Conversation = serde_json::from_value(reopened).unwrap();
        assert_eq!(of_before.time_zone, None, "what was stored before there were zones is read");
    }
}

#[test]
fn a_call_without_words_is_titled_and_discarded() {
    for has_model in [false, true] {
        let mut call = call(0, has_model);
        call.end();
        call.run_for(3_000);
        assert!(call.session.is_done() && call.world.summaries.is_empty(), "nobody is asked about nothing");
        assert_eq!(title(&call), ("Phone call", SummaryBy::Nobody));
        assert!(call.conversation().discarded);
    }
}

#[test]
fn a_model_sums_up_what_both_said_before_the_client_is_told() {
    let mut call = call(5, true);
    call.end();
    call.run_for(4_000);
    let [(_, asked)] = call.world.summaries.as_slice() else { panic!("it is asked once") };
    assert_eq!(asked.transcript_segments.len(), 10);
    assert!(call.world.store.conversations.is_empty(), "nothing is stored before it has answered");
    call.summarised(Some(by_model()));
    call.run_for(100);
    assert_eq!(title(&call), ("Words Exchanged", SummaryBy::Model));
    assert!(call.world.told.iter().any(|(_, told)| matches!(told, Told::Finished(_))));
}

#[test]
fn a_model_that_fails_or_says_nothing_is_made_up_for() {
    for answers in [true, false] {
        let mut call = call(5, true);
        call.end();
        call.run_for(4_000);
        if answers {
            call.summarised(None);
        }
        call.run_for(if answers { 100 } else { 30_000 });
        assert!(call.session.is_done());
        assert_eq!(call.conversation().summary_by, SummaryBy::Extract);
    }
}

#[test]
fn a_client_that_comes_back_while_the_model_thinks_goes_on_and_all_is_summed_up_at_the_end() {
    let mut call = call(5, true);
    call.end();
    call.run_for(4_000);
    call.connect(16_000);
    call.summarised(Some(by_model()));
    call.run_for(1_000);
    assert!(!call.session.is_done(), "late news of the first summary ends nothing");
    call.end();
    call.run_for(4_000);
    assert_eq!(call.world.summaries.len(), 2);
    call.summarised(Some(by_model()));
    call.run_for(100);
    assert_eq!(title(&call).1, SummaryBy::Model);
}

#[test]
fn a_call_that_is_evicted_while_the_model_thinks_asks_again() {
    let mut call = call(5, true);
    call.end();
    call.run_for(4_000);
    call.evict();
    call.run_for(100);
    assert_eq!(call.world.summaries.len(), 2);
    call.summarised(Some(by_model()));
    call.run_for(100);
    assert_eq!(title(&call).1, SummaryBy::Model);
}

fn phone_call(outcome: Option<Outcome>) -> PhoneCall {
    let number = |text: &str| Pii::new(text.to_owned());
    PhoneCall {
        direction: Direction::Outbound,
        call_id: None,
        call_sid: "CA00000000000000000000000000000001".to_owned(),
        leg_sid: None,
        callee: number("+12025550142"),
        caller_id: number("+12025550100"),
        requested_at: UnixMillis::new(BEGIN),
        ringing_at: None,
        answered_at: None,
        ended_at: outcome.map(|_| UnixMillis::new(BEGIN + 5_000)),
        outcome,
        duration: None,
    }
}

#[test]
fn when_the_carrier_says_that_the_call_is_over_it_is_soon_over_here_too() {
    let mut call = call(5, false);
    call.told_of_phone_call(phone_call(None));
    call.run_for(10_000);
    assert!(!call.session.is_done());
    call.told_of_phone_call(phone_call(Some(Outcome::Completed)));
    call.run_for(4_500);
    assert!(!call.session.is_done(), "its last frames may still be on their way");
    call.run_for(2_000);
    assert!(call.session.is_done());
    assert_eq!(call.conversation().phone_call, Some(phone_call(Some(Outcome::Completed))));
}

#[test]
fn when_the_carrier_ends_a_call_whose_client_is_away_nobody_is_waited_for() {
    let mut call = call(5, false);
    call.disconnect();
    call.run_for(2_000);
    call.told_of_phone_call(phone_call(Some(Outcome::Completed)));
    call.run_for(1_500);
    assert!(call.session.is_done());
}
