//! Speech services as codecs: what to connect to, what to send, and what their messages mean.
//!
//! One file a service. A codec keeps no socket and no clock; the call's link (`call::link`) decides when to connect,
//! what audio to send, and when a service counts as dead.

pub mod deepgram;
mod language;

use fourwire_wire::pii::Pii;
use fourwire_wire::query::Language;
use fourwire_wire::units::Samples;

use crate::speech::deepgram::Deepgram;

/// A configured speech service.
#[derive(Clone, Debug)]
pub enum Provider {
    /// Deepgram's `/v1/listen`.
    Deepgram(Deepgram),
}

/// Where to open a stream: an HTTP request that asks for an upgrade to a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `https` (or `http`) address with its query.
    pub url: String,
    /// The `Authorization` header.
    pub authorization: Pii<String>,
}

/// A service's answer to the request for a stream, where it is not the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal<'a> {
    /// The HTTP status; 0 where the service was not reached.
    pub status: u16,
    /// The `Retry-After` header, as it came.
    pub retry_after: Option<&'a str>,
    /// The beginning of the body: the service's own words, which are judged and shown to nobody.
    pub body: &'a str,
}

impl Refusal<'_> {
    /// The service was not reached at all.
    pub const UNREACHED: Self = Self { status: 0, retry_after: None, body: "" };

    /// Seconds that the service asks to be left alone. A date is not read: the services send numbers.
    fn seconds(&self) -> Option<u64> {
        self.retry_after?.trim().parse().ok()
    }
}

/// What a refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// The operator's key is not good, or may not do this. It will not be better in this call.
    Credentials,
    /// The operator's account has no money left, or no quota for the day.
    Quota,
    /// The service does not take the language.
    Language,
    /// The service is busy, or down: it may take the next request.
    Outage {
        /// Seconds that it asks to be left alone.
        retry_after: Option<u64>,
    },
}

/// What a service's text message means.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// Words of a window of the stream.
    Words(Window),
    /// The utterance that was open is over.
    UtteranceEnd {
        /// Where its last word ends, as far as the service says: it may speak of an earlier utterance than the open one.
        last_word_end: Option<Samples>,
    },
    /// The service says that it has sent everything and is about to close.
    Drained,
    /// The service reports an error and will close.
    Error,
    /// The service is alive; nothing else follows from the message.
    Alive,
}

/// A stretch of a stream's audio and the words in it. All positions count from the stream's first sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Where the stretch ends.
    pub end: Samples,
    /// The words, in the order they were said; none for silence.
    pub words: Vec<Word>,
    /// Whether the service will not say anything else about this stretch.
    pub is_final: bool,
    /// Whether the speaker paused after it.
    pub ends_utterance: bool,
}

/// One word.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    /// The word as it is to be read, with its punctuation.
    pub text: Pii<String>,
    /// Where it starts.
    pub start: Samples,
    /// Where it ends.
    pub end: Samples,
    /// 0 to 1.
    pub confidence: f32,
}

impl Provider {
    /// The service's name, for status texts and logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Deepgram(_) => "Deepgram",
        }
    }

    /// Where to open a stream of 16 kHz mono PCM16 in a language; `None` for a language that the service does not transcribe.
    #[must_use]
    pub fn endpoint(&self, language: &Language) -> Option<Endpoint> {
        match self {
            Self::Deepgram(deepgram) => deepgram.endpoint(language),
        }
    }

    /// What it means that the service has refused a stream.
    #[must_use]
    pub fn refused(&self, refusal: &Refusal<'_>) -> RefusalKind {
        match self {
            Self::Deepgram(_) => deepgram::refused(refusal),
        }
    }

    /// Reads a text message of the service. What cannot be read is [`Heard::Alive`]: services add message types, and an
    /// unknown one is no reason to stop.
    #[must_use]
    pub fn read(&self, text: &str) -> Heard {
        match self {
            Self::Deepgram(_) => deepgram::read(text),
        }
    }

    /// The text message that keeps a stream open while no audio flows.
    #[must_use]
    pub fn keep_alive(&self) -> &'static str {
        match self {
            Self::Deepgram(_) => deepgram::KEEP_ALIVE,
        }
    }

    /// The text message after the last audio: say the rest and close.
    #[must_use]
    pub fn finish(&self) -> &'static str {
        match self {
            Self::Deepgram(_) => deepgram::CLOSE_STREAM,
        }
    }
}

/// The words of a text that came without their times: spread over its window by their length. A text without blanks is one word.
fn spread(text: &str, start: Samples, end: Samples, confidence: f32) -> Vec<Word> {
    let length = |text: &str| u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
    let total: u64 = text.split_whitespace().map(length).sum();
    let samples = end.saturating_sub(start).get();
    let mut before = 0;
    let place = |characters: u64| start + Samples::new(samples.saturating_mul(characters) / total.max(1));
    text.split_whitespace()
        .map(|word| {
            let from = place(before);
            before += length(word);
            Word { text: Pii::new(word.to_owned()), start: from, end: place(before), confidence }
        })
        .collect()
}
