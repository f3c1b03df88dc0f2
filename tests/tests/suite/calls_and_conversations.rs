//! A call that is listened to: its conversation tells of the telephone's side, and where the operator wants it, nobody
//! listens to a call that was never made.

use std::time::Duration;

use fourwire_lab::app::{Phone, PhoneOptions};
use fourwire_lab::twilio::{CallEvent, Ending};
use fourwire_tests::phone::caller::{Caller, only_leg, only_sentence};
use fourwire_tests::phone::strict_world;
use fourwire_tests::raw::Raw;
use fourwire_tests::{World, begin, http};
use fourwire_wire::conversation::{Outcome, PhoneCall};
use serde_json::{Value, json};

const CALLEE: &str = "+12125551601";
const LIMIT: Duration = Duration::from_secs(20);
/// How the socket of a call that Twilio never told of is closed.
const NO_CALL: (u16, &str) = (1008, "There is no such call");

#[tokio::test]
async fn what_twilio_tells_of_a_call_is_in_its_conversation_while_it_runs_and_after() {
    let world = World::shared().await;
    let caller = Caller::new(world, "listened-to", "+12025551601").await;
    let options = world.phone("listened-to");
    // The app listens before it dials, and its call goes by one name on both ways.
    let mut phone = Phone::connect(options.clone()).await.expect("let in");
    begin(world.edge(), &options.token, &mut phone).await;
    let of_conversation = async || http::only_conversation(world.edge(), &options.token).await.phone_call;
    assert_eq!(of_conversation().await, None);
    let call_id = options.call_id.clone().expect("a name");
    let leg = only_leg(&caller.place(&caller.device().to(CALLEE).param("CallId", call_id)).await);
    for event in [CallEvent::Initiated, CallEvent::Ringing, CallEvent::Answered] {
        caller.told(&leg, event).await;
        assert_eq!(of_conversation().await, Some(only_call(&caller).await), "{event:?}");
    }
    let told = of_conversation().await.expect("Twilio has told");
    assert_eq!((told.callee.expose().as_str(), told.caller_id.expose()), (CALLEE, &caller.number));
    assert!(told.ringing_at.is_some() && told.answered_at.is_some() && told.outcome.is_none());

    caller.ended(&leg, Ending::Talked(9)).await;
    let received = phone.hang_up(LIMIT).await;
    let stored = received.conversation().expect("memory_created").phone_call.clone().expect("as Twilio told");
    assert_eq!((stored.outcome, stored.duration), (Some(Outcome::Completed), Some(9)));
    assert_eq!(of_conversation().await, Some(stored));
}

#[tokio::test]
async fn a_client_that_listens_after_it_dialled_misses_nothing_and_other_calls_are_not_mixed_in() {
    let world = World::shared().await;
    let caller = Caller::new(world, "listens-late", "+12025551602").await;
    let (options, other) = (world.phone("listens-late"), world.phone("listens-late"));
    let call_id = options.call_id.clone().expect("a name");
    let leg = only_leg(&caller.place(&caller.device().to(CALLEE).param("CallId", call_id)).await);
    caller.told(&leg, CallEvent::Ringing).await;
    // Somebody else's call by the same name is another call.
    let stranger = PhoneOptions { call_id: options.call_id.clone(), ..world.phone("same-name-elsewhere") };
    let mut phone_calls = Vec::new();
    for options in [options, other, stranger] {
        let received = Phone::connect(options).await.expect("let in").hang_up(LIMIT).await;
        phone_calls.push(received.conversation().expect("memory_created").phone_call.clone());
    }
    assert_eq!(phone_calls, [Some(only_call(&caller).await), None, None]);
}

#[tokio::test]
async fn what_twilio_reports_after_the_client_s_last_word_is_in_the_stored_conversation_too() {
    let world = World::shared().await;
    let caller = Caller::new(world, "hangs-up-first", "+12025551604").await;
    let options = world.phone("hangs-up-first");
    let call_id = options.call_id.clone().expect("a name");
    let leg = only_leg(&caller.place(&caller.device().to(CALLEE).param("CallId", call_id)).await);
    caller.told(&leg, CallEvent::Answered).await;
    Phone::connect(options.clone()).await.expect("let in").hang_up(LIMIT).await;
    caller.ended(&leg, Ending::Talked(7)).await;
    let told = http::only_conversation(world.edge(), &options.token).await.phone_call.expect("as Twilio told");
    assert_eq!((told.outcome, told.duration), (Some(Outcome::Completed), Some(7)));
}

