//! One channel's captions: windows of words become segments, an utterance each.
//!
//! A segment grows while its utterance is open and keeps its id. What a service has called final is never said again,
//! even when another service hears the same audio after a switch. Words never leave their channel.
//!
//! A client that wants interim results sees, behind the final words, those of the last interim window that are not final yet.
//! Each [`Change`] says all that its screen has to change, so what it shows is always stored or still open.

use fourwire_wire::frame::Channel;
use fourwire_wire::ids::{ConversationId, SegmentId};
use fourwire_wire::pii::Pii;
use fourwire_wire::segment::Segment;
use fourwire_wire::units::Samples;

use crate::speech::{Window, Word};
use crate::transcript;

/// An utterance that goes on for longer than this is cut at the next final window: a segment is a piece to read.
const MAX_SEGMENT: Samples = Samples::from_millis(30_000);
/// Services round the end of a word: an end of an utterance that lies so little before its last word is that word's.
const WORD_END_TOLERANCE: Samples = Samples::from_millis(20);

/// The captions of one channel.
#[derive(Debug)]
pub(super) struct Captions {
    conversation: ConversationId,
    channel: Channel,
    /// The utterance being said: its final windows so far.
    open: Option<Utterance>,
    /// The words of the last interim window that are not final: shown behind the open utterance.
    interim: Vec<Word>,
    /// The segment under which the interim words were last shown.
    shown: Option<SegmentId>,
    /// How many segments this channel has begun.
    begun: u32,
    /// Up to where the audio has its final words.
    settled: Samples,
}

/// What follows from a service's message for the transcript, and for the screen of a client.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Change {
    /// A segment to be stored, and told to every client.
    pub(super) stored: Option<Segment>,
    /// A segment with words that may still change, for clients that want such. It is shown after `stored`.
    pub(super) shown: Option<Segment>,
    /// A segment that was shown and has come to nothing.
    pub(super) withdrawn: Option<SegmentId>,
}

/// A segment with what is needed to go on writing it.
#[derive(Clone, Debug)]
struct Utterance {
    segment: Segment,
    words: u16,
}

impl Captions {
    /// A channel's captions after `begun` segments that are finished and stored, the last of which ends at `settled`.
    pub(super) fn new(conversation: ConversationId, channel: Channel, begun: u32, settled: Samples) -> Self {
        Self { conversation, channel, open: None, interim: Vec::new(), shown: None, begun, settled }
    }

    /// Up to where the audio has its final words; a stream that is opened anew starts here.
    pub(super) fn settled(&self) -> Samples {
        self.settled
    }

    /// The id that the next utterance will have: what a session that was lost in a restart may have shown under it is nowhere
    /// stored.
    pub(super) fn next_id(&self) -> SegmentId {
        self.conversation.segment(self.channel, self.begun)
    }

    /// Takes a window whose times are the call's.
    pub(super) fn window(&mut self, window: Window) -> Change {
        let settled = self.settled;
        // A word belongs where its middle lies, since a service may start a word a little before its window.
        let news = window.words.into_iter().filter(|word| word.middle() >= settled);
        if !window.is_final {
            self.interim = news.collect();
            return self.change(None);
        }
        let mut changed = false;
        for word in news {
            let utterance =
                self.open.get_or_insert_with(|| Utterance::new(self.conversation, self.channel, self.begun, &word));
            utterance.add(&word);
            changed = true;
        }
        self.settled = settled.max(window.end);
        let settled = self.settled;
        // A final window may cover less than the interim one before it.
        self.interim.retain(|word| word.middle() >= settled);
        let too_long = self.open.as_ref().is_some_and(|open| open.length() > MAX_SEGMENT);
        let stored = if window.ends_utterance || too_long {
            self.finish()
        } else {
            self.open.as_ref().filter(|_| changed).map(|open| open.segment.clone())
        };
        self.change(stored)
    }

    /// The service says that an utterance is over, whose last word ends at a place of the call, as far as it says. One that ended
    /// before the open one's last word was an earlier one, of which the service is late to tell.
    pub(super) fn end_utterance(&mut self, last_word_end: Option<Samples>) -> Change {
        let is_late = |open: &Utterance| last_word_end.is_some_and(|last| last + WORD_END_TOLERANCE < open.segment.end);
        if self.open.as_ref().is_some_and(is_late) {
            return Change::default();
        }
        let stored = self.finish();
        self.change(stored)
    }

    /// The stream is over: nothing more will be said of what is open.
    pub(super) fn end_stream(&mut self) -> Change {
        self.interim.clear();
        let stored = self.finish();
        self.change(stored)
    }

    /// The open utterance as a finished segment.
    fn finish(&mut self) -> Option<Segment> {
        let mut segment = self.open.take()?.segment;
        segment.is_final = true;
        self.begun = self.begun.saturating_add(1);
        Some(segment)
    }

