//! What a user's object counts: calls that are recorded, their minutes, how often a language model was asked anew, and parts of exports. The whole
//! deployment's minutes are counted from here too, a call's once a minute.

use fourwire_engine::limit::{Log, TooOften};
use fourwire_engine::quota::deployment::Counter;
use fourwire_engine::quota::reprocessing::Reprocessing;
use fourwire_engine::quota::sessions::{Counted, SessionError, Sessions, Stretch};
use fourwire_engine::user::export;
use fourwire_engine::vault::Owner;
use fourwire_wire::conversation::ConversationEntry;
use fourwire_wire::ids::{CallId, ConversationId};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::index::Index;
use super::state::User;
use crate::clock::now;
use crate::problem::Problem;
use crate::rpc::deployment;
use crate::storage::sealed_row::SealedRow;

/// The row of calls that are recorded.
const SESSIONS: &str = "sessions";

impl User {
    /// Gives a call a slot, or says why there is none.
    pub(super) fn open_session(&self, call: &CallId) -> Result<Result<(), SessionError>, Problem> {
        let limits = self.config.quotas()?.sessions;
        self.change(SESSIONS, |sessions: &mut Sessions| sessions.open(call, &limits, now()))
    }

    /// A call goes on.
    pub(super) fn count(&self, call: &CallId, audio: Stretch) -> Result<Counted, Problem> {
        let limits = self.config.quotas()?.sessions;
        let counted = self.change(SESSIONS, |sessions: &mut Sessions| sessions.report(call, audio, &limits, now()))?;
        self.count_for_all(counted);
        Ok(counted)
    }

    /// A call is over.
    pub(super) fn release(&self, call: &CallId, audio: Stretch) -> Result<(), Problem> {
        let limits = self.config.quotas()?.sessions;
        let counted = self.change(SESSIONS, |sessions: &mut Sessions| sessions.close(call, audio, &limits, now()))?;
        self.count_for_all(counted);
        Ok(())
    }

    /// Enters the conversation of a call whose first audio has come, and sees to it that it is deleted in time.
    pub(super) fn register(&self, entry: &ConversationEntry, key: &[u8]) -> Result<(), Problem> {
        let user = self.name()?;
        let index = Index::new(self.tables()?, self.config.vault()?, &user);
        // The user may have deleted it since: its call does not come back.
        let is_ended = entry.call_id.as_ref().map(|call| index.is_ended(call)).transpose()? == Some(true);
        if !is_ended {
            index.add(entry, key)?;
            self.plan();
        }
        Ok(())
    }

    /// The calls that have a slot.
    pub(super) fn open_calls(&self) -> Result<Vec<CallId>, Problem> {
        let user = self.name()?;
        let row = SealedRow::new(&self.state, self.config.vault()?, Owner::User(&user), SESSIONS);
        Ok(row.read::<Sessions>()?.calls().cloned().collect())
    }

    /// A conversation is to be summed up anew.
    pub(super) fn reprocess(&self, id: ConversationId) -> Result<Result<(), TooOften>, Problem> {
        let an_hour = self.config.quotas()?.reprocess_an_hour;
        self.change("reprocessing", |known: &mut Reprocessing| known.take(id, an_hour, now()))
    }

    /// The user wants a part of an export.
    pub(super) fn allow_export(&self) -> Result<Result<(), TooOften>, Problem> {
        let an_hour = self.config.quotas()?.exports_an_hour;
        self.change("exports", |taken: &mut Log| export::take_part(taken, an_hour, now()))
    }

    fn count_for_all(&self, counted: Counted) {
        if counted.millis > 0 {
            let env = self.env.clone();
            self.state.wait_until(async move { deployment::add(&env, Counter::SpeechMillis, counted.millis).await });
        }
    }

    fn change<T: Clone + Default + PartialEq + Serialize + DeserializeOwned, R>(
        &self,
        name: &'static str,
        change: impl FnOnce(&mut T) -> R,
    ) -> Result<R, Problem> {
        let user = self.name()?;
        self.tables()?;
        let row = SealedRow::new(&self.state, self.config.vault()?, Owner::User(&user), name);
        let mut value: T = row.read()?;
        let before = value.clone();
        let result = change(&mut value);
        if value != before {
            row.write(&value)?;
        }
        Ok(result)
    }
}
