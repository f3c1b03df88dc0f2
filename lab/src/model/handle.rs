//! The handle to the model's server: what a test orders to go wrong, and what it finds out about every request.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;
use serde_json::Value;

use super::faults::{Fault, Orders};
use super::{KEY, NAME};
use crate::history::History;

/// How the model's server behaves.
#[derive(Clone, Debug)]
pub struct ModelOptions {
    /// The key that it takes.
    pub key: String,
    /// The one model that it knows.
    pub name: String,
    /// Which `response_format` it takes.
    pub formats: Formats,
}

/// Which `response_format` a server takes. What it does not take it refuses with 400.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Formats {
    /// `json_schema` with a strict schema, and nothing else: no weaker request comes unnoticed.
    #[default]
    JsonSchema,
    /// `json_object` and none.
    JsonObject,
    /// None.
    Text,
}

impl Default for ModelOptions {
    fn default() -> Self {
        Self { key: KEY.to_owned(), name: NAME.to_owned(), formats: Formats::default() }
    }
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The body; null where it is no JSON.
    pub body: Value,
    /// The status of the answer; none while there is none.
    pub status: Option<u16>,
}

impl Asked {
    /// The text of the last message of a role; empty where there is none.
    #[must_use]
    pub fn message(&self, role: &str) -> &str {
        let messages = self.body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
        let message = messages.iter().rev().find(|message| message["role"] == role);
        message.and_then(|message| message["content"].as_str()).unwrap_or_default()
    }
}

/// A handle to the model's server.
#[derive(Clone)]
pub struct ModelServer {
    options: Arc<ModelOptions>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    orders: Orders,
    /// Fewer than of others: each has a whole transcript.
    asked: History<Asked, 1_000>,
}

impl ModelServer {
    /// A server that nobody has asked anything yet.
    #[must_use]
    pub fn new(options: ModelOptions) -> Self {
        Self { options: Arc::new(options), state: Arc::default() }
    }

    /// How it behaves.
    #[must_use]
    pub fn options(&self) -> &ModelOptions {
        &self.options
    }

    /// Orders a fault for so many requests to come. The oldest order counts.
    pub fn arm(&self, requests: u32, fault: Fault) {
        self.state().orders.add(requests, fault);
    }

    /// Takes back every fault that has not struck yet.
    pub fn heal(&self) {
        self.state().orders.clear();
    }

    /// Every request so far, in order.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.state().asked.to_vec()
    }

    /// Notes a request: its number, and the fault that is meant for it.
    pub(super) fn begin(&self, body: &[u8]) -> (usize, Option<Fault>) {
        let mut state = self.state();
        let asked = Asked { body: serde_json::from_slice(body).unwrap_or_default(), status: None };
        (state.asked.push(asked), state.orders.take())
    }

    /// Notes how a request was answered.
    pub(super) fn finish(&self, number: usize, status: StatusCode) {
        if let Some(asked) = self.state().asked.entry(number) {
            asked.status = Some(status.as_u16());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
