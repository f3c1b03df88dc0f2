//! Captions in the order of the call: merged by id, sorted by time, then by side.

use fourwire_wire::frame::Channel;
use fourwire_wire::ids::SegmentId;
use fourwire_wire::pii::Pii;
use fourwire_wire::segment::WireSegment;
use serde::Serialize;

/// What one side said, for a display.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Caption {
    /// Stays the same while the text grows.
    pub id: SegmentId,
    /// Whose words these are.
    pub channel: Channel,
    /// Seconds from the call's first sample.
    pub start: f64,
    /// Seconds from the call's first sample.
    pub end: f64,
    /// What was said.
    pub text: Pii<String>,
    /// False while the words may still change.
    pub is_final: bool,
}

/// Where a caption stands now, and stood before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its place in the list.
    pub index: usize,
    /// Its place before, counted while it was still there; none for a new one.
    pub was: Option<usize>,
}

/// All captions of a call.
#[derive(Debug, Default)]
pub struct Captions(Vec<Caption>);

impl Captions {
    /// Takes a segment; none where it changes nothing.
    pub fn take(&mut self, segment: WireSegment) -> Option<(&Caption, Place)> {
        let caption = Caption {
            id: segment.id,
            channel: if segment.is_user { Channel::User } else { Channel::Remote },
            start: segment.start,
            end: segment.end,
            text: segment.text,
            is_final: segment.extras.is_none_or(|extras| extras.is_final),
        };
        // A caption that changes is one of the newest.
        let was = self.0.iter().rposition(|known| known.id == caption.id);
        if was.and_then(|was| self.0.get(was)) == Some(&caption) {
            return None;
        }
        if let Some(was) = was {
            self.0.remove(was);
        }
        let key = |caption: &Caption| (caption.start, caption.channel);
        let index = self.0.iter().rposition(|known| key(known) <= key(&caption)).map_or(0, |before| before + 1);
        self.0.insert(index, caption);
        self.0.get(index).map(|caption| (caption, Place { index, was }))
    }
}

#[cfg(test)]
mod tests {
    use fourwire_wire::ids::ConversationId;
    use fourwire_wire::segment::Segment;
    use fourwire_wire::units::Samples;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn segment(channel: Channel, ordinal: u32, seconds: f64, text: &str, is_final: bool) -> WireSegment {
        let segment = Segment {
            id: ConversationId::from_random([1; 16]).segment(channel, ordinal),
            channel,
            start: Samples::from_seconds(seconds),
            end: Samples::from_seconds(seconds + 1.0),
            text: Pii::new(text.to_owned()),
            confidence: 0.9,
            is_final,
        };
        WireSegment::new(&segment, true)
    }

    fn texts(captions: &Captions) -> Vec<&str> {
        captions.0.iter().map(|caption| caption.text.expose().as_str()).collect()
    }

    #[test]
    fn both_sides_stand_by_time_and_a_growing_caption_stays_one() {
        let mut captions = Captions::default();
        captions.take(segment(Channel::User, 0, 1.0, "hel", false));
        captions.take(segment(Channel::Remote, 0, 3.0, "yes", true));
        let (_, place) = captions.take(segment(Channel::User, 0, 1.0, "hello", true)).unwrap();
        assert_eq!(place, Place { index: 0, was: Some(0) });
        let (_, place) = captions.take(segment(Channel::User, 1, 2.0, "are you there", true)).unwrap();
        assert_eq!(place, Place { index: 1, was: None }, "it came late and stands where it was said");
        captions.take(segment(Channel::User, 2, 3.0, "together", true));
        assert_eq!(texts(&captions), ["hello", "are you there", "together", "yes"]);
    }

    #[test]
    fn a_caption_moves_when_its_start_does() {
        let mut captions = Captions::default();
        captions.take(segment(Channel::User, 0, 1.0, "one", false));
        captions.take(segment(Channel::Remote, 0, 2.0, "two", true));
        let (_, place) = captions.take(segment(Channel::User, 0, 2.5, "one", true)).unwrap();
        assert_eq!(place, Place { index: 1, was: Some(0) });
    }

    #[test]
    fn what_is_told_again_after_a_break_changes_nothing() {
        let mut captions = Captions::default();
        captions.take(segment(Channel::User, 0, 1.0, "hello", true));
        assert_eq!(captions.take(segment(Channel::User, 0, 1.0, "hello", true)), None);
        assert_eq!(texts(&captions), ["hello"]);
    }
}
