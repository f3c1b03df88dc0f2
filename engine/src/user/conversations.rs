//! What a user's object is asked of conversations.

use fourwire_wire::conversation::{ConversationEntry, PhoneCall};
use fourwire_wire::ids::ConversationId;
use fourwire_wire::units::UnixMillis;
use serde::{Deserialize, Serialize};

use super::core::{Error, User};
use super::follow_up::{FollowUp, FollowUps};
use super::index::Known;
use crate::conversations::{Cursor, Listed, Page};
use crate::database::Database;
use crate::phone::ledger::CallRecord;

/// What is known of a conversation.
#[derive(Debug, Serialize, Deserialize)]
pub struct Found {
    /// Its entry.
    pub entry: ConversationEntry,
    /// Its key, wrapped.
    pub key: Vec<u8>,
    /// What Twilio has reported of its call, which may be more than when it was stored.
    pub phone_call: Option<PhoneCall>,
}

impl<D: Database> User<'_, D> {
    /// A part of all conversations, newest first.
    ///
    /// # Errors
    /// What the database says.
    pub fn list(&self, page: &Page, now: UnixMillis) -> Result<Listed, Error> {
        Ok(self.index(now).page(page)?)
    }

    /// Conversations behind a cursor with their keys, newest first: so many at most.
    ///
    /// # Errors
    /// What the database says.
    pub fn behind(&self, cursor: Option<Cursor>, most: usize, now: UnixMillis) -> Result<Vec<Known>, Error> {
        Ok(self.index(now).behind(cursor, most)?)
    }

    /// One conversation, with what Twilio has reported of its call.
    ///
    /// # Errors
    /// What the database says.
    pub fn find(&self, id: ConversationId, now: UnixMillis) -> Result<Option<Found>, Error> {
        let Some((entry, key)) = self.index(now).find(id)? else { return Ok(None) };
        let record = entry.call_id.as_ref().map(|call| self.call_log().named(call)).transpose()?.flatten();
        Ok(Some(Found { entry, key, phone_call: record.as_ref().map(CallRecord::phone_call) }))
    }

    /// A call's conversation has changed: writes its new entry. False where there is none, since it was deleted: then what was stored of
    /// it is removed.
    ///
    /// # Errors
    /// What the database says.
    pub fn upsert(&self, entry: &ConversationEntry, now: UnixMillis) -> Result<bool, Error> {
        Ok(self.index(now).upsert(entry)?)
    }

    /// Nothing was said in a conversation: it goes after a while, where the operator has not set that it stays.
    ///
    /// # Errors
    /// Without quotas; what the database says.
    pub fn expire(&self, id: ConversationId, now: UnixMillis) -> Result<(), Error> {
        if let Some(wait) = self.config.quotas()?.discarded_millis {
            self.index(now).expire(id, now + wait)?;
        }
        Ok(())
    }

    /// Something is still to be done for a finished conversation.
    ///
    /// # Errors
    /// What the database says.
    pub fn enqueue(&self, id: ConversationId, follow_up: FollowUp, now: UnixMillis) -> Result<(), Error> {
        Ok(FollowUps::new(self.database).try_later(id, follow_up, follow_up.tries_before(), now)?)
    }

    /// Deletes a conversation, whatever its call is doing; whether there was one. The next run does the rest.
    ///
    /// # Errors
    /// What the database says.
    pub fn delete(&self, id: ConversationId, now: UnixMillis) -> Result<bool, Error> {
        Ok(self.index(now).remove(id)?)
    }
}
