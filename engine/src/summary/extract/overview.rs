//! The most telling sentences in the order they were said, each with who said it.

use std::collections::BTreeSet;

use super::super::{Talk, clip};
use super::salience::Salience;
use super::text::{Sentence, stem};

/// How many sentences an overview has at most.
const MOST: usize = 4;
/// Longest part of one sentence, in characters.
const LONGEST: usize = 240;
/// A sentence with fewer words weighs less.
const SHORT: usize = 5;

/// Sums a call up.
pub(super) fn make(talk: &Talk<'_>, sentences: &[Sentence], salience: &Salience) -> String {
    let chosen = if sentences.len() <= MOST { (0..sentences.len()).collect() } else { choose(sentences, salience) };
    let lines = chosen.into_iter().filter_map(|place| sentences.get(place)).map(|sentence| {
        let who = talk.side(sentence.channel);
        format!("{who}: {}", clip(&sentence.text, LONGEST))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The places of the sentences that tell most, where each adds something to those before.
fn choose(sentences: &[Sentence], salience: &Salience) -> BTreeSet<usize> {
    let mut chosen = BTreeSet::new();
    let mut told: BTreeSet<&str> = BTreeSet::new();
    while chosen.len() < MOST {
        let left = sentences.iter().enumerate().filter(|(place, _)| !chosen.contains(place));
        let weighed = left.map(|(place, sentence)| (weight(sentence, salience, &told), place));
        // Of two that weigh the same the earlier one.
        let best = weighed.max_by(|one, other| one.0.cmp(&other.0).then(other.1.cmp(&one.1)));
        let Some((weight, place)) = best else { break };
        // Nothing more to tell; but an overview has a sentence.
        if weight == 0 && !chosen.is_empty() {
            break;
        }
        chosen.insert(place);
        told.extend(
            sentences.get(place).into_iter().flat_map(|sentence| sentence.words.iter().map(|word| stem(&word.plain))),
        );
    }
    chosen
}

/// What a sentence tells beside what was told, for its length.
fn weight(sentence: &Sentence, salience: &Salience, told: &BTreeSet<&str>) -> u64 {
    let mut seen = BTreeSet::new();
    let mut sum = 0_u64;
    for word in &sentence.words {
        let stem = stem(&word.plain);
        let weight = u64::from(salience.weight(&word.plain));
        if weight > 0 && seen.insert(stem) {
            sum += if told.contains(stem) { weight / 4 } else { weight };
        }
    }
    let length = u64::try_from(sentence.words.len()).unwrap_or(u64::MAX);
    let weight = sum * 100 / length.saturating_add(12);
    let weight = if sentence.is_question() { weight * 3 / 4 } else { weight };
    if sentence.words.len() < SHORT { weight / 3 } else { weight }
}
