//! What is answered: a summary made of a transcript's first lines, the same for the same transcript, that conforms to
//! whatever schema was sent, where one was.

use serde_json::{Map, Value, json};

use super::schema::types;

/// Most words of a title.
const TITLE_WORDS: usize = 8;
/// Most lines of an overview.
const OVERVIEW_LINES: usize = 3;
/// Longest line that is used, in characters.
const LONGEST: usize = 200;
/// What a line says that is taken for a promise or a request.
const TASKS: [&str; 6] = ["i'll ", "i will ", "please ", "can you ", "could you ", "don't forget "];
/// The category that fits everything.
const CATEGORY: &str = "other";

/// Writes the answer.
pub(super) fn write(transcript: &str, schema: Option<&Value>) -> Value {
    let summary = summary(transcript);
    schema.map_or(summary.clone(), |schema| conform(Some(&summary), schema))
}

/// A summary of a transcript whose lines are `[mm:ss] name: words`.
fn summary(transcript: &str) -> Value {
    let lines: Vec<(&str, String)> = transcript.lines().filter_map(utterance).collect();
    let first = lines.first().map_or("An Empty Call", |(_, words)| words);
    let title: Vec<&str> = first.split_whitespace().take(TITLE_WORDS).collect();
    let said: Vec<String> =
        lines.iter().take(OVERVIEW_LINES).map(|(name, words)| format!("{name} said: {words}")).collect();
    let is_task = |words: &str| TASKS.iter().any(|task| words.to_lowercase().contains(task));
    let tasks = lines.iter().filter(|(_, words)| is_task(words));
    let items: Vec<Value> =
        tasks.map(|(name, words)| json!({ "description": format!("{name}: {words}"), "due_at": null })).collect();
    let overview = if said.is_empty() { "Nothing was said.".to_owned() } else { said.join(" ") };
    json!({
        "title": title.join(" ").trim_end_matches(['.', ',', '?', '!']),
        "overview": overview,
        "emoji": "🗒️",
        "category": CATEGORY,
        "action_items": items,
        "events": [],
    })
}

/// Who said what in a line; none for a line that is no utterance.
fn utterance(line: &str) -> Option<(&str, String)> {
    let (_, said) = line.strip_prefix('[')?.split_once("] ")?;
    let (name, words) = said.split_once(": ")?;
    let words: String = words.chars().take(LONGEST).collect();
    (!words.trim().is_empty()).then_some((name, words))
}

/// The value where it fits a schema, and otherwise the least that does.
fn conform(value: Option<&Value>, schema: &Value) -> Value {
    let Some(rules) = schema.as_object() else { return Value::Null };
    if let Some(values) = rules.get("enum").and_then(Value::as_array) {
        let known = value.filter(|value| values.contains(value)).or(values.last());
        return known.cloned().unwrap_or_default();
    }
    let types = types(rules);
    let has = |name: &str| types.contains(&name);
    match value {
        Some(Value::Null) | None if has("null") => Value::Null,
        Some(Value::Array(values)) if has("array") => {
            values.iter().map(|value| conform(Some(value), &schema["items"])).collect()
        }
        Some(Value::String(text)) if has("string") => Value::from(text.as_str()),
        Some(Value::Bool(truth)) if has("boolean") => Value::from(*truth),
        Some(Value::Number(number)) if has("number") || has("integer") => Value::Number(number.clone()),
        value if has("object") => {
            let properties = rules.get("properties").and_then(Value::as_object).into_iter().flatten();
            let filled = properties
                .map(|(name, schema)| (name.clone(), conform(value.and_then(|value| value.get(name)), schema)));
            Value::Object(filled.collect::<Map<_, _>>())
        }
        _ => match types.first().copied() {
            Some("array") => json!([]),
            Some("string") => json!(""),
            Some("number" | "integer") => json!(1),
            Some("boolean") => json!(false),
            _ => Value::Null,
        },
    }
}
