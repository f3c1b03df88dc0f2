//! From the model's tokens, their places and their probabilities to words.

#![allow(clippy::cast_precision_loss, reason = "there are at most 224 tokens and 1500 frames")]

use std::ops::Range;

use serde::Serialize;

use crate::sound::{FRAME_SECONDS, Sound};

/// What the tokenizer writes for the space in front of a word.
const SPACE: char = 'Ġ';

/// One spoken word.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(clippy::struct_field_names, reason = "the field is named so in the answer, as in the providers' own")]
pub struct Word {
    /// Lower-case, without the punctuation around it.
    pub word: String,
    /// As the model wrote it.
    pub punctuated: String,
    /// Seconds from the request's first sample.
    pub start: f32,
    /// Seconds from the request's first sample.
    pub end: f32,
    /// The mean probability of the word's tokens, 0 to 1.
    pub confidence: f32,
}

/// The tokens of each word: a word begins with the first token and wherever a token begins with a space.
pub fn split(tokens: &[String]) -> Vec<Range<usize>> {
    let mut starts: Vec<usize> = (0..tokens.len()).filter(|i| *i == 0 || tokens[*i].starts_with(SPACE)).collect();
    starts.push(tokens.len());
    starts.windows(2).map(|pair| pair[0]..pair[1]).collect()
}

/// Words in a row without a frame to themselves that nobody can have said.
const MAX_SQUEEZED: usize = 3;

/// Gives each word its frames, from where it begins to where the next one does. The model may put a short word on no
/// frame at all: it gets one. Where it puts several in a row on none, it is repeating itself over sound that holds no
/// more words, and everything from there on is left out.
pub fn place(begins: &[usize]) -> Vec<Range<usize>> {
    let squeezed = |words: &[usize]| words.windows(2).all(|pair| pair[1] <= pair[0]);
    let end = begins.windows(MAX_SQUEEZED + 1).position(squeezed).unwrap_or(begins.len().saturating_sub(1));
    let mut free = 0;
    let place = |pair: &[usize]| {
        let start = pair[0].max(free);
        free = pair[1].max(start + 1);
        start..free
    };
    begins.windows(2).take(end).map(place).collect()
}

/// Makes a word of its text, the frames it lasts and its tokens' probabilities; `None` for bare punctuation, and for a
/// word that the model placed where nothing sounds.
pub fn word(text: &str, frames: Range<usize>, probabilities: &[f32], sound: &Sound) -> Option<Word> {
    let punctuated = text.trim();
    let word = punctuated.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    if word.is_empty() {
        return None;
    }
    let frames = sound.part_that_sounds(frames)?;
    let confidence = probabilities.iter().sum::<f32>() / probabilities.len().max(1) as f32;
    Some(Word {
        word,
        punctuated: punctuated.to_owned(),
        start: round(frames.start as f32 * FRAME_SECONDS),
        end: round(frames.end as f32 * FRAME_SECONDS),
        confidence: round(confidence),
    })
}

/// Two decimals, all that times and confidences are good for.
pub fn round(value: f32) -> f32 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loud() -> Sound {
        Sound::measure(&vec![3_000; 16_000])
    }

    #[test]
    fn a_word_takes_the_tokens_up_to_the_next_space() {
        let tokens = ["ĠI", "Ġdidn", "'t", "Ġknow", "."].map(str::to_owned);
        assert_eq!(split(&tokens), [0..1, 1..3, 3..5]);
        assert!(split(&[]).is_empty());
    }

    #[test]
    fn punctuation_around_a_word_goes_and_inside_it_stays() {
        let made = word(" \"Didn't,", 10..20, &[0.5, 1.0], &loud()).unwrap();
        let expected =
            Word { word: "didn't".into(), punctuated: "\"Didn't,".into(), start: 0.2, end: 0.4, confidence: 0.75 };
        assert_eq!(made, expected);
        assert_eq!(word(" ...", 10..20, &[0.5], &loud()), None);
    }

    #[test]
    fn words_follow_one_another_and_each_lasts_at_least_one_frame() {
        assert_eq!(place(&[3, 10, 10, 14]), [3..10, 10..11, 11..14]);
        assert!(place(&[7]).is_empty() && place(&[]).is_empty());
    }

    #[test]
    fn a_text_repeated_into_a_single_frame_was_said_once() {
        assert_eq!(place(&[0, 10, 25, 25, 25, 25, 40]), [0..10, 10..25]);
    }
}
