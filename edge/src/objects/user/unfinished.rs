//! A user's object asks after calls that have not reported their end, and finishes what will never be.

use fourwire_engine::user::follow_up::FollowUp;
use fourwire_engine::user::task::retry_wait;
use fourwire_engine::user::unfinished::{self, CallState, Step};
use fourwire_engine::vault::Vault;
use fourwire_wire::conversation::ConversationStatus;
use fourwire_wire::ids::UserId;
use fourwire_wire::segment::Segment;

use super::alarm::MAX_A_STEP;
use super::index::{Index, Unfinished};
use super::phone::Phone;
use super::state::User;
use crate::clock::now;
use crate::log;
use crate::problem::Problem;
use crate::rpc::call::{self, Delete, Salvage, State};
use crate::rpc::user::Known;
use crate::storage::archive::Archive;

impl User {
    /// Asks the objects of calls that have been in progress for a while.
    pub(super) async fn ask_after_calls(&self, user: &UserId, vault: &Vault) -> Result<(), Problem> {
        let index = Index::new(self.tables()?, vault, user);
        for unfinished in index.to_be_asked(MAX_A_STEP)? {
            let Unfinished { id, asked, .. } = unfinished;
            if let Err(problem) = self.ask_after(user, vault, &index, &unfinished).await {
                log::error!("call_not_asked_after", conversation = id, error = problem.cause());
                index.ask_again(id, now() + retry_wait(asked.saturating_add(1)))?;
            }
        }
        Ok(())
    }

    async fn ask_after(
        &self,
        user: &UserId,
        vault: &Vault,
        index: &Index<'_>,
        unfinished: &Unfinished,
    ) -> Result<(), Problem> {
        let Unfinished { id, since, asked } = *unfinished;
        let known = index.find(id)?.filter(|(entry, _)| entry.status != ConversationStatus::Completed);
        let Some(known) = known else { return index.set_finished(id) };
        let answer = match &known.0.call_id {
            Some(call) => call::call(&self.env, user, call, State(id)).await.ok(),
            None => Some(CallState::Absent),
        };
        match unfinished::step(answer, since, asked, now()) {
            Step::AskAgain(at) => index.ask_again(id, at),
            Step::Finish => {
                self.finish(user, vault, index, known, answer == Some(CallState::Unreadable)).await?;
                log::warning!("call_finished_without_its_end", conversation = id);
                Ok(())
            }
        }
    }

    /// Finishes a conversation from what is stored of it, or forgets it where nothing is.
    async fn finish(
        &self,
        user: &UserId,
        vault: &Vault,
        index: &Index<'_>,
        (entry, key): Known,
        is_unreadable: bool,
    ) -> Result<(), Problem> {
        let (id, call) = (entry.id, entry.call_id.clone());
        let archive = Archive::open(&self.env, vault, user, id, &key)?;
        if let Some((stored, _)) = archive.get().await? {
            index.keep(&stored.entry())?;
        } else {
            let segments: Vec<Segment> = match &call {
                Some(call) if is_unreadable => call::call(&self.env, user, call, Salvage(id)).await?,
                _ => Vec::new(),
            };
            let phone = Phone::open(&self.state, &self.config, user)?;
            let record = call.as_ref().map(|call| phone.call_named(call)).transpose()?.flatten();
            let chunks = archive.chunks().await?;
            match unfinished::finish(entry, segments, &chunks, record.map(|record| record.phone_call())) {
                Some(conversation) => {
                    archive.put(&conversation).await?;
                    if index.keep_or_leave(&conversation.entry())? {
                        self.enqueue(id, FollowUp::Summary)?;
                        self.enqueue(id, FollowUp::Webhook)?;
                    }
                }
                None => index.discard(id)?,
            }
        }
        match call {
            Some(call) if is_unreadable => call::call(&self.env, user, &call, Delete(id)).await,
            _ => Ok(()),
        }
    }
}
