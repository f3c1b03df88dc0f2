//! The alarm of a user's object: a run of what is due, which the core decides and [`jobs`](super::jobs) performs. The next alarm is set
//! before anything is done, so that a run that fails or is cut off is made up for.

use std::time::Duration;

use fourwire_engine::user::task::{MAX_WAIT_MILLIS, Task};
use fourwire_engine::user::{Failure, Output, Run};
use fourwire_wire::units::UnixMillis;

use super::state::User;
use crate::clock::now;
use crate::fault::PlatformCause;
use crate::log;
use crate::problem::Problem;

impl User {
    /// The alarm: does what is due, and sees to it that it is done again.
    pub(super) async fn run_tasks(&self) {
        // One that was set before the object was forgotten: it keeps nothing, and nothing is to be done.
        if self.identify(None).is_ok_and(|is_known| !is_known) {
            return;
        }
        let begun = self.with_core(|core| core.begin_run(now()));
        let wait = *begun.as_ref().unwrap_or(&MAX_WAIT_MILLIS);
        self.alarm_at.set(Some(now() + wait));
        if let Err(error) = self.state.storage().set_alarm(Duration::from_millis(wait)).await {
            log::error!("alarm_not_set", object = self.state.id().name(), error = error.cause());
        }
        if let Err(problem) = begun {
            log::error!("task_outcome_not_saved", object = self.state.id().name(), error = problem.cause());
        }
        match self.run(&Task::ALL).await {
            Ok(true) => return,
            Ok(false) => {}
            Err(problem) => {
                log::error!("task_failed", object = self.state.id().name(), error = problem.cause());
                return;
            }
        }
        let next = self.with_core(|core| {
            core.end_run(now())?;
            Ok::<_, Problem>(core.poll_timeout(now()))
        });
        match next {
            Ok(Some(at)) => self.wake_at(at),
            Ok(None) => {
                self.alarm_at.set(None);
                if let Err(error) = self.state.storage().delete_alarm().await {
                    log::error!("alarm_not_removed", object = self.state.id().name(), error = error.cause());
                }
            }
            Err(problem) => {
                log::error!("task_outcome_not_saved", object = self.state.id().name(), error = problem.cause());
            }
        }
    }

    /// Runs those of the tasks that are due; whether the object was forgotten, and nothing may be written into it any more.
    pub(super) async fn run(&self, tasks: &[Task]) -> Result<bool, Problem> {
        let core = self.core()?;
        let mut run = Run::new(tasks);
        while let Some(output) = run.poll(&core.get()?, now()) {
            match output {
                Output::Do(job) => {
                    let input = self.perform(&core, job).await;
                    run.handle(&core.get()?, now(), input);
                }
                Output::Failed(Failure { task, conversation, error }) => log::error!(
                    "task_failed",
                    task = task.name(),
                    conversation = conversation,
                    object = self.state.id().name(),
                    error = Problem::from(error).cause()
                ),
            }
        }
        Ok(run.is_forgotten())
    }

    /// Sees to it that the object is woken when something is due.
    pub(super) fn plan(&self) {
        let next = self.with_core(|core| Ok::<_, Problem>(core.poll_timeout(now())));
        let Ok(Some(at)) = next else { return };
        if self.alarm_at.get().is_none_or(|known| at < known || known <= now()) {
            self.wake_at(at);
        }
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
