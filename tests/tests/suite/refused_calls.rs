//! Calls that are refused: the caller hears why, nobody is dialled, and no signed request makes one user another.

use fourwire_lab::twilio::{Leg, PlaceCall};
use fourwire_tests::World;
use fourwire_tests::phone::caller::{Caller, only_leg, only_sentence, voice_url};
use fourwire_tests::phone::webhook::Webhook;
use fourwire_tests::phone::{PhoneUser, strict_world};
use serde_json::json;

const NOBODY: &str = "This call cannot be matched to a signed in user. Goodbye.";
const NO_DESTINATION: &str = "No destination number provided. Goodbye.";
const BAD_DESTINATION: &str = "Invalid destination number format. Goodbye.";
const NOT_ALLOWED: &str = "Calls to this destination are not available. Goodbye.";
const NO_CALLER_ID: &str = "No verified caller ID found. Please verify a phone number first.";
const STALE_CALLER_ID: &str = "Your caller ID is not verified. Please re-verify your phone number.";

#[tokio::test]
async fn a_call_to_nobody_is_refused() {
    let caller = Caller::new(World::shared().await, "calls-nobody", "+12025551201").await;
    assert_eq!(only_sentence(&caller.place(&caller.device()).await), NO_DESTINATION);
    for blank in ["", "  ", "\n"] {
        assert_eq!(only_sentence(&caller.calls(blank).await), NO_DESTINATION, "{blank:?}");
    }
    assert_eq!(caller.user.calls().await, []);
}

#[tokio::test]
async fn what_is_no_number_is_not_dialled_and_cannot_become_twiml() {
    let world = World::shared().await;
    let caller = Caller::new(world, "injector", "+12025551202").await;
    let long = format!("+1202555{}", "0".repeat(500));
    for to in [
        "2125551202",
        "+2",
        "+1212555120",
        "+12125551202000",
        "+999123456789",
        "00442079460123",
        "tel:2125551202",
        "tel:+12125551202;ext=5",
        "+12125551202;ext=5",
        "+12125551202,,1900",
        "client:victim",
        "sip:victim@example.test",
        "+1 800 FLOWERS",
        "+121255512\u{2070}2",
        "+12125551202</Number><Number>+19002340142",
        "+12125551202</Number></Dial><Dial><Number>+19002340142</Number></Dial>",
        "\"><Number>+19002340142",
        "+12125551202&#60;/Number&#62;",
        "+12125551202&lt;Number&gt;",
        "]]><Number>+19002340142</Number><![CDATA[",
        "+12125551202\n+19002340142",
        "+12125551202\0",
        &long,
    ] {
        assert_eq!(only_sentence(&caller.calls(to).await), BAD_DESTINATION, "{to:?}");
    }
    assert_eq!(caller.user.calls().await, []);
    let by_caller = |leg: &Leg| *leg.caller_id.expose() == caller.number;
    assert!(!world.lab.twilio().dialled().iter().any(by_caller));
}

#[tokio::test]
async fn destinations_that_cost_a_fortune_are_refused() {
    let caller = Caller::new(World::shared().await, "toll-fraudster", "+12025551203").await;
    for (to, what) in [
        ("+19002340142", "premium in the US"),
        ("+449098790142", "premium in Britain"),
        ("+447012345678", "a British number that follows a person"),
        ("+18765550142", "Jamaica, which looks like the US"),
        ("+18095550142", "the Dominican Republic"),
        ("+14734031234", "Grenada"),
        ("+1 (284) 229-1234", "the British Virgin Islands"),
        ("+881612345678", "a satellite"),
        ("+870773111632", "a ship"),
        ("+5352123456", "Cuba"),
        ("+252612345678", "Somalia"),
        ("+919876543210", "a country that the operator has not allowed"),
    ] {
        assert_eq!(only_sentence(&caller.calls(to).await), NOT_ALLOWED, "{what}");
    }
}

