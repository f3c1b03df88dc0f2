//! Requests to Twilio's API, and what becomes of them within a time that a webhook can wait.

use std::time::Duration;

use fourwire_engine::twilio::caller_ids::{ApiError, ApiRequest, Failed, Verb};
use worker::{AbortSignal, Method};

use crate::log;
use crate::log::millis;
use crate::outbound::http::{self, Outgoing};
use crate::problem::kind;

/// How long Twilio's API may take, all in all. Its webhook waits 15 s for its answer, and two requests must fit.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(4);

/// Sends a request and reads its answer.
pub(crate) async fn send<T>(
    request: &ApiRequest,
    read: impl FnOnce(u16, &[u8]) -> Result<T, ApiError>,
) -> Result<T, Failed> {
    let exchange = async |signal: &AbortSignal| {
        let mut answer = prepare(request)?.send(signal).await?;
        Ok::<_, worker::Error>((answer.status_code(), answer.bytes().await?))
    };
    let (status, body) = match http::within(ANSWER_TIMEOUT, exchange).await {
        Some(Ok(answer)) => answer,
        Some(Err(error)) => {
            log::warning!("twilio_not_reached", error = kind(&error));
            return Err(Failed::Unknown);
        }
        None => {
            log::warning!("twilio_not_in_time", limit_ms = millis(ANSWER_TIMEOUT));
            return Err(Failed::Unknown);
        }
    };
    read(status, &body).map_err(|error| {
        log::warning!("twilio_refused", error = error.to_string());
        error.into()
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
