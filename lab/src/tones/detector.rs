//! Hears the vocabulary of tone pairs in a stream of 16 kHz audio.
//!
//! Every 10 ms the last 20 ms are compared with all sixteen tones (Goertzel). A word is a run of such frames in which the
//! same one lower and one upper tone, and hardly anything else, are there. How much of the first and the last frame the
//! tones fill tells where between two frames the word starts and ends.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "arithmetic on samples: every value is far below the limits of its type"
)]

use std::f64::consts::TAU;

use fourwire_wire::units::{SAMPLES_PER_SECOND, Samples};

use super::{HIGH, LOW, TONE_PEAK, VOCABULARY};

/// Samples between two frames: 10 ms.
pub const HOP: usize = 160;
/// Samples of a frame: 20 ms, whole periods of every multiple of 50 Hz.
const FRAME: usize = 2 * HOP;
/// Faintest tone that counts, a fifth (-14 dB) of what [`super::speak`] makes. Crosstalk at -40 dB stays far below.
const FAINTEST: f64 = TONE_PEAK / 5.0;
/// By how much the loudest tone of a group must exceed the next: 6 dB. Two channels mixed together do not pass.
const LEAD: f64 = 2.0;
/// Smallest part of a frame's energy that the two tones must make up.
const PURITY: f64 = 0.6;
/// Frames until the start of a word is believed.
const ONSET_FRAMES: u32 = 3;
/// Frames of a run that is taken for a whole word: more than half of the fifteen that a word has.
const WORD_FRAMES: u32 = 8;

/// A word that was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpokenWord {
    /// Which one of [`VOCABULARY`].
    pub word: &'static str,
    /// Where it starts, in samples at 16 kHz.
    pub start: Samples,
    /// Where it ends.
    pub end: Samples,
}

/// What one more hop told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Step {
    /// A word began there.
    pub onset: Option<Samples>,
    /// A word is complete.
    pub word: Option<SpokenWord>,
}

/// How strong each tone is in one frame.
#[derive(Clone, Copy, Default)]
struct Levels {
    low: [f64; LOW.len()],
    high: [f64; HIGH.len()],
}

/// A word in progress.
#[derive(Clone, Copy)]
struct Run {
    pair: (usize, usize),
    start: f64,
    /// Where its last frame says that it ends.
    end: f64,
    frames: u32,
    /// It was told before its end and is not told again.
    told: bool,
}

/// Hears words in a stream.
pub struct Detector {
    frame: [f64; FRAME],
    previous: Levels,
    taken: u64,
    run: Option<Run>,
}

impl Default for Detector {
    fn default() -> Self {
        Self { frame: [0.0; FRAME], previous: Levels::default(), taken: 0, run: None }
    }
}

impl Detector {
    /// Takes the next 10 ms.
    pub fn step(&mut self, hop: &[i16; HOP]) -> Step {
        self.frame.copy_within(HOP.., 0);
        for (place, sample) in self.frame[HOP..].iter_mut().zip(hop) {
            *place = f64::from(*sample) / f64::from(i16::MAX);
        }
        self.taken += HOP as u64;

        let levels = Levels::of(&self.frame);
        let pair = levels.pair(&self.frame);
        let mut step = Step::default();
        if let Some(run) = self.run
            && pair != Some(run.pair)
        {
            step.word = self.complete(run, &levels);
            self.run = None;
        }
        if let Some(pair) = pair {
            let end = self.end_in_this_frame(levels.share(pair));
            match &mut self.run {
                Some(run) => (run.frames, run.end) = (run.frames + 1, end),
                None => self.run = Some(self.begin(pair, &levels)),
            }
        }
        step.onset = self.run.filter(|run| run.frames == ONSET_FRAMES).map(|run| samples(run.start));
        self.previous = levels;
        step
    }

    /// Where the word in progress began.
    #[must_use]
    pub fn in_progress(&self) -> Option<Samples> {
        self.run.map(|run| samples(run.start))
    }

