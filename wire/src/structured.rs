//! What is made of a conversation's text: title, overview, category, what to do and what was arranged.

use serde::{Deserialize, Serialize};

use crate::ids::ConversationId;
use crate::pii::Pii;
use crate::units::UnixMillis;

/// What was made of a conversation's text, with the peer's field names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Structured {
    /// A few words for lists.
    pub title: Pii<String>,
    /// What was said, in short.
    pub overview: Pii<String>,
    /// One emoji for lists.
    pub emoji: String,
    /// What it was about.
    pub category: Category,
    /// What somebody has to do.
    pub action_items: Vec<ActionItem>,
    /// What was arranged for a time.
    pub events: Vec<CalendarEvent>,
}

/// The emoji of a call of which nothing better is known.
pub const TELEPHONE: &str = "📞";

impl Structured {
    /// A call of which nothing is known yet but its title.
    #[must_use]
    pub fn titled(title: &str) -> Self {
        Self {
            title: Pii::new(title.to_owned()),
            overview: Pii::default(),
            emoji: TELEPHONE.to_owned(),
            category: Category::Other,
            action_items: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Takes over what an earlier form says of the same action items: since when they are known, and whether they are done. An
    /// item is the same one if its description is.
    pub fn keep_marks(&mut self, earlier: &Self) {
        let mut known: Vec<_> = earlier.action_items.iter().collect();
        for item in &mut self.action_items {
            let Some(index) = known.iter().position(|known| known.description == item.description) else { continue };
            let ActionItem { completed, created_at, updated_at, completed_at, .. } = known.remove(index);
            (item.completed, item.completed_at) = (*completed, *completed_at);
            (item.created_at, item.updated_at) = (*created_at, *updated_at);
        }
    }
}

/// Who made a [`Structured`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SummaryBy {
    /// Nobody yet: the call is running, or nothing was said.
    #[default]
    Nobody,
    /// Fourwire's own extract of what was said, without a language model.
    Extract,
    /// A language model.
    Model,
}

/// Something that somebody has to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActionItem {
    /// What.
    pub description: Pii<String>,
    /// Whether it is done.
    pub completed: bool,
    /// When it was noted.
    pub created_at: UnixMillis,
    /// When it was last changed.
    pub updated_at: UnixMillis,
    /// Until when, where that was said.
    pub due_at: Option<UnixMillis>,
    /// When it was done.
    pub completed_at: Option<UnixMillis>,
    /// In which conversation it came up.
    pub conversation_id: ConversationId,
}

/// Something that was arranged for a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalendarEvent {
    /// A few words.
    pub title: Pii<String>,
    /// More of it.
    pub description: Pii<String>,
    /// When it begins.
    pub start: UnixMillis,
    /// How long it lasts, in minutes: 1 to 180.
    pub duration: u16,
    /// Whether somebody has put it into a calendar.
    pub created: bool,
}

macro_rules! categories {
    ($($name:ident),+ $(,)?) => {
        /// What a conversation was about: the peer's list.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[expect(missing_docs, reason = "each is the word itself")]
        pub enum Category {
            $($name,)+
            /// Nothing of the above.
            #[default]
            #[serde(other)]
            Other,
        }

        impl Category {
            /// Every category.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+ Self::Other];
        }
    };
}

// `Real` is real estate, as the peer writes it.
categories!(
    Personal,
    Education,
    Health,
    Finance,
    Legal,
    Philosophy,
    Spiritual,
    Science,
    Entrepreneurship,
    Parenting,
    Romantic,
    Travel,
    Inspiration,
    Technology,
    Business,
    Social,
    Work,
    Sports,
    Politics,
    Literature,
    History,
    Architecture,
    Music,
    Weather,
    News,
    Entertainment,
    Psychology,
    Real,
    Design,
    Family,
    Economics,
    Environment,
);

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn categories_are_the_peers_words_and_an_unknown_one_is_other() {
        assert_eq!(Category::ALL.len(), 33);
        assert_eq!(serde_json::to_string(&Category::Entrepreneurship).unwrap(), r#""entrepreneurship""#);
        assert_eq!(serde_json::from_str::<Category>(r#""gardening""#).unwrap(), Category::Other);
    }
}
