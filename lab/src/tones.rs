//! Words that a test can hear: each word of a small vocabulary is a pair of tones, like an extended telephone keypad.
//!
//! A test that speaks `harbor` at sample 123 456 of channel 1 reads in the transcript whether just that arrived just
//! there. [`speak`] makes the sound, [`detector::Detector`] takes it back out of a stream, [`detect`] out of a recording.
//!
//! ```
//! use fourwire_lab::tones;
//!
//! let audio = tones::Script::new(16_000).word(500, "harbor").word(800, "lantern").samples(2_000);
//! let heard = tones::detect(&audio);
//! assert_eq!(heard.iter().map(|word| word.word).collect::<Vec<_>>(), ["harbor", "lantern"]);
//! ```
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "arithmetic on samples: every value is far below the limits of its type"
)]

pub mod detector;

use std::f64::consts::TAU;

pub use detector::{Detector, SpokenWord, detect};

/// The words, in the order of their tone pairs.
pub const VOCABULARY: [&str; 64] = [
    "amber", "anchor", "apple", "arrow", "basket", "beacon", "bishop", "blanket", "branch", "bridge", "candle",
    "canyon", "castle", "cedar", "chapel", "cherry", "copper", "cotton", "dagger", "desert", "dragon", "eagle",
    "ember", "falcon", "feather", "forest", "garden", "ginger", "glacier", "hammer", "harbor", "hazel", "island",
    "ivory", "jacket", "jungle", "kettle", "ladder", "lantern", "lemon", "magnet", "maple", "marble", "meadow",
    "mirror", "needle", "nickel", "olive", "orchard", "paper", "pebble", "pepper", "pillow", "planet", "quarry",
    "rabbit", "ribbon", "river", "saddle", "silver", "spider", "temple", "valley", "willow",
];

/// Hertz of a word's lower tone. All tones are multiples of 50 Hz, so that in the detector's 20 ms each has whole periods
/// and none is seen in another's place; all lie between 500 and 3200 Hz, which audio at 8 kHz still carries.
pub(crate) const LOW: [f64; 8] = [500.0, 650.0, 800.0, 950.0, 1100.0, 1250.0, 1400.0, 1550.0];
/// Hertz of a word's upper tone.
pub(crate) const HIGH: [f64; 8] = [1750.0, 1950.0, 2150.0, 2350.0, 2550.0, 2750.0, 2950.0, 3150.0];

/// How long a word is.
pub const WORD_MILLIS: u64 = 160;
/// How long a word takes to reach its full level, and to fade: no click, and still a sharp start.
const RAMP_SECONDS: f64 = 0.005;
/// Peak of each of the two tones; together they peak at a quarter of full scale, -12 dB.
pub(crate) const TONE_PEAK: f64 = 0.125;

/// The sound of one word.
///
/// # Panics
/// When `word` is not in the [`VOCABULARY`].
#[must_use]
pub fn speak(word: &str, sample_rate: u32) -> Vec<i16> {
    let Some(index) = VOCABULARY.iter().position(|known| *known == word) else {
        panic!("no tones for the word {word:?}: take one of tones::VOCABULARY");
    };
    let (low, high) = (LOW[index / HIGH.len()], HIGH[index % HIGH.len()]);
    let rate = f64::from(sample_rate);
    let length = (u64::from(sample_rate) * WORD_MILLIS / 1000) as usize;
    (0..length)
        .map(|index| {
            let time = index as f64 / rate;
            let to_edge = time.min((length - index) as f64 / rate);
            let level = TONE_PEAK * (to_edge / RAMP_SECONDS).min(1.0);
            let value = level * ((TAU * low * time).sin() + (TAU * high * time).sin());
            (value * f64::from(i16::MAX)).round() as i16
        })
        .collect()
}

/// A channel's audio as a list of words at times.
#[derive(Clone, Debug)]
pub struct Script {
    sample_rate: u32,
    samples: Vec<i16>,
}

impl Script {
    /// Silence, at a rate.
    #[must_use]
    pub fn new(sample_rate: u32) -> Self {
        Self { sample_rate, samples: Vec::new() }
    }

    /// Adds a word that starts `millis` after the beginning.
    ///
    /// # Panics
    /// When `word` is not in the [`VOCABULARY`].
    #[must_use]
    pub fn word(self, millis: u64, word: &str) -> Self {
        let at = self.at(millis);
        self.word_at_sample(at, word)
    }

    /// Adds a word that starts at exactly that sample.
    ///
    /// # Panics
    /// When `word` is not in the [`VOCABULARY`].
    #[must_use]
    pub fn word_at_sample(mut self, at: usize, word: &str) -> Self {
        let sound = speak(word, self.sample_rate);
        if self.samples.len() < at + sound.len() {
            self.samples.resize(at + sound.len(), 0);
        }
        for (sample, tone) in self.samples[at..].iter_mut().zip(sound) {
            *sample = sample.saturating_add(tone);
        }
        self
    }

    /// The audio, filled up with silence or cut to be `millis` long.
    #[must_use]
    pub fn samples(mut self, millis: u64) -> Vec<i16> {
        let length = self.at(millis);
        self.samples.resize(length, 0);
        self.samples
    }

    fn at(&self, millis: u64) -> usize {
        (u64::from(self.sample_rate) * millis / 1000) as usize
    }
}
