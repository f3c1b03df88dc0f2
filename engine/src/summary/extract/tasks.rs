//! Things to do, from what people promise and ask: `I'll send you the report`, `can you call me back`, `don't forget to …`.
//!
//! A task begins at a trigger that says whose it is, goes on with a verb of `verbs.txt`, and ends where another thought
//! begins. What is denied, was done, or is only asked about has other words before or after the trigger, and is none.

use std::collections::BTreeSet;

use fourwire_wire::frame::Channel;
use fourwire_wire::structured::ActionItem;
use time::OffsetDateTime;

use super::super::{MAX_DESCRIPTION, MAX_ITEMS, Talk, clip};
use super::answers;
use super::dates::{self, When};
use super::phrasing;
use super::salience::is_function_word;
use super::text::{Sentence, word};
use super::triggers::{self, Ask, Trigger};

/// Most words of a task.
const LONGEST: usize = 24;
/// How many sentences later somebody says `I'll do it tomorrow` of a task at the latest.
const ANSWER: usize = 6;
/// Words that begin another thought.
const BREAKS: [&str; 4] = ["but", "because", "so", "unless"];
/// Words after a comma that begin another thought.
const BREAKS_AFTER_COMMA: [&str; 28] = [
    "i", "you", "we", "he", "she", "they", "it", "that", "this", "there", "is", "are", "if", "which", "okay", "ok",
    "right", "please", "thanks", "thank", "yeah", "yes", "no", "bye", "alright", "then", "will", "would",
];
/// Who may begin another thought after `and`.
const PERSONS: [&str; 8] = ["i", "you", "we", "he", "she", "they", "it", "that"];
/// What says nothing at a task's end.
const TAIL: [&str; 15] = [
    "please", "okay", "ok", "right", "thanks", "thank", "then", "and", "or", "alright", "just", "though", "yeah",
    "will", "by",
];
/// Verbs whose person is talked to now, and not later.
const TALKED_TO: [&str; 9] = ["tell", "ask", "talk", "speak", "thank", "warn", "explain", "show", "answer"];
/// Verbs that mean the same of a thing that was spoken of.
const SENDING: [&str; 8] = ["send", "email", "mail", "forward", "text", "share", "upload", "ship"];
/// What is said of taking, getting and the like where nothing is to be done.
const IDLE: [(&str, &str); 31] = [
    ("take", "it"),
    ("take", "that"),
    ("take", "off"),
    ("get", "going"),
    ("get", "ready"),
    ("get", "off"),
    ("get", "up"),
    ("get", "used"),
    ("get", "it"),
    ("get", "that"),
    ("get", "home"),
    ("get", "married"),
    ("make", "it"),
    ("make", "sense"),
    ("make", "that"),
    ("give", "up"),
    ("go", "now"),
    ("go", "ahead"),
    ("go", "on"),
    ("go", "back"),
    ("go", "home"),
    ("go", "out"),
    ("put", "it"),
    ("come", "on"),
    ("come", "back"),
    ("help", "it"),
    ("help", "you"),
    ("help", "but"),
    ("try", "it"),
    ("move", "on"),
    ("call", "it"),
];
/// Words after `give me` or the like that ask for patience.
const PATIENCE: [&str; 8] = ["second", "seconds", "sec", "moment", "minute", "break", "chance", "hint"];

/// A task that was found.
struct Task<'a> {
    /// Whose it is; nobody's in particular: both.
    who: Option<Channel>,
    verb: &'a str,
    /// The words that say what it is about.
    about: Vec<&'a str>,
    /// The sentence's place.
    place: usize,
    item: ActionItem,
}

impl Task<'_> {
    /// Whether it is only said when: `I'll send it at 5`.
    fn names_nothing(&self) -> bool {
        self.about.iter().all(|said| said.starts_with(|char: char| char.is_ascii_digit()))
    }
}

/// Where a trigger stands.
#[derive(Clone, Copy)]
struct Spot<'a> {
    sentence: &'a Sentence,
    /// The sentence's place.
    place: usize,
    /// Where the words begin that belong to no task yet.
    free: usize,
    /// Where the trigger begins.
    at: usize,
}

