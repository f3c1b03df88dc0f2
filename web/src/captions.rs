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

    /// Takes a caption off, and returns where it stood; none where there is no such caption. A segment that comes under the same
    /// id later is a new caption.
    pub fn remove(&mut self, id: SegmentId) -> Option<usize> {
        let index = self.0.iter().rposition(|known| known.id == id)?;
        self.0.remove(index);
        Some(index)
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
    fn words_that_came_to_nothing_are_taken_off_and_may_come_again() {
        /// What is removed one after the other, where each stood, and what is left.
        type Row<'a> = (&'a [SegmentId], &'a [Option<usize>], &'a [&'a str]);

        let call = ConversationId::from_random([1; 16]);
        let id = |channel, ordinal| call.segment(channel, ordinal);
        let other = ConversationId::from_random([2; 16]).segment(Channel::User, 0);
        let filled = || {
            let mut captions = Captions::default();
            captions.take(segment(Channel::User, 0, 1.0, "a", true));
            captions.take(segment(Channel::Remote, 0, 2.0, "b", false));
            captions.take(segment(Channel::User, 1, 3.0, "c", false));
            captions
        };
        let (user, remote) = (Channel::User, Channel::Remote);
        let table: [Row<'_>; 10] = [
            (&[], &[], &["a", "b", "c"]),
            (&[id(user, 1)], &[Some(2)], &["a", "b"]),
            (&[id(remote, 0)], &[Some(1)], &["a", "c"]),
            (&[id(user, 0)], &[Some(0)], &["b", "c"]),
            (&[id(user, 1), id(user, 1)], &[Some(2), None], &["a", "b"]),
            (&[id(remote, 1)], &[None], &["a", "b", "c"]),
            (&[other], &[None], &["a", "b", "c"]),
            (&[other, id(remote, 0)], &[None, Some(1)], &["a", "c"]),
            (&[id(user, 0), id(remote, 0), id(user, 1)], &[Some(0), Some(0), Some(0)], &[]),
            (&[id(user, 1), id(remote, 0), id(user, 0)], &[Some(2), Some(1), Some(0)], &[]),
        ];
        for (ids, stood, left) in table {
            let mut captions = filled();
            assert_eq!(ids.iter().map(|id| captions.remove(*id)).collect::<Vec<_>>(), stood);
            assert_eq!(texts(&captions), left);
        }
        let mut captions = filled();
        captions.remove(id(remote, 0));
        let (_, place) = captions.take(segment(remote, 0, 2.0, "b again", true)).unwrap();
        assert_eq!((place, texts(&captions)), (Place { index: 1, was: None }, vec!["a", "b again", "c"]));
    }

    #[test]
    fn what_is_told_again_after_a_break_changes_nothing() {
        let mut captions = Captions::default();
        captions.take(segment(Channel::User, 0, 1.0, "hello", true));
        assert_eq!(captions.take(segment(Channel::User, 0, 1.0, "hello", true)), None);
        assert_eq!(texts(&captions), ["hello"]);
    }
}
