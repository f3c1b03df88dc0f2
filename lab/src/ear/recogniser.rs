//! The recogniser's child process: one for all streams, one request at a time, its words handed back to who asked.
//!
//! The bytes on its pipes are described at the top of `lab/recogniser/src/main.rs`. A child that dies is started again.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// Longest request: the window of the model, 30 s at 16 kHz.
pub const MAX_SAMPLES: usize = 30 * 16_000;
/// How long loading the model may take; it takes a quarter of a second where nothing else runs.
const LOAD_LIMIT: Duration = Duration::from_mins(1);
/// How long one request may take; it takes under a second.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// How much work a request is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// For an interim.
    Quick = 0,
    /// For a final.
    Careful = 1,
}

/// A word as the recogniser tells it: times in seconds from the request's first sample.
#[derive(Clone, Debug, Deserialize)]
pub struct HeardWord {
    /// Lower case, without punctuation.
    pub word: String,
    /// As a sentence writes it.
    pub punctuated: String,
    /// Seconds from the request's first sample.
    pub start: f64,
    /// Seconds from the request's first sample.
    pub end: f64,
    /// 0 to 1.
    pub confidence: f64,
}

/// Why the recogniser gave no words.
#[derive(Debug, Error)]
pub enum RecogniserError {
    /// The program could not be started.
    #[error("cannot start the recogniser {0}: {1}")]
    Start(PathBuf, std::io::Error),
    /// It ended, or said something else than it should.
    #[error("the recogniser stopped: {0}")]
    Stopped(String),
    /// It did not answer in time.
    #[error("the recogniser did not answer within {} s", .0.as_secs())]
    Late(Duration),
    /// It refused the request.
    #[error("the recogniser refused: {0}")]
    Refused(String),
}

/// What comes back for a request.
pub type Answer = Result<Vec<HeardWord>, RecogniserError>;

struct Job {
    mode: Mode,
    samples: Vec<i16>,
    answer: oneshot::Sender<Answer>,
}

/// A handle to the one child process.
#[derive(Clone)]
pub struct Recogniser {
    jobs: mpsc::UnboundedSender<Job>,
    load: Arc<Load>,
}

/// How busy the child is.
#[derive(Default)]
struct Load {
    /// Requests that are not answered yet.
    waiting: AtomicUsize,
    /// Until when no interim is asked for: after one that took long, as long again. Finals must find the child free on
    /// a slow machine too.
    rest: Mutex<Option<Instant>>,
}

impl Recogniser {
    /// Starts the program and waits until its model is loaded.
    ///
    /// # Errors
    /// When it cannot be started, or ends or says nothing instead of being ready.
    pub async fn start(program: PathBuf, model: PathBuf) -> Result<Self, RecogniserError> {
        let process = Process::start(&program, &model).await?;
        let (jobs, queue) = mpsc::unbounded_channel();
        let load = Arc::new(Load::default());
        tokio::spawn(work(queue, process, program, model, Arc::clone(&load)));
        Ok(Self { jobs, load })
    }

    /// Asks for the words of up to 30 s of audio.
    #[must_use]
    pub fn ask(&self, mode: Mode, samples: Vec<i16>) -> oneshot::Receiver<Answer> {
        let (answer, receiver) = oneshot::channel();
        self.load.waiting.fetch_add(1, Ordering::Relaxed);
        // Where the worker is gone the receiver learns it: the sender is dropped with the job.
        let _ = self.jobs.send(Job { mode, samples, answer });
        receiver
    }

    /// Whether there is time for an interim: nobody waits for an answer, and the last interim is long enough ago.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let rest = *self.load.rest.lock().unwrap_or_else(PoisonError::into_inner);
        self.load.waiting.load(Ordering::Relaxed) == 0 && rest.is_none_or(|until| Instant::now() >= until)
    }
}

/// Answers requests in the order in which they were made, until every handle is gone.
async fn work(
    mut queue: mpsc::UnboundedReceiver<Job>,
    mut process: Process,
    program: PathBuf,
    model: PathBuf,
    load: Arc<Load>,
) {
    while let Some(job) = queue.recv().await {
        let begun = Instant::now();
        let mut answer = process.request(job.mode, &job.samples).await;
        if matches!(answer, Err(RecogniserError::Stopped(_) | RecogniserError::Late(_))) {
            answer = match Process::start(&program, &model).await {
                Ok(fresh) => {
                    process = fresh;
                    process.request(job.mode, &job.samples).await
                }
                Err(error) => Err(error),
            };
        }
        if job.mode == Mode::Quick {
            let rest = Instant::now() + begun.elapsed();
            *load.rest.lock().unwrap_or_else(PoisonError::into_inner) = Some(rest);
        }
        load.waiting.fetch_sub(1, Ordering::Relaxed);
        let _ = job.answer.send(answer);
    }
}

struct Process {
    _child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    next_id: u32,
}

#[derive(Deserialize)]
struct Line {
    id: u32,
    #[serde(default)]
    words: Vec<HeardWord>,
    #[serde(default)]
    error: Option<String>,
}

impl Process {
    async fn start(program: &PathBuf, model: &PathBuf) -> Result<Self, RecogniserError> {
        let mut child = Command::new(program)
            .arg(model)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| RecogniserError::Start(program.clone(), error))?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(RecogniserError::Stopped("it has no pipes".to_owned()));
        };
        let mut process = Self { _child: child, stdin, lines: BufReader::new(stdout).lines(), next_id: 0 };
        let first = process.line(LOAD_LIMIT).await?;
        match serde_json::from_str::<serde_json::Value>(&first) {
            Ok(line) if line["ready"] == true => Ok(process),
            _ => Err(RecogniserError::Stopped("its first line is not that it is ready".to_owned())),
        }
    }

    async fn request(&mut self, mode: Mode, samples: &[i16]) -> Answer {
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        let count = u32::try_from(samples.len()).unwrap_or(u32::MAX);
        let mut bytes = Vec::with_capacity(9 + samples.len() * 2);
        bytes.extend(id.to_le_bytes());
        bytes.push(mode as u8);
        bytes.extend(count.to_le_bytes());
        bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        let written = async {
            self.stdin.write_all(&bytes).await?;
            self.stdin.flush().await
        };
        written.await.map_err(|error| RecogniserError::Stopped(error.to_string()))?;

        let line = self.line(ANSWER_LIMIT).await?;
        match serde_json::from_str(&line) {
            Ok(Line { error: Some(refusal), .. }) => Err(RecogniserError::Refused(refusal)),
            Ok(line) if line.id == id => Ok(line.words),
            _ => Err(RecogniserError::Stopped("it did not answer the question asked".to_owned())),
        }
    }

    async fn line(&mut self, limit: Duration) -> Result<String, RecogniserError> {
        match timeout(limit, self.lines.next_line()).await {
            Ok(Ok(Some(line))) => Ok(line),
            Ok(Ok(None)) => Err(RecogniserError::Stopped("it closed its output".to_owned())),
            Ok(Err(error)) => Err(RecogniserError::Stopped(error.to_string())),
            Err(_) => Err(RecogniserError::Late(limit)),
        }
    }
}
