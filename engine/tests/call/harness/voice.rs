//! Words as tones: what a simulated person says and a simulated speech service hears again, at any rate.
//!
//! Word `n` is a tone of `300 + 10 n` Hz that lasts 300 ms. It survives resampling from 8 kHz on, and can be told from its
//! zero crossings even where a stream begins or ends in the middle of it.

use std::f64::consts::TAU;

/// How long a word lasts.
pub const WORD_MILLIS: u64 = 300;
/// Words have numbers below this: the highest tone, 3.3 kHz, passes a line of 8 kHz.
pub const WORDS: u32 = 300;

/// Loudness of a word, and the level above which a sample belongs to one.
const AMPLITUDE: f64 = 8_000.0;
const LOUD: u16 = 1_500;
/// Samples without a loud one after which a word is over: 20 ms at 16 kHz.
const WORD_GAP: u64 = 320;

/// A word said at a moment of the call, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    pub word: u32,
    pub at: u64,
}

/// Words from `first` on, one every `every` milliseconds.
pub fn words(first: u32, count: u32, at: u64, every: u64) -> Vec<Said> {
    (0..count).map(|n| Said { word: first + n, at: at + u64::from(n) * every }).collect()
}

/// A word as a transcript shows it.
pub fn name(word: u32) -> String {
    format!("w{word}")
}

/// The sound of what was said, `millis` long.
pub fn sound(said: &[Said], rate: u32, millis: u64) -> Vec<i16> {
    let per_second = u64::from(rate);
    let mut samples = vec![0; usize::try_from(millis * per_second / 1000).unwrap()];
    for Said { word, at } in said {
        assert!(*word < WORDS);
        let start = usize::try_from(at * per_second / 1000).unwrap();
        let length = usize::try_from(WORD_MILLIS * per_second / 1000).unwrap();
        let step = TAU * f64::from(300 + 10 * word) / f64::from(rate);
        for (n, sample) in (0_u32..).zip(samples.iter_mut().skip(start).take(length)) {
            *sample = ((step * f64::from(n)).sin() * AMPLITUDE) as i16;
        }
    }
    samples
}

/// A word as it was heard: positions count samples at 16 kHz from the stream's first.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    pub word: u32,
    pub start: u64,
    pub end: u64,
}

/// Hears words in a stream at 16 kHz.
#[derive(Debug, Default)]
pub struct Ear {
    pub position: u64,
    /// When a sample was last loud.
    pub last_loud: Option<u64>,
    word: Option<Tone>,
}

#[derive(Debug)]
struct Tone {
    start: u64,
    positive: bool,
    first_crossing: Option<u64>,
    last_crossing: u64,
    crossings: u32,
}

impl Ear {
    /// Whether a word is being said.
    pub fn in_word(&self) -> bool {
        self.word.is_some()
    }

    /// How long no sample was loud.
    pub fn silence(&self) -> u64 {
        self.position - self.last_loud.unwrap_or(0)
    }

    /// Takes the next sample; returns the word that is over with it.
    pub fn hear(&mut self, sample: i16) -> Option<Heard> {
        let at = self.position;
        self.position += 1;
        if sample.unsigned_abs() > LOUD {
            self.last_loud = Some(at);
            let positive = sample > 0;
            let tone = self.word.get_or_insert(Tone {
                start: at,
                positive,
                first_crossing: None,
                last_crossing: at,
                crossings: 0,
            });
            if tone.positive != positive {
                tone.positive = positive;
                tone.last_crossing = at;
                if tone.first_crossing.is_none() {
                    tone.first_crossing = Some(at);
                } else {
                    tone.crossings += 1;
                }
            }
        }
        (self.silence() > WORD_GAP).then(|| self.finish()).flatten()
    }

    /// No more sound comes: the word that was being said, if there is one.
    pub fn finish(&mut self) -> Option<Heard> {
        let tone = self.word.take()?;
        let length = tone.last_crossing.checked_sub(tone.first_crossing?).filter(|length| *length > 0)?;
        let hz = f64::from(tone.crossings) * 16_000.0 / (2.0 * length as f64);
        let word = ((hz - 300.0) / 10.0).round().max(0.0) as u32;
        Some(Heard { word, start: tone.start, end: self.last_loud? + 1 })
    }
}
