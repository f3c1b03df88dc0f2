//! The app's one plain request before a call: signing in.

use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Why a request had no good answer.
#[derive(Debug, Error)]
pub enum HttpError {
    /// The address is none.
    #[error("{0} is not an address such as http://127.0.0.1:4010")]
    Address(String),
    /// Nobody answers there.
    #[error("cannot reach the lab at {0}: {1}")]
    Unreachable(String, std::io::Error),
    /// The answer broke off, or took too long.
    #[error("{0} did not answer: {1}")]
    Broken(String, String),
    /// The answer is not what was asked for.
    #[error("{0} answered {1} and no token")]
    Answer(String, u16),
}

/// An ID token for a user of the lab at `origin`.
///
/// # Errors
/// When the lab cannot be reached or does not give one.
pub async fn sign_in(origin: &str, user: &str) -> Result<String, HttpError> {
    let url = format!("{}/identity/sign-in", origin.trim_end_matches('/'));
    let who = json!({ "user": user });
    let asking = post(&url, &who);
    let late = |_| HttpError::Broken(url.clone(), format!("nothing came for {} s", LIMIT.as_secs()));
    let (status, answer) = timeout(LIMIT, asking).await.map_err(late)??;
    answer["id_token"].as_str().map(str::to_owned).ok_or(HttpError::Answer(url, status))
}

/// Posts JSON; the answer's status and its body, null where that is no JSON.
async fn post(url: &str, body: &Value) -> Result<(u16, Value), HttpError> {
    let bad_address = || HttpError::Address(url.to_owned());
    let broken = |error: hyper::Error| HttpError::Broken(url.to_owned(), error.to_string());
    let uri: Uri = url.parse().map_err(|_| bad_address())?;
    let host = uri.authority().filter(|_| uri.scheme_str() == Some("http")).ok_or_else(bad_address)?;
    let address = (host.host(), host.port_u16().unwrap_or(80));
    let connected = TcpStream::connect(address).await;
    let stream = connected.map_err(|error| HttpError::Unreachable(url.to_owned(), error))?;

    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let connection = tokio::spawn(connection);
    let request = Request::post(uri.path())
        .header(HOST, host.as_str())
        .header(CONTENT_TYPE, "application/json")
        .body(Full::<Bytes>::from(body.to_string()))
        .map_err(|_| bad_address())?;
    let response = sender.send_request(request).await.map_err(broken)?;
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.map_err(broken)?.to_bytes();
    connection.abort();
    Ok((status, serde_json::from_slice(&bytes).unwrap_or_default()))
}
