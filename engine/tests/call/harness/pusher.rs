//! A simulated pusher: takes connections as a test lets it, and checks what it is sent as it comes.

use std::collections::BTreeMap;

use fourwire_engine::call::StreamId;
use fourwire_engine::pusher::Endpoint;
use fourwire_wire::ids::SegmentId;
use fourwire_wire::segment::WireSegment;
use serde_json::{Value, json};

use super::BEGIN;
use super::service::Handshake;

/// An operator's program, as it treats those who connect.
#[derive(Debug)]
pub struct Pusher {
    pub handshake: Handshake,
    /// Every connection that it was asked for.
    pub connections: Vec<Connection>,
}

/// A connection, or an attempt at one. Times are milliseconds since the call began.
#[derive(Debug)]
pub struct Connection {
    pub stream: StreamId,
    pub asked: u64,
    pub opened: Option<u64>,
    pub messages: Vec<(u64, Message)>,
    pub closed: Option<u64>,
}

/// What came over it.
#[derive(Debug)]
pub enum Message {
    Heartbeat,
    /// Where its first sample lies, in samples at 16 kHz since the call began; and the samples.
    Audio(u64, Vec<i16>),
    Segments(Vec<WireSegment>),
    Conversation(String),
    Process(Value),
}

impl Pusher {
    pub fn new() -> Self {
        Self { handshake: Handshake::Accept(50), connections: Vec::new() }
    }

    pub fn ask(&mut self, stream: StreamId, endpoint: &Endpoint, now: u64) {
        assert_eq!(endpoint.url.expose(), "https://push.example/v1/trigger/listen?uid=ann&sample_rate=16000");
        let known = self.connections.iter().filter(|known| known.closed.is_none()).count();
        assert_eq!(known, 0, "a call has one connection at a time");
        self.connections.push(Connection { stream, asked: now, opened: None, messages: Vec::new(), closed: None });
    }

    /// The connection with this id, while there is one.
    pub fn live(&mut self, stream: StreamId) -> Option<&mut Connection> {
        self.connections.last_mut().filter(|known| known.stream == stream && known.closed.is_none())
    }

    /// The call's object is gone, and its sockets with it.
    pub fn forget(&mut self, now: u64) {
        self.connections.iter_mut().for_each(|known| _ = known.closed.get_or_insert(now));
    }

    /// Every message, over all connections.
    pub fn messages(&self) -> impl Iterator<Item = &(u64, Message)> {
        self.connections.iter().flat_map(|known| &known.messages)
    }

    /// The pieces of audio: when each came, where it begins, and its samples.
    pub fn pieces(&self) -> Vec<(u64, u64, &[i16])> {
        self.messages()
            .filter_map(|(at, message)| match message {
                Message::Audio(from, samples) => Some((*at, *from, samples.as_slice())),
                _ => None,
            })
            .collect()
    }

    /// The newest version of each segment.
    pub fn segments(&self) -> BTreeMap<SegmentId, WireSegment> {
        let all = self.messages().filter_map(|(_, message)| match message {
            Message::Segments(segments) => Some(segments),
            _ => None,
        });
        all.flatten().map(|segment| (segment.id, segment.clone())).collect()
    }

    /// When the conversation was to be processed.
    pub fn processes(&self) -> Vec<u64> {
        let all = self.messages().filter(|(_, message)| matches!(message, Message::Process(_)));
        all.map(|(at, _)| *at).collect()
    }
}

impl Connection {
    pub fn take(&mut self, message: &[u8], now: u64) {
        assert!(self.opened.is_some(), "only an open connection is sent something");
        let message = Message::read(message);
        let is_greeting = matches!(message, Message::Conversation(_));
        assert_eq!(is_greeting, self.messages.is_empty(), "first of all, and once, it is told what it hears");
        self.messages.push((now, message));
    }
}

impl Message {
    fn read(message: &[u8]) -> Self {
        let (kind, body) = message.split_first_chunk().expect("four bytes say what it is");
        match u32::from_le_bytes(*kind) {
            100 => {
                assert!(body.is_empty());
                Self::Heartbeat
            }
            101 => {
                let (start, pcm) = body.split_first_chunk().expect("a start time");
                let (samples, half) = pcm.as_chunks::<2>();
                assert!(!samples.is_empty() && samples.len() <= 16_000 && half.is_empty());
                let position = (f64::from_le_bytes(*start) - BEGIN as f64 / 1000.0) * 16_000.0;
                assert!((position - position.round()).abs() < 0.05, "start times are those of samples: {position}");
                Self::Audio(position.round() as u64, samples.iter().map(|bytes| i16::from_le_bytes(*bytes)).collect())
            }
            102 => {
                let mut json: Value = serde_json::from_slice(body).unwrap();
                assert!(json["memory_id"].is_string());
                let segments: Vec<WireSegment> = serde_json::from_value(json["segments"].take()).unwrap();
                assert!(!segments.is_empty() && segments.iter().all(|segment| segment.extras.is_none()));
                Self::Segments(segments)
            }
            103 => Self::Conversation(String::from_utf8(body.to_vec()).unwrap()),
            104 => {
                let json: Value = serde_json::from_slice(body).unwrap();
                assert_eq!(json, json!({"conversation_id": json["conversation_id"], "language": "en"}));
                Self::Process(json)
            }
            other => panic!("no pusher knows {other}"),
        }
    }
}
