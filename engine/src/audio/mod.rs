//! Audio as numbers: what arrives on a call at any rate becomes PCM16 mono at 16 kHz here.
//!
//! Samples and rates only: frames are cut and joined elsewhere.

pub mod mix;
pub mod resample;
pub(crate) mod voice;
pub mod wav;

use thiserror::Error;

/// Samples per second of one channel, from 8,000 to 48,000.
///
/// The range is what telephony and browsers produce; every whole number in it is a valid rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampleRate(u32);

impl SampleRate {
    /// The lowest rate accepted: narrow-band telephony.
    pub const MIN: Self = Self(8_000);
    /// The highest rate accepted: what browsers and phones capture at.
    pub const MAX: Self = Self(48_000);
    /// The rate of everything behind the resampler: recognisers, the recorder, playback.
    pub const INTERNAL: Self = Self(16_000);

    /// Accepts a rate in hertz.
    ///
    /// # Errors
    /// The rate is outside [`Self::MIN`] to [`Self::MAX`].
    pub fn new(hz: u32) -> Result<Self, SampleRateError> {
        if hz < Self::MIN.0 {
            return Err(SampleRateError::TooLow(hz));
        }
        if hz > Self::MAX.0 {
            return Err(SampleRateError::TooHigh(hz));
        }
        Ok(Self(hz))
    }

    /// The rate in hertz.
    #[must_use]
    pub fn hz(self) -> u32 {
        self.0
    }
}

/// Why a number is not a [`SampleRate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SampleRateError {
    /// Below the lowest rate.
    #[error("{0} Hz is below the lowest sample rate, 8000 Hz")]
    TooLow(u32),
    /// Above the highest rate.
    #[error("{0} Hz is above the highest sample rate, 48000 Hz")]
    TooHigh(u32),
}