#[tokio::test]
async fn when_twilio_says_that_the_call_is_over_so_is_the_listen_session() {
    let world = World::shared().await;
    let caller = Caller::new(world, "stays-on-the-line", "+12025551605").await;
    let options = world.phone("stays-on-the-line");
    let call_id = options.call_id.clone().expect("a name");
    let leg = only_leg(&caller.place(&caller.device().to(CALLEE).param("CallId", call_id)).await);
    caller.told(&leg, CallEvent::Answered).await;
    let phone = Phone::connect(options.clone()).await.expect("let in");
    caller.ended(&leg, Ending::Talked(5)).await;
    // The client does nothing, and is told all the same.
    assert!(phone.listener().wait_until(LIMIT, |received| received.closing.is_some()).await);
    let received = phone.received();
    assert_eq!(received.close_code(), Some(1000));
    let stored = received.conversation().expect("memory_created").phone_call.clone().expect("as Twilio told");
    assert_eq!(stored.outcome, Some(Outcome::Completed));
}

#[tokio::test]
async fn where_the_operator_wants_it_nobody_listens_without_a_call() {
    let world = strict_world().await;
    let caller = Caller::new(world, "makes-no-call", "+12025551603").await;
    let granted = caller.place(&caller.device().to(CALLEE).param("CallId", "granted-1603")).await;
    let leg = only_leg(&granted);
    caller.ended(&leg, Ending::NoAnswer).await;
    // Of these Twilio has told, but they were never made.
    let refused = caller.place(&caller.device().to("+4930901820").param("CallId", "refused-1603")).await;
    let _ = only_sentence(&refused);
    world.lab.twilio().remove_caller_id(&caller.number);
    let stale = caller.place(&caller.device().to(CALLEE).param("CallId", "stale-1603")).await;
    let _ = only_sentence(&stale);

    let own = caller.user.token.clone();
    let strangers = world.token("listens-to-others");
    for (token, call) in [
        (&own, "&call_id=never-made"),
        (&own, ""),
        (&own, "&call_id=refused-1603"),
        (&own, "&call_id=stale-1603"),
        (&strangers, "&call_id=granted-1603"),
    ] {
        assert_eq!(native(world, token, call).await, (vec![], ended()), "{call}");
        let greeting = json!({"type": "auth_response", "success": true});
        assert_eq!(browser(world, token, call).await, (vec![greeting], ended()), "{call}");
    }
    assert_eq!(http::conversations(world.edge(), &own).await, []);
    assert_eq!(http::conversations(world.edge(), &strangers).await, []);

    let options = PhoneOptions { call_id: Some("granted-1603".to_owned()), ..world.phone("makes-no-call") };
    let received = Phone::connect(options).await.expect("let in").hang_up(LIMIT).await;
    let conversation = received.conversation().expect("memory_created");
    let told = conversation.phone_call.as_ref().expect("as Twilio told");
    assert_eq!((&told.call_sid, told.outcome), (&granted.call_sid, Some(Outcome::NoAnswer)));
}

fn ended() -> (u16, String) {
    (NO_CALL.0, NO_CALL.1.to_owned())
}

async fn native(world: &World, token: &str, call: &str) -> (Vec<String>, (u16, String)) {
    let path = format!("/v4/listen?channels=2{call}");
    Raw::open(world.edge(), &path, Some(&format!("Bearer {token}"))).await.rest().await
}

async fn browser(world: &World, token: &str, call: &str) -> (Vec<Value>, (u16, String)) {
    let mut socket = Raw::open(world.edge(), &format!("/v4/web/listen?channels=2{call}"), None).await;
    socket.send_text(&json!({"type": "auth", "token": token}).to_string()).await;
    let (texts, end) = socket.rest().await;
    (texts.iter().map(|text| serde_json::from_str(text).expect("JSON")).collect(), end)
}

async fn only_call(caller: &Caller) -> PhoneCall {
    let mut calls = caller.user.calls().await;
    assert_eq!(calls.len(), 1);
    calls.remove(0)
}

#[tokio::test]
async fn a_call_that_was_asked_for_and_never_dialled_opens_the_listen_socket_for_two_minutes_and_not_for_ever() {
    let world = strict_world().await;
    let caller = Caller::new(world, "asks-and-waits", "+12025551609").await;
    let (early, late) = (world.phone("asks-and-waits"), world.phone("asks-and-waits"));
    for options in [&early, &late] {
        let call_id = options.call_id.clone().expect("a name");
        let _ = caller.place(&caller.device().to("+12125551609").param("CallId", call_id)).await;
    }
    let received = Phone::connect(early.clone()).await.expect("let in").hang_up(LIMIT).await;
    assert!(received.conversation().is_some());
    // Twilio reports nothing of either, as where the caller hangs up before it has dialled.
    tokio::time::sleep(Duration::from_secs(125)).await;
    for (what, options, is_let_in) in [("never listened to", &late, false), ("listened to before", &early, true)] {
        let socket = Phone::connect(options.clone()).await;
        let received = match socket {
            Ok(phone) => phone.hang_up(LIMIT).await,
            Err(error) => panic!("{what}: {error}"),
        };
        assert_eq!(received.conversation().is_some(), is_let_in, "{what}: {:?}", received.closing);
        assert_eq!(received.close_code(), Some(if is_let_in { 1000 } else { NO_CALL.0 }), "{what}");
    }
}
