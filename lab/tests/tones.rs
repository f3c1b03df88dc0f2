//! Tone words survive what happens to telephone audio, and nothing else is taken for one.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "arithmetic on samples of a test"
)]

use fourwire_lab::resample::resample;
use fourwire_lab::tones::{Script, SpokenWord, VOCABULARY, WORD_MILLIS, detect, speak};

/// Every word once, a little off any frame's grid, at a rate.
fn all_words(rate: u32) -> (Vec<i16>, Vec<u64>) {
    let starts: Vec<u64> = (0..VOCABULARY.len() as u64).map(|index| 103 + index * 237).collect();
    let script = VOCABULARY.iter().zip(&starts).fold(Script::new(rate), |script, (word, at)| script.word(*at, word));
    (script.samples(starts.len() as u64 * 237 + 500), starts)
}

/// The words in order, each where it was spoken.
fn assert_all_heard(heard: &[SpokenWord], starts: &[u64], what: &str) {
    let words: Vec<_> = heard.iter().map(|word| word.word).collect();
    assert_eq!(words, VOCABULARY, "{what}");
    for (word, start) in heard.iter().zip(starts) {
        let (off_start, off_end) =
            (word.start.millis().abs_diff(*start), word.end.millis().abs_diff(start + WORD_MILLIS));
        assert!(off_start < 10 && off_end < 10, "{what}: {} is off by {off_start} and {off_end} ms", word.word);
    }
}

#[test]
fn every_word_is_heard_where_it_was_spoken_at_every_rate() {
    for rate in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000] {
        let (audio, starts) = all_words(rate);
        assert_all_heard(&detect(&resample(&audio, rate, 16_000)), &starts, &format!("{rate} Hz"));
    }
}

#[test]
fn words_survive_the_way_down_to_the_telephones_rate_and_back() {
    let (audio, starts) = all_words(48_000);
    let telephone = resample(&audio, 48_000, 8_000);
    assert_all_heard(&detect(&resample(&telephone, 8_000, 16_000)), &starts, "48 to 8 to 16 kHz");
}

#[test]
fn words_survive_a_loss_of_12_decibels_and_noise() {
    let (audio, starts) = all_words(16_000);
    let mut state = 1_u32;
    let worse: Vec<i16> = audio
        .iter()
        .map(|sample| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Noise of 1 % of full scale, 28 dB below the words at their own level.
            sample / 4 + ((state >> 16) as i16) / 100
        })
        .collect();
    let heard = detect(&worse);
    let words: Vec<_> = heard.iter().map(|word| word.word).collect();
    assert_eq!(words, VOCABULARY);
    assert!(heard.iter().zip(&starts).all(|(word, start)| word.start.millis().abs_diff(*start) < 20));
}

#[test]
fn silence_crosstalk_and_a_fragment_are_no_words() {
    assert_eq!(detect(&vec![0; 160_000]), []);
    let (audio, _) = all_words(16_000);
    let crosstalk: Vec<i16> = audio.iter().map(|sample| sample / 100).collect();
    assert_eq!(detect(&crosstalk), [], "-40 dB");
    assert_eq!(detect(&speak("harbor", 16_000)[..960]), [], "60 ms of a word");
}

#[test]
fn two_channels_mixed_into_one_are_not_taken_for_either() {
    let one = Script::new(16_000).word(100, "harbor").samples(1_000);
    let other = Script::new(16_000).word(100, "willow").samples(1_000);
    let mixed: Vec<i16> = one.iter().zip(other).map(|(a, b)| a + b).collect();
    assert_eq!(detect(&mixed), []);
}

#[test]
fn the_vocabulary_has_no_word_twice() {
    let mut words = VOCABULARY.to_vec();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), VOCABULARY.len());
}
