//! What the edge said: every message with its time, and the transcript as the app would show it.

use std::time::Duration;

use fourwire_wire::conversation::Conversation;
use fourwire_wire::event::{PING, ServerEvent, ServiceStatus};
use fourwire_wire::frame::Channel;
use fourwire_wire::segment::WireSegment;
use serde::Deserialize;
use serde_json::Value;

/// One message.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// When it came, counted from the open connection.
    pub at: Duration,
    /// What it was.
    pub message: Message,
}

/// What a message is.
#[derive(Clone, Debug)]
pub enum Message {
    /// The heartbeat.
    Ping,
    /// New and changed segments.
    Segments(Vec<WireSegment>),
    /// An event.
    Event(ServerEvent),
    /// JSON that the wire crate has no type for.
    Unknown(Value),
    /// A text that is no JSON, or a binary message.
    Unreadable,
}

/// How the connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// When, counted from the open connection.
    pub at: Duration,
    /// The close code; none: the connection ended without a close frame, or with an empty one.
    pub code: Option<u16>,
    /// The close reason.
    pub reason: String,
}

/// Everything that came.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// Every message, in order.
    pub arrivals: Vec<Arrival>,
    /// The newest form of each segment that was not taken back, in the order in which they first came.
    pub segments: Vec<WireSegment>,
    /// How the connection ended; none while it is open.
    pub closing: Option<Closing>,
}

impl Message {
    /// Reads a text message.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text == PING {
            return Self::Ping;
        }
        let Ok(value) = serde_json::from_str::<Value>(text) else { return Self::Unreadable };
        if let Ok(segments) = Vec::<WireSegment>::deserialize(&value) {
            return Self::Segments(segments);
        }
        ServerEvent::deserialize(&value).map_or(Self::Unknown(value), Self::Event)
    }
}

impl Received {
    pub(super) fn add(&mut self, at: Duration, message: Message) {
        match &message {
            Message::Segments(segments) => {
                for segment in segments {
                    match self.segments.iter_mut().find(|known| known.id == segment.id) {
                        Some(known) => known.clone_from(segment),
                        None => self.segments.push(segment.clone()),
                    }
                }
            }
            Message::Event(ServerEvent::SegmentsDeleted { segment_ids }) => {
                self.segments.retain(|known| !segment_ids.contains(&known.id));
            }
            Message::Ping | Message::Event(_) | Message::Unknown(_) | Message::Unreadable => {}
        }
        self.arrivals.push(Arrival { at, message });
    }

    /// All events, in order.
    pub fn events(&self) -> impl Iterator<Item = &ServerEvent> {
        self.arrivals.iter().filter_map(|arrival| match &arrival.message {
            Message::Event(event) => Some(event),
            _ => None,
        })
    }

    /// All status events, in order.
    pub fn statuses(&self) -> impl Iterator<Item = &ServiceStatus> {
        self.events().filter_map(|event| match event {
            ServerEvent::ServiceStatus(status) => Some(status),
            _ => None,
        })
    }

    /// Number of heartbeats.
    #[must_use]
    pub fn pings(&self) -> usize {
        self.arrivals.iter().filter(|arrival| matches!(arrival.message, Message::Ping)).count()
    }

    /// The finished conversation.
    #[must_use]
    pub fn conversation(&self) -> Option<&Conversation> {
        self.events().find_map(|event| match event {
            ServerEvent::MemoryCreated { memory, .. } => Some(&**memory),
            _ => None,
        })
    }

    /// The text of one channel's segments, by time.
    #[must_use]
    pub fn text(&self, channel: Channel) -> String {
        text(&self.segments, channel)
    }

    /// The close code, once the connection is closed with one.
    #[must_use]
    pub fn close_code(&self) -> Option<u16> {
        self.closing.as_ref().and_then(|closing| closing.code)
    }
}

/// The text of one channel's segments, by time.
#[must_use]
pub fn text(segments: &[WireSegment], channel: Channel) -> String {
    let mut own: Vec<_> = segments.iter().filter(|segment| segment.is_user == (channel == Channel::User)).collect();
    own.sort_by(|a, b| a.start.total_cmp(&b.start));
    own.iter().map(|segment| segment.text.expose().as_str()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(id: &str, text: &str, start: f64) -> Message {
        let segment = serde_json::json!([{
            "id": id, "text": text, "speaker": "SPEAKER_00", "speaker_id": 0, "is_user": true, "person_id": null,
            "start": start, "end": start + 1.0, "translations": [], "speech_profile_processed": true,
            "stt_provider": null,
        }]);
        Message::parse(&segment.to_string())
    }

    #[test]
    fn a_segment_that_comes_again_replaces_what_was_there() {
        let (one, two) = ("00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002");
        let mut received = Received::default();
        received.add(Duration::ZERO, segments(one, "later", 5.0));
        received.add(Duration::ZERO, segments(two, "earl", 1.0));
        received.add(Duration::ZERO, segments(two, "early", 1.0));
        received.add(Duration::ZERO, Message::parse("ping"));
        assert_eq!(received.segments.len(), 2);
        assert_eq!(received.text(Channel::User), "early later");
        assert_eq!((received.text(Channel::Remote).as_str(), received.pings()), ("", 1));
    }

    #[test]
    fn what_is_not_known_is_told_apart_from_what_cannot_be_read() {
        assert!(matches!(Message::parse(r#"{"type":"new_thing"}"#), Message::Unknown(_)));
        assert!(matches!(Message::parse("pong"), Message::Unreadable));
        let ready = r#"{"type":"service_status","status":"ready","status_text":"Ready"}"#;
        assert!(matches!(Message::parse(ready), Message::Event(ServerEvent::ServiceStatus(_))));
    }
}
