//! How a request is refused: a status, a sentence for the person who sees it, a code for programs.

use fourwire_engine::config::ConfigError;
use fourwire_engine::conversations::{ChangesError, PageError};
use fourwire_engine::limit::TooOften;
use fourwire_engine::phone::account::AccountError;
use fourwire_engine::phone::claim::Refusal;
use fourwire_engine::phone::destinations::NotAllowed;
use fourwire_engine::phone::number::NumberError;
use fourwire_engine::quota::sessions::SessionError;
use fourwire_engine::record::playback::UnknownTrack;
use fourwire_engine::transcript::UnknownFormat;
use fourwire_engine::user;
use fourwire_wire::event::close;
use fourwire_wire::query::QueryError;
use serde::Serialize;
use thiserror::Error;
use worker::{Response, Result};

use crate::fault::Fault;

/// Why a request is refused.
#[derive(Clone, Debug, Error)]
pub(crate) enum Problem {
    /// There is no `Authorization` header.
    #[error("Authorization header not found")]
    NoAuthorization,
    /// The `Authorization` header holds no good ID token.
    #[error("Invalid authorization token")]
    BadAuthorization,
    /// The user was signed out everywhere after signing in with what the token comes from.
    #[error("Signed out: sign in again")]
    SignedOut,
    /// The issuer's keys cannot be had, so no token can be checked.
    #[error("Sign-in cannot be checked right now. Try again in a moment.")]
    IssuerUnreachable {
        /// In how many seconds it may be asked again.
        retry_after: u64,
    },
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
    /// The conversation's call has not ended yet.
    #[error("The call is still running")]
    NotFinished,
    /// The query asks for audio that there is none of.
    #[error("channel {0}")]
    Track(UnknownTrack),
    /// The query asks for a transcript in a form that there is none of.
    #[error("format {0}")]
    Format(UnknownFormat),
    /// The query of a list cannot be served.
    #[error(transparent)]
    Page(#[from] PageError),
    /// A change cannot be made.
    #[error(transparent)]
    Changes(#[from] ChangesError),
    /// The language model has not summed the conversation up.
    #[error("The summary could not be made. Try again in a moment.")]
    NoSummary,
    /// The listen session belongs to no call of the user that Twilio has told of.
    #[error("There is no such call")]
    NoSuchCall,
    /// The user has reached a limit of what is recorded.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// All users together have reached a limit.
    #[error("{}", close::DEPLOYMENT_LIMIT)]
    Ceiling,
    /// The same was asked too often.
    #[error("Too Many Requests")]
    TooOften(#[from] TooOften),
    /// The body is not what the path takes.
    #[error("The request's body must be JSON of the documented form")]
    Body,
    /// The text is no telephone number.
    #[error(transparent)]
    Number(#[from] NumberError),
    /// The number may not be called.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    /// Twilio does not call the number.
    #[error("This number cannot be called. Check it and try again.")]
    NotCallable,
    /// The user's own numbers or limits do not allow it.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The number's state does not allow it.
    #[error(transparent)]
    Claim(#[from] Refusal),
    /// Twilio did not start the verification.
    #[error("Failed to start verification. Please try again later.")]
    NotStarted,
    /// A webhook does not come from Twilio.
    #[error("Invalid Twilio signature")]
    Signature,
    /// A signed webhook lacks what Twilio always sends.
    #[error("The request's fields are not Twilio's")]
    Fields,
    /// The path is there and takes other methods.
    #[error("Method not allowed")]
    Method {
        /// Those it takes, as the header `Allow` names them.
        allowed: &'static str,
    },
    /// The platform failed, or an object of ours; the log says more.
    #[error("Something went wrong on our side. Try again in a moment.")]
    Internal(#[from] Fault),
}

#[derive(Serialize)]
struct Body<'a> {
    detail: &'a str,
    code: &'static str,
}

impl Problem {
    /// The HTTP status.
    pub(crate) const fn status(&self) -> u16 {
        match self {
            Self::Query(_)
            | Self::Page(_)
            | Self::Track(_)
            | Self::Format(_)
            | Self::Number(_)
            | Self::NotAllowed(_)
            | Self::NotCallable
            | Self::Account(AccountError::None)
            | Self::Fields => 400,
            Self::NoAuthorization | Self::BadAuthorization | Self::SignedOut => 401,
            Self::Signature => 403,
            Self::NotFound | Self::NoConversation | Self::Account(AccountError::Unknown) => 404,
            Self::Method { .. } => 405,
            Self::NoSuchCall
            | Self::NotFinished
            | Self::Account(AccountError::TooMany)
            | Self::Claim(Refusal::Yours(_) | Refusal::Taken | Refusal::InProgress) => 409,
            Self::Body | Self::Changes(_) => 422,
            Self::NotWebSocket => 426,
            Self::Account(AccountError::TooOften(_))
            | Self::Claim(Refusal::TooOften(_))
            | Self::TooOften(_)
            | Self::Session(_) => 429,
            Self::Internal(_) => 500,
            Self::IssuerUnreachable { .. } | Self::Config(_) | Self::NotStarted | Self::NoSummary | Self::Ceiling => {
                503
            }
        }
    }

    /// The stable name, for programs.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Query(error) => error.code(),
            Self::NoAuthorization => "authorization_missing",
            Self::BadAuthorization => "authorization_invalid",
            Self::SignedOut => "signed_out",
            Self::IssuerUnreachable { .. } => "issuer_unreachable",
            Self::NotWebSocket => "websocket_required",
            Self::Config(_) => "not_configured",
            Self::NotFound => "not_found",
            Self::NoConversation => "conversation_not_found",
            Self::Method { .. } => "method_not_allowed",
            Self::NotFinished => "call_running",
            Self::Track(_) => "channel_invalid",
            Self::Format(_) => "format_invalid",
            Self::NoSuchCall => "call_not_found",
            Self::Session(SessionError::TooMany) => "too_many_sessions",
            Self::Session(SessionError::DayUsedUp) => "minutes_used_up",
            Self::Ceiling => "deployment_limit_reached",
            Self::Body | Self::Changes(_) => "body_invalid",
            Self::Page(_) => "page_invalid",
            Self::Number(_) => "number_invalid",
            Self::NotAllowed(_) => "number_not_allowed",
            Self::NotCallable => "number_not_callable",
            Self::Account(AccountError::TooOften(_)) | Self::TooOften(_) => "too_many_requests",
            Self::Account(AccountError::TooMany) => "too_many_numbers",
            Self::Account(AccountError::Unknown) => "number_not_found",
            Self::Account(AccountError::None) => "no_verified_number",
            Self::Claim(Refusal::Yours(_)) => "already_verified",
            Self::Claim(Refusal::Taken) => "number_taken",
            Self::Claim(Refusal::InProgress) => "verification_in_progress",
            Self::Claim(Refusal::TooOften(_)) => "number_called_too_often",
            Self::NotStarted => "verification_not_started",
            Self::NoSummary => "summary_not_made",
            Self::Signature => "signature_invalid",
            Self::Fields => "fields_invalid",
            Self::Internal(_) => "internal",
        }
    }

    /// What the log says of it.
    pub(crate) fn cause(&self) -> String {
        match self {
            Self::Internal(fault) => fault.to_string(),
            problem => problem.code().to_owned(),
        }
    }

    /// Whether a client is told of it on its socket.
    pub(crate) const fn is_told_on_socket(&self) -> bool {
        matches!(self, Self::NoSuchCall | Self::SignedOut | Self::Session(_) | Self::Ceiling)
    }

    /// In how many seconds the same request may be answered, where that is known.
    const fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Account(AccountError::TooOften(TooOften { retry_after }))
            | Self::TooOften(TooOften { retry_after })
            | Self::Claim(Refusal::TooOften(TooOften { retry_after }))
            | Self::IssuerUnreachable { retry_after } => Some(*retry_after),
            Self::NotStarted | Self::NoSummary => Some(30),
            // What was used an hour more than a day ago counts no more.
            Self::Ceiling => Some(3_600),
            _ => None,
        }
    }

    /// Answers with `{"detail": …, "code": …}`.
    pub(crate) fn response(&self) -> Result<Response> {
        let detail = self.to_string();
        let response = Response::from_json(&Body { detail: &detail, code: self.code() })?.with_status(self.status());
        response.headers().set("cache-control", "no-store")?;
        match (self, self.status()) {
            (Self::Method { allowed }, _) => response.headers().set("allow", allowed)?,
            (_, 401) => response.headers().set("www-authenticate", "Bearer")?,
            (_, 426) => response.headers().set("upgrade", "websocket")?,
            _ => {}
        }
        if let Some(seconds) = self.retry_after() {
            response.headers().set("retry-after", &seconds.to_string())?;
        }
        Ok(response)
    }
}

impl From<user::Error> for Problem {
    fn from(error: user::Error) -> Self {
        match error {
            user::Error::Config(error) => error.into(),
            user::Error::Fault(fault) => fault.into(),
        }
    }
}

impl From<worker::Error> for Problem {
    /// Of an operation that has no name. The platform's words may hold addresses or names: they are neither sent nor logged, only the
    /// kind is; but what the database says is about tables of ours.
    fn from(error: worker::Error) -> Self {
        let text = error.to_string();
        Fault::new("platform", if text.contains("SQLITE_") { text } else { kind(&error).to_owned() }).into()
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
