//! A user's index of conversations, with the key of each: without its row here, nobody can read what R2 or a backup of it has.
//! Every entry is sealed; only what is looked up by lies open.

use fourwire_wire::conversation::{ConversationEntry, ConversationStatus};
use fourwire_wire::ids::{CallId, ConversationId, UserId};
use fourwire_wire::units::UnixMillis;

use super::unfinished::{FIRST_LOOK_MILLIS, OVERDUE_MILLIS};
use crate::conversations::{Cursor, Listed, Page, Rows};
use crate::database::{Database, Row, Value, moment, sealed, stored, unexpected};
use crate::fault::{During, Fault};
use crate::vault::{ConversationKey, Vault};

/// A conversation's entry, and its key, wrapped for the user.
pub type Known = (ConversationEntry, Vec<u8>);

/// The name of every operation on these tables, for the log.
const SQL: &str = "sql.conversations";

/// The tables of conversations.
pub(super) struct Index<'a, D> {
    database: &'a D,
    vault: &'a Vault,
    user: &'a UserId,
    now: UnixMillis,
}

/// A count that is stored.
fn count(stored: i64) -> Result<u32, Fault> {
    u32::try_from(stored).during(SQL)
}

/// A conversation that is in progress.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unfinished {
    pub(super) id: ConversationId,
    pub(super) since: UnixMillis,
    /// How often its call's object was asked.
    pub(super) asked: u32,
}

/// A conversation that was deleted here, and may still have something elsewhere.
#[derive(Clone, Debug)]
pub(super) struct PendingDeletion {
    pub(super) id: ConversationId,
    /// Its call, while that may still be running.
    pub(super) call: Option<CallId>,
    pub(super) failures: u32,
}

impl<'a, D: Database> Index<'a, D> {
    pub(super) const fn new(database: &'a D, vault: &'a Vault, user: &'a UserId, now: UnixMillis) -> Self {
        Self { database, vault, user, now }
    }

    /// A key for a conversation that is not added yet, wrapped.
    pub(super) fn new_key(&self, id: ConversationId) -> Result<Vec<u8>, Fault> {
        let key = ConversationKey::from_random(self.database.random()?);
        key.wrap(self.vault, self.user, id, self.database.random()?).during("seal.key")
    }

    /// Adds a conversation in progress with its key, unless it is there.
    pub(super) fn add(&self, entry: &ConversationEntry, key: &[u8]) -> Result<(), Fault> {
        self.set_unfinished(entry.id, entry.created_at)?;
        self.database.execute(
            "INSERT INTO conversations (id, call_id, created_at, entry, key) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (id) DO NOTHING",
            vec![
                entry.id.to_string().into(),
                entry.call_id.as_ref().map(|call| call.as_str().to_owned()).into(),
                stored(entry.created_at)?,
                self.seal(entry)?.into(),
                key.to_vec().into(),
            ],
        )?;
        Ok(())
    }

    /// Lets a conversation go at a moment, unless it changes before.
    pub(super) fn expire(&self, id: ConversationId, at: UnixMillis) -> Result<(), Fault> {
        let values = vec![id.to_string().into(), stored(at)?];
        self.database.execute("INSERT OR REPLACE INTO expiring (id, at) VALUES (?, ?)", values)?;
        Ok(())
    }

    /// Removes those whose moment has come: so many at most.
    pub(super) fn remove_expired(&self, most: i64) -> Result<(), Fault> {
        let which = "WHERE conversations.id IN (SELECT id FROM expiring WHERE at <= ? ORDER BY at LIMIT ?)";
        self.remove_some(which, &[stored(self.now)?, most.into()])?;
        Ok(())
    }

    /// When the next one goes.
    pub(super) fn next_expiry(&self) -> Result<Option<UnixMillis>, Fault> {
        self.database.moment("SELECT min(at) FROM expiring")
    }

