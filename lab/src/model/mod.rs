//! A language model behind an API like `OpenAI`'s, strict about what it is asked, with a writer behind it that needs no
//! model: it makes a summary of a transcript by taking the first lines for it.
//!
//! - `request`, `schema`: what is taken, and how the rest is refused; `problem`: the refusals;
//! - `writer`: what is answered; `faults`: what can go wrong;
//! - [`ModelServer`]: the handle through which a test orders faults and looks at what was asked.
//!
//! # Routes
//! | method | path | answer |
//! | --- | --- | --- |
//! | POST | `/model/v1/chat/completions` | a chat completion whose content conforms to the schema that was sent |
//!
//! Authentication is `Authorization: Bearer` with [`KEY`]. Refusals are `{"error":{"message","type","param","code"}}`; a
//! message that begins with `fourwire-lab is strict` is the lab's own. The lab takes one of the API's several formats,
//! a JSON schema that is strict, and only fields that a summary may need; or only weaker formats, as [`Formats`] says.

mod faults;
mod handle;
mod problem;
mod request;
mod schema;
mod writer;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::post;
use axum::{Json, http::StatusCode};
use serde_json::{Value, json};

pub use faults::Fault;
pub use handle::{Asked, Formats, ModelOptions, ModelServer};
use problem::Problem;
use request::Request;

/// The key that the lab's model takes, unless told otherwise.
pub const KEY: &str = "lab-model-key";
/// The model's name, unless told otherwise.
pub const NAME: &str = "lab-writer";

/// The routes, to be nested under an address's path: `/model`.
pub fn routes(server: ModelServer) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(complete))
        .method_not_allowed_fallback(|| async { Problem::method() })
        .fallback(|| async { Problem::no_such_path() })
        .with_state(server)
}

/// `POST /model/v1/chat/completions`
async fn complete(State(server): State<ModelServer>, headers: HeaderMap, body: Bytes) -> Response {
    let (number, fault) = server.begin(&body);
    if let Some(Fault::Slow(time)) = &fault {
        tokio::time::sleep(*time).await;
    }
    if matches!(fault, Some(Fault::Hang)) {
        return std::future::pending().await;
    }
    let early = fault.as_ref().and_then(Fault::problem).map(IntoResponse::into_response);
    let response = match (early, &fault) {
        (Some(response), _) => response,
        (None, Some(Fault::Garbage)) => Html("<html>A page of some proxy</html>").into_response(),
        (None, _) => match Request::parse(&headers, &body, server.options()) {
            Ok(request) => Json(answer(number, &request, fault.as_ref())).into_response(),
            Err(problem) => problem.into_response(),
        },
    };
    server.finish(number, response.status());
    response
}

/// A chat completion, with what a fault does to it.
fn answer(number: usize, request: &Request, fault: Option<&Fault>) -> Value {
    let text = writer::write(&request.transcript, request.schema.as_ref()).to_string();
    let half = text.chars().take(text.chars().count() / 2).collect::<String>();
    let (content, refusal, finish) = match fault {
        Some(Fault::Refusal) => (Value::Null, Value::from("I'm sorry, I can't help with that."), "stop"),
        Some(Fault::Truncated) => (Value::from(half), Value::Null, "length"),
        Some(Fault::Filtered) => (Value::from(""), Value::Null, "content_filter"),
        Some(Fault::Prose) => (Value::from("Sure! Here is a summary of your call."), Value::Null, "stop"),
        Some(Fault::Content(content)) => (Value::from(content.as_str()), Value::Null, "stop"),
        _ => (Value::from(text.as_str()), Value::Null, "stop"),
    };
    let (asked, written) = (request.words, text.split_whitespace().count());
    json!({
        "id": format!("chatcmpl-lab{number:08}"),
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": request.model,
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": content, "refusal": refusal, "annotations": [] },
            "logprobs": null,
            "finish_reason": finish,
        }],
        "usage": { "prompt_tokens": asked, "completion_tokens": written, "total_tokens": asked + written },
        "service_tier": "default",
        "system_fingerprint": null,
    })
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let error = json!({ "message": self.message, "type": self.kind, "param": self.param, "code": self.code });
        let mut response = (status, Json(json!({ "error": error }))).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(axum::http::header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
