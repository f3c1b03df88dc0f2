//! What a user's object does by its alarm, and on request at once: it deletes what the user gives up and what is older than the
//! operator wants, and asks after calls that have not reported their end. A conversation's key goes first, and with it
//! whatever R2 or a backup of it still has is unreadable; then its call is ended and R2 is cleared, again and again until it is.
//!
//! `fourwire_engine::user::task` has the rules: the next alarm is planned before anything is done, and one task's error
//! keeps no other from being run.

use std::rc::Rc;
use std::time::Duration;

use fourwire_engine::phone::dialling::WINDOW_MILLIS;
use fourwire_engine::phone::number::PhoneNumber;
use fourwire_engine::record::Folder;
use fourwire_engine::user::task::{Due, Failures, LONGEST_WAIT_MILLIS, Task, next_run, retry_wait};
use fourwire_engine::user::unfinished::{self, CallState, Step};
use fourwire_engine::vault::{Owner, Vault};
use fourwire_wire::conversation::{ConversationEntry, ConversationStatus};
use fourwire_wire::ids::{ConversationId, UserId};
use fourwire_wire::segment::Segment;
use fourwire_wire::units::UnixMillis;
use serde::{Deserialize, Serialize};
use worker::{Bucket, SqlStorage, SqlStorageValue};

use crate::archive::Archive;
use crate::call_do::{self, CallRequest};
use crate::clock::now;
use crate::line_do::{self, LineRequest};
use crate::problem::Problem;
use crate::sealed_row::SealedRow;
use crate::user_do::User;
use crate::user_duties::Duty;
use crate::user_index::{Index, Known, PendingDeletion, Unfinished};
use crate::user_phone::Phone;
use crate::{operator, settings};

/// How long after a running call was ended its conversation's folder is cleared once more, in milliseconds: what the call was
/// storing at that moment has arrived by then, since storing has 10 s.
const SECOND_LOOK_MILLIS: u64 = 60_000;
/// How many conversations a task sees to before others get their turn. Each takes a request to its call's object and a few to R2;
/// the next alarm goes on at once.
const MAX_A_STEP: i64 = 20;
/// How many rows retention removes in one step: no more than a few milliseconds of SQL.
const MAX_RETIRED_A_STEP: i64 = 500;

/// What is still to be done of an erasure. Everything else was deleted when it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Erasure {
    /// When the user had everything deleted; none: never.
    at: Option<UnixMillis>,
    /// Numbers that are the user's no more and whose own objects may not know it yet.
    numbers: Vec<PhoneNumber>,
}

/// What a task has left of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    /// It goes on.
    Something,
    /// It is erased, and nothing may be written any more.
    Nothing,
}

/// Makes the table, where there is none yet.
pub(crate) fn create(sql: &SqlStorage) -> Result<(), Problem> {
    sql.exec(
        "CREATE TABLE IF NOT EXISTS task_failures (
            task TEXT PRIMARY KEY, count INTEGER NOT NULL, last INTEGER NOT NULL
        ) WITHOUT ROWID",
        None,
    )?;
    Ok(())
}

impl User {
    /// Keeps a conversation's new entry, and sees to it that what is old is deleted in time.
    pub(crate) fn keep(&self, index: &Index<'_>, entry: &ConversationEntry) -> Result<bool, Problem> {
        let is_kept = index.keep_or_leave(entry)?;
        self.plan();
        Ok(is_kept)
    }

    /// Deletes a conversation, whatever its call is doing; whether there was one.
    pub(crate) async fn delete(&self, id: ConversationId) -> Result<bool, Problem> {
        let (user, vault) = (self.name()?, self.vault()?);
        let was_there = Index::new(self.tables()?, vault, &user).remove(id)?;
        if was_there {
            self.run_due(&[Task::Deletions]).await;
            self.plan();
        }
        Ok(was_there)
    }

    /// Deletes everything but what limits hang on, the calls of the last day, which goes a day later. What is elsewhere follows,
    /// at once as far as it goes, and by the alarm.
    pub(crate) async fn erase(&self) -> Result<(), Problem> {
        let (user, vault) = (self.name()?, self.vault()?);
        let sql = self.tables()?;
        let phone = Phone::open(&self.state, &self.config, &user)?;
        let row = self.erasure_row(vault, &user);
        let mut erasure: Erasure = row.read()?;
        erasure.at = Some(now());
        erasure.numbers.extend(phone.give_up_all()?);
        row.write(&erasure)?;
        phone.forget_calls(now() - WINDOW_MILLIS)?;
        sql.exec("DELETE FROM duties", None)?;
        let index = Index::new(sql, vault, &user);
        index.remove_all()?;
        // A call whose first audio has not come yet has no entry, and gets none.
        for call in self.open_calls(vault, &user)? {
            index.end(&call)?;
        }
        if self.run_due(&[Task::Deletions, Task::Erasure]).await == Left::Something {
            self.plan();
        }
        Ok(())
    }

