//! A title of at most ten words: what was talked about, and with whom.

use std::collections::BTreeMap;

use fourwire_wire::structured::CalendarEvent;

use super::super::{Talk, clip};
use super::salience::{Salience, is_name};
use super::text::{Sentence, stem};
use crate::transcript::{self, is_unspaced};

/// Most words of a title.
const MAX_WORDS: usize = 10;
/// Most words of the other party's name in it.
const MAX_NAME_WORDS: usize = 3;
/// Longest word of it, in characters.
const MAX_WORD: usize = 24;
/// How many subjects it names.
const MAX_SUBJECTS: usize = 3;
/// Two words side by side are a term where each weighs so much: it recurs, is a name, or belongs to the call's subject.
const TERM: u32 = 4;
/// So many characters of a script without blanks count as a word.
const WORD_WITHOUT_BLANKS: usize = 4;
/// A call of which nothing can be told.
const NOTHING_TOLD: &str = "Short Call";

/// Titles a call.
pub(super) fn make(talk: &Talk<'_>, sentences: &[Sentence], salience: &Salience, events: &[CalendarEvent]) -> String {
    let name = talk.name().map(|name| short_name(&name));
    let mut subjects = subjects(sentences, salience);
    if subjects.is_empty()
        && let Some(event) = events.first()
    {
        return event.title.expose().clone();
    }
    let with = name.map(|name| format!(" with {name}")).unwrap_or_default();
    loop {
        let title = format!("{}{with}", listed(&subjects));
        if words_of(&title) <= MAX_WORDS || subjects.pop().is_none() {
            return title;
        }
    }
}

/// How many words a title has; in scripts without blanks, about how many.
fn words_of(title: &str) -> usize {
    let length =
        |word: &str| word.chars().filter(|char| is_unspaced(*char)).count().div_ceil(WORD_WITHOUT_BLANKS).max(1);
    title.split_whitespace().map(length).sum()
}

/// Subjects as a list for people.
fn listed(subjects: &[String]) -> String {
    match subjects {
        // No English between them.
        _ if subjects.iter().any(|subject| subject.ends_with(is_unspaced)) => subjects.join(" / "),
        [] => NOTHING_TOLD.to_owned(),
        [one] => one.clone(),
        [first, second] => format!("{first} and {second}"),
        [first, second, third, ..] => format!("{first}, {second} and {third}"),
    }
}

fn short_name(name: &str) -> String {
    let words: Vec<String> =
        name.split(' ').take(MAX_NAME_WORDS).map(|word| word.chars().take(MAX_WORD).collect()).collect();
    words.join(" ")
}

/// A word, or two that stand side by side, and what they weigh.
struct Subject<'a> {
    words: Vec<&'a str>,
    stems: Vec<&'a str>,
    weight: u32,
    /// Where it came first.
    order: usize,
}

/// What was talked about most, at most three.
fn subjects(sentences: &[Sentence], salience: &Salience) -> Vec<String> {
    let mut known: BTreeMap<Vec<&str>, Subject<'_>> = BTreeMap::new();
    for (order, sentence) in sentences.iter().enumerate() {
        for (at, word) in sentence.words.iter().enumerate() {
            let weight = salience.weight(&word.plain);
            if weight == 0 {
                continue;
            }
            note(&mut known, sentence, &[at], weight * 2, order);
            // Two words side by side say more than one: "Dentist Appointment". Two parts of a name are never taken apart.
            let Some(next) = sentence.words.get(at + 1).filter(|next| !next.after_comma) else { continue };
            let both_names = is_name(sentence, word) && is_name(sentence, next);
            let next_weight = if both_names { weight } else { salience.weight(&next.plain) };
            if next_weight > 0 {
                let (less, more) = (weight.min(next_weight), weight.max(next_weight));
                let term = less >= TERM || both_names;
                let together = if term { more * 2 + less } else { more + less };
                note(&mut known, sentence, &[at, at + 1], together, order);
            }
        }
        part_of_name(&mut known, sentence, salience, order);
    }
    let mut subjects: Vec<_> = known.into_values().collect();
    subjects.sort_by(|one, other| other.weight.cmp(&one.weight).then(one.order.cmp(&other.order)));
    let mut chosen: Vec<Subject<'_>> = Vec::new();
    let least = subjects.first().map_or(0, |best| best.weight * 2 / 5);
    for subject in subjects.into_iter().filter(|subject| subject.weight >= least) {
        let new = !chosen.iter().any(|taken| subject.stems.iter().any(|stem| taken.stems.contains(stem)));
        if new && chosen.len() < MAX_SUBJECTS {
            chosen.push(subject);
        }
        if chosen.len() == MAX_SUBJECTS {
            break;
        }
    }
    chosen.sort_by_key(|subject| subject.order);
    let text = |subject: Subject<'_>| {
        let words: Vec<String> = subject.words.into_iter().map(capital).collect();
        let text = transcript::join(words.iter().map(String::as_str));
        if text.starts_with(is_unspaced) { clip(&text, MAX_WORD) } else { text }
    };
    chosen.into_iter().map(text).collect()
}

/// Adds `New York` where `New` tells nothing by itself.
fn part_of_name<'a>(
    known: &mut BTreeMap<Vec<&'a str>, Subject<'a>>,
    sentence: &'a Sentence,
    salience: &Salience,
    order: usize,
) {
    for (at, pair) in sentence.words.windows(2).enumerate() {
        let [first, second] = pair else { continue };
        let capital = sentence.slice(first.start, first.end).starts_with(char::is_uppercase);
        let adjective = matches!(first.plain.as_str(), "new" | "north" | "south" | "east" | "west" | "great" | "big");
        let weight = salience.weight(&second.plain);
        if capital && adjective && first.start > 0 && is_name(sentence, second) && weight > 0 {
            note(known, sentence, &[at, at + 1], weight * 2 + 2, order);
        }
    }
}

fn note<'a>(
    known: &mut BTreeMap<Vec<&'a str>, Subject<'a>>,
    sentence: &'a Sentence,
    places: &[usize],
    weight: u32,
    order: usize,
) {
    let found: Vec<_> = places.iter().filter_map(|at| sentence.words.get(*at)).collect();
    let stems: Vec<&str> = found.iter().map(|word| stem(&word.plain)).collect();
    match known.get_mut(&stems) {
        // What recurs weighs more already; a pair that recurs is a term.
        Some(subject) if stems.len() > 1 => subject.weight = subject.weight.saturating_add(4),
        Some(_) => {}
        None => {
            let words = found.iter().map(|word| sentence.slice(word.start, word.end)).collect();
            known.insert(stems.clone(), Subject { words, stems, weight, order });
        }
    }
}

/// A word as titles write it: its own capitals stay.
fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