    /// What a screen has to change, when `stored` goes into the transcript.
    fn change(&mut self, stored: Option<Segment>) -> Change {
        let mut visible = self.open.clone();
        for word in &self.interim {
            visible.get_or_insert_with(|| Utterance::new(self.conversation, self.channel, self.begun, word)).add(word);
        }
        let had_interim = self.shown.take();
        self.shown = if self.interim.is_empty() { None } else { visible.as_ref().map(|visible| visible.segment.id) };
        // What stands on the screen without interim words is told by `stored`, unless interim words have just left it.
        let needs_showing = self.shown.is_some() || (stored.is_none() && had_interim.is_some());
        let shown = visible.filter(|_| needs_showing).map(|visible| visible.segment);
        let is_replaced = |id: &SegmentId| [&stored, &shown].into_iter().flatten().any(|segment| segment.id == *id);
        let withdrawn = had_interim.filter(|id| !is_replaced(id));
        Change { stored, shown, withdrawn }
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

    fn length(&self) -> Samples {
        self.segment.end.saturating_sub(self.segment.start)
    }

    fn add(&mut self, word: &Word) {
        transcript::push_word(self.segment.text.expose_mut(), word.text.expose());
        self.segment.start = self.segment.start.min(word.start);
        self.segment.end = self.segment.end.max(word.end);
        self.words = self.words.saturating_add(1);
        self.segment.confidence += (word.confidence - self.segment.confidence) / f32::from(self.words);
    }
}

impl Word {
    fn middle(&self) -> Samples {
        Samples::new(self.start.get().midpoint(self.end.get()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn captions() -> Captions {
        Captions::new(ConversationId::from_random([3; 16]), Channel::User, 0, Samples::ZERO)
    }

    fn id(ordinal: u32) -> SegmentId {
        ConversationId::from_random([3; 16]).segment(Channel::User, ordinal)
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

    fn interim(start: u64, said: &str) -> Window {
        window(start, said, false, false)
    }

    fn settled(start: u64, said: &str) -> Window {
        window(start, said, true, false)
    }

    fn text(segment: &Segment) -> &str {
        segment.text.expose()
    }

    /// What is stored with a window.
    fn stored(captions: &mut Captions, window: Window) -> Segment {
        captions.window(window).stored.unwrap()
    }

    #[test]
    fn an_utterance_grows_under_one_id_until_the_speaker_pauses() {
        let mut captions = captions();
        let first = stored(&mut captions, settled(0, "can you"));
        let second = stored(&mut captions, window(1000, "hear me", true, true));
        let third = stored(&mut captions, window(2000, "good", true, true));
        assert_eq!((text(&first), first.is_final), ("can you", false));
        assert_eq!((text(&second), second.is_final, second.id), ("can you hear me", true, first.id));
        assert_eq!((second.start, second.end), (Samples::from_millis(100), Samples::from_millis(1_900)));
        assert_ne!(third.id, first.id);
    }

    #[test]
    fn an_interim_result_shows_words_and_settles_none() {
        let mut captions = captions();
        captions.window(settled(0, "can you"));
        let mut show = |said| captions.window(interim(1000, said)).shown.unwrap();
        assert_eq!([text(&show("here")), text(&show("hear me"))], ["can you here", "can you hear me"]);
        assert_eq!(text(&stored(&mut captions, settled(1000, "hear"))), "can you hear");
        assert_eq!(captions.settled(), Samples::from_millis(1_500));
    }

    #[test]
    fn a_second_service_that_hears_the_same_audio_doubles_nothing() {
        let mut captions = captions();
        captions.window(settled(0, "can you"));
        // It was given audio from a little before the end of what is settled.
        let replayed = captions.window(window(500, "you hear", true, true)).stored.unwrap();
        assert_eq!(text(&replayed), "can you hear");
    }

    #[test]
    fn words_are_joined_as_their_script_is_written() {
        for (said, joined) in [
            ("はい 。 じゃあ 始め ます 。", "はい。じゃあ始めます。"),
            ("你 好 ， 世界", "你好，世界"),
            ("สวัสดี ครับ", "สวัสดีครับ"),
            ("안녕 하세요 .", "안녕 하세요."),
            ("So , where ?", "So, where?"),
        ] {
            assert_eq!(text(&stored(&mut captions(), settled(0, said))), joined);
        }
    }

    #[test]
    fn silence_changes_nothing_and_settles_its_stretch() {
        let mut captions = captions();
        assert_eq!(captions.window(settled(0, "")), Change::default());
        assert_eq!(captions.settled(), Samples::from_millis(500));
        assert_eq!(captions.end_stream(), Change::default());
    }

    #[test]
    fn a_monologue_is_cut_into_pieces_to_read() {
        let mut captions = captions();
        let finished =
            (0..120).filter(|second| stored(&mut captions, settled(second * 1000, "on and")).is_final).count();
        assert_eq!(finished, 3);
    }

    /// A screen as a client with interim results keeps it, and a store; the names of the segments are their ordinals.
    #[derive(Default)]
    struct Screen {
        shown: BTreeMap<SegmentId, String>,
        stored: BTreeMap<SegmentId, String>,
    }

    impl Screen {
        fn take(&mut self, change: Change) {
            for segment in [&change.stored, &change.shown].into_iter().flatten() {
                self.shown.insert(segment.id, text(segment).to_owned());
            }
            if let Some(segment) = change.stored {
                self.stored.insert(segment.id, text(&segment).to_owned());
            }
            if let Some(id) = change.withdrawn {
                assert!(self.shown.remove(&id).is_some(), "only what was shown is withdrawn");
                assert!(!self.stored.contains_key(&id), "what is stored stays");
            }
        }
    }

    fn lines(of: &BTreeMap<SegmentId, String>) -> Vec<&str> {
        (0..9).filter_map(|ordinal| of.get(&id(ordinal)).map(String::as_str)).collect()
    }

    enum Step {
        Window(Window),
        UtteranceEnd(Option<u64>),
        StreamEnds,
    }

    /// What happens, in words and in steps; what the screen shows then; what is stored.
    type Row<'a> = (&'a str, Vec<Step>, &'a [&'a str], &'a [&'a str]);

    #[test]
    fn what_is_shown_is_stored_or_still_open() {
        use Step::{StreamEnds, UtteranceEnd};
        let i = |start, said| Step::Window(interim(start, said));
        let f = |start, said| Step::Window(settled(start, said));
        let last = |start, said| Step::Window(window(start, said, true, true));
        let rows: [Row<'_>; 16] = [
            ("an interim word and an empty final", vec![i(0, "Yeah."), f(0, "")], &[], &[]),
            ("an interim word and an empty end", vec![i(0, "Yeah."), last(0, "")], &[], &[]),
            ("an interim word that the next interim takes back", vec![i(0, "Yeah."), i(0, "")], &[], &[]),
            ("an interim word that becomes another", vec![i(0, "Yeah."), f(0, "Year")], &["Year"], &["Year"]),
            ("a stream that dies after an interim", vec![i(0, "Yeah."), StreamEnds], &[], &[]),
            (
                "a stream that dies within an utterance",
                vec![f(0, "so I"), i(1000, "think"), StreamEnds],
                &["so I"],
                &["so I"],
            ),
            (
                "interim words behind final ones, taken back",
                vec![f(0, "so I"), i(1000, "think"), f(1000, "")],
                &["so I"],
                &["so I"],
            ),
            ("the same by the next interim", vec![f(0, "so I"), i(1000, "think"), i(1000, "")], &["so I"], &["so I"]),
            ("a final that covers less than the interim", vec![i(0, "a b c"), f(0, "a b")], &["a b c"], &["a b"]),
            ("an empty final before the interim's words", vec![i(1000, "Yeah."), f(0, "")], &["Yeah."], &[]),
            (
                "an utterance that ends by pause with interim words behind",
                vec![i(0, "a b c"), last(0, "a b")],
                &["a b", "c"],
                &["a b"],
            ),
            ("and then they come to nothing", vec![i(0, "a b c"), last(0, "a b"), f(1000, "")], &["a b"], &["a b"]),
            (
                "an utterance closed early",
                vec![f(0, "a b"), i(1000, "c"), UtteranceEnd(Some(900))],
                &["a b", "c"],
                &["a b"],
            ),
            ("closed with nothing final", vec![i(0, "Yeah."), UtteranceEnd(None), f(0, "")], &[], &[]),
            (
                "closed late: the open one goes on",
                vec![f(0, "a b"), UtteranceEnd(Some(400)), f(1000, "c")],
                &["a b c"],
                &["a b c"],
            ),
            (
                "a word that is said after all, under the id that was withdrawn",
                vec![i(0, "Yeah."), StreamEnds, last(0, "Yes.")],
                &["Yes."],
                &["Yes."],
            ),
        ];
        for (name, steps, shown, stored) in rows {
            let (mut captions, mut screen) = (captions(), Screen::default());
            for step in steps {
                screen.take(match step {
                    Step::Window(window) => captions.window(window),
                    UtteranceEnd(millis) => captions.end_utterance(millis.map(Samples::from_millis)),
                    StreamEnds => captions.end_stream(),
                });
            }
            assert_eq!((lines(&screen.shown), lines(&screen.stored)), (shown.to_vec(), stored.to_vec()), "{name}");
        }
    }
}
