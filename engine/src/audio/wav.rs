//! The header of a WAV file, for audio that is sent while it is read.
//!
//! A header tells the length of what follows, so it is made from the length alone, before the first sample is there.
//! Writers of whole files go back to the start at their end, which a stream cannot.

use thiserror::Error;

use super::SampleRate;

/// Length of the header.
pub const HEADER_BYTES: u64 = 44;
/// Media type of a WAV file.
pub const CONTENT_TYPE: &str = "audio/wav";
/// Bytes of a sample: PCM16.
const SAMPLE_BYTES: u16 = 2;

/// The file would be longer than the 4 GiB that the form allows: 18 hours in stereo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("is too long for a WAV file")]
pub struct TooLong;

/// The header of a file of so many frames, a frame being one sample of each channel.
///
/// # Errors
/// [`TooLong`] where no header can tell of such a length.
pub fn header(channels: u16, rate: SampleRate, frames: u64) -> Result<Vec<u8>, TooLong> {
    let frame = channels.checked_mul(SAMPLE_BYTES).ok_or(TooLong)?;
    let second = u32::from(frame).checked_mul(rate.hz()).ok_or(TooLong)?;
    let data = frames.checked_mul(frame.into()).and_then(|data| u32::try_from(data).ok()).ok_or(TooLong)?;
    // What follows the first eight bytes.
    let file = data.checked_add(36).ok_or(TooLong)?;
    let [pcm, bits] = [1_u16, 8 * SAMPLE_BYTES].map(u16::to_le_bytes);
    let fields: [&[u8]; 13] = [
        b"RIFF",
        &file.to_le_bytes(),
        b"WAVE",
        b"fmt ",
        &16_u32.to_le_bytes(),
        &pcm,
        &channels.to_le_bytes(),
        &rate.hz().to_le_bytes(),
        &second.to_le_bytes(),
        &frame.to_le_bytes(),
        &bits,
        b"data",
        &data.to_le_bytes(),
    ];
    Ok(fields.concat())
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn another_reader_finds_the_audio_behind_the_header() {
        for channels in [1, 2] {
            let mut file = header(channels, SampleRate::INTERNAL, 3).unwrap();
            assert_eq!(u64::try_from(file.len()), Ok(HEADER_BYTES));
            let samples: Vec<i16> = (0..3 * channels).map(|n| i16::try_from(n).unwrap() - 2).collect();
            file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));

            let reader = hound::WavReader::new(&file[..]).unwrap();
            let spec = reader.spec();
            assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (channels, 16_000, 16));
            assert_eq!(spec.sample_format, hound::SampleFormat::Int);
            assert_eq!(reader.duration(), 3);
            assert_eq!(reader.into_samples::<i16>().map(Result::unwrap).collect::<Vec<_>>(), samples);
        }
    }

    #[test]
    fn four_hours_fit_and_what_does_not_is_refused() {
        let hour = 3_600 * 16_000;
        let file = header(2, SampleRate::INTERNAL, 4 * hour).unwrap();
        assert_eq!(file[40..], 921_600_000_u32.to_le_bytes());
        assert_eq!(header(2, SampleRate::INTERNAL, 19 * hour), Err(TooLong));
        assert!(header(2, SampleRate::INTERNAL, (u64::from(u32::MAX) - 36) / 4).is_ok());
        assert_eq!(header(2, SampleRate::INTERNAL, (u64::from(u32::MAX) - 36) / 4 + 1), Err(TooLong));
    }
}
