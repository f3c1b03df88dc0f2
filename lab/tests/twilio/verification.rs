//! A number is rung as its last digits or a test say, and the application is told of it by a signed request.

use std::time::Duration;

use axum::http::Method;
use fourwire_lab::twilio::{AUTH_TOKEN, Course, Outcome, Signing};

use crate::support::{ANN, Application, LIMIT, lab, refusal, start, wait_for};

#[tokio::test]
async fn a_verified_number_is_listed_before_the_application_is_told() {
    let (lab, application) = (lab().await, Application::start().await);
    let url = format!("{}/status?call=1", application.origin);
    start(&lab, &[("PhoneNumber", ANN), ("FriendlyName", "Ann"), ("StatusCallback", &url)]).await;
    wait_for(lab.twilio(), 1, 1).await;

    let caller_id = &lab.twilio().caller_ids()[0];
    assert_eq!((caller_id.number.expose().as_str(), caller_id.friendly_name.expose().as_str()), (ANN, "Ann"));
    let told = &application.seen()[0];
    assert_eq!((&told.method, told.target.as_str()), (&Method::POST, "/status?call=1"));
    for (name, value) in [
        ("VerificationStatus", "success"),
        ("OutgoingCallerIdSid", &caller_id.sid),
        ("CallSid", &lab.twilio().calls()[0].call_sid),
        ("CallStatus", "completed"),
        ("To", ANN),
        ("CalledCity", ""),
    ] {
        assert_eq!(told.field(name), value, "{name}");
    }
    assert!(told.is_signed(AUTH_TOKEN, &application.origin));
    assert_eq!(told.headers["user-agent"], "TwilioProxy/1.1");
    assert!(told.headers["content-type"].to_str().unwrap().starts_with("application/x-www-form-urlencoded"));
    assert!(told.headers.contains_key("i-twilio-idempotency-token"));
    assert_eq!(lab.twilio().deliveries()[0].answer, Ok(204));
}

#[tokio::test]
async fn a_number_that_is_not_verified_is_not_listed_and_may_be_rung_again() {
    let (lab, application) = (lab().await, Application::start().await);
    let url = format!("{}/status", application.origin);
    let failures = [
        ("+12025550001", "completed", Outcome::WrongCode),
        ("+12025550002", "no-answer", Outcome::NoAnswer),
        ("+12025550005", "busy", Outcome::Busy),
        ("+12025550006", "failed", Outcome::Failed),
    ];
    for (turn, (number, status, outcome)) in failures.into_iter().enumerate() {
        start(&lab, &[("PhoneNumber", number), ("StatusCallback", &url)]).await;
        wait_for(lab.twilio(), turn + 1, turn + 1).await;
        let told = &application.seen()[turn];
        assert_eq!((told.field("VerificationStatus"), told.field("CallStatus")), ("failed", status));
        assert!(told.all("OutgoingCallerIdSid").is_empty());
        assert_eq!(lab.twilio().calls()[turn].outcome, Some(outcome));
    }
    assert!(lab.twilio().caller_ids().is_empty());
    assert_eq!(start(&lab, &[("PhoneNumber", failures[0].0)]).await.status, 200);
    assert_eq!(lab.twilio().rings(failures[0].0), 2);
}

#[tokio::test]
async fn a_callback_can_be_lost_though_the_number_is_verified() {
    let (lab, application) = (lab().await, Application::start().await);
    start(&lab, &[("PhoneNumber", "+12025550003"), ("StatusCallback", &application.origin)]).await;
    wait_for(lab.twilio(), 1, 0).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!((lab.twilio().caller_ids().len(), application.seen().len()), (1, 0));
}

#[tokio::test]
async fn a_call_waits_as_long_as_it_was_told_and_a_late_one_rings_long() {
    let lab = lab().await;
    for (turn, (number, delay, least)) in
        [("+12025550120", "4", 500), ("+12025550004", "0", 500)].into_iter().enumerate()
    {
        let begun = tokio::time::Instant::now();
        start(&lab, &[("PhoneNumber", number), ("CallDelay", delay)]).await;
        wait_for(lab.twilio(), turn + 1, 0).await;
        assert!((Duration::from_millis(least)..LIMIT).contains(&begun.elapsed()), "{number}");
    }
    assert_eq!(lab.twilio().calls()[0].call_delay, 4);
}

