//! Turns speech into words with Whisper tiny.en: a child process of the lab's speech server.
//!
//! It is a process and a workspace of its own because the model's engine, `CTranslate2`, is C++: its build takes minutes,
//! which nothing else in the repository should pay, and a crash in it must end no call.
//!
//! # Starting
//! `fourwire-recogniser MODEL_DIR`, where the directory holds `model.bin`, `config.json`, `vocabulary.txt` and
//! `tokenizer.json`. Once they are loaded, it writes the line `{"ready":true}`. A directory it cannot use is one sentence
//! on stderr and exit code 1. The end of stdin ends the process with exit code 0.
//!
//! # Requests, on stdin
//! | bytes | type | meaning |
//! | --- | --- | --- |
//! | 4 | u32, little-endian | id, repeated in the answer |
//! | 1 | u8 | mode: 0 = quick, for an interim; 1 = careful, for a final |
//! | 4 | u32, little-endian | number of samples that follow, at most 480 000 (30 s) |
//! | 2 each | i16, little-endian | samples, 16 kHz mono |
//!
//! A careful request always shows the model the 30 s window it was trained on. A quick one shows it 10 s, or as much as
//! there is if that is more, and takes less than half the time.
//!
//! # Answers, on stdout
//! One line of JSON for each request, in the order of the requests:
//!
//! ```json
//! {"id":7,"no_speech":0.02,"words":[{"word":"hello","punctuated":"Hello,","start":0.12,"end":0.4,"confidence":0.93}]}
//! {"id":8,"error":"a request carries at most 480000 samples, this one 500000"}
//! ```
//!
//! Times are seconds from the request's first sample. `word` is lower-case without the punctuation around it,
//! `punctuated` is as the model wrote it. `no_speech` is how sure the model is that nobody spoke, 0 to 1; above 0.6, and
//! whenever the samples are too quiet to hold speech, there are no words. No spoken word ever goes to stderr.

mod protocol;
mod recogniser;
mod sound;
mod spectrogram;
mod words;

use std::io::{self, BufReader, BufWriter};
use std::path::PathBuf;
use std::process::ExitCode;

use protocol::Line;
use recogniser::Recogniser;

/// Why the process ends with exit code 1.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// The command line is not one model directory.
    #[error("usage: fourwire-recogniser MODEL_DIR")]
    Usage,
    /// The model directory cannot be used.
    #[error(transparent)]
    Load(#[from] recogniser::LoadError),
    /// A pipe to the parent broke, or stdin ended inside a request.
    #[error("lost the parent process: {0}")]
    Parent(#[from] io::Error),
}

fn main() -> ExitCode {
    let Err(failure) = serve() else { return ExitCode::SUCCESS };
    eprintln!("fourwire-recogniser: {failure}");
    ExitCode::FAILURE
}

/// Answers requests one by one until stdin ends.
fn serve() -> Result<(), Failure> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(model), None) = (arguments.next(), arguments.next()) else { return Err(Failure::Usage) };
    let recogniser = Recogniser::load(&PathBuf::from(model))?;

    let mut requests = BufReader::new(io::stdin().lock());
    let mut answers = BufWriter::new(io::stdout().lock());
    protocol::write(&mut answers, &Line::Ready { ready: true })?;

    while let Some(request) = protocol::read(&mut requests)? {
        let id = request.id;
        let line = match request.audio {
            Err(refusal) => Line::Error { id, error: refusal.to_string() },
            Ok(audio) => match recogniser.recognise(audio.mode, &audio.samples) {
                Ok(heard) => Line::Words { id, no_speech: heard.no_speech, words: heard.words },
                Err(error) => Line::Error { id, error: error.to_string() },
            },
        };
        protocol::write(&mut answers, &line)?;
    }
    Ok(())
}
