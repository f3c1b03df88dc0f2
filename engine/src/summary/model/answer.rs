//! Judges what a model wrote, and makes a summary of it.

use fourwire_wire::structured::{ActionItem, CalendarEvent, Category, Structured, TELEPHONE};
use fourwire_wire::units::UnixMillis;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use unicode_segmentation::UnicodeSegmentation;

use super::super::{MAX_DESCRIPTION, MAX_DURATION, MAX_EVENTS, MAX_ITEMS, Talk, clip, one_line};
use super::{ModelError, Part, content, moment};

/// Longest title, in characters.
pub const MAX_TITLE: usize = 120;
/// Longest overview, in characters.
pub const MAX_OVERVIEW: usize = 2_000;
/// Longest emoji, in bytes: a family of four with skin tones has 41.
const MAX_EMOJI: usize = 48;
/// How long an event lasts where the model does not say so, in minutes: as it is asked to.
const DURATION: u16 = 30;
/// A due date or an event may lie so long before the call: a day, in milliseconds, for offsets that were mixed up.
const PAST: u64 = 24 * 60 * 60 * 1000;

/// What the model is asked for. Only what a conversation cannot do without has to be of its kind; what else is odd costs
/// itself: a list that is none its entries, an entry that is none itself.
#[derive(Deserialize)]
struct Summary {
    title: String,
    overview: String,
    #[serde(default)]
    emoji: Value,
    #[serde(default)]
    category: Value,
    #[serde(default)]
    action_items: Value,
    #[serde(default)]
    events: Value,
}

#[derive(Deserialize)]
struct Item {
    description: String,
    #[serde(default)]
    due_at: Value,
}

#[derive(Deserialize)]
struct Event {
    title: String,
    #[serde(default)]
    description: Value,
    start: Value,
    #[serde(default)]
    duration: Value,
}

/// The summary in a chat completion.
pub(super) fn of_completion(completion: &Value, talk: &Talk<'_>, now: UnixMillis) -> Result<Structured, ModelError> {
    let choice = completion.pointer("/choices/0").ok_or(ModelError::Wrong(Part::Answer))?;
    let message = choice.get("message").ok_or(ModelError::Wrong(Part::Answer))?;
    if message.get("refusal").and_then(Value::as_str).is_some_and(|refusal| !refusal.is_empty()) {
        return Err(ModelError::Declined);
    }
    match choice.get("finish_reason").and_then(Value::as_str) {
        Some("length") => return Err(ModelError::Truncated),
        Some("content_filter") => return Err(ModelError::Filtered),
        _ => {}
    }
    of_content(&message["content"], talk, now)
}

