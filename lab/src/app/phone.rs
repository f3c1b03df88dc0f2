//! The app's connection to the edge: opening it, sending audio in time, ending the call, and listening all the while.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use fourwire_wire::frame::{Channel, Frame, PerChannel};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep_until, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::tungstenite::{self, Message as SocketMessage};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::delivery::Delivery;
use super::received::{Closing, Message, Received};
use crate::recording::Recording;

/// What the app captures at.
const APP_RATE: u32 = 48_000;
/// How often the app pings on the protocol's own level.
const APP_PING: Duration = Duration::from_secs(20);
/// How long the edge may take to answer a browser's first message.
const AUTH_LIMIT: Duration = Duration::from_secs(10);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How the phone shows who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// As the app: `Authorization: Bearer` on `/v4/listen`.
    #[default]
    Header,
    /// As a browser: the first message on `/v4/web/listen`.
    FirstMessage,
    /// Not at all.
    None,
}

/// What the phone says when it connects.
#[derive(Clone, Debug)]
pub struct PhoneOptions {
    /// The edge, such as `http://127.0.0.1:8787`.
    pub edge: String,
    /// The ID token.
    pub token: String,
    /// How it is shown.
    pub auth: Auth,
    /// Samples a second.
    pub sample_rate: u32,
    /// The app's name for the call; none: the edge gets no name.
    pub call_id: Option<String>,
    /// What is spoken.
    pub language: String,
    /// Whether interim results are asked for; the app does not.
    pub interim: bool,
    /// More query parameters. One of these replaces the app's of the same name.
    pub query: Vec<(String, String)>,
}

impl PhoneOptions {
    /// What the app says for a new call.
    #[must_use]
    pub fn new(edge: impl Into<String>, token: impl Into<String>) -> Self {
        Self {
            edge: edge.into(),
            token: token.into(),
            auth: Auth::default(),
            sample_rate: APP_RATE,
            call_id: Some(new_call_id()),
            language: "en".to_owned(),
            interim: false,
            query: Vec::new(),
        }
    }

    fn url(&self) -> Result<String, ConnectError> {
        let address = || ConnectError::Address(self.edge.clone());
        let host = self.edge.trim_end_matches('/').strip_prefix("http://").ok_or_else(address)?;
        let path = if self.auth == Auth::FirstMessage { "/v4/web/listen" } else { "/v4/listen" };
        let sample_rate = self.sample_rate.to_string();
        let mut pairs: Vec<(&str, &str)> = vec![
            ("language", &self.language),
            ("sample_rate", &sample_rate),
            ("codec", "pcm"),
            ("channels", "2"),
            ("source", "phone_call"),
            ("uid", "phone"),
        ];
        pairs.extend(self.call_id.as_deref().map(|call_id| ("call_id", call_id)));
        pairs.extend(self.interim.then_some(("interim", "1")));
        pairs.retain(|(name, _)| self.query.iter().all(|(other, _)| other != name));
        pairs.extend(self.query.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        Ok(format!("ws://{host}{path}?{query}"))
    }
}

/// A name for a call, as the app makes it: milliseconds since 1970; one more where two calls fall into one millisecond.
fn new_call_id() -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(since_1970.as_millis()).unwrap_or_default();
    let next = |last: u64| now.max(last + 1);
    next(LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last))).unwrap_or(now)).to_string()
}

/// Why there is no connection.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The edge's address is none.
    #[error("{0} is not an address such as http://127.0.0.1:8787")]
    Address(String),
    /// Nobody answers there.
    #[error("cannot reach the edge at {0}: {1}")]
    Unreachable(String, io::Error),
    /// The edge refused with an HTTP answer.
    #[error("the edge refused the connection with status {status}: {body}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it says, as far as it came with the head.
        body: String,
    },
    /// The edge did not take a browser's first message.
    #[error("the edge refused the token ({0:?})")]
    AuthRefused(Option<Closing>),
    /// The edge does not speak the protocol.
    #[error("the edge does not answer as a WebSocket server: {0}")]
    Protocol(tungstenite::Error),
}

