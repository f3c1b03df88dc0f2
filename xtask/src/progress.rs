//! One line for each step of a command: what it is, how long it took, and that it is still running.
//!
//! Lines go to standard error, so that standard output stays what the tools and tests say. In a terminal the line of
//! the running step counts its seconds; elsewhere (a build server's log) only its start and its end are written.

use std::io::{IsTerminal, Write, stderr};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// How often the running step's line is written anew in a terminal.
const TICK: Duration = Duration::from_secs(1);

/// Numbers the steps of one command.
pub struct Progress {
    total: usize,
    begun: usize,
}

impl Progress {
    /// Progress through `total` steps.
    pub fn new(total: usize) -> Self {
        Self { total, begun: 0 }
    }

    /// Notes a step that has nothing to do.
    pub fn skip(&mut self, name: &str, why: &str) {
        let label = self.next_label(name);
        eprintln!("{label}: {why}");
    }

    /// Runs a step that prints nothing itself. `note` says what is happening and, when it is long, how long.
    ///
    /// # Errors
    /// What `work` returns, with the name of the step in front.
    pub fn quiet<T>(&mut self, name: &str, note: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.quiet_since(Instant::now(), name, note, work)
    }

    /// The same for a step that was begun earlier, and is now waited for.
    ///
    /// # Errors
    /// As [`Self::quiet`].
    pub fn quiet_since<T>(
        &mut self,
        started: Instant,
        name: &str,
        note: &str,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let label = self.next_label(name);
        let ticker = Ticker::start(format!("{label}: {note}"), started);
        let outcome = work();
        drop(ticker);
        finish(&label, name, started, outcome)
    }

    /// Runs a step whose programs print in full view.
    ///
    /// # Errors
    /// What `work` returns, with the name of the step in front.
    pub fn live<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let label = self.next_label(name);
        eprintln!("{label}");
        let started = Instant::now();
        let outcome = work();
        finish(&label, name, started, outcome)
    }

    fn next_label(&mut self, name: &str) -> String {
        self.begun += 1;
        format!("[{}/{}] {name}", self.begun, self.total)
    }
}

fn finish<T>(label: &str, name: &str, started: Instant, outcome: Result<T>) -> Result<T> {
    let word = if outcome.is_ok() { "done in" } else { "FAILED after" };
    eprintln!("{label}: {word} {}", seconds(started.elapsed()));
    outcome.with_context(|| format!("the step \"{name}\" failed"))
}

/// A duration as a person reads it.
pub fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs();
    if whole < 60 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} min {:02} s", whole / 60, whole % 60)
    }
}

/// Shows that a quiet step is running, until it is dropped.
struct Ticker {
    terminal: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Ticker {
    fn start(line: String, started: Instant) -> Self {
        if !stderr().is_terminal() {
            eprintln!("{line}");
            return Self { terminal: None };
        }
        let (stop, stopped) = mpsc::channel();
        let thread = thread::spawn(move || {
            loop {
                rewrite(&format!("{line} … {} s", started.elapsed().as_secs()));
                if stopped.recv_timeout(TICK) != Err(RecvTimeoutError::Timeout) {
                    return rewrite("");
                }
            }
        });
        Self { terminal: Some((stop, thread)) }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.terminal.take() {
            drop(stop);
            let _ = thread.join();
        }
    }
}

/// Replaces the terminal's current line.
fn rewrite(line: &str) {
    const TO_LINE_START_AND_CLEAR: &str = "\r\x1b[K";
    let mut out = stderr();
    let _ = write!(out, "{TO_LINE_START_AND_CLEAR}{line}");
    let _ = out.flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!(seconds(Duration::from_millis(1_250)), "1.2 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 min 05 s");
    }

    #[test]
    fn a_failed_step_is_named() {
        let outcome: Result<()> = Progress::new(1).quiet("node tools", "npm ci", || anyhow::bail!("no network"));
        let error = format!("{:#}", outcome.expect_err("the work fails"));
        assert_eq!(error, "the step \"node tools\" failed: no network");
    }
}
