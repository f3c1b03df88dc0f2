//! One channel's sound: a WAV file that is read once, a column of the picture after the other.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use hound::{SampleFormat, WavReader};
use thiserror::Error;

/// The rates that a call has, in samples a second. Below, a column could be without a sample.
const RATES: std::ops::RangeInclusive<u32> = 8_000..=48_000;

/// A channel's sound, ready to be read.
pub struct Sound {
    reader: Box<dyn Read>,
    rate: u32,
    samples: u64,
}

/// Why a sound cannot be read.
#[derive(Debug, Error)]
pub enum SoundError {
    /// The file is not there, or its end is missing.
    #[error("{0}")]
    Read(#[from] io::Error),
    /// It is no WAV file.
    #[error("it is no WAV file: {0}")]
    Wav(hound::Error),
    /// It is a WAV file of another form.
    #[error("it has another form than 16-bit samples of one channel at 8 to 48 kHz")]
    Form,
}

/// What one column of the picture shows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Column {
    /// The lowest sample.
    pub min: i16,
    /// The highest sample.
    pub max: i16,
    /// The root of the samples' mean square.
    pub rms: f64,
}

impl Sound {
    /// Opens a WAV file.
    ///
    /// # Errors
    /// When it is not there, or has another form.
    pub fn open(path: &Path) -> Result<Self, SoundError> {
        Self::new(BufReader::new(File::open(path)?))
    }

    /// Reads a WAV file's head.
    ///
    /// # Errors
    /// When it has another form.
    pub fn new(reader: impl Read + 'static) -> Result<Self, SoundError> {
        let wav = WavReader::new(reader).map_err(|error| match error {
            hound::Error::IoError(error) => SoundError::Read(error),
            other => SoundError::Wav(other),
        })?;
        let (spec, samples) = (wav.spec(), wav.duration());
        let form = (spec.channels, spec.bits_per_sample, spec.sample_format);
        if form != (1, 16, SampleFormat::Int) || !RATES.contains(&spec.sample_rate) {
            return Err(SoundError::Form);
        }
        Ok(Self { reader: Box::new(wav.into_inner()), rate: spec.sample_rate, samples: samples.into() })
    }

    /// Its length in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "fewer than 2^32 samples")]
        let samples = self.samples as f64;
        samples / f64::from(self.rate)
    }

    /// All of it, in columns of `width` seconds; the last may be shorter.
    pub(super) fn columns(mut self, width: f64) -> Result<Vec<Column>, SoundError> {
        let (samples, width) = (self.samples, width * f64::from(self.rate));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positions in a file of fewer than 2^32 samples"
        )]
        // Each from the start, so that no rounding adds up.
        let mut ends = (1_u32..).map(|column| ((f64::from(column) * width) as u64).min(samples));
        let mut columns = Vec::new();
        let mut bytes = Vec::new();
        let mut start = 0;
        while start < samples {
            let end = ends.next().unwrap_or(samples);
            bytes.resize(usize::try_from((end - start) * 2).unwrap_or(usize::MAX), 0);
            self.reader.read_exact(&mut bytes)?;
            columns.push(Column::of(&bytes));
            start = end;
        }
        Ok(columns)
    }
}

impl Column {
    /// The column of little-endian samples. Written without iterators, since four hours are 230 million samples a channel
    /// and the lab is mostly built for debugging, where each call costs as much as all the rest.
    fn of(bytes: &[u8]) -> Self {
        let (mut min, mut max, mut squares) = (i16::MAX, i16::MIN, 0_i64);
        let samples = bytes.as_chunks::<2>().0;
        let mut index = 0;
        while index < samples.len() {
            let sample = i16::from_le_bytes(samples[index]);
            if sample < min {
                min = sample;
            }
            if sample > max {
                max = sample;
            }
            let wide = i64::from(sample);
            squares += wide * wide;
            index += 1;
        }
        if samples.is_empty() {
            return Self::default();
        }
        #[expect(clippy::cast_precision_loss, reason = "a mean needs no more than 53 bits")]
        let rms = (squares as f64 / samples.len() as f64).sqrt();
        Self { min, max, rms }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn wav(channels: u16, sample_rate: u32, bits: u16, samples: &[i16]) -> Vec<u8> {
        let spec = hound::WavSpec { channels, sample_rate, bits_per_sample: bits, sample_format: SampleFormat::Int };
        let mut file = Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
        for sample in samples {
            writer.write_sample(*sample).unwrap();
        }
        writer.finalize().unwrap();
        file.into_inner()
    }

    #[test]
    fn a_column_has_its_lowest_its_highest_and_its_mean_power() {
        let sound = Sound::new(Cursor::new(wav(1, 8_000, 16, &[3, -4, 0, 0, 7]))).unwrap();
        assert!((sound.seconds() - 5.0 / 8_000.0).abs() < 1e-9);
        let columns = sound.columns(2.0 / 8_000.0).unwrap();
        assert_eq!(
            columns.iter().map(|column| (column.min, column.max)).collect::<Vec<_>>(),
            [(-4, 3), (0, 0), (7, 7)]
        );
        assert!((columns[0].rms - 12.5_f64.sqrt()).abs() < 1e-9 && columns[1].rms.abs() < 1e-9);
    }

    #[test]
    fn columns_that_are_no_whole_samples_wide_do_not_drift() {
        let sound = Sound::new(Cursor::new(wav(1, 16_000, 16, &vec![1; 16_000]))).unwrap();
        let columns = sound.columns(1.0 / 1_328.0).unwrap();
        assert_eq!(columns.len(), 1_328);
    }

    #[test]
    fn another_form_and_a_missing_end_are_errors() {
        assert!(matches!(Sound::new(Cursor::new(wav(2, 16_000, 16, &[0, 0]))), Err(SoundError::Form)));
        assert!(matches!(Sound::new(Cursor::new(wav(1, 16_000, 8, &[0]))), Err(SoundError::Form)));
        assert!(matches!(Sound::new(Cursor::new(wav(1, 4_000, 16, &[0]))), Err(SoundError::Form)));
        assert!(matches!(Sound::new(Cursor::new(b"{\"detail\":\"Not found\"}")), Err(SoundError::Wav(_))));
        let mut torn = wav(1, 16_000, 16, &[1; 100]);
        torn.truncate(100);
        let sound = Sound::new(Cursor::new(torn)).unwrap();
        assert!(matches!(sound.columns(1.0), Err(SoundError::Read(_))));
    }
}
