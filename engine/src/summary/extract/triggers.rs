//! The words that begin a task, whose task it is, and where its verb stands.

use super::salience::is_function_word;
use super::text::Sentence;

/// Verbs of things that people have to do.
const VERBS: &str = include_str!("verbs.txt");
/// How many words back a `not` denies a trigger.
const DENIAL: usize = 4;
/// Words between a trigger and its verb that change nothing.
const BETWEEN: [&str; 26] = [
    "also",
    "just",
    "please",
    "then",
    "probably",
    "definitely",
    "certainly",
    "quickly",
    "actually",
    "really",
    "maybe",
    "first",
    "and",
    "to",
    "try",
    "go",
    "ahead",
    "be",
    "sure",
    "still",
    "at",
    "least",
    "kindly",
    "simply",
    "possibly",
    "either",
];
/// Words before a trigger that make it a condition or a question.
const UNCERTAIN: [&str; 17] = [
    "do", "did", "does", "should", "would", "could", "can", "if", "unless", "whether", "what", "how", "why", "where",
    "who", "when", "whatever",
];
/// Words before an imperative at a sentence's beginning.
const OPENING: [&str; 18] = [
    "okay", "ok", "so", "and", "then", "well", "yes", "yeah", "just", "alright", "right", "sure", "also", "hey", "oh",
    "but", "no", "now",
];
/// Words after an imperative.
const AFTER_IMPERATIVE: [&str; 20] = [
    "me", "us", "him", "her", "them", "it", "the", "my", "your", "our", "back", "that", "this", "a", "an", "some",
    "these", "those", "his", "their",
];

/// Who is to do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// Who speaks.
    Speaker,
    /// Who speaks, where a time is said.
    Weak,
    /// The other one.
    Addressee,
    /// The other one, where a time is said.
    Advice,
    /// Both.
    Both,
}

/// A trigger that was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trigger {
    /// Who is to do it.
    pub(super) ask: Ask,
    /// The verb's place.
    pub(super) verb: usize,
    /// The verb as a task says it, where it is said otherwise.
    pub(super) as_verb: Option<&'static str>,
}

/// Triggers, longer ones before those that they begin with.
const TRIGGERS: [(&str, Ask); 54] = [
    ("remind me to", Ask::Speaker),
    ("i am going to", Ask::Speaker),
    ("i have got to", Ask::Speaker),
    ("i will have to", Ask::Speaker),
    ("i will need to", Ask::Speaker),
    ("i will make sure to", Ask::Speaker),
    ("i need you to", Ask::Addressee),
    ("i want you to", Ask::Addressee),
    ("i would like you to", Ask::Addressee),
    ("i have to", Ask::Speaker),
    ("i got to", Ask::Speaker),
    ("i need to", Ask::Speaker),
    ("i want to", Ask::Weak),
    ("i promise to", Ask::Speaker),
    ("i am supposed to", Ask::Speaker),
    ("i had better", Ask::Speaker),
    ("i will", Ask::Speaker),
    ("i shall", Ask::Speaker),
    ("i must", Ask::Speaker),
    ("i should", Ask::Speaker),
    ("i can", Ask::Weak),
    ("let me", Ask::Weak),
    ("we will have to", Ask::Both),
    ("we will need to", Ask::Both),
    ("we have got to", Ask::Both),
    ("we are going to", Ask::Both),
    ("we need to", Ask::Both),
    ("we have to", Ask::Both),
    ("we got to", Ask::Both),
    ("we must", Ask::Both),
    ("we should", Ask::Both),
    ("we will", Ask::Both),
    ("let us", Ask::Both),
    ("would you mind", Ask::Addressee),
    ("would you be able to", Ask::Addressee),
    ("are you able to", Ask::Addressee),
    ("can you", Ask::Addressee),
    ("could you", Ask::Addressee),
    ("will you", Ask::Addressee),
    ("would you", Ask::Addressee),
    ("if you could", Ask::Addressee),
    ("if you can", Ask::Advice),
    ("hoping you could", Ask::Addressee),
    ("you will need to", Ask::Addressee),
    ("you will have to", Ask::Addressee),
    ("you need to", Ask::Addressee),
    ("you have to", Ask::Addressee),
    ("you have got to", Ask::Addressee),
    ("you must", Ask::Addressee),
    ("you should", Ask::Advice),
    ("make sure you", Ask::Addressee),
    ("make sure to", Ask::Addressee),
    ("remember to", Ask::Addressee),
    ("please", Ask::Addressee),
];

/// The trigger that begins at a word.
pub(super) fn at(sentence: &Sentence, at: usize) -> Option<Trigger> {
    if is_denied(sentence, at) {
        return None;
    }
    not_to_forget(sentence, at)
        .or_else(|| let_know(sentence, at))
        .or_else(|| spelled(sentence, at))
        .or_else(|| imperative(sentence, at))
}

/// Whether a word is a verb of something to do.
pub(super) fn is_verb(plain: &str) -> bool {
    verbs().binary_search(&plain).is_ok()
}

