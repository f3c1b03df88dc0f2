//! The recogniser's queue: one program for all streams, one request at a time, its words handed back to who asked.
//!
//! A request belongs to who asked for it: when its [`oneshot::Receiver`] is dropped, because the stream is over or a newer
//! interim replaced it, the request leaves the queue, and one that is being worked on is given up. The queue is bounded
//! ([`MAX_WAITING`]), which bounds how late the words of those who stay can get.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use serde_json::json;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep};

use super::process::{Answer, Mode, Process, Program, RecogniserError};

/// Longest request: the window of the model, 30 s at 16 kHz.
pub const MAX_SAMPLES: usize = 30 * 16_000;
/// Requests that may wait. A careful one takes 0.5 to 0.7 s on two cores, so the queue is through within about 10 s of the
/// last one, and holds at most 12 MB (each up to 30 s of audio).
pub const MAX_WAITING: usize = 12;
/// How long the program may go on with a request that nobody waits for any more. That is longer than a request takes on an
/// idle machine, so that a child is only killed, and its model loaded again, where the work would hold others up.
const ABANDONED_LIMIT: Duration = Duration::from_secs(3);

/// A request in the queue.
struct Job {
    mode: Mode,
    samples: Vec<i16>,
    /// Closed when nobody waits for the words any more.
    answer: oneshot::Sender<Answer>,
}

/// A handle to the queue. The program ends with the last handle.
#[derive(Clone)]
pub struct Recogniser {
    queue: Arc<Queue>,
}

struct Queue {
    state: Mutex<State>,
    /// Notified when there is work, and when the queue is no more.
    wake: Arc<Notify>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    is_working: bool,
    /// Until when no interim is asked for: after one that took long, as long again. Finals must find the program free on a
    /// slow machine too.
    rest: Option<Instant>,
    /// The log has a line on this overload already.
    is_logged: bool,
}

impl Recogniser {
    /// Starts the program and waits until its model is loaded.
    ///
    /// # Errors
    /// When it cannot be started, or ends or says nothing instead of being ready.
    pub async fn start(program: PathBuf, model: PathBuf) -> Result<Self, RecogniserError> {
        Ok(Self::over(Process::start(program, model).await?))
    }

    /// A queue in front of a program.
    pub(crate) fn over(program: impl Program) -> Self {
        let wake = Arc::new(Notify::new());
        let queue = Arc::new(Queue { state: Mutex::default(), wake: Arc::clone(&wake) });
        tokio::spawn(work(Arc::downgrade(&queue), wake, program));
        Self { queue }
    }

    /// Asks for the words of up to 30 s of audio. Dropping the receiver takes the request back.
    #[must_use]
    pub fn ask(&self, mode: Mode, samples: Vec<i16>) -> oneshot::Receiver<Answer> {
        let (answer, receiver) = oneshot::channel();
        let mut state = self.queue.state();
        state.add(Job { mode, samples, answer });
        drop(state);
        self.queue.wake.notify_one();
        receiver
    }

    /// Whether there is time for an interim: nobody waits for an answer, and the last interim is long enough ago.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let mut state = self.queue.state();
        state.forget_abandoned();
        let is_rested = state.rest.is_none_or(|until| Instant::now() >= until);
        state.waiting.is_empty() && !state.is_working && is_rested
    }

    /// How many requests wait.
    #[cfg(test)]
    pub fn waiting(&self) -> usize {
        let mut state = self.queue.state();
        state.forget_abandoned();
        state.waiting.len()
    }
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.wake.notify_one();
    }
}

impl State {
    /// Requests that nobody waits for any more leave the queue.
    fn forget_abandoned(&mut self) {
        self.waiting.retain(|job| !job.answer.is_closed());
    }

    /// Puts a request into the queue. In a full one a final takes the place of an interim; else the request is refused.
    fn add(&mut self, job: Job) {
        self.forget_abandoned();
        if self.waiting.len() >= MAX_WAITING {
            let interim = self.waiting.iter().position(|waiting| waiting.mode == Mode::Quick);
            let refused = match interim.filter(|_| job.mode == Mode::Careful).and_then(|at| self.waiting.remove(at)) {
                Some(interim) => {
                    self.waiting.push_back(job);
                    interim
                }
                None => job,
            };
            if !std::mem::replace(&mut self.is_logged, true) {
                eprintln!("{}", json!({ "event": "recogniser_overloaded", "waiting": MAX_WAITING }));
            }
            let _ = refused.answer.send(Err(RecogniserError::Overloaded(MAX_WAITING)));
            return;
        }
        self.waiting.push_back(job);
    }

    /// The next request: the oldest final, or the oldest interim where no final waits.
    fn next(&mut self) -> Option<Job> {
        self.forget_abandoned();
        let careful = self.waiting.iter().position(|job| job.mode == Mode::Careful);
        let job = self.waiting.remove(careful.unwrap_or(0));
        self.is_working = job.is_some();
        if self.waiting.len() < MAX_WAITING / 2 && std::mem::take(&mut self.is_logged) {
            eprintln!("{}", json!({ "event": "recogniser_recovered", "waiting": self.waiting.len() }));
        }
        job
    }
}

/// Works on one request after the other until every handle is gone.
async fn work(queue: Weak<Queue>, wake: Arc<Notify>, mut program: impl Program) {
    loop {
        let Some(job) = queue.upgrade().map(|queue| queue.state().next()) else { return };
        let Some(Job { mode, samples, mut answer }) = job else {
            wake.notified().await;
            continue;
        };
        let begun = Instant::now();
        let abandoned = async {
            answer.closed().await;
            sleep(ABANDONED_LIMIT).await;
        };
        let words = tokio::select! {
            words = program.recognise(mode, &samples) => Some(words),
            () = abandoned => None,
        };
        if let Some(Err(error)) = &words {
            eprintln!("{}", json!({ "event": "recogniser_failed", "error": error.to_string() }));
        }
        match words {
            // Who asked may be gone.
            Some(words) => _ = answer.send(words),
            None => eprintln!("{}", json!({ "event": "recogniser_request_given_up" })),
        }
        if let Some(queue) = queue.upgrade() {
            let mut state = queue.state();
            state.is_working = false;
            if mode == Mode::Quick {
                state.rest = Some(Instant::now() + begun.elapsed());
            }
        }
    }
}

#[cfg(test)]
#[path = "recogniser_tests.rs"]
mod tests;
