//! What the pusher is sent: binary messages whose first four bytes say what the rest is, a `u32` in little-endian order.

use fourwire_wire::ids::ConversationId;
use fourwire_wire::query::Language;
use fourwire_wire::segment::{Segment, WireSegment};
use serde::Serialize;

/// The connection is alive: nothing else.
const HEARTBEAT: u32 = 100;
/// Audio: when its first sample was captured, in seconds since 1970 (`f64`, little-endian), then PCM16 at 16 kHz.
const AUDIO: u32 = 101;
/// Segments of the transcript, as JSON.
const SEGMENTS: u32 = 102;
/// The conversation's id, as text.
const CONVERSATION: u32 = 103;
/// The conversation is to be processed, as JSON.
const PROCESS: u32 = 104;
/// The answer to that, as JSON.
pub(super) const PROCESSED: u32 = 201;

/// The connection is alive.
pub(crate) fn heartbeat() -> Vec<u8> {
    HEARTBEAT.to_le_bytes().to_vec()
}

/// A piece of the mix.
pub(crate) fn audio(start_seconds: f64, samples: impl Iterator<Item = i16>) -> Vec<u8> {
    let mut message = AUDIO.to_le_bytes().to_vec();
    message.extend(start_seconds.to_le_bytes());
    message.extend(samples.flat_map(i16::to_le_bytes));
    message
}

/// Segments that are new, or have grown.
pub(crate) fn segments<'a>(conversation: ConversationId, segments: impl Iterator<Item = &'a Segment>) -> Vec<u8> {
    #[derive(Serialize)]
    struct Segments {
        segments: Vec<WireSegment>,
        memory_id: ConversationId,
    }
    let segments = segments.map(|segment| WireSegment::new(segment, false)).collect();
    json(SEGMENTS, &Segments { segments, memory_id: conversation })
}

/// Which conversation everything that follows is of.
pub(crate) fn conversation(id: ConversationId) -> Vec<u8> {
    let mut message = CONVERSATION.to_le_bytes().to_vec();
    message.extend(id.to_string().bytes());
    message
}

/// All is sent: process the conversation.
pub(crate) fn process(conversation: ConversationId, language: &Language) -> Vec<u8> {
    #[derive(Serialize)]
    struct Process<'a> {
        conversation_id: ConversationId,
        language: &'a str,
    }
    json(PROCESS, &Process { conversation_id: conversation, language: language.as_str() })
}

fn json(kind: u32, body: &impl Serialize) -> Vec<u8> {
    let mut message = kind.to_le_bytes().to_vec();
    // These types are always JSON.
    message.extend(serde_json::to_vec(body).unwrap_or_default());
    message
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn frames_are_the_peers_byte_for_byte() {
        let id = ConversationId::from_random([1; 16]);
        assert_eq!(heartbeat(), [100, 0, 0, 0]);
        assert_eq!(audio(1.5, [1, -2].into_iter()), [101, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 1, 0, 0xfe, 0xff]);
        assert_eq!(conversation(id), [[103, 0, 0, 0].as_slice(), id.to_string().as_bytes()].concat());
        let json = format!(r#"{{"conversation_id":"{id}","language":"en"}}"#);
        let language = Language::parse("en").unwrap();
        assert_eq!(process(id, &language), [[104, 0, 0, 0].as_slice(), json.as_bytes()].concat());
        let json = format!(r#"{{"segments":[],"memory_id":"{id}"}}"#);
        assert_eq!(segments(id, [].into_iter()), [[102, 0, 0, 0].as_slice(), json.as_bytes()].concat());
    }
}