/// The connection is gone; [`Received::closing`] says how.
#[derive(Debug, Error)]
#[error("the connection to the edge is gone")]
pub struct Gone;

/// Follows what the edge says, from any task.
#[derive(Clone)]
pub struct Listener {
    shared: Arc<Shared>,
}

struct Shared {
    opened: Instant,
    received: Mutex<Received>,
    changes: watch::Sender<()>,
}

impl Listener {
    /// What came so far.
    #[must_use]
    pub fn received(&self) -> Received {
        self.lock().clone()
    }

    /// Waits until what came is as `wanted` says; `false` when `limit` passes before.
    pub async fn wait_until(&self, limit: Duration, wanted: impl Fn(&Received) -> bool) -> bool {
        let mut changes = self.shared.changes.subscribe();
        let look = async {
            while !wanted(&self.lock()) {
                // The sender is in `shared`, so it cannot be gone.
                let _ = changes.changed().await;
            }
        };
        timeout(limit, look).await.is_ok()
    }

    fn lock(&self) -> MutexGuard<'_, Received> {
        self.shared.received.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Received, Duration)) {
        change(&mut self.lock(), self.shared.opened.elapsed());
        self.shared.changes.send_replace(());
    }

    async fn listen(self, mut socket: SplitStream<Socket>) {
        while let Some(Ok(message)) = socket.next().await {
            match message {
                SocketMessage::Text(text) => {
                    let message = Message::parse(&text);
                    self.change(|received, at| received.add(at, message));
                }
                SocketMessage::Binary(_) => self.change(|received, at| received.add(at, Message::Unreadable)),
                SocketMessage::Close(Some(frame)) => {
                    // The connection itself may end later.
                    let (code, reason) = (Some(frame.code.into()), frame.reason.to_string());
                    self.change(|received, at| received.closing = Some(Closing { at, code, reason }));
                }
                _ => {}
            }
        }
        self.change(|received, at| {
            received.closing.get_or_insert(Closing { at, code: None, reason: String::new() });
        });
    }
}

/// An open connection.
pub struct Phone {
    sink: SplitSink<Socket, SocketMessage>,
    listener: Listener,
    listening: JoinHandle<()>,
    sample_rate: u32,
    last_ping: Instant,
}

impl Phone {
    /// Connects, and shows who it is.
    ///
    /// # Errors
    /// [`ConnectError`] says how the edge refused, or that it is not there.
    pub async fn connect(options: PhoneOptions) -> Result<Self, ConnectError> {
        let mut request = options.url()?.into_client_request().map_err(ConnectError::Protocol)?;
        if options.auth == Auth::Header {
            let bearer = HeaderValue::from_str(&format!("Bearer {}", options.token));
            let bearer =
                bearer.map_err(|error| ConnectError::Protocol(tungstenite::http::Error::from(error).into()))?;
            request.headers_mut().insert(header::AUTHORIZATION, bearer);
        }
        let (socket, _) = connect_async(request).await.map_err(|error| match error {
            tungstenite::Error::Io(error) => ConnectError::Unreachable(options.edge.clone(), error),
            tungstenite::Error::Http(answer) => ConnectError::Refused {
                status: answer.status().as_u16(),
                body: String::from_utf8_lossy(answer.body().as_deref().unwrap_or_default()).into_owned(),
            },
            other => ConnectError::Protocol(other),
        })?;

        let (sink, stream) = socket.split();
        let opened = Instant::now();
        let (received, changes) = (Mutex::default(), watch::Sender::default());
        let listener = Listener { shared: Arc::new(Shared { opened, received, changes }) };
        let listening = tokio::spawn(listener.clone().listen(stream));
        let mut phone = Self { sink, listener, listening, sample_rate: options.sample_rate, last_ping: opened };
        if options.auth == Auth::FirstMessage {
            phone.authenticate(&options.token).await?;
        }
        Ok(phone)
    }

