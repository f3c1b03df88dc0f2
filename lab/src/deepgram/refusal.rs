//! How the service says no before a stream begins: a status, a body of JSON, and the same text as a header.
//!
//! Codes and texts are those of <https://developers.deepgram.com/docs/errors>, as far as they are listed there.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

/// Names the request in support tickets; on every answer.
pub const REQUEST_ID_HEADER: &str = "dg-request-id";
/// Why the request was refused.
const ERROR_HEADER: &str = "dg-error";

/// What the service refuses for. The names in JSON are those of the variants in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// 400: the model does not have the language.
    Language,
    /// 400: a parameter is unknown or has a bad value.
    Parameter,
    /// 401: the key is missing or wrong.
    Auth,
    /// 401: the key may not do this.
    Permission,
    /// 402: no credit is left.
    Payment,
    /// 403: the project may not use the model.
    Model,
    /// 429: too many streams at once.
    Rate,
    /// 429: what the project may use in a day is used up. Deepgram documents no such answer; other services of the protocol
    /// have one: <https://developers.cloudflare.com/workers-ai/platform/errors/>
    Quota,
    /// 500: the service failed.
    Internal,
    /// 503: the service is overloaded or in maintenance.
    Unavailable,
}

impl RefusalKind {
    const fn parts(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::Language => (400, "Bad Request", "Bad Request: No such model/language/tier combination found."),
            Self::Parameter => (400, "INVALID_QUERY_PARAMETER", "Invalid query parameter."),
            Self::Auth => (401, "INVALID_AUTH", "Invalid credentials."),
            Self::Permission => (401, "INSUFFICIENT_PERMISSIONS", "User does not have sufficient permissions."),
            Self::Payment => (402, "ASR_PAYMENT_REQUIRED", "Project does not have enough credits for an ASR request."),
            Self::Model => (403, "INSUFFICIENT_PERMISSIONS", "Project does not have access to the requested model."),
            Self::Rate => (429, "TOO_MANY_REQUESTS", "Too many requests. Please try again later."),
            Self::Quota => (429, "TOO_MANY_REQUESTS", "The daily quota of the project is exhausted."),
            Self::Internal => (500, "INTERNAL_SERVER_ERROR", "Internal server error."),
            Self::Unavailable => (503, "SERVICE_UNAVAILABLE", "Service unavailable. Please try again later."),
        }
    }
}

/// Why a connection is refused.
///
/// In JSON: a [`RefusalKind`] (`"rate"`), a kind with more (`{"kind":"rate","retry_after":30}`), or an answer of its own
/// (`{"status":502,"code":"BAD_GATEWAY","message":"…"}`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "Form")]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// `err_code` of the body.
    pub code: String,
    /// `err_msg` of the body.
    pub message: String,
    /// `Retry-After`, in seconds; none: there is no such header.
    pub retry_after: Option<u32>,
}

/// The forms that a refusal has in JSON.
#[derive(Deserialize)]
#[serde(untagged)]
enum Form {
    Kind(RefusalKind),
    More(More),
    Own(Own),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct More {
    kind: RefusalKind,
    retry_after: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Own {
    status: u16,
    code: String,
    message: String,
    retry_after: Option<u32>,
}

impl From<Form> for Refusal {
    fn from(form: Form) -> Self {
        match form {
            Form::Kind(kind) => Self::of(kind),
            Form::More(More { kind, retry_after }) => Self { retry_after, ..Self::of(kind) },
            Form::Own(Own { status, code, message, retry_after }) => Self { status, code, message, retry_after },
        }
    }
}

impl Refusal {
    /// Any refusal, for scripted faults.
    #[must_use]
    pub fn new(status: u16, code: &str, message: &str) -> Self {
        Self { status, code: code.to_owned(), message: message.to_owned(), retry_after: None }
    }

    /// The service's own answer.
    #[must_use]
    pub fn of(kind: RefusalKind) -> Self {
        let (status, code, message) = kind.parts();
        Self::new(status, code, message)
    }

    /// A parameter that is unknown, missing or has a bad value.
    pub(super) fn parameter(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::of(RefusalKind::Parameter) }
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
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
