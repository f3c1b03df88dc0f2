//! The API's description, `docs/openapi.json`, and whether the edge keeps to it: [`http`](crate::http) holds every answer
//! that a test receives against it, so that what is written there is what is done.

mod document;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use hyper::Method;
use jsonschema::Validator;
use serde_json::Value;

use self::document::{Document, Media};
use crate::http::Answer;

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
    /// The answers by their status.
    pub responses: BTreeMap<u16, Response>,
}

/// An answer.
pub struct Response {
    /// Its body; none where it has none.
    pub content: Option<Content>,
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

/// A request and its answer.
pub struct Exchange<'a> {
    /// How it was asked.
    pub method: &'a Method,
    /// Path and query.
    pub target: &'a str,
    /// The body that was sent.
    pub sent: &'a [u8],
    /// What came back.
    pub answer: &'a Answer,
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
            let (status, body) = (answer.status, &answer.text);
            panic!("docs/openapi.json has no such answer to {method} {target}: {what}\n{status} {body}");
        }
    }

    fn judge(&self, exchange: &Exchange<'_>) -> Result<(), String> {
        let path = exchange.target.split('?').next().unwrap_or_default();
        let Some(path) = self.paths.iter().find(|known| known.fits(path)) else {
            return exchange.expect(404)?.fits(&self.no_path);
        };
        let Some(operation) = path.operations.iter().find(|operation| operation.method == *exchange.method) else {
            return exchange.expect(405)?.fits(&self.no_method);
        };
        let response = operation.responses.get(&exchange.answer.status).ok_or("another status")?;
        exchange.fits(response)?;
        operation.request.as_ref().map_or(Ok(()), |request| exchange.was_rightly_taken(request))
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
        let credentials = operation.security.first().and_then(|scheme| scheme.keys().next().cloned());
        assert!(credentials.iter().all(|name| document.components.security_schemes.contains_key(name)), "{path}");
        let responses = operation.responses.iter();
        Self {
            method: method.to_uppercase().parse().expect("a method"),
            credentials,
            request: operation.request_body.as_ref().and_then(|body| {
                let body = document.request_body(body);
                Content::read(document, &body.content)
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
    fn read(document: &Document, content: &BTreeMap<String, Media>) -> Option<Self> {
        assert!(content.len() <= 1, "one kind of body is enough");
        let (media_type, media) = content.iter().next()?;
        let codes = media.schema["properties"]["code"]["enum"].as_array().into_iter().flatten();
        let content = Self {
            media_type: media_type.clone(),
            schema: document.validator(&media.schema),
            example: media.example.clone(),
            codes: codes.filter_map(|code| code.as_str().map(str::to_owned)).collect(),
        };
        if let Some(example) = &content.example {
            assert_eq!(faults(&content.schema, example), Ok(()), "an example of the description");
        }
        Some(content)
    }

    /// Whether it is JSON.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.media_type == "application/json"
    }

    /// A body of this kind as JSON; none where it cannot be read.
    fn parse(&self, body: &[u8]) -> Option<Value> {
        match self.media_type.as_str() {
            "application/json" => serde_json::from_slice(body).ok(),
            "application/x-www-form-urlencoded" => {
                let fields = form_urlencoded::parse(body).into_owned();
                Some(fields.map(|(name, value)| (name, Value::from(value))).collect())
            }
            _ => Some(String::from_utf8(body.to_vec()).ok()?.into()),
        }
    }
}

impl Exchange<'_> {
    fn expect(&self, status: u16) -> Result<&Self, String> {
        if self.answer.status == status { Ok(self) } else { Err(format!("not {status}")) }
    }

    fn fits(&self, response: &Response) -> Result<(), String> {
        for Header { name, is_required, schema } in &response.headers {
            match self.header(name) {
                // A number in a header is digits.
                Some(text) => {
                    let value = text.parse::<u64>().map_or_else(|_| text.into(), Value::from);
                    faults(schema, &value).map_err(|fault| format!("{name}: {fault}"))?;
                }
                None if *is_required => return Err(format!("{name} is missing")),
                None => {}
            }
        }
        let Some(content) = &response.content else {
            return if self.answer.text.is_empty() { Ok(()) } else { Err("a body".to_owned()) };
        };
        if self.header("content-type") != Some(&content.media_type) {
            return Err(format!("not {}", content.media_type));
        }
        let body = content.parse(self.answer.text.as_bytes()).ok_or("unreadable")?;
        faults(&content.schema, &body)
    }

    /// Whether what was asked was taken or refused as the description of the request says.
    fn was_rightly_taken(&self, request: &Content) -> Result<(), String> {
        let sent = request.parse(self.sent);
        let is_good = sent.is_some_and(|sent| request.schema.is_valid(&sent));
        match self.answer.status {
            ..300 if !is_good => Err("a request that it does not describe was served".to_owned()),
            422 if is_good => Err("a request that it describes was refused".to_owned()),
            _ => Ok(()),
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.answer.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// What a schema has against a value.
fn faults(schema: &Validator, value: &Value) -> Result<(), String> {
    let faults: Vec<_> =
        schema.iter_errors(value).map(|fault| format!("{fault} at {}", fault.instance_path())).collect();
    if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;

    use super::*;

    fn judge(method: &Method, target: &str, status: u16, headers: &[(&'static str, &str)], text: &str) -> bool {
        judge_sent(method, target, b"", status, headers, text)
    }

    fn judge_sent(
        method: &Method,
        target: &str,
        sent: &[u8],
        status: u16,
        headers: &[(&'static str, &str)],
        text: &str,
    ) -> bool {
        let headers: HeaderMap =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let answer = Answer { status, headers, body: Value::Null, text: text.to_owned() };
        Description::get().judge(&Exchange { method, target, sent, answer: &answer }).is_ok()
    }

    const JSON: (&str, &str) = ("content-type", "application/json");
    const NO_STORE: (&str, &str) = ("cache-control", "no-store");

    #[test]
    fn an_answer_with_another_shape_status_or_type_is_found() {
        let health = |status, headers: &[_], text| judge(&Method::GET, "/healthz?x=1", status, headers, text);
        assert!(health(200, &[JSON], r#"{"status":"ok","version":"1","problems":[]}"#));
        assert!(!health(200, &[JSON], r#"{"status":"ok","version":"1","problems":[],"more":1}"#), "one field more");
        assert!(!health(200, &[JSON], r#"{"status":"ok","version":"1"}"#), "one field less");
        assert!(!health(200, &[JSON], r#"{"status":"not_configured","version":"1","problems":[]}"#));
        assert!(!health(200, &[JSON], "fine"));
        assert!(!health(201, &[JSON], r#"{"status":"ok","version":"1","problems":[]}"#));
        assert!(!health(200, &[("content-type", "text/html")], r#"{"status":"ok","version":"1","problems":[]}"#));
    }

    #[test]
    fn a_refusal_with_another_code_or_without_its_headers_is_found() {
        let token = |status, code: &str, headers: &[_]| {
            let text = format!(r#"{{"detail":"No.","code":"{code}"}}"#);
            judge(&Method::POST, "/v1/phone/token", status, &[&[JSON], headers].concat(), &text)
        };
        assert!(token(401, "authorization_missing", &[NO_STORE]));
        assert!(!token(401, "no_verified_number", &[NO_STORE]), "a code of another status");
        assert!(!token(401, "authorization_missing", &[]));
        assert!(!token(401, "authorization_missing", &[("cache-control", "public")]));
        assert!(token(429, "too_many_requests", &[NO_STORE, ("retry-after", "7")]));
        assert!(!token(429, "too_many_requests", &[NO_STORE]));
        assert!(!token(429, "too_many_requests", &[NO_STORE, ("retry-after", "0")]));
    }

    #[test]
    fn what_is_not_described_must_be_refused_as_such() {
        let refused = |method: &Method, target: &str, status, code: &str| {
            let text = format!(r#"{{"detail":"No.","code":"{code}"}}"#);
            judge(method, target, status, &[JSON, NO_STORE], &text)
        };
        assert!(refused(&Method::GET, "/v1/phones", 404, "not_found"));
        assert!(!refused(&Method::GET, "/v1/phones", 401, "authorization_missing"));
        assert!(refused(&Method::PUT, "/v1/phone/numbers/5", 405, "method_not_allowed"));
        assert!(!refused(&Method::PUT, "/v1/phone/numbers/5", 404, "not_found"));
        assert!(!refused(&Method::DELETE, "/v1/phone/numbers/verify", 404, "number_not_found"), "it is no id");
    }

    #[test]
    fn a_request_is_taken_or_refused_as_described() {
        let check = |sent: &[u8], status, text| {
            let headers = [JSON, NO_STORE];
            judge_sent(&Method::POST, "/v1/phone/numbers/verify/check", sent, status, &headers, text)
        };
        let none = r#"{"verified":false,"phone_number_id":null,"status":"none"}"#;
        let refusal = r#"{"detail":"No.","code":"body_invalid"}"#;
        let good = br#"{"phone_number":"anything"}"#;
        assert!(check(good, 200, none) && check(b"[]", 422, refusal) && check(b"", 422, refusal));
        assert!(!check(b"[]", 200, none) && !check(good, 422, refusal));
    }
}
