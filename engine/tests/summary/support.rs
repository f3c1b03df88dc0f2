//! Calls out of lines of text.

use fourwire_engine::summary::{Talk, extract};
use fourwire_engine::zones::UserClock;
use fourwire_wire::frame::Channel;
use fourwire_wire::ids::ConversationId;
use fourwire_wire::pii::Pii;
use fourwire_wire::query::{Language, TimeZone};
use fourwire_wire::segment::Segment;
use fourwire_wire::structured::Structured;
use fourwire_wire::units::{Samples, UnixMillis};

use crate::bundled_zones::Bundled;

/// Wednesday 11 March 2026, 10:00 UTC.
pub const BEGAN: UnixMillis = UnixMillis::new(1_773_223_200_000);
/// How long each line takes, in milliseconds.
const LINE: u64 = 4_000;

/// A call that a test makes up.
pub struct Call {
    segments: Vec<Segment>,
    language: Language,
    name: Option<Pii<String>>,
    began: UnixMillis,
    zone: Option<TimeZone>,
}

impl Call {
    /// A call out of lines that begin with `U:` (the user) or `T:` (the other party), four seconds each.
    pub fn new(lines: &[&str]) -> Self {
        let sides = lines.iter().map(|line| {
            let (side, text) = line.split_once(": ").expect("a line such as `U: Hello.`");
            (if side == "U" { Channel::User } else { Channel::Remote }, text)
        });
        Self::of(sides)
    }

    /// A call out of texts of a side each.
    pub fn of<'a>(texts: impl IntoIterator<Item = (Channel, &'a str)>) -> Self {
        let conversation = conversation();
        let segments = texts.into_iter().zip(0..).map(|((channel, text), ordinal)| Segment {
            id: conversation.segment(channel, ordinal),
            channel,
            start: Samples::from_millis(u64::from(ordinal) * LINE),
            end: Samples::from_millis(u64::from(ordinal) * LINE + LINE / 2),
            text: Pii::new(text.to_owned()),
            confidence: 0.9,
            is_final: true,
        });
        let language = Language::parse("en").unwrap();
        let name = Some(Pii::new("Ann".to_owned()));
        Self { segments: segments.collect(), language, name, began: BEGAN, zone: None }
    }

    /// The same in another language.
    pub fn in_language(mut self, tag: &str) -> Self {
        self.language = Language::parse(tag).unwrap();
        self
    }

    /// The same on the clock of a zone.
    pub fn in_zone(mut self, name: &str) -> Self {
        self.zone = TimeZone::parse(name);
        self
    }

    /// The same at another moment, in RFC 3339.
    pub fn at(mut self, moment: &str) -> Self {
        self.began = UnixMillis::from_rfc3339(moment).unwrap();
        self
    }

    /// The same with another party.
    pub fn with(mut self, name: Option<&str>) -> Self {
        self.name = name.map(|name| Pii::new(name.to_owned()));
        self
    }

    /// What a summary sees of it.
    pub fn talk(&self) -> Talk<'_> {
        Talk {
            conversation: conversation(),
            began: self.began,
            segments: &self.segments,
            language: &self.language,
            other_party: self.name.as_ref(),
            clock: UserClock::new(self.zone.as_ref(), &Bundled),
        }
    }

    /// The extract.
    pub fn extract(&self) -> Structured {
        extract(&self.talk())
    }
}

/// The conversation of every call here.
pub fn conversation() -> ConversationId {
    ConversationId::from_random([4; 16])
}

/// What is to be done: description and, to the minute, until when.
pub fn tasks(summary: &Structured) -> Vec<(String, Option<String>)> {
    let minute = |moment: UnixMillis| moment.rfc3339().trim_end_matches(":00Z").to_owned();
    let items = summary.action_items.iter();
    items.map(|item| (item.description.expose().clone(), item.due_at.map(minute))).collect()
}
