//! A conversation: the lasting record of one call, in the peer's document form.

use serde::{Deserialize, Serialize};

use crate::frame::Channel;
use crate::ids::{CallId, ConversationId};
use crate::pii::Pii;
use crate::query::{Language, Source, TimeZone};
use crate::segment::WireSegment;
use crate::structured::{Structured, SummaryBy};
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

/// One channel's audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelAudio {
    /// Which side.
    pub channel: Channel,
    /// How much was taken: samples at 16 kHz, silence of a muted side included.
    pub samples: Samples,
    /// How much of it is stored.
    #[serde(default)]
    pub stored: Samples,
}

/// The telephone's side of a call, as the carrier reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneCall {
    /// Who began it. Fourwire's calls are outbound.
    pub direction: Direction,
    /// The client's name for the call, where it gave one.
    pub call_id: Option<CallId>,
    /// The carrier's name for the caller's leg.
    pub call_sid: String,
    /// The carrier's name for the callee's leg, once there is one.
    pub leg_sid: Option<String>,
    /// Who was called, in E.164.
    pub callee: Pii<String>,
    /// The number that the callee saw, in E.164.
    pub caller_id: Pii<String>,
    /// When the call was asked for.
    pub requested_at: UnixMillis,
    /// When the callee's phone began to ring.
    pub ringing_at: Option<UnixMillis>,
    /// When the callee answered.
    pub answered_at: Option<UnixMillis>,
    /// When it ended.
    pub ended_at: Option<UnixMillis>,
    /// How it ended. Null while it goes on.
    pub outcome: Option<Outcome>,
    /// How long both could talk, in whole seconds as the carrier counts them.
    pub duration: Option<u32>,
}

/// Who began a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The user.
    Outbound,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// They talked, and one of them hung up.
    Completed,
    /// The callee was busy or declined.
    Busy,
    /// Nobody answered.
    NoAnswer,
    /// It could not be put through.
    Failed,
    /// The caller hung up before the callee answered.
    Canceled,
    /// It was refused before anybody was rung.
    Refused,
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
    /// Where the user's clock was, where the client has said so; it counts as UTC otherwise.
    #[serde(default)]
    pub time_zone: Option<TimeZone>,
    /// The client's name for the call, where it gave one.
    pub call_id: Option<CallId>,
    /// The telephone's side of it, where the carrier has told of one.
    #[serde(default)]
    pub phone_call: Option<PhoneCall>,
    /// Who the other party is, in the user's words.
    #[serde(default)]
    pub contact_name: Option<Pii<String>>,
    /// What was made of the text.
    pub structured: Structured,
    /// By whom.
    #[serde(default)]
    pub summary_by: SummaryBy,
    /// Whether the title is the user's own, and stays when the rest is made anew.
    #[serde(default)]
    pub title_given: bool,
    /// Whether the user has marked it.
    #[serde(default)]
    pub starred: bool,
    /// Everything said, by time.
    pub transcript_segments: Vec<WireSegment>,
    /// How much audio each channel has.
    pub audio: Vec<ChannelAudio>,
    /// True for a call in which nothing was said.
    pub discarded: bool,
    /// How often the call was finished: once, and once more for each time that a client came back with more audio. 0 while the
    /// call has not ended.
    #[serde(default)]
    pub finishes: u32,
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
    /// Who was called, in E.164, where the carrier has told of it.
    #[serde(default)]
    pub callee: Option<Pii<String>>,
    /// Who the other party is, in the user's words.
    #[serde(default)]
    pub contact_name: Option<Pii<String>>,
    /// What was made of the text.
    pub structured: Structured,
    /// Whether the user has marked it.
    #[serde(default)]
    pub starred: bool,
    /// True for a call in which nothing was said.
    pub discarded: bool,
}

impl Conversation {
    /// Takes what was made of the text. What the user has changed stays: a title, and the marks of action items that are still
    /// there.
    pub fn sum_up(&mut self, mut structured: Structured, by: SummaryBy) {
        structured.keep_marks(&self.structured);
        if self.title_given {
            structured.title = std::mem::take(&mut self.structured.title);
        }
        self.structured = structured;
        self.summary_by = by;
    }

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
            callee: self.phone_call.as_ref().map(|call| call.callee.clone()),
            contact_name: self.contact_name.clone(),
            structured: self.structured.clone(),
            starred: self.starred,
            discarded: self.discarded,
        }
    }
}
