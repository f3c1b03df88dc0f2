//! What listens behind the speech server: audio of one stream in, what was heard out, both on the stream's own clock.
//!
//! Two kinds: [`tones`] is instant and exact and hears the vocabulary of [`crate::tones`]; [`whisper`] hears people,
//! through the recogniser's child process. Neither knows about sockets or about Deepgram's messages.

mod endpoint;
mod process;
mod recogniser;
mod tones;
mod whisper;

use fourwire_wire::units::Samples;

pub use process::RecogniserError;
#[cfg(test)]
pub(crate) use process::{Answer, HeardWord, Mode, Program};
#[cfg(test)]
pub(crate) use recogniser::MAX_WAITING;
pub use recogniser::Recogniser;

/// A final without a word comes after this much silence, as the real service sends one every three to five seconds.
pub const SILENT_FINAL_EVERY: Samples = Samples::from_millis(4_000);

/// One recognised word.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    /// Lower case, without punctuation.
    pub text: String,
    /// As a sentence writes it.
    pub punctuated: String,
    /// Where it starts in the stream.
    pub start: Samples,
    /// Where it ends.
    pub end: Samples,
    /// 0 to 1.
    pub confidence: f64,
}

/// A part of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its first sample.
    pub from: Samples,
    /// The sample after its last.
    pub until: Samples,
}

/// What an ear tells. Finals cover the stream without a gap; an interim starts where the last final ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// Somebody began to speak.
    SpeechStarted {
        /// When.
        at: Samples,
    },
    /// What the words since the last final look like.
    Interim {
        /// From the last final to the newest audio it is based on.
        span: Span,
        /// The words so far.
        words: Vec<Word>,
    },
    /// The words of a span, for good.
    Final {
        /// Begins where the last final ended.
        span: Span,
        /// All its words; none where nobody spoke.
        words: Vec<Word>,
        /// The speaker paused here.
        speech_final: bool,
        /// The client asked for it.
        from_finalize: bool,
    },
    /// Nobody has said a word for the time the client asked for.
    UtteranceEnd {
        /// Where the last word ended.
        last_word_end: Samples,
    },
    /// All audio before [`Ear::close`] is accounted for.
    Closed,
    /// The recogniser behind the ear does not work; nothing more will come.
    Broken,
}

/// What a stream's query asks of its ear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Silence after which the speaker has paused; none: pauses are not told.
    pub endpointing: Option<Samples>,
    /// Silence after which an utterance is over; none: that is not told.
    pub utterance_end: Option<Samples>,
    /// Whether anybody wants interims; an ear that works for them can leave them out.
    pub interim: bool,
}

/// Which kind of ear streams get.
#[derive(Clone)]
pub(crate) enum Engine {
    /// Hears tone words.
    Tones,
    /// Hears people.
    Whisper(Recogniser),
}

impl Engine {
    /// An ear for a new stream.
    pub fn listen(&self, settings: Settings) -> Ear {
        match self {
            Self::Tones => Ear::Tones(Box::new(tones::TonesEar::new(settings))),
            Self::Whisper(recogniser) => Ear::Whisper(Box::new(whisper::WhisperEar::new(settings, recogniser.clone()))),
        }
    }
}

/// One stream's ear.
pub(crate) enum Ear {
    /// Hears tone words.
    Tones(Box<tones::TonesEar>),
    /// Hears people.
    Whisper(Box<whisper::WhisperEar>),
}

impl Ear {
    /// Takes the next samples, 16 kHz.
    pub fn audio(&mut self, samples: &[i16]) {
        match self {
            Self::Tones(ear) => ear.audio(samples),
            Self::Whisper(ear) => ear.audio(samples),
        }
    }

    /// Makes a final of what there is, now. Where there is nothing since the last final, nothing comes.
    pub fn finalize(&mut self) {
        match self {
            Self::Tones(ear) => ear.finalize(),
            Self::Whisper(ear) => ear.finalize(),
        }
    }

    /// No more audio comes: the rest is made final, then [`Heard::Closed`] follows.
    pub fn close(&mut self) {
        match self {
            Self::Tones(ear) => ear.close(),
            Self::Whisper(ear) => ear.close(),
        }
    }

    /// Whether it has enough to do: more audio should wait until it has told more.
    pub fn is_behind(&self) -> bool {
        match self {
            Self::Tones(_) => false,
            Self::Whisper(ear) => ear.is_behind(),
        }
    }

    /// What was heard next, where that is known already.
    pub fn try_next(&mut self) -> Option<Heard> {
        match self {
            Self::Tones(ear) => ear.try_next(),
            Self::Whisper(ear) => ear.try_next(),
        }
    }

    /// Waits for what was heard next. May be dropped while it waits, nothing is lost.
    pub async fn next(&mut self) -> Heard {
        match self {
            Self::Tones(ear) => match ear.try_next() {
                Some(heard) => heard,
                // Only more audio makes it hear more.
                None => std::future::pending().await,
            },
            Self::Whisper(ear) => ear.next().await,
        }
    }
}
