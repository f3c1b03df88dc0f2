//! What the objects of a conversation are called.
//!
//! ```text
//!   conversations/{owner}/{conversation id}/conversation                        the document
//!   conversations/{owner}/{conversation id}/audio/{us}-{ue}-{rs}-{re}           a chunk of audio
//! ```
//!
//! The owner is a blind index of the user: only who has the master secret can tell whose it is. The four numbers are the
//! chunk's place on the timelines of user and remote, each side's first sample and the one behind its last, in ten digits.
//! They never fall from chunk to chunk, so a list by name is a list by time, and a chunk's content follows from its name.

use std::fmt;

use fourwire_wire::frame::PerChannel;
use fourwire_wire::ids::{ConversationId, UserId};
use fourwire_wire::units::Samples;
use thiserror::Error;

use super::{ChunkSpan, Span};
use crate::vault::Vault;

/// Digits of a position: enough for a week.
const DIGITS: usize = 10;

/// An object's name is not the name of a chunk of this conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("is not the name of a chunk")]
pub struct NameError;

/// Where everything of one conversation is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// With a slash at the end.
    prefix: String,
}

impl Folder {
    /// The folder of a user's conversation.
    #[must_use]
    pub fn new(vault: &Vault, user: &UserId, conversation: ConversationId) -> Self {
        Self { prefix: format!("{}{conversation}/", Self::of_user(vault, user)) }
    }

    /// What the names of all of a user's objects begin with.
    #[must_use]
    pub fn of_user(vault: &Vault, user: &UserId) -> String {
        format!("conversations/{}/", vault.index("user", user.as_str()))
    }

    /// What the names of all objects of the conversation begin with.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The name of the document; also the address for which it is sealed.
    #[must_use]
    pub fn document(&self) -> String {
        format!("{}conversation", self.prefix)
    }

    /// What the names of all chunks of audio begin with.
    #[must_use]
    pub fn audio(&self) -> String {
        format!("{}audio/", self.prefix)
    }
}

/// A chunk's name, and with it the place of its audio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkName {
    name: String,
    span: ChunkSpan,
}

impl ChunkName {
    /// The name of the chunk at a place in a conversation.
    #[must_use]
    pub fn new(folder: &Folder, span: ChunkSpan) -> Self {
        let ChunkSpan { user, remote } = span;
        let [us, ue, rs, re] = [user.start, user.end, remote.start, remote.end].map(Samples::get);
        let name = format!("{}audio/{us:0DIGITS$}-{ue:0DIGITS$}-{rs:0DIGITS$}-{re:0DIGITS$}", folder.prefix);
        Self { name, span }
    }

    /// Reads the name of an object in the folder of a conversation's audio.
    ///
    /// # Errors
    /// [`NameError`] where it is spelled in any other way than [`Self::new`] spells it.
    pub fn parse(folder: &Folder, name: &str) -> Result<Self, NameError> {
        let numbers =
            name.strip_prefix(&folder.prefix).and_then(|rest| rest.strip_prefix("audio/")).ok_or(NameError)?;
        let mut numbers = numbers.split('-').map(position);
        let mut span = || {
            let (start, end) = (numbers.next()??, numbers.next()??);
            (start <= end).then_some(Span { start, end })
        };
        let (Some(user), Some(remote)) = (span(), span()) else { return Err(NameError) };
        if numbers.next().is_some() {
            return Err(NameError);
        }
        Ok(Self { name: name.to_owned(), span: PerChannel { user, remote } })
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// Where the chunk lies on each side's timeline.
    #[must_use]
    pub const fn span(&self) -> ChunkSpan {
        self.span
    }
}

impl fmt::Display for ChunkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

fn position(digits: &str) -> Option<Samples> {
    let is_whole = digits.len() == DIGITS && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_whole.then(|| digits.parse().ok()).flatten().map(Samples::new)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn folder(user: &str) -> Folder {
        let vault = Vault::new("0123456789abcdef0123456789abcdef").unwrap();
        Folder::new(&vault, &UserId::parse(user).unwrap(), ConversationId::from_random([1; 16]))
    }

    fn span(start: u64, end: u64) -> Span {
        Span { start: Samples::new(start), end: Samples::new(end) }
    }

    #[test]
    fn objects_of_a_conversation_lie_together_and_tell_no_name() {
        let folder = folder("ann");
        let [top, owner, id, ""] = folder.prefix().split('/').collect::<Vec<_>>()[..] else { panic!("a prefix") };
        assert_eq!((top, owner.len(), id), ("conversations", 32, "01010101-0101-4101-8101-010101010101"));
        assert_eq!(folder.document(), format!("{}conversation", folder.prefix()));
        let chunk = ChunkName::new(&folder, PerChannel { user: span(80_000, 160_000), remote: span(79_500, 160_320) });
        assert_eq!(
            chunk.as_str(),
            format!("{}0000080000-0000160000-0000079500-0000160320", folder.audio()),
            "the form that is documented"
        );
    }

    #[test]
    fn a_name_that_is_spelled_otherwise_or_lies_elsewhere_is_none() {
        let good = "0000000000-0000080000-0000000000-0000080000";
        let (folder, bobs) = (folder("ann"), folder("bob"));
        assert!(ChunkName::parse(&folder, &format!("{}{good}", folder.audio())).is_ok());
        let bad = [
            "",
            "0-80000-0-80000",
            "0000000000-0000080000-0000000000",
            "0000000000-0000080000-0000000000-0000080000-",
            "0000000000-0000080000-0000000000-0000080000-0000080000",
            "+000000000-0000080000-0000000000-0000080000",
            "0000000000-0000080000-0000000000-000008000٠",
            "0000000000-0000080000-0000000000-00000080000",
            "0000080000-0000000000-0000000000-0000080000",
            "0000000000_0000080000_0000000000_0000080000",
            "0000000000-0000080000-0000000000-0000080000.pcm",
        ];
        for bad in bad {
            assert_eq!(ChunkName::parse(&folder, &format!("{}{bad}", folder.audio())), Err(NameError), "{bad:?}");
        }
        assert!(ChunkName::parse(&folder, good).is_err());
        assert!(ChunkName::parse(&folder, &format!("{}{good}", bobs.audio())).is_err());
        assert!(ChunkName::parse(&folder, &folder.document()).is_err());
    }

    proptest! {
        #[test]
        fn a_name_is_read_back_and_names_sort_as_time_does(
            numbers in prop::array::uniform4(0_u64..5_000_000_000),
            steps in prop::array::uniform4(0_u64..1_000_000),
        ) {
            let [us, ue, rs, re] = numbers;
            let [a, b, c, d] = steps;
            let folder = folder("ann");
            let early = PerChannel { user: span(us, us + ue), remote: span(rs, rs + re) };
            let late = PerChannel {
                user: span(us + a, us + ue + a + b + 1),
                remote: span(rs + c, rs + re + c + d),
            };
            let [early, late] = [early, late].map(|span| ChunkName::new(&folder, span));
            prop_assert_eq!(&ChunkName::parse(&folder, early.as_str()).unwrap(), &early);
            prop_assert!(early.as_str() < late.as_str());
        }
    }
}