    /// Writes an entry in place of the earlier one; false where there is none, since the conversation was deleted.
    pub(super) fn update(&self, entry: &ConversationEntry) -> Result<bool, Fault> {
        self.database.execute("DELETE FROM expiring WHERE id = ?", vec![entry.id.to_string().into()])?;
        // The call's session begins some milliseconds after the entry that it was offered with, and cursors are made of entries.
        let values = vec![self.seal(entry)?.into(), stored(entry.created_at)?, entry.id.to_string().into()];
        let query = "UPDATE conversations SET entry = ?, created_at = ? WHERE id = ? RETURNING id";
        let mut changed = self.database.query(query, values)?;
        let is_there = changed.next().transpose()?.is_some();
        match entry.status {
            ConversationStatus::Completed => self.set_finished(entry.id)?,
            ConversationStatus::InProgress | ConversationStatus::Processing if is_there => {
                self.set_unfinished(entry.id, self.now)?;
            }
            ConversationStatus::InProgress | ConversationStatus::Processing => {}
        }
        Ok(is_there)
    }

    fn set_unfinished(&self, id: ConversationId, since: UnixMillis) -> Result<(), Fault> {
        let values = vec![id.to_string().into(), stored(since)?, stored(since + FIRST_LOOK_MILLIS)?];
        self.database
            .execute("INSERT OR REPLACE INTO unfinished (id, since, asked, due) VALUES (?, ?, 0, ?)", values)?;
        Ok(())
    }

    /// A conversation is in progress no more.
    pub(super) fn set_finished(&self, id: ConversationId) -> Result<(), Fault> {
        self.database.execute("DELETE FROM unfinished WHERE id = ?", vec![id.to_string().into()])?;
        Ok(())
    }

    /// Conversations in progress whose calls' objects are to be asked now: so many at most.
    pub(super) fn to_be_asked(&self, most: i64) -> Result<Vec<Unfinished>, Fault> {
        let query = "SELECT id, since, asked FROM unfinished WHERE due <= ? ORDER BY due LIMIT ?";
        let rows = self.database.query(query, vec![stored(self.now)?, most.into()])?;
        let unfinished = |row: Result<Row, Fault>| match row?.as_slice() {
            [Value::Text(id), Value::Integer(since), Value::Integer(asked)] => {
                let id = ConversationId::parse(id).during(SQL)?;
                Ok(Unfinished { id, since: moment(*since)?, asked: count(*asked)? })
            }
            _ => Err(unexpected(SQL)),
        };
        rows.map(unfinished).collect()
    }

    /// A call's object is to be asked again.
    pub(super) fn ask_again(&self, id: ConversationId, at: UnixMillis) -> Result<(), Fault> {
        let values = vec![stored(at)?, id.to_string().into()];
        self.database.execute("UPDATE unfinished SET due = ?, asked = asked + 1 WHERE id = ?", values)?;
        Ok(())
    }

    /// Writes an entry as [`Self::update`] does, and where there is none, has what was stored of it removed from R2.
    pub(super) fn upsert(&self, entry: &ConversationEntry) -> Result<bool, Fault> {
        let is_there = self.update(entry)?;
        if !is_there {
            // A deletion that waits already knows more.
            self.database.execute(
                "INSERT OR IGNORE INTO pending_deletions (id, call_id, due, failures) VALUES (?, NULL, ?, 0)",
                vec![entry.id.to_string().into(), stored(self.now)?],
            )?;
        }
        Ok(is_there)
    }

    /// Conversations behind a cursor, the newest first: so many at most.
    pub(super) fn behind(&self, after: Option<Cursor>, most: usize) -> Result<Vec<Known>, Fault> {
        self.part(Rows { after, skip: 0, limit: most })?.collect()
    }

    /// A part of the list that a page asks for.
    pub(super) fn page(&self, page: &Page) -> Result<Listed, Fault> {
        page.of(self.part(page.rows())?.map(|known| known.map(|(entry, _)| entry)))
    }

    fn part(&self, rows: Rows) -> Result<impl Iterator<Item = Result<Known, Fault>>, Fault> {
        let number = |number: usize| i64::try_from(number).during(SQL);
        let (which, mut values) = match rows.after {
            Some(Cursor { created_at, id, .. }) => (
                "WHERE (created_at, id) < (?, ?) ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?",
                vec![stored(created_at)?, id.to_string().into()],
            ),
            None => ("ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?", vec![]),
        };
        values.extend([number(rows.limit)?.into(), number(rows.skip)?.into()]);
        self.rows(which, values)
    }

