//! Two sides in one: the sum, sample by sample, for a listener who has one ear for both.
//!
//! The level stays, since on the telephone both sides seldom speak at once; where they do and the sum is too loud for
//! 16 bits, it is held at the loudest that there is.

use fourwire_wire::frame::Pcm;

/// Adds `other` to the PCM16 (little-endian) in `mixed`, up to the end of the shorter of the two.
pub fn add(mixed: &mut [u8], other: Pcm<'_>) {
    for (sample, other) in mixed.as_chunks_mut::<2>().0.iter_mut().zip(other.samples()) {
        *sample = i16::from_le_bytes(*sample).saturating_add(other).to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn bytes(samples: &[i16]) -> Vec<u8> {
        samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
    }

    #[test]
    fn both_sides_keep_their_level_and_too_loud_a_sum_does_not_turn_over() {
        let mut mixed = bytes(&[100, -100, i16::MAX, i16::MIN, 7]);
        add(&mut mixed, Pcm::new(&bytes(&[1, 1, 1, -1])));
        assert_eq!(mixed, bytes(&[101, -99, i16::MAX, i16::MIN, 7]));
    }
}
