//! A user's index of conversations, with the key of each: without its row here, nobody can read what R2 or a backup of it has.
//! Every entry is sealed; only what is looked up by lies open.

use fourwire_engine::conversations::Page;
use fourwire_engine::vault::{ConversationKey, Vault};
use fourwire_wire::conversation::ConversationEntry;
use fourwire_wire::ids::{CallId, ConversationId, UserId};
use fourwire_wire::units::UnixMillis;
use worker::{SqlStorage, SqlStorageValue};

use crate::problem::Problem;
use crate::sealed;

/// A conversation's entry, and its key, wrapped.
pub(crate) type Known = (ConversationEntry, Vec<u8>);

/// The table of conversations.
pub(crate) struct Index<'a> {
    sql: SqlStorage,
    vault: &'a Vault,
    user: &'a UserId,
}

/// Makes the tables, where there are none yet.
pub(crate) fn create(sql: &SqlStorage) -> Result<(), Problem> {
    // In which nothing was said, and when they go.
    sql.exec("CREATE TABLE IF NOT EXISTS expiring (id TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID", None)?;
    // What was deleted here, and may still have something in R2.
    sql.exec("CREATE TABLE IF NOT EXISTS leaving (id TEXT PRIMARY KEY) WITHOUT ROWID", None)?;
    sql.exec(
        "CREATE TABLE IF NOT EXISTS conversations (
            id TEXT PRIMARY KEY, call_id TEXT UNIQUE, created_at INTEGER NOT NULL, entry BLOB NOT NULL,
            key BLOB NOT NULL
        ) WITHOUT ROWID",
        None,
    )?;
    Ok(())
}

impl<'a> Index<'a> {
    pub(crate) const fn new(sql: SqlStorage, vault: &'a Vault, user: &'a UserId) -> Self {
        Self { sql, vault, user }
    }

    /// What seals the entries.
    pub(crate) const fn vault(&self) -> &Vault {
        self.vault
    }

    /// Whose they are.
    pub(crate) const fn user(&self) -> &UserId {
        self.user
    }

    /// A key for a conversation that is not added yet, wrapped.
    pub(crate) fn new_key(&self, id: ConversationId) -> Result<Vec<u8>, Problem> {
        ConversationKey::from_random(sealed::random()?)
            .wrap(self.vault, self.user, id, sealed::nonce()?)
            .map_err(|_| Problem::Internal)
    }

    /// Adds a conversation with its key, unless it is there.
    pub(crate) fn add(&self, entry: &ConversationEntry, key: &[u8]) -> Result<(), Problem> {
        let created = i64::try_from(entry.created_at.get()).map_err(|_| Problem::Internal)?;
        self.sql.exec(
            "INSERT INTO conversations (id, call_id, created_at, entry, key) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (id) DO NOTHING",
            vec![
                entry.id.to_string().into(),
                entry.call_id.as_ref().map(|call| call.as_str().to_owned()).into(),
                created.into(),
                self.seal(entry)?.into(),
                key.to_vec().into(),
            ],
        )?;
        Ok(())
    }

    /// Lets a conversation go at a moment, unless it changes before.
    pub(crate) fn expire(&self, id: ConversationId, at: UnixMillis) -> Result<(), Problem> {
        let at = i64::try_from(at.get()).map_err(|_| Problem::Internal)?;
        self.sql
            .exec("INSERT OR REPLACE INTO expiring (id, at) VALUES (?, ?)", vec![id.to_string().into(), at.into()])?;
        Ok(())
    }

    /// Those whose moment has come.
    pub(crate) fn expired(&self, now: UnixMillis) -> Result<Vec<ConversationId>, Problem> {
        let now = i64::try_from(now.get()).map_err(|_| Problem::Internal)?;
        self.ids("SELECT id FROM expiring WHERE at <= ?", vec![now.into()])
    }

    /// When the next one goes.
    pub(crate) fn next_expiry(&self) -> Result<Option<UnixMillis>, Problem> {
        match self.sql.exec("SELECT MIN(at) FROM expiring", None)?.raw().next().transpose()?.as_deref() {
            Some([SqlStorageValue::Integer(at)]) => {
                Ok(Some(UnixMillis::new(u64::try_from(*at).map_err(|_| Problem::Internal)?)))
            }
            _ => Ok(None),
        }
    }

    fn stay(&self, id: ConversationId) -> Result<(), Problem> {
        self.sql.exec("DELETE FROM expiring WHERE id = ?", vec![id.to_string().into()])?;
        Ok(())
    }

    /// Keeps an entry in place of the earlier one; false where there is none, since the conversation was deleted.
    pub(crate) fn keep(&self, entry: &ConversationEntry) -> Result<bool, Problem> {
        self.stay(entry.id)?;
        let values = vec![self.seal(entry)?.into(), entry.id.to_string().into()];
        let changed = self.sql.exec("UPDATE conversations SET entry = ? WHERE id = ? RETURNING id", values)?;
        Ok(changed.raw().next().transpose()?.is_some())
    }

    /// Keeps an entry as [`Self::keep`] does, and where there is none, has what was stored of it removed from R2.
    pub(crate) fn keep_or_leave(&self, entry: &ConversationEntry) -> Result<bool, Problem> {
        let is_kept = self.keep(entry)?;
        if !is_kept {
            self.leave(entry.id)?;
        }
        Ok(is_kept)
    }

