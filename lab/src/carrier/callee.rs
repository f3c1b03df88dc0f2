//! Who answers a call, and what they say: a recording, tones, an echo of the caller, or nothing.
//!
//! What their telephone does can be said too, instead of by the last digits of its number.

use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use fourwire_wire::units::SAMPLES_PER_SECOND;

use crate::recording::{RecordingError, read_channels};
use crate::resample::resample;
use crate::tones::{Script, VOCABULARY};

/// How long a callee says nothing after picking up, unless told otherwise.
const PAUSE: Duration = Duration::from_millis(500);
/// How far apart words made of tones are.
const WORD_MILLIS: u64 = 1_000;

/// What a telephone does that is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    /// What its last four digits say, as in the table of [`crate::twilio`].
    #[default]
    ByDigits,
    /// Somebody picks up.
    PicksUp,
    /// The line is busy.
    Busy,
    /// Nobody picks up.
    Nobody,
    /// It cannot be reached.
    Unreachable,
}

/// What a callee says.
#[derive(Clone, Debug)]
pub enum Voice {
    /// Nothing.
    Silence,
    /// What the caller says, later by the callee's [`pause`](Callee::pause).
    Echo,
    /// Audio at 16 kHz, once.
    Recording(Arc<[i16]>),
}

impl Voice {
    /// A recording at any rate.
    #[must_use]
    pub fn recording(samples: &[i16], sample_rate: u32) -> Self {
        Self::Recording(resample(samples, sample_rate, SAMPLES_PER_SECOND).into())
    }

    /// A WAV file. Of two channels it is the right one, which is the remote party's in all recordings of the lab.
    ///
    /// # Errors
    /// When it cannot be read or has another form.
    pub fn read_wav(path: &Path) -> Result<Self, RecordingError> {
        let (sample_rate, mut channels) = read_channels(path)?;
        let last = channels.pop().filter(|_| channels.len() < 2);
        let samples =
            last.ok_or_else(|| RecordingError::Wav(path.to_owned(), "it has not one or two channels".into()))?;
        Ok(Self::recording(&samples, sample_rate))
    }

    /// Words of [`VOCABULARY`], one each second.
    ///
    /// # Panics
    /// When one is not in it.
    #[must_use]
    pub fn words(words: &[&str]) -> Self {
        let script = Script::new(SAMPLES_PER_SECOND);
        let script = (0..).zip(words).fold(script, |script, (place, word)| script.word(place * WORD_MILLIS, word));
        Self::Recording(script.samples(words.len() as u64 * WORD_MILLIS).into())
    }
}

impl Default for Voice {
    /// The whole vocabulary, one word each second.
    fn default() -> Self {
        // Each lab has it, and it takes a while to make.
        static WORDS: LazyLock<Voice> = LazyLock::new(|| Voice::words(&VOCABULARY));
        WORDS.clone()
    }
}

/// Somebody who is called.
#[derive(Clone, Debug)]
pub struct Callee {
    pub(super) answer: Answer,
    pub(super) voice: Voice,
    pub(super) ring: Option<Duration>,
    pub(super) pause: Duration,
    pub(super) leaves_at_end: bool,
}

impl Default for Callee {
    /// One who does as the number's digits say, and says the vocabulary.
    fn default() -> Self {
        Self::who_says(Voice::default())
    }
}

impl Callee {
    /// A callee with a voice, who stays on the line.
    #[must_use]
    pub fn who_says(voice: Voice) -> Self {
        Self { answer: Answer::ByDigits, voice, ring: None, pause: PAUSE, leaves_at_end: false }
    }

    /// What their telephone does, whatever its digits are.
    #[must_use]
    pub fn answer(mut self, answer: Answer) -> Self {
        self.answer = answer;
        self
    }

    /// How long it rings before it is picked up or found busy, instead of [`crate::twilio::TwilioOptions::ring`].
    #[must_use]
    pub fn ring(mut self, time: Duration) -> Self {
        self.ring = Some(time);
        self
    }

    /// How long they say nothing after they picked up: half a second unless told otherwise.
    #[must_use]
    pub fn pause(mut self, time: Duration) -> Self {
        self.pause = time;
        self
    }

    /// They hang up when they have said all; one who never ends, or says nothing, stays.
    #[must_use]
    pub fn leaves_at_end(mut self) -> Self {
        self.leaves_at_end = true;
        self
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use hound::{SampleFormat, WavSpec, WavWriter};

    use super::*;

    #[test]
    fn of_a_file_the_remote_party_is_played() {
        let directory = std::env::temp_dir().join(format!("fourwire-lab-callee-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        for (channels, expected) in [(1, Some(vec![1, 2, 3, 4, 5, 6])), (2, Some(vec![2, 4, 6])), (3, None)] {
            let path = directory.join(format!("{channels}.wav"));
            let spec = WavSpec { channels, sample_rate: 16_000, bits_per_sample: 16, sample_format: SampleFormat::Int };
            let mut file = WavWriter::create(&path, spec).unwrap();
            (1_i16..=6).for_each(|sample| file.write_sample(sample).unwrap());
            file.finalize().unwrap();
            let samples = match Voice::read_wav(&path) {
                Ok(Voice::Recording(samples)) => Some(samples.to_vec()),
                _ => None,
            };
            assert_eq!(samples, expected, "{channels} channels");
        }
        fs::remove_dir_all(directory).unwrap();
    }
}
