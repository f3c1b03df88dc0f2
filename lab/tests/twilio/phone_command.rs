//! `fourwire-lab phone` against a stand-in for an edge: what a person sees who verifies a number and dials another.

use std::process::Output;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use fourwire_lab::Lab;
use fourwire_lab::twilio::Outcome;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::support::{ANN, lab, start, token};

/// What the stand-in knows: nothing but its lab, and its own address.
#[derive(Clone)]
struct Edge {
    lab: Arc<Lab>,
    origin: String,
}

/// A stand-in that does the least that an edge does.
async fn edge(lab: Arc<Lab>) -> Edge {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let edge = Edge { lab, origin: format!("http://{}", listener.local_addr().unwrap()) };
    let routes = Router::new()
        .route("/v1/phone/numbers/verify", post(verify))
        .route("/v1/phone/numbers/verify/check", post(check))
        .route("/v1/phone/numbers", get(numbers))
        .route("/v1/phone/token", post(access_token))
        .route("/v1/phone/twiml", post(twiml))
        .route("/v1/phone/progress", post(async || StatusCode::NO_CONTENT))
        .route("/v1/phone/calls", get(calls))
        .with_state(edge.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    edge
}

async fn verify(State(edge): State<Edge>, headers: HeaderMap, Json(whose): Json<Value>) -> Response {
    if !headers[header::AUTHORIZATION].to_str().unwrap().starts_with("Bearer ") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let started = start(&edge.lab, &[("PhoneNumber", whose["phone_number"].as_str().unwrap())]).await;
    if started.status == 200 {
        return Json(started.json()).into_response();
    }
    let refusal = json!({ "detail": "Phone number already verified", "code": "already_verified" });
    (StatusCode::CONFLICT, Json(refusal)).into_response()
}

async fn check(State(edge): State<Edge>) -> Json<Value> {
    let outcome = edge.lab.twilio().calls().last().and_then(|call| call.outcome);
    let (verified, status) = match outcome {
        Some(Outcome::Verified) => (true, "verified"),
        Some(Outcome::WrongCode) => (false, "wrong_code"),
        _ => (false, "ringing"),
    };
    Json(json!({ "verified": verified, "phone_number_id": null, "status": status }))
}

async fn numbers(State(edge): State<Edge>) -> Json<Value> {
    let list = edge.lab.twilio().caller_ids();
    let numbers = list.iter().map(|one| json!({ "phone_number": one.number, "is_primary": true }));
    Json(json!({ "numbers": numbers.collect::<Vec<_>>() }))
}

async fn access_token() -> Json<Value> {
    Json(json!({ "access_token": token("developer", 60, &json!({})), "ttl": 60, "identity": "developer" }))
}

async fn twiml(State(edge): State<Edge>) -> impl IntoResponse {
    let progress = format!("{}/v1/phone/progress", edge.origin);
    let number = format!(r#"<Number statusCallback="{progress}">+12025550199</Number>"#);
    let body = format!(r#"<Response><Dial callerId="{ANN}">{number}</Dial></Response>"#);
    ([(header::CONTENT_TYPE, "text/xml")], body)
}

async fn calls() -> Json<Value> {
    let call = json!({ "callee": "+12025550199", "outcome": "completed", "duration": 1, "requested_at": "now" });
    Json(json!({ "calls": [call] }))
}

async fn phone(edge: &Edge, number: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fourwire-lab"))
        .args(["phone", "--edge", &edge.origin, "--lab", &edge.lab.origin(), "--talk", "1", number])
        .kill_on_drop(true)
        .output()
        .await
        .unwrap()
}

fn shown(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn a_number_is_verified_and_another_is_dialled_with_it() {
    let edge = edge(Arc::new(lab().await)).await;
    let first = shown(&phone(&edge, ANN).await);
    let code = edge.lab.twilio().calls()[0].code.expose().clone();
    for part in [
        format!("types {code} on its keys"),
        "  verified\n".to_owned(),
        format!("  {ANN}  (primary)\n"),
        format!("  Dial callerId={ANN}\n    Number \"+12025550199\" statusCallback="),
        format!("Dialled +12025550199, who sees {ANN}.\n"),
        "  completed after 1 s: answered 204\n".to_owned(),
        "  now to +12025550199: completed, 1 s\n".to_owned(),
    ] {
        assert!(first.contains(&part), "{part:?} in\n{first}");
    }
    let again = shown(&phone(&edge, ANN).await);
    assert!(again.starts_with(&format!("{ANN} is verified already.\n")) && again.contains("Dialled"), "{again}");
    assert_eq!(edge.lab.twilio().rings(ANN), 1);
}

#[tokio::test]
async fn a_number_that_is_not_verified_ends_it_with_the_reason() {
    let edge = edge(Arc::new(lab().await)).await;
    let output = phone(&edge, "+12025550001").await;
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said, "fourwire-lab: +12025550001 is not verified: another code was typed\n");
    assert!(edge.lab.twilio().dialled().is_empty());
}
