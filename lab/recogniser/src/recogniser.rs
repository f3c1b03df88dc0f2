//! One request through the model: spectrogram, encoder, decoder, alignment, words; and what must not come out of it.

use std::path::{Path, PathBuf};

use ct2rs::Tokenizer as _;
use ct2rs::sys::{ComputeType, Config, Device, LogLevel, StorageView, Whisper, WhisperOptions, set_log_level};
use ct2rs::tokenizers::hf::Tokenizer;

use crate::protocol::{MAX_SAMPLES, Mode, SAMPLE_RATE};
use crate::sound::Sound;
use crate::spectrogram::{BANDS, HOP, Spectrograph};
use crate::words::{self, Word};

/// The files of a model directory.
const FILES: [&str; 4] = ["model.bin", "config.json", "vocabulary.txt", "tokenizer.json"];
/// Threads for one request. The engine's threads spin while they wait for each other, so on two cores that also run a
/// Worker, a page and the lab, a second thread turned a quick request of 0.6 s into one of 1.9 s.
const THREADS: usize = 1;
/// What the decoder is told to do: write text, without times.
const PROMPT: [&str; 2] = ["<|startoftranscript|>", "<|notimestamps|>"];
/// The first word of [`PROMPT`] as a token; `align` adds the second by itself.
const START_OF_TRANSCRIPT: usize = 50_257;
/// The first token that is not text.
const END_OF_TEXT: usize = 50_256;
/// The shortest window that the model reads reliably: 10 s. With 6 s or less it falls into repetition.
const QUICK_COLUMNS: usize = 10 * SAMPLE_RATE / HOP;
/// The window it was trained on: 30 s.
const CAREFUL_COLUMNS: usize = MAX_SAMPLES / HOP;
/// Above this, the model believes that nobody spoke. The threshold that Whisper was published with.
const MAX_NO_SPEECH: f32 = 0.6;
/// Tokens that any text may have, before those that its length earns.
const BASE_TOKENS: usize = 12;
/// Tokens a second that nobody exceeds: 5 words a second at 1.3 tokens a word make 6.5.
const TOKENS_PER_SECOND: usize = 8;
/// All the tokens the decoder has room for.
const MAX_TOKENS: usize = 224;
/// Smooths attention before alignment. The width that Whisper was published with.
const MEDIAN_WIDTH: i64 = 7;

/// The loaded model.
pub struct Recogniser {
    whisper: Whisper,
    tokenizer: Tokenizer,
    spectrograph: Spectrograph,
}

/// What a request held.
#[derive(Debug, Default)]
pub struct Heard {
    /// How sure the model is that nobody spoke, 0 to 1.
    pub no_speech: f32,
    /// In the order they were spoken.
    pub words: Vec<Word>,
}

/// Why a model directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// One of the files is not there.
    #[error("the model directory {dir} has no {file}", dir = .0.display(), file = .1)]
    Missing(PathBuf, &'static str),
    /// The files are there, but are not a Whisper model in English.
    #[error("the model directory {dir} holds no usable Whisper model: {cause}", dir = .0.display(), cause = .1)]
    Unusable(PathBuf, String),
}

impl Recogniser {
    /// Loads the model, which takes a quarter of a second.
    ///
    /// # Errors
    /// A file is missing or is not what it should be.
    pub fn load(dir: &Path) -> Result<Self, LoadError> {
        if let Some(file) = FILES.into_iter().find(|file| !dir.join(file).is_file()) {
            return Err(LoadError::Missing(dir.to_owned(), file));
        }
        let unusable = |cause: String| LoadError::Unusable(dir.to_owned(), cause);
        // Its warnings are about the conversion from 16-bit weights, which is intended.
        set_log_level(LogLevel::Error);
        let config = Config {
            device: Device::CPU,
            compute_type: ComputeType::INT8,
            num_threads_per_replica: THREADS,
            ..Config::default()
        };
        let whisper = Whisper::new(dir, config).map_err(|error| unusable(error.to_string()))?;
        let tokenizer = Tokenizer::new(dir).map_err(|error| unusable(error.to_string()))?;
        if whisper.n_mels() != BANDS || whisper.is_multilingual() {
            return Err(unusable("it is not an English-only model of 80 bands".to_owned()));
        }
        Ok(Self { whisper, tokenizer, spectrograph: Spectrograph::new() })
    }

    /// The words in `samples`.
    ///
    /// # Errors
    /// The model failed.
    pub fn recognise(&self, mode: Mode, samples: &[i16]) -> anyhow::Result<Heard> {
        let sound = Sound::measure(samples);
        if sound.is_silence() {
            return Ok(Heard { no_speech: 1.0, words: Vec::new() });
        }
        // Even, since the encoder makes one frame of two columns.
        let content = samples.len().div_ceil(2 * HOP) * 2;
        let columns = match mode {
            Mode::Quick => content.max(QUICK_COLUMNS),
            Mode::Careful => CAREFUL_COLUMNS,
        };
        let mut picture = self.spectrograph.draw(samples, columns);
        let picture = StorageView::new(&[1, BANDS, columns], &mut picture, Device::CPU)?;
        let encoded = self.whisper.encode(&picture, false)?;

        let (no_speech, text) = self.decode(&encoded, most_tokens(samples.len()))?;
        let words = if no_speech > MAX_NO_SPEECH { Vec::new() } else { self.words(&encoded, content, &text, &sound)? };
        Ok(Heard { no_speech: words::round(no_speech), words })
    }

