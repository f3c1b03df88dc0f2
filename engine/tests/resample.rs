//! What a listener would notice of a bad resampler: dull or folded sound, clicks at frame borders, lost or added time.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "tests compute tones and positions in floats"
)]

use std::f64::consts::PI;

use fourwire_engine::audio::resample::Resampler;
use fourwire_engine::audio::{SampleRate, SampleRateError};
use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// What clients are known to send, and rates nobody sends that share few or no factors with 16,000.
const RATES: [u32; 12] = [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 8_001, 16_001, 47_999];

/// Loud, but with room for the filter's overshoot.
const AMPLITUDE: f64 = 30_000.0;

#[test]
fn speech_up_to_7_khz_keeps_its_level() {
    for rate in RATES {
        let mut resampler = resampler(rate);
        for part in [0.05, 0.8, 1.0] {
            let hz = round_to_ten(part * pass_band(rate));
            let level = Spectrum::of(&resampled_tone(&mut resampler, rate, hz), hz).level;
            assert!(level.abs() < 0.1, "{hz} Hz at {rate} Hz comes out at {level:.2} dB");
        }
    }
}

#[test]
fn nothing_from_8500_hz_on_folds_into_speech() {
    for rate in RATES.into_iter().filter(|&rate| rate > 17_000) {
        let nyquist = f64::from(rate) / 2.0;
        let mut resampler = resampler(rate);
        for part in [0.0, 0.05, 0.4, 0.99] {
            let hz = 8_500.0 + part * (nyquist - 8_500.0);
            let left = total_level(middle(&resampled_tone(&mut resampler, rate, hz)));
            assert!(left < -70.0, "{hz} Hz at {rate} Hz is left at {left:.1} dB");
        }
    }
}

#[test]
fn a_tone_gains_no_images_and_no_noise() {
    for rate in RATES {
        let hz = round_to_ten(pass_band(rate));
        let rest = Spectrum::of(&resampled_tone(&mut resampler(rate), rate, hz), hz).rest;
        assert!(rest < -75.0, "{hz} Hz at {rate} Hz brings {rest:.1} dB of something else");
    }
}

