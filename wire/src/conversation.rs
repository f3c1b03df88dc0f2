//! A conversation: the lasting record of one call, in the peer's document form.

use serde::{Deserialize, Serialize};

use crate::ids::{CallId, ConversationId};
use crate::pii::Pii;
use crate::query::{Language, Source};
use crate::segment::WireSegment;
use crate::units::{Samples, UnixMillis};

/// How far a conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConversationStatus {
    /// The call is running.
    InProgress,
    /// The call is over, the record is being made.
    Processing,
    /// The record is finished and stored.
    Completed,
}

/// What was made of a conversation's text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Structured {
    /// A few words for lists.
    pub title: Pii<String>,
    /// What was said, in short.
    pub overview: Pii<String>,
    /// One emoji for lists.
    pub emoji: String,
    /// One of the peer's categories; `other` where none fits.
    pub category: String,
    /// What somebody has to do.
    pub action_items: Vec<serde_json::Value>,
    /// What was arranged for a time.
    pub events: Vec<serde_json::Value>,
}

/// How much audio of one channel was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelAudio {
    /// Which side.
    pub channel: crate::frame::Channel,
    /// Samples at 16 kHz, silence of a muted side included.
    pub samples: Samples,
}

/// One call's record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conversation {
    /// Made when the call's first connection came.
    pub id: ConversationId,
    /// When that was.
    pub created_at: UnixMillis,
    /// When the first audio came; the zero of every segment's times. Null while there was none.
    pub started_at: Option<UnixMillis>,
    /// When the call ended. Null while it runs.
    pub finished_at: Option<UnixMillis>,
    /// How far it is.
    pub status: ConversationStatus,
    /// Where the audio came from.
    pub source: Source,
    /// What was spoken.
    pub language: Language,
    /// The client's name for the call, where it gave one.
    pub call_id: Option<CallId>,
    /// What was made of the text.
    pub structured: Structured,
    /// Everything said, by time.
    pub transcript_segments: Vec<WireSegment>,
    /// How much audio each channel has.
    pub audio: Vec<ChannelAudio>,
    /// True for a call in which nothing was said.
    pub discarded: bool,
}

/// A conversation in a list: everything but its text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConversationEntry {
    /// The conversation.
    pub id: ConversationId,
    /// When the call's first connection came.
    pub created_at: UnixMillis,
    /// When the first audio came.
    pub started_at: Option<UnixMillis>,
    /// When the call ended.
    pub finished_at: Option<UnixMillis>,
    /// How far it is.
    pub status: ConversationStatus,
    /// Where the audio came from.
    pub source: Source,
    /// The client's name for the call.
    pub call_id: Option<CallId>,
    /// What was made of the text.
    pub structured: Structured,
    /// True for a call in which nothing was said.
    pub discarded: bool,
}

impl Conversation {
    /// The conversation as a list shows it.
    #[must_use]
    pub fn entry(&self) -> ConversationEntry {
        ConversationEntry {
            id: self.id,
            created_at: self.created_at,
            started_at: self.started_at,
            finished_at: self.finished_at,
            status: self.status,
            source: self.source,
            call_id: self.call_id.clone(),
            structured: self.structured.clone(),
            discarded: self.discarded,
        }
    }
}
