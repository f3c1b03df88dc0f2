//! What a user's object still has to do for finished conversations: having a language model sum one up that was down when the
//! call ended (the conversation has Fourwire's own extract meanwhile), and telling the operator's server of it. What fails is
//! tried again, less and less often.

use std::str::FromStr;
use std::time::Duration;

use fourwire_engine::vault::Vault;
use fourwire_wire::ids::{ConversationId, UserId};
use fourwire_wire::structured::SummaryBy;
use fourwire_wire::units::UnixMillis;
use serde::{Deserialize, Serialize};
use worker::{Method, SqlStorage, SqlStorageValue};

use crate::archive::Archive;
use crate::clock::now;
use crate::outbound::{self, Outgoing};
use crate::problem::{Problem, kind};
use crate::summaries;
use crate::user_do::User;
use crate::user_index::Index;

/// Wait before the second try, in milliseconds; four times as long after each further one.
const FIRST_WAIT_MILLIS: u64 = 60_000;
/// How often a thing is tried: at once, then after 1, 5, 21 and 85 minutes, and after 6 hours.
const TRIES: u32 = 6;
/// How many duties are seen to before other tasks get their turn: each may take half a minute, and an alarm 15 minutes
/// (<https://developers.cloudflare.com/durable-objects/api/alarms/>).
const MAX_A_STEP: i64 = 10;
/// How long the operator's server may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// Something to be done for a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Duty {
    /// A language model is to be asked once more. It was asked before.
    Summary,
    /// The operator's server is to be told.
    Webhook,
}

impl Duty {
    const fn name(self) -> &'static str {
        match self {
            Self::Summary => "summary",
            Self::Webhook => "webhook",
        }
    }
}

impl FromStr for Duty {
    type Err = Problem;

    fn from_str(name: &str) -> Result<Self, Problem> {
        [Self::Summary, Self::Webhook].into_iter().find(|duty| duty.name() == name).ok_or(Problem::Internal)
    }
}

/// A row of the table.
struct Due {
    id: ConversationId,
    duty: Duty,
    tries: u32,
}

/// Makes the table, where there is none yet.
pub(crate) fn create(sql: &SqlStorage) -> Result<(), Problem> {
    sql.exec(
        "CREATE TABLE IF NOT EXISTS duties (
            id TEXT, duty TEXT, tries INTEGER NOT NULL, due INTEGER NOT NULL, PRIMARY KEY (id, duty)
        ) WITHOUT ROWID",
        None,
    )?;
    Ok(())
}

impl User {
    /// Takes a duty on.
    pub(crate) fn owe(&self, id: ConversationId, duty: Duty) -> Result<(), Problem> {
        // A model that has just failed is not asked at once.
        let tries = u32::from(duty == Duty::Summary);
        self.try_later(id, duty, tries)?;
        self.plan();
        Ok(())
    }

    /// When the next one is due.
    pub(crate) fn next_due(&self) -> Result<Option<UnixMillis>, Problem> {
        let row = self.tables()?.exec("SELECT min(due) FROM duties", None)?.raw().next().transpose()?;
        let Some([SqlStorageValue::Integer(at)]) = row.as_deref() else { return Ok(None) };
        Ok(Some(UnixMillis::new(u64::try_from(*at).map_err(|_| Problem::Internal)?)))
    }

    /// Does what is due, so many at most. An error is that duty's own: it counts as a try.
    pub(crate) async fn do_duties(&self, user: &UserId, vault: &Vault) -> Result<(), Problem> {
        let now = i64::try_from(now().get()).map_err(|_| Problem::Internal)?;
        for Due { id, duty, tries } in self.due_duties(now)? {
            let outcome = match duty {
                Duty::Summary => self.sum_up(user, vault, id).await,
                Duty::Webhook => self.tell(user, vault, id).await,
            };
            let is_done = outcome.unwrap_or_else(|problem| {
                worker::console_error!("{}: {}", duty.name(), problem.code());
                false
            });
            let tries = tries.saturating_add(1);
            if is_done || tries >= TRIES {
                let values = vec![id.to_string().into(), duty.name().into()];
                self.tables()?.exec("DELETE FROM duties WHERE id = ? AND duty = ?", values)?;
            } else {
                self.try_later(id, duty, tries)?;
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

    /// Tells the operator's server; whether it knows, or will not be told any more.
    async fn tell(&self, user: &UserId, vault: &Vault, id: ConversationId) -> Result<bool, Problem> {
        let Some(webhook) = self.config.webhook.as_ref().map_err(Clone::clone)? else { return Ok(true) };
        let index = Index::new(self.tables()?, vault, user);
        let Some(archive) = self.archive(&index, user, vault, id)? else { return Ok(true) };
        let Some((conversation, _)) = archive.get().await? else { return Ok(true) };
        let message = webhook.finished(user, &conversation, now()).map_err(|_| Problem::Internal)?;
        let headers = message.headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        let request = Outgoing::with_body(Method::Post, &message.url, &headers, message.body.expose())?;
        match outbound::within(ANSWER_TIMEOUT, async |signal| Ok(request.send(signal).await?.status_code())).await {
            Some(Ok(200..300)) => return Ok(true),
            Some(Ok(status)) => worker::console_warn!("webhook: status {status}"),
            Some(Err(error)) => worker::console_warn!("webhook: not reached: {}", kind(&error)),
            None => worker::console_warn!("webhook: no answer in {} s", ANSWER_TIMEOUT.as_secs()),
        }
        Ok(false)
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

    fn try_later(&self, id: ConversationId, duty: Duty, tries: u32) -> Result<(), Problem> {
        let wait = match tries.checked_sub(1) {
            None => 0,
            Some(waits) => FIRST_WAIT_MILLIS.saturating_mul(1 << waits.saturating_mul(2).min(16)),
        };
        let due = i64::try_from((now() + wait).get()).map_err(|_| Problem::Internal)?;
        let values = vec![id.to_string().into(), duty.name().into(), i64::from(tries).into(), due.into()];
        self.tables()?.exec("INSERT OR REPLACE INTO duties (id, duty, tries, due) VALUES (?, ?, ?, ?)", values)?;
        Ok(())
    }

    fn due_duties(&self, now: i64) -> Result<Vec<Due>, Problem> {
        let query = "SELECT id, duty, tries FROM duties WHERE due <= ? ORDER BY due LIMIT ?";
        let rows: Vec<_> = self.tables()?.exec(query, vec![now.into(), MAX_A_STEP.into()])?.raw().collect();
        let mut due = Vec::new();
        for row in rows {
            let row = row?;
            let [SqlStorageValue::String(id), SqlStorageValue::String(duty), SqlStorageValue::Integer(tries)] =
                row.as_slice()
            else {
                return Err(Problem::Internal);
            };
            if let (Some(id), Ok(duty), Ok(tries)) = (ConversationId::parse(id), duty.parse(), u32::try_from(*tries)) {
                due.push(Due { id, duty, tries });
            } else {
                // Another version's: it must not keep others waiting.
                worker::console_error!("a duty of another version is dropped");
                let values = vec![id.as_str().into(), duty.as_str().into()];
                self.tables()?.exec("DELETE FROM duties WHERE id = ? AND duty = ?", values)?;
            }
        }
        Ok(due)
    }
}