/// One of the list.
fn spelled(sentence: &Sentence, at: usize) -> Option<Trigger> {
    let says = |trigger: &str| trigger.split(' ').enumerate().all(|(offset, part)| sentence.word(at + offset) == part);
    let (text, ask) = TRIGGERS.iter().find(|(trigger, _)| says(trigger))?;
    let before = at.checked_sub(1).map_or("", |before| sentence.word(before));
    let comma = sentence.words.get(at).is_some_and(|word| word.after_comma);
    if !comma && UNCERTAIN.contains(&before) && *text != "please" {
        return None;
    }
    // "I need to pay?" asks; "I'll call you, okay?" does not.
    let tag = matches!(
        sentence.words.last().map(|word| word.plain.as_str()),
        Some("okay" | "ok" | "right" | "yeah" | "please")
    );
    let statement = matches!(ask, Ask::Speaker | Ask::Weak | Ask::Both | Ask::Advice) || text.starts_with("you ");
    if sentence.is_question() && statement && !tag && !text.starts_with("remind") {
        return None;
    }
    let mut verb = at + text.split(' ').count();
    loop {
        verb += match sentence.word(verb) {
            "you" if sentence.word(verb + 1) == "know" => 2,
            said if is_filler(said) || BETWEEN.contains(&said) && !is_task_verb(sentence, verb) => 1,
            _ => break,
        };
    }
    let said = sentence.word(verb);
    if *text == "would you mind" {
        let plain = of_gerund(said)?;
        return Some(Trigger { ask: *ask, verb, as_verb: Some(plain) });
    }
    is_verb(said).then_some(Trigger { ask: *ask, verb, as_verb: None })
}

/// Whether a word is a sound of thinking.
pub(super) fn is_filler(said: &str) -> bool {
    matches!(said, "um" | "uh" | "hmm" | "er" | "erm")
}

/// `go` and `try` are verbs of their own before some words.
fn is_task_verb(sentence: &Sentence, at: usize) -> bool {
    match sentence.word(at) {
        "go" => {
            matches!(sentence.word(at + 1), "to" | "by" | "over" | "through")
                && !matches!(sentence.word(at + 2), "bed" | "sleep" | "work")
        }
        "try" => !matches!(sentence.word(at + 1), "to" | "and"),
        _ => false,
    }
}

/// `don't forget to call`, `don't forget the keys`.
fn not_to_forget(sentence: &Sentence, at: usize) -> Option<Trigger> {
    if (sentence.word(at), sentence.word(at + 1), sentence.word(at + 2)) != ("do", "not", "forget") {
        return None;
    }
    let to = sentence.word(at + 3) == "to";
    if to && is_verb(sentence.word(at + 4)) {
        return Some(Trigger { ask: Ask::Addressee, verb: at + 4, as_verb: None });
    }
    let next = sentence.word(at + 3);
    let thing = matches!(next, "the" | "your" | "my" | "our" | "about" | "a" | "an")
        || !next.is_empty() && next != "to" && !is_function_word(next);
    thing.then_some(Trigger { ask: Ask::Addressee, verb: at + 2, as_verb: Some("Remember") })
}

/// `let me know if …` asks, `I'll let you know` promises. Without anything more the first is a way to end a call.
fn let_know(sentence: &Sentence, at: usize) -> Option<Trigger> {
    let triple = (sentence.word(at), sentence.word(at + 1), sentence.word(at + 2));
    if triple == ("let", "me", "know") && sentence.words.len() > at + 4 {
        return Some(Trigger { ask: Ask::Addressee, verb: at, as_verb: None });
    }
    let said = (sentence.word(at), sentence.word(at + 1), sentence.word(at + 2), sentence.word(at + 4));
    let person = matches!(sentence.word(at + 3), "you" | "him" | "her" | "them");
    let promises = said == ("i", "will", "let", "know") && person;
    promises.then_some(Trigger { ask: Ask::Speaker, verb: at + 2, as_verb: None })
}

/// `Send me the invoice.`
fn imperative(sentence: &Sentence, at: usize) -> Option<Trigger> {
    let opening = (0..at).all(|before| OPENING.contains(&sentence.word(before)));
    let object = AFTER_IMPERATIVE.contains(&sentence.word(at + 1));
    let fits = at < 4 && opening && object && is_verb(sentence.word(at)) && !sentence.is_question();
    fits.then_some(Trigger { ask: Ask::Addressee, verb: at, as_verb: None })
}

/// Whether something shortly before denies it, or puts it into the past.
fn is_denied(sentence: &Sentence, at: usize) -> bool {
    let first = at.saturating_sub(DENIAL);
    let comma_after =
        |place: usize| (place + 1..=at).any(|at| sentence.words.get(at).is_some_and(|word| word.after_comma));
    let denies = |place: &usize| {
        matches!(sentence.word(*place), "not" | "never" | "no" | "wish" | "thought") && !comma_after(*place)
    };
    (first..at).any(|place| denies(&place))
}

/// The verb that a gerund is made of: `sending`, `calling`, `dropping`, `taking`.
fn of_gerund(said: &str) -> Option<&'static str> {
    let stem = said.strip_suffix("ing")?;
    verbs().iter().copied().find(|verb| {
        let doubled = verb.chars().last().is_some_and(|last| stem.strip_suffix(last) == Some(verb));
        *verb == stem || verb.strip_suffix('e') == Some(stem) || doubled
    })
}

/// The list of verbs, in order.
fn verbs() -> &'static [&'static str] {
    static VERBS_IN_ORDER: std::sync::OnceLock<Vec<&'static str>> = std::sync::OnceLock::new();
    VERBS_IN_ORDER.get_or_init(|| {
        let lines = VERBS.lines().filter(|line| !line.starts_with('#'));
        let mut verbs: Vec<_> = lines.flat_map(str::split_whitespace).collect();
        verbs.sort_unstable();
        verbs
    })
}
