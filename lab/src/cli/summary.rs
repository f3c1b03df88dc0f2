//! A finished conversation on the screen: what was made of it, then what was said.

use std::fmt;

use fourwire_lab::app::text;
use fourwire_lab::picture::{category, moment};
use fourwire_lab::recording::Recording;
use fourwire_lab::wer::wer;
use fourwire_wire::conversation::Conversation;
use fourwire_wire::frame::Channel;
use fourwire_wire::structured::{ActionItem, CalendarEvent, Structured};

use super::captions::{clock, name};

/// What became of a call.
pub struct Summary<'a> {
    /// The record.
    pub conversation: &'a Conversation,
    /// What was played: where it is known what is said in it, the transcript is judged.
    pub recording: &'a Recording,
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { conversation, recording } = self;
        write!(f, "\n{}\nConversation {}\n", Made(&conversation.structured), conversation.id)?;
        for audio in &conversation.audio {
            let name = name(audio.channel == Channel::User);
            writeln!(f, "  {name:<5} {:.1} s of audio", audio.samples.seconds())?;
        }
        let mut segments = conversation.transcript_segments.clone();
        segments.sort_by(|a, b| a.start.total_cmp(&b.start));
        for segment in &segments {
            let (who, said) = (name(segment.is_user), plain(segment.text.expose()));
            writeln!(f, "{}  {who:<5}  {said}", clock(segment.start))?;
        }
        for channel in Channel::BOTH {
            if let Some(said) = recording.reference(channel) {
                let compared = wer(&said, &text(&segments, channel));
                writeln!(f, "  {:<5} word error rate {compared}", name(channel == Channel::User))?;
            }
        }
        Ok(())
    }
}

/// What was made of the text.
struct Made<'a>(&'a Structured);

impl fmt::Display for Made<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Structured { title, overview, emoji, category: about, action_items, events }) = self;
        writeln!(f, "{}  {}  ({})", plain(emoji), plain(title.expose()), category(*about))?;
        if !overview.expose().trim().is_empty() {
            writeln!(f, "\n{}", plain(overview.expose()))?;
        }
        if !action_items.is_empty() {
            writeln!(f, "\nTo do")?;
        }
        for ActionItem { description, completed, due_at, .. } in action_items {
            let mark = if *completed { 'x' } else { ' ' };
            let due = due_at.map(|due| format!(" (due {})", moment(due))).unwrap_or_default();
            writeln!(f, "  [{mark}] {}{due}", plain(description.expose()))?;
        }
        if !events.is_empty() {
            writeln!(f, "\nArranged")?;
        }
        for CalendarEvent { title, description, start, duration, .. } in events {
            writeln!(f, "  {}, {duration} min: {}", moment(*start), plain(title.expose()))?;
            if !description.expose().trim().is_empty() {
                writeln!(f, "      {}", plain(description.expose()))?;
            }
        }
        Ok(())
    }
}

/// A text as one line that cannot steer the terminal.
fn plain(text: &str) -> String {
    text.split(char::is_control).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use fourwire_wire::ids::ConversationId;
    use fourwire_wire::pii::Pii;
    use fourwire_wire::structured::Category;
    use fourwire_wire::units::UnixMillis;

    use super::*;

    fn pii(text: &str) -> Pii<String> {
        Pii::new(text.to_owned())
    }

    #[test]
    fn title_overview_tasks_and_events_are_shown_with_their_times() {
        let at = UnixMillis::new(1_795_491_660_000);
        let item = |description, completed, due_at| ActionItem {
            description: pii(description),
            completed,
            created_at: at,
            updated_at: at,
            due_at,
            completed_at: None,
            conversation_id: ConversationId::from_random([1; 16]),
        };
        let structured = Structured {
            overview: pii("They agree on a date."),
            emoji: "🦷".to_owned(),
            category: Category::Health,
            action_items: vec![item("Send the form", false, Some(at)), item("Call back", true, None)],
            events: vec![CalendarEvent {
                title: pii("Check-up"),
                description: pii("Second floor"),
                start: at,
                duration: 45,
                created: false,
            }],
            ..Structured::titled("An Appointment\u{1b}[2J")
        };
        assert_eq!(
            Made(&structured).to_string(),
            "🦷  An Appointment [2J  (Health)\n\nThey agree on a date.\n\n\
             To do\n  [ ] Send the form (due Tuesday, 24 November 2026, 03:41 UTC)\n  [x] Call back\n\n\
             Arranged\n  Tuesday, 24 November 2026, 03:41 UTC, 45 min: Check-up\n      Second floor\n"
        );
    }

    #[test]
    fn a_call_of_which_nothing_is_known_is_one_line() {
        assert_eq!(Made(&Structured::titled("Phone call")).to_string(), "📞  Phone call  (Other)\n");
    }
}
