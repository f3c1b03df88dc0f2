//! The handle to the program: what a test orders to go wrong, and what it finds out about every connection.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::KEY;
use super::faults::{Fault, Orders};
use super::frame::Frame;
use crate::history::History;

/// How the program behaves.
#[derive(Clone, Debug)]
pub struct PusherOptions {
    /// The key that it takes.
    pub key: String,
    /// Whether what comes is kept for [`ConnectionReport::frames`].
    pub keep_frames: bool,
}

impl Default for PusherOptions {
    fn default() -> Self {
        Self { key: KEY.to_owned(), keep_frames: true }
    }
}

/// What is known about one connection attempt, and the connection that it became.
#[derive(Clone, Debug, Default)]
pub struct ConnectionReport {
    /// The query as it came, decoded.
    pub query: Vec<(String, String)>,
    /// The status with which the handshake was refused.
    pub refused: Option<u16>,
    /// Whether it was opened.
    pub opened: bool,
    /// How many good messages came.
    pub count: usize,
    /// The messages, where [`PusherOptions::keep_frames`] says so.
    pub frames: Vec<Frame>,
    /// What came that should not have come; nothing is read behind it.
    pub problem: Option<String>,
    /// The code with which the other end closed it.
    pub closed_by_client: Option<u16>,
    /// Whether it is over.
    pub ended: bool,
}

/// A handle to the program.
#[derive(Clone)]
pub struct PusherServer {
    shared: Arc<Shared>,
}

struct Shared {
    options: PusherOptions,
    state: Mutex<State>,
    /// Counts changes of any report.
    changes: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    orders: Orders,
    connections: History<ConnectionReport>,
}

impl PusherServer {
    /// A program to which nobody has connected yet.
    #[must_use]
    pub fn new(options: PusherOptions) -> Self {
        Self { shared: Arc::new(Shared { options, state: Mutex::default(), changes: watch::Sender::new(0) }) }
    }

    /// How it behaves.
    #[must_use]
    pub fn options(&self) -> &PusherOptions {
        &self.shared.options
    }

    /// Orders a fault for so many connections to come. The oldest order counts.
    pub fn arm(&self, connections: u32, fault: Fault) {
        self.state().orders.add(connections, fault);
    }

    /// Takes back every fault that has not struck yet.
    pub fn heal(&self) {
        self.state().orders.clear();
    }

    /// Every connection so far, in order.
    #[must_use]
    pub fn connections(&self) -> Vec<ConnectionReport> {
        self.state().connections.to_vec()
    }

    /// Waits until the connections are as `wanted` says; `false` when `limit` passes before.
    pub async fn wait_until(&self, limit: Duration, wanted: impl Fn(&[ConnectionReport]) -> bool) -> bool {
        let mut changes = self.shared.changes.subscribe();
        let look = async {
            while !wanted(&self.state().connections) {
                // The sender is in `shared`, so it cannot be gone.
                let _ = changes.changed().await;
            }
        };
        timeout(limit, look).await.is_ok()
    }

    /// Notes a new connection and finds the fault that is meant for it.
    pub(super) fn begin(&self, query: Vec<(String, String)>) -> Page {
        let mut state = self.state();
        let fault = state.orders.take();
        let index = state.connections.push(ConnectionReport { query, ..ConnectionReport::default() });
        Page { server: self.clone(), index, fault }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's own page in the books.
#[derive(Clone)]
pub(super) struct Page {
    server: PusherServer,
    index: usize,
    fault: Option<Fault>,
}

impl Page {
    /// The fault that is meant for this connection.
    pub(super) const fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// How many good messages came.
    pub(super) fn count(&self) -> usize {
        self.server.state().connections.entry(self.index).map_or(0, |report| report.count)
    }

    pub(super) fn keep(&self, frame: Frame) {
        let keeps = self.server.options().keep_frames;
        self.update(|report| {
            report.count += 1;
            report.frames.extend(keeps.then_some(frame));
        });
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut ConnectionReport)) {
        if let Some(report) = self.server.state().connections.entry(self.index) {
            change(report);
        }
        self.server.shared.changes.send_modify(|count| *count += 1);
    }
}
