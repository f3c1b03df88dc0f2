//! Whether one recording is heard in another, and where: by the shape of its loudness first, then sample by sample.
#![allow(clippy::cast_precision_loss, reason = "counts of samples of minutes")]

use fourwire_wire::units::SAMPLES_PER_SECOND;

/// Samples of a step of the envelope: 10 ms at 16 kHz.
const STEP: usize = SAMPLES_PER_SECOND as usize / 100;
/// A stretch of this many samples is looked for at once: half a second. WebRTC plays speech a little faster or slower to catch up
/// with the network, so a long stretch may be stored as nobody said it.
const STRETCH: usize = SAMPLES_PER_SECOND as usize / 2;
/// How much coarser the first look is.
const COARSE: usize = 4;
/// Speech is louder than this, as root mean square.
const SPEECH: f64 = 300.0;

/// Where a stretch of a recording was found in another.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// Where it begins in the recording that is looked for.
    pub at: usize,
    /// How many samples later, or earlier, it is in the other one.
    pub lag: i64,
    /// How like the two are, from 0 to 1.
    pub likeness: f64,
}

impl Found {
    /// The lag in milliseconds.
    #[must_use]
    pub fn millis(&self) -> f64 {
        self.lag as f64 * 1000.0 / f64::from(SAMPLES_PER_SECOND)
    }
}

/// Finds stretches of `this`, where somebody speaks, in `other`, which begins about `near` samples later and repeats nothing
/// within a second.
#[must_use]
pub fn find(this: &[i16], other: &[i16], near: i64) -> Vec<Found> {
    let mut found = Vec::new();
    for at in (0..this.len().saturating_sub(STRETCH)).step_by(STRETCH) {
        let stretch = &this[at..at + STRETCH];
        if loudness(stretch) < SPEECH {
            continue;
        }
        // Half a second around by a quarter of a millisecond, then a millisecond around that by the sample.
        let reach = signed(SAMPLES_PER_SECOND as usize / 2);
        let rough = coarse(stretch);
        let lags = (near - reach..=near + reach).step_by(COARSE);
        let Some(around) = best(lags, |lag| likeness(&rough, &coarse(window(other, at, lag)))) else { continue };
        let stretch = floats(stretch);
        let fine = around.0 - 16..=around.0 + 16;
        let Some((lag, likeness)) = best(fine, |lag| likeness(&stretch, &floats(window(other, at, lag)))) else {
            continue;
        };
        found.push(Found { at, lag, likeness });
    }
    found
}

/// How much later `this` begins in `other`, by the shape of their loudness, in samples; of a recording that is played over and
/// over, within its length.
#[must_use]
pub fn offset(this: &[i16], other: &[i16]) -> i64 {
    let (this, other) = (envelope(this), envelope(other));
    let lags = -signed(this.len())..=signed(other.len());
    let like = |lag: i64| {
        let pairs = this.iter().enumerate().filter_map(|(at, a)| {
            let place = usize::try_from(signed(at) + lag).ok()?;
            Some(a * other.get(place)?)
        });
        pairs.sum::<f64>()
    };
    best(lags, like).map_or(0, |(lag, _)| lag * signed(STEP))
}

/// Root mean square.
#[must_use]
pub fn loudness(samples: &[i16]) -> f64 {
    let squares: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    (squares / samples.len().max(1) as f64).sqrt()
}

/// The middle one of some numbers.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn best(lags: impl Iterator<Item = i64>, like: impl Fn(i64) -> f64) -> Option<(i64, f64)> {
    lags.map(|lag| (lag, like(lag))).max_by(|a, b| a.1.total_cmp(&b.1))
}

/// The part of a recording that a stretch at `at` should be, if the recording begins `lag` later.
fn window(samples: &[i16], at: usize, lag: i64) -> &[i16] {
    let start = usize::try_from(signed(at) + lag).unwrap_or(usize::MAX);
    samples.get(start..start.saturating_add(STRETCH)).unwrap_or_default()
}

fn envelope(samples: &[i16]) -> Vec<f64> {
    let loud: Vec<f64> = samples.chunks(STEP).map(loudness).collect();
    let mean = loud.iter().sum::<f64>() / loud.len().max(1) as f64;
    loud.iter().map(|level| level - mean).collect()
}

/// The sound below two kilohertz.
fn coarse(samples: &[i16]) -> Vec<f64> {
    samples.chunks(COARSE).map(|piece| piece.iter().map(|sample| f64::from(*sample)).sum()).collect()
}

fn floats(samples: &[i16]) -> Vec<f64> {
    samples.iter().map(|sample| f64::from(*sample)).collect()
}

/// The correlation of two recordings of one length, without regard to how loud each is.
fn likeness(a: &[f64], b: &[f64]) -> f64 {
    if a.len() != b.len() {
        return 0.0;
    }
    let (mut both, mut first, mut second) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        both += a * b;
        first += a * a;
        second += b * b;
    }
    if first == 0.0 || second == 0.0 { 0.0 } else { both / (first * second).sqrt() }
}

fn signed(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_found_where_it_is() {
        // Noise that comes and goes, like speech: xorshift (Marsaglia 2003), smoothed to what a voice has.
        let mut state = 1_u32;
        let mut smooth = 0_i32;
        let this: Vec<i16> = (0..160_000)
            .map(|at| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                smooth = (smooth * 3 + i32::try_from(state % 16_000).unwrap_or_default() - 8_000) / 4;
                let is_heard = at / 5_000 % 4 != 0;
                i16::try_from(smooth).unwrap_or_default() * i16::from(is_heard)
            })
            .collect();
        let mut other = vec![0; 4_321];
        other.extend(this.iter().map(|sample| sample / 3));
        assert!((offset(&this, &other) - 4_321).abs() < 160);
        let found = find(&this, &other, 4_000);
        assert!(found.len() >= 8 && found.iter().all(|found| found.lag == 4_321 && found.likeness > 0.99), "{found:?}");
    }
}
