//! Sentences and words of each side. A sentence is one side's own: what the other side says meanwhile is another one.

use fourwire_wire::frame::{Channel, PerChannel};
use fourwire_wire::segment::Segment;
use fourwire_wire::units::Samples;

use super::super::one_line;
use crate::transcript::{self, continues_word, kind_of_letter};

/// A text without punctuation is cut after so many words.
const MAX_SENTENCE: usize = 60;
/// A sentence goes on in the same side's next segment when that begins within so long a pause.
const PAUSE: Samples = Samples::from_millis(1_500);
/// Characters that end a sentence anywhere.
const ENDS_ANYWHERE: [char; 10] = ['。', '｡', '？', '！', '।', '॥', '។', '៕', '။', '།'];
/// Characters that end a sentence before a space.
const ENDS: [char; 5] = ['.', '?', '!', '…', '؟'];
/// Makes the vowel before it long, in Hiragana and Katakana.
const LONG_VOWEL: char = 'ー';
/// Words whose full stop does not end a sentence.
const ABBREVIATIONS: [&str; 8] = ["mr", "mrs", "ms", "dr", "prof", "st", "vs", "no"];
/// Pronouns whose `'s` is a verb and not a possessive.
const TAKES_IS: [&str; 9] = ["it", "that", "he", "she", "what", "there", "who", "where", "how"];

/// One sentence of one side.
#[derive(Clone, Debug)]
pub(super) struct Sentence {
    /// Whose.
    pub(super) channel: Channel,
    /// Where it begins.
    pub(super) at: Samples,
    /// On one line.
    pub(super) text: String,
    /// Its words, contractions taken apart.
    pub(super) words: Vec<Word>,
}

impl Sentence {
    fn new(channel: Channel, at: Samples, text: String) -> Self {
        let words = words(&text);
        Self { channel, at, text, words }
    }

    /// Whether it is written as a question.
    pub(super) fn is_question(&self) -> bool {
        self.text.trim_end_matches(['"', '”', '\'', ')']).ends_with(['?', '？', '؟'])
    }

    /// The word at a place, in small letters; empty where there is none.
    pub(super) fn word(&self, index: usize) -> &str {
        word(&self.words, index)
    }

    /// The text of a range of bytes.
    pub(super) fn slice(&self, from: usize, to: usize) -> &str {
        self.text.get(from..to).unwrap_or_default()
    }
}

/// A word, or one part of a contraction.
#[derive(Clone, Debug)]
pub(super) struct Word {
    /// In small letters and in full: `will` for `'ll`.
    pub(super) plain: String,
    /// Its place in the sentence's text, in bytes.
    pub(super) start: usize,
    /// Where it ends.
    pub(super) end: usize,
    /// Whether a comma or the like stands before it.
    pub(super) after_comma: bool,
}

/// The word at a place, in small letters; empty where there is none.
pub(super) fn word(words: &[Word], index: usize) -> &str {
    words.get(index).map_or("", |word| word.plain.as_str())
}

/// Everything that was said, as sentences by time.
pub(super) fn sentences(segments: &[Segment]) -> Vec<Sentence> {
    let mut open: PerChannel<Option<Open>> = PerChannel::from_fn(|_| None);
    let mut found = Vec::new();
    for segment in segments {
        let text = one_line(segment.text.expose());
        let slot = open.get_mut(segment.channel);
        let text = match slot.take() {
            Some(mut begun) if begun.goes_on(segment, &text) => {
                transcript::push_word(&mut begun.text, &text);
                begun
            }
            Some(begun) => {
                found.push(Sentence::new(segment.channel, begun.at, begun.text));
                Open { at: segment.start, end: segment.end, text }
            }
            None => Open { at: segment.start, end: segment.end, text },
        };
        *slot = split(segment, &text, &mut found);
    }
    for channel in Channel::BOTH {
        if let Some(begun) = open.get_mut(channel).take() {
            found.push(Sentence::new(channel, begun.at, begun.text));
        }
    }
    found.retain(|sentence| !sentence.words.is_empty());
    found.sort_by_key(|sentence| sentence.at);
    found
}

/// A sentence that may go on in the next segment.
struct Open {
    at: Samples,
    end: Samples,
    text: String,
}

