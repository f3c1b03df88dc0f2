//! A speech service that costs next to nothing: takes every stream, counts its audio and answers in Deepgram's form.
//!
//! It hears a word every half second, tells of them once a second, and settles them every four: as much as a service
//! says about a person who talks without a pause.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Result;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

/// Bytes of a second of PCM16 at 16 kHz.
pub const BYTES_PER_SECOND: u32 = 32_000;
/// Seconds after which an utterance ends.
pub const UTTERANCE_SECONDS: u32 = 4;

/// No more audio comes. What was heard since the last words were settled is not told.
const CLOSE_STREAM: &str = "CloseStream";

/// The running service. It ends when dropped, streams that are open then end with their clients.
pub struct Speech {
    address: SocketAddr,
    counters: Arc<Counters>,
    listening: JoinHandle<()>,
}

#[derive(Default)]
struct Counters {
    /// Bytes of audio.
    heard: AtomicU32,
    /// Messages.
    told: AtomicU32,
}

impl Speech {
    /// Starts it on a free port.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let counters = Arc::new(Counters::default());
        let shared = Arc::clone(&counters);
        let listening = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(listen(connection, Arc::clone(&shared)));
            }
        });
        Ok(Self { address, counters, listening })
    }

    /// Its address, as the Worker's setting wants it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Seconds of audio that all streams together have brought so far.
    #[must_use]
    pub fn heard_seconds(&self) -> f64 {
        f64::from(self.counters.heard.load(Ordering::Relaxed)) / f64::from(BYTES_PER_SECOND)
    }

    /// How many messages all streams together have sent so far.
    #[must_use]
    pub fn told(&self) -> u32 {
        self.counters.told.load(Ordering::Relaxed)
    }
}

impl Drop for Speech {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(connection: TcpStream, counters: Arc<Counters>) {
    let Ok(mut stream) = accept_async(connection).await else { return };
    let (mut bytes, mut told) = (0, 0);
    while let Some(Ok(message)) = stream.next().await {
        let audio = match message {
            Message::Binary(audio) => audio,
            Message::Text(text) if text.contains(CLOSE_STREAM) => {
                counters.told.fetch_add(1, Ordering::Relaxed);
                let _ = stream.send(Message::text(r#"{"type":"Metadata","request_id":"bench"}"#)).await;
                let _ = stream.close(None).await;
                return;
            }
            _ => continue,
        };
        let length = u32::try_from(audio.len()).unwrap_or_default();
        counters.heard.fetch_add(length, Ordering::Relaxed);
        bytes += length;
        if bytes / BYTES_PER_SECOND > told {
            told = bytes / BYTES_PER_SECOND;
            counters.told.fetch_add(1, Ordering::Relaxed);
            if stream.send(Message::text(result(told))).await.is_err() {
                return;
            }
        }
    }
}

/// What is said when a stream has so many whole seconds, at least one.
#[must_use]
pub fn result(seconds: u32) -> String {
    let start = (seconds - 1) / UTTERANCE_SECONDS * UTTERANCE_SECONDS;
    let is_final = seconds.is_multiple_of(UTTERANCE_SECONDS);
    let words: Vec<Value> = (2 * start..2 * seconds)
        .map(|half| {
            let start = f64::from(half) / 2.0;
            json!({ "word": "word", "start": start, "end": start + 0.4, "confidence": 0.99, "punctuated_word": "word" })
        })
        .collect();
    let transcript = vec!["word"; words.len()].join(" ");
    let message = json!({
        "type": "Results",
        "channel_index": [0, 1],
        "start": start,
        "duration": seconds - start,
        "is_final": is_final,
        "speech_final": is_final,
        "channel": { "alternatives": [{ "transcript": transcript, "confidence": 0.99, "words": words }] },
    });
    message.to_string()
}
