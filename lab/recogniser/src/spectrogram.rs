//! The picture of sound that Whisper reads: a log-mel spectrogram, 80 bands by one column every 10 ms.
//!
//! The constants, the filters' shape and the scaling are those the model was trained with; another choice costs accuracy.

#![allow(clippy::cast_precision_loss, reason = "indices here are below 480 000, which an f32 holds exactly")]

use std::f32::consts::PI;
use std::sync::Arc;

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

use crate::protocol::SAMPLE_RATE;

/// Mel bands.
pub const BANDS: usize = 80;
/// Samples from one column to the next: 10 ms.
pub const HOP: usize = 160;
/// Samples in one column's Fourier transform: 25 ms.
const SPAN: usize = 400;
/// Frequencies in one transform, 0 to 8 kHz.
const BINS: usize = SPAN / 2 + 1;
/// The least power that is told from silence.
const LEAST_POWER: f32 = 1e-10;
/// How far below the loudest point the picture reaches, in powers of ten.
const DEPTH: f32 = 8.0;

/// One mel band: the first frequency bin it hears, and the weight of that and the following bins.
struct Band {
    first: usize,
    weights: Vec<f32>,
}

/// Everything that is the same for each request.
pub struct Spectrograph {
    fft: Arc<dyn Fft<f32>>,
    window: Vec<f32>,
    bands: Vec<Band>,
}

impl Spectrograph {
    /// Prepares the window, the transform and the bands.
    pub fn new() -> Self {
        let window = (0..SPAN).map(|i| 0.5 - 0.5 * (2.0 * PI * i as f32 / SPAN as f32).cos()).collect();
        Self { fft: FftPlanner::new().plan_fft_forward(SPAN), window, bands: bands() }
    }

    /// The spectrogram of `samples` followed by silence, `columns` wide; one band's columns after the other's.
    pub fn draw(&self, samples: &[i16], columns: usize) -> Vec<f32> {
        let mut picture = vec![LEAST_POWER.log10(); BANDS * columns];
        let mut transform = vec![Complex::default(); SPAN];
        // A column is centred on its time. Those that lie in the silence behind the samples keep the least power.
        let sounding = columns.min((samples.len() + SPAN / 2).div_ceil(HOP));
        for column in 0..sounding {
            for (i, value) in transform.iter_mut().enumerate() {
                // Before the first sample the sound is mirrored, as in training.
                let at = (column * HOP + i).abs_diff(SPAN / 2);
                let sample = samples.get(at).copied().unwrap_or(0);
                *value = Complex::new(f32::from(sample) / 32_768.0 * self.window[i], 0.0);
            }
            self.fft.process(&mut transform);
            for (number, band) in self.bands.iter().enumerate() {
                let heard =
                    transform[band.first..].iter().zip(&band.weights).map(|(bin, weight)| bin.norm_sqr() * weight);
                picture[number * columns + column] = heard.sum::<f32>().max(LEAST_POWER).log10();
            }
        }
        let loudest = picture.iter().copied().fold(f32::MIN, f32::max);
        for value in &mut picture {
            *value = (value.max(loudest - DEPTH) + 4.0) / 4.0;
        }
        picture
    }
}

/// Triangles on Slaney's mel scale, each of unit area, 0 to 8 kHz.
fn bands() -> Vec<Band> {
    let top = hertz_to_mel(SAMPLE_RATE as f32 / 2.0);
    let corner = |i: usize| mel_to_hertz(top * i as f32 / (BANDS + 1) as f32);
    let hertz = |bin: usize| (bin * SAMPLE_RATE) as f32 / SPAN as f32;
    let band = |number: usize| {
        let (low, middle, high) = (corner(number), corner(number + 1), corner(number + 2));
        let weight = |bin: usize| {
            let rise = (hertz(bin) - low) / (middle - low);
            let fall = (high - hertz(bin)) / (high - middle);
            rise.min(fall).max(0.0) * 2.0 / (high - low)
        };
        let first = (0..BINS).find(|bin| weight(*bin) > 0.0).unwrap_or(0);
        Band { first, weights: (first..BINS).map(weight).take_while(|weight| *weight > 0.0).collect() }
    };
    (0..BANDS).map(band).collect()
}

/// Where the scale turns from linear to logarithmic.
const TURN_HERTZ: f32 = 1_000.0;
/// The same point in mel.
const TURN_MEL: f32 = 15.0;
/// Above the turn, 27 mel multiply the frequency by 6.4.
const STEEPNESS: f32 = 27.0;

fn hertz_to_mel(hertz: f32) -> f32 {
    if hertz < TURN_HERTZ {
        hertz * TURN_MEL / TURN_HERTZ
    } else {
        TURN_MEL + (hertz / TURN_HERTZ).ln() * STEEPNESS / 6.4_f32.ln()
    }
}

fn mel_to_hertz(mel: f32) -> f32 {
    if mel < TURN_MEL {
        mel * TURN_HERTZ / TURN_MEL
    } else {
        TURN_HERTZ * (6.4_f32.ln() * (mel - TURN_MEL) / STEEPNESS).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hertz: f32, samples: usize) -> Vec<i16> {
        #[allow(clippy::cast_possible_truncation, reason = "10 000 at most")]
        let sample = |i: usize| ((2.0 * PI * hertz * i as f32 / SAMPLE_RATE as f32).sin() * 10_000.0) as i16;
        (0..samples).map(sample).collect()
    }

    #[test]
    fn a_tone_is_loudest_in_the_band_around_its_frequency() {
        let columns = 100;
        for hertz in [300.0, 1_000.0, 2_500.0, 6_000.0] {
            let picture = Spectrograph::new().draw(&tone(hertz, SAMPLE_RATE), columns);
            let level = |band: &usize| picture[band * columns + columns / 2];
            let loudest = (0..BANDS).max_by(|a, b| level(a).total_cmp(&level(b))).unwrap();
            let centre = mel_to_hertz(hertz_to_mel(8_000.0) * (loudest + 1) as f32 / (BANDS + 1) as f32);
            assert!((centre / hertz - 1.0).abs() < 0.06, "{hertz} Hz is loudest around {centre} Hz");
        }
    }

    #[test]
    fn silence_behind_the_samples_sits_two_below_the_loudest_point() {
        let columns = 300;
        let picture = Spectrograph::new().draw(&tone(1_000.0, SAMPLE_RATE), columns);
        let loudest = picture.iter().copied().fold(f32::MIN, f32::max);
        let behind = &picture[columns - 100..columns];
        assert!(behind.iter().all(|value| (loudest - value - DEPTH / 4.0).abs() < 1e-5));
    }

    #[test]
    fn every_band_hears_something_and_none_hears_beyond_the_top() {
        for band in bands() {
            assert!(!band.weights.is_empty() && band.first + band.weights.len() <= BINS);
        }
    }
}
