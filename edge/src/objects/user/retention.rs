//! What a user's object deletes because of its age.

use fourwire_engine::phone::dialling::WINDOW_MILLIS;
use fourwire_engine::vault::Vault;
use fourwire_wire::conversation::ConversationEntry;
use fourwire_wire::ids::{ConversationId, UserId};

use super::index::Index;
use super::phone::Phone;
use super::state::User;
use crate::clock::now;
use crate::problem::Problem;

/// How many rows retention removes in one step: no more than a few milliseconds of SQL.
const MAX_RETIRED_A_STEP: i64 = 500;

impl User {
    /// Keeps a conversation's new entry, and sees to it that what is old is deleted in time.
    pub(super) fn upsert(&self, entry: &ConversationEntry) -> Result<bool, Problem> {
        let user = self.name()?;
        let is_kept = Index::new(self.tables()?, self.config.vault()?, &user).keep_or_leave(entry)?;
        self.plan();
        Ok(is_kept)
    }

    /// Nothing was said in a conversation: it goes after a while.
    pub(super) fn expire(&self, id: ConversationId) -> Result<(), Problem> {
        if let Some(wait) = self.config.quotas()?.discarded_millis {
            let user = self.name()?;
            Index::new(self.tables()?, self.config.vault()?, &user).expire(id, now() + wait)?;
            self.plan();
        }
        Ok(())
    }

    /// Deletes what is older than the operator wants, also where its call never ended.
    pub(super) fn retire(&self, user: &UserId, vault: &Vault) -> Result<(), Problem> {
        let Ok(Some(retention)) = self.config.retention else { return Ok(()) };
        let limit = now() - retention.millis();
        Index::new(self.tables()?, vault, user).remove_before(limit, MAX_RETIRED_A_STEP)?;
        Phone::open(&self.state, &self.config, user)?.forget_calls(limit.min(now() - WINDOW_MILLIS))
    }

    /// Deletes conversations in which nothing was said.
    pub(super) fn remove_expired(&self, user: &UserId, vault: &Vault) -> Result<(), Problem> {
        Index::new(self.tables()?, vault, user).remove_expired(MAX_RETIRED_A_STEP)
    }
}
