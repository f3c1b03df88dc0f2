//! Arrangements with a time: `let's meet on Thursday at three`, `your appointment is tomorrow at 9`.

use std::collections::BTreeSet;

use fourwire_wire::frame::Channel;
use fourwire_wire::structured::CalendarEvent;

use super::super::{MAX_DURATION, MAX_EVENTS, Talk, clip};
use super::answers;
use super::dates::{self, When};
use super::numbers;
use super::text::{Sentence, Word, word};

/// How long an event lasts where nothing is said, in minutes.
const DURATION: u16 = 30;
/// Longest quoted sentence, in characters.
const QUOTED: usize = 240;
/// How many sentences back a day is looked for where only a time is said.
const CONTEXT: usize = 6;

/// What one does together, and how a calendar names it.
const ACTIVITIES: [(&str, &str); 27] = [
    ("lunch", "Lunch"),
    ("dinner", "Dinner"),
    ("breakfast", "Breakfast"),
    ("brunch", "Brunch"),
    ("coffee", "Coffee"),
    ("drinks", "Drinks"),
    ("interview", "Interview"),
    ("appointment", "Appointment"),
    ("flight", "Flight"),
    ("party", "Party"),
    ("concert", "Concert"),
    ("movie", "Movie"),
    ("game", "Game"),
    ("lesson", "Lesson"),
    ("class", "Class"),
    ("viewing", "Viewing"),
    ("reservation", "Reservation"),
    ("wedding", "Wedding"),
    ("call", "Call"),
    ("talk", "Call"),
    ("speak", "Call"),
    ("chat", "Call"),
    ("meeting", "Meeting"),
    ("meet", "Meeting"),
    ("catch", "Meeting"),
    ("get", "Meeting"),
    ("visit", "Visit"),
];
/// Activities that are arranged where they are named, without a word of proposing.
const SETTLED: [&str; 10] = [
    "interview",
    "appointment",
    "flight",
    "party",
    "concert",
    "wedding",
    "reservation",
    "meeting",
    "lesson",
    "viewing",
];
/// What proposes something together, whatever it is.
const PROPOSALS: [&[&str]; 9] = [
    &["how", "about"],
    &["what", "about"],
    &["are", "you", "free"],
    &["are", "you", "available"],
    &["does"],
    &["shall", "we"],
    &["can", "we"],
    &["could", "we"],
    &["do", "you", "want", "to"],
];
/// What settles something together.
const SETTLING: [&[&str]; 7] = [
    &["let", "us"],
    &["we", "will"],
    &["we", "are", "meeting"],
    &["see", "you"],
    &["meet", "me"],
    &["meet", "you"],
    &["join", "me"],
];
/// Words that say that something does not take place.
const NO: [&str; 12] = [
    "no",
    "not",
    "nope",
    "sorry",
    "unfortunately",
    "cancel",
    "cancelled",
    "canceled",
    "postpone",
    "postponed",
    "never",
    "busy",
];
/// Words that speak of the past.
const PAST: [&str; 7] = ["was", "were", "had", "did", "ago", "last", "yesterday"];

/// What was arranged.
pub(super) struct Events {
    /// For the calendar, by when it was said.
    pub(super) events: Vec<CalendarEvent>,
    /// The places of the sentences that arranged it.
    pub(super) sentences: BTreeSet<usize>,
}

/// Finds what was arranged.
pub(super) fn find(talk: &Talk<'_>, sentences: &[Sentence]) -> Events {
    let mut found = Events { events: Vec::new(), sentences: BTreeSet::new() };
    for place in 0..sentences.len() {
        if found.events.len() >= MAX_EVENTS {
            break;
        }
        let Some(event) = arranged(talk, sentences, place).filter(|_| holds(sentences, place)) else { continue };
        found.sentences.insert(place);
        if !found.events.iter().any(|known| known.start == event.start) {
            found.events.push(event);
        }
    }
    found
}

