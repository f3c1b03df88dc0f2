//! What a call was about, by weighted words and phrases: `categories.txt`.

use std::collections::BTreeMap;

use fourwire_wire::structured::{Category, TELEPHONE};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};

use super::text::{Sentence, Word, stem, word};

/// The words and phrases that show a category, a line each.
const CATEGORIES: &str = include_str!("categories.txt");
/// What must be shown, in weights: one clear word, or two that only suggest it.
const ENOUGH: u64 = 2 * SCALE;
/// A word that comes up again counts less each time: the first counts so much, all others together no more.
const SCALE: u64 = 64;

/// What a call was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Topic {
    /// The category.
    pub(super) category: Category,
    /// Its emoji.
    pub(super) emoji: &'static str,
}

/// The words and phrases of all categories.
pub(super) struct Lexicon {
    topics: Vec<Topic>,
    /// By the first word.
    entries: BTreeMap<&'static str, Vec<Entry>>,
    count: usize,
}

/// A word or phrase that shows a category.
struct Entry {
    number: usize,
    topic: usize,
    /// The words after the first.
    rest: Vec<&'static str>,
    weight: u64,
}

impl Lexicon {
    /// Reads the list.
    pub(super) fn new() -> Self {
        let mut lexicon = Self { topics: Vec::new(), entries: BTreeMap::new(), count: 0 };
        for line in CATEGORIES.lines().filter(|line| !line.starts_with('#')) {
            let mut parts = line.split(' ');
            let (Some(name), Some(emoji)) = (parts.next(), parts.next()) else { continue };
            let name: StrDeserializer<'_, Error> = name.into_deserializer();
            let Ok(category) = Category::deserialize(name) else { continue };
            let topic = lexicon.topics.len();
            lexicon.topics.push(Topic { category, emoji });
            parts.for_each(|part| lexicon.add(topic, part));
        }
        lexicon
    }

    fn add(&mut self, topic: usize, part: &'static str) {
        let (phrase, weight) = part.split_once('*').unwrap_or((part, "1"));
        let mut words = phrase.split('_');
        let first = words.next().unwrap_or(phrase);
        let entry = Entry { number: self.count, topic, rest: words.collect(), weight: weight.parse().unwrap_or(1) };
        self.entries.entry(first).or_default().push(entry);
        self.count += 1;
    }

    /// What a call was about.
    pub(super) fn judge(&self, sentences: &[Sentence]) -> Topic {
        let mut times = vec![0_u32; self.count];
        let mut scores = vec![0_u64; self.topics.len()];
        for words in sentences.iter().map(|sentence| sentence.words.as_slice()) {
            for at in 0..words.len() {
                for entry in self.at(words, at) {
                    let (Some(times), Some(score)) = (times.get_mut(entry.number), scores.get_mut(entry.topic)) else {
                        continue;
                    };
                    // Halves each time: six times and more count like two.
                    *score += (entry.weight * SCALE).checked_shr(*times).unwrap_or(0);
                    *times += 1;
                }
            }
        }
        let best = scores.iter().zip(&self.topics).rev().max_by_key(|(score, _)| **score);
        let shown = best.filter(|(score, _)| **score >= ENOUGH).map(|(_, topic)| *topic);
        shown.unwrap_or(Topic { category: Category::Other, emoji: TELEPHONE })
    }

    /// How much a word shows a category by itself.
    pub(super) fn weight(&self, plain: &str, category: Category) -> u32 {
        let entries = [plain, stem(plain)].into_iter().filter_map(|plain| self.entries.get(plain)).flatten();
        let of_category = |entry: &&Entry| {
            entry.rest.is_empty() && self.topics.get(entry.topic).is_some_and(|topic| topic.category == category)
        };
        entries.filter(of_category).filter_map(|entry| u32::try_from(entry.weight).ok()).max().unwrap_or(0)
    }

    /// The entries that begin at a word.
    fn at<'a>(&'a self, words: &'a [Word], at: usize) -> impl Iterator<Item = &'a Entry> {
        let said = word(words, at);
        let of = |plain: &str| self.entries.get(plain).map(Vec::as_slice).unwrap_or_default();
        let singular = if stem(said) == said { &[][..] } else { of(stem(said)) };
        of(said).iter().chain(singular).filter(move |entry| {
            entry.rest.iter().enumerate().all(|(offset, rest)| {
                let said = word(words, at + 1 + offset);
                said == *rest || stem(said) == *rest
            })
        })
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_category_but_other_has_its_line_with_an_emoji_and_no_word_twice() {
        let mut names = BTreeSet::new();
        for line in CATEGORIES.lines().filter(|line| !line.starts_with('#')) {
            let parts: Vec<_> = line.split(' ').collect();
            assert!(names.insert(parts[0]), "{} has two lines", parts[0]);
            assert!(parts.len() > 8 && !parts[1].is_ascii(), "{}", parts[0]);
            let words: BTreeSet<_> = parts[2..].iter().map(|part| part.split('*').next()).collect();
            assert_eq!(words.len(), parts.len() - 2, "{} has a word twice", parts[0]);
            for (_, weight) in parts[2..].iter().filter_map(|part| part.split_once('*')) {
                assert!(matches!(weight, "1" | "2" | "3"), "{} has the weight {weight}", parts[0]);
            }
        }
        let known: BTreeSet<_> = Lexicon::new().topics.iter().map(|topic| format!("{:?}", topic.category)).collect();
        let all: BTreeSet<_> = Category::ALL.iter().map(|category| format!("{category:?}")).collect();
        assert_eq!(all.difference(&known).collect::<Vec<_>>(), ["Other"]);
    }
}
