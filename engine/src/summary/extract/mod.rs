//! A summary by rules and word lists, without a model: the same for the same call, in time that grows with its length.
//!
//! - `text`: sentences and words of each side; `salience`: which of them tell something;
//! - `title`, `overview`, `category`: what is made of them;
//! - `tasks` with `triggers` and `phrasing`, and `events`: what somebody has to do, and what was arranged; `answers`:
//!   whether the other side takes it;
//! - `dates` with `clock` and `numbers`: moments that are said, on the user's calendar.
//!
//! Word lists and patterns are English. In another language titles and overviews come from words that recur, and
//! nothing is claimed about category, tasks and events that the lists do not show.

mod answers;
mod category;
mod clock;
mod dates;
mod events;
mod numbers;
mod overview;
mod phrasing;
mod salience;
mod tasks;
mod text;
mod title;
mod triggers;

use fourwire_wire::structured::Structured;

use self::category::Lexicon;
use self::salience::Salience;
use super::{Talk, UNTITLED};

/// What can be said of a call without a language model.
#[must_use]
pub fn extract(talk: &Talk<'_>) -> Structured {
    let sentences = text::sentences(talk.segments);
    if sentences.is_empty() {
        return Structured::titled(UNTITLED);
    }
    let lexicon = Lexicon::new();
    let topic = lexicon.judge(&sentences);
    let salience = Salience::new(&sentences, talk.language, &lexicon, topic.category);
    let events = events::find(talk, &sentences);
    let action_items = tasks::find(talk, &sentences, &events.sentences);
    let title = title::make(talk, &sentences, &salience, &events.events);
    let overview = overview::make(talk, &sentences, &salience);
    Structured {
        title: title.into(),
        overview: overview.into(),
        emoji: topic.emoji.to_owned(),
        category: topic.category,
        action_items,
        events: events.events,
    }
}
