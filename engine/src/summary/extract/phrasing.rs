//! Words of one side, put so that the user can read them as a task: `I'll send you my address` said by the other party
//! is theirs to do, and `you` is the user.

use fourwire_wire::frame::Channel;

use super::text::{Sentence, word};
use super::triggers::is_filler;

/// Words before which `you` is who does something.
const VERBS_OF_SUBJECTS: [&str; 20] = [
    "are", "can", "could", "do", "get", "got", "had", "have", "know", "like", "might", "need", "prefer", "should",
    "think", "want", "were", "will", "would", "wanted",
];

/// The words of a range in one text for the user. `name` is how the other party is called, where it is known.
pub(super) fn for_user(sentence: &Sentence, from: usize, to: usize, name: Option<&str>) -> String {
    let mut text = String::new();
    let (mut at, mut after_filler) = (from, false);
    let mut end = sentence.words.get(from).map_or(0, |word| word.start);
    while at < to {
        let Some(said) = sentence.words.get(at) else { break };
        if is_filler(&said.plain) {
            (end, after_filler) = (said.end, true);
            at += 1;
            continue;
        }
        let gap = sentence.slice(end, said.start);
        text.push_str(if after_filler { gap.trim_start_matches(',') } else { gap });
        after_filler = false;
        let person = person(sentence, at, name);
        end = said.end;
        match person {
            Some(Person::Subject(person, third)) => {
                text.push_str(person);
                if let Some(verb) = verb(word(&sentence.words, at + 1), third)
                    && let Some(next) = sentence.words.get(at + 1)
                {
                    text.push(' ');
                    text.push_str(verb);
                    end = next.end;
                    at += 1;
                }
            }
            Some(Person::Other(person)) => text.push_str(person),
            None => text.push_str(sentence.slice(said.start, said.end)),
        }
        at += 1;
    }
    text
}

/// A pronoun as the user reads it.
enum Person<'a> {
    /// Who does something, and whether that takes the verb's third person singular.
    Subject(&'a str, bool),
    /// To whom it is done, or whose it is.
    Other(&'a str),
}

/// How the pronoun at a place is put; `None` for every other word.
fn person<'a>(sentence: &Sentence, at: usize, name: Option<&'a str>) -> Option<Person<'a>> {
    let said = sentence.word(at);
    let by_user = sentence.channel == Channel::User;
    // "Let you know" is done to you.
    let object = at.checked_sub(1).is_some_and(|before| matches!(sentence.word(before), "let" | "help" | "make"));
    let subject = match said {
        "i" => true,
        "you" => !object && VERBS_OF_SUBJECTS.contains(&sentence.word(at + 1)),
        _ => false,
    };
    let of_speaker = matches!(said, "i" | "me" | "my" | "mine" | "myself");
    if !of_speaker && !matches!(said, "you" | "your" | "yours" | "yourself") {
        return None;
    }
    if of_speaker == by_user {
        return Some(match said {
            "my" | "your" => Person::Other("your"),
            "mine" | "yours" => Person::Other("yours"),
            "myself" | "yourself" => Person::Other("yourself"),
            _ if subject => Person::Subject("you", false),
            _ => Person::Other("you"),
        });
    }
    Some(match said {
        "my" | "your" => Person::Other("their"),
        "mine" | "yours" => Person::Other("theirs"),
        "myself" | "yourself" => Person::Other("themselves"),
        _ if subject => Person::Subject(name.unwrap_or("they"), name.is_some()),
        _ => Person::Other(name.unwrap_or("them")),
    })
}

/// The verb after a person, where it has to change or was a part of a contraction.
fn verb(plain: &str, third: bool) -> Option<&'static str> {
    Some(match (plain, third) {
        ("am" | "are", true) => "is",
        ("am" | "are", false) => "are",
        ("have", true) => "has",
        ("have", false) => "have",
        ("were", true) => "was",
        ("do", true) => "does",
        ("need", true) => "needs",
        ("want", true) => "wants",
        ("like", true) => "likes",
        ("know", true) => "knows",
        ("get", true) => "gets",
        ("think", true) => "thinks",
        ("prefer", true) => "prefers",
        ("will", _) => "will",
        ("would", _) => "would",
        _ => return None,
    })
}
