//! The API's description, `docs/openapi.json`, and whether the edge keeps to it: [`http`](crate::http) holds every answer
//! that a test receives against it, so that what is written there is what is done.

mod document;
mod exchange;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use hyper::Method;
use jsonschema::Validator;
use serde_json::Value;

use self::document::{Document, Media};
pub use self::exchange::Exchange;

const TEXT: &str = include_str!("../../docs/openapi.json");

/// The description.
pub struct Description {
    /// Its version.
    pub version: String,
    /// Every path; where two fit, the one with fewer parameters comes first.
    pub paths: Vec<Path>,
    no_path: Response,
    no_method: Response,
}

/// A path and what may be asked there.
pub struct Path {
    /// As it is written, such as `/v1/conversations/{id}`.
    pub template: String,
    /// A method each.
    pub operations: Vec<Operation>,
}

/// What may be asked.
pub struct Operation {
    /// How.
    pub method: Method,
    /// What lets somebody in: the name of a security scheme. None where everybody is.
    pub credentials: Option<String>,
    /// What may be sent along.
    pub request: Option<Content>,
    refuses_by_state: bool,
    /// The answers by their status.
    pub responses: BTreeMap<u16, Response>,
}

/// An answer.
pub struct Response {
    /// The bodies that it may have, a media type each; none where it has none.
    pub content: Vec<Content>,
    headers: Vec<Header>,
}

/// A body.
pub struct Content {
    media_type: String,
    schema: Arc<Validator>,
    /// One such body.
    pub example: Option<Value>,
    /// The codes that it may have, where it is a refusal.
    pub codes: Vec<String>,
}

struct Header {
    name: String,
    is_required: bool,
    schema: Arc<Validator>,
}

impl Description {
    /// The description, read once.
    ///
    /// # Panics
    /// When it is not what it should be.
    pub fn get() -> &'static Self {
        static DESCRIPTION: OnceLock<Description> = OnceLock::new();
        DESCRIPTION.get_or_init(|| Self::read(TEXT))
    }

    fn read(text: &str) -> Self {
        let document: Document = serde_json::from_str(text).expect("a document of OpenAPI");
        assert_eq!(document.openapi, "3.1.0");
        document.components.schemas.values().for_each(|schema| drop(document.validator(schema)));
        let operations = || document.paths.values().flat_map(BTreeMap::values);
        let names: BTreeSet<_> = operations().map(|operation| &operation.id).collect();
        assert_eq!(names.len(), operations().count(), "each operation has a name of its own");
        let mut paths: Vec<_> = document.paths.iter().map(|path| Path::read(&document, path)).collect();
        paths.sort_by_key(|path| path.template.matches('{').count());
        let component = |name: &str| Response::read(&document, &document.components.responses[name]);
        let (no_path, no_method) = (component("PathNotFound"), component("MethodNotAllowed"));
        Self { version: document.info.version, paths, no_path, no_method }
    }

    /// Every operation with its path.
    pub fn operations(&self) -> impl Iterator<Item = (&Path, &Operation)> {
        self.paths.iter().flat_map(|path| path.operations.iter().map(move |operation| (path, operation)))
    }

    /// Every status of a refusal with its code.
    pub fn refusals(&self) -> impl Iterator<Item = (u16, &str)> {
        let elsewhere = [(404, &self.no_path), (405, &self.no_method)].into_iter().flat_map(Response::refusals);
        self.operations().flat_map(|(_, operation)| operation.refusals()).chain(elsewhere)
    }

    /// Holds an answer against the description.
    ///
    /// # Panics
    /// When the description has no such answer.
    pub fn check(&self, exchange: &Exchange<'_>) {
        if let Err(what) = self.judge(exchange) {
            let Exchange { method, target, answer, .. } = exchange;
            let (status, text, bytes) = (answer.status, &answer.text, answer.bytes.len());
            panic!(
                "docs/openapi.json has no such answer to {method} {target}: {what}\n{status} {text} ({bytes} bytes)"
            );
        }
    }

    fn judge(&self, exchange: &Exchange<'_>) -> Result<(), String> {
        let path = exchange.target.split('?').next().unwrap_or_default();
        let Some(path) = self.paths.iter().find(|known| known.fits(path)) else {
            return exchange.expect(404)?.fits(&self.no_path);
        };
        let described = |method: &Method| path.operations.iter().find(|operation| operation.method == *method);
        // What can be read tells its head, without being described twice.
        let method = if *exchange.method == Method::HEAD { &Method::GET } else { exchange.method };
        let Some(operation) = described(method) else {
            let methods = path.operations.iter().map(|operation| operation.method.as_str());
            let methods: BTreeSet<_> = methods.chain(described(&Method::GET).map(|_| "HEAD")).collect();
            return exchange.expect(405)?.fits(&self.no_method).and_then(|()| exchange.allows(&methods));
        };
        let response = operation.responses.get(&exchange.answer.status).ok_or("another status")?;
        exchange.fits(response)?;
        operation.request.as_ref().map_or(Ok(()), |request| exchange.was_rightly_taken(request, operation))
    }
}