    /// Seals anew what an earlier master secret has sealed, here and in the objects of the user's numbers, those that are being
    /// verified and those that are being given up among them; how many records that were.
    pub(crate) async fn reseal(&self) -> Result<usize, Problem> {
        let (user, vault) = (self.name()?, self.vault()?);
        let phone = Phone::open(&self.state, &self.config, &user)?;
        let mut count = self.identity.reseal(&self.state, vault)?;
        count += Index::new(self.tables()?, vault, &user).reseal()? + phone.reseal()?;
        let known = phone.numbers()?;
        let erasure: Erasure = self.erasure_row(vault, &user).read()?;
        let verified = known.verified.into_iter().map(|own| own.phone_number);
        for number in verified.chain(known.pending).chain(erasure.numbers) {
            count += line_do::ask::<usize>(&self.env, &self.config, &number, &LineRequest::Reseal).await?;
        }
        Ok(count)
    }

    /// Sees to it that the user is in the operator's directory. What does not go well now goes the next time.
    pub(crate) fn enter_directory(&self, sql: &SqlStorage) -> Result<(), Problem> {
        sql.exec("CREATE TABLE IF NOT EXISTS entered (directory INTEGER PRIMARY KEY)", None)?;
        if sql.exec("SELECT 1 FROM entered", None)?.raw().next().is_some() {
            return Ok(());
        }
        let (env, config, user, sql) = (self.env.clone(), Rc::clone(&self.config), self.name()?, sql.clone());
        self.state.wait_until(async move {
            let Ok(vault) = &config.vault else { return };
            let is_entered = operator::enter(&env, vault, &user).await.is_ok();
            if !is_entered || sql.exec("INSERT OR IGNORE INTO entered (directory) VALUES (1)", None).is_err() {
                worker::console_error!("a user was not entered into the directory");
            }
        });
        Ok(())
    }

    /// The alarm: does what is due, and sees to it that it is done again.
    pub(crate) async fn run_tasks(&self) {
        // Before anything else: if whatever follows fails or is cut off, the object is woken again.
        self.alarm_at.set(Some(now() + LONGEST_WAIT_MILLIS));
        if self.state.storage().set_alarm(Duration::from_millis(LONGEST_WAIT_MILLIS)).await.is_err() {
            worker::console_error!("a user's alarm was not set");
        }
        if self.run_due(&Task::ALL).await == Left::Nothing {
            return;
        }
        if let Some(at) = self.next_run() {
            return self.wake_at(at);
        }
        self.alarm_at.set(None);
        if self.state.storage().delete_alarm().await.is_err() {
            worker::console_error!("a user's alarm was not removed");
        }
    }

    /// Runs those of the tasks that are due, each for itself.
    async fn run_due(&self, tasks: &[Task]) -> Left {
        for task in tasks {
            let due = self.due(*task);
            if next_run(due, self.failures(*task)).is_none_or(|at| at > now()) {
                continue;
            }
            let outcome = if due == Due::Unknown { Err(Problem::Internal) } else { self.run(*task).await };
            if matches!(outcome, Ok(Left::Nothing)) {
                return Left::Nothing;
            }
            if let Err(problem) = &outcome {
                worker::console_error!("task {}: {}", task.name(), problem.code());
            }
            if self.note(*task, outcome.is_ok()).is_err() {
                worker::console_error!("task {}: its outcome was not saved", task.name());
            }
        }
        Left::Something
    }

    async fn run(&self, task: Task) -> Result<Left, Problem> {
        let (user, vault) = (self.name()?, self.vault()?);
        match task {
            Task::Retention => self.retire(&user, vault)?,
            Task::Expiry => Index::new(self.tables()?, vault, &user).remove_expired(MAX_RETIRED_A_STEP)?,
            Task::Unfinished => self.ask_after_calls(&user, vault).await?,
            Task::FollowUps => self.do_duties(&user, vault).await?,
            Task::Deletions => self.clear(&user, vault).await?,
            Task::Erasure => return self.go_on_erasing(&user, vault).await,
        }
        Ok(Left::Something)
    }

