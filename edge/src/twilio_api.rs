//! Requests to Twilio's API, and what becomes of them within a time that a webhook can wait.

use std::time::Duration;

use fourwire_engine::twilio::caller_ids::{ApiError, ApiRequest, Verb};
use serde::{Deserialize, Serialize};
use worker::{AbortSignal, Method};

use crate::outbound::{self, Outgoing};
use crate::problem::kind;

/// How long Twilio's API may take, all in all. Its webhook waits 15 s for its answer, and two requests must fit.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(4);

/// Why there is no good answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Failed {
    /// Twilio has surely done nothing, and says why.
    Refused(Reason),
    /// Whether Twilio has done it is not known: it did not answer in time, or said that it is in trouble itself.
    Unknown,
}

/// What a refusal means to the person who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Reason {
    /// The number is known at Twilio already, or is being verified.
    AlreadyKnown,
    /// The number cannot be called.
    NotCallable,
    /// Twilio wants to be asked less often.
    TooMany,
    /// Anything that only the operator can mend; the log says what.
    Ours,
}

/// Sends a request and reads its answer.
pub(crate) async fn ask<T>(
    request: &ApiRequest,
    read: impl FnOnce(u16, &[u8]) -> Result<T, ApiError>,
) -> Result<T, Failed> {
    let exchange = async |signal: &AbortSignal| {
        let mut answer = prepare(request)?.send(signal).await?;
        Ok::<_, worker::Error>((answer.status_code(), answer.bytes().await?))
    };
    let (status, body) = match outbound::within(ANSWER_TIMEOUT, exchange).await {
        Some(Ok(answer)) => answer,
        Some(Err(error)) => {
            worker::console_warn!("twilio: not reached: {}", kind(&error));
            return Err(Failed::Unknown);
        }
        None => {
            worker::console_warn!("twilio: no answer in {} s", ANSWER_TIMEOUT.as_secs());
            return Err(Failed::Unknown);
        }
    };
    read(status, &body).map_err(|error| {
        worker::console_warn!("twilio: {error}");
        if !error.nothing_happened() {
            return Failed::Unknown;
        }
        Failed::Refused(match error {
            ApiError::AlreadyKnown => Reason::AlreadyKnown,
            ApiError::NotCallable => Reason::NotCallable,
            ApiError::TooMany => Reason::TooMany,
            ApiError::Credentials | ApiError::Other(..) => Reason::Ours,
        })
    })
}

fn prepare(request: &ApiRequest) -> worker::Result<Outgoing> {
    let method = match request.verb {
        Verb::Get => Method::Get,
        Verb::Post => Method::Post,
        Verb::Delete => Method::Delete,
    };
    let authorization = ("authorization", request.authorization.expose().as_str());
    let url = request.url.expose();
    match &request.form {
        None => Outgoing::new(method, url, &[authorization]),
        Some(form) => {
            let headers = [authorization, ("content-type", "application/x-www-form-urlencoded")];
            Outgoing::with_body(method, url, &headers, form.expose())
        }
    }
}