    /// Forgets a conversation and its key, and has what is elsewhere deleted; whether there was one. A call that is running is
    /// ended, and does not come back.
    pub(super) fn remove(&self, id: ConversationId) -> Result<bool, Fault> {
        self.remove_some("WHERE conversations.id = ?", &[id.to_string().into()])
    }

    /// The same for all conversations, in a fixed number of statements: no entry is opened.
    pub(super) fn remove_all(&self) -> Result<(), Fault> {
        self.remove_some("", &[])?;
        Ok(())
    }

    /// The same for conversations that began before a moment: so many at most, the oldest first.
    pub(super) fn remove_before(&self, before: UnixMillis, most: i64) -> Result<(), Fault> {
        let which = "WHERE conversations.id IN (
            SELECT id FROM conversations WHERE created_at < ? ORDER BY created_at LIMIT ?
        )";
        self.remove_some(which, &[stored(before)?, most.into()])?;
        Ok(())
    }

    fn remove_some(&self, which: &str, values: &[Value]) -> Result<bool, Fault> {
        let joined = "FROM conversations LEFT JOIN unfinished ON unfinished.id = conversations.id";
        let with = |first: UnixMillis| Ok::<_, Fault>([&[stored(first)?], values].concat());
        self.database.execute(
            &format!(
                "INSERT OR REPLACE INTO pending_deletions (id, call_id, due, failures)
                 SELECT conversations.id, iif(unfinished.id IS NULL, NULL, call_id), ?, 0 {joined} {which}"
            ),
            with(self.now)?,
        )?;
        let running = if which.is_empty() { "WHERE".to_owned() } else { format!("{which} AND") };
        self.database.execute(
            &format!(
                "INSERT OR REPLACE INTO ended_calls (call_id, until)
                 SELECT call_id, ? {joined} {running} unfinished.id IS NOT NULL AND call_id IS NOT NULL"
            ),
            with(self.now + OVERDUE_MILLIS)?,
        )?;
        let removed =
            self.database.query(&format!("DELETE FROM conversations {which} RETURNING id"), values.to_vec())?;
        let was_there = removed.count() > 0;
        for table in ["unfinished", "expiring"] {
            self.database
                .execute(&format!("DELETE FROM {table} WHERE id NOT IN (SELECT id FROM conversations)"), vec![])?;
        }
        Ok(was_there)
    }

    /// Forgets a conversation of which nothing was ever stored. Its call may begin anew.
    pub(super) fn discard(&self, id: ConversationId) -> Result<(), Fault> {
        self.set_finished(id)?;
        self.remove(id)?;
        Ok(())
    }

    /// Conversations that began at a moment or after it.
    pub(super) fn since(&self, moment: UnixMillis) -> Result<Vec<ConversationEntry>, Fault> {
        self.rows("WHERE created_at >= ?", vec![stored(moment)?])?.map(|known| known.map(|(entry, _)| entry)).collect()
    }

    /// Nothing more is recorded of a call that may be running.
    pub(super) fn end(&self, call: &CallId) -> Result<(), Fault> {
        let values = vec![call.as_str().into(), stored(self.now + OVERDUE_MILLIS)?];
        self.database.execute("INSERT OR REPLACE INTO ended_calls (call_id, until) VALUES (?, ?)", values)?;
        Ok(())
    }

    /// Whether a call is one that was running when its conversation was deleted.
    pub(super) fn is_ended(&self, call: &CallId) -> Result<bool, Fault> {
        self.database.execute("DELETE FROM ended_calls WHERE until <= ?", vec![stored(self.now)?])?;
        let mut ended =
            self.database.query("SELECT 1 FROM ended_calls WHERE call_id = ?", vec![call.as_str().into()])?;
        Ok(ended.next().transpose()?.is_some())
    }

    /// When the oldest conversation began.
    pub(super) fn oldest(&self) -> Result<Option<UnixMillis>, Fault> {
        self.database.moment("SELECT min(created_at) FROM conversations")
    }

    /// When the next call's object is to be asked.
    pub(super) fn next_look(&self) -> Result<Option<UnixMillis>, Fault> {
        self.database.moment("SELECT min(due) FROM unfinished")
    }

    /// When the next deletion is to be gone on with.
    pub(super) fn next_deletion(&self) -> Result<Option<UnixMillis>, Fault> {
        self.database.moment("SELECT min(due) FROM pending_deletions")
    }

    /// Seals entries and keys anew where an earlier master secret has sealed them; how many that were. What the keys seal stays.
    pub(super) fn reseal(&self) -> Result<usize, Fault> {
        let of = |id: &str, address: fn(ConversationId) -> String| {
            ConversationId::parse(id).map(address).unwrap_or_default()
        };
        let entries = ["conversations", "id", "entry"];
        let keys = ["conversations", "id", "key"];
        let entries = sealed::reseal(self.database, self.vault, self.user, entries, |id| of(id, address))?;
        let keys = sealed::reseal(self.database, self.vault, self.user, keys, |id| of(id, ConversationKey::address))?;
        Ok(entries.saturating_add(keys))
    }

    /// Deletions that are to be gone on with now: so many at most.
    pub(super) fn pending_deletions(&self, most: i64) -> Result<Vec<PendingDeletion>, Fault> {
        let query = "SELECT id, call_id, failures FROM pending_deletions WHERE due <= ? ORDER BY due LIMIT ?";
        let rows = self.database.query(query, vec![stored(self.now)?, most.into()])?;
        let pending = |row: Result<Row, Fault>| match row?.as_slice() {
            [Value::Text(id), call, Value::Integer(failures)] => {
                let call = match call {
                    Value::Text(call) => CallId::parse(call).ok(),
                    _ => None,
                };
                let id = ConversationId::parse(id).during(SQL)?;
                Ok(PendingDeletion { id, call, failures: count(*failures)? })
            }
            _ => Err(unexpected(SQL)),
        };
        rows.map(pending).collect()
    }

    /// Nothing is left of a deleted conversation anywhere.
    pub(super) fn deleted(&self, id: ConversationId) -> Result<(), Fault> {
        self.database.execute("DELETE FROM pending_deletions WHERE id = ?", vec![id.to_string().into()])?;
        Ok(())
    }

    /// A deleted conversation is to be looked at again.
    pub(super) fn delete_again(&self, deletion: &PendingDeletion, at: UnixMillis) -> Result<(), Fault> {
        let PendingDeletion { id, call, failures } = deletion;
        self.database.execute(
            "UPDATE pending_deletions SET call_id = ?, due = ?, failures = ? WHERE id = ?",
            vec![
                call.as_ref().map(|call| call.as_str().to_owned()).into(),
                stored(at)?,
                i64::from(*failures).into(),
                id.to_string().into(),
            ],
        )?;
        Ok(())
    }

    /// One conversation.
    pub(super) fn find(&self, id: ConversationId) -> Result<Option<Known>, Fault> {
        self.rows("WHERE id = ?", vec![id.to_string().into()])?.next().transpose()
    }

    /// The conversation of a call.
    pub(super) fn of_call(&self, call: &CallId) -> Result<Option<Known>, Fault> {
        self.rows("WHERE call_id = ?", vec![call.as_str().into()])?.next().transpose()
    }

    fn seal(&self, entry: &ConversationEntry) -> Result<Vec<u8>, Fault> {
        sealed::seal(self.vault, self.user, &address(entry.id), self.database.random()?, entry)
    }

    /// Rows in the order in which they are asked for, each opened when it is taken.
    fn rows(&self, which: &str, values: Vec<Value>) -> Result<impl Iterator<Item = Result<Known, Fault>>, Fault> {
        let rows = self.database.query(&format!("SELECT id, entry, key FROM conversations {which}"), values)?;
        Ok(rows.map(|row| {
            let row = row?;
            let [Value::Text(id), Value::Blob(sealed), Value::Blob(key)] = row.as_slice() else {
                return Err(unexpected(SQL));
            };
            let id = ConversationId::parse(id).during(SQL)?;
            Ok((sealed::open(self.vault, self.user, &address(id), sealed)?, key.clone()))
        }))
    }
}

/// Where an entry lies, for its seal.
fn address(id: ConversationId) -> String {
    format!("index/{id}")
}
