//! A call from a browser: its token is checked, the application is asked as Twilio asks, and only what it may is dialled.

use std::time::Duration;

use axum::http::Method;
use fourwire_lab::Lab;
use fourwire_lab::http::{Answer, send_json};
use fourwire_lab::twilio::{ACCOUNT_SID, AUTH_TOKEN, CallEvent, Ending, PlaceCall, PlacedCall, TWIML_APP_SID};
use serde_json::{Value, json};

use crate::support::{ANN, Application, Seen, lab, token};

/// Whom Ann calls.
const BOB: &str = "+12025550199";

fn dial(caller_id: &str, number: &str) -> String {
    format!(r#"<Dial callerId="{caller_id}"><Number>{number}</Number></Dial>"#)
}

async fn place(lab: &Lab, application: &Application) -> PlacedCall {
    let call = PlaceCall::as_identity(format!("{}/voice", application.origin), "ann").to(BOB);
    lab.twilio().place_call(&call).await.unwrap()
}

#[tokio::test]
async fn the_application_is_asked_in_the_name_of_the_tokens_identity() {
    let (lab, application) = (lab().await, Application::start().await);
    lab.twilio().add_caller_id(ANN);
    application.say_twiml(&dial(ANN, BOB));
    let call = PlaceCall::with_token(
        format!("{}/voice?v=1", application.origin),
        token("ann", 3_600, &json!({ "Plan": "free", "Seat": "7" })),
    );
    let placed = lab.twilio().place_call(&call.to(BOB).param("CallId", "42").param("Plan", "best")).await.unwrap();

    let asked = &application.seen()[0];
    assert_eq!((&asked.method, asked.target.as_str()), (&Method::POST, "/voice?v=1"));
    for (name, value) in [
        ("From", "client:ann"),
        ("Caller", "client:ann"),
        ("To", BOB),
        ("Called", BOB),
        ("CallSid", &placed.call_sid),
        ("AccountSid", ACCOUNT_SID),
        ("ApplicationSid", TWIML_APP_SID),
        ("ApiVersion", "2010-04-01"),
        ("Direction", "inbound"),
        ("CallStatus", "ringing"),
        ("CallId", "42"),
        ("Plan", "free"),
        ("Seat", "7"),
    ] {
        assert_eq!(asked.field(name), value, "{name}");
    }
    assert!(asked.is_signed(AUTH_TOKEN, &application.origin));
    assert_eq!((placed.status, placed.problems.len()), (Some(200), 0));
    let leg = &lab.twilio().dialled()[0];
    assert_eq!((leg.number.expose().as_str(), leg.caller_id.expose().as_str()), (BOB, ANN));
    assert_eq!(leg.parent_call_sid, placed.call_sid);
}

#[tokio::test]
async fn without_a_number_the_fields_are_there_and_empty() {
    let (lab, application) = (lab().await, Application::start().await);
    let call = PlaceCall::as_identity(format!("{}/voice", application.origin), "ann");
    lab.twilio().place_call(&call).await.unwrap();
    let asked = &application.seen()[0];
    assert_eq!((asked.field("To"), asked.field("Called")), ("", ""));
}

#[tokio::test]
async fn a_browser_that_names_twilios_own_fields_does_not_replace_them() {
    let (lab, application) = (lab().await, Application::start().await);
    let call = PlaceCall::as_identity(format!("{}/voice", application.origin), "ann").param("From", "client:bob");
    lab.twilio().place_call(&call).await.unwrap();
    assert_eq!(application.seen()[0].all("From"), ["client:bob", "client:ann"]);
}

#[tokio::test]
async fn a_bad_token_is_refused_before_the_application_is_asked() {
    let (lab, application) = (lab().await, Application::start().await);
    for (token, code) in [
        ("nonsense".to_owned(), 20_101),
        (token("ann", 0, &json!({})), 20_104),
        (token("ann", 24 * 3_600 + 60, &json!({})), 20_157),
        (token("ann lee", 60, &json!({})), 31_105),
    ] {
        let call = PlaceCall::with_token(format!("{}/voice", application.origin), token).to(BOB);
        assert_eq!(lab.twilio().place_call(&call).await.unwrap_err().code, code);
    }
    assert!(application.seen().is_empty());
}

#[tokio::test]
async fn only_a_verified_number_may_be_shown_and_only_a_good_one_dialled() {
    let (lab, application) = (lab().await, Application::start().await);
    let no_caller_id = format!("<Dial><Number>{BOB}</Number></Dial>");
    for (verbs, code) in [
        (dial(ANN, BOB), 13_214),
        (no_caller_id, 13_214),
        (dial("+12025550111", "202 555 0199"), 13_223),
        (dial("+12025550111", ""), 13_223),
    ] {
        lab.twilio().add_caller_id("+12025550111");
        application.say_twiml(&verbs);
        let placed = place(&lab, &application).await;
        assert!(placed.has_problem(code) && placed.twiml.is_some(), "{verbs}: {:?}", placed.problems);
    }
    application.say_twiml(&format!("<Say>No</Say><Hangup/>{}", dial("+12025550111", BOB)));
    assert_eq!(place(&lab, &application).await.twiml.unwrap().said(), ["No"]);
    assert!(lab.twilio().dialled().is_empty());
}

#[tokio::test]
async fn an_answer_that_twilio_would_not_take_dials_nothing() {
    let (lab, application) = (lab().await, Application::start().await);
    lab.twilio().add_caller_id(ANN);
    let response = format!("<Response>{}</Response>", dial(ANN, BOB));
    for (status, content_type, body, code) in [
        (403, "text/xml", response.clone(), 11_200),
        (302, "text/xml", response.clone(), 11_200),
        (200, "application/json", response.clone(), 12_300),
        (200, "text/xml", String::new(), 11_770),
        (200, "text/xml", response.replace("</Dial>", ""), 12_100),
        (200, "text/xml", response.replace("Response", "Answer"), 12_102),
        (200, "text/xml", response.replace("callerId", "callerID"), 12_200),
        (200, "text/xml", format!("{response}{}", " ".repeat(64 * 1024)), 11_750),
    ] {
        application.say(status, content_type, body);
        let placed = place(&lab, &application).await;
        assert!(placed.has_problem(code) && placed.twiml.is_none(), "{code}: {:?}", placed.problems);
    }
    assert!(lab.twilio().dialled().is_empty());
}

#[tokio::test]
async fn a_legs_events_are_told_in_any_order_and_again() {
    let (lab, application) = (lab().await, Application::start().await);
    lab.twilio().add_caller_id(ANN);
    let events = r#"statusCallbackEvent="initiated ringing answered completed""#;
    let number =
        format!(r#"<Number statusCallback="{}/progress?n=1&amp;m=2" {events}>{BOB}</Number>"#, application.origin);
    application.say_twiml(&format!(r#"<Dial callerId="{ANN}">{number}</Dial>"#));
    let placed = place(&lab, &application).await;
    let leg = &placed.legs[0];
    let over = CallEvent::Completed(Ending::Talked(61));
    for event in [over, CallEvent::Answered, CallEvent::Initiated, CallEvent::Ringing, over] {
        assert!(lab.twilio().call_progress(leg, event).await.is_some());
    }
    let told = &application.seen()[1..];
    let sequence: Vec<_> = told.iter().map(|one| (one.field("SequenceNumber"), one.field("CallStatus"))).collect();
    let expected = [("3", "completed"), ("2", "in-progress"), ("0", "initiated"), ("1", "ringing"), ("3", "completed")];
    assert_eq!(sequence, expected);
    let first = &told[0];
    assert_eq!(
        (first.field("CallSid"), first.field("ParentCallSid")),
        (leg.call_sid.as_str(), placed.call_sid.as_str())
    );
    assert_eq!((first.field("From"), first.field("To")), (ANN, BOB));
    assert_eq!((first.field("CallDuration"), first.field("Duration")), ("61", "2"));
    assert_eq!(first.field("CallbackSource"), "call-progress-events");
    assert_eq!(first.target, "/progress?n=1&m=2");
    assert!(told.iter().all(|one| one.is_signed(AUTH_TOKEN, &application.origin)));
    let idempotency = |one: &Seen| one.headers["i-twilio-idempotency-token"].clone();
    assert_eq!(idempotency(first), idempotency(&told[4]));
    assert_ne!(idempotency(first), idempotency(&told[1]));
}

#[tokio::test]
async fn a_call_is_played_as_its_numbers_last_digits_say() {
    let (lab, application) = (lab().await, Application::start().await);
    lab.twilio().add_caller_id(ANN);
    let events = r#"statusCallbackEvent="ringing answered completed""#;
    for (number, expected) in [
        (BOB, &["ringing", "in-progress", "completed"][..]),
        ("+12025550002", &["ringing", "no-answer"]),
        ("+12025550005", &["ringing", "busy"]),
        ("+12025550006", &["failed"]),
    ] {
        let number = format!(r#"<Number statusCallback="{}/progress" {events}>{number}</Number>"#, application.origin);
        application.say_twiml(&format!(r#"<Dial callerId="{ANN}" timeLimit="1">{number}</Dial>"#));
        let placed = place(&lab, &application).await;
        let told = lab.twilio().play(&placed.legs[0], Duration::from_secs(9)).await;
        let statuses: Vec<_> = told.iter().filter_map(|delivery| delivery.field("CallStatus")).collect();
        assert_eq!(statuses, expected);
        let talked = if expected.len() == 3 { "1" } else { "0" };
        assert_eq!(told.last().unwrap().field("CallDuration"), Some(talked), "no longer than it may last");
    }
}

#[tokio::test]
async fn only_wanted_events_are_told_and_the_callee_hears_a_notice_first() {
    let (lab, application) = (lab().await, Application::start().await);
    lab.twilio().add_caller_id(ANN);
    let url = format!("{}/notice", application.origin);
    let number = format!(r#"<Number url="{url}" statusCallback="{}/progress">{BOB}</Number>"#, application.origin);
    application.say_twiml(&format!(r#"<Dial callerId="{ANN}">{number}</Dial>"#));
    let leg = place(&lab, &application).await.legs[0].clone();
    application.say_twiml("<Say>This call is recorded.</Say>");
    let notice = lab.twilio().notice(&leg).await.unwrap().unwrap();
    assert_eq!(notice.said(), ["This call is recorded."]);
    let told = lab.twilio().play(&leg, Duration::ZERO).await;
    assert_eq!(told.len(), 1);
    let targets: Vec<_> = application.seen().iter().map(|seen| seen.target.clone()).collect();
    assert_eq!(targets, ["/voice", "/notice", "/notice", "/progress"]);
}

#[tokio::test]
async fn a_program_places_and_plays_a_call_by_the_labs_own_routes() {
    let (lab, application) = (lab().await, Application::start().await);
    lab.twilio().add_caller_id(ANN);
    let number = format!(r#"<Number statusCallback="{}/progress">{BOB}</Number>"#, application.origin);
    application.say_twiml(&format!(r#"<Dial callerId="{ANN}">{number}</Dial>"#));
    let url = |path: &str| format!("{}/lab/{path}", lab.twilio_url());
    let post = async |path: &str, body: Value| -> Answer {
        send_json(Method::POST, &url(path), None, Some(&body)).await.unwrap()
    };
    let webhook = format!("{}/voice", application.origin);
    let call =
        |token: &str| json!({ "webhook_url": webhook, "access_token": token, "to": BOB, "params": { "CallId": "7" } });
    let placed = post("place-call", call(&token("ann", 60, &json!({})))).await.json();
    assert_eq!((&placed["dialled"][0]["number"], &placed["dialled"][0]["caller_id"]), (&BOB.into(), &ANN.into()));
    assert_eq!(application.seen()[0].field("CallId"), "7");
    let told = post("play-call", json!({ "call_sid": placed["call_sid"], "talk_seconds": 0 })).await.json();
    assert_eq!(told["told"][0]["call_status"], "completed");

    assert_eq!(post("play-call", json!({ "call_sid": "CA1", "talk_seconds": 0 })).await.status, 404);
    let refused = post("place-call", call("x")).await;
    assert_eq!((refused.status, &refused.json()["code"]), (401, &20_101.into()));
}
