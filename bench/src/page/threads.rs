//! CPU time of the threads of a page's process, as the kernel counts it: to the nanosecond, with everything that runs on them,
//! and without the cost of a trace.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::usage;

/// The kernel's 15 letters of the name that Chromium gives the thread of a context's worklets.
const AUDIO: &str = "Realtime AudioW";
/// Of a page's worker.
const WORKER: &str = "DedicatedWorker";
/// Of the thread that only a page in a call has: WebRTC's.
const CALL: &str = "WebRTC_Signalin";

/// What the threads of a process have used up to now.
#[derive(Clone, Debug)]
pub struct Threads {
    pid: u32,
    /// Each one's name and CPU time.
    by_id: BTreeMap<u32, (String, Duration)>,
    /// Also of threads that have ended.
    all: Duration,
}

/// CPU time of a window.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    /// The page's own thread.
    pub main: Duration,
    /// The thread of its worker.
    pub worker: Duration,
    /// The threads of its worklets, with all else that the audio contexts compute there.
    pub audio: Duration,
    /// The whole process: these, and what carries the call.
    pub all: Duration,
}

impl Threads {
    /// As they are now.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn now(pid: u32) -> Result<Self> {
        let mut threads = BTreeMap::new();
        for entry in fs::read_dir(format!("/proc/{pid}/task")).context("the page's process is gone")? {
            let folder = entry?.path();
            let id = folder.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
            // One that has ended meanwhile is none.
            if let (Some(id), Some(thread)) = (id, read_thread(&folder)) {
                threads.insert(id, thread);
            }
        }
        Ok(Self { pid, by_id: threads, all: usage::cpu(pid)? })
    }

    /// The ids of the threads of worklets.
    pub fn worklets(&self) -> impl Iterator<Item = u32> {
        self.by_id.iter().filter(|(_, (name, _))| name == AUDIO).map(|(id, _)| *id)
    }

    /// Whether the page is in a call.
    #[must_use]
    pub fn is_in_call(&self) -> bool {
        self.by_id.values().any(|(name, _)| name == CALL)
    }

    /// What some of the threads have used since `earlier`.
    #[must_use]
    pub fn of(&self, ids: &BTreeSet<u32>, earlier: &Self) -> Duration {
        self.sum(earlier, &|id, _| ids.contains(&id))
    }

    /// What the time since `earlier` has taken.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Times {
        Times {
            main: self.sum(earlier, &|id, _| id == self.pid),
            worker: self.sum(earlier, &|_, name| name == WORKER),
            audio: self.sum(earlier, &|_, name| name == AUDIO),
            all: self.all.saturating_sub(earlier.all),
        }
    }

    fn sum(&self, earlier: &Self, is_meant: &dyn Fn(u32, &str) -> bool) -> Duration {
        let meant = self.by_id.iter().filter(|(id, (name, _))| is_meant(**id, name));
        let used = meant.map(|(id, (_, now))| {
            let before = earlier.by_id.get(id).map_or(Duration::ZERO, |(_, before)| *before);
            now.saturating_sub(before)
        });
        used.sum()
    }
}

/// A thread's name and CPU time.
fn read_thread(folder: &std::path::Path) -> Option<(String, Duration)> {
    let name = fs::read_to_string(folder.join("comm")).ok()?;
    // Nanoseconds on a CPU, nanoseconds waiting for one, times: see the kernel's sched-stats.
    let stat = fs::read_to_string(folder.join("schedstat")).ok()?;
    let nanos = stat.split(' ').next()?.parse().ok()?;
    Some((name.trim().to_owned(), Duration::from_nanos(nanos)))
}

/// CPU time of this process and of all that it has started, and they: browser, Worker, lab. The kernel counts it in ticks, which
/// is fine for seconds.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn own_and_children() -> Result<Duration> {
    /// Ticks a second, on every Linux that a browser runs on.
    const TICK: Duration = Duration::from_millis(10);
    let mut processes: BTreeMap<u32, (u32, u32)> = BTreeMap::new();
    for entry in fs::read_dir("/proc")? {
        let folder: PathBuf = entry?.path();
        let Ok(stat) = fs::read_to_string(folder.join("stat")) else { continue };
        if let Some((id, parent_and_ticks)) = parse_stat(&stat) {
            processes.insert(id, parent_and_ticks);
        }
    }
    let own = std::process::id();
    let is_ours = |mut id: u32| {
        while id > 1 && id != own {
            id = processes.get(&id).map_or(0, |(parent, _)| *parent);
        }
        id == own
    };
    let ticks = processes.iter().filter(|(id, _)| is_ours(**id)).map(|(_, (_, ticks))| ticks).sum();
    Ok(TICK.saturating_mul(ticks))
}

/// Of a process's `stat`: its id, its parent's, and its CPU time in ticks.
fn parse_stat(stat: &str) -> Option<(u32, (u32, u32))> {
    let id = stat.split(' ').next()?.parse().ok()?;
    // The second field is the name in brackets, which may have any letters.
    let (_, rest) = stat.rsplit_once(") ")?;
    let field = |place: usize| rest.split(' ').nth(place)?.parse::<u32>().ok();
    // Fields 4, 14 and 15 of proc(5): parent, user, system.
    Some((id, (field(1)?, field(11)? + field(12)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_whatever_its_name_is() {
        let stat = "42 (a ) (b) S 7 42 42 0 -1 4194304 100 0 0 0 150 25 9 9 20 0 3 0 100 0 0";
        assert_eq!(parse_stat(stat), Some((42, (7, 175))));
        assert_eq!(parse_stat("42 (short) S 7"), None);
    }

    #[test]
    fn this_process_has_a_main_thread_that_works() {
        let before = Threads::now(std::process::id()).unwrap();
        let until = std::time::Instant::now() + Duration::from_millis(30);
        while std::time::Instant::now() < until {}
        let times = Threads::now(std::process::id()).unwrap().since(&before);
        assert!(times.all >= Duration::from_millis(5), "{times:?}");
        assert_eq!(times.worker, Duration::ZERO);
        assert!(!before.is_in_call());
    }
}
