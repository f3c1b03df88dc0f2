//! Summaries that a language model still owes: it was down when the call ended, and the conversation has Fourwire's own extract
//! meanwhile. The user's object asks again, less and less often.

use fourwire_engine::vault::Vault;
use fourwire_wire::ids::{ConversationId, UserId};
use fourwire_wire::structured::SummaryBy;
use fourwire_wire::units::UnixMillis;
use worker::{SqlStorage, SqlStorageValue};

use crate::archive::Archive;
use crate::clock::now;
use crate::problem::Problem;
use crate::summaries;
use crate::user_do::User;
use crate::user_index::Index;

/// Wait before a model is asked again, in milliseconds; four times as long after each failure.
const FIRST_WAIT_MILLIS: u64 = 60_000;
/// How often it is asked again: after 1, 5, 21 and 85 minutes, and after 6 hours.
const TRIES: u32 = 5;

/// Makes the table, where there is none yet.
pub(crate) fn create(sql: &SqlStorage) -> Result<(), Problem> {
    sql.exec("CREATE TABLE IF NOT EXISTS owed (id TEXT PRIMARY KEY, tries INTEGER, due INTEGER) WITHOUT ROWID", None)?;
    Ok(())
}

impl User {
    /// Notes that a conversation's summary is owed.
    pub(crate) fn owe(&self, index: &Index<'_>, id: ConversationId) -> Result<(), Problem> {
        self.note(id, 0)?;
        self.plan(index)
    }

    /// When the next one is due.
    pub(crate) fn next_owed(&self) -> Result<Option<UnixMillis>, Problem> {
        let due = self.owed("ORDER BY due LIMIT 1", vec![])?;
        Ok(due.first().map(|(_, _, due)| *due))
    }

    /// Asks for those that are due.
    pub(crate) async fn ask_for_owed(&self, user: &UserId, vault: &Vault) -> Result<(), Problem> {
        let now = i64::try_from(now().get()).map_err(|_| Problem::Internal)?;
        for (id, tries, _) in self.owed("WHERE due <= ?", vec![now.into()])? {
            let is_settled = self.ask_for(user, vault, id).await?;
            if is_settled || tries.saturating_add(1) >= TRIES {
                self.tables()?.exec("DELETE FROM owed WHERE id = ?", vec![id.to_string().into()])?;
            } else {
                self.note(id, tries.saturating_add(1))?;
            }
        }
        Ok(())
    }

    /// Whether nothing is owed any more, for better or worse.
    async fn ask_for(&self, user: &UserId, vault: &Vault, id: ConversationId) -> Result<bool, Problem> {
        let index = Index::new(self.tables()?, vault, user);
        let Some((_, key)) = index.find(id)? else { return Ok(true) };
        let archive = Archive::open(&self.env, vault, user, id, &key)?;
        let Some((mut conversation, version)) = archive.get().await? else { return Ok(true) };
        if conversation.summary_by != SummaryBy::Extract {
            return Ok(true);
        }
        match summaries::ask(&self.env, &conversation).await {
            Some(Ok(structured)) => conversation.sum_up(structured, SummaryBy::Model),
            Some(Err(error)) => return Ok(!error.is_retryable()),
            None => return Ok(true),
        }
        let is_stored = archive.replace(&conversation, version).await?;
        if is_stored {
            index.keep(&conversation.entry())?;
        }
        Ok(is_stored)
    }

    fn note(&self, id: ConversationId, tries: u32) -> Result<(), Problem> {
        let due = now() + FIRST_WAIT_MILLIS.saturating_mul(1 << tries.saturating_mul(2).min(16));
        let due = i64::try_from(due.get()).map_err(|_| Problem::Internal)?;
        let values = vec![id.to_string().into(), i64::from(tries).into(), due.into()];
        self.tables()?.exec("INSERT OR REPLACE INTO owed (id, tries, due) VALUES (?, ?, ?)", values)?;
        Ok(())
    }

    fn owed(
        &self,
        which: &str,
        values: Vec<SqlStorageValue>,
    ) -> Result<Vec<(ConversationId, u32, UnixMillis)>, Problem> {
        let rows = self.tables()?.exec(&format!("SELECT id, tries, due FROM owed {which}"), values)?.raw();
        rows.map(|row| {
            let row = row?;
            let [SqlStorageValue::String(id), SqlStorageValue::Integer(tries), SqlStorageValue::Integer(due)] =
                row.as_slice()
            else {
                return Err(Problem::Internal);
            };
            let id = ConversationId::parse(id).ok_or(Problem::Internal)?;
            let tries = u32::try_from(*tries).map_err(|_| Problem::Internal)?;
            let due = u64::try_from(*due).map_err(|_| Problem::Internal)?;
            Ok((id, tries, UnixMillis::new(due)))
        })
        .collect()
    }
}
