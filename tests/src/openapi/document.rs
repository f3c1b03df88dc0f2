//! What an `OpenAPI` document of version 3.1 is made of, as far as ours uses it. A name that is not here, or a reference
//! to nothing, is an error.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use jsonschema::Validator;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::faults;

/// The document.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) openapi: String,
    pub(super) info: Info,
    #[serde(rename = "servers")]
    _servers: Value,
    tags: Vec<Tag>,
    pub(super) paths: BTreeMap<String, BTreeMap<String, Operation>>,
    pub(super) components: Components,
    /// Schemas that were read before, by their text: most answers have much in common.
    #[serde(skip)]
    known: RefCell<BTreeMap<String, Arc<Validator>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Info {
    #[serde(rename = "title")]
    _title: String,
    pub(super) version: String,
    #[serde(rename = "summary")]
    _summary: String,
    #[serde(rename = "description")]
    _description: String,
    #[serde(rename = "license")]
    _license: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tag {
    name: String,
    #[serde(rename = "description")]
    _description: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Operation {
    #[serde(rename = "operationId")]
    pub(super) id: String,
    tags: Vec<String>,
    #[serde(rename = "summary")]
    _summary: String,
    #[serde(rename = "description")]
    _description: Option<String>,
    pub(super) security: Vec<BTreeMap<String, Vec<String>>>,
    #[serde(default)]
    pub(super) parameters: Vec<Named<Parameter>>,
    pub(super) request_body: Option<Named<RequestBody>>,
    /// Whether a body of the described form may be refused as others are, for what it says of things that are not there.
    #[serde(rename = "x-refuses-by-state", default)]
    pub(super) refuses_by_state: bool,
    pub(super) responses: BTreeMap<u16, Named<Response>>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameter {
    pub(super) name: String,
    #[serde(rename = "in")]
    pub(super) place: String,
    #[serde(rename = "description")]
    _description: Option<String>,
    #[serde(rename = "required", default)]
    _required: bool,
    pub(super) schema: Value,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestBody {
    #[serde(rename = "required")]
    _required: bool,
    pub(super) content: BTreeMap<String, Media>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Response {
    #[serde(rename = "description")]
    _description: String,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Named<Header>>,
    #[serde(default)]
    pub(super) content: BTreeMap<String, Media>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Media {
    /// None where the body is bytes, of which a schema can say nothing.
    #[serde(default = "anything")]
    pub(super) schema: Value,
    pub(super) example: Option<Value>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    #[serde(rename = "description")]
    _description: String,
    pub(super) required: bool,
    pub(super) schema: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Components {
    pub(super) schemas: BTreeMap<String, Value>,
    pub(super) responses: BTreeMap<String, Response>,
    headers: BTreeMap<String, Header>,
    parameters: BTreeMap<String, Parameter>,
    request_bodies: BTreeMap<String, RequestBody>,
    pub(super) security_schemes: BTreeMap<String, Value>,
}

fn anything() -> Value {
    json!({})
}

/// Something, or the name of a component that is it.
#[derive(Clone)]
pub(super) enum Named<T> {
    Here(T),
    There(String),
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Named<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        match value.get("$ref").and_then(Value::as_str) {
            Some(reference) => Ok(Self::There(reference.to_owned())),
            None => serde_json::from_value(value).map(Self::Here).map_err(serde::de::Error::custom),
        }
    }
}

impl<T: Clone> Named<T> {
    fn find(&self, kind: &str, components: &BTreeMap<String, T>) -> T {
        match self {
            Self::Here(here) => here.clone(),
            Self::There(reference) => reference
                .strip_prefix(&format!("#/components/{kind}/"))
                .and_then(|name| components.get(name).cloned())
                .unwrap_or_else(|| panic!("{reference} names nothing")),
        }
    }
}

impl Document {
    pub(super) fn parameter(&self, parameter: &Named<Parameter>) -> Parameter {
        parameter.find("parameters", &self.components.parameters)
    }

    pub(super) fn request_body(&self, body: &Named<RequestBody>) -> RequestBody {
        body.find("requestBodies", &self.components.request_bodies)
    }

    pub(super) fn response(&self, response: &Named<Response>) -> Response {
        response.find("responses", &self.components.responses)
    }

    pub(super) fn header(&self, header: &Named<Header>) -> Header {
        header.find("headers", &self.components.headers)
    }

    /// What a schema takes.
    pub(super) fn validator(&self, schema: &Value) -> Arc<Validator> {
        let text = schema.to_string();
        if let Some(known) = self.known.borrow().get(&text) {
            return Arc::clone(known);
        }
        assert_is_schema(schema);
        let mut schema = schema.clone();
        schema["components"] = json!({ "schemas": self.components.schemas });
        let options = jsonschema::options().should_validate_formats(true).offline();
        let validator = Arc::new(options.build(&schema).expect("a schema"));
        self.known.borrow_mut().insert(text, Arc::clone(&validator));
        validator
    }

    /// Whether an operation's tags are declared.
    pub(super) fn knows_tags(&self, operation: &Operation) -> bool {
        operation.tags.iter().all(|tag| self.tags.iter().any(|known| known.name == *tag))
    }
}

/// A keyword that JSON Schema does not have, such as a misspelt one, would take anything.
fn assert_is_schema(schema: &Value) {
    static STRICT: OnceLock<Validator> = OnceLock::new();
    let strict = STRICT.get_or_init(|| {
        let dialect = "https://json-schema.org/draft/2020-12/schema";
        let schema = json!({
            "$schema": dialect,
            "$id": "https://fourwire.test/strict",
            "$dynamicAnchor": "meta",
            "$ref": dialect,
            "unevaluatedProperties": false,
        });
        jsonschema::options().offline().build(&schema).expect("a schema")
    });
    assert_eq!(faults(strict, schema), Ok(()), "{schema}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "additionalProperies")]
    fn a_misspelt_keyword_is_found_at_any_depth() {
        assert_is_schema(&json!({ "items": { "properties": { "a": { "additionalProperies": false } } } }));
    }

    #[test]
    #[should_panic(expected = "unknown field `requierd`")]
    fn a_misspelt_name_is_found() {
        let header = json!({ "description": "…", "requierd": true, "schema": {} });
        serde_json::from_value::<Header>(header).unwrap();
    }
}
