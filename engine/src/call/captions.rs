//! One channel's captions: windows of words become segments, an utterance each.
//!
//! A segment grows while its utterance is open and keeps its id. What a service has called final is never said again,
//! even when another service hears the same audio after a switch. Words never leave their channel.

use fourwire_wire::frame::Channel;
use fourwire_wire::ids::ConversationId;
use fourwire_wire::pii::Pii;
use fourwire_wire::segment::Segment;
use fourwire_wire::units::Samples;

use crate::speech::{Window, Word};

/// An utterance that goes on for longer than this is cut at the next final window: a segment is a piece to read.
const LONGEST_SEGMENT: Samples = Samples::from_millis(30_000);

/// The captions of one channel.
#[derive(Debug)]
pub(super) struct Captions {
    conversation: ConversationId,
    channel: Channel,
    /// The utterance being said: its final windows so far.
    open: Option<Utterance>,
    /// How many segments this channel has begun.
    begun: u32,
    /// Up to where the audio has its final words.
    settled: Samples,
}

/// A segment with what is needed to go on writing it.
#[derive(Debug)]
struct Utterance {
    segment: Segment,
    words: u16,
}

impl Captions {
    /// A channel's captions after `begun` segments that are finished and stored, the last of which ends at `settled`.
    pub(super) fn new(conversation: ConversationId, channel: Channel, begun: u32, settled: Samples) -> Self {
        Self { conversation, channel, open: None, begun, settled }
    }

    /// Up to where the audio has its final words; a stream that is opened anew starts here.
    pub(super) fn settled(&self) -> Samples {
        self.settled
    }

    /// Takes a window of a stream that began at `origin` on the call's timeline. Returns the segment as it is now, where
    /// it changed: to be stored if the window was final, only to be shown if not.
    pub(super) fn window(&mut self, origin: Samples, window: Window) -> Option<Segment> {
        let settled = self.settled;
        // A word belongs where its middle lies, since a service may start a word a little before its window.
        let news = window.words.into_iter().map(|word| word.moved_by(origin)).filter(|word| word.middle() >= settled);
        if !window.is_final {
            let mut shown = self.open.as_ref().map(Utterance::copy);
            for word in news {
                shown
                    .get_or_insert_with(|| Utterance::new(self.conversation, self.channel, self.begun, &word))
                    .add(&word);
            }
            return shown.map(|utterance| utterance.segment);
        }
        let mut changed = false;
        for word in news {
            let utterance =
                self.open.get_or_insert_with(|| Utterance::new(self.conversation, self.channel, self.begun, &word));
            utterance.add(&word);
            changed = true;
        }
        self.settled = settled.max(origin + window.end);
        let too_long = self.open.as_ref().is_some_and(|open| open.length() > LONGEST_SEGMENT);
        if window.ends_utterance || too_long {
            return self.close();
        }
        self.open.as_ref().filter(|_| changed).map(|open| open.segment.clone())
    }

    /// The utterance is over: returns its finished segment, if one was open.
    pub(super) fn close(&mut self) -> Option<Segment> {
        let mut segment = self.open.take()?.segment;
        segment.is_final = true;
        self.begun = self.begun.saturating_add(1);
        Some(segment)
    }
}

impl Utterance {
    fn new(conversation: ConversationId, channel: Channel, ordinal: u32, first: &Word) -> Self {
        let segment = Segment {
            id: conversation.segment(channel, ordinal),
            channel,
            start: first.start,
            end: first.end,
            text: Pii::default(),
            confidence: 0.0,
            is_final: false,
        };
        Self { segment, words: 0 }
    }

    fn copy(&self) -> Self {
        Self { segment: self.segment.clone(), words: self.words }
    }

    fn length(&self) -> Samples {
        self.segment.end.saturating_sub(self.segment.start)
    }

