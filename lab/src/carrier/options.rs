//! How the carrier behaves unless a test orders otherwise.
//!
//! Its times are short, but not so short that a person in front of it could not follow.

use std::time::Duration;

use super::callee::Callee;

/// Which codec the carrier answers a browser's offer with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Codecs {
    /// The first in the offer that the carrier has.
    #[default]
    AsOffered,
    /// G.711 μ-law, whatever else is offered.
    Pcmu,
}

/// How the carrier behaves.
#[derive(Clone, Debug)]
pub struct CarrierOptions {
    /// Which codec it takes.
    pub codecs: Codecs,
    /// Who answers where [`Carrier::callee`](super::Carrier::callee) says nothing about the number.
    pub callee: Callee,
    /// How long a telephone rings that nobody picks up, where the dial does not give up before.
    pub no_answer: Duration,
    /// How long an announcement takes, in place of speech.
    pub announcement: Duration,
    /// How long a call waits for its browser to come back after its signalling socket broke.
    pub patience: Duration,
    /// Whether what each side heard is kept.
    pub keep_audio: bool,
}

impl Default for CarrierOptions {
    fn default() -> Self {
        Self {
            codecs: Codecs::default(),
            callee: Callee::default(),
            no_answer: Duration::from_secs(8),
            announcement: Duration::from_secs(2),
            patience: Duration::from_secs(30),
            keep_audio: true,
        }
    }
}