    /// Takes the word in progress as it is, if enough of it was heard; what follows of it is not told again.
    pub fn cut(&mut self) -> Option<SpokenWord> {
        let run = self.run.as_mut().filter(|run| run.frames >= WORD_FRAMES && !run.told)?;
        run.told = true;
        Some(run.word(run.end))
    }

    fn begin(&self, pair: (usize, usize), levels: &Levels) -> Run {
        let here = self.taken as f64 - levels.share(pair) * FRAME as f64;
        // The frame before can hold the first few samples without having passed as the word.
        let before = (self.taken - HOP as u64) as f64 - self.previous.share(pair) * FRAME as f64;
        let start = if self.previous.share(pair) > 0.05 { here.min(before) } else { here };
        Run { pair, start, end: self.end_in_this_frame(levels.share(pair)), frames: 1, told: false }
    }

    /// A word that ends in the newest frame and fills `share` of it ends there.
    fn end_in_this_frame(&self, share: f64) -> f64 {
        self.taken as f64 - FRAME as f64 * (1.0 - share)
    }

    fn complete(&self, run: Run, levels: &Levels) -> Option<SpokenWord> {
        if run.told || run.frames < WORD_FRAMES {
            return None;
        }
        let share = levels.share(run.pair);
        let end = if share > 0.05 { run.end.max(self.end_in_this_frame(share)) } else { run.end };
        Some(run.word(end))
    }
}

impl Run {
    fn word(&self, end: f64) -> SpokenWord {
        let word = VOCABULARY[self.pair.0 * HIGH.len() + self.pair.1];
        SpokenWord { word, start: samples(self.start), end: samples(end) }
    }
}

impl Levels {
    fn of(frame: &[f64; FRAME]) -> Self {
        Self { low: LOW.map(|hertz| level(frame, hertz)), high: HIGH.map(|hertz| level(frame, hertz)) }
    }

    /// The one lower and one upper tone that the frame is made of.
    fn pair(&self, frame: &[f64; FRAME]) -> Option<(usize, usize)> {
        let (low, high) = (leader(&self.low)?, leader(&self.high)?);
        let power = frame.iter().map(|value| value * value).sum::<f64>() / FRAME as f64;
        let tones = f64::midpoint(self.low[low].powi(2), self.high[high].powi(2));
        (tones >= PURITY * power).then_some((low, high))
    }

    /// How much of the frame a pair fills, judged by its level.
    fn share(&self, (low, high): (usize, usize)) -> f64 {
        ((self.low[low] + self.high[high]) / (2.0 * TONE_PEAK)).min(1.0)
    }
}

/// The loudest tone, where it is loud enough and clearly louder than the rest.
fn leader(levels: &[f64]) -> Option<usize> {
    let (best, &top) = levels.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
    let clear = levels.iter().enumerate().all(|(index, level)| index == best || level * LEAD <= top);
    (top >= FAINTEST && clear).then_some(best)
}

/// The peak of one tone in a frame (Goertzel's algorithm).
fn level(frame: &[f64; FRAME], hertz: f64) -> f64 {
    let turn = TAU * hertz / f64::from(SAMPLES_PER_SECOND);
    let coefficient = 2.0 * turn.cos();
    let (mut one, mut two) = (0.0, 0.0);
    for value in frame {
        (one, two) = (value + coefficient * one - two, one);
    }
    let power: f64 = one * one + two * two - coefficient * one * two;
    power.max(0.0).sqrt() * 2.0 / FRAME as f64
}

fn samples(position: f64) -> Samples {
    Samples::new(position.max(0.0).round() as u64)
}

/// All words of a 16 kHz recording.
#[must_use]
pub fn detect(recording: &[i16]) -> Vec<SpokenWord> {
    let mut detector = Detector::default();
    let mut padded = recording.to_vec();
    // Two frames more: a word at the very end is complete only after it.
    padded.resize(recording.len().next_multiple_of(HOP) + 2 * FRAME, 0);
    padded.as_chunks::<HOP>().0.iter().filter_map(|hop| detector.step(hop).word).collect()
}
