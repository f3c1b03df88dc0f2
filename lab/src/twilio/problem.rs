//! How the API says no: a status, and a body with Twilio's own error number.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Credentials are missing or wrong.
const AUTHENTICATION: u32 = 20_003;
/// The method is not one of the resource's.
const METHOD: u32 = 20_004;
/// A parameter is unknown. The lab also says it where the real number is not known: see [`Problem::strict`].
const PARAMETER: u32 = 20_001;
/// There is no such resource.
const NOT_FOUND: u32 = 20_404;
/// Too many requests; the request was not processed.
const TOO_MANY: u32 = 20_429;
/// The service is down.
const DOWN: u32 = 20_503;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// Twilio's error number.
    pub code: u32,
    /// A sentence for people.
    pub message: String,
}

impl Problem {
    /// Any refusal.
    #[must_use]
    pub fn new(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// A bad request with one of Twilio's numbers.
    pub(super) fn bad(code: u32, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    /// A request that the lab refuses though it is not known how, or whether, the real service would.
    pub(super) fn strict(message: impl std::fmt::Display) -> Self {
        Self::bad(PARAMETER, format!("fourwire-lab is strict: {message}"))
    }

    pub(super) fn authentication() -> Self {
        Self::new(401, AUTHENTICATION, "Authenticate")
    }

    pub(super) fn not_found(path: &str) -> Self {
        Self::new(404, NOT_FOUND, format!("The requested resource {path} was not found"))
    }

    pub(super) fn method() -> Self {
        Self::new(405, METHOD, "Method not allowed")
    }

    pub(super) fn too_many() -> Self {
        Self::new(429, TOO_MANY, "Too Many Requests")
    }

    pub(super) fn down() -> Self {
        Self::new(503, DOWN, "Service unavailable")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { status, code, message } = self;
        let more_info = format!("https://www.twilio.com/docs/errors/{code}");
        let body = json!({ "code": code, "message": message, "more_info": more_info, "status": status });
        (StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), Json(body)).into_response()
    }
}
