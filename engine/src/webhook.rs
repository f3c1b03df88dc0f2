//! The webhook that tells an operator's own server of a finished conversation, signed as the Standard Webhooks specification
//! says (`v1`): HMAC-SHA256 over `{id}.{timestamp}.{body}`, so that libraries for it exist in most languages.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use fourwire_wire::conversation::Conversation;
use fourwire_wire::ids::UserId;
use fourwire_wire::pii::Pii;
use fourwire_wire::units::UnixMillis;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;
use thiserror::Error;

use crate::outbound::OutboundUrl;

/// What a secret begins with.
const SECRET_PREFIX: &str = "whsec_";
/// Least and most bytes of a secret, by the specification.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// What is told.
const FINISHED: &str = "conversation.finished";

/// A text is no secret of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be whsec_ followed by 24 to 64 random bytes in base64")]
pub struct SecretError;

/// Where finished conversations are told of.
#[derive(Clone, Debug)]
pub struct Webhook {
    url: OutboundUrl,
    secret: Pii<Vec<u8>>,
}

/// A request to be sent: a `POST` of JSON.
#[derive(Debug)]
pub struct WebhookRequest {
    /// Where.
    pub url: String,
    /// Its headers.
    pub headers: [(&'static str, String); 4],
    /// The body.
    pub body: Pii<String>,
}

#[derive(Serialize)]
struct Payload<'a> {
    r#type: &'static str,
    timestamp: UnixMillis,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    user_id: &'a UserId,
    conversation: &'a Conversation,
}

impl Webhook {
    /// A webhook with a secret as it is written.
    ///
    /// # Errors
    /// [`SecretError`] where the secret is none.
    pub fn new(url: OutboundUrl, secret: &str) -> Result<Self, SecretError> {
        let key = secret.strip_prefix(SECRET_PREFIX).and_then(|text| BASE64.decode(text).ok());
        let key = key.filter(|key| SECRET_BYTES.contains(&key.len())).ok_or(SecretError)?;
        Ok(Self { url, secret: Pii::new(key) })
    }

    /// Tells of a finished conversation. Every try has the same id, so that whoever has it already can tell; a call that goes on
    /// after it was finished, and is finished again, is news and has another one.
    ///
    /// # Errors
    /// `serde_json`'s, which it has no reason to return.
    pub fn finished(
        &self,
        user: &UserId,
        conversation: &Conversation,
        now: UnixMillis,
    ) -> serde_json::Result<WebhookRequest> {
        let data = Data { user_id: user, conversation };
        let body = serde_json::to_string(&Payload { r#type: FINISHED, timestamp: now, data })?;
        let id = format!("{}.{}", conversation.id, conversation.finishes);
        let timestamp = now.seconds().to_string();
        let signature = self.sign(&id, &timestamp, &body);
        Ok(WebhookRequest {
            url: self.url.url().to_string(),
            headers: [
                ("content-type", "application/json".to_owned()),
                ("webhook-id", id),
                ("webhook-timestamp", timestamp),
                ("webhook-signature", format!("v1,{signature}")),
            ],
            body: Pii::new(body),
        })
    }

    fn sign(&self, id: &str, timestamp: &str, body: &str) -> String {
        // HMAC takes a key of any length.
        let Ok(mac) = Hmac::<Sha256>::new_from_slice(self.secret.expose()) else { return String::new() };
        let signed = [id, ".", timestamp, ".", body].iter().fold(mac, Mac::chain_update);
        BASE64.encode(signed.finalize().into_bytes())
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn webhook(secret: &str) -> Result<Webhook, SecretError> {
        Webhook::new("https://hooks.example/calls".parse().unwrap(), secret)
    }

    #[test]
    fn a_message_is_signed_as_the_specification_s_own_example() {
        let signature =
            webhook(SECRET).unwrap().sign("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", r#"{"test": 2432232314}"#);
        assert_eq!(signature, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_that_is_none_is_refused() {
        for bad in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_ *"] {
            assert!(webhook(bad).is_err(), "{bad}");
        }
    }
}
