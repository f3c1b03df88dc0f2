//! Plain HTTP/1.1 requests between programs of one machine: a connection each, and one limit on the whole exchange.

use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long an exchange of JSON may take.
const JSON_LIMIT: Duration = Duration::from_secs(20);

/// Why a request had no good answer.
#[derive(Debug, Error)]
pub enum HttpError {
    /// The address is none.
    #[error("{0} is not an address such as http://127.0.0.1:4010")]
    Address(String),
    /// Nobody answers there.
    #[error("cannot reach {0}: {1}")]
    Unreachable(String, std::io::Error),
    /// The answer broke off, or took too long.
    #[error("{0} did not answer: {1}")]
    Broken(String, String),
    /// The answer is not what was asked for.
    #[error("{0} answered {1}, and not with what was asked for")]
    Answer(String, u16),
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Answer {
    /// A header's text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as JSON; null where it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Sends a request to an address of plain HTTP. The `Host` header is the address's own, unless the request has one.
///
/// # Errors
/// When there is no whole answer within `limit`.
pub async fn send(request: Request<Full<Bytes>>, limit: Duration) -> Result<Answer, HttpError> {
    let url = request.uri().to_string();
    let late = |_| HttpError::Broken(url, format!("nothing came for {} s", limit.as_secs_f64()));
    timeout(limit, exchange(request)).await.map_err(late)?
}

/// Sends JSON, or nothing, with a bearer token where there is one.
///
/// # Errors
/// When there is no whole answer.
pub async fn send_json(
    method: Method,
    url: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> Result<Answer, HttpError> {
    let mut request = Request::builder().method(method).uri(url);
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    if body.is_some() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    let body = body.map(Value::to_string).unwrap_or_default();
    let request = request.body(Full::from(body)).map_err(|_| HttpError::Address(url.to_owned()))?;
    send(request, JSON_LIMIT).await
}

async fn exchange(mut request: Request<Full<Bytes>>) -> Result<Answer, HttpError> {
    let uri = std::mem::take(request.uri_mut());
    let bad_address = || HttpError::Address(uri.to_string());
    let broken = |error: hyper::Error| HttpError::Broken(uri.to_string(), error.to_string());
    let host = uri.authority().filter(|_| uri.scheme_str() == Some("http")).ok_or_else(bad_address)?;
    let connected = TcpStream::connect((host.host(), host.port_u16().unwrap_or(80))).await;
    let stream = connected.map_err(|error| HttpError::Unreachable(uri.to_string(), error))?;

    let name = HeaderValue::from_str(host.as_str()).map_err(|_| bad_address())?;
    request.headers_mut().entry(HOST).or_insert(name);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse::<Uri>().map_err(|_| bad_address())?;

    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    // A set, since it ends the connection when this request is given up.
    let mut connections = JoinSet::new();
    connections.spawn(connection);
    let (head, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
    let body = body.collect().await.map_err(broken)?.to_bytes();
    Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
}
