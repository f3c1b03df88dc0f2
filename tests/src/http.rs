//! The edge's HTTP API, for tests.

use std::time::{Duration, Instant};

use fourwire_wire::conversation::{Conversation, ConversationEntry, ConversationStatus};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{HeaderMap, Method, Request};
use serde_json::Value;
use tokio::time::sleep;

use crate::openapi::{Description, Exchange};

/// How long the edge may take to answer: longer than it gives Twilio's API.
const LIMIT: Duration = Duration::from_secs(20);
/// What a WebSocket client sends to be let through; the key is the example of RFC 6455.
const UPGRADE: [(&str, &str); 4] = [
    ("connection", "upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The JSON body; null where it is none.
    pub body: Value,
    /// The body as text; empty where it is none.
    pub text: String,
    /// The body as it came.
    pub bytes: Bytes,
}

impl Answer {
    /// The stable code of a refusal.
    #[must_use]
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// The sentence of a refusal.
    #[must_use]
    pub fn detail(&self) -> &str {
        self.body["detail"].as_str().unwrap_or_default()
    }
}

/// Sends a request without a body, with a token where there is one.
///
/// # Panics
/// When nobody answers.
pub async fn send(method: Method, origin: &str, path: &str, token: Option<&str>) -> Answer {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let headers: Vec<_> = bearer.iter().map(|bearer| (AUTHORIZATION.as_str(), bearer.as_str())).collect();
    exchange(method, origin, path, &headers, Bytes::new()).await
}

/// `POST` of what is called JSON with a token.
///
/// # Panics
/// When nobody answers.
pub async fn post(origin: &str, path: &str, token: &str, body: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [(AUTHORIZATION.as_str(), bearer.as_str()), (CONTENT_TYPE.as_str(), "application/json")];
    exchange(Method::POST, origin, path, &headers, body.to_owned().into()).await
}

/// `PATCH` with JSON, or what is called so.
///
/// # Panics
/// When nobody answers.
pub async fn patch(origin: &str, path: &str, token: &str, body: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [(AUTHORIZATION.as_str(), bearer.as_str()), (CONTENT_TYPE.as_str(), "application/json")];
    exchange(Method::PATCH, origin, path, &headers, body.to_owned().into()).await
}

/// Any request with a body.
///
/// # Panics
/// When nobody answers.
pub async fn raw(method: Method, origin: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
    exchange(method, origin, path, headers, body.into()).await
}

/// `GET` with a token.
///
/// # Panics
/// When nobody answers.
pub async fn get(origin: &str, path: &str, token: &str) -> Answer {
    send(Method::GET, origin, path, Some(token)).await
}

/// `GET` with a token and more headers.
///
/// # Panics
/// When nobody answers.
pub async fn get_with(origin: &str, path: &str, token: &str, more: &[(&str, &str)]) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [&[(AUTHORIZATION.as_str(), bearer.as_str())], more].concat();
    exchange(Method::GET, origin, path, &headers, Bytes::new()).await
}

/// Asks for a WebSocket that is to be refused: the answer is a plain one, in full.
///
/// # Panics
/// When nobody answers.
pub async fn refused_upgrade(origin: &str, path: &str) -> Answer {
    exchange(Method::GET, origin, path, &UPGRADE, Bytes::new()).await
}

/// All conversations of a token's user.
///
/// # Panics
/// When they are not answered.
pub async fn conversations(origin: &str, token: &str) -> Vec<ConversationEntry> {
    listed(origin, token, "").await
}

/// Those conversations of a token's user that a query asks for, such as `?limit=1`.
///
/// # Panics
/// When they are not answered.
pub async fn listed(origin: &str, token: &str, query: &str) -> Vec<ConversationEntry> {
    let answer = if query.contains("q=") {
        post(origin, "/v1/conversations/search", token, &search(query).to_string()).await
    } else {
        get(origin, &format!("/v1/conversations{query}"), token).await
    };
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    serde_json::from_value(answer.body).expect("a list of conversations")
}

/// The body of a search that asks for what a list's query would say.
fn search(query: &str) -> Value {
    let pairs = form_urlencoded::parse(query.trim_start_matches('?').as_bytes());
    let value = |name: &str, text: &str| if name == "q" { text.into() } else { text.parse().expect("JSON") };
    pairs.map(|(name, text)| (name.to_string(), value(&name, &text))).collect::<serde_json::Map<_, _>>().into()
}

/// The only conversation of a token's user, with its text.
///
/// # Panics
/// When there is none, or more than one.
pub async fn only_conversation(origin: &str, token: &str) -> Conversation {
    let list = conversations(origin, token).await;
    assert_eq!(list.len(), 1, "one conversation: {list:?}");
    let answer = get(origin, &format!("/v1/conversations/{}", list[0].id), token).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    serde_json::from_value(answer.body).expect("a conversation")
}

/// Waits until the user's only conversation is finished. Only the user's index is asked, so that nothing wakes the call.
///
/// # Panics
/// When `limit` passes before.
pub async fn wait_until_completed(origin: &str, token: &str, limit: Duration) -> Conversation {
    let begun = Instant::now();
    while conversations(origin, token).await.iter().any(|entry| entry.status != ConversationStatus::Completed) {
        assert!(begun.elapsed() < limit, "not finished after {limit:?}");
        sleep(Duration::from_millis(500)).await;
    }
    only_conversation(origin, token).await
}

/// What every answer says of itself, whatever it is.
const HEADERS: [(&str, &str); 2] =
    [("x-content-type-options", "nosniff"), ("strict-transport-security", "max-age=31536000")];

/// Asserts that an answer says what every answer must.
///
/// # Panics
/// Where it does not.
pub fn assert_headers(headers: &HeaderMap, of: &str) {
    for (name, value) in HEADERS {
        assert_eq!(headers.get(name).and_then(|given| given.to_str().ok()), Some(value), "{name} of {of}");
    }
}

/// Every request of these goes this way, and every answer is held against the API's description.
async fn exchange(method: Method, origin: &str, path: &str, headers: &[(&str, &str)], body: Bytes) -> Answer {
    let mut request = Request::builder().method(method.clone()).uri(format!("{origin}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body.clone())).expect("a good request");
    let answer = fourwire_lab::http::send(request, LIMIT).await.expect("the edge answers");
    let answer = Answer {
        status: answer.status,
        body: answer.json(),
        text: str::from_utf8(&answer.body).unwrap_or_default().to_owned(),
        headers: answer.headers,
        bytes: answer.body,
    };
    assert_headers(&answer.headers, path);
    Description::get().check(&Exchange { method: &method, target: path, sent: &body, answer: &answer });
    answer
}