#[test]
fn a_tone_is_neither_early_nor_late() {
    for rate in RATES {
        let delay = Spectrum::of(&resampled_tone(&mut resampler(rate), rate, 1_000.0), 1_000.0).delay;
        assert!(delay.abs() < 0.01, "1000 Hz at {rate} Hz is {delay:.3} samples late");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_cut_into_frames_is_not_heard(
        rate in any_rate(),
        samples in prop::collection::vec(any::<i16>(), 0..3_000),
        frames in prop::collection::vec(1_usize..600, 1..20),
    ) {
        let mut resampler = resampler(rate);
        let mut out = Vec::new();
        let mut rest = samples.as_slice();
        for &length in frames.iter().cycle() {
            let (frame, after) = rest.split_at(length.min(rest.len()));
            resampler.push(frame.iter().copied(), &mut out);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        resampler.finish(&mut out);
        prop_assert_eq!(out, whole(&mut resampler, &samples));
    }

    #[test]
    fn silence_is_the_same_as_zeros(
        rate in any_rate(),
        before in prop::collection::vec(any::<i16>(), 0..300),
        zeros in 0_usize..1_000,
        after in prop::collection::vec(any::<i16>(), 0..300),
    ) {
        let mut resampler = resampler(rate);
        let mut out = Vec::new();
        resampler.push(before.iter().copied(), &mut out);
        resampler.silence(zeros as u64, &mut out);
        resampler.push(after.iter().copied(), &mut out);
        resampler.finish(&mut out);
        prop_assert_eq!(out, whole(&mut resampler, &[before, vec![0; zeros], after].concat()));
    }
}

#[test]
fn there_is_one_output_sample_for_each_instant_of_the_input() {
    for rate in RATES {
        let mut resampler = resampler(rate);
        for count in [0, 1, 2, 3, 160, 441, 4_799, rate, 7 * rate + 1] {
            let mut out = Vec::new();
            resampler.push((0..count.min(500)).map(|_| 1_000), &mut out);
            resampler.silence(u64::from(count.saturating_sub(500)), &mut out);
            resampler.finish(&mut out);
            let expected = (u64::from(count) * 16_000).div_ceil(u64::from(rate));
            assert_eq!(out.len() as u64, expected, "{count} samples at {rate} Hz");
        }
    }
}

#[test]
fn after_an_hour_not_one_sample_is_lost_or_added() {
    // No common factor with 16,000: a rate whose outputs come to lie at 16,000 different places between two inputs.
    let rate = 47_999;
    let mut resampler = resampler(rate);
    let mut out = Vec::new();
    let mut before = 0;
    for _minute in 0..60 {
        resampler.silence(60 * u64::from(rate), &mut out);
        before += out.len();
        out.clear();
    }
    resampler.push([30_000], &mut out);
    resampler.finish(&mut out);
    assert_eq!(before + out.len(), 3_600 * 16_000 + 1);
    assert_eq!(before + loudest(&out), 3_600 * 16_000, "the place of a click after an hour");
}

#[test]
fn a_click_at_a_frame_border_stays_where_it_is() {
    for rate in RATES {
        let frame = rate as usize / 100;
        let mut resampler = resampler(rate);
        for at in [frame - 1, frame, 2 * frame - 1, 2 * frame] {
            let mut samples = vec![0; 3 * frame];
            samples[at] = 30_000;
            let mut out = Vec::new();
            for frame in samples.chunks(frame) {
                resampler.push(frame.iter().copied(), &mut out);
            }
            resampler.finish(&mut out);
            let expected = at as f64 * 16_000.0 / f64::from(rate);
            let found = loudest(&out) as f64;
            assert!((found - expected).abs() <= 1.0, "sample {at} at {rate} Hz is at {found}, not {expected:.1}");
        }
    }
}

#[test]
fn at_16_khz_samples_pass_untouched_and_at_once() {
    let samples: Vec<i16> = (i16::MIN..=i16::MAX).step_by(7).collect();
    let mut resampler = resampler(16_000);
    let mut out = Vec::new();
    resampler.push(samples.iter().copied(), &mut out);
    assert_eq!(out, samples);
    resampler.finish(&mut out);
    assert_eq!(out, samples);
}

#[test]
fn output_follows_within_4_ms() {
    for rate in RATES {
        let mut out = Vec::new();
        resampler(rate).push(std::iter::repeat_n(1, rate as usize / 10), &mut out);
        assert!(out.len() >= 1_600 - 4 * 16, "0.1 s at {rate} Hz has given {} samples", out.len());
    }
}

#[test]
fn overshoot_beyond_full_scale_does_not_wrap() {
    for rate in [8_000, 44_100, 48_000] {
        let half_wave = rate as usize / 100;
        let square: Vec<i16> =
            (0..10 * half_wave).map(|i| if (i / half_wave).is_multiple_of(2) { i16::MAX } else { i16::MIN }).collect();
        for (i, sample) in whole(&mut resampler(rate), &square).into_iter().enumerate() {
            // Half a wave is 160 output samples. On its way from one level to the other the signal has any value.
            let (wave, within) = (i / 160, i % 160);
            if (3..157).contains(&within) {
                assert_eq!(sample > 0, wave.is_multiple_of(2), "sample {i} at {rate} Hz is {sample}");
            }
        }
    }
}

#[test]
fn after_its_end_it_starts_anew() {
    let samples: Vec<i16> = (0..1_000_i32).map(|i| (i * 37 % 2_000 - 1_000) as i16).collect();
    let mut resampler = resampler(44_100);
    let first = whole(&mut resampler, &samples);
    let second = whole(&mut resampler, &samples);
    assert_eq!(first, second);
}

#[test]
fn a_rate_outside_the_range_is_refused() {
    assert_eq!(SampleRate::new(0), Err(SampleRateError::TooLow(0)));
    assert_eq!(SampleRate::new(7_999), Err(SampleRateError::TooLow(7_999)));
    assert_eq!(SampleRate::new(8_000), Ok(SampleRate::MIN));
    assert_eq!(SampleRate::new(48_000), Ok(SampleRate::MAX));
    assert_eq!(SampleRate::new(48_001), Err(SampleRateError::TooHigh(48_001)));
    assert_eq!(SampleRate::new(u32::MAX), Err(SampleRateError::TooHigh(u32::MAX)));
}

fn any_rate() -> impl Strategy<Value = u32> {
    prop_oneof![prop::sample::select(RATES.to_vec()), 8_000_u32..=48_000]
}

fn resampler(rate: u32) -> Resampler {
    Resampler::new(SampleRate::new(rate).unwrap())
}

/// The output for a whole input, given in one piece. The resampler is at a start before and after.
fn whole(resampler: &mut Resampler, samples: &[i16]) -> Vec<i16> {
    let mut out = Vec::new();
    resampler.push(samples.iter().copied(), &mut out);
    resampler.finish(&mut out);
    out
}

/// 0.12 s of a tone.
fn resampled_tone(resampler: &mut Resampler, rate: u32, hz: f64) -> Vec<i16> {
    let sample = |i| AMPLITUDE * (2.0 * PI * hz * f64::from(i) / f64::from(rate)).sin();
    let tone: Vec<i16> = (0..rate * 12 / 100).map(|i| sample(i).round() as i16).collect();
    whole(resampler, &tone)
}

/// 0.1 s of output, away from its ends: a whole number of periods of any multiple of 10 Hz.
fn middle(out: &[i16]) -> &[i16] {
    &out[160..160 + 1_600]
}

/// Where the flat part ends, in hertz.
fn pass_band(rate: u32) -> f64 {
    0.4375 * f64::from(rate.min(16_000))
}

fn round_to_ten(hz: f64) -> f64 {
    (hz / 10.0).floor() * 10.0
}

fn loudest(out: &[i16]) -> usize {
    (0..out.len()).max_by_key(|&i| out[i].unsigned_abs()).unwrap()
}

/// The level in decibels, relative to the tone that went in.
fn total_level(out: &[i16]) -> f64 {
    power_to_db(out.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / out.len() as f64)
}

fn power_to_db(power: f64) -> f64 {
    10.0 * (power / (AMPLITUDE * AMPLITUDE / 2.0)).max(1e-20).log10()
}

/// A resampled tone taken apart.
struct Spectrum {
    /// Decibels of the tone, relative to what went in.
    level: f64,
    /// Samples by which the tone is late.
    delay: f64,
    /// Decibels of everything else.
    rest: f64,
}

impl Spectrum {
    fn of(out: &[i16], hz: f64) -> Self {
        let radians_per_sample = 2.0 * PI * hz / 16_000.0;
        let out = middle(out);
        let angles = (0..out.len()).map(|i| radians_per_sample * (i + 160) as f64);
        let (mut sine, mut cosine, mut power) = (0.0, 0.0, 0.0);
        for (angle, &sample) in angles.zip(out) {
            sine += angle.sin() * f64::from(sample) * 2.0 / out.len() as f64;
            cosine += angle.cos() * f64::from(sample) * 2.0 / out.len() as f64;
            power += f64::from(sample).powi(2) / out.len() as f64;
        }
        let tone = f64::midpoint(sine * sine, cosine * cosine);
        Self {
            level: power_to_db(tone),
            delay: -cosine.atan2(sine) / radians_per_sample,
            rest: power_to_db(power - tone),
        }
    }
}
