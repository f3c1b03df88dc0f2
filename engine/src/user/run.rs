//! A run: what a user's object does by its alarm, task by task and item by item. It asks for one thing at a time and takes what has
//! come of it. Each step is in the database before the next is asked for, so that a run that is cut off loses nothing.

use std::collections::VecDeque;

use fourwire_wire::conversation::{ConversationEntry, ConversationStatus, PhoneCall};
use fourwire_wire::ids::{CallId, ConversationId};
use fourwire_wire::units::UnixMillis;

use super::core::{Error, User};
use super::follow_up::{DueFollowUp, FollowUp, FollowUps};
use super::index::{PendingDeletion, Unfinished};
use super::task::{Due, Failures, RUN, Task, next_run, retry_wait};
use super::unfinished::{self, CallState, Step};
use crate::database::{Database, Value, moment, stored};
use crate::fault::Fault;
use crate::phone::dialling::WINDOW_MILLIS;
use crate::phone::ledger::CallRecord;
use crate::phone::number::PhoneNumber;

/// How many conversations a task sees to before others get their turn. Each takes a request to its call's object and a few to R2; the
/// next run goes on at once.
pub const MAX_A_STEP: i64 = 20;
/// How many follow-ups are seen to before other tasks get their turn: each may take half a minute, and an alarm 15 minutes
/// (<https://developers.cloudflare.com/durable-objects/api/alarms/>).
const MAX_FOLLOW_UPS_A_STEP: i64 = 10;
/// How many rows retention removes in one step: no more than a few milliseconds of SQL.
const MAX_RETIRED_A_STEP: i64 = 500;
/// How long after a running call was ended its conversation's folder is cleared once more, in milliseconds: what the call was storing
/// at that moment has arrived by then, since storing has 10 s.
const SECOND_LOOK_MILLIS: u64 = 60_000;

/// What only the platform can do.
#[derive(Clone, Debug, PartialEq)]
pub enum Job {
    /// Ask the object of a call what it has of a conversation: [`Input::CallState`].
    AskCall {
        /// The conversation.
        id: ConversationId,
        /// The call.
        call: CallId,
    },
    /// Finish a conversation whose call never will, from what is stored of it, and forget what its object has:
    /// [`Input::Finished`].
    FinishCall {
        /// The conversation's entry.
        entry: Box<ConversationEntry>,
        /// Its key, wrapped.
        key: Vec<u8>,
        /// What Twilio has reported of the call.
        phone_call: Option<Box<PhoneCall>>,
        /// Whether the call's object has something that it cannot read as a whole.
        is_unreadable: bool,
    },
    /// Do what is still to be done for a finished conversation: [`Input::FollowedUp`].
    FollowUp {
        /// What.
        follow_up: FollowUp,
        /// The conversation.
        id: ConversationId,
        /// Its key, wrapped.
        key: Vec<u8>,
    },
    /// End the call of a deleted conversation, where it may be running, and remove what R2 has of it: [`Input::Done`].
    Clear {
        /// The conversation.
        id: ConversationId,
        /// The call.
        call: Option<CallId>,
    },
    /// Tell a number's object that the number is not the user's any more: [`Input::Done`].
    Release(PhoneNumber),
    /// Take the user out of the operator's directory, and then delete the object's whole storage: [`Input::Done`].
    Forget,
}

/// What has come of a [`Job`].
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// What the call's object has.
    CallState(CallState),
    /// The conversation's entry, finished, and whether it was finished just now; none where nothing was stored of it.
    Finished(Option<(Box<ConversationEntry>, bool)>),
    /// A follow-up was tried.
    FollowedUp {
        /// Whether there is nothing more to be done.
        is_done: bool,
        /// The conversation's entry, where it has changed.
        changed: Option<Box<ConversationEntry>>,
    },
    /// It is done.
    Done,
    /// It is not, or nobody knows.
    Failed,
}

/// What a run asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Something is to be done now.
    Do(Job),
    /// Something has failed, for the log.
    Failed(Failure),
}

/// What has failed in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// In which task.
    pub task: Task,
    /// For which conversation.
    pub conversation: Option<ConversationId>,
    /// Why.
    pub error: Error,
}

/// Something that a task sees to.
#[derive(Debug)]
enum Item {
    Ask(Unfinished),
    Finish { unfinished: Unfinished, is_unreadable: bool },
    FollowUp(DueFollowUp),
    Deletion(PendingDeletion),
    Release(PhoneNumber),
    Forget,
}

impl Item {
    const fn conversation(&self) -> Option<ConversationId> {
        match self {
            Self::Ask(unfinished) | Self::Finish { unfinished, .. } => Some(unfinished.id),
            Self::FollowUp(due) => Some(due.id),
            Self::Deletion(deletion) => Some(deletion.id),
            Self::Release(_) | Self::Forget => None,
        }
    }
}

