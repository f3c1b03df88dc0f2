//! G.711 μ-law, the codec of telephone networks: a sample at 8 kHz is a byte, by a curve that is finer where it is quiet.
//!
//! The curve has eight segments a side, each twice as coarse as the one below it, and sixteen steps in each.

/// Added to a magnitude, so that each segment of the curve begins at a power of two.
const BIAS: i32 = 0x84;
/// The loudest magnitude that the curve reaches.
const CLIP: i32 = 0x7fff - BIAS;

/// A sample as a byte.
pub(super) fn encode(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = i32::from(sample).abs().min(CLIP) + BIAS;
    // The bias alone reaches bit 7, and the clip bit 14: eight segments.
    let segment = magnitude.ilog2() - 7;
    let step = (magnitude >> (segment + 3)) & 0x0f;
    let [byte, ..] = (sign | i32::try_from(segment << 4).unwrap_or_default() | step).to_le_bytes();
    !byte
}

/// A byte as a sample.
pub(super) fn decode(byte: u8) -> i16 {
    let byte = !byte;
    let (segment, step) = ((byte >> 4) & 7, i32::from(byte & 0x0f));
    let magnitude = (((step << 3) + BIAS) << segment) - BIAS;
    let sample = if byte & 0x80 == 0 { magnitude } else { -magnitude };
    i16::try_from(sample).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_of_the_standard() {
        for (sample, byte) in [(0, 0xff), (32_124, 0x80), (-32_124, 0x00), (1_000, 0xce), (-1_000, 0x4e), (8, 0xfe)] {
            assert_eq!(encode(sample), byte, "{sample}");
        }
        assert_eq!((encode(i16::MIN), encode(i16::MAX)), (0x00, 0x80));
    }

    #[test]
    fn every_byte_survives_and_no_sample_moves_far() {
        for byte in 0..=u8::MAX {
            let sample = decode(byte);
            assert_eq!(decode(encode(sample)), sample, "{byte:#x}");
        }
        for sample in i16::MIN..=i16::MAX {
            let error = (i32::from(decode(encode(sample))) - i32::from(sample)).abs();
            let loudness = i32::from(sample).abs();
            assert!(error <= 4 + loudness / 16 || loudness > CLIP, "{sample} is off by {error}");
        }
    }
}
