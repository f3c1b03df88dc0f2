//! What is kept of a session: enough to go on after a restart, and the conversation that comes out of it.

use fourwire_wire::conversation::{ChannelAudio, Conversation, ConversationStatus, PhoneCall};
use fourwire_wire::frame::{Channel, PerChannel};
use fourwire_wire::ids::{CallId, ConversationId};
use fourwire_wire::pii::Pii;
use fourwire_wire::query::{Language, Source, TimeZone};
use fourwire_wire::segment::{Segment, WireSegment};
use fourwire_wire::structured::{Structured, SummaryBy};
use fourwire_wire::units::{Samples, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::summary::UNTITLED;
use crate::transcript::segments_of;

/// What a new session is about.
#[derive(Clone, Debug)]
pub struct Start {
    /// The conversation that the call will become.
    pub conversation: ConversationId,
    /// The client's name for the call.
    pub call_id: Option<CallId>,
    /// The telephone's side of it, where the carrier has told of one already.
    pub phone_call: Option<PhoneCall>,
    /// What is spoken.
    pub language: Language,
    /// Where the user's clock is, where the client says so.
    pub time_zone: Option<TimeZone>,
    /// Where the audio comes from.
    pub source: Source,
}

/// A session's state, without its segments, which are kept one by one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is true or not whatever the others are")]
pub struct Snapshot {
    /// The conversation that the call will become.
    pub conversation: ConversationId,
    /// The client's name for the call.
    pub call_id: Option<CallId>,
    /// The telephone's side of it, as last reported.
    #[serde(default)]
    pub phone_call: Option<PhoneCall>,
    /// What is spoken.
    pub language: Language,
    /// Where the user's clock is, where a client has said so.
    #[serde(default)]
    pub time_zone: Option<TimeZone>,
    /// Where the audio comes from.
    pub source: Source,
    /// Who the other party is, where the user has said so.
    #[serde(default)]
    pub contact_name: Option<Pii<String>>,
    /// The title that the user has given it.
    #[serde(default)]
    pub title: Option<Pii<String>>,
    /// Whether the user has marked the conversation.
    #[serde(default)]
    pub starred: bool,
    /// When the session began.
    pub created_at: UnixMillis,
    /// When the first audio came.
    pub started_at: Option<UnixMillis>,
    /// When audio last came.
    pub last_audio_at: Option<UnixMillis>,
    /// When a client was last known to be connected.
    pub seen_at: UnixMillis,
    /// The call is over and is being finished.
    pub ending: bool,
    /// A client has said that the call is over.
    #[serde(default)]
    pub ended: bool,
    /// Whether the client sends again what a restart has lost.
    #[serde(default)]
    pub resumes: bool,
    /// Whether the conversation is in the user's index. It is entered there with its first audio, or when the call is ended.
    #[serde(default = "is_registered_by_default")]
    pub registered: bool,
    /// Up to where the audio of the longer side is counted among what the user may use.
    #[serde(default)]
    pub counted: Samples,
    /// Whether some speech has no captions, so that an empty transcript does not say that nothing was said.
    #[serde(default)]
    pub captions_missing: bool,
    /// Each channel's state.
    pub channels: PerChannel<SnapshotChannel>,
    /// What was stored when the call was finished before, where a client has come back to a finished call.
    #[serde(default)]
    pub finished: Option<Box<Finished>>,
}

/// What was stored of a call when it was finished. It stands until audio is added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// How often the call had been finished by then.
    pub count: u32,
    /// When it was over.
    pub at: Option<UnixMillis>,
    /// What was made of the text, with the user's changes.
    pub structured: Structured,
    /// By whom.
    pub summary_by: SummaryBy,
    /// Where each channel's audio ended.
    pub ends: PerChannel<Samples>,
}

impl Finished {
    /// What a finished conversation says of it.
    pub(super) fn of(conversation: &Conversation) -> Self {
        let end = |channel| {
            let audio = conversation.audio.iter().find(|audio| audio.channel == channel);
            audio.map(|audio| audio.samples).unwrap_or_default()
        };
        Self {
            count: conversation.finishes,
            at: conversation.finished_at,
            structured: conversation.structured.clone(),
            summary_by: conversation.summary_by,
            ends: PerChannel::from_fn(end),
        }
    }
}

