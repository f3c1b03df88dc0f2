//! The recogniser's child process: started when it is needed, one request at a time.
//!
//! The bytes on its pipes are described at the top of `lab/recogniser/src/main.rs`. A request that is given up half-way
//! kills the child, since its answer could no longer be told from the next one's; the next request starts a new child.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

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
    /// The queue is full.
    #[error("{0} requests wait for the recogniser already")]
    Overloaded(usize),
}

/// What comes back for a request.
pub type Answer = Result<Vec<HeardWord>, RecogniserError>;

/// What does the work. A request that is dropped before it is done leaves the program fit for the next one.
pub(crate) trait Program: Send + 'static {
    /// Finds the words in up to 30 s of audio.
    fn recognise(&mut self, mode: Mode, samples: &[i16]) -> impl Future<Output = Answer> + Send;
}

/// The program, and its child where one runs.
pub(super) struct Process {
    program: PathBuf,
    model: PathBuf,
    /// None while a request is under way, so a request that is dropped takes its child along.
    child: Option<Running>,
}

impl Process {
    /// Starts the program and waits until its model is loaded.
    pub(super) async fn start(program: PathBuf, model: PathBuf) -> Result<Self, RecogniserError> {
        let mut process = Self { program, model, child: None };
        process.child = Some(process.launch().await?);
        Ok(process)
    }

    async fn launch(&self) -> Result<Running, RecogniserError> {
        let mut child = Command::new(&self.program)
            .arg(&self.model)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| RecogniserError::Start(self.program.clone(), error))?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(RecogniserError::Stopped("it has no pipes".to_owned()));
        };
        let mut running = Running { _child: child, stdin, lines: BufReader::new(stdout).lines(), next_id: 0 };
        let first = running.line(LOAD_LIMIT).await?;
        match serde_json::from_str::<serde_json::Value>(&first) {
            Ok(line) if line["ready"] == true => Ok(running),
            _ => Err(RecogniserError::Stopped("its first line is not that it is ready".to_owned())),
        }
    }

    /// One attempt. A child that did not answer is not used again.
    async fn attempt(&mut self, mode: Mode, samples: &[i16]) -> Answer {
        let mut child = match self.child.take() {
            Some(child) => child,
            None => self.launch().await?,
        };
        let answer = child.request(mode, samples).await;
        if !is_dead(&answer) {
            self.child = Some(child);
        }
        answer
    }
}

impl Program for Process {
    async fn recognise(&mut self, mode: Mode, samples: &[i16]) -> Answer {
        let answer = self.attempt(mode, samples).await;
        // The request may have met a child that had died before.
        if is_dead(&answer) { self.attempt(mode, samples).await } else { answer }
    }
}

fn is_dead(answer: &Answer) -> bool {
    matches!(answer, Err(RecogniserError::Stopped(_) | RecogniserError::Late(_)))
}

/// A child whose model is loaded. It is killed when this is dropped.
struct Running {
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

impl Running {
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
        // A child that does not read its input would hold the queue up for ever.
        let written = timeout(ANSWER_LIMIT, written).await.map_err(|_| RecogniserError::Late(ANSWER_LIMIT))?;
        written.map_err(|error| RecogniserError::Stopped(error.to_string()))?;

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
