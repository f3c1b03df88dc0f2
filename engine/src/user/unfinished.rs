//! Conversations that are in progress in the user's index and whose call may be gone: its object was lost between the entry and
//! its first save, or cannot read what it saved. The user's object asks the call's object, and finishes the conversation from
//! what is stored where nobody else will.

use fourwire_wire::conversation::{ChannelAudio, Conversation, ConversationEntry, ConversationStatus, PhoneCall};
use fourwire_wire::frame::{Channel, PerChannel};
use fourwire_wire::query::Language;
use fourwire_wire::segment::{Segment, WireSegment};
use fourwire_wire::structured::SummaryBy;
use fourwire_wire::units::{Samples, UnixMillis};
use serde::{Deserialize, Serialize};

use super::task::{MAX_WAIT_MILLIS, retry_wait};
use crate::call::MAX_CALL_MILLIS;
use crate::record::ChunkSpan;
use crate::summary::{self, Spoken};
use crate::zones::UtcOnly;

/// How long after a conversation was entered the call's object is first asked, in milliseconds. It saves the session within
/// the second; two minutes are more than any platform time-out on the way.
pub const FIRST_LOOK_MILLIS: u64 = 120_000;
/// How long a conversation may be in progress before it is finished without the help of a call's object that cannot read what
/// it saved, in milliseconds: the longest call, a minute of grace, and nine minutes for its end.
pub const OVERDUE_MILLIS: u64 = MAX_CALL_MILLIS + 600_000;

/// What a call's object knows of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallState {
    /// Its call is running or being finished.
    Running,
    /// It has nothing of it.
    Absent,
    /// It has saved something, and cannot go on from it: it was written by another version, or under a secret that is not
    /// configured.
    Unreadable,
}

/// What is to be done about a conversation in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask again at this moment.
    AskAgain(UnixMillis),
    /// Finish it from what is stored, or delete it where nothing is.
    Finish,
}

/// What follows from an answer of the call's object; none where it did not answer. `since` is when the conversation was last
/// entered as being in progress, `asked` how often it was asked before.
#[must_use]
pub fn step(answer: Option<CallState>, since: UnixMillis, asked: u32, now: UnixMillis) -> Step {
    let overdue = since + OVERDUE_MILLIS;
    match answer {
        Some(CallState::Absent) => Step::Finish,
        Some(CallState::Unreadable) if now >= overdue => Step::Finish,
        // Its own timers end a call that runs for too long.
        Some(CallState::Running | CallState::Unreadable) if now < overdue => Step::AskAgain(overdue),
        Some(CallState::Running | CallState::Unreadable) => Step::AskAgain(now + MAX_WAIT_MILLIS),
        None => Step::AskAgain(now + retry_wait(asked.saturating_add(1))),
    }
}

/// The conversation of a call that never reported its end, from what is stored of it: segments that could be read, and chunks of
/// audio in the archive. `None` where there is nothing.
#[must_use]
pub fn finish(
    entry: ConversationEntry,
    mut segments: Vec<Segment>,
    chunks: &[ChunkSpan],
    phone_call: Option<PhoneCall>,
) -> Option<Conversation> {
    if segments.is_empty() && chunks.is_empty() {
        return None;
    }
    for segment in &mut segments {
        segment.is_final = true;
    }
    segments.sort_by_key(|segment| (segment.start, segment.channel));
    let recorded = PerChannel::from_fn(|channel| {
        let spans = chunks.iter().map(|chunk| *chunk.get(channel));
        spans.fold((Samples::ZERO, Samples::ZERO), |(end, stored), span| (end.max(span.end), stored + span.len()))
    });
    let said = segments.iter().map(|segment| segment.end).max().unwrap_or_default();
    let length = Channel::BOTH.iter().map(|channel| recorded.get(*channel).0).fold(said, Samples::max);
    let started_at = entry.started_at.unwrap_or(entry.created_at);
    let mut conversation = Conversation {
        id: entry.id,
        created_at: entry.created_at,
        started_at: Some(started_at),
        finished_at: Some(started_at + length.millis()),
        status: ConversationStatus::Completed,
        source: entry.source,
        // The entry does not say.
        language: Language::any(),
        time_zone: None,
        call_id: entry.call_id,
        phone_call,
        contact_name: entry.contact_name,
        structured: entry.structured,
        summary_by: SummaryBy::Nobody,
        title_given: false,
        starred: entry.starred,
        discarded: segments.is_empty(),
        transcript_segments: segments.iter().map(|segment| WireSegment::new(segment, true)).collect(),
        audio: Channel::BOTH
            .map(|channel| {
                let (samples, stored) = *recorded.get(channel);
                ChannelAudio { channel, samples, stored }
            })
            .to_vec(),
        finishes: 1,
    };
    if !conversation.discarded {
        let structured = summary::extract(&Spoken::of(&conversation, &UtcOnly).talk());
        conversation.sum_up(structured, SummaryBy::Extract);
    }
    Some(conversation)
}