    /// Sees to it that the object is woken when something is due.
    pub(crate) fn plan(&self) {
        let Some(at) = self.next_run() else { return };
        if self.alarm_at.get().is_none_or(|known| at < known || known <= now()) {
            self.wake_at(at);
        }
    }

    /// When something is to be done next.
    fn next_run(&self) -> Option<UnixMillis> {
        Task::ALL.into_iter().filter_map(|task| next_run(self.due(task), self.failures(task))).min()
    }

    fn due(&self, task: Task) -> Due {
        match self.try_due(task) {
            Ok(Some(at)) => Due::At(at),
            Ok(None) => Due::Never,
            Err(_) => Due::Unknown,
        }
    }

    fn try_due(&self, task: Task) -> Result<Option<UnixMillis>, Problem> {
        let (user, vault) = (self.name()?, self.vault()?);
        let index = Index::new(self.tables()?, vault, &user);
        match task {
            Task::Retention => {
                // One that cannot be read is named by /healthz, and deletes nothing.
                let Ok(Some(retention)) = self.config.retention else { return Ok(None) };
                let calls = Phone::open(&self.state, &self.config, &user)?.oldest_call()?;
                let calls = calls.map(|at| at + retention.millis().max(WINDOW_MILLIS));
                let conversations = index.oldest()?.map(|at| at + retention.millis());
                Ok([calls, conversations].into_iter().flatten().min().map(|at| at + 1))
            }
            Task::Expiry => index.next_expiry(),
            Task::Unfinished => index.next_look(),
            Task::FollowUps => self.next_due(),
            Task::Deletions => index.next_deletion(),
            Task::Erasure => {
                let Erasure { at, numbers } = self.erasure_row(vault, &user).read()?;
                let Some(at) = at else { return Ok(None) };
                if !numbers.is_empty() {
                    return Ok(Some(at));
                }
                // It ends when everything else has.
                let end = at + WINDOW_MILLIS;
                Ok(Some(index.next_deletion()?.map_or(end, |deletion| end.max(deletion + 1))))
            }
        }
    }

    fn failures(&self, task: Task) -> Option<Failures> {
        let query = "SELECT count, last FROM task_failures WHERE task = ?";
        let row = self.tables().ok()?.exec(query, vec![task.name().into()]).ok()?.raw().next()?.ok()?;
        let [SqlStorageValue::Integer(count), SqlStorageValue::Integer(last)] = row.as_slice() else { return None };
        Some(Failures { count: u32::try_from(*count).ok()?, last: UnixMillis::new(u64::try_from(*last).ok()?) })
    }

    fn note(&self, task: Task, is_done: bool) -> Result<(), Problem> {
        let sql = self.tables()?;
        if is_done {
            sql.exec("DELETE FROM task_failures WHERE task = ?", vec![task.name().into()])?;
            return Ok(());
        }
        let last = i64::try_from(now().get()).map_err(|_| Problem::Internal)?;
        sql.exec(
            "INSERT INTO task_failures (task, count, last) VALUES (?, 1, ?)
             ON CONFLICT (task) DO UPDATE SET count = count + 1, last = excluded.last",
            vec![task.name().into(), last.into()],
        )?;
        Ok(())
    }

    /// Deletes what is older than the operator wants, also where its call never ended.
    fn retire(&self, user: &UserId, vault: &Vault) -> Result<(), Problem> {
        let Ok(Some(retention)) = self.config.retention else { return Ok(()) };
        let limit = now() - retention.millis();
        Index::new(self.tables()?, vault, user).remove_before(limit, MAX_RETIRED_A_STEP)?;
        Phone::open(&self.state, &self.config, user)?.forget_calls(limit.min(now() - WINDOW_MILLIS))
    }

