//! Ids as types: what names a user, a call, a conversation, a segment.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

/// Longest id that a client or an issuer may give. The peer's call ids have 13 digits, Twilio's 34 characters,
/// Firebase's user ids at most 128.
pub const MAX_ID_BYTES: usize = 128;

/// Why a text is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum IdError {
    /// It has no character at all.
    #[error("is empty")]
    Empty,
    /// It is longer than [`MAX_ID_BYTES`].
    #[error("is longer than 128 characters")]
    TooLong,
    /// It has a character outside letters, digits and `-_.:@|`.
    #[error("may have only letters, digits and - _ . : @ |")]
    Character,
}

fn check(text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > MAX_ID_BYTES {
        return Err(IdError::TooLong);
    }
    if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:@|".contains(&byte)) {
        return Err(IdError::Character);
    }
    Ok(())
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes a text as this id.
            ///
            /// # Errors
            /// [`IdError`] where it is empty, too long or has a character that ids do not have.
            pub fn parse(text: impl Into<String>) -> Result<Self, IdError> {
                let text = text.into();
                check(&text)?;
                Ok(Self(text))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id! {
    /// A user, as the identity issuer names one (`sub` of the ID token).
    UserId
}
text_id! {
    /// A call, as the client names it: `call_id` on the listen socket, `CallId` in Twilio's connect parameters.
    CallId
}

/// A conversation: the lasting record of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConversationId(Uuid);

impl ConversationId {
    /// A conversation id out of 16 random bytes (a version 4 UUID).
    #[must_use]
    pub const fn from_random(bytes: [u8; 16]) -> Self {
        Self(uuid::Builder::from_random_bytes(bytes).into_uuid())
    }

    /// Reads a UUID; `None` where the text is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }

    /// The id of this conversation's segment number `ordinal` of a channel: the same each time it is asked, so that a
    /// session that was rebuilt after a restart goes on with the ids it would have used.
    #[must_use]
    pub fn segment(self, channel: crate::frame::Channel, ordinal: u32) -> SegmentId {
        let mut name = [channel.byte(), 0, 0, 0, 0];
        for (slot, byte) in name.iter_mut().skip(1).zip(ordinal.to_be_bytes()) {
            *slot = byte;
        }
        SegmentId(Uuid::new_v5(&self.0, &name))
    }
}

impl fmt::Display for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A segment of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SegmentId(Uuid);

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::frame::Channel;

    #[test]
    fn ids_take_what_issuers_and_clients_send_and_nothing_that_could_break_out() {
        assert!(CallId::parse("1774440000500").is_ok());
        assert!(UserId::parse("auth0|5f7c8ec7c33c6c004bbafe82").is_ok());
        assert_eq!(CallId::parse(""), Err(IdError::Empty));
        assert_eq!(CallId::parse("a/../b"), Err(IdError::Character));
        assert_eq!(CallId::parse("a b"), Err(IdError::Character));
        assert_eq!(UserId::parse("x".repeat(129)), Err(IdError::TooLong));
    }

    #[test]
    fn segment_ids_differ_by_channel_and_ordinal_and_repeat_for_the_same() {
        let conversation = ConversationId::from_random([7; 16]);
        let id = conversation.segment(Channel::User, 3);
        assert_eq!(id, conversation.segment(Channel::User, 3));
        assert_ne!(id, conversation.segment(Channel::Remote, 3));
        assert_ne!(id, conversation.segment(Channel::User, 4));
    }
}
