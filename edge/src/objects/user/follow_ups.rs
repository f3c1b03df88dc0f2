//! What a user's object still has to do for finished conversations: having a language model sum one up that was down when the
//! call ended (the conversation has Fourwire's own extract meanwhile), and telling the operator's server of it. What fails is
//! tried again, less and less often.

use fourwire_engine::user::follow_up::{FollowUp, wait_after};
use fourwire_engine::vault::Vault;
use fourwire_wire::ids::{ConversationId, UserId};
use fourwire_wire::structured::SummaryBy;
use fourwire_wire::units::UnixMillis;
use worker::SqlStorageValue;

use super::index::Index;
use super::state::User;
use crate::clock::now;
use crate::fault::{During, Fault};
use crate::log;
use crate::outbound::{language_model, webhook};
use crate::problem::Problem;
use crate::storage::archive::Archive;

/// How many follow-ups are seen to before other tasks get their turn: each may take half a minute, and an alarm 15 minutes
/// (<https://developers.cloudflare.com/durable-objects/api/alarms/>).
const MAX_A_STEP: i64 = 10;

/// A row of the table.
struct Due {
    id: ConversationId,
    follow_up: FollowUp,
    tries: u32,
}

impl User {
    /// Something is still to be done for a finished conversation.
    pub(super) fn enqueue(&self, id: ConversationId, follow_up: FollowUp) -> Result<(), Problem> {
        self.try_later(id, follow_up, follow_up.tries_before())?;
        self.plan();
        Ok(())
    }

    /// When the next one is due.
    pub(super) fn next_follow_up(&self) -> Result<Option<UnixMillis>, Problem> {
        let row = self.tables()?.exec("SELECT min(due) FROM duties", None)?.raw().next().transpose()?;
        let Some([SqlStorageValue::Integer(at)]) = row.as_deref() else { return Ok(None) };
        Ok(Some(UnixMillis::new(u64::try_from(*at).during("sql.follow_ups")?)))
    }

    /// Does what is due, so many at most. An error is that follow-up's own: it counts as a try.
    pub(super) async fn run_follow_ups(&self, user: &UserId, vault: &Vault) -> Result<(), Problem> {
        let now = i64::try_from(now().get()).during("sql.follow_ups")?;
        for Due { id, follow_up, tries } in self.due_follow_ups(now)? {
            let outcome = match follow_up {
                FollowUp::Summary => self.sum_up(user, vault, id).await,
                FollowUp::Webhook => self.notify(user, vault, id).await,
            };
            let is_done = outcome.unwrap_or_else(|problem| {
                log::error!("follow_up_failed", task = follow_up.name(), conversation = id, error = problem.cause());
                false
            });
            if is_done {
                self.drop_follow_up(&id.to_string(), follow_up.name())?;
            } else {
                self.try_later(id, follow_up, tries.saturating_add(1))?;
            }
        }
        Ok(())
    }

    /// Asks the model; whether there is nothing more to ask, for better or worse.
    async fn sum_up(&self, user: &UserId, vault: &Vault, id: ConversationId) -> Result<bool, Problem> {
        if self.config.summariser.is_err() {
            // The operator wants a model and has mistyped something: there may be one later.
            return Ok(false);
        }
        let index = Index::new(self.tables()?, vault, user);
        let Some(archive) = self.archive(&index, user, vault, id)? else { return Ok(true) };
        let Some((mut conversation, version)) = archive.get().await? else { return Ok(true) };
        if conversation.summary_by != SummaryBy::Extract {
            return Ok(true);
        }
        match language_model::sum_up(&self.env, &conversation).await {
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

    /// Tells the operator's server; whether it knows, or will not be told any more.
    async fn notify(&self, user: &UserId, vault: &Vault, id: ConversationId) -> Result<bool, Problem> {
        let Some(webhook) = self.config.webhook.as_ref().map_err(Clone::clone)? else { return Ok(true) };
        let index = Index::new(self.tables()?, vault, user);
        let Some(archive) = self.archive(&index, user, vault, id)? else { return Ok(true) };
        let Some((conversation, _)) = archive.get().await? else { return Ok(true) };
        let message = webhook.finished(user, &conversation, now()).during("webhook.write")?;
        webhook::send(&message, id).await
    }

    /// Where a conversation is kept; `None` for one that was deleted meanwhile.
    fn archive(
        &self,
        index: &Index<'_>,
        user: &UserId,
        vault: &Vault,
        id: ConversationId,
    ) -> Result<Option<Archive>, Problem> {
        let Some((_, key)) = index.find(id)? else { return Ok(None) };
        Archive::open(&self.env, vault, user, id, &key).map(Some)
    }

    /// It is tried again later, unless it has been tried often enough.
    fn try_later(&self, id: ConversationId, follow_up: FollowUp, tries: u32) -> Result<(), Problem> {
        let Some(wait) = wait_after(tries) else { return self.drop_follow_up(&id.to_string(), follow_up.name()) };
        let due = i64::try_from((now() + wait).get()).during("sql.follow_ups")?;
        let values = vec![id.to_string().into(), follow_up.name().into(), i64::from(tries).into(), due.into()];
        self.tables()?.exec("INSERT OR REPLACE INTO duties (id, duty, tries, due) VALUES (?, ?, ?, ?)", values)?;
        Ok(())
    }

    fn drop_follow_up(&self, id: &str, name: &str) -> Result<(), Problem> {
        self.tables()?.exec("DELETE FROM duties WHERE id = ? AND duty = ?", vec![id.into(), name.into()])?;
        Ok(())
    }

    fn due_follow_ups(&self, now: i64) -> Result<Vec<Due>, Problem> {
        let query = "SELECT id, duty, tries FROM duties WHERE due <= ? ORDER BY due LIMIT ?";
        let rows: Vec<_> = self.tables()?.exec(query, vec![now.into(), MAX_A_STEP.into()])?.raw().collect();
        let mut due = Vec::new();
        for row in rows {
            let row = row?;
            let [SqlStorageValue::String(id), SqlStorageValue::String(name), SqlStorageValue::Integer(tries)] =
                row.as_slice()
            else {
                return Err(Fault::new("sql.follow_ups", "a row is not of the expected form").into());
            };
            let known = (ConversationId::parse(id), FollowUp::named(name), u32::try_from(*tries));
            if let (Some(id), Some(follow_up), Ok(tries)) = known {
                due.push(Due { id, follow_up, tries });
            } else {
                // Another version's: it must not keep others waiting.
                log::error!("follow_up_not_known", task = name);
                self.drop_follow_up(id, name)?;
            }
        }
        Ok(due)
    }
}