#[tokio::test]
async fn the_operator_says_which_countries_and_area_codes_can_be_called() {
    let caller = Caller::new(strict_world().await, "abroad", "+12025551204").await;
    for to in ["+4930901820", "+16135550142", "+19075550142", "+12125560142", "+1 212 556 0142"] {
        assert_eq!(only_sentence(&caller.calls(to).await), NOT_ALLOWED, "{to}");
    }
    for to in ["+447400123456", "+12125551204"] {
        let leg = caller.dials(to).await;
        caller.ended(&leg, fourwire_lab::twilio::Ending::NoAnswer).await;
    }
}

#[tokio::test]
async fn the_first_thing_that_is_wrong_is_what_the_caller_hears() {
    let world = World::shared().await;
    let user = PhoneUser::new(world, "numberless");
    let told =
        async |call: PlaceCall| only_sentence(&world.lab.twilio().place_call(&call).await.expect("no token is shown"));
    let device = || PlaceCall::as_identity(voice_url(), &user.name);
    assert_eq!(told(PlaceCall::as_identity(voice_url(), "no one").to("hello")).await, NOBODY);
    assert_eq!(told(device()).await, NO_DESTINATION);
    assert_eq!(told(device().to("hello")).await, BAD_DESTINATION);
    assert_eq!(told(device().to("+19002340142")).await, NOT_ALLOWED);
    assert_eq!(told(device().to("+12125551205")).await, NO_CALLER_ID);
    assert_eq!(user.calls().await, []);
}

#[tokio::test]
async fn a_caller_id_that_twilio_has_lost_is_not_dialled_with_and_can_be_verified_anew() {
    let world = World::shared().await;
    let caller = Caller::new(world, "lost-caller-id", "+12025551206").await;
    let twilio = world.lab.twilio();
    twilio.remove_caller_id(&caller.number);
    assert_eq!(only_sentence(&caller.calls("+12125551206").await), STALE_CALLER_ID);
    assert_eq!(caller.user.get("/v1/phone/numbers").await.body["numbers"], json!([]));
    assert_eq!(only_sentence(&caller.calls("+12125551206").await), NO_CALLER_ID);
    caller.user.verified_at_once(twilio, &caller.number).await;
    let _ = caller.dials("+12125551206").await;
}

#[tokio::test]
async fn nobody_calls_as_somebody_else() {
    let world = World::shared().await;
    let victim = Caller::new(world, "impersonated", "+12025551207").await;
    let thief = Caller::new(world, "impersonator", "+12025551208").await;
    let to = "+12125551207";
    // Whatever the device sends: Twilio's own field counts, or none.
    for (name, value) in [("From", "client:impersonated"), ("From", "+12025551207"), ("CallSid", "CA0")] {
        let placed = thief.place(&thief.device().to(to).param(name, value)).await;
        assert_eq!(only_sentence(&placed), NOBODY, "{name}={value}");
    }
    // A device that shows no token of this deployment, or one of another user's.
    let device = || PlaceCall::as_identity(voice_url(), "impersonated").to(to);
    let reference = "FourwireUser";
    for call in [
        device().param(reference, "0"),
        device().param(reference, ""),
        device().param(reference, "0").param(reference, "1"),
    ] {
        assert_eq!(only_sentence(&world.lab.twilio().place_call(&call).await.expect("no token is shown")), NOBODY);
    }
    // Other ways in which Twilio says who calls.
    for (number, from) in [
        "+12025551207",
        "sip:impersonated@example.test",
        "sip:client:impersonated@example.test",
        "Client:impersonated",
        "client:",
        "client:imperso nated",
        "client: impersonated",
        "impersonated",
        "anonymous",
        "",
    ]
    .iter()
    .enumerate()
    {
        let answer = Webhook::voice(&format!("CA{number:032}"), from, to).send(world).await;
        assert_eq!(answer.status, 200);
        assert!(answer.text.contains(NOBODY) && !answer.text.contains("<Dial"), "{from:?}");
    }
    assert_eq!(victim.user.calls().await, []);
    assert_eq!(thief.user.calls().await, []);
    let placed = thief.place(&thief.device().to(to).param(reference, "0").param("Caller", "client:impersonated")).await;
    assert_eq!(*only_leg(&placed).caller_id.expose(), thief.number, "the token's own word counts");
}
