//! A WebSocket to the edge, message by message: for what no well-behaved phone says or looks at.

use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, Stream, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::http::assert_headers;

/// Longer than the edge takes for anything it does by itself.
const LIMIT: Duration = Duration::from_secs(15);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// An open socket.
pub struct Raw(Socket);

/// An open socket's one half, for who talks without listening.
pub struct Talking(SplitSink<Socket, Message>);

/// The other half.
pub struct Listening(SplitStream<Socket>);

/// How it was closed: code and reason; as in a browser, 1005 stands for no code and 1006 for no close frame.
pub type End = (u16, String);

impl Raw {
    /// Opens a socket at a path of the edge, with an `Authorization` header where there is one.
    ///
    /// # Panics
    /// When the edge does not take it.
    pub async fn open(edge: &str, path: &str, authorization: Option<&str>) -> Self {
        Self::try_open(edge, path, authorization).await.expect("the edge takes the socket")
    }

    /// The same; none where the edge does not take it.
    ///
    /// # Panics
    /// When the address or the header is none.
    pub async fn try_open(edge: &str, path: &str, authorization: Option<&str>) -> Option<Self> {
        let url = format!("{}{path}", edge.replacen("http", "ws", 1));
        let mut request = url.into_client_request().expect("a good address");
        if let Some(authorization) = authorization {
            request.headers_mut().insert("authorization", authorization.parse().expect("a good header"));
        }
        let (socket, answer) = connect_async(request).await.ok()?;
        assert_headers(answer.headers(), path);
        Some(Self(socket))
    }

    /// Sends a text message.
    ///
    /// # Panics
    /// When the socket is closed.
    pub async fn send_text(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.expect("an open socket");
    }

    /// Sends a binary message.
    ///
    /// # Panics
    /// When the socket is closed.
    pub async fn send_binary(&mut self, bytes: Vec<u8>) {
        self.0.send(Message::binary(bytes)).await.expect("an open socket");
    }

    /// Sends a text message; false where the socket is closed.
    pub async fn try_send_text(&mut self, text: &str) -> bool {
        self.0.send(Message::text(text)).await.is_ok()
    }

    /// Sends a binary message; false where the socket is closed.
    pub async fn try_send_binary(&mut self, bytes: Vec<u8>) -> bool {
        self.0.send(Message::binary(bytes)).await.is_ok()
    }

    /// Says that the socket is to be closed, and why. What comes then is still to be read.
    ///
    /// # Panics
    /// When the socket is closed.
    pub async fn close(&mut self, code: Option<u16>, reason: &str) {
        let frame = code.map(|code| CloseFrame { code: code.into(), reason: reason.into() });
        self.0.send(Message::Close(frame)).await.expect("an open socket");
    }

    /// The next text as it came, or how the socket was closed.
    ///
    /// # Errors
    /// When the socket is closed.
    ///
    /// # Panics
    /// When nothing comes for longer than anything takes.
    pub async fn next(&mut self) -> Result<String, End> {
        next(&mut self.0).await
    }

    /// The next message that is JSON; others are left out.
    ///
    /// # Errors
    /// When the socket is closed.
    pub async fn next_json(&mut self) -> Result<Value, End> {
        loop {
            if let Ok(value) = serde_json::from_str(&self.next().await?) {
                return Ok(value);
            }
        }
    }

    /// Both halves, for who talks and listens at once.
    #[must_use]
    pub fn split(self) -> (Talking, Listening) {
        let (sink, stream) = self.0.split();
        (Talking(sink), Listening(stream))
    }

    /// Everything until the socket is closed, and how it is closed.
    pub async fn rest(mut self) -> (Vec<String>, End) {
        let mut texts = Vec::new();
        loop {
            match self.next().await {
                Ok(text) => texts.push(text),
                Err(end) => return (texts, end),
            }
        }
    }
}

impl Talking {
    /// Sends a text message.
    ///
    /// # Errors
    /// When the socket is closed.
    pub async fn try_send_text(&mut self, text: &str) -> Result<(), tungstenite::Error> {
        self.0.send(Message::text(text)).await
    }

    /// Sends a binary message.
    ///
    /// # Errors
    /// When the socket is closed.
    pub async fn try_send_binary(&mut self, bytes: Vec<u8>) -> Result<(), tungstenite::Error> {
        self.0.send(Message::binary(bytes)).await
    }
}

impl Listening {
    /// Everything until the socket is closed, and how it is closed.
    pub async fn rest(mut self) -> (Vec<String>, End) {
        let mut texts = Vec::new();
        loop {
            match next(&mut self.0).await {
                Ok(text) => texts.push(text),
                Err(end) => return (texts, end),
            }
        }
    }
}

async fn next(stream: &mut (impl Stream<Item = Result<Message, tungstenite::Error>> + Unpin)) -> Result<String, End> {
    loop {
        match timeout(LIMIT, stream.next()).await.expect("a message within the limit") {
            Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
            Some(Ok(Message::Close(frame))) => {
                let end = frame.map(|frame| (frame.code.into(), frame.reason.to_string()));
                return Err(end.unwrap_or((1005, String::new())));
            }
            Some(Err(_)) | None => return Err((1006, String::new())),
            Some(Ok(_)) => {}
        }
    }
}
