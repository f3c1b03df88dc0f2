//! Requests and answers as bytes. The layout is described at the top of `main.rs`.

use std::io::{self, Read, Write};

use serde::Serialize;

use crate::words::Word;

/// Samples a second.
pub const SAMPLE_RATE: usize = 16_000;
/// The longest request: 30 s, the window that Whisper was trained on.
pub const MAX_SAMPLES: usize = 30 * SAMPLE_RATE;

/// How much work a request is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// For an interim result: soon.
    Quick,
    /// For a final result: as well as the model can.
    Careful,
}

/// One request.
#[derive(Debug)]
pub struct Request {
    /// The parent's name for it.
    pub id: u32,
    /// What to listen to, or why the recogniser will not.
    pub audio: Result<Audio, Refusal>,
}

/// What a request asks to be turned into words.
#[derive(Debug)]
pub struct Audio {
    /// How much work it is worth.
    pub mode: Mode,
    /// 16 kHz mono.
    pub samples: Vec<i16>,
}

/// A request that is understood well enough to be answered, but not to be carried out.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// More than [`MAX_SAMPLES`].
    #[error("a request carries at most {MAX_SAMPLES} samples, this one {0}")]
    TooLong(u32),
    /// Neither quick nor careful.
    #[error("there is no mode {0}: 0 is quick, 1 is careful")]
    UnknownMode(u8),
}

/// One line on stdout.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Line {
    /// The model is loaded. Always the first line.
    Ready {
        /// Always true.
        ready: bool,
    },
    /// What a request held.
    Words {
        /// The request's id.
        id: u32,
        /// How sure the model is that nobody spoke, 0 to 1.
        no_speech: f32,
        /// In the order they were spoken.
        words: Vec<Word>,
    },
    /// Why a request has no answer.
    Error {
        /// The request's id.
        id: u32,
        /// One sentence.
        error: String,
    },
}

/// Reads the next request, or `None` when the parent has closed the pipe between two requests.
///
/// # Errors
/// The pipe broke, or ended inside a request.
pub fn read(from: &mut impl Read) -> io::Result<Option<Request>> {
    let mut id = [0; 4];
    if from.read(&mut id[..1])? == 0 {
        return Ok(None);
    }
    from.read_exact(&mut id[1..])?;
    let mut mode = [0];
    from.read_exact(&mut mode)?;
    let mut count = [0; 4];
    from.read_exact(&mut count)?;
    let count = u32::from_le_bytes(count);

    let length = u64::from(count) * 2;
    let accepted = accept(mode[0], count);
    let audio = match accepted {
        Ok(mode) => {
            let mut bytes = Vec::new();
            if from.take(length).read_to_end(&mut bytes)? as u64 != length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let samples = bytes.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
            Ok(Audio { mode, samples })
        }
        Err(refusal) => {
            // The samples are read all the same, since the next request begins behind them.
            if io::copy(&mut from.take(length), &mut io::sink())? != length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Err(refusal)
        }
    };
    Ok(Some(Request { id: u32::from_le_bytes(id), audio }))
}

fn accept(mode: u8, count: u32) -> Result<Mode, Refusal> {
    if usize::try_from(count).is_ok_and(|count| count <= MAX_SAMPLES) {
        match mode {
            0 => Ok(Mode::Quick),
            1 => Ok(Mode::Careful),
            other => Err(Refusal::UnknownMode(other)),
        }
    } else {
        Err(Refusal::TooLong(count))
    }
}

/// Writes one line and pushes it out, because the parent is waiting for it.
///
/// # Errors
/// The parent has closed the pipe.
pub fn write(to: &mut impl Write, line: &Line) -> io::Result<()> {
    serde_json::to_writer(&mut *to, line)?;
    to.write_all(b"\n")?;
    to.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(id: u32, mode: u8, samples: &[i16]) -> Vec<u8> {
        let mut bytes = id.to_le_bytes().to_vec();
        bytes.push(mode);
        bytes.extend(u32::try_from(samples.len()).unwrap().to_le_bytes());
        bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        bytes
    }

    #[test]
    fn a_refused_request_leaves_the_next_one_readable() {
        let mut bytes = request(1, 1, &vec![5; MAX_SAMPLES + 1]);
        bytes.extend(request(2, 9, &[5, 5]));
        bytes.extend(request(3, 0, &[1, -2, i16::MIN]));
        let mut pipe = bytes.as_slice();

        let long = read(&mut pipe).unwrap().unwrap();
        assert_eq!((long.id, long.audio.unwrap_err()), (1, Refusal::TooLong(480_001)));
        let odd = read(&mut pipe).unwrap().unwrap();
        assert_eq!((odd.id, odd.audio.unwrap_err()), (2, Refusal::UnknownMode(9)));
        let good = read(&mut pipe).unwrap().unwrap();
        let audio = good.audio.unwrap();
        assert_eq!((good.id, audio.mode, audio.samples), (3, Mode::Quick, vec![1, -2, i16::MIN]));
        assert!(read(&mut pipe).unwrap().is_none());
    }

    #[test]
    fn an_end_inside_a_request_is_an_error_at_every_byte() {
        let whole = request(7, 1, &[1, 2]);
        for length in 1..whole.len() {
            assert!(read(&mut &whole[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn lines_are_the_json_of_the_contract() {
        let word = Word { word: "hi".into(), punctuated: "Hi,".into(), start: 0.12, end: 0.4, confidence: 0.93 };
        let lines = [
            Line::Ready { ready: true },
            Line::Words { id: 7, no_speech: 0.02, words: vec![word] },
            Line::Error { id: 8, error: "no".into() },
        ];
        let mut out = Vec::new();
        for line in &lines {
            write(&mut out, line).unwrap();
        }
        let expected = r#"{"ready":true}
{"id":7,"no_speech":0.02,"words":[{"word":"hi","punctuated":"Hi,","start":0.12,"end":0.4,"confidence":0.93}]}
{"id":8,"error":"no"}
"#;
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
