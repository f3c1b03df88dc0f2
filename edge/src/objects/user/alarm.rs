//! What a user's object does by its alarm. `fourwire_engine::user::task` has the rules: the next alarm is planned before anything is
//! done, and one task's error keeps no other from being run.

use std::time::Duration;

use fourwire_engine::phone::dialling::WINDOW_MILLIS;
use fourwire_engine::user::task::{Due, Failures, MAX_WAIT_MILLIS, RUN, Task, next_run, retry_wait};
use fourwire_wire::units::UnixMillis;
use worker::SqlStorageValue;

use super::index::Index;
use super::phone::Phone;
use super::state::User;
use crate::clock::now;
use crate::fault::{Cause as _, During, Fault};
use crate::log;
use crate::problem::Problem;

/// How many conversations a task sees to before others get their turn. Each takes a request to its call's object and a few to R2;
/// the next alarm goes on at once.
pub(super) const MAX_A_STEP: i64 = 20;

/// What a task has left of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// It goes on.
    Something,
    /// It is erased, and nothing may be written any more.
    Nothing,
}

impl User {
    /// The alarm: does what is due, and sees to it that it is done again.
    pub(super) async fn run_tasks(&self) {
        // Before anything else: if whatever follows fails or is cut off, the object is woken again.
        let is_noted = self.note(RUN, false).is_ok();
        let failures = self.failures(RUN).filter(|_| is_noted);
        let wait = failures.map_or(MAX_WAIT_MILLIS, |failures| retry_wait(failures.count));
        self.alarm_at.set(Some(now() + wait));
        if let Err(error) = self.state.storage().set_alarm(Duration::from_millis(wait)).await {
            log::error!("alarm_not_set", object = self.state.id().name(), error = error.cause());
        }
        if self.run_due(&Task::ALL).await == Left::Nothing {
            return;
        }
        if let Err(problem) = self.note(RUN, true) {
            log::error!("task_outcome_not_saved", task = RUN, object = self.state.id().name(), error = problem.cause());
        }
        if let Some(at) = self.next_run() {
            return self.wake_at(at);
        }
        self.alarm_at.set(None);
        if let Err(error) = self.state.storage().delete_alarm().await {
            log::error!("alarm_not_removed", object = self.state.id().name(), error = error.cause());
        }
    }

    /// Runs those of the tasks that are due, each for itself.
    pub(super) async fn run_due(&self, tasks: &[Task]) -> Left {
        for task in tasks {
            let due = self.due(*task);
            if next_run(due, self.failures(task.name())).is_none_or(|at| at > now()) {
                continue;
            }
            let outcome = if due == Due::Unknown {
                Err(Fault::new("sql.tasks", "when it is due cannot be read").into())
            } else {
                self.run(*task).await
            };
            if matches!(outcome, Ok(Left::Nothing)) {
                return Left::Nothing;
            }
            if let Err(problem) = &outcome {
                log::error!(
                    "task_failed",
                    task = task.name(),
                    object = self.state.id().name(),
                    error = problem.cause()
                );
            }
            if self.note(task.name(), outcome.is_ok()).is_err() {
                log::error!("task_outcome_not_saved", task = task.name(), object = self.state.id().name());
            }
        }
        Left::Something
    }

    async fn run(&self, task: Task) -> Result<Left, Problem> {
        let (user, vault) = (self.name()?, self.vault()?);
        match task {
            Task::Retention => self.retire(&user, vault)?,
            Task::Expiry => self.remove_expired(&user, vault)?,
            Task::Unfinished => self.ask_after_calls(&user, vault).await?,
            Task::FollowUps => self.run_follow_ups(&user, vault).await?,
            Task::Deletions => self.clear(&user, vault).await?,
            Task::Erasure => return self.go_on_erasing(&user, vault).await,
        }
        Ok(Left::Something)
    }

    /// Sees to it that the object is woken when something is due.
    pub(super) fn plan(&self) {
        let Some(at) = self.next_run() else { return };
        if self.alarm_at.get().is_none_or(|known| at < known || known <= now()) {
            self.wake_at(at);
        }
    }

    /// When something is to be done next.
    fn next_run(&self) -> Option<UnixMillis> {
        Task::ALL.into_iter().filter_map(|task| next_run(self.due(task), self.failures(task.name()))).min()
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
            Task::FollowUps => self.next_follow_up(),
            Task::Deletions => index.next_deletion(),
            Task::Erasure => self.next_erasure(&user, vault),
        }
    }

    fn failures(&self, task: &str) -> Option<Failures> {
        let query = "SELECT count, last FROM task_failures WHERE task = ?";
        let row = self.tables().ok()?.exec(query, vec![task.into()]).ok()?.raw().next()?.ok()?;
        let [SqlStorageValue::Integer(count), SqlStorageValue::Integer(last)] = row.as_slice() else { return None };
        Some(Failures { count: u32::try_from(*count).ok()?, last: UnixMillis::new(u64::try_from(*last).ok()?) })
    }

    fn note(&self, task: &str, is_done: bool) -> Result<(), Problem> {
        let sql = self.tables()?;
        if is_done {
            sql.exec("DELETE FROM task_failures WHERE task = ?", vec![task.into()])?;
            return Ok(());
        }
        let last = i64::try_from(now().get()).during("sql.tasks")?;
        sql.exec(
            "INSERT INTO task_failures (task, count, last) VALUES (?, 1, ?)
             ON CONFLICT (task) DO UPDATE SET count = count + 1, last = excluded.last",
            vec![task.into(), last.into()],
        )?;
        Ok(())
    }

    fn wake_at(&self, at: UnixMillis) {
        self.alarm_at.set(Some(at));
        let (storage, object) = (self.state.storage(), self.state.id().name());
        self.state.wait_until(async move {
            if let Err(error) = storage.set_alarm(Duration::from_millis(at.since(now()))).await {
                log::error!("alarm_not_set", object = object, error = error.cause());
            }
        });
    }
}
