//! A segment: one utterance of one side, with its place on the call's timeline.

use serde::{Deserialize, Serialize};

use crate::frame::Channel;
use crate::ids::SegmentId;
use crate::pii::Pii;
use crate::units::Samples;

/// One utterance of one channel, as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// Stays the same while the text grows.
    pub id: SegmentId,
    /// Whose words these are: known from the microphone, never guessed.
    pub channel: Channel,
    /// Where the first word starts.
    pub start: Samples,
    /// Where the last word ends.
    pub end: Samples,
    /// What was said.
    pub text: Pii<String>,
    /// Mean confidence of the words, 0 to 1.
    pub confidence: f32,
    /// False while the words may still change.
    pub is_final: bool,
}

/// A segment in the peer's wire form, one element of the bare array that carries transcript updates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WireSegment {
    /// The client replaces what it holds under the same id.
    pub id: SegmentId,
    /// What was said.
    pub text: Pii<String>,
    /// `SPEAKER_00` for channel 1, `SPEAKER_01` for channel 2.
    pub speaker: String,
    /// 0 for channel 1, 1 for channel 2.
    pub speaker_id: u8,
    /// Whether it is channel 1.
    pub is_user: bool,
    /// Always null: the peer's field for a person known by voice.
    pub person_id: Option<String>,
    /// Seconds from the conversation's start.
    pub start: f64,
    /// Seconds from the conversation's start.
    pub end: f64,
    /// Always empty: the peer's field for translations.
    pub translations: Vec<serde_json::Value>,
    /// Always true: the peer's clients wait for nothing else.
    pub speech_profile_processed: bool,
    /// Always null: the peer's field for transcripts that the client made.
    pub stt_provider: Option<String>,
    /// What only clients get that asked with `interim=1`.
    #[serde(flatten)]
    pub extras: Option<Extras>,
}

/// Fourwire's additions to a segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Extras {
    /// 1 or 2.
    pub channel: Channel,
    /// False while the words may still change.
    pub is_final: bool,
    /// Mean confidence of the words, 0 to 1.
    pub confidence: f32,
}

impl WireSegment {
    /// The wire form of `segment`; with `extras` for clients that asked for them and for stored transcripts.
    #[must_use]
    pub fn new(segment: &Segment, extras: bool) -> Self {
        let speaker_id = segment.channel.byte().saturating_sub(1);
        Self {
            id: segment.id,
            text: segment.text.clone(),
            speaker: format!("SPEAKER_{speaker_id:02}"),
            speaker_id,
            is_user: segment.channel == Channel::User,
            person_id: None,
            start: segment.start.seconds(),
            end: segment.end.seconds(),
            translations: Vec::new(),
            speech_profile_processed: true,
            stt_provider: None,
            extras: extras.then_some(Extras {
                channel: segment.channel,
                is_final: segment.is_final,
                confidence: segment.confidence,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::ids::ConversationId;

    fn segment() -> Segment {
        let channel = Channel::Remote;
        Segment {
            id: ConversationId::from_random([1; 16]).segment(channel, 0),
            channel,
            start: Samples::from_millis(1500),
            end: Samples::from_millis(2250),
            text: Pii::new("Yes, that works.".to_owned()),
            confidence: 0.5,
            is_final: true,
        }
    }

    #[test]
    fn the_peers_clients_get_exactly_the_peers_fields() {
        let json = serde_json::to_value(WireSegment::new(&segment(), false)).unwrap();
        let mut names: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "end",
                "id",
                "is_user",
                "person_id",
                "speaker",
                "speaker_id",
                "speech_profile_processed",
                "start",
                "stt_provider",
                "text",
                "translations"
            ]
        );
        assert_eq!(json["speaker"], "SPEAKER_01");
        assert_eq!(json["is_user"], false);
        assert_eq!(json["start"], 1.5);
    }

    #[test]
    fn clients_that_asked_get_channel_finality_and_confidence() {
        let json = serde_json::to_value(WireSegment::new(&segment(), true)).unwrap();
        assert_eq!((&json["channel"], &json["is_final"], &json["confidence"]), (&2.into(), &true.into(), &0.5.into()));
        assert_eq!(serde_json::from_value::<WireSegment>(json).unwrap(), WireSegment::new(&segment(), true));
    }
}
