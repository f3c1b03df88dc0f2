//! What is said on the signalling socket: text frames of JSON, `{"type","payload","version"}`, and a newline as heartbeat.
//!
//! Only what the SDK says and reads is here; the real service says more.

use fourwire_wire::pii::Pii;
use serde::Deserialize;
use serde_json::{Value, json};

/// The version of the protocol that the SDK speaks.
const VERSION: &str = "1.6";
/// A frame that only says that the sender is there; the SDK answers with the same.
pub(super) const HEARTBEAT: &str = "\n";

/// What a browser says. Whatever else it says is ignored.
#[derive(Deserialize)]
#[serde(tag = "type", content = "payload", rename_all = "lowercase")]
pub(super) enum FromBrowser {
    Listen { token: Pii<String> },
    Register { media: Registration },
    Invite(Invite),
    Reinvite { callsid: String, sdp: Pii<String> },
    Hangup { callsid: String },
    Dtmf { callsid: String, dtmf: String },
}

/// What a browser wants to be called with.
#[derive(Deserialize)]
pub(super) struct Registration {
    pub(super) audio: bool,
}

/// A call that a browser places, or takes up again.
#[derive(Deserialize)]
pub(super) struct Invite {
    /// The browser's own name for a new call; the carrier's for one that it takes up again.
    pub(super) callsid: String,
    pub(super) sdp: Pii<String>,
    pub(super) reconnect: Option<String>,
    #[serde(default)]
    twilio: Extras,
}

#[derive(Default, Deserialize)]
struct Extras {
    params: Option<Pii<String>>,
}

impl FromBrowser {
    pub(super) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

impl Invite {
    /// The parameters of `device.connect`.
    pub(super) fn params(&self) -> Vec<(String, Pii<String>)> {
        let encoded = self.twilio.params.as_ref().map(|params| params.expose().as_bytes()).unwrap_or_default();
        form_urlencoded::parse(encoded).into_owned().map(|(name, value)| (name, Pii::new(value))).collect()
    }
}

/// The token is good for so many seconds.
pub(super) fn connected(identity: &str, ttl: u64) -> String {
    let token = json!({ "identity": identity, "ttl": ttl });
    message("connected", &json!({ "edge": "lab", "region": "lab", "gateway": "fourwire-lab", "token": token }))
}

/// The browser is registered.
pub(super) fn ready() -> String {
    message("ready", &json!({}))
}

/// The browser is not registered any more.
pub(super) fn offline() -> String {
    message("offline", &json!({}))
}

/// The other end rings, and what it sounds like is in the media.
pub(super) fn ringing(call_sid: &str, sdp: &str) -> String {
    message("ringing", &json!({ "callsid": call_sid, "sdp": sdp }))
}

/// The call is answered, or goes on on this socket, or its media was set up anew.
pub(super) fn answer(call_sid: &str, reconnect: &str, sdp: Option<&str>) -> String {
    let mut payload = json!({ "callsid": call_sid, "reconnect": reconnect });
    if let Some(sdp) = sdp {
        payload["sdp"] = sdp.into();
    }
    message("answer", &payload)
}

/// The call is over, by an error where there is one.
pub(super) fn hangup(call_sid: &str, error: Option<u32>) -> String {
    let mut payload = json!({ "callsid": call_sid });
    if let Some(code) = error {
        payload["error"] = json!({ "code": code, "message": meaning(code) });
    }
    message("hangup", &payload)
}

/// Something about the device is wrong.
pub(super) fn error(code: u32) -> String {
    message("error", &json!({ "error": { "code": code, "message": meaning(code) } }))
}

/// The browser is to go away and not come back by itself.
pub(super) fn close() -> String {
    message("close", &json!({}))
}

fn message(kind: &str, payload: &Value) -> String {
    json!({ "type": kind, "payload": payload, "version": VERSION }).to_string()
}

/// A few words for people.
fn meaning(code: u32) -> &'static str {
    match code {
        31_001 => "Application Not Found",
        31_105 => "The client name is not valid",
        31_201 => "Authentication failed",
        31_202 => "JWT signature validation failed",
        31_204 => "JWT is invalid",
        31_205 => "JWT token expired",
        31_207 => "JWT token expiration too long",
        31_400 => "Bad Request",
        31_486 => "Busy Here",
        31_603 => "Decline",
        _ => "The call failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invites_parameters_are_decoded() {
        let text = r#"{"type":"invite","version":"1.6","payload":{"callsid":"TJS1","sdp":"v=0",
            "twilio":{"params":"To=%2B12025550199&Note=a%20b%26c"}}}"#;
        let Some(FromBrowser::Invite(invite)) = FromBrowser::parse(text) else { panic!("an invite") };
        let params: Vec<_> = invite.params().into_iter().map(|(name, value)| (name, value.into_inner())).collect();
        assert_eq!(params, [("To".into(), "+12025550199".into()), ("Note".into(), "a b&c".to_owned())]);
        assert!(invite.reconnect.is_none());
    }

    #[test]
    fn what_is_not_known_is_nothing() {
        let none = r#"{"type":"invite","payload":{"callsid":"TJS1","sdp":"v=0","twilio":{}}}"#;
        assert!(matches!(FromBrowser::parse(none), Some(FromBrowser::Invite(invite)) if invite.params().is_empty()));
        for text in ["", "\n", "{}", r#"{"type":"dance","payload":{}}"#, r#"{"type":"hangup"}"#, "[1]"] {
            assert!(FromBrowser::parse(text).is_none(), "{text:?}");
        }
    }
}
