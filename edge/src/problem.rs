//! How a request is refused: a status, a sentence for the person who sees it, a code for programs.

use fourwire_engine::config::ConfigError;
use fourwire_wire::query::QueryError;
use serde::Serialize;
use thiserror::Error;
use worker::{Response, Result};

/// Why a request is refused.
#[derive(Clone, Debug, Error)]
pub(crate) enum Problem {
    /// There is no `Authorization` header.
    #[error("Authorization header not found")]
    NoAuthorization,
    /// The `Authorization` header holds no good ID token.
    #[error("Invalid authorization token")]
    BadAuthorization,
    /// The issuer's keys cannot be had, so no token can be checked.
    #[error("Sign-in cannot be checked right now. Try again in a moment.")]
    IssuerUnreachable,
    /// The query cannot be served.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The path takes a WebSocket and was asked for something else.
    #[error("This address takes a WebSocket connection")]
    NotWebSocket,
    /// Something is missing that the operator must set.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is nothing at the path.
    #[error("Not found")]
    NotFound,
    /// The user has no such conversation.
    #[error("Conversation not found")]
    NoConversation,
    /// The path is there and takes another method.
    #[error("Method not allowed")]
    Method,
    /// The platform failed, or an object of ours; the log says more.
    #[error("Something went wrong on our side. Try again in a moment.")]
    Internal,
}

#[derive(Serialize)]
struct Body<'a> {
    detail: &'a str,
    code: &'static str,
}

impl Problem {
    /// The HTTP status.
    const fn status(&self) -> u16 {
        match self {
            Self::Query(_) => 400,
            Self::NoAuthorization | Self::BadAuthorization => 401,
            Self::NotFound | Self::NoConversation => 404,
            Self::Method => 405,
            Self::NotWebSocket => 426,
            Self::Internal => 500,
            Self::IssuerUnreachable | Self::Config(_) => 503,
        }
    }

    /// The stable name, for programs.
    const fn code(&self) -> &'static str {
        match self {
            Self::Query(error) => error.code(),
            Self::NoAuthorization => "authorization_missing",
            Self::BadAuthorization => "authorization_invalid",
            Self::IssuerUnreachable => "issuer_unreachable",
            Self::NotWebSocket => "websocket_required",
            Self::Config(_) => "not_configured",
            Self::NotFound => "not_found",
            Self::NoConversation => "conversation_not_found",
            Self::Method => "method_not_allowed",
            Self::Internal => "internal",
        }
    }

    /// Answers with `{"detail": …, "code": …}`.
    pub(crate) fn response(&self) -> Result<Response> {
        let detail = self.to_string();
        let response = Response::from_json(&Body { detail: &detail, code: self.code() })?.with_status(self.status());
        response.headers().set("cache-control", "no-store")?;
        Ok(response)
    }
}

impl From<worker::Error> for Problem {
    /// The platform's words may hold addresses or names: they are neither sent nor logged, only the kind is.
    fn from(error: worker::Error) -> Self {
        worker::console_error!("platform error: {}", kind(&error));
        Self::Internal
    }
}

/// The kind of a platform error, without its text.
pub(crate) const fn kind(error: &worker::Error) -> &'static str {
    match error {
        worker::Error::BadEncoding => "bad encoding",
        worker::Error::BodyUsed => "body used twice",
        worker::Error::Json(_) => "json",
        worker::Error::JsError(_) | worker::Error::Internal(_) => "javascript",
        worker::Error::BindingError(_) => "binding",
        worker::Error::RouteInsertError(_) | worker::Error::RouteNoDataError => "route",
        worker::Error::RustError(_) => "rust",
        worker::Error::SerdeJsonError(_) | worker::Error::SerdeWasmBindgenError(_) => "serialisation",
        _ => "other",
    }
}
