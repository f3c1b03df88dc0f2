//! The API of caller IDs refuses what the real one refuses, by its numbers, and fails as a test orders.

use std::time::Duration;

use axum::http::Method;
use fourwire_lab::twilio::{ACCOUNT_SID, API_KEY_SECRET, API_KEY_SID, AUTH_TOKEN, ApiRequest, Fault, Operation};

use crate::support::{
    ANN, GOOD, LIMIT, caller_id, caller_ids, lab, list, refusal, request, start, try_request, wait_for,
};

const SOON: Duration = Duration::from_millis(300);

#[tokio::test]
async fn only_the_accounts_own_credentials_open_it() {
    let lab = lab().await;
    let path = caller_ids(ACCOUNT_SID);
    for credentials in [
        None,
        Some((ACCOUNT_SID, "wrong")),
        Some((ACCOUNT_SID, API_KEY_SECRET)),
        Some((API_KEY_SID, AUTH_TOKEN)),
        Some(("ACffffffffffffffffffffffffffffffff", AUTH_TOKEN)),
    ] {
        let answer = request(&lab, Method::GET, &path, credentials, &[]).await;
        assert_eq!(refusal(&answer), (401, 20_003), "{credentials:?}");
    }
    for credentials in [(ACCOUNT_SID, AUTH_TOKEN), (API_KEY_SID, API_KEY_SECRET)] {
        assert_eq!(request(&lab, Method::GET, &path, Some(credentials), &[]).await.status, 200);
    }
    let foreign = caller_ids("ACffffffffffffffffffffffffffffffff");
    assert_eq!(refusal(&request(&lab, Method::GET, &foreign, GOOD, &[]).await), (404, 20_404));
}

#[tokio::test]
async fn a_promoted_auth_token_takes_the_place_of_the_one_before() {
    let lab = lab().await;
    lab.twilio().promote_auth_token("another");
    let path = caller_ids(ACCOUNT_SID);
    assert_eq!(request(&lab, Method::GET, &path, GOOD, &[]).await.status, 401);
    assert_eq!(request(&lab, Method::GET, &path, Some((ACCOUNT_SID, "another")), &[]).await.status, 200);
}

#[tokio::test]
async fn a_bad_request_for_a_verification_is_refused_and_rings_nobody() {
    let lab = lab().await;
    let long_name = "n".repeat(65);
    let long_url = format!("https://calls.example.test/{}", "x".repeat(1000));
    for (field, value, code) in [
        ("PhoneNumber", "", 21_211),
        ("PhoneNumber", "555-0123", 21_211),
        ("PhoneNumber", "+1202555012", 21_211),
        ("PhoneNumber", " 12025550123", 21_211),
        ("FriendlyName", &long_name, 20_001),
        ("CallDelay", "61", 21_454),
        ("CallDelay", "-1", 21_454),
        ("CallDelay", "1.5", 21_454),
        ("Extension", "12a", 20_001),
        ("StatusCallback", "calls.example.test/status", 21_609),
        ("StatusCallback", "ftp://calls.example.test/status", 21_609),
        ("StatusCallback", "https://my_calls.example.test/status", 21_609),
        ("StatusCallback", &long_url, 21_609),
        ("StatusCallbackMethod", "PUT", 21_209),
        ("PhoneNumbre", ANN, 20_001),
    ] {
        let mut form = vec![("PhoneNumber", ANN), (field, value)];
        form.retain(|(name, given)| *name != field || *given == value);
        assert_eq!(refusal(&start(&lab, &form).await), (400, code), "{field}={value}");
    }
    assert_eq!(refusal(&start(&lab, &[]).await), (400, 20_001));
    assert_eq!(refusal(&start(&lab, &[("PhoneNumber", ANN), ("PhoneNumber", ANN)]).await), (400, 20_001));
    assert!(lab.twilio().calls().is_empty());
}

#[tokio::test]
async fn a_number_is_rung_once_at_a_time_and_never_again_when_it_is_verified() {
    let lab = lab().await;
    let answer = start(&lab, &[("PhoneNumber", "+1 (202) 555-0123")]).await;
    let started = answer.json();
    assert_eq!(answer.status, 200);
    assert_eq!((&started["phone_number"], &started["friendly_name"]), (&ANN.into(), &"(202) 555-0123".into()));
    let call = &lab.twilio().calls()[0];
    assert_eq!(started["validation_code"], call.code.expose().as_str());
    assert_eq!((call.code.expose().len(), &started["call_sid"]), (6, &call.call_sid.as_str().into()));
    assert_eq!(refusal(&start(&lab, &[("PhoneNumber", ANN)]).await), (400, 21_450), "while it rings");
    wait_for(lab.twilio(), 1, 0).await;
    assert_eq!(refusal(&start(&lab, &[("PhoneNumber", ANN)]).await), (400, 21_450), "when it is verified");
    assert_eq!(lab.twilio().rings(ANN), 1);
}

#[tokio::test]
async fn a_caller_id_is_fetched_renamed_and_deleted() {
    let lab = lab().await;
    let sid = lab.twilio().add_caller_id(ANN);
    let path = caller_id(&sid);
    let fetched = request(&lab, Method::GET, &path, GOOD, &[]).await.json();
    assert_eq!((&fetched["sid"], &fetched["phone_number"]), (&sid.as_str().into(), &ANN.into()));
    assert_eq!((&fetched["uri"], &fetched["account_sid"]), (&path.as_str().into(), &ACCOUNT_SID.into()));
    let created = fetched["date_created"].as_str().unwrap();
    assert!(created.ends_with(" +0000") && created.contains(", "), "{created}");

    let renamed = request(&lab, Method::POST, &path, GOOD, &[("FriendlyName", "Ann's")]).await;
    assert_eq!((renamed.status, &renamed.json()["friendly_name"]), (200, &"Ann's".into()));
    assert_eq!(refusal(&request(&lab, Method::POST, &path, GOOD, &[("Name", "Ann")]).await), (400, 20_001));

    let deleted = request(&lab, Method::DELETE, &path, GOOD, &[]).await;
    assert_eq!((deleted.status, deleted.body.len()), (204, 0));
    for method in [Method::GET, Method::POST, Method::DELETE] {
        assert_eq!(refusal(&request(&lab, method, &path, GOOD, &[]).await), (404, 20_404));
    }
    assert!(lab.twilio().caller_ids().is_empty());
}

