//! A stored conversation, as a summary sees it.

use fourwire_wire::conversation::Conversation;
use fourwire_wire::segment::Segment;

use super::Talk;
use crate::call::segments_of;

/// A stored conversation's words, ready to be summed up.
#[derive(Debug)]
pub struct Spoken<'a> {
    conversation: &'a Conversation,
    segments: Vec<Segment>,
}

impl<'a> Spoken<'a> {
    /// Those of a conversation.
    #[must_use]
    pub fn of(conversation: &'a Conversation) -> Self {
        Self { conversation, segments: segments_of(&conversation.transcript_segments) }
    }

    /// What a summary is made from.
    #[must_use]
    pub fn talk(&self) -> Talk<'_> {
        let Conversation { id, created_at, started_at, language, contact_name, .. } = self.conversation;
        Talk {
            conversation: *id,
            began: started_at.unwrap_or(*created_at),
            segments: &self.segments,
            language,
            other_party: contact_name.as_ref(),
            utc_offset_minutes: 0,
        }
    }
}