/// A task that is being run.
#[derive(Debug)]
struct Current {
    task: Task,
    items: VecDeque<Item>,
    /// Whether all of it is to be tried again later, besides what its items note for themselves.
    has_failed: bool,
}

/// A run of tasks that are due.
#[derive(Debug)]
pub struct Run {
    tasks: VecDeque<Task>,
    current: Option<Current>,
    /// What was asked for last.
    asked: Option<Item>,
    failures: VecDeque<Failure>,
    is_forgotten: bool,
}

impl Run {
    /// A run of those of these tasks that are due.
    #[must_use]
    pub fn new(tasks: &[Task]) -> Self {
        Self {
            tasks: tasks.iter().copied().collect(),
            current: None,
            asked: None,
            failures: VecDeque::new(),
            is_forgotten: false,
        }
    }

    /// Whether the object was forgotten. Then nothing may be written into it any more.
    #[must_use]
    pub const fn is_forgotten(&self) -> bool {
        self.is_forgotten
    }

    /// What is to be done next; none: the run is over.
    pub fn poll<D: Database>(&mut self, user: &User<'_, D>, now: UnixMillis) -> Option<Output> {
        loop {
            if let Some(failure) = self.failures.pop_front() {
                return Some(Output::Failed(failure));
            }
            if self.is_forgotten {
                return None;
            }
            let Some(mut current) = self.current.take() else {
                let task = self.tasks.pop_front()?;
                self.begin(user, task, now);
                continue;
            };
            if let Some(item) = current.items.pop_front() {
                let (task, id) = (current.task, item.conversation());
                self.current = Some(current);
                match user.job(item, now) {
                    Ok(None) => {}
                    Ok(Some((item, job))) => {
                        self.asked = Some(item);
                        return Some(Output::Do(job));
                    }
                    Err(error) => self.fail(task, id, error),
                }
                continue;
            }
            self.end(user, &current, now);
        }
    }

    /// Takes what has come of the job that was asked for last.
    pub fn handle<D: Database>(&mut self, user: &User<'_, D>, now: UnixMillis, input: Input) {
        let Some(item) = self.asked.take() else { return };
        let Some(task) = self.current.as_ref().map(|current| current.task) else { return };
        let id = item.conversation();
        match (&item, &input) {
            (Item::Forget, Input::Done) => self.is_forgotten = true,
            (Item::Forget | Item::Release(_), Input::Failed) => self.set_failed(),
            _ => match user.take(item, input, now) {
                Ok(None) => {}
                Ok(Some(next)) => {
                    if let Some(current) = &mut self.current {
                        current.items.push_front(next);
                    }
                }
                Err(error) => self.fail(task, id, error.into()),
            },
        }
    }

    fn begin<D: Database>(&mut self, user: &User<'_, D>, task: Task, now: UnixMillis) {
        let is_due = next_run(user.due(task, now), user.failures(task.name())).is_some_and(|at| at <= now);
        if !is_due {
            return;
        }
        let items = user.next_due(task, now).and_then(|_| user.items(task, now));
        self.current = Some(Current { task, items: VecDeque::new(), has_failed: false });
        match (items, &mut self.current) {
            (Ok(items), Some(current)) => current.items = items,
            (Err(error), _) => self.fail(task, None, error),
            (Ok(_), None) => {}
        }
    }

    fn end<D: Database>(&mut self, user: &User<'_, D>, current: &Current, now: UnixMillis) {
        let Current { task, has_failed, .. } = *current;
        if task == Task::Erasure && !has_failed {
            match user.end_erasure(now) {
                Ok(false) => {}
                Ok(true) => {
                    self.current = Some(Current { task, items: [Item::Forget].into(), has_failed });
                    return;
                }
                Err(error) => {
                    self.current = Some(Current { task, items: VecDeque::new(), has_failed: true });
                    self.failures.push_back(Failure { task, conversation: None, error });
                    return;
                }
            }
        }
        if let Err(error) = user.note(task.name(), !has_failed, now) {
            self.failures.push_back(Failure { task, conversation: None, error: error.into() });
        }
    }

    fn fail(&mut self, task: Task, conversation: Option<ConversationId>, error: Error) {
        self.failures.push_back(Failure { task, conversation, error });
        self.set_failed();
    }

    fn set_failed(&mut self) {
        if let Some(current) = &mut self.current {
            current.has_failed = true;
        }
    }
}

