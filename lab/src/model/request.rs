//! What the server takes: the key, then the body's fields one by one.

use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};

use super::problem::Problem;
use super::{Formats, ModelOptions, schema};

/// Fields that a summary may need.
const FIELDS: [&str; 10] = [
    "model",
    "messages",
    "response_format",
    "temperature",
    "top_p",
    "seed",
    "max_completion_tokens",
    "store",
    "user",
    "reasoning_effort",
];
/// Who may say something.
const ROLES: [&str; 4] = ["system", "developer", "user", "assistant"];
/// Longest body: a model with room for 128,000 tokens takes no more.
const LONGEST: usize = 1024 * 1024;
/// Longest name of a schema.
const MAX_NAME: usize = 64;

/// A good request.
#[derive(Debug)]
pub(super) struct Request {
    /// The model's name.
    pub(super) model: String,
    /// The last thing that the user says.
    pub(super) transcript: String,
    /// What the answer is to conform to, where the server takes a schema.
    pub(super) schema: Option<Value>,
    /// How many words all messages have.
    pub(super) words: usize,
}

impl Request {
    /// Checks everything.
    pub(super) fn parse(headers: &HeaderMap, body: &[u8], options: &ModelOptions) -> Result<Self, Problem> {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if header(header::AUTHORIZATION).strip_prefix("Bearer ") != Some(&options.key) {
            return Err(Problem::key());
        }
        let kind = header(header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(Problem::body("The Content-Type has to be application/json."));
        }
        if body.len() > LONGEST {
            return Err(Problem::strict("messages", "the body is longer than a megabyte"));
        }
        let body: Map<String, Value> = serde_json::from_slice(body)
            .map_err(|_| Problem::body("We could not parse the JSON body of your request."))?;
        if let Some(unknown) = body.keys().find(|name| !FIELDS.contains(&name.as_str())) {
            return Err(Problem::bad(unknown, "unknown_parameter", format!("Unknown parameter: '{unknown}'.")));
        }
        let model = text(&body, "model")?;
        if model != options.name {
            return Err(Problem::no_such_model(model));
        }
        numbers(&body)?;
        let (transcript, words) = messages(&body)?;
        Ok(Self { model: model.to_owned(), transcript, schema: format(&body, options.formats)?, words })
    }
}

fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Result<&'a str, Problem> {
    let missing = || Problem::bad(name, "missing_required_parameter", format!("Missing required parameter: '{name}'."));
    let value = object.get(name).ok_or_else(missing)?;
    value
        .as_str()
        .filter(|text| !text.is_empty())
        .ok_or_else(|| Problem::bad(name, "invalid_type", format!("'{name}' has to be a string with something in it.")))
}

/// Settings that are numbers, and in their range.
fn numbers(body: &Map<String, Value>) -> Result<(), Problem> {
    for (name, least, most) in
        [("temperature", 0.0, 2.0), ("top_p", 0.0, 1.0), ("max_completion_tokens", 1.0, 128_000.0)]
    {
        let good =
            body.get(name).is_none_or(|value| value.as_f64().is_some_and(|number| (least..=most).contains(&number)));
        if !good {
            return Err(Problem::bad(name, "invalid_value", format!("'{name}' has to be from {least} to {most}.")));
        }
    }
    Ok(())
}

/// What the user says last, and how many words all messages have.
fn messages(body: &Map<String, Value>) -> Result<(String, usize), Problem> {
    let wrong = |number: usize, message: &str| Problem::bad(&format!("messages[{number}]"), "invalid_value", message);
    let messages = body.get("messages").and_then(Value::as_array).filter(|messages| !messages.is_empty());
    let messages =
        messages.ok_or_else(|| Problem::bad("messages", "missing_required_parameter", "There has to be a message."))?;
    let (mut said, mut words) = (None, 0);
    for (number, message) in messages.iter().enumerate() {
        let message = message.as_object().ok_or_else(|| wrong(number, "A message is an object."))?;
        if message.keys().any(|name| !matches!(name.as_str(), "role" | "content" | "name")) {
            return Err(wrong(number, "A message has a role, content, and perhaps a name."));
        }
        let role = text(message, "role")?;
        if !ROLES.contains(&role) {
            return Err(wrong(number, "The role is none of those that are known."));
        }
        let content = text(message, "content")?;
        words += content.split_whitespace().count();
        if role == "user" {
            said = Some(content.to_owned());
        }
    }
    let said = said.ok_or_else(|| Problem::strict("messages", "nothing comes from the user"))?;
    Ok((said, words))
}

/// The schema that the answer is to conform to; none where the server takes none.
fn format(body: &Map<String, Value>, formats: Formats) -> Result<Option<Value>, Problem> {
    if formats != Formats::JsonSchema {
        return weaker_format(body, formats).map(|()| None);
    }
    let format = body.get("response_format").ok_or_else(|| Problem::strict("response_format", "it is missing"))?;
    if format["type"] != "json_schema" {
        return Err(Problem::strict("response_format.type", "the lab knows json_schema only"));
    }
    let named = format["json_schema"].as_object();
    let named = named.ok_or_else(|| {
        Problem::bad("response_format.json_schema", "missing_required_parameter", "There has to be a schema.")
    })?;
    let name = text(named, "name")?;
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if !plain || name.len() > MAX_NAME {
        return Err(Problem::bad("response_format.json_schema.name", "invalid_value", "The name is not one."));
    }
    if named.keys().any(|key| !matches!(key.as_str(), "name" | "description" | "strict" | "schema")) {
        return Err(Problem::bad(
            "response_format.json_schema",
            "unknown_parameter",
            "It has a field that is not known.",
        ));
    }
    if named.get("strict") != Some(&Value::Bool(true)) {
        return Err(Problem::strict("response_format.json_schema.strict", "it has to be true"));
    }
    let schema = named.get("schema").cloned().unwrap_or_default();
    schema::check(&schema)?;
    Ok(Some(schema))
}

/// Checks the format for a server that takes no schema. Such servers name no common code, and want JSON to be spoken of.
fn weaker_format(body: &Map<String, Value>, formats: Formats) -> Result<(), Problem> {
    let kind = body.get("response_format").map(|format| format["type"].as_str().unwrap_or_default());
    if kind.is_some_and(|kind| formats == Formats::Text || kind != "json_object") {
        return Err(Problem::body("This response_format type is unavailable now"));
    }
    let messages = body.get("messages").map(Value::to_string).unwrap_or_default();
    if !messages.contains("JSON") {
        return Err(Problem::body("'messages' must contain the word 'json' in some form."));
    }
    Ok(())
}
