//! What is made of a finished call's text: a title, an overview, a category, what to do and what was arranged.
//!
//! - [`extract()`]: Fourwire's own extract of what was said, without a model: always there, the same each time;
//! - [`model`]: the same from a language model, as requests to be sent and answers to be judged.
//!
//! Both read a [`Talk`] and keep its two sides apart: what is attributed to somebody came from that side's microphone.

mod extract;
pub mod model;
mod spoken;

use fourwire_wire::frame::Channel;
use fourwire_wire::ids::ConversationId;
use fourwire_wire::pii::Pii;
use fourwire_wire::query::Language;
use fourwire_wire::segment::Segment;
use fourwire_wire::units::{Samples, UnixMillis};
use time::OffsetDateTime;
use unicode_segmentation::UnicodeSegmentation;

pub use self::extract::extract;
pub use self::spoken::Spoken;
use crate::transcript::{is_unspaced, one_line};
use crate::zones::UserClock;

/// The title of a call in which nothing was said.
pub const UNTITLED: &str = "Phone call";
/// Longest description of an action item, in characters.
const MAX_DESCRIPTION: usize = 300;
/// How many action items one call has at most.
const MAX_ITEMS: usize = 30;
/// How many events one call has at most.
const MAX_EVENTS: usize = 15;
/// Longest event, in minutes.
const MAX_DURATION: u16 = 180;
/// Longest name of the other party that is used, in characters.
const MAX_NAME: usize = 60;

/// A finished call, as a summary sees it.
#[derive(Clone, Copy, Debug)]
pub struct Talk<'a> {
    /// The conversation that the call became.
    pub conversation: ConversationId,
    /// When it began: the zero of the segments' times.
    pub began: UnixMillis,
    /// What was said, by time.
    pub segments: &'a [Segment],
    /// What was spoken.
    pub language: &'a Language,
    /// The other party's name, where it is known.
    pub other_party: Option<&'a Pii<String>>,
    /// The user's clock: for "tomorrow at five".
    pub clock: UserClock<'a>,
}

impl Talk<'_> {
    /// The moment of a place on the timeline.
    fn moment(&self, at: Samples) -> UnixMillis {
        self.began + at.millis()
    }

    /// The same on the user's clock; `None` where no calendar holds it.
    fn local(&self, at: Samples) -> Option<OffsetDateTime> {
        self.clock.local(self.moment(at))
    }

    /// The other party's name on one line and not too long, where it is known.
    fn name(&self) -> Option<String> {
        let name = clip(&one_line(self.other_party?.expose()), MAX_NAME);
        (!name.is_empty()).then_some(name)
    }

    /// How a side is named in a text for the user.
    fn side(&self, channel: Channel) -> String {
        match channel {
            Channel::User => "You".to_owned(),
            Channel::Remote => self.name().unwrap_or_else(|| "Them".to_owned()),
        }
    }
}

/// The first `most` characters of a text, ending in `…` where more was there.
fn clip(text: &str, most: usize) -> String {
    if text.char_indices().nth(most).is_none() {
        return text.to_owned();
    }
    let room = most.saturating_sub(1);
    let end = text.char_indices().nth(room).map_or(text.len(), |(at, _)| at);
    // Never within what is read as one character: a letter with its accents, an emoji of several parts.
    let end = text.grapheme_indices(true).map(|(at, _)| at).take_while(|at| *at <= end).last().unwrap_or_default();
    let kept = text.get(..end).unwrap_or_default();
    // Cut between words, unless one word fills it all, or words have no blank between them.
    let is_anywhere = kept.ends_with(is_unspaced);
    let whole = kept.rsplit_once(' ').map(|(words, _)| words);
    let whole = whole.filter(|words| !is_anywhere && words.len() * 2 > kept.len());
    format!("{}…", whole.unwrap_or(kept).trim_end_matches([' ', ',', ';', ':', '、', '，']))
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn a_long_text_is_cut_between_words_and_a_short_one_is_not() {
        assert_eq!(clip("one two three", 13), "one two three");
        assert_eq!(clip("one two, three", 11), "one two…");
        assert_eq!(clip("éééééééééé", 4), "ééé…");
        assert_eq!(clip("e\u{301}e\u{301}e\u{301}", 5), "e\u{301}e\u{301}…");
        assert_eq!(clip("ok 👩‍👩‍👧 ok", 6), "ok…");
        assert_eq!(clip("明日の会議 は、三時からです", 8), "明日の会議 は…");
        assert_eq!(clip("วันจันทร์ครับ", 9), "วันจันท…");
    }
}
