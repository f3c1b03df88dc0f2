//! Ids as types: what names a user, a call, a conversation, a segment.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

/// Longest call id that a client may give. Omi's have 13 digits, Twilio's 34 characters.
pub const MAX_CALL_ID_BYTES: usize = 128;
/// Longest user id that an issuer may give: `sub` has at most 255 ASCII characters
/// (<https://openid.net/specs/openid-connect-core-1_0.html#IDToken>).
pub const MAX_USER_ID_BYTES: usize = 255;

/// Why a text is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum IdError {
    /// It has no character at all.
    #[error("is empty")]
    Empty,
    /// It is longer than [`MAX_CALL_ID_BYTES`] or [`MAX_USER_ID_BYTES`].
    #[error("is longer than {} characters", .max)]
    TooLong {
        /// The most bytes that such an id has.
        max: usize,
    },
    /// A call id has a character outside letters, digits and `-_.:@|`.
    #[error("may have only letters, digits and - _ . : @ |")]
    Character,
    /// A user id has a character outside printable ASCII.
    #[error("may have only printable ASCII characters")]
    NotPrintable,
}

fn check_call(text: &str) -> Result<(), IdError> {
    check_length(text, MAX_CALL_ID_BYTES)?;
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:@|".contains(&byte);
    if text.bytes().all(is_good) { Ok(()) } else { Err(IdError::Character) }
}

/// An issuer may put any ASCII into `sub`. Control characters are refused all the same: no issuer uses them, and they
/// would break out of a log line or a header.
fn check_user(text: &str) -> Result<(), IdError> {
    check_length(text, MAX_USER_ID_BYTES)?;
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) { Ok(()) } else { Err(IdError::NotPrintable) }
}

const fn check_length(text: &str, max: usize) -> Result<(), IdError> {
    match text.len() {
        0 => Err(IdError::Empty),
        length if length > max => Err(IdError::TooLong { max }),
        _ => Ok(()),
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
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
                $check(&text)?;
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
    /// A user, as the identity issuer names one (`sub` of the ID token): 1 to 255 printable ASCII characters, compared byte
    /// by byte. It may hold `/`, quotes and spaces, so whatever is made of it must encode it.
    UserId, check_user
}
text_id! {
    /// A call, as the client names it: `call_id` on the listen socket, `CallId` in Twilio's connect parameters: 1 to
    /// 128 letters, digits and `-_.:@|`. It has no `/`, on which the names of call objects rely.
    CallId, check_call
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
    fn call_ids_take_what_clients_send_and_nothing_that_could_break_out() {
        let longest = "x".repeat(128);
        for good in ["1774440000500", "CA00000000000000000000000000000001", "a-b_c.d:e@f|g", "x", &longest] {
            assert_eq!(CallId::parse(good).unwrap().as_str(), good);
        }
        let too_long = "x".repeat(129);
        for (bad, error) in [
            ("", IdError::Empty),
            (&*too_long, IdError::TooLong { max: 128 }),
            ("a/../b", IdError::Character),
            ("a/b", IdError::Character),
            ("a b", IdError::Character),
            ("a+b", IdError::Character),
            ("a=b", IdError::Character),
            ("ä", IdError::Character),
            ("a\nb", IdError::Character),
        ] {
            assert_eq!(CallId::parse(bad), Err(error), "{bad:?}");
        }
        assert_eq!(IdError::TooLong { max: 128 }.to_string(), "is longer than 128 characters");
    }

    #[test]
    fn user_ids_take_every_subject_that_openid_connect_allows() {
        let all: String = (b' '..=b'~').map(char::from).collect();
        let longest = "x".repeat(255);
        for good in [
            "5f7c8ec7c33c6c004bbafe82",
            "auth0|5f7c8ec7c33c6c004bbafe82",
            "google-oauth2|103547991597142817347",
            "q3Jkz+9/Ff0xw1Yx8lNqkQ==",
            "CN=Ann Example,OU=Sales/North,O=Example",
            "https://example.com/users/1?x=%2F#me",
            "spiffe://example.org/ns/a/sa/b",
            "f:3c1e7d0a-0000:ann",
            "../../etc",
            "'; DROP TABLE users; --",
            &all,
            &longest,
        ] {
            let user = UserId::parse(good).unwrap();
            assert_eq!(user.as_str(), good);
            let json = serde_json::to_string(&user).unwrap();
            assert_eq!(serde_json::from_str::<UserId>(&json).unwrap(), user, "{json}");
        }
        assert_ne!(UserId::parse("Ann").unwrap(), UserId::parse("ann").unwrap());
        let too_long = "x".repeat(256);
        for (bad, error) in [
            ("", IdError::Empty),
            (&*too_long, IdError::TooLong { max: 255 }),
            ("ünal", IdError::NotPrintable),
            ("a\0b", IdError::NotPrintable),
            ("a\nb", IdError::NotPrintable),
            ("a\tb", IdError::NotPrintable),
            ("a\u{7f}", IdError::NotPrintable),
            ("a\u{200b}", IdError::NotPrintable),
        ] {
            assert_eq!(UserId::parse(bad), Err(error), "{bad:?}");
        }
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
