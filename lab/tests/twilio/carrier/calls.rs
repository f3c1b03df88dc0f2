//! A call from a browser: the application is asked and told, the telephone rings, and each side may hang up.

use std::time::Duration;

use fourwire_lab::carrier::{Answer, Callee, CarrierOptions, Ended, Voice};
use fourwire_lab::twilio::{AUTH_TOKEN, Ending};
use serde_json::json;

use super::browser::{BOB, Browser, SHORT, World};
use super::phone::{Offered, Phone};
use crate::support::{ANN, token};

const PCMU: &[Offered] = &[Offered::Pcmu];

#[tokio::test]
async fn the_application_is_asked_and_told_until_the_caller_hangs_up() {
    let world = World::new().await;
    let mut browser = Browser::connect(&world.lab).await;
    let (_phone, call_sid, _) = browser.talk(PCMU).await;
    assert_eq!(world.told(3).await, ["initiated", "ringing", "in-progress"], "while they talk");
    browser.hang_up(&call_sid).await;
    assert_eq!(world.told(4).await[3], "completed");
    assert!(browser.is_quiet().await, "what the browser did it is not told");

    let seen = world.application.seen();
    let asked = &seen[0];
    for (name, value) in [
        ("From", "client:ann"),
        ("To", BOB),
        ("Note", "a b&c"),
        ("CallSid", &call_sid),
        ("Direction", "inbound"),
        ("CallStatus", "ringing"),
    ] {
        assert_eq!(asked.field(name), value, "{name}");
    }
    assert!(seen.iter().all(|one| one.is_signed(AUTH_TOKEN, &world.application.origin)));
    let progress = &seen[1..];
    assert!(progress.iter().all(|one| one.field("ParentCallSid") == call_sid && one.field("From") == ANN));
    let numbers: Vec<_> = progress.iter().map(|one| one.field("SequenceNumber")).collect();
    assert_eq!(numbers, ["0", "1", "2", "3"]);

    let call = world.over().await;
    assert_eq!((call.call_sid, call.ended), (call_sid, Some(Ended::ByCaller)));
    assert_eq!((call.identity.expose().as_str(), call.callee.unwrap().into_inner()), ("ann", BOB.to_owned()));
    let times = call.times;
    assert!(times.placed <= times.ringing.unwrap() && times.ringing <= times.answered && times.answered <= times.ended);
}

#[tokio::test]
async fn a_call_that_is_never_answered_ends_as_its_number_says() {
    let world = World::new().await;
    for (number, ending, told) in [
        ("+12025550002", Ending::NoAnswer, &["initiated", "ringing", "no-answer"][..]),
        ("+12025550005", Ending::Busy, &["initiated", "ringing", "busy"]),
        ("+12025550006", Ending::Failed, &["initiated", "failed"]),
    ] {
        world.dials(number, "");
        let before = world.told(0).await.len();
        let mut browser = Browser::connect(&world.lab).await;
        let (_phone, call_sid) = browser.call(PCMU).await;
        assert_eq!(browser.expect("hangup").await, json!({ "callsid": call_sid }), "an end like any other");
        assert_eq!(world.told(before + told.len()).await[before..], *told);
        let call = world.over().await;
        assert_eq!((call.ended, call.callee, call.times.answered), (Some(Ended::NotAnswered(ending)), None, None));
    }
}