    /// Writes down what the encoder heard. If that does not end or turns in circles, it writes once more with repetition
    /// forbidden, and if that does not help either, nothing was heard.
    fn decode(&self, encoded: &StorageView, most: usize) -> anyhow::Result<(f32, Text)> {
        let mut no_speech = 0.0;
        for forbidden_repetition in [0, 3] {
            let options = WhisperOptions {
                beam_size: 1,
                // The engine gives the text half of this, and the other half to a prompt of earlier text.
                max_length: 2 * most,
                no_repeat_ngram_size: forbidden_repetition,
                return_no_speech_prob: true,
                ..WhisperOptions::default()
            };
            let results = self.whisper.generate(encoded, &[PROMPT.to_vec()], &options)?;
            let Some(result) = results.into_iter().next() else { break };
            no_speech = result.no_speech_prob;
            let ids = result.sequences_ids.into_iter().next().unwrap_or_default();
            let tokens = result.sequences.into_iter().next().unwrap_or_default();
            if ids.len() < most && !turns_in_circles(&ids) {
                let (ids, tokens) = ids.into_iter().zip(tokens).filter(|(id, _)| *id < END_OF_TEXT).unzip();
                return Ok((no_speech, Text { ids, tokens }));
            }
        }
        Ok((no_speech, Text::default()))
    }

    /// Gives each word its time, from where the decoder's attention lay when it wrote it, and its confidence.
    fn words(&self, encoded: &StorageView, columns: usize, text: &Text, sound: &Sound) -> anyhow::Result<Vec<Word>> {
        if text.ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids = std::slice::from_ref(&text.ids);
        let results = self.whisper.align(encoded, &[START_OF_TRANSCRIPT], ids, &[columns], MEDIAN_WIDTH)?;
        let Some(result) = results.into_iter().next() else { return Ok(Vec::new()) };
        let last = columns / 2;
        // A token begins at its first frame on the path; the end of the text is one more token.
        let begins = |token: usize| {
            let step = result.alignments.iter().find(|step| usize::try_from(step.token_x).is_ok_and(|at| at >= token));
            step.and_then(|step| usize::try_from(step.frame_x).ok()).map_or(last, |frame| frame.min(last))
        };
        let groups = words::split(&text.tokens);
        let starts: Vec<usize> =
            groups.iter().map(|tokens| tokens.start).chain([text.tokens.len()]).map(begins).collect();
        let mut made = Vec::new();
        for (tokens, frames) in groups.into_iter().zip(words::place(&starts)) {
            let written = self.tokenizer.decode(text.tokens[tokens.clone()].to_vec())?;
            let probabilities = result.text_token_probs.get(tokens).unwrap_or_default();
            made.extend(words::word(&written, frames, probabilities, sound));
        }
        Ok(made)
    }
}

/// What the decoder wrote.
#[derive(Default)]
struct Text {
    ids: Vec<usize>,
    tokens: Vec<String>,
}

/// The most tokens that this many samples can be worth.
fn most_tokens(samples: usize) -> usize {
    (BASE_TOKENS + samples * TOKENS_PER_SECOND / SAMPLE_RATE).min(MAX_TOKENS)
}

/// The longest phrase, in tokens, whose repetition is looked for.
const MAX_PHRASE: usize = 12;
/// Tokens that a repeated phrase must fill to be a fault: people do say "no, no, no, no".
const LEAST_LOOP: usize = 12;
/// Times that a phrase must be said in a row to be a fault.
const LEAST_TURNS: usize = 3;

/// Whether a phrase is said over and over, which is how the model fails.
fn turns_in_circles(ids: &[usize]) -> bool {
    (1..=MAX_PHRASE).any(|length| {
        let needed = LEAST_LOOP.max(LEAST_TURNS * length) - length;
        let mut repeated = 0;
        ids.iter().zip(ids.iter().skip(length)).any(|(before, now)| {
            repeated = if before == now { repeated + 1 } else { 0 };
            repeated >= needed
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_is_told_from_emphasis() {
        let loops = |phrase: &[usize], turns: usize| {
            let mut text = vec![900, 901];
            text.extend(phrase.repeat(turns));
            text.extend([902, 903]);
            turns_in_circles(&text)
        };
        assert!(!loops(&[1, 2], 5), "no, no, no, no, no,");
        assert!(loops(&[1, 2], 6));
        assert!(loops(&[1, 2, 3, 4, 5, 6, 7], 3));
        assert!(!loops(&[1, 2, 3, 4, 5, 6, 7], 2), "a sentence said twice");
        assert!(!turns_in_circles(&[]));
    }

    #[test]
    fn the_room_for_text_grows_with_the_sound_and_stays_within_the_decoder() {
        assert_eq!(most_tokens(SAMPLE_RATE), 20);
        assert_eq!(most_tokens(MAX_SAMPLES), MAX_TOKENS);
    }

    #[test]
    fn a_directory_without_a_model_is_named_with_the_file_it_lacks() {
        let Err(error) = Recogniser::load(Path::new("no-such-directory")) else { panic!("loaded nothing") };
        assert_eq!(error.to_string(), "the model directory no-such-directory has no model.bin");
    }
}