    /// Asks the objects of calls that have been in progress for a while.
    async fn ask_after_calls(&self, user: &UserId, vault: &Vault) -> Result<(), Problem> {
        let index = Index::new(self.tables()?, vault, user);
        for unfinished in index.to_be_asked(MAX_A_STEP)? {
            let Unfinished { id, asked, .. } = unfinished;
            if let Err(problem) = self.ask_after(user, vault, &index, &unfinished).await {
                worker::console_error!("a conversation in progress could not be asked after: {}", problem.code());
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
            Some(call) => call_do::ask(&self.env, user, call, &CallRequest::State(id)).await.ok(),
            None => Some(CallState::Absent),
        };
        match unfinished::step(answer, since, asked, now()) {
            Step::AskAgain(at) => index.ask_again(id, at),
            Step::Finish => {
                self.finish(user, vault, index, known, answer == Some(CallState::Unreadable)).await?;
                worker::console_warn!(
                    "a call never reported its end: its conversation was finished from what is stored"
                );
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
                Some(call) if is_unreadable => call_do::ask(&self.env, user, call, &CallRequest::Salvage(id)).await?,
                _ => Vec::new(),
            };
            let phone = Phone::open(&self.state, &self.config, user)?;
            let record = call.as_ref().map(|call| phone.call_named(call)).transpose()?.flatten();
            let chunks = archive.chunks().await?;
            match unfinished::finish(entry, segments, &chunks, record.map(|record| record.phone_call())) {
                Some(conversation) => {
                    archive.put(&conversation).await?;
                    if index.keep_or_leave(&conversation.entry())? {
                        self.owe(id, Duty::Summary)?;
                        self.owe(id, Duty::Webhook)?;
                    }
                }
                None => index.discard(id)?,
            }
        }
        match call {
            Some(call) if is_unreadable => call_do::ask(&self.env, user, &call, &CallRequest::Delete(id)).await,
            _ => Ok(()),
        }
    }

    /// Ends calls of deleted conversations and removes from R2 what there is of them. What does not go now goes later.
    async fn clear(&self, user: &UserId, vault: &Vault) -> Result<(), Problem> {
        let index = Index::new(self.tables()?, vault, user);
        for mut deletion in index.pending_deletions(MAX_A_STEP)? {
            let outcome = self.clear_one(user, vault, &deletion).await;
            let was_running = deletion.call.is_some();
            match outcome {
                Ok(()) if was_running => {
                    (deletion.call, deletion.failures) = (None, 0);
                    index.delete_again(&deletion, now() + SECOND_LOOK_MILLIS)?;
                }
                Ok(()) => index.deleted(deletion.id)?,
                Err(problem) => {
                    worker::console_error!("a deleted conversation is still in the archive: {}", problem.code());
                    deletion.failures = deletion.failures.saturating_add(1);
                    index.delete_again(&deletion, now() + retry_wait(deletion.failures))?;
                }
            }
        }
        Ok(())
    }

    async fn clear_one(&self, user: &UserId, vault: &Vault, deletion: &PendingDeletion) -> Result<(), Problem> {
        if let Some(call) = &deletion.call {
            call_do::ask::<()>(&self.env, user, call, &CallRequest::Delete(deletion.id)).await?;
        }
        clear_folder(&self.env.bucket(settings::ARCHIVE)?, &Folder::new(vault, user, deletion.id)).await
    }

    /// Gives the user's numbers up, one by one; and once the calls count no more, forgets that there was such a user. What says that
    /// there is something to erase is erased last.
    async fn go_on_erasing(&self, user: &UserId, vault: &Vault) -> Result<Left, Problem> {
        let row = self.erasure_row(vault, user);
        let mut outcome = Ok(Left::Something);
        for number in row.read::<Erasure>()?.numbers {
            let release = LineRequest::Release(user.clone());
            if let Err(problem) = line_do::ask::<()>(&self.env, &self.config, &number, &release).await {
                outcome = Err(problem);
                continue;
            }
            // Read once more: while this waited, the user may have had everything deleted again.
            let mut erasure: Erasure = row.read()?;
            erasure.numbers.retain(|known| *known != number);
            row.write(&erasure)?;
        }
        let Some(at) = row.read::<Erasure>()?.at else { return outcome };
        if outcome.is_err() || now() < at + WINDOW_MILLIS {
            return outcome;
        }
        let phone = Phone::open(&self.state, &self.config, user)?;
        let index = Index::new(self.tables()?, vault, user);
        phone.forget_calls(at)?;
        if index.next_deletion()?.is_some() {
            return outcome;
        }
        if !phone.is_empty()? || index.oldest()?.is_some() {
            // The user has begun anew.
            row.write(&Erasure::default())?;
            return outcome;
        }
        operator::leave(&self.env, vault, user).await?;
        self.has_tables.set(false);
        self.alarm_at.set(None);
        self.state.storage().delete_all().await?;
        Ok(Left::Nothing)
    }

    fn wake_at(&self, at: UnixMillis) {
        self.alarm_at.set(Some(at));
        let storage = self.state.storage();
        self.state.wait_until(async move {
            if storage.set_alarm(Duration::from_millis(at.since(now()))).await.is_err() {
                worker::console_error!("a user's alarm was not set");
            }
        });
    }

    /// What is still to be erased.
    fn erasure_row<'a>(&self, vault: &'a Vault, user: &'a UserId) -> SealedRow<'a> {
        SealedRow::new(&self.state, vault, Owner::User(user), "erasure")
    }
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
