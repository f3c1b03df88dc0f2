//! What a user's object does by its alarm: several tasks, of which each has its own time and its own failures.
//!
//! The object plans its next alarm before it runs anything, runs every task that is due, and lets no task's error keep another
//! from running. A task that fails is run again later and later, and for ever: there is no state in which nothing is planned
//! while something is to be done.

use fourwire_wire::units::UnixMillis;

/// Wait before a task that failed once is run again, in milliseconds; doubled with each further failure.
const FIRST_WAIT_MILLIS: u64 = 15_000;
/// Longest such wait, in milliseconds: an hour. It also bounds how long an object stays idle that could not even note what it does.
pub const MAX_WAIT_MILLIS: u64 = 3_600_000;

/// How long after its failure something is tried again, in milliseconds, when it has failed so many times in a row.
#[must_use]
pub const fn retry_wait(failures: u32) -> u64 {
    let doublings = if failures > 16 { 16 } else { failures.saturating_sub(1) };
    let wait = FIRST_WAIT_MILLIS << doublings;
    if wait < MAX_WAIT_MILLIS { wait } else { MAX_WAIT_MILLIS }
}

/// A run of the alarm, among the names of tasks: one that has begun and not ended was cut off, and counts as failed.
pub const RUN: &str = "run";

/// One of the tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Task {
    /// Deletes conversations and calls that are older than the operator wants.
    Retention,
    /// Deletes conversations in which nothing was said, after a while.
    Expiry,
    /// Asks after calls whose conversations have been in progress for too long.
    Unfinished,
    /// Sums conversations up and notifies the operator's server.
    FollowUps,
    /// Removes from R2 what was deleted.
    Deletions,
    /// Goes on with the erasure of the whole account.
    Erasure,
}

impl Task {
    /// All of them, in the order in which they are run: an erasure ends when everything else has.
    pub const ALL: [Self; 6] =
        [Self::Retention, Self::Expiry, Self::Unfinished, Self::FollowUps, Self::Deletions, Self::Erasure];

    /// Its name in the object's database and in the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retention => "retention",
            Self::Expiry => "expiry",
            Self::Unfinished => "unfinished",
            Self::Erasure => "erasure",
            Self::FollowUps => "follow_ups",
            Self::Deletions => "deletions",
        }
    }
}

/// When a task has something to do, by what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// It has nothing to do.
    Never,
    /// From this moment on.
    At(UnixMillis),
    /// That could not be found out, which is an error like one of the task itself.
    Unknown,
}

/// How often a task has failed in a row, and when it last did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failures {
    /// How often.
    pub count: u32,
    /// When.
    pub last: UnixMillis,
}

/// When a task is to be run; `None` where there is nothing to be done.
#[must_use]
pub fn next_run(due: Due, failures: Option<Failures>) -> Option<UnixMillis> {
    let again = failures.map(|Failures { count, last }| last + retry_wait(count)).unwrap_or_default();
    match due {
        Due::Never => None,
        Due::At(moment) => Some(moment.max(again)),
        Due::Unknown => Some(again),
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_800_000_000_000);

    #[test]
    fn waits_double_up_to_an_hour_and_never_end() {
        for (failures, seconds) in
            [(0, 15), (1, 15), (2, 30), (3, 60), (8, 1_920), (9, 3_600), (17, 3_600), (64, 3_600), (u32::MAX, 3_600)]
        {
            assert_eq!(retry_wait(failures), seconds * 1_000, "{failures}");
        }
    }

    #[test]
    fn a_task_is_run_when_it_is_due_and_after_an_error_when_it_has_waited_too() {
        let failed = |count| Some(Failures { count, last: NOW });
        for (due, failures, expected) in [
            (Due::Never, None, None),
            (Due::Never, failed(3), None),
            (Due::At(NOW + 5), None, Some(NOW + 5)),
            (Due::At(NOW + 5), failed(1), Some(NOW + 15_000)),
            (Due::At(NOW + 90_000), failed(1), Some(NOW + 90_000)),
            (Due::At(NOW - 90_000), failed(40), Some(NOW + 3_600_000)),
            (Due::Unknown, None, Some(UnixMillis::default())),
            (Due::Unknown, failed(2), Some(NOW + 30_000)),
        ] {
            assert_eq!(next_run(due, failures), expected, "{due:?} {failures:?}");
        }
    }

    #[test]
    fn each_task_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = Task::ALL.iter().map(|task| task.name()).collect();
        assert_eq!(names.len(), Task::ALL.len());
    }
}
