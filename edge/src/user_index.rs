//! A user's index of conversations. Every entry is sealed; only what is looked up by lies open.

use fourwire_engine::vault::Vault;
use fourwire_wire::conversation::ConversationEntry;
use fourwire_wire::ids::{CallId, ConversationId, UserId};
use worker::{SqlStorage, SqlStorageValue, State};

use crate::archive;
use crate::problem::Problem;

/// The table of conversations.
pub(crate) struct Index<'a> {
    sql: SqlStorage,
    vault: &'a Vault,
    user: &'a UserId,
}

impl<'a> Index<'a> {
    pub(crate) fn open(state: &State, vault: &'a Vault, user: &'a UserId) -> Result<Self, Problem> {
        let sql = state.storage().sql();
        sql.exec(
            "CREATE TABLE IF NOT EXISTS conversations (
                id TEXT PRIMARY KEY, call_id TEXT UNIQUE, created_at INTEGER NOT NULL, entry BLOB NOT NULL
            ) WITHOUT ROWID",
            None,
        )?;
        Ok(Self { sql, vault, user })
    }

    /// Keeps an entry, in place of an earlier one.
    pub(crate) fn keep(&self, entry: &ConversationEntry) -> Result<(), Problem> {
        let plain = serde_json::to_vec(entry).map_err(|_| Problem::Internal)?;
        let sealed =
            self.vault.seal(self.user, &address(entry.id), archive::nonce()?, &plain).map_err(|_| Problem::Internal)?;
        let created = i64::try_from(entry.created_at.get()).map_err(|_| Problem::Internal)?;
        self.sql.exec(
            "INSERT INTO conversations (id, call_id, created_at, entry) VALUES (?, ?, ?, ?)
             ON CONFLICT (id) DO UPDATE SET entry = excluded.entry",
            vec![
                entry.id.to_string().into(),
                entry.call_id.as_ref().map(|call| call.as_str().to_owned()).into(),
                created.into(),
                sealed.into(),
            ],
        )?;
        Ok(())
    }

    /// All entries, the newest first.
    pub(crate) fn all(&self) -> Result<Vec<ConversationEntry>, Problem> {
        self.read("SELECT id, entry FROM conversations ORDER BY created_at DESC", vec![])
    }

    /// One entry.
    pub(crate) fn find(&self, id: ConversationId) -> Result<Option<ConversationEntry>, Problem> {
        let rows = self.read("SELECT id, entry FROM conversations WHERE id = ?", vec![id.to_string().into()])?;
        Ok(rows.into_iter().next())
    }

    /// The entry of a call.
    pub(crate) fn of_call(&self, call: &CallId) -> Result<Option<ConversationEntry>, Problem> {
        let rows =
            self.read("SELECT id, entry FROM conversations WHERE call_id = ?", vec![call.as_str().to_owned().into()])?;
        Ok(rows.into_iter().next())
    }

    fn read(&self, query: &str, values: Vec<SqlStorageValue>) -> Result<Vec<ConversationEntry>, Problem> {
        let mut entries = Vec::new();
        for row in self.sql.exec(query, values)?.raw() {
            let row = row?;
            let [SqlStorageValue::String(id), SqlStorageValue::Blob(sealed)] = row.as_slice() else {
                return Err(Problem::Internal);
            };
            let id = ConversationId::parse(id).ok_or(Problem::Internal)?;
            let plain = self.vault.open(self.user, &address(id), sealed).map_err(|error| {
                worker::console_error!("an index entry {error}");
                Problem::Internal
            })?;
            entries.push(serde_json::from_slice(&plain).map_err(|_| Problem::Internal)?);
        }
        Ok(entries)
    }
}

/// Where an entry lies, for its seal.
fn address(id: ConversationId) -> String {
    format!("index/{id}")
}