/// The event that a sentence arranges or proposes.
fn arranged(talk: &Talk<'_>, sentences: &[Sentence], place: usize) -> Option<CalendarEvent> {
    let sentence = sentences.get(place)?;
    let words = &sentence.words;
    let activity = activity(words);
    // "I have a meeting at two" of the other party is in their calendar.
    let theirs = sentence.channel == Channel::Remote && says(words, &[&["i", "have"], &["i", "am"]]);
    let settled = !theirs && activity.is_some_and(|(at, _)| SETTLED.contains(&word(words, at)));
    let proposed = says(words, &PROPOSALS) && (activity.is_some() || sentence.is_question());
    let together =
        says(words, &SETTLING) && (activity.is_some() || says(words, &[&["let", "us", "say"], &["see", "you"]]));
    if !(settled || proposed || together) || words.iter().any(|word| among(&NO, word) || among(&PAST, word)) {
        return None;
    }
    let when = when(talk, sentences, place)?;
    let title = title(talk, words, activity);
    let description = format!("{}: {}", talk.side(sentence.channel), clip(&sentence.text, QUOTED));
    Some(CalendarEvent {
        title: title.into(),
        description: description.into(),
        start: when.unix(&talk.clock)?,
        duration: duration(words).unwrap_or(DURATION),
        created: false,
    })
}

/// Whether an arrangement stands: a proposal that is taken, or a word that nobody turns down.
fn holds(sentences: &[Sentence], place: usize) -> bool {
    let open = |sentence: &Sentence| sentence.is_question() || says(&sentence.words, &PROPOSALS);
    answers::verdict(sentences, place).unwrap_or(!sentences.get(place).is_some_and(open))
}

/// The moment that a sentence says; where that is only a time, on the day that was spoken of before.
fn when(talk: &Talk<'_>, sentences: &[Sentence], place: usize) -> Option<When> {
    let sentence = sentences.get(place)?;
    let now = talk.local(sentence.at)?;
    let when = dates::find(&sentence.words, now, None).filter(|when| when.timed)?;
    if when.with_day {
        return Some(when);
    }
    let before = sentences.get(place.saturating_sub(CONTEXT)..place).unwrap_or_default().iter().rev();
    let day = before.filter_map(|before| dates::find(&before.words, now, None)).find(|said| said.with_day);
    day.map_or(Some(when), |day| dates::find(&sentence.words, now, Some(day.date())))
}

/// What is done together, and where it is named.
fn activity(words: &[Word]) -> Option<(usize, &'static str)> {
    ACTIVITIES.iter().find_map(|(name, title)| {
        let at = words.iter().position(|word| word.plain == *name)?;
        // "Get together" and "catch up", not "get" and "catch".
        let whole = match *name {
            "get" => word(words, at + 1) == "together",
            "catch" => word(words, at + 1) == "up",
            _ => true,
        };
        whole.then_some((at, *title))
    })
}

fn title(talk: &Talk<'_>, words: &[Word], activity: Option<(usize, &'static str)>) -> String {
    let (at, activity) = activity.unwrap_or((0, "Meeting"));
    let before = at.checked_sub(1).map_or("", |before| word(words, before));
    let kind = matches!(activity, "Appointment" | "Interview" | "Lesson" | "Class" | "Party" | "Game");
    if kind && before.len() > 2 && before.chars().all(char::is_alphabetic) && !super::salience::is_function_word(before)
    {
        let mut chars = before.chars();
        let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
        return format!("{first}{} {activity}", chars.as_str());
    }
    match talk.name().filter(|_| !matches!(activity, "Flight" | "Reservation" | "Concert" | "Wedding")) {
        Some(name) => format!("{activity} with {name}"),
        None => activity.to_owned(),
    }
}

/// How long it lasts, in minutes, where that is said.
fn duration(words: &[Word]) -> Option<u16> {
    (0..words.len()).filter(|at| word(words, *at) == "for").find_map(|at| {
        if word(words, at + 1) == "half" {
            return (word(words, at + 3) == "hour" || word(words, at + 2) == "hour").then_some(30);
        }
        let (count, used) = numbers::count(words, at + 1)?;
        let minutes = match word(words, at + 1 + used) {
            "minute" | "minutes" => count,
            "hour" | "hours" => {
                let half = word(words, at + 2 + used) == "and" && word(words, at + 4 + used) == "half";
                count.saturating_mul(60) + if half { 30 } else { 0 }
            }
            _ => return None,
        };
        u16::try_from(minutes).ok().map(|minutes| minutes.clamp(1, MAX_DURATION))
    })
}

/// Whether one of the phrases is said.
fn says(words: &[Word], phrases: &[&[&str]]) -> bool {
    phrases.iter().any(|phrase| {
        (0..words.len()).any(|at| phrase.iter().enumerate().all(|(offset, part)| word(words, at + offset) == *part))
    })
}

fn among(list: &[&str], word: &Word) -> bool {
    list.contains(&word.plain.as_str())
}