    async fn authenticate(&mut self, token: &str) -> Result<(), ConnectError> {
        use fourwire_wire::event::ServerEvent::{self, AuthResponse};
        let _ = self.send_text(&json!({ "type": "auth", "token": token }).to_string()).await;
        let is_good = |event: &ServerEvent| matches!(event, AuthResponse { success: true, .. });
        let good = |received: &Received| received.events().any(is_good);
        let answered = |received: &Received| good(received) || received.closing.is_some();
        self.listener.wait_until(AUTH_LIMIT, answered).await;
        let received = self.listener.received();
        if good(&received) { Ok(()) } else { Err(ConnectError::AuthRefused(received.closing)) }
    }

    /// Follows what the edge says, also while the phone is busy or gone.
    #[must_use]
    pub fn listener(&self) -> Listener {
        self.listener.clone()
    }

    /// What came so far.
    #[must_use]
    pub fn received(&self) -> Received {
        self.listener.received()
    }

    /// Sends a recording and returns when its last sample is sent. May be called again: the call goes on.
    ///
    /// # Errors
    /// [`Gone`] when the connection ends before.
    pub async fn play(&mut self, recording: &Recording, delivery: &Delivery) -> Result<(), Gone> {
        let recording = recording.at_rate(self.sample_rate);
        let lengths = PerChannel::from_fn(|channel| recording.audio.get(channel).len());
        let begun = tokio::time::Instant::now();
        for frame in delivery.plan(lengths, self.sample_rate) {
            if delivery.speed.is_finite() {
                let end = u32::try_from(frame.end).unwrap_or(u32::MAX);
                let captured = Duration::from_secs_f64(f64::from(end) / f64::from(self.sample_rate));
                let due = begun + delivery.due(captured).div_f64(delivery.speed);
                if due > tokio::time::Instant::now() {
                    self.sink.flush().await.map_err(|_| Gone)?;
                    sleep_until(due).await;
                }
            }
            self.feed(frame.channel, &recording.audio.get(frame.channel)[frame.start..frame.end]).await?;
            if self.last_ping.elapsed() >= APP_PING {
                self.last_ping = Instant::now();
                self.sink.send(SocketMessage::Ping(Vec::new().into())).await.map_err(|_| Gone)?;
            }
        }
        self.sink.flush().await.map_err(|_| Gone)
    }

    /// Sends one frame of samples at once.
    ///
    /// # Errors
    /// [`Gone`] when the connection has ended.
    pub async fn send_frame(&mut self, channel: Channel, samples: &[i16]) -> Result<(), Gone> {
        self.feed(channel, samples).await?;
        self.sink.flush().await.map_err(|_| Gone)
    }

    /// Sends any binary message.
    ///
    /// # Errors
    /// [`Gone`] when the connection has ended.
    pub async fn send_binary(&mut self, bytes: Vec<u8>) -> Result<(), Gone> {
        self.sink.send(SocketMessage::binary(bytes)).await.map_err(|_| Gone)
    }

    /// Sends any text message.
    ///
    /// # Errors
    /// [`Gone`] when the connection has ended.
    pub async fn send_text(&mut self, text: &str) -> Result<(), Gone> {
        self.sink.send(SocketMessage::text(text)).await.map_err(|_| Gone)
    }

    /// Ends the call with `{"type":"end"}` and waits until the edge has closed, at most for `limit`.
    pub async fn hang_up(mut self, limit: Duration) -> Received {
        let _ = self.send_text(r#"{"type":"end"}"#).await;
        self.listener.wait_until(limit, |received| received.closing.is_some()).await;
        self.received()
    }

    /// Closes the connection as the app does at the end of a call, without a word, and waits until it is closed.
    pub async fn close(mut self, limit: Duration) -> Received {
        let _ = self.sink.send(SocketMessage::Close(None)).await;
        self.listener.wait_until(limit, |received| received.closing.is_some()).await;
        self.received()
    }

    /// Is gone without a close frame, as a phone that loses its network.
    pub fn vanish(self) -> Received {
        self.received()
    }

    async fn feed(&mut self, channel: Channel, samples: &[i16]) -> Result<(), Gone> {
        let mut message = Vec::with_capacity(1 + samples.len() * 2);
        Frame::write(channel, samples.iter().copied(), &mut message);
        self.sink.feed(SocketMessage::binary(message)).await.map_err(|_| Gone)
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        // Both halves must go for the connection to end.
        self.listening.abort();
    }
}
