//! A stored conversation, as a summary sees it.

use fourwire_wire::conversation::Conversation;
use fourwire_wire::segment::Segment;

use super::Talk;
use crate::transcript::segments_of;
use crate::zones::{UserClock, Zones};

/// A stored conversation's words, ready to be summed up.
#[derive(Debug)]
pub struct Spoken<'a> {
    conversation: &'a Conversation,
    segments: Vec<Segment>,
    zones: &'a dyn Zones,
}

impl<'a> Spoken<'a> {
    /// Those of a conversation; `zones` know the clock of the user's time zone.
    #[must_use]
    pub fn of(conversation: &'a Conversation, zones: &'a dyn Zones) -> Self {
        Self { conversation, segments: segments_of(&conversation.transcript_segments), zones }
    }

    /// What a summary is made from.
    #[must_use]
    pub fn talk(&self) -> Talk<'_> {
        let Conversation { id, created_at, started_at, language, time_zone, contact_name, .. } = self.conversation;
        Talk {
            conversation: *id,
            began: started_at.unwrap_or(*created_at),
            segments: &self.segments,
            language,
            other_party: contact_name.as_ref(),
            clock: UserClock::new(time_zone.as_ref(), self.zones),
        }
    }
}
