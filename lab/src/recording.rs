//! A call to play: two channels of audio and, where it is known, what is said in them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fourwire_wire::frame::{Channel, PerChannel};
use hound::{SampleFormat, WavReader};
use thiserror::Error;

use crate::resample::resample;

/// The real call's files in a sample directory.
const SAMPLE_WAV: &str = "sample.wav";
const SAMPLE_STM: &str = "sample.stm";
/// Kept of the mixed recording around each published turn, in seconds: a turn's times are those of its clear sound.
const PAD: (f64, f64) = (0.12, 0.15);
/// How long a turn is faded in and out, in seconds: no click.
const FADE: f64 = 0.010;

/// What somebody said.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// Seconds from the recording's start.
    pub start: f64,
    /// Seconds from the recording's start.
    pub end: f64,
    /// The words.
    pub text: String,
}

/// Two channels of audio of one length.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Samples a second.
    pub sample_rate: u32,
    /// The audio.
    pub audio: PerChannel<Vec<i16>>,
    /// What is said, where it is known.
    pub turns: PerChannel<Vec<Turn>>,
}

/// Why there is no recording.
#[derive(Debug, Error)]
pub enum RecordingError {
    /// A file cannot be read.
    #[error("cannot read {0}: {1}")]
    File(PathBuf, io::Error),
    /// It is not a WAV file with one or two channels.
    #[error("cannot play {0}: {1}")]
    Wav(PathBuf, String),
    /// A line of the turns is not one.
    #[error("{0} line {1}: a turn has a file, a channel, a speaker, a start, an end and words")]
    Turns(PathBuf, usize),
}

impl Recording {
    /// Two channels; the shorter one gets silence at its end.
    #[must_use]
    pub fn new(sample_rate: u32, mut user: Vec<i16>, mut remote: Vec<i16>) -> Self {
        let length = user.len().max(remote.len());
        user.resize(length, 0);
        remote.resize(length, 0);
        Self { sample_rate, audio: PerChannel { user, remote }, turns: PerChannel::default() }
    }

    /// A WAV file: left is the user, right the remote party. Of a file with one channel the remote party stays silent.
    ///
    /// # Errors
    /// When it cannot be read or has another form.
    pub fn read_wav(path: &Path) -> Result<Self, RecordingError> {
        let (sample_rate, mut channels) = read_channels(path)?;
        match (channels.pop(), channels.pop(), channels.pop()) {
            (Some(remote), Some(user), None) => Ok(Self::new(sample_rate, user, remote)),
            (Some(user), None, None) => Ok(Self::new(sample_rate, user, Vec::new())),
            _ => Err(RecordingError::Wav(path.to_owned(), "it has more than two channels".to_owned())),
        }
    }

    /// The real call of a sample directory: a mixed recording, taken apart by its published turns. Who speaks first is
    /// the user.
    ///
    /// # Errors
    /// When a file is missing or has another form.
    pub fn read_sample(directory: &Path) -> Result<Self, RecordingError> {
        let (wav, stm) = (directory.join(SAMPLE_WAV), directory.join(SAMPLE_STM));
        let (sample_rate, channels) = read_channels(&wav)?;
        let [mixed] = channels.as_slice() else {
            return Err(RecordingError::Wav(wav, "a mixed recording has one channel".to_owned()));
        };
        let text = fs::read_to_string(&stm).map_err(|error| RecordingError::File(stm.clone(), error))?;

        let mut recording = Self::new(sample_rate, vec![0; mixed.len()], Vec::new());
        let mut user = None;
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let parsed = parse_turn(line).ok_or_else(|| RecordingError::Turns(stm.clone(), index + 1))?;
            let (speaker, turn) = parsed;
            let channel = if *user.get_or_insert(speaker) == speaker { Channel::User } else { Channel::Remote };
            copy_turn(mixed, recording.audio.get_mut(channel), sample_rate, &turn);
            recording.turns.get_mut(channel).push(turn);
        }
        Ok(recording)
    }

    /// The same at another rate.
    #[must_use]
    pub fn at_rate(&self, sample_rate: u32) -> Self {
        let audio = PerChannel::from_fn(|channel| resample(self.audio.get(channel), self.sample_rate, sample_rate));
        Self { sample_rate, audio, turns: self.turns.clone() }
    }

    /// Its length.
    #[must_use]
    pub fn duration(&self) -> Duration {
        let samples = u32::try_from(self.audio.user.len()).unwrap_or(u32::MAX);
        Duration::from_secs_f64(f64::from(samples) / f64::from(self.sample_rate))
    }

    /// All that is said in a channel; `None` where that is not known.
    #[must_use]
    pub fn reference(&self, channel: Channel) -> Option<String> {
        let turns = self.turns.get(channel);
        (!turns.is_empty()).then(|| turns.iter().map(|turn| turn.text.as_str()).collect::<Vec<_>>().join(" "))
    }
}