    /// All conversations, the newest first.
    pub(crate) fn all(&self) -> Result<Vec<Known>, Problem> {
        self.rows("ORDER BY created_at DESC", vec![])?.collect()
    }

    /// A part of all entries.
    pub(crate) fn page(&self, page: &Page) -> Result<Vec<ConversationEntry>, Problem> {
        page.of(self.rows("ORDER BY created_at DESC", vec![])?.map(|known| known.map(|(entry, _)| entry)))
    }

    /// Forgets a conversation and its key; whether there was one.
    pub(crate) fn remove(&self, id: ConversationId) -> Result<bool, Problem> {
        self.stay(id)?;
        let removed =
            self.sql.exec("DELETE FROM conversations WHERE id = ? RETURNING id", vec![id.to_string().into()])?;
        let was_there = removed.raw().next().transpose()?.is_some();
        if was_there {
            self.leave(id)?;
        }
        Ok(was_there)
    }

    /// Conversations that began before a moment, the oldest first.
    pub(crate) fn before(&self, moment: UnixMillis) -> Result<Vec<ConversationEntry>, Problem> {
        let moment = i64::try_from(moment.get()).map_err(|_| Problem::Internal)?;
        let rows = self.rows("WHERE created_at < ? ORDER BY created_at", vec![moment.into()])?;
        rows.map(|known| known.map(|(entry, _)| entry)).collect()
    }

    /// The oldest conversation.
    pub(crate) fn oldest(&self) -> Result<Option<ConversationEntry>, Problem> {
        Ok(self.rows("ORDER BY created_at LIMIT 1", vec![])?.next().transpose()?.map(|(entry, _)| entry))
    }

    /// Seals entries and keys anew where an earlier master secret has sealed them; how many that were. What the keys seal stays.
    pub(crate) fn reseal(&self) -> Result<usize, Problem> {
        let of = |id: &str, address: fn(ConversationId) -> String| {
            ConversationId::parse(id).map(address).unwrap_or_default()
        };
        let entries = ["conversations", "id", "entry"];
        let keys = ["conversations", "id", "key"];
        let entries = sealed::reseal(&self.sql, self.vault, self.user, entries, |id| of(id, address))?;
        Ok(entries + sealed::reseal(&self.sql, self.vault, self.user, keys, |id| of(id, ConversationKey::address))?)
    }

    /// What was removed here, and may still have something in R2.
    pub(crate) fn leaving(&self) -> Result<Vec<ConversationId>, Problem> {
        self.ids("SELECT id FROM leaving", vec![])
    }

    fn ids(&self, query: &str, values: Vec<SqlStorageValue>) -> Result<Vec<ConversationId>, Problem> {
        let rows = self.sql.exec(query, values)?.raw();
        let id = |row: worker::Result<Vec<SqlStorageValue>>| match row?.as_slice() {
            [SqlStorageValue::String(id)] => ConversationId::parse(id).ok_or(Problem::Internal),
            _ => Err(Problem::Internal),
        };
        rows.map(id).collect()
    }

    /// R2 has nothing more of a conversation.
    pub(crate) fn left(&self, id: ConversationId) -> Result<(), Problem> {
        self.sql.exec("DELETE FROM leaving WHERE id = ?", vec![id.to_string().into()])?;
        Ok(())
    }

    fn leave(&self, id: ConversationId) -> Result<(), Problem> {
        self.sql.exec("INSERT OR IGNORE INTO leaving (id) VALUES (?)", vec![id.to_string().into()])?;
        Ok(())
    }

    /// One conversation.
    pub(crate) fn find(&self, id: ConversationId) -> Result<Option<Known>, Problem> {
        self.rows("WHERE id = ?", vec![id.to_string().into()])?.next().transpose()
    }

    /// The conversation of a call.
    pub(crate) fn of_call(&self, call: &CallId) -> Result<Option<Known>, Problem> {
        self.rows("WHERE call_id = ?", vec![call.as_str().into()])?.next().transpose()
    }

    fn seal(&self, entry: &ConversationEntry) -> Result<Vec<u8>, Problem> {
        sealed::seal(self.vault, self.user, &address(entry.id), entry)
    }

    /// Rows in the order in which they are asked for, each opened when it is taken.
    fn rows(
        &self,
        which: &str,
        values: Vec<SqlStorageValue>,
    ) -> Result<impl Iterator<Item = Result<Known, Problem>>, Problem> {
        let rows = self.sql.exec(&format!("SELECT id, entry, key FROM conversations {which}"), values)?.raw();
        Ok(rows.map(|row| {
            let row = row?;
            let [SqlStorageValue::String(id), SqlStorageValue::Blob(sealed), SqlStorageValue::Blob(key)] =
                row.as_slice()
            else {
                return Err(Problem::Internal);
            };
            let id = ConversationId::parse(id).ok_or(Problem::Internal)?;
            Ok((sealed::open(self.vault, self.user, &address(id), sealed)?, key.clone()))
        }))
    }
}

/// Where an entry lies, for its seal.
fn address(id: ConversationId) -> String {
    format!("index/{id}")
}