#[tokio::test]
async fn a_dial_gives_up_when_it_has_rung_for_long_enough() {
    let world = World::new().await;
    world.dials(BOB, r#"timeout="5""#);
    world.lab.carrier().callee(BOB, Callee::default().ring(Duration::from_mins(10)));
    let mut browser = Browser::connect(&world.lab).await;
    let (_phone, _) = browser.call(PCMU).await;
    browser.expect("hangup").await;
    assert_eq!(world.told(3).await, ["initiated", "ringing", "no-answer"]);
}

#[tokio::test]
async fn a_test_says_what_a_telephone_does() {
    let world = World::new().await;
    for (answer, told) in
        [(Answer::Busy, "busy"), (Answer::Nobody, "no-answer"), (Answer::Unreachable, "failed"), (Answer::PicksUp, "")]
    {
        let number = if answer == Answer::PicksUp { "+12025550005" } else { BOB };
        world.lab.carrier().callee(number, Callee::who_says(Voice::Silence).answer(answer));
        world.dials(number, "");
        let mut browser = Browser::connect(&world.lab).await;
        let (_phone, call_sid) = browser.call(PCMU).await;
        if answer == Answer::PicksUp {
            browser.expect("answer").await;
            browser.hang_up(&call_sid).await;
        } else {
            browser.expect("hangup").await;
            let ended = world.over().await.ended;
            assert!(matches!(ended, Some(Ended::NotAnswered(_))), "{told}: {ended:?}");
        }
    }
    world.until(|calls| calls.len() == 4 && calls[3].ended == Some(Ended::ByCaller)).await;
}

#[tokio::test]
async fn a_caller_who_hangs_up_while_it_rings_cancels_it() {
    let world = World::new().await;
    world.lab.carrier().callee(BOB, Callee::default().ring(Duration::from_mins(10)));
    let mut browser = Browser::connect(&world.lab).await;
    let (_phone, call_sid) = browser.call(PCMU).await;
    world.told(2).await;
    browser.hang_up(&call_sid).await;
    assert_eq!(world.told(3).await, ["initiated", "ringing", "canceled"]);
    assert_eq!(world.over().await.ended, Some(Ended::ByCaller));
}

#[tokio::test]
async fn a_caller_may_hang_up_by_the_calls_first_name() {
    let world = World::new().await;
    world.lab.carrier().callee(BOB, Callee::default().ring(Duration::from_mins(10)));
    let mut browser = Browser::connect(&world.lab).await;
    let (_phone, _) = browser.call(PCMU).await;
    browser.hang_up("TJS1").await;
    assert_eq!(world.over().await.ended, Some(Ended::ByCaller));
}

#[tokio::test]
async fn a_callee_hangs_up_when_told_to_or_when_all_is_said() {
    let world = World::new().await;
    let mut browser = Browser::connect(&world.lab).await;
    let (_phone, call_sid, _) = browser.talk(PCMU).await;
    assert!(world.lab.carrier().hang_up(&call_sid));
    assert_eq!(browser.expect("hangup").await, json!({ "callsid": call_sid }));
    assert_eq!(world.over().await.ended, Some(Ended::ByCallee));
    assert!(!world.lab.carrier().hang_up(&call_sid), "it is over");

    world.lab.carrier().callee(BOB, Callee::who_says(Voice::words(&["amber"])).pause(SHORT).leaves_at_end());
    let (_phone, _, _) = browser.talk(PCMU).await;
    browser.expect("hangup").await;
    let call = world.over().await;
    assert_eq!(call.ended, Some(Ended::ByCallee));
    let sent = call.sent_by_callee().len() as u64;
    assert!(sent >= 16_000 * 12 / 10, "a second of speech and a pause: {sent}");
    assert_eq!(world.told(8).await[7], "completed");
}

#[tokio::test]
async fn a_call_is_no_longer_than_its_dial_allows() {
    let world = World::new().await;
    world.dials(BOB, r#"timeLimit="1""#);
    let mut browser = Browser::connect(&world.lab).await;
    let (_phone, _, _) = browser.talk(PCMU).await;
    browser.expect("hangup").await;
    assert_eq!(world.over().await.ended, Some(Ended::TimeLimit));
    world.told(4).await;
    assert_eq!(world.application.seen()[4].field("CallDuration"), "1");
}

#[tokio::test]
async fn a_refusal_is_answered_said_and_over() {
    let world = World::new().await;
    let mut browser = Browser::connect(&world.lab).await;
    world.application.say_twiml("<Say>Calls to this destination are not available.</Say><Hangup/>");
    let (_phone, _, _) = browser.talk(PCMU).await;
    browser.expect("hangup").await;
    let call = world.over().await;
    assert_eq!((call.ended, call.connected), (Some(Ended::ByApplication), None));
    assert!(world.told(0).await.is_empty());
}

#[tokio::test]
async fn an_announcement_is_beeps_and_the_caller_may_leave() {
    let world = World::with(CarrierOptions { announcement: Duration::from_mins(10), ..World::options() }).await;
    let mut browser = Browser::connect(&world.lab).await;
    world.application.say_twiml("<Say>Please hold the line.</Say>");
    let (phone, call_sid, _) = browser.talk(PCMU).await;
    world.until(|calls| calls[0].sent.iter().filter(|sample| **sample != 0).count() > 4_000).await;
    browser.hang_up(&call_sid).await;
    assert_eq!(world.over().await.ended, Some(Ended::ByCaller));
    assert!(phone.heard().is_empty(), "no words");
}

#[tokio::test]
async fn a_rejected_call_is_never_answered() {
    let world = World::new().await;
    let mut browser = Browser::connect(&world.lab).await;
    for (verb, code) in [(r#"<Reject reason="busy"/>"#, 31_486), ("<Reject/>", 31_603)] {
        world.application.say_twiml(verb);
        let (_phone, offer) = Phone::new(PCMU).await;
        browser.invite("TJS1", &offer, "").await;
        assert_eq!(browser.expect("hangup").await["error"]["code"], code);
        assert_eq!(world.over().await.ended, Some(Ended::Refused(code.try_into().unwrap())));
    }
}

#[tokio::test]
async fn an_application_that_fails_is_announced() {
    let world = World::new().await;
    let mut browser = Browser::connect(&world.lab).await;
    world.application.say(500, "text/plain", "");
    let (_phone, call_sid, _) = browser.talk(PCMU).await;
    browser.expect("hangup").await;
    assert_eq!(world.over().await.ended, Some(Ended::ByApplication));
    assert!(world.lab.twilio().placed_call(&call_sid).unwrap().has_problem(11_200));
}

#[tokio::test]
async fn a_token_that_expired_since_places_no_call() {
    let world = World::new().await;
    let mut browser = Browser::open(&world.lab).await;
    browser.listen(&token("ann", 3, &json!({}))).await;
    browser.expect("connected").await;
    tokio::time::sleep(Duration::from_millis(3_100)).await;
    browser.invite("TJS1", "v=0", "").await;
    assert_eq!(browser.expect("hangup").await["error"]["code"], 31_205);
    assert!(world.application.seen().is_empty());
}

#[tokio::test]
async fn the_first_of_several_telephones_wins_and_the_caller_is_answered_at_once_without_bridging() {
    let world = World::new().await;
    let callback = format!(r#"statusCallback="{}/status""#, world.application.origin);
    let number = |number: &str| format!("<Number {callback}>{number}</Number>");
    let numbers = [BOB, "+12025550188", "+12025550005"].map(number).concat();
    world.application.say_twiml(&format!(r#"<Dial callerId="{ANN}">{numbers}</Dial><Say>They hung up.</Say>"#));
    world.lab.carrier().callee("+12025550188", Callee::default().ring(Duration::from_mins(10)));
    world.lab.carrier().callee(BOB, Callee::default().ring(4 * SHORT));
    let mut browser = Browser::connect(&world.lab).await;
    let (_phone, call_sid, _) = browser.talk(PCMU).await;
    world.until(|calls| calls[0].callee.is_some()).await;
    assert!(world.lab.carrier().hang_up(&call_sid));
    browser.expect("hangup").await;
    let call = world.over().await;
    assert_eq!((call.callee.unwrap().into_inner(), call.ended), (BOB.to_owned(), Some(Ended::ByCallee)));
    let mut told = world.told(3).await;
    // Each telephone is told of by itself.
    told.sort();
    assert_eq!(told, ["busy", "canceled", "completed"]);
}

#[tokio::test]
async fn the_callee_hears_a_notice_before_the_two_are_connected() {
    let world = World::new().await;
    let (url, events) = (format!("{}/notice", world.application.origin), r#"statusCallbackEvent="answered completed""#);
    world.application.say_twiml(&format!(
        r#"<Dial answerOnBridge="true" callerId="{ANN}"><Number url="{url}" statusCallback="{url}/status" {events}>{BOB}</Number></Dial>"#
    ));
    let mut browser = Browser::connect(&world.lab).await;
    let (_phone, call_sid) = browser.call(PCMU).await;
    world.application.say_twiml("<Say>This call is recorded.</Say>");
    assert_eq!(world.told(1).await, ["in-progress"]);
    browser.expect("answer").await;
    let call = world.lab.carrier().calls().pop().unwrap();
    let ringing = call.times.answered.unwrap().duration_since(call.times.ringing.unwrap()).unwrap();
    assert!(ringing >= 3 * SHORT, "it rang, and the notice was heard: {ringing:?}");
    browser.hang_up(&call_sid).await;
    assert_eq!(world.told(2).await[1], "completed");
    let notices = world.application.seen().iter().filter(|seen| seen.target == "/notice").count();
    assert_eq!(notices, 1);
}

#[tokio::test]
async fn a_call_outlives_its_signalling_socket_and_goes_on_on_another() {
    let world = World::new().await;
    let mut browser = Browser::connect(&world.lab).await;
    let (_phone, call_sid, reconnect) = browser.talk(PCMU).await;
    world.lab.carrier().break_signalling();
    assert!(browser.next().await.is_none());

    let mut browser = Browser::connect(&world.lab).await;
    let back = |token: &str| json!({ "callsid": call_sid, "reconnect": token, "sdp": "v=0", "twilio": {} });
    browser.send("invite", back("RC0")).await;
    browser.expect("hangup").await;
    for _ in 0..2 {
        browser.send("invite", back(&reconnect)).await;
        assert_eq!(browser.expect("answer").await, json!({ "callsid": call_sid, "reconnect": reconnect }));
    }
    assert!(world.lab.carrier().hang_up(&call_sid));
    browser.expect("hangup").await;
    let call = world.over().await;
    assert_eq!((call.ended, call.reconnects), (Some(Ended::ByCallee), 2));
    browser.send("invite", back(&reconnect)).await;
    assert_eq!(browser.expect("hangup").await, json!({ "callsid": call_sid }), "it is over by now");
}

#[tokio::test]
async fn a_browser_that_does_not_come_back_has_left() {
    let world = World::with(CarrierOptions { patience: SHORT, ..World::options() }).await;
    let mut browser = Browser::connect(&world.lab).await;
    let (_phone, _, _) = browser.talk(PCMU).await;
    drop(browser);
    assert_eq!(world.over().await.ended, Some(Ended::Lost));
    assert_eq!(world.told(4).await[3], "completed");
}
