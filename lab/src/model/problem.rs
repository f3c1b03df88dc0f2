//! How the API says no: a status, and an error with a type, a code and the field that it is about.

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) status: u16,
    pub(super) kind: &'static str,
    pub(super) code: Option<&'static str>,
    pub(super) param: Option<String>,
    pub(super) message: String,
    pub(super) retry_after: Option<u32>,
}

impl Problem {
    fn new(status: u16, kind: &'static str, code: Option<&'static str>, message: impl Into<String>) -> Self {
        Self { status, kind, code, param: None, message: message.into(), retry_after: None }
    }

    /// A bad request, and the field that is bad.
    pub(super) fn bad(param: &str, code: &'static str, message: impl Into<String>) -> Self {
        let problem = Self::new(400, "invalid_request_error", Some(code), message);
        Self { param: Some(param.to_owned()), ..problem }
    }

    /// A request that the lab refuses though the real service would take it, or it is not known whether it would.
    pub(super) fn strict(param: &str, message: impl std::fmt::Display) -> Self {
        Self::bad(param, "invalid_value", format!("fourwire-lab is strict: {message}"))
    }

    /// A schema that structured outputs do not take.
    pub(super) fn schema(path: &str, message: impl std::fmt::Display) -> Self {
        let message = format!("Invalid schema for response_format: In context={path}, {message}.");
        Self::bad("response_format", "invalid_json_schema", message)
    }

    pub(super) fn body(message: &str) -> Self {
        Self::new(400, "invalid_request_error", None, message)
    }

    pub(super) fn key() -> Self {
        Self::new(401, "invalid_request_error", Some("invalid_api_key"), "Incorrect API key provided.")
    }

    pub(super) fn no_such_model(name: &str) -> Self {
        let message = format!("The model `{name}` does not exist or you do not have access to it.");
        Self::new(404, "invalid_request_error", Some("model_not_found"), message)
    }

    pub(super) fn no_such_path() -> Self {
        Self::new(404, "invalid_request_error", Some("unknown_url"), "Unknown request URL.")
    }

    pub(super) fn method() -> Self {
        Self::new(405, "invalid_request_error", Some("method_not_supported"), "Not allowed to send this method.")
    }

    pub(super) fn too_many(retry_after: Option<u32>) -> Self {
        let problem = Self::new(429, "requests", Some("rate_limit_exceeded"), "Rate limit reached.");
        Self { retry_after, ..problem }
    }

    pub(super) fn quota() -> Self {
        Self::new(429, "insufficient_quota", Some("insufficient_quota"), "You exceeded your current quota.")
    }

    pub(super) fn down(status: u16) -> Self {
        Self::new(status, "server_error", None, "The server had an error while processing your request.")
    }
}
