//! Requests to Twilio's API, and what becomes of them within a time that a webhook can wait.

use std::time::Duration;

use fourwire_engine::twilio::caller_ids::{ApiError, ApiRequest, Verb};
use futures_util::future::{Either, select};
use serde::{Deserialize, Serialize};
use worker::wasm_bindgen::JsValue;
use worker::{AbortController, Delay, Fetch, Method, Request, RequestInit};

use crate::problem::kind;

/// How long Twilio's API may take, all in all. Its webhook waits 15 s for its answer, and two requests must fit.
const PATIENCE: Duration = Duration::from_secs(4);

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
    let abort = AbortController::default();
    let signal = abort.signal();
    let exchange = Box::pin(async {
        let mut answer = Fetch::Request(prepare(request)?).send_with_signal(&signal).await?;
        Ok::<_, worker::Error>((answer.status_code(), answer.bytes().await?))
    });
    let (status, body) = match select(exchange, Delay::from(PATIENCE)).await {
        Either::Left((Ok(answer), _)) => answer,
        Either::Left((Err(error), _)) => {
            worker::console_warn!("twilio: not reached: {}", kind(&error));
            return Err(Failed::Unknown);
        }
        Either::Right(_) => {
            abort.abort();
            worker::console_warn!("twilio: no answer in {} s", PATIENCE.as_secs());
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

fn prepare(request: &ApiRequest) -> worker::Result<Request> {
    let mut init = RequestInit::new();
    init.with_method(match request.verb {
        Verb::Get => Method::Get,
        Verb::Post => Method::Post,
        Verb::Delete => Method::Delete,
    });
    init.headers.set("authorization", request.authorization.expose())?;
    if let Some(form) = &request.form {
        init.headers.set("content-type", "application/x-www-form-urlencoded")?;
        init.with_body(Some(JsValue::from_str(form.expose())));
    }
    Request::new_with_init(request.url.expose(), &init)
}
