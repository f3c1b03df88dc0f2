//! A client of the lab's speech server that sends and expects single messages.
#![allow(dead_code, reason = "each test program uses a part")]

use std::time::Duration;

use fourwire_lab::deepgram::SpeechOptions;
use fourwire_lab::{Lab, LabOptions};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue, Response};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// What the edge is advised to ask for.
pub const QUERY: &str = "model=nova-3&encoding=linear16&sample_rate=16000&channels=1&interim_results=true\
    &endpointing=300&utterance_end_ms=1000&vad_events=true&smart_format=true&language=en";
/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_mins(1);

/// A lab with tones behind its speech server.
pub async fn lab(speech: SpeechOptions) -> Lab {
    Lab::start(LabOptions { speech, ..LabOptions::default() }).await.unwrap()
}

/// How a stream ended: code and reason of the server's close frame, or nothing where there was none.
pub type End = Option<(u16, String)>;

/// An open stream.
#[derive(Debug)]
pub struct Stream {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The answer to the handshake.
    pub response: Response<Option<Vec<u8>>>,
}

impl Stream {
    /// Opens a stream with the lab's key.
    pub async fn open(lab: &Lab, query: &str) -> Self {
        Self::connect(lab, query, &[("authorization", "Token lab-deepgram-key")]).await.unwrap()
    }

    /// Tries to open a stream; a refusal is its HTTP answer.
    pub async fn connect(
        lab: &Lab,
        query: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, Response<Option<Vec<u8>>>> {
        let url = format!("{}/v1/listen?{query}", lab.deepgram_url().replace("http", "ws"));
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        match connect_async(request).await {
            Ok((socket, response)) => Ok(Self { socket, response }),
            Err(Error::Http(response)) => Err(*response),
            Err(other) => panic!("{other}"),
        }
    }

    /// Sends audio.
    pub async fn audio(&mut self, samples: &[i16]) {
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        self.binary(bytes).await;
    }

    /// Sends a binary message.
    pub async fn binary(&mut self, bytes: Vec<u8>) {
        self.socket.send(Message::binary(bytes)).await.unwrap();
    }

    /// Sends a text message.
    pub async fn text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// The next message, or how the stream ended.
    pub async fn next(&mut self) -> Result<Value, End> {
        loop {
            match timeout(LIMIT, self.socket.next()).await.expect("a message") {
                Some(Ok(Message::Text(text))) => {
                    return Ok(serde_json::from_str(&text).unwrap_or(Value::String(text.to_string())));
                }
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Err(Some((frame.code.into(), frame.reason.to_string())));
                }
                Some(Ok(Message::Close(None)) | Err(_)) | None => return Err(None),
                Some(Ok(_)) => {}
            }
        }
    }

    /// Whether nothing comes for so long.
    pub async fn is_quiet(&mut self, time: Duration) -> bool {
        timeout(time, self.next()).await.is_err()
    }

    /// Everything until the stream ends, and how it ends.
    pub async fn rest(mut self) -> (Vec<Value>, End) {
        let mut messages = Vec::new();
        loop {
            match self.next().await {
                Ok(message) => messages.push(message),
                Err(end) => return (messages, end),
            }
        }
    }

    /// Sends all audio and `CloseStream`; everything that came, and how it ended.
    pub async fn transcribe(mut self, samples: &[i16]) -> (Vec<Value>, End) {
        for piece in samples.chunks(4_000) {
            self.audio(piece).await;
        }
        self.text(r#"{"type":"CloseStream"}"#).await;
        self.rest().await
    }
}

/// The transcript of a `Results` message; `None` for another.
pub fn transcript(message: &Value) -> Option<&str> {
    message["channel"]["alternatives"][0]["transcript"].as_str()
}

/// The words of all finals.
pub fn finals(messages: &[Value]) -> Vec<String> {
    let finals = messages.iter().filter(|message| message["is_final"] == true).filter_map(transcript);
    finals.flat_map(str::split_whitespace).map(str::to_owned).collect()
}

/// The code of a refusal's body.
pub fn error_code(response: &Response<Option<Vec<u8>>>) -> String {
    let body: Value = serde_json::from_slice(response.body().as_deref().unwrap_or_default()).unwrap();
    assert!(body["request_id"].is_string() && body["err_msg"].is_string(), "{body}");
    body["err_code"].as_str().unwrap().to_owned()
}
