//! A simulated Deepgram behind each stream: it hears the words in the audio that it is really sent, and answers as the
//! service does, with interim results every second, final ones at pauses, and `Metadata` after `CloseStream`.

use serde_json::json;

use super::voice::{Ear, Heard, name};

/// A pause that ends an utterance, in samples: `endpointing=300`.
const PAUSE: u64 = 300 * 16;
/// Time without words after which `UtteranceEnd` is sent: `utterance_end_ms=1000`.
const UTTERANCE_END: u64 = 1_000 * 16;
/// Interim results come about every second.
const INTERIM_EVERY: u64 = 1_000 * 16;
/// A window is made final after about this long at the latest.
const MAX_WINDOW: u64 = 3_000 * 16;

/// How a service treats those who call, and those who are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    pub handshake: Handshake,
    pub manner: Manner,
    pub farewell: Farewell,
    /// How far it is behind, in milliseconds: every answer comes so much later.
    pub lag: u64,
}

impl Default for Service {
    fn default() -> Self {
        Self { handshake: Handshake::Accept(80), manner: Manner::Good, farewell: Farewell::Good, lag: 0 }
    }
}

/// How a service answers the request for a stream, after so many milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    Accept(u64),
    /// It is down: 503.
    Refuse(u64),
    /// It answers with this status and body.
    RefuseWith(u64, u16, &'static str),
    Never,
}

/// What a service says while it hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Good,
    /// Nothing at all.
    Quiet,
    /// Texts that nobody can read, one a second.
    Garbage,
    /// An error message at the first audio, and no close.
    Error,
}

/// What a service does when it is asked for the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Farewell {
    Good,
    /// It breaks off without the rest.
    Abrupt,
    /// It does nothing at all.
    Never,
}

/// What a stream sends.
#[derive(Debug)]
pub enum Answer {
    Text(String),
    Close,
}

/// One stream at the service.
#[derive(Debug, Default)]
pub struct Stream {
    /// When it was accepted.
    pub opened: Option<u64>,
    pub keep_alives: u32,
    pub finished: bool,
    ear: Ear,
    /// Once it is bad it stays so.
    bad: Option<Manner>,
    /// Where the window begins that has no final result yet, and its words.
    window: u64,
    words: Vec<Heard>,
    last_interim: u64,
    /// Words were said since the last `UtteranceEnd`.
    uttered: bool,
}

impl Stream {
    /// Samples heard.
    pub fn position(&self) -> u64 {
        self.ear.position
    }

    /// Takes audio.
    pub fn audio(&mut self, pcm: &[u8], manner: Manner) -> Vec<Answer> {
        if manner != Manner::Good {
            self.bad = Some(manner);
        }
        let before = self.ear.position;
        let mut answers = Vec::new();
        for bytes in pcm.as_chunks::<2>().0 {
            if let Some(word) = self.ear.hear(i16::from_le_bytes(*bytes)) {
                self.words.push(word);
                self.uttered = true;
            }
            answers.extend(self.judge());
        }
        let new_second = before / 16_000 != self.ear.position / 16_000;
        match self.bad.unwrap_or(manner) {
            Manner::Good => answers,
            Manner::Garbage if new_second => vec![Answer::Text("{\"type\":\"}{".to_owned())],
            Manner::Error if before == 0 => vec![Answer::Text(json!({"type": "Error"}).to_string())],
            Manner::Quiet | Manner::Garbage | Manner::Error => Vec::new(),
        }
    }

    /// Takes `CloseStream`.
    pub fn finish(&mut self, farewell: Farewell) -> Vec<Answer> {
        self.finished = true;
        self.words.extend(self.ear.finish());
        match farewell {
            // What does not work does not end well either.
            _ if self.bad.is_some() => Vec::new(),
            Farewell::Good => {
                let metadata = Answer::Text(json!({"type": "Metadata", "channels": 1}).to_string());
                vec![self.result(true, false), metadata, Answer::Close]
            }
            Farewell::Abrupt => vec![Answer::Close],
            Farewell::Never => Vec::new(),
        }
    }

    /// What is said after a sample.
    fn judge(&mut self) -> Option<Answer> {
        let silence = self.ear.silence();
        let quiet = !self.ear.in_word();
        if self.uttered && quiet && silence == UTTERANCE_END {
            self.uttered = false;
            return Some(Answer::Text(json!({"type": "UtteranceEnd", "channel": [0, 1]}).to_string()));
        }
        if !self.words.is_empty() && quiet && silence == PAUSE {
            return Some(self.result(true, true));
        }
        if quiet && self.ear.position - self.window >= MAX_WINDOW {
            return Some(self.result(true, false));
        }
        (self.ear.position - self.last_interim >= INTERIM_EVERY).then(|| self.result(false, false))
    }

    /// The window's words so far; a final result begins the next window.
    fn result(&mut self, is_final: bool, speech_final: bool) -> Answer {
        let seconds = |samples: u64| samples as f64 / 16_000.0;
        let (start, end) = (self.window, self.ear.position);
        let words: Vec<_> = self
            .words
            .iter()
            .map(|heard| {
                json!({
                    "word": name(heard.word),
                    "punctuated_word": name(heard.word),
                    "start": seconds(heard.start),
                    "end": seconds(heard.end),
                    "confidence": 0.9,
                })
            })
            .collect();
        self.last_interim = end;
        if is_final {
            self.window = end;
            self.words.clear();
        }
        let message = json!({
            "type": "Results",
            "channel_index": [0, 1],
            "start": seconds(start),
            "duration": seconds(end - start),
            "is_final": is_final,
            "speech_final": speech_final,
            "channel": {"alternatives": [{"transcript": "", "confidence": 0.9, "words": words}]},
        });
        Answer::Text(message.to_string())
    }
}