    fn add(&mut self, word: &Word) {
        let text = self.segment.text.expose_mut();
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word.text.expose());
        self.segment.start = self.segment.start.min(word.start);
        self.segment.end = self.segment.end.max(word.end);
        self.words = self.words.saturating_add(1);
        self.segment.confidence += (word.confidence - self.segment.confidence) / f32::from(self.words);
    }
}

impl Word {
    fn moved_by(mut self, origin: Samples) -> Self {
        self.start = origin + self.start;
        self.end = origin + self.end;
        self
    }

    fn middle(&self) -> Samples {
        Samples::new(self.start.get().midpoint(self.end.get()))
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn captions() -> Captions {
        Captions::new(ConversationId::from_random([3; 16]), Channel::User, 0, Samples::ZERO)
    }

    /// A window from `start` that says one word every 500 ms.
    fn window(start: u64, said: &str, is_final: bool, ends_utterance: bool) -> Window {
        let word = |(index, text): (u64, &str)| {
            let from = start + index * 500;
            Word {
                text: Pii::new(text.to_owned()),
                start: Samples::from_millis(from + 100),
                end: Samples::from_millis(from + 400),
                confidence: 0.8,
            }
        };
        let words: Vec<_> = (0..).zip(said.split_whitespace()).map(word).collect();
        let end = Samples::from_millis(start + 500 * u64::try_from(words.len().max(1)).unwrap());
        Window { end, words, is_final, ends_utterance }
    }

    fn text(segment: &Segment) -> &str {
        segment.text.expose()
    }

    #[test]
    fn an_utterance_grows_under_one_id_until_the_speaker_pauses() {
        let mut captions = captions();
        let first = captions.window(Samples::ZERO, window(0, "can you", true, false)).unwrap();
        let second = captions.window(Samples::ZERO, window(1000, "hear me", true, true)).unwrap();
        let third = captions.window(Samples::ZERO, window(2000, "good", true, true)).unwrap();
        assert_eq!((text(&first), first.is_final), ("can you", false));
        assert_eq!((text(&second), second.is_final, second.id), ("can you hear me", true, first.id));
        assert_eq!((second.start, second.end), (Samples::from_millis(100), Samples::from_millis(1_900)));
        assert_ne!(third.id, first.id);
    }

    #[test]
    fn an_interim_result_shows_words_and_settles_none() {
        let mut captions = captions();
        captions.window(Samples::ZERO, window(0, "can you", true, false));
        let shown = captions.window(Samples::ZERO, window(1000, "here", false, false)).unwrap();
        let shown_again = captions.window(Samples::ZERO, window(1000, "hear me", false, false)).unwrap();
        let settled = captions.window(Samples::ZERO, window(1000, "hear", true, false)).unwrap();
        assert_eq!(
            [text(&shown), text(&shown_again), text(&settled)],
            ["can you here", "can you hear me", "can you hear"]
        );
        assert_eq!(captions.settled(), Samples::from_millis(1_500));
    }

    #[test]
    fn a_second_service_that_hears_the_same_audio_doubles_nothing() {
        let mut captions = captions();
        captions.window(Samples::ZERO, window(0, "can you", true, false));
        // It was given audio from a little before the end of what is settled.
        let replayed = captions.window(Samples::from_millis(500), window(0, "you hear", true, true)).unwrap();
        assert_eq!(text(&replayed), "can you hear");
    }

    #[test]
    fn silence_changes_nothing_and_settles_its_stretch() {
        let mut captions = captions();
        assert_eq!(captions.window(Samples::ZERO, window(0, "", true, false)), None);
        assert_eq!(captions.settled(), Samples::from_millis(500));
        assert_eq!(captions.close(), None);
    }

    #[test]
    fn a_monologue_is_cut_into_pieces_to_read() {
        let mut captions = captions();
        let mut finished = 0;
        for second in 0..120 {
            let segment = captions.window(Samples::ZERO, window(second * 1000, "on and", true, false)).unwrap();
            finished += u32::from(segment.is_final);
        }
        assert_eq!(finished, 3);
    }
}
