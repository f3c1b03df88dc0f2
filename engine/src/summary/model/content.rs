//! Finds the summary in what a model wrote.
//!
//! Asked for one JSON object, models also write what they think before it, prose and Markdown fences around it, or their
//! text in parts. The object that counts is the last one outside of their thoughts that has a summary's members.

use std::ops::Range;

use serde_json::Value;

use super::{MAX_ANSWER_BYTES, ModelError, Part};

/// What ends a model's thoughts where they are a part of its text, in small letters.
const ENDS_OF_THOUGHT: [&str; 5] = ["</think>", "</thinking>", "</thought>", "</reasoning>", "[/think]"];
/// Types of the parts of a content that are what the model says, and not what it thinks or calls.
const TEXT_PARTS: [&str; 2] = ["text", "output_text"];
/// How many bytes are looked at to find objects, beyond which an answer is given up: a text of braces alone would take the
/// square of its length. Sixteen times the longest answer is more than any answer with thoughts took.
const MAX_SCANNED: usize = 16 * MAX_ANSWER_BYTES;

/// Objects that may be the summary, the likeliest first. Never empty.
///
/// # Errors
/// [`ModelError`] says what there is instead.
pub(super) fn candidates(content: &Value) -> Result<Vec<Value>, ModelError> {
    match content {
        Value::Null => Err(ModelError::Empty),
        Value::String(text) => in_text(text),
        Value::Array(parts) if parts.iter().any(|part| part_text(part).is_some()) => {
            in_text(&parts.iter().filter_map(part_text).collect::<String>())
        }
        Value::Array(parts) if parts.iter().any(|part| part["refusal"].is_string()) => Err(ModelError::Declined),
        Value::Array(parts) if parts.is_empty() => Err(ModelError::Empty),
        other => match summary_in(other) {
            Some(summary) => Ok(vec![summary.clone()]),
            None => part_text(other).map_or(Err(ModelError::Wrong(Part::Content)), in_text),
        },
    }
}

/// The text of one part of a content.
fn part_text(part: &Value) -> Option<&str> {
    if let Value::String(text) = part {
        return Some(text);
    }
    let is_text = part.get("type").is_none_or(|kind| kind.as_str().is_some_and(|kind| TEXT_PARTS.contains(&kind)));
    let text = part.get("text").filter(|_| is_text)?;
    text.as_str().or_else(|| text.get("value")?.as_str())
}

fn in_text(text: &str) -> Result<Vec<Value>, ModelError> {
    if text.trim().is_empty() {
        return Err(ModelError::Empty);
    }
    let objects = objects(text);
    let is_within = |at: usize| objects.iter().any(|object| object.place.contains(&at));
    let lower = text.to_ascii_lowercase();
    let ends = ENDS_OF_THOUGHT.iter().filter_map(|tag| {
        let mut places = lower.rmatch_indices(tag).map(|(at, _)| at + tag.len());
        // One that somebody has said, in the summary itself, ends no thought.
        places.find(|end| !is_within(end.saturating_sub(1)))
    });
    let thought = ends.max().unwrap_or_default();
    let said = || objects.iter().rev().filter(|object| object.place.start >= thought);
    let found: Vec<Value> = said().filter_map(|object| summary_in(&object.value)).cloned().collect();
    if !found.is_empty() {
        return Ok(found);
    }
    // An object that broke off is no JSON, whatever smaller ones are in it.
    let is_json = said().any(|object| object.is_outermost) || serde_json::from_str::<Value>(text.trim()).is_ok();
    Err(if is_json { ModelError::Wrong(Part::Content) } else { ModelError::NotJson(Part::Content) })
}

/// The value itself where it has a summary's members, or the one in it that does: some models put the schema's name around it.
fn summary_in(value: &Value) -> Option<&Value> {
    let is_summary = |value: &&Value| ["title", "overview"].iter().all(|name| value[*name].is_string());
    Some(value).filter(is_summary).or_else(|| match value {
        Value::Object(members) => members.values().find(is_summary),
        Value::Array(values) => values.iter().rfind(is_summary),
        _ => None,
    })
}

/// A JSON object in a text.
struct Object {
    place: Range<usize>,
    value: Value,
    /// Whether it is in no other, also in none that broke off.
    is_outermost: bool,
}

/// Every JSON object in a text that is in no other one.
fn objects(text: &str) -> Vec<Object> {
    let mut found = Vec::new();
    let (mut from, mut scanned, mut is_outermost) = (0, 0_usize, true);
    while let Some(start) = text.get(from..).and_then(|rest| rest.find('{')).map(|at| from + at) {
        let rest = text.get(start..).unwrap_or_default();
        let length = closing_brace(rest);
        scanned = scanned.saturating_add(length.unwrap_or(rest.len()));
        if scanned > MAX_SCANNED {
            break;
        }
        let slice = length.and_then(|length| rest.get(..length));
        let value =
            slice.and_then(|slice| serde_json::from_str(slice).or_else(|_| serde_json::from_str(&mended(slice))).ok());
        match (length, value) {
            (Some(length), Some(value)) => {
                let place = start..start + length;
                from = place.end;
                found.push(Object { place, value, is_outermost });
            }
            (length, _) => {
                is_outermost &= length.is_some();
                from = start + 1;
            }
        }
    }
    found
}

/// How long the object is with which a text begins; `None` where it never ends. Braces within its strings are text.
fn closing_brace(text: &str) -> Option<usize> {
    let (mut depth, mut in_string, mut is_escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            b'{' if !in_string => depth += 1,
            b'}' if !in_string => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// An object as JSON has it, where a model wrote commas before closing brackets or line breaks into strings.
fn mended(object: &str) -> String {
    let mut text = String::with_capacity(object.len());
    let (mut in_string, mut is_escaped) = (false, false);
    for char in object.chars() {
        match char {
            _ if is_escaped => is_escaped = false,
            '\\' if in_string => is_escaped = true,
            '"' => in_string = !in_string,
            '}' | ']' if !in_string => {
                let end = text.trim_end().strip_suffix(',').map(str::len);
                text.truncate(end.unwrap_or(text.len()));
            }
            _ => {}
        }
        text.push(if in_string && char.is_control() { ' ' } else { char });
    }
    text
}
