//! What the core of a user's object asks for in a run, performed: R2, other objects, the language model, the operator's server. A job
//! that fails is logged here, and the core decides when it is asked for again.

use fourwire_engine::config::LogLevel;
use fourwire_engine::record::Folder;
use fourwire_engine::user::follow_up::FollowUp;
use fourwire_engine::user::{Input, Job, unfinished};
use fourwire_wire::conversation::{ConversationEntry, PhoneCall};
use fourwire_wire::ids::{CallId, ConversationId};
use fourwire_wire::segment::Segment;
use fourwire_wire::structured::SummaryBy;
use worker::Bucket;

use super::state::{Core, User};
use crate::clock::now;
use crate::fault::During;
use crate::log;
use crate::outbound::{language_model, webhook};
use crate::problem::Problem;
use crate::rpc::call::{self, Delete, Salvage, State};
use crate::rpc::phone_number::{self, Release};
use crate::settings;
use crate::storage::archive::Archive;
use crate::storage::directory;

impl User {
    /// Performs a job, and says what has come of it.
    pub(super) async fn perform(&self, core: &Core, job: Job) -> Input {
        match job {
            Job::AskCall { id, call } => {
                let asked = call::call(&self.env, core.user(), &call, State(id)).await;
                judge("call_not_asked_after", None, id, asked.map(Input::CallState))
            }
            Job::FinishCall { entry, key, phone_call, is_unreadable } => {
                let id = entry.id;
                let finished = self.finish_call(core, *entry, &key, phone_call.map(|call| *call), is_unreadable).await;
                if finished.is_ok() {
                    log::warning!("call_finished_without_its_end", conversation = id);
                }
                judge("call_not_asked_after", None, id, finished)
            }
            Job::FollowUp { follow_up, id, key } => {
                let tried = match follow_up {
                    FollowUp::Summary => self.sum_up(core, id, &key).await,
                    FollowUp::Webhook => self.notify(core, id, &key).await,
                };
                judge("follow_up_failed", Some(follow_up.name()), id, tried)
            }
            Job::Clear { id, call } => {
                let cleared = self.clear(core, id, call).await;
                judge("deletion_not_complete", None, id, cleared.map(|()| Input::Done))
            }
            Job::Release(number) => {
                let release = Release(core.user().clone());
                let released = phone_number::call(&self.env, &self.config, &number, release).await;
                self.judge_erasure(released)
            }
            Job::Forget => self.judge_erasure(self.forget(core).await),
        }
    }

    fn judge_erasure(&self, done: Result<(), Problem>) -> Input {
        match done {
            Ok(()) => Input::Done,
            Err(problem) => {
                log::error!("erasure_not_complete", object = self.state.id().name(), error = problem.cause());
                Input::Failed
            }
        }
    }

    /// Finishes a conversation from what is stored of it, and has its call's object forget what it cannot read.
    async fn finish_call(
        &self,
        core: &Core,
        entry: ConversationEntry,
        key: &[u8],
        phone_call: Option<PhoneCall>,
        is_unreadable: bool,
    ) -> Result<Input, Problem> {
        let (id, user) = (entry.id, core.user());
        let unreadable = entry.call_id.clone().filter(|_| is_unreadable);
        let archive = Archive::open(&self.env, core.vault()?, user, id, key)?;
        let finished = if let Some((stored, _)) = archive.get().await? {
            Some((Box::new(stored.entry()), false))
        } else {
            let segments: Vec<Segment> = match &unreadable {
                Some(call) => call::call(&self.env, user, call, Salvage(id)).await?,
                None => Vec::new(),
            };
            let chunks = archive.chunks().await?;
            match unfinished::finish(entry, segments, &chunks, phone_call) {
                Some(conversation) => {
                    archive.put(&conversation).await?;
                    Some((Box::new(conversation.entry()), true))
                }
                None => None,
            }
        };
        if let Some(call) = unreadable {
            call::call(&self.env, user, &call, Delete(id)).await?;
        }
        Ok(Input::Finished(finished))
    }

    /// Has the model sum a conversation up that has Fourwire's own extract.
    async fn sum_up(&self, core: &Core, id: ConversationId, key: &[u8]) -> Result<Input, Problem> {
        let tried = |is_done| Ok(Input::FollowedUp { is_done, changed: None });
        let archive = Archive::open(&self.env, core.vault()?, core.user(), id, key)?;
        let Some((mut conversation, version)) = archive.get().await? else { return tried(true) };
        if conversation.summary_by != SummaryBy::Extract {
            return tried(true);
        }
        match language_model::sum_up(&self.env, &conversation).await {
            Some(Ok(structured)) => conversation.sum_up(structured, SummaryBy::Model),
            Some(Err(error)) => return tried(!error.is_retryable()),
            None => return tried(true),
        }
        let is_done = archive.replace(&conversation, version).await?;
        Ok(Input::FollowedUp { is_done, changed: is_done.then(|| Box::new(conversation.entry())) })
    }

    /// Notifies the operator's server of a conversation.
    async fn notify(&self, core: &Core, id: ConversationId, key: &[u8]) -> Result<Input, Problem> {
        let tried = |is_done| Ok(Input::FollowedUp { is_done, changed: None });
        let Some(webhook) = self.config.webhook.as_ref().map_err(Clone::clone)? else { return tried(true) };
        let archive = Archive::open(&self.env, core.vault()?, core.user(), id, key)?;
        let Some((conversation, _)) = archive.get().await? else { return tried(true) };
        let message = webhook.finished(core.user(), &conversation, now()).during("webhook.write")?;
        tried(webhook::send(&message, id).await?)
    }

    /// Ends the call of a deleted conversation and removes from R2 what there is of it.
    async fn clear(&self, core: &Core, id: ConversationId, call: Option<CallId>) -> Result<(), Problem> {
        if let Some(call) = call {
            call::call(&self.env, core.user(), &call, Delete(id)).await?;
        }
        let folder = Folder::new(core.vault()?, core.user(), id);
        clear_folder(&self.env.bucket(settings::ARCHIVE)?, &folder).await
    }

    /// Forgets that there was such a user. What says that there is something to erase is erased last.
    async fn forget(&self, core: &Core) -> Result<(), Problem> {
        directory::leave(&self.env, core.vault()?, core.user()).await?;
        self.has_tables.set(false);
        self.alarm_at.set(None);
        self.identity.forget();
        self.state.storage().delete_alarm().await?;
        Ok(self.state.storage().delete_all().await?)
    }
}

/// What has come of a job for a conversation; an error is logged.
fn judge(event: &'static str, task: Option<&'static str>, id: ConversationId, done: Result<Input, Problem>) -> Input {
    done.unwrap_or_else(|problem| {
        let fields =
            [("task", task.into()), ("conversation", id.to_string().into()), ("error", problem.cause().into())];
        log::write(LogLevel::Error, event, fields);
        Input::Failed
    })
}

/// Removes all objects of a folder, a thousand at a time.
async fn clear_folder(bucket: &Bucket, folder: &Folder) -> Result<(), Problem> {
    loop {
        let page = bucket.list().prefix(folder.prefix()).execute().await?;
        let names: Vec<_> = page.objects().iter().map(worker::Object::key).collect();
        if names.is_empty() {
            return Ok(());
        }
        bucket.delete_multiple(names).await?;
    }
}