/// A WAV file's channels as 16-bit samples.
pub(crate) fn read_channels(path: &Path) -> Result<(u32, Vec<Vec<i16>>), RecordingError> {
    let wav = |error: hound::Error| match error {
        hound::Error::IoError(error) => RecordingError::File(path.to_owned(), error),
        other => RecordingError::Wav(path.to_owned(), other.to_string()),
    };
    let mut reader = WavReader::open(path).map_err(wav)?;
    let spec = reader.spec();
    let samples: Result<Vec<i16>, hound::Error> = match spec.sample_format {
        #[expect(clippy::cast_possible_truncation, reason = "saturates")]
        SampleFormat::Float => {
            let scale = f32::from(i16::MAX);
            reader.samples::<f32>().map(|sample| sample.map(|value| (value * scale).round() as i16)).collect()
        }
        SampleFormat::Int => {
            let bits = spec.bits_per_sample;
            reader.samples::<i32>().map(|sample| sample.map(|value| to_16_bits(value, bits))).collect()
        }
    };
    let samples = samples.map_err(wav)?;
    let count = usize::from(spec.channels);
    let channels = (0..count).map(|first| samples.iter().skip(first).step_by(count).copied().collect()).collect();
    Ok((spec.sample_rate, channels))
}

fn to_16_bits(value: i32, bits: u16) -> i16 {
    let value = if bits > 16 { value >> (bits - 16) } else { value << (16 - bits) };
    i16::try_from(value).unwrap_or(if value < 0 { i16::MIN } else { i16::MAX })
}

/// A line of an STM file: `file channel speaker start end words…`.
fn parse_turn(line: &str) -> Option<(&str, Turn)> {
    let mut fields = line.split_whitespace().skip(2);
    let speaker = fields.next()?;
    let (start, end) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((speaker, Turn { start, end, text: fields.collect::<Vec<_>>().join(" ") }))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "positions in a recording of seconds"
)]
fn copy_turn(mixed: &[i16], channel: &mut [i16], sample_rate: u32, turn: &Turn) {
    let rate = f64::from(sample_rate);
    let from = ((turn.start - PAD.0).max(0.0) * rate) as usize;
    let until = (((turn.end + PAD.1) * rate) as usize).min(mixed.len());
    for index in from..until {
        let to_edge = (index - from).min(until - index) as f64 / rate;
        let faded = f64::from(mixed[index]) * (to_edge / FADE).min(1.0);
        // Two turns of one speaker may overlap by their pads: the louder of the two is the unfaded one.
        if faded.abs() > f64::from(channel[index]).abs() {
            channel[index] = faded.round() as i16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(name: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("fourwire-lab-{name}-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        directory
    }

    fn write_wav(path: &Path, channels: u16, bits: u16, samples: &[i32]) {
        let spec =
            hound::WavSpec { channels, sample_rate: 1_000, bits_per_sample: bits, sample_format: SampleFormat::Int };
        let mut writer = hound::WavWriter::create(path, spec).unwrap();
        for sample in samples {
            writer.write_sample(*sample).unwrap();
        }
        writer.finalize().unwrap();
    }

    #[test]
    fn left_is_the_user_and_right_the_remote_party() {
        let path = directory("stereo").join("call.wav");
        write_wav(&path, 2, 24, &[256, 512, 768, 1024]);
        let recording = Recording::read_wav(&path).unwrap();
        assert_eq!((recording.audio.user, recording.audio.remote), (vec![1, 3], vec![2, 4]));
        write_wav(&path, 1, 16, &[7, 8]);
        let recording = Recording::read_wav(&path).unwrap();
        assert_eq!((recording.audio.user, recording.audio.remote), (vec![7, 8], vec![0, 0]));
    }

    #[test]
    fn a_mixed_call_is_taken_apart_by_its_turns() {
        let directory = directory("sample");
        write_wav(&directory.join(SAMPLE_WAV), 1, 16, &[1_000; 3_000]);
        let turns = "sample 1 Ann 0.5 1.0 Hello?\nsample 1 Bob 2.0 2.5 Hello there.\n";
        fs::write(directory.join(SAMPLE_STM), turns).unwrap();
        let recording = Recording::read_sample(&directory).unwrap();
        assert_eq!(recording.reference(Channel::Remote).as_deref(), Some("Hello there."));
        let loud = |samples: &[i16]| samples.iter().filter(|sample| **sample == 1_000).count();
        assert_eq!((loud(&recording.audio.user[380..1_150]), loud(&recording.audio.user[1_150..])), (751, 0));
        assert_eq!((loud(&recording.audio.remote[..1_880]), loud(&recording.audio.remote[1_880..2_650])), (0, 751));
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Recording::read_wav(Path::new("no-such-call.wav")).unwrap_err().to_string();
        assert!(error.contains("no-such-call.wav"), "{error}");
    }
}
