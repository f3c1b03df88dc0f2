//! The record of a call in the store: its audio in chunks, its document, and how they are played back.
//!
//! - [`name`]: what the objects of a conversation are called;
//! - [`chunk`]: the form of a chunk of audio, each side sealed by itself;
//! - [`playback`]: the way back, from chunks to a WAV file, whole or in part.
//! - [`tar`]: the form of an export of everything.
//!
//! `docs/storage.md` describes the stored form so that somebody else can write a reader.

pub mod chunk;
pub mod name;
pub mod playback;
pub mod tar;

use fourwire_wire::frame::PerChannel;
use fourwire_wire::units::Samples;
use serde::{Deserialize, Serialize};

pub use chunk::{ChunkError, open, seal};
pub use name::{ChunkName, Folder, NameError};

/// A stretch of one side's timeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Span {
    /// Its first sample.
    pub start: Samples,
    /// The sample behind its last.
    pub end: Samples,
}

/// A chunk's stretch of each side's timeline. The two may differ, and one of them may be empty.
pub type ChunkSpan = PerChannel<Span>;

impl Span {
    /// How many samples it has.
    #[must_use]
    pub const fn len(self) -> Samples {
        self.end.saturating_sub(self.start)
    }

    /// Whether it has no sample.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len().get() == 0
    }
}
