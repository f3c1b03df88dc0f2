//! The lab's own routes beside the API: they place and play calls for a program that has no browser.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::handle::Twilio;
use super::records::{Delivery, Leg, PlacedCall};
use super::voice::PlaceCall;

/// What `place-call` is told.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    webhook_url: String,
    access_token: String,
    to: Option<String>,
    #[serde(default)]
    params: BTreeMap<String, String>,
}

/// What `play-call` is told.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Play {
    /// The SID of the browser's leg.
    call_sid: String,
    talk_seconds: u64,
}

/// `POST /twilio/lab/place-call`
pub(super) async fn place_call(State(twilio): State<Twilio>, Json(place): Json<Place>) -> Response {
    let Place { webhook_url, access_token, to, params } = place;
    let call = PlaceCall::with_token(webhook_url, access_token);
    let call = params.into_iter().fold(call, |call, (name, value)| call.param(name, value));
    let call = match to {
        Some(number) => call.to(number),
        None => call,
    };
    match twilio.place_call(&call).await {
        Ok(placed) => Json(shown(&placed)).into_response(),
        Err(error) => {
            let body =
                json!({ "code": error.code, "message": format!("The access token is refused: {}", error.reason) });
            (StatusCode::UNAUTHORIZED, Json(body)).into_response()
        }
    }
}

/// `POST /twilio/lab/play-call`
pub(super) async fn play_call(State(twilio): State<Twilio>, Json(play): Json<Play>) -> Response {
    let Some(call) = twilio.placed_call(&play.call_sid) else {
        return (StatusCode::NOT_FOUND, Json(json!({ "message": "There is no such call" }))).into_response();
    };
    let mut told = Vec::new();
    for leg in &call.legs {
        told.extend(twilio.play(leg, Duration::from_secs(play.talk_seconds)).await);
    }
    let told: Vec<Value> = told.iter().map(told_of).collect();
    Json(json!({ "told": told })).into_response()
}

fn shown(call: &PlacedCall) -> Value {
    let problem = |problem: &super::CallProblem| json!({ "code": problem.code, "message": problem.message });
    json!({
        "call_sid": call.call_sid,
        "status": call.status,
        "content_type": call.content_type,
        "body": call.body,
        "problems": call.problems.iter().map(problem).collect::<Vec<_>>(),
        "dialled": call.legs.iter().map(dialled).collect::<Vec<_>>(),
    })
}

fn dialled(leg: &Leg) -> Value {
    json!({
        "call_sid": leg.call_sid,
        "number": leg.number,
        "caller_id": leg.caller_id,
        "time_limit": leg.time_limit.map(|limit| limit.as_secs()),
        "status_callback": leg.status_callback(),
        "events": leg.events,
    })
}

fn told_of(delivery: &Delivery) -> Value {
    json!({
        "call_status": delivery.field("CallStatus"),
        "sequence": delivery.field("SequenceNumber"),
        "duration": delivery.field("CallDuration"),
        "status": delivery.answer.as_ref().ok(),
        "error": delivery.answer.as_ref().err(),
    })
}
