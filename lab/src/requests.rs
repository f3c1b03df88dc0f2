//! What every request to the lab said of itself, for tests that look for what should not be there.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::middleware::Next;
use axum::response::Response;

use crate::history::History;

/// A request without its body.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Path and query.
    pub uri: Uri,
    /// Its headers.
    pub headers: HeaderMap,
}

/// The newest requests.
#[derive(Clone, Default)]
pub(crate) struct Requests(Arc<Mutex<History<Seen>>>);

impl Requests {
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).to_vec()
    }
}

/// Notes a request and passes it on.
pub(crate) async fn note(State(requests): State<Requests>, request: Request, next: Next) -> Response {
    let seen = Seen { uri: request.uri().clone(), headers: request.headers().clone() };
    requests.0.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
    next.run(request).await
}
