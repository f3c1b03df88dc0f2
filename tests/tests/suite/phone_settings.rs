//! A setting that the phone side cannot do without closes its routes, webhooks and all, by name.

use fourwire_lab::LabOptions;
use fourwire_lab::twilio::PlaceCall;
use fourwire_tests::phone::PhoneUser;
use fourwire_tests::phone::caller::voice_url;
use fourwire_tests::phone::webhook::Webhook;
use fourwire_tests::{World, http};
use hyper::Method;
use serde_json::{Map, Value, json};

/// Where Twilio asks, and where it tells.
const QUESTIONS: [&str; 2] = ["/v1/phone/twiml", "/v1/phone/notice"];
const REPORTS: [&str; 2] =
    ["/v1/phone/calls/status?user=00000000000000000000000000000061", "/v1/phone/numbers/verify/status"];

#[tokio::test]
async fn without_the_auth_token_no_webhook_is_believed() {
    let world =
        assert_closed("TWILIO_AUTH_TOKEN is not configured", |variables| _ = variables.remove("TWILIO_AUTH_TOKEN"));
    assert_eq!(reports(&world.await).await, [503, 503]);
}

#[tokio::test]
async fn without_the_encryption_secret_no_number_is_looked_at() {
    let world =
        assert_closed("ENCRYPTION_SECRET is not configured", |variables| _ = variables.remove("ENCRYPTION_SECRET"));
    assert_eq!(reports(&world.await).await, [503, 503]);
}

#[tokio::test]
async fn rules_for_dialling_that_make_no_sense_allow_nothing() {
    let sentence = "DIAL_BLOCKED_PREFIXES has \"900\", which is not a + followed by digits";
    let change =
        |variables: &mut Map<String, Value>| _ = variables.insert("DIAL_BLOCKED_PREFIXES".into(), "900".into());
    let world = assert_closed(sentence, change);
    assert_eq!(reports(&world.await).await, [204, 400], "what runs already is still told of");
}

/// Asserts that nobody calls and nobody has a number, and that all are told which setting is the reason.
async fn assert_closed(sentence: &str, change: impl FnOnce(&mut Map<String, Value>)) -> World {
    let world = World::with(LabOptions::default(), change).await;
    let expected = json!({"detail": sentence, "code": "not_configured"});
    let user = PhoneUser::new(&world, "phoning-unconfigured");
    for (method, path) in
        [(Method::POST, "/v1/phone/token"), (Method::GET, "/v1/phone/calls"), (Method::GET, "/v1/phone/numbers")]
    {
        let answer = user.send(method, path).await;
        assert_eq!((answer.status, &answer.body), (503, &expected), "{path}");
    }
    for path in QUESTIONS {
        let answer = Webhook::new(path, &[("CallSid", "CA0")]).send(&world).await;
        assert_eq!((answer.status, &answer.body), (503, &expected), "{path}");
    }
    let call = PlaceCall::as_identity(voice_url(), "phoning-unconfigured").to("+12125551801");
    let placed = world.lab.twilio().place_call(&call).await.expect("no token is shown");
    assert_eq!(placed.status, Some(503));
    assert!(placed.legs.is_empty());
    let health = http::send(Method::GET, world.edge(), "/healthz", None).await;
    assert_eq!((health.status, &health.body["problems"]), (503, &json!([sentence])));
    world
}

/// How Twilio's reports are answered.
async fn reports(world: &World) -> [u16; 2] {
    let [call, parent] = [1, 2].map(|number| format!("CA{number:032}"));
    let fields = [("CallSid", &*call), ("ParentCallSid", &*parent), ("CallStatus", "completed")];
    let [of_a_call, of_a_number] = REPORTS.map(|path| Webhook::new(path, &fields));
    [of_a_call.send(world).await.status, of_a_number.send(world).await.status]
}