impl Path {
    fn read(document: &Document, (template, operations): (&String, &BTreeMap<String, document::Operation>)) -> Self {
        let operations = operations.iter().map(|operation| Operation::read(document, template, operation)).collect();
        Self { template: template.clone(), operations }
    }

    /// Whether a path is one of these.
    #[must_use]
    pub fn fits(&self, path: &str) -> bool {
        let fits =
            |(known, given): (&str, &str)| if known.starts_with('{') { !given.is_empty() } else { known == given };
        self.template.split('/').count() == path.split('/').count()
            && self.template.split('/').zip(path.split('/')).all(fits)
    }
}

impl Operation {
    fn read(document: &Document, path: &str, (method, operation): (&String, &document::Operation)) -> Self {
        assert!(document.knows_tags(operation), "{}", operation.id);
        let parameters: Vec<_> = operation.parameters.iter().map(|parameter| document.parameter(parameter)).collect();
        for parameter in &parameters {
            document.validator(&parameter.schema);
        }
        let in_path: Vec<_> =
            parameters.iter().filter(|known| known.place == "path").map(|known| &known.name).collect();
        assert_eq!(in_path.len(), path.matches('{').count(), "{path}");
        assert!(in_path.iter().all(|name| path.contains(&format!("{{{name}}}"))), "{path}");
        let refuses_by_state = operation.refuses_by_state;
        let credentials = operation.security.first().and_then(|scheme| scheme.keys().next().cloned());
        assert!(credentials.iter().all(|name| document.components.security_schemes.contains_key(name)), "{path}");
        let responses = operation.responses.iter();
        Self {
            method: method.to_uppercase().parse().expect("a method"),
            credentials,
            refuses_by_state,
            request: operation.request_body.as_ref().and_then(|body| {
                let body = document.request_body(body);
                assert_eq!(body.content.len(), 1, "one kind of body is enough");
                Content::read(document, &body.content).pop()
            }),
            responses: responses
                .map(|(status, response)| (*status, Response::read(document, &document.response(response))))
                .collect(),
        }
    }

    /// Every status of a refusal with its code.
    pub fn refusals(&self) -> impl Iterator<Item = (u16, &str)> {
        self.responses.iter().map(|(status, response)| (*status, response)).flat_map(Response::refusals)
    }
}

impl Response {
    fn read(document: &Document, response: &document::Response) -> Self {
        let read = |(name, header)| {
            let header = document.header(header);
            let schema = document.validator(&header.schema);
            Header { name: String::clone(name), is_required: header.required, schema }
        };
        Self {
            content: Content::read(document, &response.content),
            headers: response.headers.iter().map(read).collect(),
        }
    }

    fn refusals((status, response): (u16, &Self)) -> impl Iterator<Item = (u16, &str)> {
        let codes = response.content.iter().flat_map(|content| &content.codes);
        codes.map(move |code| (status, code.as_str()))
    }
}

impl Content {
    fn read(document: &Document, content: &BTreeMap<String, Media>) -> Vec<Self> {
        content.iter().map(|(media_type, media)| Self::read_one(document, media_type, media)).collect()
    }

    fn read_one(document: &Document, media_type: &str, media: &Media) -> Self {
        let codes = media.schema["properties"]["code"]["enum"].as_array().into_iter().flatten();
        let content = Self {
            media_type: media_type.to_owned(),
            schema: document.validator(&media.schema),
            example: media.example.clone(),
            codes: codes.filter_map(|code| code.as_str().map(str::to_owned)).collect(),
        };
        if let Some(example) = &content.example {
            assert_eq!(faults(&content.schema, example), Ok(()), "an example of the description");
        }
        content
    }

    /// Whether it is JSON.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.media_type == "application/json"
    }

    /// A body of this kind as JSON, bytes that are no text as null; none where it cannot be read.
    fn parse(&self, body: &[u8]) -> Option<Value> {
        match self.media_type.as_str() {
            "application/json" => serde_json::from_slice(body).ok(),
            "application/x-www-form-urlencoded" => {
                let fields = form_urlencoded::parse(body).into_owned();
                Some(fields.map(|(name, value)| (name, Value::from(value))).collect())
            }
            _ => Some(str::from_utf8(body).map_or(Value::Null, Value::from)),
        }
    }
}

/// What a schema has against a value.
fn faults(schema: &Validator, value: &Value) -> Result<(), String> {
    let faults: Vec<_> =
        schema.iter_errors(value).map(|fault| format!("{fault} at {}", fault.instance_path())).collect();
    if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
}

#[cfg(test)]
mod tests;
