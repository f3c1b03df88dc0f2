//! A streaming resampler: PCM16 mono at any [`SampleRate`] in, PCM16 mono at 16 kHz out.
//!
//! A windowed-sinc low-pass filter is worked out only at the instants of output samples. Those instants are counted in
//! whole numbers, so nothing drifts, and the output does not depend on how the input was cut into frames.
//! Why not a library: `docs/decisions/resampler.md`.

use std::f64::consts::PI;

use super::SampleRate;

/// Half the filter's length, in samples of the lower of the two rates. It is also the delay: 1.6 ms coming down to 16 kHz.
const REACH: u32 = 25;

/// The middle of the filter's slope, as a part of the lower rate: 7.75 kHz coming down to 16 kHz.
///
/// With the two constants around this one the slope is 1.5 kHz wide: flat to 7 kHz, 75 dB down from 8.5 kHz on. What lies
/// between 8 and 8.5 kHz folds to between 8 and 7.5 kHz, above what speech needs.
const CUTOFF: f64 = 7_750.0 / 16_000.0;

/// The shape of the Kaiser window, by Kaiser's rule for 75 dB: `0.1102 * (75 - 8.7)`.
const KAISER_BETA: f64 = 7.3;

/// The most positions between two input samples for which weights are kept: as many as 44.1 kHz needs (441 : 160).
///
/// A rate that needs more gets weights interpolated between two neighbouring rows, which is wrong by at most
/// `(pi / 160)^2 / 8`, or -86 dB. So a table has at most 161 rows of 152 weights of 4 bytes: 98 kB.
const MAX_ROWS: u32 = 160;

/// Sums kept side by side in the inner loop: no addition waits for the one before it, and the loop vectorises.
/// More of them no longer stay in registers in plain wasm: with 8 it takes 1.4 times as long.
const LANES: usize = 4;

/// Samples that may gather behind the filter's window before they are dropped, so that it is rarely moved to the front.
const SLACK: usize = 1024;

/// Turns the samples of one channel into samples at [`SampleRate::INTERNAL`].
///
/// Output sample `n` is the input's value at the time `n / 16000`: the filter's delay is already taken off. Before its
/// first sample and after its last the input counts as silent.
#[derive(Debug, Clone)]
pub struct Resampler {
    /// None if the input has the internal rate already: samples pass untouched and at once.
    filter: Option<Filter>,
}

impl Resampler {
    /// A resampler at the start of a channel's audio.
    #[must_use]
    pub fn new(rate: SampleRate) -> Self {
        Self { filter: (rate != SampleRate::INTERNAL).then(|| Filter::new(rate)) }
    }

    /// Takes the next samples and appends to `out` as much of the output as they decide.
    pub fn push(&mut self, samples: impl IntoIterator<Item = i16>, out: &mut Vec<i16>) {
        match &mut self.filter {
            None => out.extend(samples),
            Some(filter) => samples.into_iter().for_each(|sample| filter.take(f32::from(sample), out)),
        }
    }

    /// Does what [`Self::push`] does with that many zeros, at far less cost.
    ///
    /// `out` grows by the whole silence, so it is the caller who bounds it.
    pub fn silence(&mut self, samples: u64, out: &mut Vec<i16>) {
        match &mut self.filter {
            None => out.extend((0..samples).map(|_| 0)),
            Some(filter) => filter.take_zeros(samples, out),
        }
    }

    /// So many samples of silence give so many output samples and leave the resampler as it was, once there is only silence under
    /// the filter: what a silence of any length does follows from that without making it.
    #[must_use]
    pub fn period(&self) -> (u64, u64) {
        self.filter.as_ref().map_or((1, 1), |filter| (u64::from(filter.down), u64::from(filter.up)))
    }

    /// Appends the output still due and starts anew: the next sample pushed is a first one.
    ///
    /// Since the last start, `count` input samples have then given exactly `ceil(count * 16000 / rate)` output samples,
    /// one for each output instant before the input's end.
    pub fn finish(&mut self, out: &mut Vec<i16>) {
        if let Some(filter) = &mut self.filter {
            filter.take_zeros(u64::from(filter.look_ahead), out);
            filter.restart();
        }
    }
}

/// The filter, the samples under it, and the way to the next output.
#[derive(Debug, Clone)]
struct Filter {
    weights: Weights,
    /// The newest samples; the last [`Weights::per_row`] of them lie under the filter.
    history: Vec<f32>,
    /// The two rates without their common factor: an output lies `down / up` input samples after the one before it.
    up: u32,
    down: u32,
    /// Input samples under the filter that come after an output's position.
    look_ahead: u32,
    /// Where the next output lies between two input samples, in parts of `up`.
    phase: u32,
    /// Input samples still to come before the next output can be made.
    missing: u32,
}

impl Filter {
    fn new(rate: SampleRate) -> Self {
        let (input, output) = (rate.hz(), SampleRate::INTERNAL.hz());
        let common = greatest_common_divisor(input, output);
        let up = output / common;
        let lower = input.min(output);
        // Rounded up to an even number, so that the window, twice as long, fills the lanes of `dot`.
        let look_ahead = (REACH * input).div_ceil(lower).next_multiple_of(2);
        let weights = Weights::new(up.min(MAX_ROWS), look_ahead, CUTOFF * f64::from(lower) / f64::from(input));
        let mut filter = Self {
            history: Vec::with_capacity(weights.per_row + SLACK),
            weights,
            up,
            down: input / common,
            look_ahead,
            phase: 0,
            missing: 0,
        };
        filter.restart();
        filter
    }