#[tokio::test]
async fn what_is_no_resource_is_404_and_what_is_no_method_405() {
    let lab = lab().await;
    let path = format!("/2010-04-01/Accounts/{ACCOUNT_SID}/Calls.json");
    assert_eq!(refusal(&request(&lab, Method::GET, &path, GOOD, &[]).await), (404, 20_404));
    let answer = request(&lab, Method::PUT, &caller_ids(ACCOUNT_SID), GOOD, &[]).await;
    assert_eq!(refusal(&answer), (405, 20_004));
    let sid = lab.twilio().add_caller_id(ANN);
    let without_ending = caller_id(&sid).replace(&format!("{sid}.json"), &sid);
    assert_eq!(refusal(&request(&lab, Method::GET, &without_ending, GOOD, &[]).await), (404, 20_404));
}

#[tokio::test]
async fn a_list_finds_exact_numbers_and_goes_page_by_page() {
    let lab = lab().await;
    let numbers = ["+12025550110", "+12025550111", "+12025550112"];
    for number in numbers {
        lab.twilio().add_caller_id(number);
    }
    let shown = |page: &serde_json::Value| {
        let list = page["outgoing_caller_ids"].as_array().unwrap().iter();
        list.map(|one| one["phone_number"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };

    let found = list(&lab, "PhoneNumber=%2B12025550111").await.json();
    assert_eq!(shown(&found), [numbers[1]]);
    assert!(shown(&list(&lab, "PhoneNumber=%2B1202555011").await.json()).is_empty(), "not by a part of it");
    assert!(shown(&list(&lab, "PhoneNumber=+12025550111").await.json()).is_empty(), "a plus must be encoded");
    assert_eq!(shown(&list(&lab, "FriendlyName=(202)%20555-0112").await.json()), [numbers[2]]);

    let first = list(&lab, "PageSize=2").await.json();
    assert_eq!(shown(&first), numbers[..2]);
    assert_eq!((&first["start"], &first["end"], &first["page"]), (&0.into(), &1.into(), &0.into()));
    assert!(first["previous_page_uri"].is_null());
    let next = first["next_page_uri"].as_str().unwrap();
    let second = request(&lab, Method::GET, next, GOOD, &[]).await.json();
    assert_eq!(shown(&second), numbers[2..]);
    assert!(second["next_page_uri"].is_null() && second["previous_page_uri"].is_string());
    for query in ["PageSize=0", "PageSize=1001", "Page=x", "Number=1"] {
        assert_eq!(refusal(&list(&lab, query).await), (400, 20_001), "{query}");
    }
    assert_eq!(refusal(&list(&lab, "PageToken=1").await), (400, 21_481));
}

#[tokio::test]
async fn ordered_faults_strike_so_many_requests_and_carry_nothing_out() {
    let lab = lab().await;
    let number = [("PhoneNumber", ANN)];
    lab.twilio().fail(1, Fault::Down);
    lab.twilio().fail(1, Fault::TooMany);
    lab.twilio().fail_on(Operation::Start, 1, Fault::Refuse { status: 400, code: 21_215 });
    lab.twilio().fail_on(Operation::List, 1, Fault::Garbage);
    assert_eq!(refusal(&start(&lab, &number).await), (503, 20_503));
    assert_eq!(refusal(&start(&lab, &number).await), (429, 20_429));
    let garbage = list(&lab, "").await;
    assert_eq!((garbage.status, garbage.json()), (200, serde_json::Value::Null));
    assert_eq!(refusal(&start(&lab, &number).await), (400, 21_215));
    assert_eq!(lab.twilio().rings(ANN), 0);
    assert_eq!(start(&lab, &number).await.status, 200);
    let statuses: Vec<_> = lab.twilio().requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [Some(503), Some(429), Some(200), Some(400), Some(200)]);
}

#[tokio::test]
async fn an_answer_can_be_late_or_lost_or_the_request_itself() {
    let lab = lab().await;
    let path = caller_ids(ACCOUNT_SID);
    let ask = |number: &'static str| {
        let (lab, path) = (&lab, path.as_str());
        async move { try_request(lab, Method::POST, path, GOOD, &[("PhoneNumber", number)], SOON).await }
    };
    lab.twilio().fail_on(Operation::Start, 1, Fault::Hang);
    assert!(ask(ANN).await.is_err());
    assert_eq!(lab.twilio().rings(ANN), 0);
    assert_eq!(lab.twilio().requests()[0], ApiRequest { operation: Operation::Start, status: None });

    lab.twilio().fail_on(Operation::Start, 1, Fault::LostAnswer);
    assert!(ask(ANN).await.is_err());
    assert_eq!(lab.twilio().rings(ANN), 1, "it rings all the same");

    lab.twilio().fail_on(Operation::List, u32::MAX, Fault::Slow(SOON));
    let begun = tokio::time::Instant::now();
    assert_eq!(list(&lab, "").await.status, 200);
    assert!((SOON..LIMIT).contains(&begun.elapsed()));
    lab.twilio().heal();
    assert!(try_request(&lab, Method::GET, &path, GOOD, &[], SOON).await.is_ok());
}
