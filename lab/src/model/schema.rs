//! The rules of structured outputs for a schema: every object closed, all properties required, keywords of a short list.

use serde_json::{Map, Value};

use super::problem::Problem;

/// Most levels of objects and arrays. The service's own bound was five, and is higher now for some models.
const DEEPEST: usize = 5;
/// Keywords that every server with structured outputs knows.
const KEYWORDS: [&str; 8] =
    ["type", "properties", "required", "additionalProperties", "items", "enum", "description", "title"];
/// Types that a value may have.
const TYPES: [&str; 7] = ["object", "array", "string", "number", "integer", "boolean", "null"];

/// Checks a whole schema.
pub(super) fn check(schema: &Value) -> Result<(), Problem> {
    if schema["type"] != "object" {
        return Err(Problem::schema("()", "schema must be a JSON Schema of 'type: \"object\"'"));
    }
    part("()", schema, 1)
}

fn part(path: &str, schema: &Value, level: usize) -> Result<(), Problem> {
    let schema = schema.as_object().ok_or_else(|| Problem::schema(path, "a schema has to be an object"))?;
    if level > DEEPEST {
        return Err(Problem::schema(path, "it is nested too deeply"));
    }
    if let Some(unknown) = schema.keys().find(|key| !KEYWORDS.contains(&key.as_str())) {
        return Err(Problem::schema(path, format_args!("'{unknown}' is not permitted")));
    }
    let types = types(schema);
    if types.is_empty() || types.iter().any(|name| !TYPES.contains(name)) {
        return Err(Problem::schema(path, "schema must have a 'type' key"));
    }
    if types.contains(&"object") {
        object(path, schema, level)?;
    }
    if types.contains(&"array") {
        let items = schema.get("items").ok_or_else(|| Problem::schema(path, "array schema missing items"))?;
        part(&format!("{path}.items"), items, level + 1)?;
    }
    if let Some(values) = schema.get("enum") {
        let good = values.as_array().is_some_and(|values| !values.is_empty());
        return if good { Ok(()) } else { Err(Problem::schema(path, "enum has to be a list with values")) };
    }
    Ok(())
}

fn object(path: &str, schema: &Map<String, Value>, level: usize) -> Result<(), Problem> {
    if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
        return Err(Problem::schema(path, "'additionalProperties' is required to be supplied and to be false"));
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    let properties = properties.ok_or_else(|| Problem::schema(path, "object schema missing properties"))?;
    let required = schema.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if let Some(missing) = properties.keys().find(|name| !required.iter().any(|required| required == *name)) {
        let message = format_args!(
            "'required' is required to be supplied and to be an array including every key in properties. Missing '{missing}'"
        );
        return Err(Problem::schema(path, message));
    }
    if required.len() != properties.len() {
        return Err(Problem::schema(path, "'required' names what is no property"));
    }
    properties.iter().try_for_each(|(name, property)| part(&format!("{path}.{name}"), property, level + 1))
}

/// The types that a value may have.
pub(super) fn types(schema: &Map<String, Value>) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().map(|name| name.as_str().unwrap_or_default()).collect(),
        _ => Vec::new(),
    }
}
