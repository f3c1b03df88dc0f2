//! The edge's HTTP API, for tests.

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::header::AUTHORIZATION;
use hyper::{HeaderMap, Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The JSON body; null where it is none.
    pub body: Value,
}

impl Answer {
    /// The stable code of a refusal.
    #[must_use]
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

/// Sends a request without a body, with a token where there is one.
///
/// # Panics
/// When nobody answers.
pub async fn send(method: Method, origin: &str, path: &str, token: Option<&str>) -> Answer {
    let authority = origin.strip_prefix("http://").expect("an http address");
    let stream = TcpStream::connect(authority).await.expect("the edge listens");
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("it speaks HTTP");
    tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path).header("host", authority);
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Empty::<Bytes>::new()).expect("a good request");
    let answer = sender.send_request(request).await.expect("it answers");
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let bytes = answer.into_body().collect().await.expect("the whole body").to_bytes();
    Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or_default() }
}

/// `GET` with a token.
///
/// # Panics
/// When nobody answers.
pub async fn get(origin: &str, path: &str, token: &str) -> Answer {
    send(Method::GET, origin, path, Some(token)).await
}
