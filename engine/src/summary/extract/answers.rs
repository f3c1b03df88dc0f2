//! What the other side says to a proposal or a request.

use super::text::Sentence;

/// How many sentences later it is answered at the latest.
const ANSWER: usize = 4;
/// How many words of an answer are looked at.
const OPENING: usize = 6;
/// Words with which something is taken.
const YES: [&str; 22] = [
    "yes",
    "yeah",
    "yep",
    "yup",
    "sure",
    "okay",
    "ok",
    "perfect",
    "great",
    "fine",
    "works",
    "deal",
    "absolutely",
    "definitely",
    "sounds",
    "good",
    "cool",
    "lovely",
    "alright",
    "wonderful",
    "excellent",
    "see",
];
/// Words with which it is turned down.
const NO: [&str; 7] = ["no", "not", "nope", "sorry", "unfortunately", "busy", "never"];

/// Whether what is said at a place is taken or turned down; `None` where neither is said.
pub(super) fn verdict(sentences: &[Sentence], place: usize) -> Option<bool> {
    of_other_side(sentences, place).find_map(|answer| {
        let opening = (0..OPENING).map(|at| answer.word(at));
        let no = opening.clone().any(|said| NO.contains(&said));
        let yes = opening.clone().any(|said| YES.contains(&said)) || is_no_problem(answer);
        match (yes, no) {
            (true, false) => Some(true),
            // "No, not okay" against "okay, not a problem".
            (true, true) => Some(answer.word(0) != "no" || is_no_problem(answer)),
            (false, true) => Some(false),
            (false, false) => None,
        }
    })
}

/// Whether what is asked at a place is plainly declined.
pub(super) fn is_declined(sentences: &[Sentence], place: usize) -> bool {
    of_other_side(sentences, place).next().is_some_and(|answer| {
        let start = usize::from(matches!(answer.word(0), "sorry" | "unfortunately" | "oh"));
        let plain = matches!(answer.word(start), "no" | "nope") && !is_no_problem(answer);
        let cannot = answer.word(start) == "i"
            && matches!(answer.word(start + 1), "can" | "will")
            && answer.word(start + 2) == "not";
        plain || cannot
    })
}

/// The other side's sentences soon after a place.
fn of_other_side(sentences: &[Sentence], place: usize) -> impl Iterator<Item = &Sentence> {
    let channel = sentences.get(place).map(|sentence| sentence.channel);
    let later = sentences.iter().skip(place + 1).take(ANSWER);
    later.filter(move |later| channel.is_some_and(|channel| channel != later.channel))
}

fn is_no_problem(answer: &Sentence) -> bool {
    answer.word(0) == "no" && matches!(answer.word(1), "problem" | "worries")
}
