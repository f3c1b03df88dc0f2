//! The pusher: an operator's own program that hears a call and reads its captions while it runs, over one WebSocket a call.
//!
//! - [`Pusher`]: where it is; [`frame`]: what it is sent; [`mixer`]: both sides as one; [`read`]: what it says itself.
//!
//! Paths and frames are the peer's, so that a program made for those works here. Who sends what, and when, is decided by
//! the call (`call::pusher`).

pub(crate) mod frame;
pub(crate) mod mixer;

use fourwire_wire::ids::UserId;
use fourwire_wire::pii::Pii;
use fourwire_wire::units::SAMPLES_PER_SECOND;
use serde::Deserialize;

use crate::outbound::OutboundUrl;

/// How much may be on its way to the pusher, in bytes, before its connection counts as lost: 20 s × 32 kB/s. Who is further
/// behind than that does not read, or too slowly, and what is not read lies in the memory of the call.
pub const MAX_UNSENT_BYTES: u32 = 640_000;

/// How long the pusher may take to answer, in milliseconds, once it was sent everything: the peer's stop working on a
/// conversation when the connection closes.
pub const ANSWER_MILLIS: u64 = 10_000;

/// An operator's program.
#[derive(Clone, Debug)]
pub struct Pusher {
    url: OutboundUrl,
    key: Option<Pii<String>>,
}

/// Where to open a connection: an HTTP request that asks for an upgrade to a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `https` (or `http`) address; its query names the user.
    pub url: Pii<String>,
    /// The `Authorization` header.
    pub authorization: Option<Pii<String>>,
}

/// What the pusher has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It has processed the conversation.
    Processed,
    /// It could not process the conversation.
    Failed,
    /// Something that is not known.
    Unknown,
}

impl Pusher {
    /// A program at an `http(s)` address (its path, if any, is kept as a prefix), with the key that it wants, if any.
    #[must_use]
    pub fn new(url: OutboundUrl, key: Option<Pii<String>>) -> Self {
        Self { url, key }
    }

    /// Where to open a connection for a user's call.
    #[must_use]
    pub fn endpoint(&self, user: &UserId) -> Endpoint {
        let mut url = self.url.url().clone();
        let path = format!("{}/v1/trigger/listen", url.path().trim_end_matches('/'));
        url.set_path(&path);
        let rate = SAMPLES_PER_SECOND.to_string();
        url.query_pairs_mut().clear().append_pair("uid", user.as_str()).append_pair("sample_rate", &rate);
        let authorization = self.key.as_ref().map(|key| Pii::new(format!("Bearer {}", key.expose())));
        Endpoint { url: Pii::new(url.into()), authorization }
    }
}

/// Reads a binary message of the pusher. Nothing follows from any but a line in the log.
#[must_use]
pub fn read(message: &[u8]) -> Heard {
    #[derive(Deserialize)]
    struct Processed {
        #[serde(default)]
        success: bool,
    }
    let Some((kind, body)) = message.split_first_chunk() else { return Heard::Unknown };
    if u32::from_le_bytes(*kind) != frame::PROCESSED {
        return Heard::Unknown;
    }
    match serde_json::from_slice(body) {
        Ok(Processed { success: true }) => Heard::Processed,
        Ok(Processed { success: false }) => Heard::Failed,
        Err(_) => Heard::Unknown,
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn the_address_names_the_user_and_the_rate_and_never_the_key() {
        let base = "https://push.example/omi/?old=1".parse().unwrap();
        let endpoint = Pusher::new(base, Some(Pii::new("K".to_owned()))).endpoint(&UserId::parse("ann@b").unwrap());
        assert_eq!(endpoint.url.expose(), "https://push.example/omi/v1/trigger/listen?uid=ann%40b&sample_rate=16000");
        assert_eq!(endpoint.authorization.unwrap().expose(), "Bearer K");
    }

    #[test]
    fn what_the_pusher_says_is_told_apart_and_garbage_is_nothing() {
        let says = |kind: u32, json: &str| read(&[kind.to_le_bytes().as_slice(), json.as_bytes()].concat());
        assert_eq!(says(201, r#"{"conversation_id":"c","success":true}"#), Heard::Processed);
        assert_eq!(says(201, r#"{"conversation_id":"c","error":"no"}"#), Heard::Failed);
        assert_eq!([says(201, "<html>"), says(202, "{}"), read(b"abc"), read(b"")], [Heard::Unknown; 4]);
    }
}