impl Open {
    /// Whether a segment of the same side goes on with it.
    fn goes_on(&self, segment: &Segment, text: &str) -> bool {
        let soon = segment.start.saturating_sub(self.end) <= PAUSE;
        soon && text.starts_with(char::is_lowercase) && self.text.split(' ').count() < MAX_SENTENCE
    }
}

/// Takes the whole sentences out of a text, and gives back the rest.
fn split(segment: &Segment, text: &Open, found: &mut Vec<Sentence>) -> Option<Open> {
    let mut rest = text.text.as_str();
    let mut take = |sentence: &str| {
        let sentence = sentence.trim();
        if !sentence.is_empty() {
            found.push(Sentence::new(segment.channel, text.at, sentence.to_owned()));
        }
    };
    while let Some((end, whole)) = sentence_end(rest) {
        let (sentence, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if !whole && after.is_empty() {
            break;
        }
        take(sentence);
        rest = after;
    }
    let rest = rest.trim();
    (!rest.is_empty()).then(|| Open { at: text.at, end: segment.end, text: rest.to_owned() })
}

/// Where the first sentence of a text ends, and whether punctuation says so.
fn sentence_end(text: &str) -> Option<(usize, bool)> {
    let mut spaces = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        let end = at + char.len_utf8();
        if char == ' ' {
            spaces += 1;
            if spaces >= MAX_SENTENCE {
                return Some((end, false));
            }
        }
        let next = chars.peek().map(|(_, next)| *next);
        let before_space = next.is_none_or(|next| next == ' ' || "\"”')".contains(next));
        if ENDS_ANYWHERE.contains(&char) || ENDS.contains(&char) && before_space && is_end(text, at, char) {
            return Some((end, true));
        }
    }
    None
}

/// Whether the sign at a place ends a sentence: the full stop of `Dr.` does not, that of `p.m.` only before a capital.
fn is_end(text: &str, at: usize, sign: char) -> bool {
    if sign != '.' {
        return true;
    }
    let before = text.get(..at).unwrap_or_default();
    let last = before.rsplit(' ').next().unwrap_or_default().to_lowercase();
    let goes_on = text.get(at + 1..).unwrap_or_default().trim_start().starts_with(|char: char| !char.is_uppercase());
    if last.ends_with("p.m") || last.ends_with("a.m") {
        return !goes_on;
    }
    let initial = last.chars().count() == 1 && last != "i" && last.starts_with(char::is_alphabetic);
    !initial && !ABBREVIATIONS.contains(&last.as_str())
}

/// The words of a text.
pub(super) fn words(text: &str) -> Vec<Word> {
    let mut found = Vec::new();
    let mut after_comma = false;
    let mut start = None;
    let mut kind = None;
    let mut chars = text.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        let next_fits = chars.peek().is_some_and(|(_, next)| next.is_alphanumeric());
        let sign_inside = start.is_some() && next_fits && matches!(char, '\'' | '’' | '.' | ':');
        let inside = char.is_alphanumeric() || sign_inside || start.is_some() && continues_word(char);
        // Japanese has no blanks; its nouns are written in one script and what stands between them in another.
        let next_kind = if char.is_alphanumeric() && char != LONG_VOWEL { kind_of_letter(char) } else { kind };
        if next_kind != kind
            && let Some(from) = start.take()
        {
            push_word(text, from, at, after_comma, &mut found);
            after_comma = false;
        }
        kind = next_kind;
        if inside {
            start.get_or_insert(at);
        }
        if (!inside || chars.peek().is_none())
            && let Some(from) = start.take()
        {
            let end = if inside { at + char.len_utf8() } else { at };
            push_word(text, from, end, after_comma, &mut found);
            after_comma = false;
        }
        after_comma |= !inside && matches!(char, ',' | ';' | ':' | '—' | '–' | '、' | '，');
    }
    found
}