/// Finds what somebody has to do, but not what is arranged in one of the sentences of `arranged`.
pub(super) fn find(talk: &Talk<'_>, sentences: &[Sentence], arranged: &BTreeSet<usize>) -> Vec<ActionItem> {
    let mut tasks: Vec<Task<'_>> = Vec::new();
    for (place, sentence) in sentences.iter().enumerate() {
        let (mut at, mut free) = (0, 0);
        while at < sentence.words.len() && tasks.len() < MAX_ITEMS {
            let Some(trigger) = triggers::at(sentence, at) else {
                at += 1;
                continue;
            };
            let (found, end) = read(talk, Spot { sentence, place, free, at }, trigger);
            free = end;
            let declined = trigger.ask == Ask::Addressee && answers::is_declined(sentences, place);
            for task in found.into_iter().filter(|_| !declined) {
                let meets = arranged.contains(&place)
                    && matches!(
                        task.verb,
                        "meet" | "join" | "come" | "get" | "grab" | "go" | "visit" | "talk" | "speak" | "call"
                    );
                if !meets {
                    add(&mut tasks, task);
                }
            }
            at = end.max(at + 1);
        }
    }
    tasks.into_iter().map(|task| task.item).collect()
}

/// Adds a task, or what it says of one that was just spoken of.
fn add<'a>(tasks: &mut Vec<Task<'a>>, task: Task<'a>) {
    let verbs_match = |known: &str| known == task.verb || SENDING.contains(&known) && SENDING.contains(&task.verb);
    let same = |known: &&mut Task<'_>| known.who == task.who && verbs_match(known.verb);
    let answered = |known: &&mut Task<'_>| {
        task.names_nothing() && !known.names_nothing() && task.place.saturating_sub(known.place) <= ANSWER
    };
    let repeated = |known: &&mut Task<'_>| task.about == known.about;
    if let Some(known) = tasks.iter_mut().rev().find(|known| same(known) && (answered(known) || repeated(known))) {
        known.item.due_at = known.item.due_at.or(task.item.due_at);
        return;
    }
    tasks.push(task);
}

/// The tasks that a trigger begins, and where they end.
fn read<'a>(talk: &Talk<'_>, spot: Spot<'a>, trigger: Trigger) -> (Vec<Task<'a>>, usize) {
    let Spot { sentence, at, .. } = spot;
    let mut found = Vec::new();
    let mut verb_at = trigger.verb;
    let mut end = at + 1;
    while let Some(stop) = thought_end(sentence, verb_at) {
        end = stop;
        found.extend(task(talk, spot, (verb_at, stop), trigger));
        // "…, and send you the form": another task of the same person.
        let joined = matches!(sentence.word(stop), "and" | "then") && triggers::is_verb(sentence.word(stop + 1));
        let next = stop + 1 + usize::from(joined && sentence.word(stop + 1) == "then");
        if !joined || next <= verb_at || stop + 2 >= sentence.words.len() {
            break;
        }
        verb_at = next;
    }
    (found, end)
}

/// Where the thought ends whose verb is at a place; `None` where there is no word.
fn thought_end(sentence: &Sentence, verb_at: usize) -> Option<usize> {
    sentence.words.get(verb_at)?;
    let most = sentence.words.len().min(verb_at + LONGEST);
    let ends = |at: &usize| {
        let said = sentence.word(*at);
        let next = sentence.word(*at + 1);
        let comma = sentence.words.get(*at).is_some_and(|word| word.after_comma);
        let next_thought =
            PERSONS.contains(&next) || triggers::at(sentence, *at + 1).is_some() || triggers::is_verb(next);
        BREAKS.contains(&said)
            || comma && (BREAKS_AFTER_COMMA.contains(&said) || triggers::at(sentence, *at).is_some())
            || matches!(said, "and" | "or" | "then") && next_thought
    };
    Some((verb_at + 1..most).find(ends).unwrap_or(most))
}

