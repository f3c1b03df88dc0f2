//! Requests to the outside: the issuer, speech services, Twilio, language models, the operator's own servers.
//!
//! None follows a redirect. The operator has set one address, and keys, audio and transcripts are for that one; `fetch` would
//! also turn a `POST` that is answered with 301 into a `GET` (<https://fetch.spec.whatwg.org/#http-redirect-fetch>), whose 200 says
//! nothing about the `POST`. A redirect is thus an answer like any other that is no success.

#![expect(clippy::disallowed_types, reason = "this is the one place where it is not")]

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{Either, select};
use worker::wasm_bindgen::JsValue;
use worker::{AbortController, AbortSignal, Delay, Fetch, Method, Request, RequestInit, RequestRedirect, Response};

/// A request that is ready to be sent.
pub(crate) struct Outgoing(Request);

impl Outgoing {
    /// A request without a body.
    pub(crate) fn new(method: Method, url: &str, headers: &[(&str, &str)]) -> worker::Result<Self> {
        Self::build(method, url, headers, None)
    }

    /// A request with a text as its body.
    pub(crate) fn with_body(method: Method, url: &str, headers: &[(&str, &str)], body: &str) -> worker::Result<Self> {
        Self::build(method, url, headers, Some(JsValue::from_str(body)))
    }

    fn build(method: Method, url: &str, headers: &[(&str, &str)], body: Option<JsValue>) -> worker::Result<Self> {
        let mut init = RequestInit::new();
        init.with_method(method).with_redirect(RequestRedirect::Manual).with_body(body);
        for (name, value) in headers {
            init.headers.set(name, value)?;
        }
        Ok(Self(Request::new_with_init(url, &init)?))
    }

    /// Sends it.
    pub(crate) async fn send(self, signal: &AbortSignal) -> worker::Result<Response> {
        Fetch::Request(self.0).send_with_signal(signal).await
    }
}

/// Runs an exchange for as long as it may take, and breaks it off then: `None`.
pub(crate) async fn within<T>(
    limit: Duration,
    exchange: impl AsyncFnOnce(&AbortSignal) -> worker::Result<T>,
) -> Option<worker::Result<T>> {
    let abort = AbortController::default();
    let signal = abort.signal();
    match select(Box::pin(exchange(&signal)), Delay::from(limit)).await {
        Either::Left((outcome, _)) => Some(outcome),
        Either::Right(_) => {
            abort.abort();
            None
        }
    }
}

/// The first bytes of the body of an answer to us, up to a number.
pub(crate) async fn read_start(answer: &mut Response, most: usize) -> worker::Result<Vec<u8>> {
    let mut stream = answer.stream()?;
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        bytes.extend(chunk?);
        if bytes.len() >= most {
            break;
        }
    }
    Ok(bytes)
}
