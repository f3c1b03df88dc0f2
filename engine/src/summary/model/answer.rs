//! Judges what a model wrote, and makes a summary of it.

use fourwire_wire::structured::{ActionItem, CalendarEvent, Category, Structured, TELEPHONE};
use fourwire_wire::units::UnixMillis;
use serde::Deserialize;
use serde_json::Value;

use super::super::{MAX_DESCRIPTION, MAX_DURATION, MAX_EVENTS, MAX_ITEMS, Talk, clip, one_line};
use super::{ModelError, Part};

/// Longest title, in characters.
pub const MAX_TITLE: usize = 120;
/// Longest overview, in characters.
pub const MAX_OVERVIEW: usize = 2_000;
/// Longest emoji, in bytes: a family of four with skin tones has 41.
const MAX_EMOJI: usize = 48;
/// A due date or an event may lie so long before the call: a day, in milliseconds, for offsets that were mixed up.
const PAST: u64 = 24 * 60 * 60 * 1000;

/// What the model is asked for.
#[derive(Deserialize)]
struct Summary {
    title: String,
    overview: String,
    #[serde(default)]
    emoji: String,
    #[serde(default)]
    category: String,
    action_items: Vec<Item>,
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Item {
    description: String,
    due_at: Option<String>,
}

#[derive(Deserialize)]
struct Event {
    title: String,
    description: String,
    start: String,
    duration: i64,
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
    match message.get("content") {
        None | Some(Value::Null) => Err(ModelError::Empty),
        Some(content) => of_content(content, talk, now),
    }
}

/// The summary in what a model wrote: an object, or its text.
pub(super) fn of_content(content: &Value, talk: &Talk<'_>, now: UnixMillis) -> Result<Structured, ModelError> {
    let object = match content {
        Value::String(text) if text.trim().is_empty() => return Err(ModelError::Empty),
        Value::String(text) => serde_json::from_str(unfenced(text)).map_err(|_| ModelError::NotJson(Part::Content))?,
        other => other.clone(),
    };
    let summary: Summary = serde_json::from_value(object).map_err(|_| ModelError::Wrong(Part::Content))?;
    summary.judge(talk, now)
}

/// Some models put their JSON into a Markdown fence, whatever they are asked.
fn unfenced(text: &str) -> &str {
    let text = text.trim();
    let fenced = text.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    fenced.map_or(text, |inside| inside.strip_prefix("json").unwrap_or(inside))
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
        let category = serde_json::from_value(Value::from(self.category.trim().to_lowercase()));
        let items = self.action_items.into_iter().filter_map(|item| item.judge(talk, now));
        let events = self.events.into_iter().filter_map(|event| event.judge(talk));
        Ok(Structured {
            title: title.into(),
            overview: overview.to_owned().into(),
            emoji: emoji(&self.emoji).to_owned(),
            category: category.unwrap_or(Category::Other),
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
            due_at: self.due_at.and_then(|text| moment(&text, talk)),
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
        let duration = u16::try_from(self.duration.clamp(1, i64::from(MAX_DURATION))).ok()?;
        let description = clip(&one_line(&self.description), MAX_DESCRIPTION);
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
fn moment(text: &str, talk: &Talk<'_>) -> Option<UnixMillis> {
    UnixMillis::from_rfc3339(text.trim()).filter(|moment| *moment >= talk.began - PAST)
}

/// The emoji, or the telephone for what is none.
fn emoji(text: &str) -> &str {
    let text = text.trim();
    let fits = !text.is_empty()
        && text.len() <= MAX_EMOJI
        && !text.contains(|char: char| char.is_alphanumeric() || char.is_ascii() || char.is_whitespace());
    if fits { text } else { TELEPHONE }
}
