//! What the server says, as far as this module needs it: `fourwire_wire::event::ServerEvent` read without what makes a conversation,
//! which is only passed on to the page and would be most of the module's size.

use fourwire_wire::event::{PING, ServiceStatus};
use fourwire_wire::frame::PerChannel;
use fourwire_wire::ids::SegmentId;
use fourwire_wire::segment::WireSegment;
use fourwire_wire::units::Samples;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A text message of the server.
#[derive(Debug)]
pub enum Heard {
    /// The heartbeat, or something that a newer server says and this module does not know.
    Nothing,
    /// What was said.
    Segments(Vec<WireSegment>),
    /// Segments that came to nothing.
    SegmentsDeleted(Vec<SegmentId>),
    /// The answer to a token.
    AuthResponse {
        /// Whether it was good.
        success: bool,
        /// In how many seconds it expires.
        expires_in: Option<u64>,
    },
    /// How much of each side the server holds.
    AudioHeld(PerChannel<Samples>),
    /// Up to where each side is stored and listened to.
    AudioStored(PerChannel<Samples>),
    /// Where the session stands.
    Status(ServiceStatus),
    /// The conversation is being made.
    Processing,
    /// The conversation.
    Created(Json),
}

/// JSON as it came.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Json(Box<RawValue>);

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

#[derive(Deserialize)]
struct Kind<'a> {
    r#type: &'a str,
}

#[derive(Deserialize)]
struct AuthResponse {
    success: bool,
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
struct SegmentsDeleted {
    segment_ids: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Created {
    memory: Box<RawValue>,
}

impl Heard {
    /// Reads a message.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text == PING {
            return Self::Nothing;
        }
        Self::read(text).unwrap_or(Self::Nothing)
    }

    fn read(text: &str) -> serde_json::Result<Self> {
        if text.starts_with('[') {
            return serde_json::from_str(text).map(Self::Segments);
        }
        let Kind { r#type } = serde_json::from_str(text)?;
        Ok(match r#type {
            "segments_deleted" => {
                let ids = serde_json::from_str::<SegmentsDeleted>(text)?.segment_ids;
                // What is no id of a segment names none that is shown.
                Self::SegmentsDeleted(ids.iter().filter_map(|id| serde_json::from_str(id.get()).ok()).collect())
            }
            "auth_response" => {
                let AuthResponse { success, expires_in } = serde_json::from_str(text)?;
                Self::AuthResponse { success, expires_in }
            }
            "audio_held" => Self::AudioHeld(serde_json::from_str(text)?),
            "audio_stored" => Self::AudioStored(serde_json::from_str(text)?),
            "service_status" => Self::Status(serde_json::from_str(text)?),
            "memory_processing_started" => Self::Processing,
            "memory_created" => Self::Created(Json(serde_json::from_str::<Created>(text)?.memory)),
            _ => Self::Nothing,
        })
    }
}

#[cfg(test)]
mod tests {
    use fourwire_wire::event::{ServerEvent, Status};
    use fourwire_wire::frame::Channel;
    use fourwire_wire::ids::ConversationId;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn read(event: &ServerEvent) -> Heard {
        Heard::parse(&serde_json::to_string(event).unwrap())
    }

    #[test]
    fn what_the_server_writes_is_read() {
        let at = PerChannel { user: Samples::new(1), remote: Samples::new(2) };
        for expires_in in [None, Some(3_600)] {
            let answer = read(&ServerEvent::AuthResponse { success: true, expires_in });
            assert!(matches!(answer, Heard::AuthResponse { success: true, expires_in: read } if read == expires_in));
        }
        assert!(matches!(read(&ServerEvent::AudioHeld(at)), Heard::AudioHeld(held) if held == at));
        assert!(matches!(read(&ServerEvent::AudioStored(at)), Heard::AudioStored(stored) if stored == at));
        let ids = [Channel::User, Channel::Remote].map(|side| ConversationId::from_random([1; 16]).segment(side, 7));
        let deleted = ServerEvent::SegmentsDeleted { segment_ids: ids.to_vec() };
        assert!(matches!(read(&deleted), Heard::SegmentsDeleted(read) if read == ids));
        let status = ServiceStatus {
            status: Status::SttGap,
            status_text: "words".to_owned(),
            channel: None,
            reason: None,
            retryable: None,
            retry_after: None,
        };
        assert!(matches!(read(&ServerEvent::ServiceStatus(status.clone())), Heard::Status(read) if read == status));
        let created = r#"{"type":"memory_created","memory":{"id":1},"messages":[]}"#;
        assert!(matches!(Heard::parse(created), Heard::Created(json) if json.0.get() == r#"{"id":1}"#));
    }

    #[test]
    fn segments_that_are_taken_back_are_read_as_far_as_they_are_segments() {
        const ID: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";
        for (ids, count) in [
            ("[]".to_owned(), Some(0)),
            (format!(r#"["{ID}"]"#), Some(1)),
            (format!(r#"["{ID}","{ID}"]"#), Some(2)),
            (format!(r#"["{}"]"#, ID.to_uppercase()), Some(1)),
            (format!(r#"["","{ID}"]"#), Some(1)),
            (format!(r#"[null,7,{{}},[],"{ID}",true]"#), Some(1)),
            (r#"["no id"]"#.to_owned(), Some(0)),
            (format!(r#""{ID}""#), None),
            ("null".to_owned(), None),
            ("{}".to_owned(), None),
        ] {
            let read = match Heard::parse(&format!(r#"{{"type":"segments_deleted","segment_ids":{ids}}}"#)) {
                Heard::SegmentsDeleted(ids) => Some(ids.len()),
                Heard::Nothing => None,
                other => panic!("{other:?}"),
            };
            assert_eq!(read, count, "{ids}");
        }
        assert!(matches!(Heard::parse(r#"{"type":"segments_deleted"}"#), Heard::Nothing));
    }

    #[test]
    fn what_is_not_known_is_nothing() {
        for text in ["ping", "pong", "", "{}", "[1]", r#"{"type":"something_new"}"#, r#"{"type":"audio_held"}"#] {
            assert!(matches!(Heard::parse(text), Heard::Nothing), "{text}");
        }
    }
}
