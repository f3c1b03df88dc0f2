//! A place in a user's conversations, newest first, from which a list or an export goes on.

use std::fmt;
use std::str::FromStr;

use fourwire_wire::ids::ConversationId;
use fourwire_wire::units::UnixMillis;
use serde::{Deserialize, Serialize};

/// Behind this conversation. The place stays where it is when conversations are added or deleted, this one included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cursor {
    /// When the conversation began.
    pub created_at: UnixMillis,
    /// The conversation.
    pub id: ConversationId,
    /// A number for whoever made the cursor: how many found conversations a list still leaves out, or where an export goes on
    /// in the audio of the next conversation.
    pub extra: usize,
}

impl Cursor {
    /// Before the newest conversation that there can be.
    pub const START: Self =
        Self { created_at: UnixMillis::new(1 << 52), id: ConversationId::from_random([0xff; 16]), extra: 0 };
}

/// A text is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotACursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.created_at.get(), self.extra, self.id)
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let mut parts = text.splitn(3, '.');
        let mut part = || parts.next().ok_or(NotACursor);
        let created_at = part()?.parse().map(UnixMillis::new).map_err(|_| NotACursor)?;
        let extra = part()?.parse().map_err(|_| NotACursor)?;
        let id = ConversationId::parse(part()?).ok_or(NotACursor)?;
        Ok(Self { created_at, id, extra })
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nothing_else_is_one() {
        let cursor = Cursor {
            created_at: UnixMillis::new(1_774_440_000_500),
            id: ConversationId::from_random([7; 16]),
            extra: 3,
        };
        let text = cursor.to_string();
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')), "{text}");
        assert_eq!(text.parse(), Ok(cursor));
        let json = serde_json::to_string(&cursor).unwrap();
        assert_eq!(serde_json::from_str::<Cursor>(&json).unwrap(), cursor);
        for bad in ["", ".", "1.2", "1.2.x", "-1.0.07070707-0707-4707-8707-070707070707", "a.b.c", "1..2"] {
            assert_eq!(bad.parse::<Cursor>(), Err(NotACursor), "{bad}");
        }
    }
}