impl<D: Database> User<'_, D> {
    /// Notes that a run begins, before anything else: in how many milliseconds the object is to be woken again if the run is cut off.
    ///
    /// # Errors
    /// What the database says. Then it is to be woken again after [`MAX_WAIT_MILLIS`](super::task::MAX_WAIT_MILLIS).
    pub fn begin_run(&self, now: UnixMillis) -> Result<u64, Error> {
        self.note(RUN, false, now)?;
        Ok(retry_wait(self.failures(RUN).map_or(u32::MAX, |failures| failures.count)))
    }

    /// Notes that a run has come to its end.
    ///
    /// # Errors
    /// What the database says.
    pub fn end_run(&self, now: UnixMillis) -> Result<(), Error> {
        Ok(self.note(RUN, true, now)?)
    }

    /// When the next run is due; none: nothing is to be done.
    #[must_use]
    pub fn poll_timeout(&self, now: UnixMillis) -> Option<UnixMillis> {
        Task::ALL.into_iter().filter_map(|task| next_run(self.due(task, now), self.failures(task.name()))).min()
    }

    fn due(&self, task: Task, now: UnixMillis) -> Due {
        match self.next_due(task, now) {
            Ok(Some(at)) => Due::At(at),
            Ok(None) => Due::Never,
            Err(_) => Due::Unknown,
        }
    }

    fn next_due(&self, task: Task, now: UnixMillis) -> Result<Option<UnixMillis>, Error> {
        let index = self.index(now);
        Ok(match task {
            Task::Retention => {
                // One that cannot be read is named by /healthz, and deletes nothing.
                let Ok(Some(retention)) = self.config.retention else { return Ok(None) };
                let calls = self.call_log().oldest()?.map(|at| at + retention.millis().max(WINDOW_MILLIS));
                let conversations = index.oldest()?.map(|at| at + retention.millis());
                [calls, conversations].into_iter().flatten().min().map(|at| at + 1)
            }
            Task::Expiry => index.next_expiry()?,
            Task::Unfinished => index.next_look()?,
            Task::FollowUps => FollowUps::new(self.database).next()?,
            Task::Deletions => index.next_deletion()?,
            Task::Erasure => self.next_erasure(now)?,
        })
    }

    /// Does what of a task can be done at once, and says what else there is to see to.
    fn items(&self, task: Task, now: UnixMillis) -> Result<VecDeque<Item>, Error> {
        let index = self.index(now);
        Ok(match task {
            Task::Retention => {
                if let Ok(Some(retention)) = self.config.retention {
                    let limit = now - retention.millis();
                    index.remove_before(limit, MAX_RETIRED_A_STEP)?;
                    self.call_log().forget(limit.min(now - WINDOW_MILLIS))?;
                }
                VecDeque::new()
            }
            Task::Expiry => {
                index.remove_expired(MAX_RETIRED_A_STEP)?;
                VecDeque::new()
            }
            Task::Unfinished => index.to_be_asked(MAX_A_STEP)?.into_iter().map(Item::Ask).collect(),
            Task::FollowUps => {
                let due = FollowUps::new(self.database).due(MAX_FOLLOW_UPS_A_STEP, now)?;
                due.into_iter().map(Item::FollowUp).collect()
            }
            Task::Deletions => index.pending_deletions(MAX_A_STEP)?.into_iter().map(Item::Deletion).collect(),
            Task::Erasure => self.numbers_to_release()?.into_iter().map(Item::Release).collect(),
        })
    }

    /// What an item needs done, by what is in the database now: while others were seen to, the user may have deleted it.
    fn job(&self, item: Item, now: UnixMillis) -> Result<Option<(Item, Job)>, Error> {
        let index = self.index(now);
        let job = match &item {
            Item::Ask(unfinished) | Item::Finish { unfinished, .. } => {
                let (id, unfinished) = (unfinished.id, *unfinished);
                let known = index.find(id)?.filter(|(entry, _)| entry.status != ConversationStatus::Completed);
                let Some((entry, key)) = known else {
                    index.set_finished(id)?;
                    return Ok(None);
                };
                let is_unreadable = match (&item, &entry.call_id) {
                    (Item::Finish { is_unreadable, .. }, _) => *is_unreadable,
                    (_, Some(call)) => return Ok(Some((item, Job::AskCall { id, call: call.clone() }))),
                    // There is nobody to be asked.
                    (_, None) => false,
                };
                let record = entry.call_id.as_ref().map(|call| self.call_log().named(call)).transpose()?.flatten();
                let phone_call = record.as_ref().map(CallRecord::phone_call).map(Box::new);
                let job = Job::FinishCall { entry: Box::new(entry), key, phone_call, is_unreadable };
                return Ok(Some((Item::Finish { unfinished, is_unreadable }, job)));
            }
            Item::FollowUp(due) => {
                let DueFollowUp { id, follow_up, tries } = *due;
                let follow_ups = FollowUps::new(self.database);
                let wanted = match follow_up {
                    // The operator wants a model and has mistyped something: there may be one later.
                    FollowUp::Summary => self.config.summariser.as_ref().map(|_| true),
                    FollowUp::Webhook => self.config.webhook.as_ref().map(Option::is_some),
                };
                let wanted = match wanted {
                    Ok(is_wanted) => is_wanted,
                    Err(error) => {
                        follow_ups.try_later(id, follow_up, tries.saturating_add(1), now)?;
                        return Err(error.clone().into());
                    }
                };
                let known = index.find(id)?.filter(|_| wanted);
                let Some((_, key)) = known else {
                    follow_ups.remove(id, follow_up)?;
                    return Ok(None);
                };
                Job::FollowUp { follow_up, id, key }
            }
            Item::Deletion(deletion) => Job::Clear { id: deletion.id, call: deletion.call.clone() },
            Item::Release(number) => Job::Release(number.clone()),
            Item::Forget => Job::Forget,
        };
        Ok(Some((item, job)))
    }

    /// Takes what has come of an item, and says what follows at once.
    fn take(&self, item: Item, input: Input, now: UnixMillis) -> Result<Option<Item>, Fault> {
        let index = self.index(now);
        match (item, input) {
            (Item::Ask(unfinished), input) => {
                let state = if let Input::CallState(state) = input { Some(state) } else { None };
                match unfinished::step(state, unfinished.since, unfinished.asked, now) {
                    Step::AskAgain(at) => index.ask_again(unfinished.id, at)?,
                    Step::Finish => {
                        let is_unreadable = state == Some(CallState::Unreadable);
                        return Ok(Some(Item::Finish { unfinished, is_unreadable }));
                    }
                }
            }
            (Item::Finish { unfinished, .. }, Input::Finished(None)) => index.discard(unfinished.id)?,
            (Item::Finish { .. }, Input::Finished(Some((entry, false)))) => {
                index.update(&entry)?;
            }
            (Item::Finish { unfinished, .. }, Input::Finished(Some((entry, true)))) => {
                if index.upsert(&entry)? {
                    for follow_up in [FollowUp::Summary, FollowUp::Webhook] {
                        let tries = follow_up.tries_before();
                        FollowUps::new(self.database).try_later(unfinished.id, follow_up, tries, now)?;
                    }
                }
            }
            (Item::Finish { unfinished, .. }, _) => {
                index.ask_again(unfinished.id, now + retry_wait(unfinished.asked.saturating_add(1)))?;
            }
            (Item::FollowUp(due), input) => {
                let follow_ups = FollowUps::new(self.database);
                if let Input::FollowedUp { changed: Some(entry), .. } = &input {
                    index.update(entry)?;
                }
                if matches!(input, Input::FollowedUp { is_done: true, .. }) {
                    follow_ups.remove(due.id, due.follow_up)?;
                } else {
                    follow_ups.try_later(due.id, due.follow_up, due.tries.saturating_add(1), now)?;
                }
            }
            (Item::Deletion(mut deletion), Input::Done) if deletion.call.is_some() => {
                (deletion.call, deletion.failures) = (None, 0);
                index.delete_again(&deletion, now + SECOND_LOOK_MILLIS)?;
            }
            (Item::Deletion(deletion), Input::Done) => index.deleted(deletion.id)?,
            (Item::Deletion(mut deletion), _) => {
                deletion.failures = deletion.failures.saturating_add(1);
                index.delete_again(&deletion, now + retry_wait(deletion.failures))?;
            }
            (Item::Release(number), Input::Done) => self.released(&number)?,
            (Item::Release(_) | Item::Forget, _) => {}
        }
        Ok(None)
    }

    fn failures(&self, task: &str) -> Option<Failures> {
        let row = self.database.first("SELECT count, last FROM task_failures WHERE task = ?", vec![task.into()]);
        let row = row.ok()??;
        let [Value::Integer(count), Value::Integer(last)] = row.as_slice() else { return None };
        Some(Failures { count: u32::try_from(*count).ok()?, last: moment(*last).ok()? })
    }

    fn note(&self, task: &str, is_done: bool, now: UnixMillis) -> Result<(), Fault> {
        if is_done {
            self.database.execute("DELETE FROM task_failures WHERE task = ?", vec![task.into()])?;
            return Ok(());
        }
        self.database.execute(
            "INSERT INTO task_failures (task, count, last) VALUES (?, 1, ?)
             ON CONFLICT (task) DO UPDATE SET count = count + 1, last = excluded.last",
            vec![task.into(), stored(now)?],
        )?;
        Ok(())
    }
}
