//! Speech services as codecs: what to connect to, what to send, and what their messages mean.
//!
//! One file a service. A codec keeps no socket and no clock; the call's link (`call::link`) decides when to connect,
//! what audio to send, and when a service counts as dead.

pub mod deepgram;

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

/// What a service's text message means.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// Words of a window of the stream.
    Words(Window),
    /// The utterance that was open is over.
    UtteranceEnd,
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

    /// Where to open a stream of 16 kHz mono PCM16 in a language.
    #[must_use]
    pub fn endpoint(&self, language: &Language) -> Endpoint {
        match self {
            Self::Deepgram(deepgram) => deepgram.endpoint(language),
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
