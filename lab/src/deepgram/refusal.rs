//! How the service says no before a stream begins: a status, a body of JSON, and the same text as a header.

use axum::Json;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Names the request in support tickets; on every answer.
pub const REQUEST_ID_HEADER: &str = "dg-request-id";
/// Why the request was refused.
const ERROR_HEADER: &str = "dg-error";

/// Why a connection is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// `err_code` of the body.
    pub code: String,
    /// `err_msg` of the body.
    pub message: String,
}

impl Refusal {
    /// Any refusal, for scripted faults.
    #[must_use]
    pub fn new(status: u16, code: &str, message: &str) -> Self {
        Self { status, code: code.to_owned(), message: message.to_owned() }
    }

    /// A parameter that is unknown, missing or has a bad value.
    pub(super) fn parameter(message: impl Into<String>) -> Self {
        Self { status: 400, code: "INVALID_QUERY_PARAMETER".to_owned(), message: message.into() }
    }

    /// The key is missing or wrong.
    pub(super) fn auth() -> Self {
        Self::new(401, "INVALID_AUTH", "Invalid credentials.")
    }

    /// A request that cannot be served for another reason.
    pub(super) fn bad_request(message: &str) -> Self {
        Self::new(400, "Bad Request", message)
    }

    pub(super) fn response(&self, request_id: &str) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = json!({ "err_code": self.code, "err_msg": self.message, "request_id": request_id });
        let mut response = (status, Json(body)).into_response();
        for (name, value) in [(ERROR_HEADER, self.message.as_str()), (REQUEST_ID_HEADER, request_id)] {
            // A message can quote what the client sent, which need not be fit for a header.
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}
