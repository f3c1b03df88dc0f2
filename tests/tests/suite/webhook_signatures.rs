//! Whose webhooks are believed: Twilio's, for the address under which Twilio knows this Worker, and nobody else's.

use fourwire_lab::twilio::{AUTH_TOKEN, Delivery, Ending, PlacedCall, signature};
use fourwire_tests::World;
use fourwire_tests::http::{self, Answer};
use fourwire_tests::phone::caller::{Caller, only_leg};
use fourwire_tests::phone::webhook::{FORM, Webhook};
use fourwire_tests::phone::{NEXT_AUTH_TOKEN, strict_world};
use hyper::Method;
use serde_json::json;

const PATHS: [&str; 4] =
    ["/v1/phone/twiml", "/v1/phone/notice", "/v1/phone/calls/status", "/v1/phone/numbers/verify/status"];
const CALL: &str = "CA00000000000000000000000000000001";
/// Longest body that is read, in bytes.
const MAX_BODY: usize = 16 * 1024;

#[tokio::test]
async fn a_request_that_twilio_has_not_signed_is_turned_away_at_every_door() {
    let world = World::shared().await;
    let good = Webhook::voice(CALL, "client:nobody", "+12125551401");
    for path in PATHS {
        let good = Webhook { path: path.to_owned(), ..good.clone() };
        assert_refused(&good.send_with(world, &[]).await, "no signature");
        let real = good.signature();
        for text in
            ["", "x", "=", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=", &real[1..], &format!("{real}, {real}"), &real.to_lowercase()]
        {
            assert_refused(&good.send_with(world, &[(signature::HEADER, text)]).await, "a made-up signature");
        }
        let forged = Webhook { auth_token: "f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0".to_owned(), ..good.clone() };
        assert_refused(&forged.send(world).await, "another account's auth token");
        let empty = Webhook { auth_token: String::new(), ..good.clone() };
        assert_refused(&empty.send(world).await, "no auth token at all");
        let other_path = Webhook { path: "/v1/phone/other".to_owned(), ..good.clone() };
        let header = other_path.signature();
        assert_refused(&good.send_with(world, &[(signature::HEADER, &header)]).await, "another path's signature");
        assert_ne!(good.send(world).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn what_was_changed_on_the_way_is_refused() {
    let world = World::shared().await;
    let victim = Caller::new(world, "tampered-with", "+12025551402").await;
    let good = Webhook::voice(CALL, "client:tampered-with", "+12125551402");
    let header = good.signature();
    let fields = |from: &str, to: &str| Webhook::voice(CALL, from, to);
    for changed in [
        fields("client:tampered-with", "+12125551403"),
        fields("client:somebody", "+12125551402"),
        fields("client:tampered-with", "+12125551402").with("To", "+12125551403"),
        fields("client:tampered-with", "+12125551402").with("CallId", "1"),
        Webhook { path: "/v1/phone/twiml?a=1".to_owned(), ..good.clone() },
    ] {
        let answer = changed.send_with(world, &[(signature::HEADER, &header)]).await;
        assert_refused(&answer, &format!("{:?}", changed.fields));
    }
    // What is signed has no marks between names and values. Cut elsewhere, it says nothing that anybody reads.
    let cut = Webhook::new(PATHS[0], &[("CallSid", CALL), ("Fromclient:tampered-withTo", "+12125551402")]);
    assert_eq!(cut.signature(), header);
    assert!(!cut.send(world).await.text.contains("<Dial"));
    assert_eq!(victim.user.calls().await, []);
}

#[tokio::test]
async fn what_is_signed_for_another_host_is_refused_whatever_the_request_says_of_its_host() {
    let world = World::shared().await;
    let path = PATHS[0];
    for origin in
        ["https://evil.example.test", "http://calls.example.test", "https://calls.example.test.evil.test", world.edge()]
    {
        let webhook = Webhook { origin: origin.to_owned(), path: path.to_owned(), ..Webhook::voice(CALL, "", "") };
        let header = (signature::HEADER, &*webhook.signature());
        let (scheme, host) = origin.split_once("://").expect("an origin");
        let forwarded = format!("for=1.2.3.4;host={host};proto={scheme}");
        for said in [
            vec![],
            vec![("host", host)],
            vec![("x-forwarded-host", host), ("x-forwarded-proto", scheme)],
            vec![("host", host), ("x-forwarded-host", host), ("x-forwarded-proto", scheme)],
            vec![("forwarded", &*forwarded)],
            vec![("x-original-host", host), ("x-original-url", path), ("x-rewrite-url", path)],
        ] {
            let answer = webhook.send_with(world, &[&[header], said.as_slice()].concat()).await;
            assert_refused(&answer, &format!("{origin} {said:?}"));
        }
    }
    let good = Webhook::voice(CALL, "", "");
    let header = (signature::HEADER, &*good.signature());
    let headers = [header, ("host", "evil.example.test"), ("x-forwarded-host", "evil.example.test")];
    let elsewhere = good.send_with(world, &headers).await;
    assert_eq!(elsewhere.status, 200, "what is signed for the right host is Twilio's wherever it arrives");
}

#[tokio::test]
async fn while_the_auth_token_is_changed_the_old_and_the_new_one_are_good() {
    let world = strict_world().await;
    let caller = Caller::new(world, "rotating", "+12025551404").await;
    for auth_token in [AUTH_TOKEN, NEXT_AUTH_TOKEN] {
        let webhook = Webhook { auth_token: auth_token.to_owned(), ..Webhook::voice(CALL, "", "") };
        assert_eq!(webhook.send(world).await.status, 200);
    }
    for both in [format!("{AUTH_TOKEN},{NEXT_AUTH_TOKEN}"), format!(" {NEXT_AUTH_TOKEN}")] {
        let webhook = Webhook { auth_token: both, ..Webhook::voice(CALL, "", "") };
        assert_refused(&webhook.send(world).await, "the list is no token");
    }
    let leg = caller.dials("+12125551404").await;
    world.lab.twilio().promote_auth_token(NEXT_AUTH_TOKEN);
    // The call began under the old token and ends under the new one.
    caller.ended(&leg, Ending::Talked(1)).await;
    let _ = caller.dials("+12125551404").await;
}

#[tokio::test]
async fn a_webhook_that_is_replayed_dials_for_no_second_call() {
    let world = World::shared().await;
    let caller = Caller::new(world, "replayed", "+12025551405").await;
    let placed = caller.calls("+12125551405").await;
    let leg = only_leg(&placed);
    let overheard = Webhook::overheard(&delivery(world, &placed));
    for _ in 0..3 {
        let again = overheard.send(world).await;
        assert_eq!((again.status, &again.text), (200, placed.body.expose()), "the same answer");
    }
    assert_eq!(caller.user.calls().await.len(), 1);

    // What has become of the number since then does not end the call that is going on.
    world.lab.twilio().remove_caller_id(&caller.number);
    assert_eq!(overheard.send(world).await.text, *placed.body.expose());
    assert_eq!(caller.user.calls().await[0].outcome, None);
    assert_eq!(caller.user.primary().await.as_ref(), Some(&caller.number));

    caller.ended(&leg, Ending::Talked(5)).await;
    let late = overheard.send(world).await;
    assert!(late.text.contains("<Say>This call is over. Goodbye.</Say>") && !late.text.contains("<Dial"));
    let calls = caller.user.calls().await;
    assert_eq!((calls.len(), calls[0].duration), (1, Some(5)));
}

#[tokio::test]
async fn a_body_longer_than_twilio_s_ever_are_is_not_read() {
    let world = World::shared().await;
    let longest = |more: usize| {
        let webhook = Webhook::voice(CALL, "", "");
        let rest = MAX_BODY - webhook.form().len() - "&Padding=".len() + more;
        webhook.with("Padding", &"a".repeat(rest))
    };
    assert_eq!(longest(0).form().len(), MAX_BODY);
    assert_eq!(longest(0).send(world).await.status, 200);
    assert_refused(&longest(1).send(world).await, "a byte too long");
    assert_refused(&longest(1_000_000).send(world).await, "a megabyte too long");
}

#[tokio::test]
async fn a_body_that_is_no_form_needs_its_hash_in_the_signed_address() {
    let world = World::shared().await;
    // SHA-256 of `{}` and of nothing.
    let hash = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    let of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let send = async |query: &str, content_type: &str, body: &'static str| {
        let webhook = Webhook::new(&format!("{}{query}", PATHS[0]), &[]);
        let header = webhook.signature();
        let headers = [("content-type", content_type), (signature::HEADER, header.as_str())];
        http::raw(Method::POST, world.edge(), &webhook.path, &headers, body).await
    };
    let hashed = format!("?bodySHA256={hash}");
    let good = send(&hashed, "application/json", "{}").await;
    assert_eq!(good.status, 200);
    assert!(good.text.contains("<Say>") && !good.text.contains("<Dial"), "signed, but it asks for no call");
    assert_eq!(send(&format!("?bodySHA256={of_nothing}"), "application/json", "").await.status, 200);
    assert_refused(&send(&hashed, "application/json", r#"{"a":1}"#).await, "another body");
    assert_refused(&send(&hashed, "application/json", "").await, "no body");
    assert_refused(&send("", "application/json", "{}").await, "no hash");
    assert_refused(&send("", "text/plain", "To=%2B12125551406").await, "a form by another name");
    assert_refused(&send("", "", "To=%2B12125551406").await, "a form without a name");
    assert_refused(&send(&hashed, FORM, "{}").await, "a field by the name of {}, which is not signed");
    let upper = format!("?bodySHA256={}", hash.to_uppercase());
    assert_refused(&send(&upper, "application/json", "{}").await, "the hash in capital letters");
}

#[track_caller]
fn assert_refused(answer: &Answer, what: &str) {
    let expected = json!({"detail": "Invalid Twilio signature", "code": "signature_invalid"});
    assert_eq!((answer.status, &answer.body), (403, &expected), "{what}");
}

/// The request with which Twilio asked what to do with a call.
fn delivery(world: &World, placed: &PlacedCall) -> Delivery {
    let deliveries = world.lab.twilio().deliveries();
    let asked = deliveries.into_iter().find(|delivery| delivery.field("CallSid") == Some(&placed.call_sid));
    asked.expect("Twilio has asked")
}