/// The task of a range, where it is one.
fn task<'a>(talk: &Talk<'_>, spot: Spot<'a>, (verb_at, stop): (usize, usize), trigger: Trigger) -> Option<Task<'a>> {
    let Spot { sentence, place, .. } = spot;
    let mut to = stop;
    while to > verb_at + 1 && TAIL.contains(&sentence.word(to - 1)) {
        to -= 1;
    }
    let verb = sentence.word(verb_at);
    let due = talk.local(sentence.at).and_then(|now| due(spot, verb_at, to, now));
    if is_idle(sentence, verb_at, to, due.is_some()) || trigger.ask == Ask::Weak && due.is_none() {
        return None;
    }
    let words = sentence.words.get(verb_at + 1..to).unwrap_or_default();
    let spoken = || words.iter().map(|word| word.plain.as_str());
    let who = match trigger.ask {
        Ask::Speaker | Ask::Weak => Some(sentence.channel),
        Ask::Addressee | Ask::Advice => Some(sentence.channel.other()),
        // "We will send you the form" is said by one side for a company, and leaves the other out.
        Ask::Both => spoken().any(|said| matches!(said, "you" | "your")).then_some(sentence.channel),
    };
    // "We'll call you" takes leave; who means it says when, or what about.
    let takes_leave = trigger.ask == Ask::Both && spoken().eq(["you"]);
    if due.is_none() && (trigger.ask == Ask::Advice || takes_leave) {
        return None;
    }
    let name = talk.name();
    let what = phrasing::for_user(sentence, verb_at, to, name.as_deref());
    let what = trigger.as_verb.map_or(what.clone(), |verb| {
        let rest = phrasing::for_user(sentence, verb_at + 1, to, name.as_deref());
        format!("{verb} {rest}")
    });
    let side = who.map_or_else(|| "Both".to_owned(), |channel| talk.side(channel));
    let description = clip(&format!("{side}: {}", capital(&what)), MAX_DESCRIPTION);
    let about = spoken().filter(|said| !is_function_word(said)).collect();
    let noted = talk.moment(sentence.at);
    let item = ActionItem {
        description: description.into(),
        completed: false,
        created_at: noted,
        updated_at: noted,
        due_at: due.and_then(|due| due.unix(&talk.clock)),
        completed_at: None,
        conversation_id: talk.conversation,
    };
    Some(Task { who, verb, about, place, item })
}

/// Until when: said in the task, or before it in the same sentence (`by Friday I need to …`).
fn due(spot: Spot<'_>, verb_at: usize, to: usize, now: OffsetDateTime) -> Option<When> {
    let words = |from: usize, to: usize| spot.sentence.words.get(from..to).unwrap_or_default();
    let find = |from, to| dates::find(words(from, to), now, None);
    find(verb_at + 1, to).or_else(|| find(spot.free, spot.at))
}

/// Whether nothing is to be done: a turn of speech, or a verb without anything.
fn is_idle(sentence: &Sentence, verb_at: usize, to: usize, has_due: bool) -> bool {
    let verb = sentence.word(verb_at);
    let next = if verb_at + 1 < to { sentence.word(verb_at + 1) } else { "" };
    let rest = (verb_at + 1..to).map(|at| word(&sentence.words, at));
    let patience = matches!(verb, "give" | "take" | "get") && rest.clone().any(|said| PATIENCE.contains(&said));
    let about_something = rest.clone().any(|said| {
        !matches!(
            said,
            "now"
                | "soon"
                | "later"
                | "here"
                | "there"
                | "too"
                | "again"
                | "just"
                | "right"
                | "away"
                | "off"
                | "out"
                | "on"
                | "up"
        )
    });
    let conversation = TALKED_TO.contains(&verb)
        && (matches!(next, "me" | "you" | "")
            || matches!(next, "to" | "with") && matches!(sentence.word(verb_at + 2), "you" | "me"))
        && !has_due;
    let of_care = verb == "take" && next == "care" && sentence.word(verb_at + 2) != "of";
    IDLE.contains(&(verb, next)) || patience || conversation || of_care || !(about_something || has_due)
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
