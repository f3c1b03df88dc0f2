//! What a user's object counts: calls that are recorded, their minutes, and how often a language model was asked anew. The whole
//! deployment's minutes are counted from here too, a call's once a minute.

use fourwire_engine::config::Quotas;
use fourwire_engine::limit::TooOften;
use fourwire_engine::quota::deployment::Counter;
use fourwire_engine::quota::reprocessing::Reprocessing;
use fourwire_engine::quota::sessions::{Counted, SessionError, Sessions, Stretch};
use fourwire_engine::vault::{Owner, Vault};
use fourwire_wire::conversation::ConversationEntry;
use fourwire_wire::ids::{CallId, ConversationId, UserId};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::now;
use crate::deployment_do;
use crate::problem::Problem;
use crate::sealed_row::SealedRow;
use crate::user_do::User;
use crate::user_index::Index;

impl User {
    /// Gives a call a slot, or says why there is none.
    pub(crate) fn open_session(
        &self,
        vault: &Vault,
        user: &UserId,
        call: &CallId,
    ) -> Result<Result<(), SessionError>, Problem> {
        let limits = self.quotas()?.sessions;
        self.change(vault, user, "sessions", |sessions: &mut Sessions| sessions.open(call, &limits, now()))
    }

    /// A call goes on.
    pub(crate) fn count(
        &self,
        vault: &Vault,
        user: &UserId,
        call: &CallId,
        audio: Stretch,
    ) -> Result<Counted, Problem> {
        let limits = self.quotas()?.sessions;
        let counted = self
            .change(vault, user, "sessions", |sessions: &mut Sessions| sessions.report(call, audio, &limits, now()))?;
        self.count_for_all(counted);
        Ok(counted)
    }

    /// A call is over.
    pub(crate) fn release(&self, vault: &Vault, user: &UserId, call: &CallId, audio: Stretch) -> Result<(), Problem> {
        let limits = self.quotas()?.sessions;
        let counted = self
            .change(vault, user, "sessions", |sessions: &mut Sessions| sessions.close(call, audio, &limits, now()))?;
        self.count_for_all(counted);
        Ok(())
    }

    /// Enters the conversation of a call whose first audio has come, and sees to it that it is deleted in time.
    pub(crate) fn register(&self, index: &Index<'_>, entry: &ConversationEntry, key: &[u8]) -> Result<(), Problem> {
        // The user may have deleted it since: its call does not come back.
        let is_ended = entry.call_id.as_ref().map(|call| index.is_ended(call)).transpose()? == Some(true);
        if !is_ended {
            index.add(entry, key)?;
            self.plan();
        }
        Ok(())
    }

    /// The calls that have a slot.
    pub(crate) fn open_calls(&self, vault: &Vault, user: &UserId) -> Result<Vec<CallId>, Problem> {
        let sessions: Sessions = SealedRow::new(&self.state, vault, Owner::User(user), "sessions").read()?;
        Ok(sessions.calls().cloned().collect())
    }

    /// A conversation is to be summed up anew.
    pub(crate) fn reprocess(
        &self,
        vault: &Vault,
        user: &UserId,
        id: ConversationId,
    ) -> Result<Result<(), TooOften>, Problem> {
        let an_hour = self.quotas()?.reprocess_an_hour;
        self.change(vault, user, "reprocessing", |known: &mut Reprocessing| known.take(id, an_hour, now()))
    }

    /// Nothing was said in a conversation: it goes after a while.
    pub(crate) fn expire(&self, index: &Index<'_>, id: ConversationId) -> Result<(), Problem> {
        if let Some(wait) = self.quotas()?.discarded_millis {
            index.expire(id, now() + wait)?;
            self.plan();
        }
        Ok(())
    }

    fn count_for_all(&self, counted: Counted) {
        if counted.millis > 0 {
            let env = self.env.clone();
            self.state.wait_until(async move { deployment_do::add(&env, Counter::SpeechMillis, counted.millis).await });
        }
    }

    fn change<T: Clone + Default + PartialEq + Serialize + DeserializeOwned, R>(
        &self,
        vault: &Vault,
        user: &UserId,
        name: &'static str,
        change: impl FnOnce(&mut T) -> R,
    ) -> Result<R, Problem> {
        let row = SealedRow::new(&self.state, vault, Owner::User(user), name);
        let mut value: T = row.read()?;
        let before = value.clone();
        let result = change(&mut value);
        if value != before {
            row.write(&value)?;
        }
        Ok(result)
    }

    fn quotas(&self) -> Result<&Quotas, Problem> {
        Ok(self.config.quotas.as_ref().map_err(Clone::clone)?)
    }
}
