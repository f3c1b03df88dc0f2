//! The operator's server, which is notified of finished conversations.

use std::time::Duration;

use fourwire_engine::webhook::WebhookRequest;
use worker::Method;

use crate::outbound::http::{self, Outgoing};
use crate::problem::{Problem, kind};

/// How long the operator's server may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// Sends a message; whether it was taken.
pub(crate) async fn send(message: &WebhookRequest) -> Result<bool, Problem> {
    let headers = message.headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let request = Outgoing::with_body(Method::Post, &message.url, &headers, message.body.expose())?;
    match http::within(ANSWER_TIMEOUT, async |signal| Ok(request.send(signal).await?.status_code())).await {
        Some(Ok(200..300)) => return Ok(true),
        Some(Ok(status)) => worker::console_warn!("webhook: status {status}"),
        Some(Err(error)) => worker::console_warn!("webhook: not reached: {}", kind(&error)),
        None => worker::console_warn!("webhook: no answer in {} s", ANSWER_TIMEOUT.as_secs()),
    }
    Ok(false)
}
