//! What is still to be done for a finished conversation, and how often it is tried.

use fourwire_wire::ids::ConversationId;
use fourwire_wire::units::UnixMillis;
use serde::{Deserialize, Serialize};

use crate::database::{Database, Row, Value, stored, unexpected};
use crate::fault::Fault;

/// Wait before the second try, in milliseconds; four times as long after each further one.
const FIRST_WAIT_MILLIS: u64 = 60_000;
/// How often a thing is tried: at once, then after 1, 5, 21 and 85 minutes, and after 6 hours.
const MAX_TRIES: u32 = 6;

/// Something to be done for a finished conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FollowUp {
    /// A language model is to be asked once more: it was down when the call ended, and the conversation has Fourwire's own extract.
    Summary,
    /// The operator's server is to be notified.
    Webhook,
}

impl FollowUp {
    /// Its name, in the database and the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Summary => "summary",
            Self::Webhook => "webhook",
        }
    }

    /// The one of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Summary, Self::Webhook].into_iter().find(|follow_up| follow_up.name() == name)
    }

    /// How often it has been tried when it is enqueued: a model that has just failed is not asked at once.
    #[must_use]
    pub const fn tries_before(self) -> u32 {
        match self {
            Self::Summary => 1,
            Self::Webhook => 0,
        }
    }
}

/// How long to wait after so many tries, in milliseconds; `None`: it is given up.
#[must_use]
pub fn wait_after(tries: u32) -> Option<u64> {
    match tries {
        0 => Some(0),
        1..MAX_TRIES => Some(FIRST_WAIT_MILLIS.saturating_mul(1 << (2 * (tries - 1)))),
        _ => None,
    }
}

/// A follow-up that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DueFollowUp {
    pub(super) id: ConversationId,
    pub(super) follow_up: FollowUp,
    pub(super) tries: u32,
}

/// The table of follow-ups.
pub(super) struct FollowUps<'a, D>(&'a D);

impl<'a, D: Database> FollowUps<'a, D> {
    pub(super) const fn new(database: &'a D) -> Self {
        Self(database)
    }

    /// It is tried later, having been tried so many times, unless that was often enough.
    pub(super) fn try_later(
        &self,
        id: ConversationId,
        follow_up: FollowUp,
        tries: u32,
        now: UnixMillis,
    ) -> Result<(), Fault> {
        let Some(wait) = wait_after(tries) else { return self.remove(id, follow_up) };
        let values = vec![id.to_string().into(), follow_up.name().into(), i64::from(tries).into(), stored(now + wait)?];
        self.0.execute("INSERT OR REPLACE INTO duties (id, duty, tries, due) VALUES (?, ?, ?, ?)", values)?;
        Ok(())
    }

    /// There is nothing more to be done of it.
    pub(super) fn remove(&self, id: ConversationId, follow_up: FollowUp) -> Result<(), Fault> {
        self.remove_named(&id.to_string(), follow_up.name())
    }

    fn remove_named(&self, id: &str, name: &str) -> Result<(), Fault> {
        self.0.execute("DELETE FROM duties WHERE id = ? AND duty = ?", vec![id.into(), name.into()])?;
        Ok(())
    }

    /// All of them are forgotten.
    pub(super) fn remove_all(&self) -> Result<(), Fault> {
        self.0.execute("DELETE FROM duties", vec![])?;
        Ok(())
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Result<Option<UnixMillis>, Fault> {
        self.0.moment("SELECT min(due) FROM duties")
    }

    /// Those that are due now, the longest due first: so many at most. What another version of this program has enqueued and this one
    /// does not know is removed, since it would keep others waiting for ever.
    pub(super) fn due(&self, most: i64, now: UnixMillis) -> Result<Vec<DueFollowUp>, Fault> {
        let query = "SELECT id, duty, tries FROM duties WHERE due <= ? ORDER BY due LIMIT ?";
        let rows: Vec<Result<Row, Fault>> = self.0.query(query, vec![stored(now)?, most.into()])?.collect();
        let mut due = Vec::new();
        for row in rows {
            let row = row?;
            let [Value::Text(id), Value::Text(name), Value::Integer(tries)] = row.as_slice() else {
                return Err(unexpected("sql.follow_ups"));
            };
            match (ConversationId::parse(id), FollowUp::named(name), u32::try_from(*tries)) {
                (Some(id), Some(follow_up), Ok(tries)) => due.push(DueFollowUp { id, follow_up, tries }),
                _ => self.remove_named(id, name)?,
            }
        }
        Ok(due)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn a_thing_is_tried_at_once_and_then_ever_more_seldom_for_six_hours() {
        let minutes = |tries| wait_after(tries).map(|millis| millis / 60_000);
        let waits: Vec<_> = (0..8).map(minutes).collect();
        assert_eq!(waits, [Some(0), Some(1), Some(4), Some(16), Some(64), Some(256), None, None]);
        assert_eq!(wait_after(u32::MAX), None);
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for follow_up in [FollowUp::Summary, FollowUp::Webhook] {
            assert_eq!(FollowUp::named(follow_up.name()), Some(follow_up));
        }
        assert_eq!(FollowUp::named("duty"), None);
    }
}