#[tokio::test]
async fn a_test_decides_how_a_number_goes_and_when() {
    let lab = lab().await;
    lab.twilio().will("+12025550121", Outcome::Busy);
    lab.twilio().will(ANN, Course::Manual);
    start(&lab, &[("PhoneNumber", "+12025550121")]).await;
    start(&lab, &[("PhoneNumber", ANN)]).await;
    wait_for(lab.twilio(), 1, 0).await;
    assert_eq!(lab.twilio().calls()[0].outcome, Some(Outcome::Busy));
    assert_eq!(refusal(&start(&lab, &[("PhoneNumber", ANN)]).await), (400, 21_450), "it rings on");

    assert!(lab.twilio().finish(ANN, Outcome::WrongCode));
    wait_for(lab.twilio(), 2, 0).await;
    assert!(!lab.twilio().finish(ANN, Outcome::Verified), "it is over");
    let again = start(&lab, &[("PhoneNumber", ANN)]).await.json();
    assert!(lab.twilio().finish(again["call_sid"].as_str().unwrap(), Outcome::Verified));
    wait_for(lab.twilio(), 3, 0).await;
    assert_eq!(lab.twilio().caller_ids().len(), 1);
    lab.twilio().remove_caller_id(ANN);
    assert!(lab.twilio().caller_ids().is_empty());
}

#[tokio::test]
async fn a_callback_by_get_has_its_fields_in_the_signed_address() {
    let (lab, application) = (lab().await, Application::start().await);
    let url = format!("{}/status?a=1", application.origin);
    start(&lab, &[("PhoneNumber", ANN), ("StatusCallback", &url), ("StatusCallbackMethod", "GET")]).await;
    wait_for(lab.twilio(), 1, 1).await;
    let told = &application.seen()[0];
    assert_eq!((&told.method, told.form.len()), (&Method::GET, 0));
    assert!(told.target.starts_with("/status?a=1&") && told.target.contains("&VerificationStatus=success"));
    assert!(told.is_signed(AUTH_TOKEN, &application.origin));
}

#[tokio::test]
async fn a_public_address_is_signed_and_its_place_on_this_machine_is_reached() {
    let (lab, application) = (lab().await, Application::start().await);
    lab.twilio().reach("https://calls.example.test", &application.origin);
    start(&lab, &[("PhoneNumber", ANN), ("StatusCallback", "https://calls.example.test/status")]).await;
    wait_for(lab.twilio(), 1, 1).await;
    let told = &application.seen()[0];
    assert!(told.is_signed(AUTH_TOKEN, "https://calls.example.test"));
    assert_eq!(told.headers["host"], "calls.example.test");
}

#[tokio::test]
async fn an_application_that_is_not_there_changes_nothing() {
    let lab = lab().await;
    let nowhere = "http://127.0.0.1:1/status";
    start(&lab, &[("PhoneNumber", ANN), ("StatusCallback", nowhere)]).await;
    wait_for(lab.twilio(), 1, 1).await;
    assert!(lab.twilio().deliveries()[0].answer.is_err());
    assert_eq!(lab.twilio().caller_ids().len(), 1);
}

#[tokio::test]
async fn signatures_can_be_forged_missing_or_for_other_fields() {
    let (lab, application) = (lab().await, Application::start().await);
    let url = format!("{}/status", application.origin);
    let turns = [
        (Signing::Forged, false, true),
        (Signing::Tampered, false, true),
        (Signing::Missing, false, false),
        (Signing::Good, true, true),
    ];
    for (turn, (signing, is_good, is_there)) in turns.into_iter().enumerate() {
        lab.twilio().sign_webhooks(signing);
        start(&lab, &[("PhoneNumber", "+12025550001"), ("StatusCallback", &url)]).await;
        wait_for(lab.twilio(), turn + 1, turn + 1).await;
        let told = &application.seen()[turn];
        assert_eq!(told.is_signed(AUTH_TOKEN, &application.origin), is_good, "{signing:?}");
        assert_eq!(told.headers.contains_key("x-twilio-signature"), is_there, "{signing:?}");
    }
}
