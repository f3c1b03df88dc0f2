//! Where a request is loud enough to be speech.
//!
//! It keeps silence from the model, which answers silence with invented words, and it corrects word times: the model lets
//! a word last until the next one begins, however long the pause between them.

#![allow(clippy::cast_precision_loss, reason = "frame numbers are below 1500")]

use std::ops::Range;

/// Samples in one frame: 20 ms, the model's own resolution of time.
const FRAME: usize = 320;
/// Seconds in one frame.
pub const FRAME_SECONDS: f32 = 0.02;
/// The quietest frame that may be speech: RMS of 52 out of 32 768, -56 dB. Line noise lies below, a whisper above.
const FLOOR_POWER: f32 = 52.0 * 52.0;
/// A frame more than 30 dB below the loudest one is a pause. Unstressed syllables lie within 25 dB.
const PAUSE_BELOW_LOUDEST: f32 = 1e-3;
/// The shortest speech: 60 ms, less than any spoken word.
const LEAST_FRAMES: usize = 3;
/// The longest quiet inside a word: 100 ms, the closure of a stop such as the p of "happen".
const MAX_CLOSURE: usize = 5;
/// Sound whose level stays within 6 dB for half a second is a hum, a tone or a hiss. Speech moves by 20 dB and more.
const STEADY_RATIO: f32 = 4.0;
/// Half a second.
const LEAST_STEADY_FRAMES: usize = 25;
/// How far the model may misplace a word: 100 ms.
const MISPLACED: usize = 5;

/// How loud each part of a request is.
pub struct Sound {
    /// For each frame, whether it may be speech.
    loud: Vec<bool>,
    /// The level hardly moves from beginning to end.
    steady: bool,
}

impl Sound {
    /// Measures the samples.
    pub fn measure(samples: &[i16]) -> Self {
        let power =
            |frame: &[i16]| frame.iter().map(|sample| f32::from(*sample).powi(2)).sum::<f32>() / frame.len() as f32;
        let powers: Vec<f32> = samples.chunks(FRAME).map(power).collect();
        let loudest = powers.iter().copied().fold(0.0, f32::max);
        let floor = FLOOR_POWER.max(loudest * PAUSE_BELOW_LOUDEST);
        Self { loud: powers.iter().map(|power| *power >= floor).collect(), steady: is_steady(powers) }
    }

    /// Whether nobody can have spoken: there is too little sound for a single word, or it never moves.
    pub fn is_silence(&self) -> bool {
        self.steady || self.loud.iter().filter(|loud| **loud).count() < LEAST_FRAMES
    }

    /// The longest stretch of sound within a word's frames, or `None` if nothing sounds in or next to them, in which case
    /// the word was not said.
    pub fn part_that_sounds(&self, word: Range<usize>) -> Option<Range<usize>> {
        let mut longest: Option<Range<usize>> = None;
        let mut current: Option<Range<usize>> = None;
        for frame in word.clone().filter(|frame| self.is_loud(*frame)) {
            let start = match current {
                Some(run) if frame - run.end <= MAX_CLOSURE => run.start,
                _ => frame,
            };
            let run = start..frame + 1;
            if longest.as_ref().is_none_or(|longest| run.len() > longest.len()) {
                longest = Some(run.clone());
            }
            current = Some(run);
        }
        let mut around = word.start.saturating_sub(MISPLACED)..word.end + MISPLACED;
        longest.or_else(|| around.any(|frame| self.is_loud(frame)).then_some(word))
    }

    fn is_loud(&self, frame: usize) -> bool {
        self.loud.get(frame).is_some_and(|loud| *loud)
    }
}

/// Compares the level that one frame in ten stays below with the level that one in ten exceeds.
fn is_steady(mut powers: Vec<f32>) -> bool {
    powers.sort_by(f32::total_cmp);
    let tenth = powers.len() / 10;
    let (low, high) = (powers.get(tenth), powers.iter().rev().nth(tenth));
    let within = low.zip(high).is_some_and(|(low, high)| *high < low * STEADY_RATIO);
    within && powers.len() >= LEAST_STEADY_FRAMES
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each character is 20 ms: `#` is loud, `.` is silent.
    fn sound(pattern: &str) -> Sound {
        let samples: Vec<i16> = pattern.bytes().flat_map(|c| [if c == b'#' { 3_000 } else { 0 }; FRAME]).collect();
        Sound::measure(&samples)
    }

    #[test]
    fn quiet_noise_and_a_click_are_silence_but_a_short_word_is_not() {
        let noise: Vec<i16> = (0..16_000).map(|i| if i % 3 == 0 { 40 } else { -20 }).collect();
        assert!(Sound::measure(&noise).is_silence());
        assert!(Sound::measure(&[]).is_silence());
        assert!(sound("....##......").is_silence());
        assert!(!sound("....#####...").is_silence());
    }

    #[test]
    fn a_steady_tone_is_silence_but_not_with_speech_on_top_of_it() {
        let tone = |i: usize| if i % 32 < 16 { 300 } else { -300 };
        assert!(Sound::measure(&(0..16_000).map(tone).collect::<Vec<i16>>()).is_silence());
        let syllables = |i: usize| if (i / 3_200).is_multiple_of(2) { tone(i) * 10 } else { tone(i) };
        assert!(!Sound::measure(&(0..16_000).map(syllables).collect::<Vec<i16>>()).is_silence());
    }

    #[test]
    fn a_pause_far_below_the_loudest_speech_is_a_pause() {
        let mut samples = vec![20_000; 10 * FRAME];
        samples.extend([300; 10 * FRAME]);
        assert_eq!(Sound::measure(&samples).part_that_sounds(0..20), Some(0..10));
    }

    #[test]
    fn a_word_loses_the_pause_around_it_but_not_the_closure_inside_it() {
        assert_eq!(sound("........####...###.............").part_that_sounds(0..31), Some(8..18));
        // The next word's first frames are not part of this one.
        assert_eq!(sound("..######..............##").part_that_sounds(0..24), Some(2..8));
    }

    #[test]
    fn a_word_in_silence_was_not_said_but_one_a_little_beside_the_sound_was() {
        assert_eq!(sound("####................").part_that_sounds(12..16), None);
        assert_eq!(sound("####................").part_that_sounds(6..9), Some(6..9));
    }
}