    /// Goes back to the first sample, before which all is silent.
    fn restart(&mut self) {
        self.history.clear();
        self.history.resize(self.weights.per_row, 0.0);
        self.phase = 0;
        self.missing = self.look_ahead + 1;
    }

    fn take(&mut self, sample: f32, out: &mut Vec<i16>) {
        if self.history.len() == self.weights.per_row + SLACK {
            self.history.drain(..=SLACK);
        }
        self.history.push(sample);
        self.missing -= 1;
        while self.missing == 0 {
            out.push(to_pcm16(self.value()));
            self.step();
        }
    }

    fn take_zeros(&mut self, count: u64, out: &mut Vec<i16>) {
        let filling = count.min(u64::from(2 * self.look_ahead));
        for _ in 0..filling {
            self.take(0.0, out);
        }
        // If any are left, there are only zeros under the filter: the output is known, its position has to move on.
        let mut left = count - filling;
        while u64::from(self.missing) <= left {
            left -= u64::from(self.missing);
            out.push(0);
            self.step();
        }
        for _ in 0..left {
            self.take(0.0, out);
        }
    }

    /// Moves on to the position of the next output.
    fn step(&mut self) {
        let position = self.phase + self.down;
        self.missing = position / self.up;
        self.phase = position % self.up;
    }

    /// The input's value at the position of the next output.
    fn value(&self) -> f32 {
        let window = self.history.rchunks(self.weights.per_row).next().unwrap_or_default();
        let position = self.phase * self.weights.rows;
        let (row, rest) = (position / self.up, position % self.up);
        let value = dot(window, self.weights.row(row));
        if rest == 0 {
            return value;
        }
        let next = dot(window, self.weights.row(row + 1));
        value + (next - value) * to_f32(f64::from(rest) / f64::from(self.up))
    }
}

/// The filter's weights for positions between two input samples: row `r` is for `r / rows` of the way to the second one.
#[derive(Debug, Clone)]
struct Weights {
    rows: u32,
    per_row: usize,
    /// One row more than `rows`, so that the last position too lies between two rows.
    table: Vec<f32>,
}

impl Weights {
    /// `reach` input samples on either side, `cutoff` in cycles per input sample.
    fn new(rows: u32, reach: u32, cutoff: f64) -> Self {
        let mut table = Vec::new();
        for row in 0..=rows {
            let position = f64::from(reach - 1) + f64::from(row) / f64::from(rows);
            let shape = (0..2 * reach).map(|sample| {
                let distance = f64::from(sample) - position;
                sinc(2.0 * cutoff * distance) * kaiser(distance / f64::from(reach))
            });
            let shape: Vec<f64> = shape.collect();
            // To a sum of 1: every row passes a constant unchanged.
            let sum: f64 = shape.iter().sum();
            table.extend(shape.iter().map(|weight| to_f32(weight / sum)));
        }
        Self { rows, per_row: index(2 * reach), table }
    }

    fn row(&self, row: u32) -> &[f32] {
        self.table.chunks_exact(self.per_row).nth(index(row)).unwrap_or_default()
    }
}

fn dot(samples: &[f32], weights: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    for (samples, weights) in samples.as_chunks::<LANES>().0.iter().zip(weights.as_chunks::<LANES>().0) {
        for ((sum, sample), weight) in sums.iter_mut().zip(samples).zip(weights) {
            *sum += sample * weight;
        }
    }
    sums.iter().sum()
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

/// The Kaiser window from one edge, -1, to the other, 1, but for a constant factor.
fn kaiser(x: f64) -> f64 {
    bessel_i0(KAISER_BETA * (1.0 - x * x).max(0.0).sqrt())
}

/// The modified Bessel function of the first kind and order 0, by its power series.
fn bessel_i0(x: f64) -> f64 {
    // For the arguments here, up to 7.3, what follows the 20th term is below the precision of the sum.
    let terms = (1..=20).scan(1.0, |root, k| {
        *root *= x / 2.0 / f64::from(k);
        Some(*root * *root)
    });
    1.0 + terms.sum::<f64>()
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// No platform with less than 32 bits is meant.
fn index(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "a rounding float conversion has no other form"
)]
fn to_f32(x: f64) -> f32 {
    x as f32
}

/// Rounds, and limits what the filter's overshoot carries beyond full scale.
#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "this conversion saturates, as wanted")]
fn to_pcm16(x: f32) -> i16 {
    x.round_ties_even() as i16
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn no_memory_is_taken_after_the_start() {
        let mut resampler = Resampler::new(SampleRate::MAX);
        let room = |resampler: &Resampler| resampler.filter.as_ref().map(|filter| filter.history.capacity());
        let before = room(&resampler);
        let mut out = Vec::new();
        for frame in [1, 480, 32_768, 7] {
            resampler.push(std::iter::repeat_n(1, frame), &mut out);
        }
        resampler.finish(&mut out);
        assert!(before.is_some());
        assert_eq!(room(&resampler), before);
    }
}
