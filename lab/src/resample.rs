//! A plain windowed-sinc resampler for one channel: recordings to the phone's rate, and a stream's rate to the 16 kHz that
//! the engines hear.
//!
//! It is apart from the edge's own on purpose: what the tests send is not made by the code under test.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "arithmetic on samples: every value is far below the limits of its type"
)]

use std::f64::consts::PI;

/// Zero crossings of the sinc on either side, at the lower of the two rates.
const CROSSINGS: f64 = 32.0;
/// Where the pass band ends, as a part of half the lower rate; the window's slope takes the rest.
const PASS: f64 = 0.93;

/// Turns samples at one rate into samples at another, at the same time positions: no delay, no drift.
pub struct Resampler {
    /// Filter taps for each place that an output can have between two inputs.
    rows: Vec<Vec<f32>>,
    /// Output `n` lies at input position `n * down / rows.len()`.
    down: usize,
    /// Inputs under the filter on either side.
    reach: usize,
    /// Inputs from position `dropped - reach` on.
    history: Vec<f32>,
    dropped: usize,
    taken: usize,
    made: usize,
}

impl Resampler {
    /// A resampler between two rates in hertz.
    #[must_use]
    pub fn new(from: u32, to: u32) -> Self {
        let common = greatest_common_divisor(from, to);
        let (up, down) = ((to / common) as usize, (from / common) as usize);
        let scale = f64::from(to.min(from)) / f64::from(from);
        let reach = (CROSSINGS / scale).ceil() as usize;
        let rows = (0..up).map(|row| taps(row as f64 / up as f64, reach, scale)).collect();
        Self { rows, down, reach, history: vec![0.0; reach], dropped: 0, taken: 0, made: 0 }
    }

    /// Takes the next samples and appends what can be said of the output.
    pub fn push(&mut self, samples: &[i16], out: &mut Vec<i16>) {
        self.taken += samples.len();
        self.history.extend(samples.iter().map(|sample| f32::from(*sample)));
        self.make(self.taken.saturating_sub(self.reach), out);
    }

    /// Appends the rest: what the silence after the last sample still lets through.
    pub fn finish(mut self, out: &mut Vec<i16>) {
        self.history.resize(self.history.len() + self.reach + 1, 0.0);
        self.make(self.taken, out);
    }

    /// Makes every output that lies before input position `end`.
    fn make(&mut self, end: usize, out: &mut Vec<i16>) {
        let up = self.rows.len();
        loop {
            let (position, row) = (self.made * self.down / up, self.made * self.down % up);
            if position >= end {
                break;
            }
            let first = position - self.dropped;
            let taps = &self.rows[row];
            let sum: f32 = taps.iter().zip(&self.history[first..]).map(|(tap, sample)| tap * sample).sum();
            out.push(sum.round() as i16);
            self.made += 1;
        }
        let needless = (self.made * self.down / up).min(end) - self.dropped;
        self.history.drain(..needless);
        self.dropped += needless;
    }
}

/// A whole recording at another rate.
#[must_use]
pub fn resample(samples: &[i16], from: u32, to: u32) -> Vec<i16> {
    if from == to {
        return samples.to_vec();
    }
    let mut resampler = Resampler::new(from, to);
    let mut out = Vec::new();
    resampler.push(samples, &mut out);
    resampler.finish(&mut out);
    out
}

/// The filter for an output that lies `shift` inputs behind input 0: taps for the inputs `-reach ..= reach`.
fn taps(shift: f64, reach: usize, scale: f64) -> Vec<f32> {
    let cutoff = PASS * scale;
    let weights: Vec<f64> = (0..=2 * reach)
        .map(|index| {
            let distance = index as f64 - reach as f64 - shift;
            let place = distance / (reach as f64 + 1.0);
            let window = 0.42 + 0.5 * (PI * place).cos() + 0.08 * (2.0 * PI * place).cos(); // Blackman
            let angle = PI * distance * cutoff;
            if angle.abs() < 1e-9 { window } else { window * angle.sin() / angle }
        })
        .collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| (weight / sum) as f32).collect()
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(hertz: f64, rate: u32, seconds: u32) -> Vec<i16> {
        let step = 2.0 * PI * hertz / f64::from(rate);
        (0..rate * seconds).map(|n| (10_000.0 * (f64::from(n) * step).sin()).round() as i16).collect()
    }

    #[test]
    fn a_tone_keeps_its_level_its_place_and_its_length() {
        for (from, to) in [(16_000, 48_000), (48_000, 16_000), (16_000, 44_100), (44_100, 16_000), (8_000, 16_000)] {
            let made = resample(&sine(1_000.0, from, 1), from, to);
            let wanted = sine(1_000.0, to, 1);
            assert_eq!(made.len(), wanted.len(), "{from} to {to}");
            let inner = wanted.len() / 10..wanted.len() * 9 / 10;
            let worst = inner.map(|n| (i32::from(made[n]) - i32::from(wanted[n])).abs()).max().unwrap();
            assert!(worst <= 12, "{from} to {to}: off by {worst} of 10000");
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_carry_is_gone() {
        let made = resample(&sine(10_000.0, 48_000, 1), 48_000, 16_000);
        assert!(made[1_000..15_000].iter().all(|sample| sample.abs() < 20));
    }

    #[test]
    fn how_the_input_is_cut_makes_no_difference() {
        let input = sine(440.0, 44_100, 1);
        let mut resampler = Resampler::new(44_100, 16_000);
        let mut made = Vec::new();
        for piece in input.chunks(7) {
            resampler.push(piece, &mut made);
        }
        resampler.finish(&mut made);
        assert_eq!(made, resample(&input, 44_100, 16_000));
    }
}
