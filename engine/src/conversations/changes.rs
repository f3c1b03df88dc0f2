//! What a user may change of a conversation.

use fourwire_wire::conversation::Conversation;
use fourwire_wire::event::MAX_NAME;
use fourwire_wire::pii::Pii;
use fourwire_wire::units::UnixMillis;
use serde::{Deserialize, Deserializer};
use thiserror::Error;

/// Most characters of a title.
const MAX_TITLE: usize = 200;

/// What is to be changed; what is not named stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changes {
    title: Option<Pii<String>>,
    starred: Option<bool>,
    #[serde(default, deserialize_with = "name")]
    contact_name: Name,
    #[serde(default)]
    action_items: Vec<ActionItemChange>,
}

/// What the other party is to be called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Name {
    #[default]
    AsItIs,
    None,
    Is(Pii<String>),
}

/// Whether something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionItemChange {
    /// Which of the conversation's items, from 0.
    index: usize,
    /// Whether it is done.
    completed: bool,
}

/// A change cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ChangesError {
    /// A title that says nothing or too much.
    #[error("A title has 1 to 200 characters")]
    Title,
    /// A name that says nothing or too much.
    #[error("A name has 1 to 100 characters")]
    Name,
    /// There is no such action item.
    #[error("There is no such action item")]
    ActionItem,
}

impl Changes {
    /// Makes the changes, all of them or none.
    ///
    /// # Errors
    /// [`ChangesError`] says which cannot be made.
    pub fn apply(self, conversation: &mut Conversation, now: UnixMillis) -> Result<(), ChangesError> {
        let title = self.title.map(|title| short(&title, MAX_TITLE).ok_or(ChangesError::Title)).transpose()?;
        let contact_name = match self.contact_name {
            Name::AsItIs => conversation.contact_name.clone(),
            Name::None => None,
            Name::Is(name) => Some(short(&name, MAX_NAME).ok_or(ChangesError::Name)?),
        };
        let known = conversation.structured.action_items.len();
        if self.action_items.iter().any(|change| change.index >= known) {
            return Err(ChangesError::ActionItem);
        }
        if let Some(title) = title {
            conversation.structured.title = title;
            conversation.title_given = true;
        }
        conversation.contact_name = contact_name;
        if let Some(starred) = self.starred {
            conversation.starred = starred;
        }
        for ActionItemChange { index, completed } in self.action_items {
            let Some(item) = conversation.structured.action_items.get_mut(index) else { continue };
            item.completed = completed;
            item.completed_at = completed.then_some(now);
            item.updated_at = now;
        }
        Ok(())
    }
}

/// A text without what surrounds it, where it has something to it and not too much.
fn short(text: &Pii<String>, most: usize) -> Option<Pii<String>> {
    let text = text.expose().trim();
    (1..=most).contains(&text.chars().count()).then(|| Pii::new(text.to_owned()))
}

/// A name that is null is to be taken away.
fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Name, D::Error> {
    Ok(Option::deserialize(deserializer)?.map_or(Name::None, Name::Is))
}
