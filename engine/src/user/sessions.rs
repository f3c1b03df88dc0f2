//! Calls that are recorded: whether one may begin, how long all of them were, and which are running.

use fourwire_wire::conversation::{ConversationEntry, ConversationStatus, PhoneCall};
use fourwire_wire::ids::{CallId, ConversationId};
use fourwire_wire::units::UnixMillis;
use serde::{Deserialize, Serialize};

use super::core::{Error, User};
use crate::call::MAX_CALL_MILLIS;
use crate::database::Database;
use crate::database::sealed_row::SealedRow;
use crate::fault::During;
use crate::identity::sign_out;
use crate::limit::{Log, TooOften};
use crate::quota::exports;
use crate::quota::reprocessing::Reprocessing;
use crate::quota::sessions::{Counted, SessionError, Sessions, Stretch};

/// No call runs longer after its beginning, in milliseconds: four hours of recording, and what finishing it takes.
const MAX_RUNNING_MILLIS: u64 = MAX_CALL_MILLIS + 60 * 60 * 1000;

/// How a call begins.
#[derive(Debug, Serialize, Deserialize)]
pub enum CallStart {
    /// With this conversation: the one offered, or the one it already had.
    Go {
        /// The conversation.
        entry: Box<ConversationEntry>,
        /// Whether it is entered already.
        is_registered: bool,
        /// Its key, wrapped.
        key: Vec<u8>,
        /// What Twilio has reported of the call.
        phone_call: Option<Box<PhoneCall>>,
    },
    /// Not at all: its conversation was deleted while it was running; or Twilio has reported no such call that may be going on,
    /// and the operator wants that.
    NoSuchCall,
    /// Not at all: the user was signed out after this client had signed in.
    SignedOut,
    /// Not now: the user has reached a limit.
    Refused(SessionError),
}

impl<'a, D: Database> User<'a, D> {
    /// Calls that are recorded now, and the minutes of a day.
    const fn sessions(&self) -> SealedRow<'a, D> {
        self.row("sessions")
    }

    /// A call begins, by a client that signed in at this time, with this conversation unless it has one already.
    ///
    /// # Errors
    /// Without quotas or rules for dialling; what the database says.
    pub fn start_call(
        &self,
        entry: ConversationEntry,
        signed_in_at: UnixMillis,
        now: UnixMillis,
    ) -> Result<CallStart, Error> {
        if sign_out::is_signed_out(self.database, signed_in_at)? {
            return Ok(CallStart::SignedOut);
        }
        let index = self.index(now);
        let call = entry.call_id.as_ref().during("call.start")?;
        if index.is_ended(call)? {
            return Ok(CallStart::NoSuchCall);
        }
        let phone_call = self.call_log().named(call)?;
        let known = index.of_call(call)?;
        let may_listen = known.is_some() || phone_call.as_ref().is_some_and(|record| record.admits_listener(now));
        if !may_listen && self.config.dialling()?.listen_needs_call {
            return Ok(CallStart::NoSuchCall);
        }
        let limits = self.config.quotas()?.sessions;
        if let Err(error) = self.sessions().change(|sessions: &mut Sessions| sessions.open(call, &limits, now))? {
            return Ok(CallStart::Refused(error));
        }
        let phone_call = phone_call.map(|record| Box::new(record.phone_call()));
        let is_registered = known.is_some();
        let (entry, key) = if let Some(known) = known {
            known
        } else {
            let key = index.new_key(entry.id)?;
            (entry, key)
        };
        Ok(CallStart::Go { entry: Box::new(entry), is_registered, key, phone_call })
    }

    /// A call's first audio has come: enters its conversation, under the key that [`CallStart`] brought, unless the user has deleted it
    /// since.
    ///
    /// # Errors
    /// What the database says.
    pub fn register(&self, entry: &ConversationEntry, key: &[u8], now: UnixMillis) -> Result<(), Error> {
        let index = self.index(now);
        let is_ended = entry.call_id.as_ref().map(|call| index.is_ended(call)).transpose()? == Some(true);
        if !is_ended {
            index.add(entry, key)?;
        }
        Ok(())
    }

    /// A call goes on, and has so much audio.
    ///
    /// # Errors
    /// Without quotas; what the database says.
    pub fn count(&self, call: &CallId, audio: Stretch, now: UnixMillis) -> Result<Counted, Error> {
        let limits = self.config.quotas()?.sessions;
        Ok(self.sessions().change(|sessions: &mut Sessions| sessions.report(call, audio, &limits, now))?)
    }

    /// A call is over, and has so much audio.
    ///
    /// # Errors
    /// Without quotas; what the database says.
    pub fn release(&self, call: &CallId, audio: Stretch, now: UnixMillis) -> Result<Counted, Error> {
        let limits = self.config.quotas()?.sessions;
        Ok(self.sessions().change(|sessions: &mut Sessions| sessions.close(call, audio, &limits, now))?)
    }

    /// A conversation is to be summed up anew.
    ///
    /// # Errors
    /// Inside: where that was often enough. Outside: without quotas; what the database says.
    pub fn reprocess(&self, id: ConversationId, now: UnixMillis) -> Result<Result<(), TooOften>, Error> {
        let an_hour = self.config.quotas()?.reprocess_an_hour;
        Ok(self.row("reprocessing").change(|known: &mut Reprocessing| known.take(id, an_hour, now))?)
    }

    /// The user wants a part of an export.
    ///
    /// # Errors
    /// As [`Self::reprocess`].
    pub fn allow_export(&self, now: UnixMillis) -> Result<Result<(), TooOften>, Error> {
        let an_hour = self.config.quotas()?.exports_an_hour;
        Ok(self.row("exports").change(|taken: &mut Log| exports::take_part(taken, an_hour, now))?)
    }

    /// The user is signed out of everything before a moment: which calls may be running.
    ///
    /// # Errors
    /// What the database says.
    pub fn sign_out(&self, moment: UnixMillis, now: UnixMillis) -> Result<Vec<CallId>, Error> {
        sign_out::note(self.database, moment)?;
        let entries = self.index(now).since(moment - MAX_RUNNING_MILLIS)?.into_iter();
        let unfinished = entries.filter(|entry| entry.status != ConversationStatus::Completed);
        let mut calls = self.open_calls()?;
        for call in unfinished.filter_map(|entry| entry.call_id) {
            if !calls.contains(&call) {
                calls.push(call);
            }
        }
        Ok(calls)
    }

    /// The calls that have a slot, before their first audio too.
    pub(super) fn open_calls(&self) -> Result<Vec<CallId>, Error> {
        Ok(self.sessions().read::<Sessions>()?.calls().cloned().collect())
    }
}