/// The summary in what a model wrote: text, parts of it, or an object.
pub(super) fn of_content(content: &Value, talk: &Talk<'_>, now: UnixMillis) -> Result<Structured, ModelError> {
    let mut first_error = None;
    for object in content::candidates(content)? {
        let summary = serde_json::from_value(object).map_err(|_| ModelError::Wrong(Part::Content));
        match summary.and_then(|summary: Summary| summary.judge(talk, now)) {
            Ok(structured) => return Ok(structured),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(first_error.unwrap_or(ModelError::Wrong(Part::Content)))
}

/// The entries of a list that are what they have to be.
fn entries<T: DeserializeOwned>(list: Value) -> impl Iterator<Item = T> {
    let entries = if let Value::Array(entries) = list { entries } else { Vec::new() };
    entries.into_iter().filter_map(|entry| serde_json::from_value(entry).ok())
}

impl Summary {
    fn judge(self, talk: &Talk<'_>, now: UnixMillis) -> Result<Structured, ModelError> {
        let title = one_line(&self.title);
        if title.is_empty() || title.chars().count() > MAX_TITLE {
            return Err(ModelError::Wrong(Part::Title));
        }
        let overview = self.overview.trim();
        if overview.is_empty() || overview.chars().count() > MAX_OVERVIEW {
            return Err(ModelError::Wrong(Part::Overview));
        }
        // An unknown word is `other` by the category's own rule.
        let category = self.category.as_str().unwrap_or_default().trim().to_lowercase();
        let items = entries(self.action_items).filter_map(|item: Item| item.judge(talk, now));
        let events = entries(self.events).filter_map(|event: Event| event.judge(talk));
        Ok(Structured {
            title: title.into(),
            overview: overview.to_owned().into(),
            emoji: emoji(self.emoji.as_str().unwrap_or_default()).to_owned(),
            category: serde_json::from_value(category.into()).unwrap_or(Category::Other),
            action_items: items.take(MAX_ITEMS).collect(),
            events: events.take(MAX_EVENTS).collect(),
        })
    }
}

impl Item {
    /// The item; `None` without words. A date that is none, or long past, is left out.
    fn judge(self, talk: &Talk<'_>, now: UnixMillis) -> Option<ActionItem> {
        let description = clip(&one_line(&self.description), MAX_DESCRIPTION);
        (!description.is_empty()).then(|| ActionItem {
            description: description.into(),
            completed: false,
            created_at: now,
            updated_at: now,
            due_at: moment(&self.due_at, talk),
            completed_at: None,
            conversation_id: talk.conversation,
        })
    }
}

impl Event {
    /// The event; `None` without a title or a time.
    fn judge(self, talk: &Talk<'_>) -> Option<CalendarEvent> {
        let title = clip(&one_line(&self.title), MAX_TITLE);
        let start = moment(&self.start, talk)?;
        let duration = minutes(&self.duration).map_or(DURATION, |minutes| minutes.clamp(1, MAX_DURATION));
        let description = clip(&one_line(self.description.as_str().unwrap_or_default()), MAX_DESCRIPTION);
        (!title.is_empty()).then(|| CalendarEvent {
            title: title.into(),
            description: description.into(),
            start,
            duration,
            created: false,
        })
    }
}

/// A moment that is not more than a day before the call.
fn moment(value: &Value, talk: &Talk<'_>) -> Option<UnixMillis> {
    moment::read(value, &talk.clock).filter(|moment| *moment >= talk.began - PAST)
}

/// A length in minutes: a number, a number as text, or one with its unit (`30 minutes`, `1.5 hours`, `PT1H30M`).
fn minutes(value: &Value) -> Option<u16> {
    let Value::String(text) = value else { return whole_minutes(value.as_f64()?) };
    let text = text.trim().to_lowercase();
    if let Ok(number) = text.parse() {
        return whole_minutes(number);
    }
    let is_number = |char: char| char.is_ascii_digit() || char == '.';
    let mut rest = text.trim_start_matches("pt");
    let mut sum = 0.0;
    while !rest.is_empty() {
        let (number, after) = rest.split_at_checked(rest.find(|char| !is_number(char))?)?;
        let after = after.trim_start();
        let (unit, next) = after.split_at_checked(after.find(is_number).unwrap_or(after.len()))?;
        let in_minutes = match unit.split(|char: char| !char.is_alphabetic()).next()? {
            "h" | "hr" | "hrs" | "hour" | "hours" => 60.0,
            "m" | "min" | "mins" | "minute" | "minutes" => 1.0,
            _ => return None,
        };
        sum += number.parse::<f64>().ok()? * in_minutes;
        rest = next;
    }
    whole_minutes(sum).filter(|minutes| *minutes > 0)
}

#[expect(clippy::as_conversions, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
fn whole_minutes(minutes: f64) -> Option<u16> {
    minutes.is_finite().then(|| minutes.round().clamp(0.0, f64::from(u16::MAX)) as u16)
}

/// The first emoji of a text, or the telephone where it does not begin with one.
fn emoji(text: &str) -> &str {
    let text = text.trim();
    let first = text.graphemes(true).next().unwrap_or_default();
    let fits = !first.is_empty()
        && text.len() <= MAX_EMOJI
        && !first.contains(|char: char| char.is_alphanumeric() || char.is_ascii() || char.is_whitespace());
    if fits { first } else { TELEPHONE }
}
