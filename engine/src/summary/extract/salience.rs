//! Which words and sentences tell something: words that recur, names, and words of the call's subject.

use std::collections::BTreeMap;

use fourwire_wire::query::Language;
use fourwire_wire::structured::Category;

use super::category::Lexicon;
use super::text::{Sentence, Word, stem};
use crate::transcript::{continues_word, is_unspaced};

/// Words that tell nothing by themselves, a line a kind; sorted when read.
const FUNCTION_WORDS: &str = include_str!("function_words.txt");
/// Shortest telling word in English, in characters.
const SHORTEST: usize = 3;
/// The same in other languages, whose function words are not all listed.
const MIN_ELSEWHERE: usize = 5;
/// Longer runs of letters are no words.
const LONGEST: usize = 24;
/// A word that comes up more often counts no more.
const MOST: u32 = 8;

/// What each telling word weighs.
pub(super) struct Salience {
    stems: BTreeMap<String, u32>,
    shortest: usize,
}

impl Salience {
    /// Weighs every word of a call.
    pub(super) fn new(sentences: &[Sentence], language: &Language, lexicon: &Lexicon, category: Category) -> Self {
        let english = language.as_str().get(..2).is_some_and(|tag| tag.eq_ignore_ascii_case("en"));
        let shortest = if english { SHORTEST } else { MIN_ELSEWHERE };
        let mut salience = Self { stems: BTreeMap::new(), shortest };
        for (sentence, word) in
            sentences.iter().flat_map(|sentence| sentence.words.iter().map(move |word| (sentence, word)))
        {
            if salience.tells(&word.plain) {
                let first_time = 2 + u32::from(is_name(sentence, word)) * 2 + lexicon.weight(&word.plain, category) * 3;
                let stem = stem(&word.plain);
                match salience.stems.get_mut(stem) {
                    Some(weight) => *weight = weight.saturating_add(2),
                    None => _ = salience.stems.insert(stem.to_owned(), first_time),
                }
            }
        }
        salience
    }

    /// Whether a word tells something by itself.
    pub(super) fn tells(&self, plain: &str) -> bool {
        let is_word = plain.chars().all(|char| !char.is_numeric() && continues_word(char));
        if plain.starts_with(is_unspaced) {
            // Without blanks a word may be a whole phrase; what is written in Hiragana alone stands between words.
            return is_word && plain.chars().nth(1).is_some() && !plain.chars().all(is_hiragana);
        }
        let length = plain.chars().count();
        (self.shortest..=LONGEST).contains(&length) && is_word && !is_function_word(plain)
    }

    /// What a word weighs; 0 where it tells nothing.
    pub(super) fn weight(&self, plain: &str) -> u32 {
        if !self.tells(plain) {
            return 0;
        }
        self.stems.get(stem(plain)).map_or(0, |weight| (*weight).min(MOST * 2 + 10))
    }
}

/// <https://www.unicode.org/charts/PDF/U3040.pdf>, and the sign that makes a vowel long.
const fn is_hiragana(char: char) -> bool {
    matches!(char, '\u{3040}'..='\u{309f}' | 'ー')
}

/// Whether a word stands in every talk, whatever it is about.
pub(super) fn is_function_word(plain: &str) -> bool {
    function_words().binary_search(&plain).is_ok()
}

/// The list of function words, in order.
fn function_words() -> &'static [&'static str] {
    static WORDS: std::sync::OnceLock<Vec<&'static str>> = std::sync::OnceLock::new();
    WORDS.get_or_init(|| {
        let lines = FUNCTION_WORDS.lines().filter(|line| !line.starts_with('#'));
        let mut words: Vec<_> = lines.flat_map(str::split_whitespace).collect();
        words.sort_unstable();
        words
    })
}

/// Whether a word is written as a name: with a capital inside a sentence.
pub(super) fn is_name(sentence: &Sentence, word: &Word) -> bool {
    let capital = sentence.slice(word.start, word.end).starts_with(char::is_uppercase);
    capital && word.start > 0 && !is_function_word(&word.plain)
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn plurals_count_as_one_word_and_other_endings_stay() {
        assert_eq!((stem("invoices"), stem("bus"), stem("class"), stem("ann's")), ("invoice", "bus", "class", "ann"));
    }

    #[test]
    fn greetings_and_fillers_are_no_telling_words() {
        for word in ["hello", "okay", "the", "tuesday", "yeah", "nicht", "pour"] {
            assert!(is_function_word(word), "{word}");
        }
        assert!(!is_function_word("invoice"));
    }
}
