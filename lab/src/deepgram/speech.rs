//! The handle to the speech server: what a test orders to go wrong, and what it finds out about every stream.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::KEY;
use super::faults::{Armed, Fault, Which};
use crate::history::History;

/// How the speech server behaves.
#[derive(Clone, Debug)]
pub struct SpeechOptions {
    /// The key that it takes.
    pub key: String,
    /// How long a stream may send nothing; the service's rule is 10 s.
    pub idle_limit: Duration,
    /// How long the client may take to make room for a message; one that takes longer counts as gone.
    pub send_limit: Duration,
    /// How many times faster than real time audio is read: the service reads at 1.25; none: as fast as it comes.
    pub fastest: Option<f64>,
    /// Whether each stream's samples are kept for [`StreamReport::pcm`].
    pub keep_audio: bool,
}

impl Default for SpeechOptions {
    fn default() -> Self {
        let (idle_limit, send_limit) = (Duration::from_secs(10), Duration::from_secs(5));
        Self { key: KEY.to_owned(), idle_limit, send_limit, fastest: None, keep_audio: true }
    }
}

/// Text messages that a stream's report has room for: more than a `KeepAlive` every three seconds for an hour.
const MAX_TEXTS: usize = 1_500;

/// How a stream's socket ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// The server closed it.
    ByServer {
        /// The WebSocket close code.
        code: u16,
        /// The close reason.
        reason: String,
    },
    /// The client sent a close frame, perhaps with a code.
    ByClient(Option<u16>),
    /// The connection ended without a close frame of the client.
    ClientVanished,
    /// The server dropped the connection, as a test ordered.
    Dropped,
}

/// What is known about one connection attempt and its stream.
#[derive(Clone, Debug)]
pub struct StreamReport {
    /// Counted from 1 since the lab started, in the order of the requests.
    pub number: usize,
    /// The query as it came, decoded.
    pub query: Vec<(String, String)>,
    /// Whether there was an `Authorization` header, good or not.
    pub had_authorization: bool,
    /// The status with which the handshake was refused.
    pub refused: Option<u16>,
    /// Whether the stream was opened.
    pub opened: bool,
    /// Bytes of audio received.
    pub audio_bytes: u64,
    /// The samples received, at the stream's own rate, where [`SpeechOptions::keep_audio`] says so.
    pub pcm: Vec<i16>,
    /// Text messages received, the first 1,500.
    pub texts: Vec<String>,
    /// Text messages sent.
    pub messages_sent: u64,
    /// How the stream ended; none while it runs.
    pub closed: Option<Closed>,
}

impl StreamReport {
    /// A query parameter's value.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn add_text(&mut self, text: &str) {
        if self.texts.len() < MAX_TEXTS {
            self.texts.push(text.to_owned());
        }
    }

    /// Whether it is open now.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.opened && self.closed.is_none()
    }
}

/// A handle to the speech server.
#[derive(Clone)]
pub struct Speech {
    shared: Arc<Shared>,
}

struct Shared {
    options: SpeechOptions,
    state: Mutex<State>,
    /// Counts changes of any report.
    changes: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    armed: Armed,
    streams: History<Stream>,
}

struct Stream {
    report: StreamReport,
    fault: watch::Sender<Option<Fault>>,
}

impl Speech {
    pub(crate) fn new(options: SpeechOptions) -> Self {
        let state = Mutex::new(State::default());
        Self { shared: Arc::new(Shared { options, state, changes: watch::Sender::new(0) }) }
    }

    /// How it behaves.
    #[must_use]
    pub fn options(&self) -> &SpeechOptions {
        &self.shared.options
    }

    /// Orders a fault for connections to come. The oldest order that fits a connection counts.
    pub fn arm(&self, which: Which, fault: Fault) {
        self.state().armed.add(which, fault);
    }

    /// Lets a fault strike every stream that is open now. Faults of the handshake do nothing here.
    pub fn strike(&self, fault: &Fault) {
        for stream in self.state().streams.iter().filter(|stream| stream.report.is_open()) {
            stream.fault.send_replace(Some(fault.clone()));
        }
    }

    /// Lets a fault strike one open stream, by its number.
    pub fn strike_stream(&self, number: usize, fault: Fault) {
        if let Some(stream) = self.state().streams.iter().find(|stream| stream.report.number == number) {
            stream.fault.send_replace(Some(fault));
        }
    }

    /// Takes back every armed fault, and those of open streams that have not struck yet. A stream that fell silent stays so.
    pub fn heal(&self) {
        let mut state = self.state();
        state.armed.clear();
        state.streams.iter().for_each(|stream| _ = stream.fault.send_replace(None));
    }

    /// Every connection so far, in order; of many thousands the newest.
    #[must_use]
    pub fn streams(&self) -> Vec<StreamReport> {
        self.state().streams.iter().map(|stream| stream.report.clone()).collect()
    }

    /// Waits until the connections are as `wanted` says; `false` when `limit` passes before.
    pub async fn wait_until(&self, limit: Duration, wanted: impl Fn(&[&StreamReport]) -> bool) -> bool {
        let mut changes = self.shared.changes.subscribe();
        let look = async {
            loop {
                let good = {
                    let state = self.state();
                    wanted(&state.streams.iter().map(|stream| &stream.report).collect::<Vec<_>>())
                };
                if good || changes.changed().await.is_err() {
                    return good;
                }
            }
        };
        timeout(limit, look).await.unwrap_or(false)
    }

    /// Notes a new connection and finds the fault that is meant for it.
    pub(super) fn begin(&self, query: Vec<(String, String)>, had_authorization: bool) -> Record {
        let mut state = self.state();
        let number = state.streams.next_number() + 1;
        let (fault, faults) = watch::channel(state.armed.take(number));
        let report = StreamReport {
            number,
            query,
            had_authorization,
            refused: None,
            opened: false,
            audio_bytes: 0,
            pcm: Vec::new(),
            texts: Vec::new(),
            messages_sent: 0,
            closed: None,
        };
        let index = state.streams.push(Stream { report, fault });
        drop(state);
        self.shared.changes.send_modify(|count| *count += 1);
        Record { speech: self.clone(), index, request_id: request_id().into(), faults }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's own page in the books.
#[derive(Clone)]
pub struct Record {
    speech: Speech,
    index: usize,
    request_id: Arc<str>,
    faults: watch::Receiver<Option<Fault>>,
}

impl Record {
    pub(super) fn options(&self) -> &SpeechOptions {
        self.speech.options()
    }

    pub(super) fn request_id(&self) -> &str {
        &self.request_id
    }

    /// The fault that is meant for this connection now.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.faults.borrow().clone()
    }

    /// Follows the faults that are ordered while the stream runs.
    pub(super) fn faults(&self) -> watch::Receiver<Option<Fault>> {
        self.faults.clone()
    }

    /// The query as it came.
    pub(super) fn query(&self) -> Vec<(String, String)> {
        let mut state = self.speech.state();
        state.streams.entry(self.index).map(|stream| stream.report.query.clone()).unwrap_or_default()
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut StreamReport)) {
        if let Some(stream) = self.speech.state().streams.entry(self.index) {
            change(&mut stream.report);
        }
        self.speech.shared.changes.send_modify(|count| *count += 1);
    }
}

/// A version 4 UUID.
fn request_id() -> String {
    let mut bytes = [0; 16];
    // Without randomness the id is the same each time, which harms no test.
    let _ = getrandom::fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}
