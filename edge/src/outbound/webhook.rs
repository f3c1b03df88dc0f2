//! The operator's server, which is notified of finished conversations.

use std::time::Duration;

use fourwire_engine::webhook::WebhookRequest;
use fourwire_wire::ids::ConversationId;
use worker::Method;

use crate::log;
use crate::log::millis;
use crate::outbound::http::{self, Outgoing};
use crate::problem::{Problem, kind};

/// How long the operator's server may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// Sends a message; whether it was taken.
pub(crate) async fn send(message: &WebhookRequest, conversation: ConversationId) -> Result<bool, Problem> {
    let headers = message.headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let request = Outgoing::with_body(Method::Post, &message.url, &headers, message.body.expose())?;
    match http::within(ANSWER_TIMEOUT, async |signal| Ok(request.send(signal).await?.status_code())).await {
        Some(Ok(200..300)) => return Ok(true),
        Some(Ok(status)) => log::warning!("webhook_refused", conversation = conversation, status = status),
        Some(Err(error)) => log::warning!("webhook_not_reached", conversation = conversation, error = kind(&error)),
        None => log::warning!("webhook_not_in_time", conversation = conversation, limit_ms = millis(ANSWER_TIMEOUT)),
    }
    Ok(false)
}
