//! A call that is finished once more, after its conversation was stored: a client came back.

use fourwire_wire::conversation::Conversation;

/// What is to be stored of a call in place of what is stored. What the user has changed there since stays: title, star, and which
/// action items are done; and where no audio was added to the call, so does everything that was made of its text. Which of the two
/// it is, the audio says: a session that was restarted may not know that it has stored the call before.
#[must_use]
pub fn finish_again(stored: &Conversation, mut finished: Conversation) -> Conversation {
    if stored.title_given {
        finished.title_given = true;
        finished.structured.title.clone_from(&stored.structured.title);
    }
    finished.starred = stored.starred;
    if has_grown(stored, &finished) {
        finished.finishes = finished.finishes.max(stored.finishes.saturating_add(1));
        finished.structured.keep_marks(&stored.structured);
    } else {
        finished.structured.clone_from(&stored.structured);
        finished.summary_by = stored.summary_by;
        finished.finished_at = stored.finished_at;
        finished.finishes = stored.finishes;
    }
    finished
}

fn has_grown(stored: &Conversation, finished: &Conversation) -> bool {
    finished.audio.iter().any(|now| {
        let before = stored.audio.iter().find(|before| before.channel == now.channel);
        before.is_none_or(|before| before.samples < now.samples)
    })
}

#[cfg(test)]
mod tests {
    use fourwire_wire::conversation::{ChannelAudio, ConversationStatus};
    use fourwire_wire::frame::Channel;
    use fourwire_wire::ids::ConversationId;
    use fourwire_wire::query::{Language, Source};
    use fourwire_wire::structured::{ActionItem, Structured, SummaryBy};
    use fourwire_wire::units::{Samples, UnixMillis};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    const ID: ConversationId = ConversationId::from_random([5; 16]);

    fn item(description: &str, at: u64) -> ActionItem {
        let at = UnixMillis::new(at);
        ActionItem {
            description: description.to_owned().into(),
            completed: false,
            created_at: at,
            updated_at: at,
            due_at: None,
            completed_at: None,
            conversation_id: ID,
        }
    }

    fn conversation(title: &str, finishes: u32, items: &[&str]) -> Conversation {
        let at = u64::from(finishes) * 1_000;
        let mut structured = Structured::titled(title);
        structured.action_items = items.iter().map(|description| item(description, at)).collect();
        Conversation {
            id: ID,
            created_at: UnixMillis::new(1),
            started_at: Some(UnixMillis::new(2)),
            finished_at: Some(UnixMillis::new(at)),
            status: ConversationStatus::Completed,
            source: Source::PhoneCall,
            language: Language::any(),
            time_zone: None,
            call_id: None,
            phone_call: None,
            contact_name: None,
            structured,
            summary_by: SummaryBy::Extract,
            title_given: false,
            starred: false,
            transcript_segments: vec![],
            audio: vec![ChannelAudio { channel: Channel::User, samples: Samples::new(at), stored: Samples::new(at) }],
            discarded: false,
            finishes,
        }
    }

    fn tick(conversation: &mut Conversation, index: usize) {
        let item = &mut conversation.structured.action_items[index];
        (item.completed, item.completed_at, item.updated_at) =
            (true, Some(UnixMillis::new(7_000)), UnixMillis::new(7_000));
    }

    #[test]
    fn nothing_that_was_made_or_changed_is_undone_where_nothing_was_added() {
        let mut stored = conversation("A model's title", 1, &["Send the plan", "Call back"]);
        stored.summary_by = SummaryBy::Model;
        stored.starred = true;
        tick(&mut stored, 1);
        // The session knew the extract of before, and no marks.
        let mut again = conversation("Phone call", 1, &["Send the plan", "Call back"]);
        again.contact_name = Some("Ann".to_owned().into());
        let expected = Conversation { contact_name: again.contact_name.clone(), ..stored.clone() };
        assert_eq!(finish_again(&stored, again), expected);
    }

    #[test]
    fn where_the_call_went_on_the_user_s_changes_stay_and_the_rest_is_new() {
        let mut stored = conversation("Mine", 1, &["Send the plan", "Call back", "Call back"]);
        stored.title_given = true;
        tick(&mut stored, 0);
        tick(&mut stored, 2);
        let again = conversation("Made anew", 2, &["Buy paint", "Call back", "Send the plan", "Call back"]);
        let merged = finish_again(&stored, again);
        assert_eq!(merged.structured.title.expose(), "Mine");
        assert!(merged.title_given && !merged.starred && merged.finishes == 2);
        // A session that was restarted counts from the beginning.
        let restarted = Conversation { finishes: 1, ..conversation("Made anew", 2, &[]) };
        assert_eq!(finish_again(&stored, restarted).finishes, 2);
        let items: Vec<_> =
            merged.structured.action_items.iter().map(|item| (item.completed, item.created_at.get())).collect();
        assert_eq!(items, [(false, 2_000), (false, 1_000), (true, 1_000), (true, 1_000)]);
    }
}
