//! What the page's thread orders of the worker.

use fourwire_wire::pii::Pii;
use serde::{Deserialize, Serialize};

use crate::session::Failure;

/// An order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "order")]
pub(crate) enum Order {
    /// The first one: where the server is.
    Open {
        /// The listen socket's address, with its query.
        url: String,
    },
    /// The call was answered.
    Start,
    /// The user mutes the microphone, or no longer does.
    Mute {
        /// Whether it is muted.
        muted: bool,
    },
    /// The user pauses the recording, or goes on.
    Pause {
        /// Whether it is paused.
        paused: bool,
    },
    /// Who the other party is.
    Contact {
        /// In the user's words.
        name: Pii<String>,
    },
    /// The ID token that was asked for.
    Token {
        /// None where there is none to be had.
        token: Option<Pii<String>>,
    },
    /// The call cannot be recorded.
    Fail {
        /// Why.
        failure: Failure,
    },
    /// The call is over.
    End,
}

/// The worker's question for an ID token, beside its news.
pub(crate) const ASK_TOKEN: &str = r#"{"news":"askToken"}"#;