#[cfg(test)]
mod tests {
    use fourwire_wire::ids::ConversationId;
    use fourwire_wire::pii::Pii;
    use fourwire_wire::query::Source;
    use fourwire_wire::structured::Structured;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::record::Span;

    const NOW: UnixMillis = UnixMillis::new(1_800_000_000_000);

    fn entry() -> ConversationEntry {
        ConversationEntry {
            id: ConversationId::from_random([3; 16]),
            created_at: NOW,
            started_at: None,
            finished_at: None,
            status: ConversationStatus::InProgress,
            source: Source::PhoneCall,
            call_id: None,
            callee: None,
            contact_name: None,
            structured: Structured::titled("Phone call"),
            starred: true,
            discarded: false,
        }
    }

    #[test]
    fn a_call_that_is_gone_is_finished_at_once_and_one_that_cannot_be_read_when_it_must_be_over() {
        let hours = |hours: u64| NOW + hours * 3_600_000;
        for (answer, now, expected) in [
            (Some(CallState::Absent), NOW + FIRST_LOOK_MILLIS, Step::Finish),
            (Some(CallState::Running), NOW + FIRST_LOOK_MILLIS, Step::AskAgain(NOW + OVERDUE_MILLIS)),
            (Some(CallState::Running), hours(5), Step::AskAgain(hours(6))),
            (Some(CallState::Unreadable), hours(4), Step::AskAgain(NOW + OVERDUE_MILLIS)),
            (Some(CallState::Unreadable), hours(5), Step::Finish),
            (None, hours(5), Step::AskAgain(hours(5) + 15_000)),
        ] {
            assert_eq!(step(answer, NOW, 0, now), expected, "{answer:?}");
        }
        assert_eq!(step(None, NOW, 30, hours(5)), Step::AskAgain(hours(6)));
    }

    #[test]
    fn a_call_of_which_nothing_is_stored_has_no_conversation() {
        assert_eq!(finish(entry(), vec![], &[], None), None);
    }

    #[test]
    fn what_is_stored_of_a_lost_call_becomes_its_conversation() {
        let span = |start, end| Span { start: Samples::new(start), end: Samples::new(end) };
        let chunks = [
            PerChannel { user: span(0, 80_000), remote: span(0, 79_000) },
            PerChannel { user: span(96_000, 160_000), remote: span(79_000, 150_000) },
        ];
        let audio_only = finish(entry(), vec![], &chunks, None).unwrap();
        assert_eq!((audio_only.status, audio_only.discarded), (ConversationStatus::Completed, true));
        assert_eq!(audio_only.finished_at, Some(NOW + 10_000));
        let audio: Vec<_> = audio_only.audio.iter().map(|audio| (audio.samples.get(), audio.stored.get())).collect();
        assert_eq!(audio, [(160_000, 144_000), (150_000, 150_000)]);
        assert!(audio_only.starred && audio_only.finishes == 1);

        let segment = |number: u8, channel, start: u64, text: &str| Segment {
            id: entry().id.segment(channel, u32::from(number)),
            channel,
            start: Samples::new(start),
            end: Samples::new(start + 16_000),
            text: Pii::new(text.to_owned()),
            confidence: 0.5,
            is_final: false,
        };
        let said = vec![
            segment(1, Channel::Remote, 32_000, "Fine, until Friday."),
            segment(0, Channel::User, 0, "Good morning."),
        ];
        let with_text = finish(entry(), said, &[], None).unwrap();
        let texts: Vec<_> =
            with_text.transcript_segments.iter().map(|segment| segment.text.expose().as_str()).collect();
        assert_eq!(texts, ["Good morning.", "Fine, until Friday."]);
        assert_eq!((with_text.summary_by, with_text.discarded), (SummaryBy::Extract, false));
        assert_eq!(with_text.finished_at, Some(NOW + 3_000));
    }
}
