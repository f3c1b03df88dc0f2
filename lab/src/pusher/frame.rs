//! What a pusher is sent, read strictly: each message by itself, and all of a connection's in their order.

use fourwire_wire::ids::ConversationId;
use fourwire_wire::segment::WireSegment;
use serde::Deserialize;
use serde_json::json;

/// Samples a second.
const RATE: f64 = 16_000.0;
/// The most that a message of audio may hold: two seconds.
const MAX_AUDIO: usize = 32_000;
/// How far a start time may be from a multiple of a sample after the one before it, in seconds.
const TOLERANCE: f64 = 1e-5;
/// Start times lie behind this moment, in seconds since 1970: that of 2020.
const NOT_BEFORE: f64 = 1_577_836_800.0;

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// The connection is alive.
    Heartbeat,
    /// A piece of the call's audio, both sides in one.
    Audio {
        /// When its first sample was captured, in seconds since 1970.
        start: f64,
        /// The samples, at 16 kHz.
        samples: Vec<i16>,
    },
    /// Segments that are new, or have grown.
    Segments {
        /// The segments.
        segments: Vec<WireSegment>,
        /// The conversation.
        memory_id: ConversationId,
    },
    /// Which conversation the connection is about.
    Conversation(ConversationId),
    /// The conversation is to be processed.
    Process {
        /// The conversation.
        conversation_id: ConversationId,
        /// What was spoken.
        language: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Segments {
    segments: Vec<WireSegment>,
    memory_id: ConversationId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Process {
    conversation_id: ConversationId,
    language: String,
}

impl Frame {
    /// Reads a binary message.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(message: &[u8]) -> Result<Self, String> {
        let (kind, body) = message.split_first_chunk().ok_or("a message without a type")?;
        let json = |error: serde_json::Error| error.to_string();
        match u32::from_le_bytes(*kind) {
            100 if body.is_empty() => Ok(Self::Heartbeat),
            101 => {
                let (start, pcm) = body.split_first_chunk().ok_or("audio without a start time")?;
                let (samples, half) = pcm.as_chunks::<2>();
                if samples.is_empty() || samples.len() > MAX_AUDIO || !half.is_empty() {
                    return Err(format!("{} bytes of audio", pcm.len()));
                }
                let samples = samples.iter().map(|bytes| i16::from_le_bytes(*bytes)).collect();
                Ok(Self::Audio { start: f64::from_le_bytes(*start), samples })
            }
            102 => {
                let Segments { segments, memory_id } = serde_json::from_slice(body).map_err(json)?;
                if segments.is_empty() || segments.iter().any(|segment| segment.extras.is_some()) {
                    return Err("segments that the peer's programs do not know".to_owned());
                }
                Ok(Self::Segments { segments, memory_id })
            }
            103 => {
                let id = std::str::from_utf8(body).ok().and_then(ConversationId::parse);
                id.map(Self::Conversation).ok_or_else(|| "a conversation id that is none".to_owned())
            }
            104 => {
                let Process { conversation_id, language } = serde_json::from_slice(body).map_err(json)?;
                Ok(Self::Process { conversation_id, language })
            }
            other => Err(format!("a message of type {other}, {} bytes", body.len())),
        }
    }

    /// What the program answers, if anything: that it has processed the conversation.
    pub(super) fn answer(&self) -> Option<Vec<u8>> {
        let Self::Process { conversation_id, .. } = self else { return None };
        let json = json!({ "conversation_id": conversation_id, "success": true }).to_string();
        Some([201_u32.to_le_bytes().as_slice(), json.as_bytes()].concat())
    }
}

/// Follows a connection's messages: the conversation first, all about the same one, and audio that never goes back.
#[derive(Debug, Default)]
pub struct Order {
    conversation: Option<ConversationId>,
    /// When the last piece of audio ended, in seconds since 1970.
    audio_end: Option<f64>,
}

impl Order {
    /// Takes the next message.
    ///
    /// # Errors
    /// Why it may not come here.
    pub fn check(&mut self, frame: &Frame) -> Result<(), String> {
        let about = match frame {
            Frame::Conversation(id) => {
                return match self.conversation.replace(*id) {
                    None => Ok(()),
                    Some(_) => Err("a second conversation id".to_owned()),
                };
            }
            Frame::Segments { memory_id, .. } => Some(memory_id),
            Frame::Process { conversation_id, .. } => Some(conversation_id),
            Frame::Heartbeat | Frame::Audio { .. } => None,
        };
        if self.conversation.is_none() {
            return Err("something came before the conversation id".to_owned());
        }
        if about.is_some_and(|about| Some(about) != self.conversation.as_ref()) {
            return Err("a message about another conversation".to_owned());
        }
        if let Frame::Audio { start, samples } = frame {
            let gap = self.audio_end.map_or(0.0, |end| start - end);
            let off = (gap * RATE - (gap * RATE).round()).abs() / RATE;
            if *start < NOT_BEFORE || gap < -TOLERANCE || off > TOLERANCE {
                return Err(format!("audio that begins {gap} s after the end of the last"));
            }
            let length = u32::try_from(samples.len()).map_or(f64::MAX, f64::from);
            self.audio_end = Some(start + length / RATE);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_tells_its_conversation_first_and_its_audio_in_order() {
        let id = ConversationId::from_random([1; 16]);
        let audio = |start| Frame::Audio { start, samples: vec![0; 16_000] };
        let mut order = Order::default();
        assert!(order.check(&Frame::Heartbeat).is_err());
        assert_eq!(order.check(&Frame::Conversation(id)), Ok(()));
        assert!(order.check(&audio(0.0)).is_err(), "that is not a time of today");
        for (start, good) in [(1.8e9, true), (1.8e9 + 1.0, true), (1.8e9 + 1.5, false), (1.8e9 + 7.25, true)] {
            assert_eq!(order.check(&audio(start)).is_ok(), good, "{start}");
        }
        let other = Frame::Process { conversation_id: ConversationId::from_random([2; 16]), language: String::new() };
        assert!(order.check(&other).is_err());
        assert!(order.check(&Frame::Conversation(id)).is_err());
    }

    #[test]
    fn what_is_not_quite_a_message_is_none() {
        let message = |kind: u32, body: &[u8]| [kind.to_le_bytes().as_slice(), body].concat();
        for bad in [
            vec![100, 0],
            message(100, b"x"),
            message(101, &[0; 8]),
            message(101, &[0; 11]),
            message(102, br#"{"segments":[],"memory_id":"01010101-0101-4101-8101-010101010101"}"#),
            message(103, b"a conversation"),
            message(104, br#"{"conversation_id":"01010101-0101-4101-8101-010101010101"}"#),
            message(105, b""),
        ] {
            assert!(Frame::read(&bad).is_err(), "{bad:?}");
        }
    }
}
