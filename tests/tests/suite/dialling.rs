//! A call that goes through: who is dialled, with which number, and what Twilio is told to do beside that.

use fourwire_lab::twilio::{Ending, Leg, PlacedCall, Verb};
use fourwire_tests::World;
use fourwire_tests::phone::caller::{Caller, only_leg};
use fourwire_tests::phone::{NOTICE, strict_world};
use fourwire_tests::world::PUBLIC_ORIGIN;
use serde_json::json;

#[tokio::test]
async fn a_call_shows_the_user_s_own_number_and_rings_until_it_is_answered() {
    let world = World::shared().await;
    let caller = Caller::new(world, "dialler", "+12025551101").await;
    let placed = caller.calls("+12125551101").await;
    assert_eq!(placed.content_type.as_deref(), Some("text/xml; charset=utf-8"));
    let (dial, number) = dial(&placed);
    let attributes: Vec<_> = dial.attributes().collect();
    let expected = [("callerId", "+12025551101"), ("answerOnBridge", "true"), ("timeLimit", "14400")];
    assert_eq!(attributes, expected);
    let [callback, events, method] = number.attributes().collect::<Vec<_>>()[..] else { panic!("three attributes") };
    assert!(callback.1.starts_with(&format!("{PUBLIC_ORIGIN}/v1/phone/calls/status?user=")), "{callback:?}");
    assert_eq!(events, ("statusCallbackEvent", "initiated ringing answered completed"));
    assert_eq!((callback.0, method), ("statusCallback", ("statusCallbackMethod", "POST")));
    assert_eq!(number.text(), "+12125551101");
    let shown = |leg: &Leg| (leg.number.expose().clone(), leg.caller_id.expose().clone());
    assert_eq!(shown(&only_leg(&placed)), ("+12125551101".to_owned(), caller.number));
}

#[tokio::test]
async fn a_destination_is_taken_as_people_write_it() {
    let world = World::shared().await;
    let caller = Caller::new(world, "free-writer", "+12025551102").await;
    for (written, dialled) in [
        ("+1 (202) 555-0199", "+12025550199"),
        (" +1.202.555.0199\n", "+12025550199"),
        ("+1\u{a0}202\u{2009}555 0199", "+12025550199"),
        // The national prefix stands in brackets on business cards.
        ("+44 (0)7400 123456", "+447400123456"),
        ("+4407400123456", "+447400123456"),
        // As contacts copy it, and as a link is copied.
        ("\u{202a}+1 (202) 555\u{2011}0199\u{202c}", "+12025550199"),
        ("＋１２０２５５５０１９９", "+12025550199"),
        ("tel:+1-202-555-0199", "+12025550199"),
    ] {
        let leg = caller.dials(written).await;
        assert_eq!(leg.number.expose(), dialled, "{written:?}");
        caller.ended(&leg, Ending::Canceled).await;
    }
}

#[tokio::test]
async fn the_number_that_is_chosen_is_the_one_that_callees_see() {
    let world = World::shared().await;
    let caller = Caller::new(world, "chooser", "+12025551103").await;
    let second = caller.user.verified_at_once(world.lab.twilio(), "+12025551104").await;
    let seen = async || {
        let leg = caller.dials("+12125551103").await;
        caller.ended(&leg, Ending::NoAnswer).await;
        leg.caller_id.into_inner()
    };
    assert_eq!(seen().await, "+12025551103", "the first, unless another is chosen");
    let chosen = caller.user.post(&format!("/v1/phone/numbers/{second}/primary"), &json!({})).await;
    assert_eq!(chosen.status, 200);
    assert_eq!(seen().await, "+12025551104");
}

#[tokio::test]
async fn the_callee_hears_what_the_operator_wants_said_before_the_two_are_connected() {
    let world = strict_world().await;
    let caller = Caller::new(world, "noticed", "+12025551105").await;
    let leg = caller.dials("+12125551105").await;
    let heard = world.lab.twilio().notice(&leg).await.expect("something is to be heard").expect("a good answer");
    assert_eq!(heard.said(), [NOTICE]);
    assert_eq!(heard.verbs.len(), 1, "and the call goes on");
}

/// The call's only verb and the number in it.
fn dial(placed: &PlacedCall) -> (&Verb, &Verb) {
    let verbs = placed.twiml.as_ref().map(|twiml| twiml.verbs.as_slice()).unwrap_or_default();
    let [dial] = verbs else { panic!("{} verbs", verbs.len()) };
    assert_eq!(dial.name, "Dial");
    let [number] = dial.children.as_slice() else { panic!("{} numbers", dial.children.len()) };
    assert_eq!(number.name, "Number");
    (dial, number)
}