/// One channel's part of a [`Snapshot`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotChannel {
    /// How much audio it has.
    pub end: Samples,
    /// How much of it is stored.
    #[serde(default)]
    pub stored: Samples,
    /// Up to where it outlives a restart, stored or kept.
    #[serde(default)]
    pub durable: Samples,
    /// Up to where it has its final words.
    #[serde(default)]
    pub settled: Samples,
}

impl Snapshot {
    /// A call that has just begun.
    pub(super) fn new(start: Start, now: UnixMillis) -> Self {
        Self {
            conversation: start.conversation,
            call_id: start.call_id,
            phone_call: start.phone_call,
            language: start.language,
            time_zone: start.time_zone,
            source: start.source,
            contact_name: None,
            title: None,
            starred: false,
            created_at: now,
            started_at: None,
            last_audio_at: None,
            seen_at: now,
            ending: false,
            ended: false,
            resumes: false,
            registered: false,
            counted: Samples::ZERO,
            captions_missing: false,
            channels: PerChannel::default(),
            finished: None,
        }
    }

    /// The state of a call whose conversation was already finished, and its segments.
    pub(super) fn of_finished(conversation: Conversation) -> (Self, Vec<Segment>) {
        let end = |channel| {
            let audio = conversation.audio.iter().find(|audio| audio.channel == channel);
            audio.map_or_else(SnapshotChannel::default, |audio| SnapshotChannel {
                end: audio.samples,
                stored: audio.stored,
                durable: audio.samples,
                settled: audio.samples,
            })
        };
        let segments = segments_of(&conversation.transcript_segments);
        let finished = Some(Box::new(Finished::of(&conversation)));
        let snapshot = Self {
            conversation: conversation.id,
            call_id: conversation.call_id,
            phone_call: conversation.phone_call,
            language: conversation.language,
            time_zone: conversation.time_zone,
            source: conversation.source,
            contact_name: conversation.contact_name,
            title: conversation.title_given.then_some(conversation.structured.title),
            starred: conversation.starred,
            created_at: conversation.created_at,
            started_at: conversation.started_at,
            // A call in which no audio came has an end all the same.
            last_audio_at: conversation.started_at.and(conversation.finished_at),
            seen_at: conversation.finished_at.unwrap_or(conversation.created_at),
            ending: false,
            ended: false,
            resumes: false,
            registered: true,
            counted: end(Channel::User).end.max(end(Channel::Remote).end),
            // What was missing then is not known any more.
            captions_missing: true,
            channels: PerChannel { user: end(Channel::User), remote: end(Channel::Remote) },
            finished,
        };
        (snapshot, segments)
    }

    /// The conversation as the peer's document, with its segments by time.
    pub(super) fn conversation(
        &self,
        segments: &[Segment],
        status: ConversationStatus,
        finished_at: Option<UnixMillis>,
    ) -> Conversation {
        let finished = self.finished.as_deref();
        let titled = || Structured::titled(self.title.as_ref().map_or(UNTITLED, |title| title.expose()));
        Conversation {
            id: self.conversation,
            created_at: self.created_at,
            started_at: self.started_at,
            finished_at,
            status,
            source: self.source,
            language: self.language.clone(),
            time_zone: self.time_zone.clone(),
            call_id: self.call_id.clone(),
            phone_call: self.phone_call.clone(),
            contact_name: self.contact_name.clone(),
            structured: finished.map_or_else(titled, |finished| finished.structured.clone()),
            summary_by: finished.map_or(SummaryBy::Nobody, |finished| finished.summary_by),
            title_given: self.title.is_some(),
            starred: self.starred,
            transcript_segments: segments.iter().map(|segment| WireSegment::new(segment, true)).collect(),
            audio: Channel::BOTH
                .map(|channel| {
                    let SnapshotChannel { end, stored, .. } = *self.channels.get(channel);
                    ChannelAudio { channel, samples: end, stored }
                })
                .to_vec(),
            discarded: segments.is_empty(),
            finishes: finished.map_or(0, |finished| finished.count),
        }
    }
}

/// State that was saved before there was this field: the conversation was entered when the call began.
const fn is_registered_by_default() -> bool {
    true
}
