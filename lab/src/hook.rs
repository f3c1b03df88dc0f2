//! An operator's own server, which is told of finished conversations. It keeps what it was sent, and answers what a test wants.
//!
//! # Routes
//! | method | path | answer |
//! | --- | --- | --- |
//! | POST | `/hook` | 204, or a status that was ordered; one of the 300s sends the client to `/hook/moved` |
//! | GET | `/hook/moved` | 200: who comes here has followed, and has left the message behind |

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::history::History;

/// A message as it came.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: String,
}

/// A handle to the operator's server.
#[derive(Clone, Default)]
pub struct HookServer {
    state: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    /// Fewer than of others: each has a whole conversation.
    messages: History<Message, 1_000>,
    statuses: VecDeque<u16>,
    /// How many followed a redirect.
    followed: usize,
}

impl HookServer {
    /// Answers the next messages with these statuses.
    pub fn answer(&self, statuses: impl IntoIterator<Item = u16>) {
        self.lock().statuses.extend(statuses);
    }

    /// Everything that came, in order.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        self.lock().messages.to_vec()
    }

    /// How many followed a redirect.
    #[must_use]
    pub fn followed(&self) -> usize {
        self.lock().followed
    }

    /// The routes, to be nested under an address's path: `/hook`.
    pub fn routes(&self) -> Router {
        Router::new().route("/", post(take)).route("/moved", get(moved)).with_state(self.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn take(State(server): State<HookServer>, headers: HeaderMap, body: String) -> Response {
    let mut taken = server.lock();
    taken.messages.push(Message { headers, body });
    let status = taken.statuses.pop_front().and_then(|status| StatusCode::from_u16(status).ok());
    match status.unwrap_or(StatusCode::NO_CONTENT) {
        status if status.is_redirection() => (status, [(header::LOCATION, "/hook/moved")]).into_response(),
        status => status.into_response(),
    }
}

async fn moved(State(server): State<HookServer>) -> StatusCode {
    server.lock().followed += 1;
    StatusCode::OK
}