/// Adds a word, a contraction in its parts.
fn push_word(text: &str, start: usize, end: usize, after_comma: bool, found: &mut Vec<Word>) {
    let plain = text.get(start..end).unwrap_or_default().to_lowercase().replace('’', "'");
    let mut push = |plain: &str, start, end, after_comma| {
        found.push(Word { plain: plain.to_owned(), start, end, after_comma });
    };
    let Some((first, cut, second)) = contraction(&plain) else {
        let half = plain.ends_with("a.m") || plain.ends_with("p.m");
        let plain = if half { plain.replace('.', "") } else { plain };
        return push(&plain, start, end, after_comma);
    };
    // Up to the cut all is ASCII, so the lower-case text's places are the text's own.
    let cut = start.saturating_add(cut).min(end);
    push(first, start, cut, after_comma);
    push(second, cut, end, false);
}

/// The parts of a contraction, and where the second begins.
fn contraction(plain: &str) -> Option<(&str, usize, &'static str)> {
    let whole = match plain {
        "won't" => Some(("will", "not")),
        "gonna" => Some(("going", "to")),
        "gotta" => Some(("got", "to")),
        "wanna" => Some(("want", "to")),
        "let's" => Some(("let", "us")),
        "cannot" => Some(("can", "not")),
        _ => None,
    };
    let apostrophe = plain.find('\'');
    if let Some((first, second)) = whole {
        return Some((first, apostrophe.unwrap_or(first.len()), second));
    }
    if let Some(first) = plain.strip_suffix("n't").filter(|first| first.is_ascii()) {
        let first = if first == "ca" { "can" } else { first };
        return Some((first, apostrophe?, "not"));
    }
    let (first, short) = plain.split_once('\'').filter(|(first, _)| first.is_ascii())?;
    let second = match short {
        "ll" => "will",
        "m" => "am",
        "re" => "are",
        "ve" => "have",
        "d" => "would",
        "s" if TAKES_IS.contains(&first) => "is",
        _ => return None,
    };
    Some((first, first.len(), second))
}

/// A word without the ending of a plural.
pub(super) fn stem(plain: &str) -> &str {
    let plain = plain.strip_suffix("'s").unwrap_or(plain);
    match plain.strip_suffix('s') {
        Some(stem) if stem.len() > 3 && !stem.ends_with(['s', 'u', 'i']) => stem,
        _ => plain,
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use fourwire_wire::ids::ConversationId;

    use super::*;

    fn segment(channel: Channel, start: u64, end: u64, text: &str) -> Segment {
        let (start, end) = (Samples::from_millis(start), Samples::from_millis(end));
        let id = ConversationId::from_random([1; 16]).segment(channel, 0);
        Segment { id, channel, start, end, text: text.to_owned().into(), confidence: 1.0, is_final: true }
    }

    fn texts(segments: &[Segment]) -> Vec<String> {
        sentences(segments).into_iter().map(|sentence| sentence.text).collect()
    }

    #[test]
    fn a_sentence_goes_on_in_its_own_sides_next_segment_and_nowhere_else() {
        let segments = [
            segment(Channel::User, 0, 1_000, "Hi. I'll send you the"),
            segment(Channel::Remote, 500, 900, "yes"),
            segment(Channel::User, 1_200, 2_000, "report by Friday. Okay"),
            segment(Channel::User, 9_000, 9_500, "bye"),
        ];
        assert_eq!(texts(&segments), ["Hi.", "I'll send you the report by Friday.", "Okay", "yes", "bye"]);
    }

    #[test]
    fn a_full_stop_that_ends_no_sentence_is_told_apart() {
        let said = "Dr. Smith is in at 3 p.m. on Monday. It is 2.5 miles. Call J. Doe!";
        assert_eq!(
            texts(&[segment(Channel::User, 0, 1, said)]),
            ["Dr. Smith is in at 3 p.m. on Monday.", "It is 2.5 miles.", "Call J. Doe!"]
        );
        assert_eq!(texts(&[segment(Channel::User, 0, 1, "もしもし。元気？")]), ["もしもし。", "元気？"]);
    }

    #[test]
    fn contractions_are_taken_apart_and_possessives_are_not() {
        let plain = |text| words(text).into_iter().map(|word| word.plain).collect::<Vec<_>>().join(" ");
        assert_eq!(plain("I’ll, won't can't DON'T"), "i will will not can not do not");
        assert_eq!(plain("Ann's that's gonna let's"), "ann's that is going to let us");
        assert_eq!(plain("at 5 p.m. or 3:30pm, follow-up"), "at 5 pm or 3:30pm follow up");
    }
}
