//! From the audio context's rate to 16 kHz: rubato, with both sides in one resampler, so that they stay together to the sample.
//!
//! rubato takes whole chunks and answers late by a fixed delay; here any number of samples may come, and the delay is taken off.

use audioadapter_buffers::direct::SequentialSliceOfVecs;
use fourwire_wire::frame::PerChannel;
use fourwire_wire::units::SAMPLES_PER_SECOND;
use rubato::{Async, FixedAsync, Resampler as _, SincInterpolationParameters, SincInterpolationType, WindowFunction};
use thiserror::Error;

/// Rates that a context may have: from narrow-band headsets to studio interfaces.
const RATES: std::ops::RangeInclusive<u32> = 8_000..=192_000;
/// The filter's length, in samples of the lower of the two rates. With the window and the cutoff below it is flat within 0.5 dB
/// to 7 kHz and lets nothing above 8.5 kHz through that is less than 70 dB down (tests below).
const LENGTH: u32 = 64;
/// The filter's edge, as a part of half the lower rate.
const CUTOFF: f32 = 0.945;
/// Most positions between two samples for which a filter is made: enough for each that occurs at 11.025 kHz and all other rates
/// in use. So many filters are 164 kB.
const MAX_PHASES: u32 = 640;
/// Positions for which a filter is made at the least: rubato's may lie one position aside, which is then nothing.
const PHASES: u32 = 160;
/// Chunks a second: 5 ms each, which is the delay that chunks add.
const CHUNKS: u32 = 200;

/// A rate that no audio context has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("an audio context with {0} samples a second cannot be recorded")]
pub struct RateError(pub u32);

/// Both sides' way to 16 kHz.
pub struct Resampler(Option<Filter>);

struct Filter {
    inner: Async<f32>,
    /// Samples waiting for a whole chunk, by side.
    waiting: [Vec<f32>; 2],
    /// What rubato made of a chunk, by side.
    made: [Vec<f32>; 2],
    /// Samples of the answer that are still to be left out: the filter's delay.
    early: usize,
    /// Samples taken, and given on, for a side.
    taken: u64,
    given: u64,
    rate: u32,
}

impl Resampler {
    /// A resampler for audio that begins now.
    ///
    /// # Errors
    /// [`RateError`] for a rate that no audio context has.
    pub fn new(rate: u32) -> Result<Self, RateError> {
        if rate == SAMPLES_PER_SECOND {
            return Ok(Self(None));
        }
        if !RATES.contains(&rate) {
            return Err(RateError(rate));
        }
        Filter::new(rate).map(|filter| Self(Some(filter))).ok_or(RateError(rate))
    }

    /// Takes samples of both sides, of which there are equally many, and gives on what they decide; `out` is called with
    /// equally many samples of each.
    pub fn push(&mut self, samples: &PerChannel<&[f32]>, mut out: impl FnMut(&[f32], &[f32])) {
        match &mut self.0 {
            None => out(samples.user, samples.remote),
            Some(filter) => filter.push(samples, &mut out),
        }
    }

    /// Gives on what is left. So many samples were given in all as the time lasts that the input has lasted.
    pub fn finish(self, mut out: impl FnMut(&[f32], &[f32])) {
        if let Some(filter) = self.0 {
            filter.finish(&mut out);
        }
    }
}

impl Filter {
    fn new(rate: u32) -> Option<Self> {
        // rubato wants multiples of 8.
        let length = (LENGTH * rate / rate.min(SAMPLES_PER_SECOND)).next_multiple_of(8);
        let (phases, interpolation) = phases(rate);
        let parameters = SincInterpolationParameters::new(usize::try_from(length).ok()?, WindowFunction::Blackman)
            .f_cutoff(CUTOFF)
            .oversampling_factor(usize::try_from(phases).ok()?)
            .interpolation(interpolation);
        let ratio = f64::from(SAMPLES_PER_SECOND) / f64::from(rate);
        let chunk = usize::try_from(rate / CHUNKS).ok()?;
        let inner = Async::new_sinc(ratio, 1.0, &parameters, chunk, 2, FixedAsync::Input).ok()?;
        let made = [vec![0.0; inner.output_frames_max()], vec![0.0; inner.output_frames_max()]];
        let waiting = [Vec::with_capacity(2 * chunk), Vec::with_capacity(2 * chunk)];
        Some(Self { early: inner.output_delay(), inner, waiting, made, taken: 0, given: 0, rate })
    }

    fn push(&mut self, samples: &PerChannel<&[f32]>, out: &mut impl FnMut(&[f32], &[f32])) {
        let (mut user, mut remote) = (samples.user, samples.remote);
        self.taken += u64::try_from(user.len()).unwrap_or_default();
        while !user.is_empty() {
            let [waiting, _] = &self.waiting;
            let missing = self.inner.input_frames_next().saturating_sub(waiting.len());
            let (now, later) = (missing.min(user.len()), missing.min(remote.len()));
            let [user_waiting, remote_waiting] = &mut self.waiting;
            let (head, tail) = user.split_at(now);
            user_waiting.extend_from_slice(head);
            user = tail;
            let (head, tail) = remote.split_at(later);
            remote_waiting.extend_from_slice(head);
            remote = tail;
            if now == missing {
                self.chunk(u64::MAX, out);
            }
        }
    }

    /// Resamples the chunk that waits, and gives on at most `most` samples of what comes.
    fn chunk(&mut self, most: u64, out: &mut impl FnMut(&[f32], &[f32])) {
        let [waiting, _] = &self.waiting;
        let [room, _] = &self.made;
        let (frames, room) = (waiting.len(), room.len());
        let made = {
            let input = SequentialSliceOfVecs::new(&self.waiting, 2, frames);
            let output = SequentialSliceOfVecs::new_mut(&mut self.made, 2, room);
            match (input, output) {
                (Ok(input), Ok(mut output)) => self.inner.process_into_buffer(&input, &mut output, None).ok(),
                _ => None,
            }
        };
        self.waiting.iter_mut().for_each(Vec::clear);
        // Its errors are buffers of a wrong size, which these are not; if they were, the time would still be right.
        let made = made.map_or(0, |(_, made)| made);
        let skipped = self.early.min(made);
        self.early -= skipped;
        let end = made.min(skipped.saturating_add(usize::try_from(most).unwrap_or(usize::MAX)));
        let [user, remote] = &self.made;
        if let (Some(user), Some(remote)) = (user.get(skipped..end), remote.get(skipped..end)) {
            self.given += u64::try_from(user.len()).unwrap_or_default();
            out(user, remote);
        }
    }

    fn finish(mut self, out: &mut impl FnMut(&[f32], &[f32])) {
        let due = (self.taken * u64::from(SAMPLES_PER_SECOND)).div_ceil(u64::from(self.rate));
        while self.given < due {
            let chunk = self.inner.input_frames_next();
            for waiting in &mut self.waiting {
                waiting.resize(chunk, 0.0);
            }
            let left = due - self.given;
            self.chunk(left, out);
        }
    }
}

/// For how many positions between two samples filters are made, and what is done between those. At a rate that is in a simple
/// ratio to 16 kHz no others occur, and one filter a sample is exact; else two are weighed against each other.
fn phases(rate: u32) -> (u32, SincInterpolationType) {
    let (mut divisor, mut rest) = (SAMPLES_PER_SECOND, rate);
    while rest > 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    match SAMPLES_PER_SECOND / divisor {
        phases @ ..=MAX_PHASES => (phases * PHASES.div_ceil(phases), SincInterpolationType::Nearest),
        _ => (PHASES, SincInterpolationType::Linear),
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    /// What contexts have been seen to run at, and one in no simple ratio to 16 kHz.
    const SEEN: [u32; 8] = [16_000, 44_100, 48_000, 8_000, 96_000, 24_000, 11_025, 44_097];

    fn tone(rate: u32, hz: f64, seconds: f64) -> Vec<f32> {
        let count = (f64::from(rate) * seconds).round() as usize;
        (0..count).map(|n| (0.5 * (TAU * hz * n as f64 / f64::from(rate)).sin()) as f32).collect()
    }

    /// Both sides' output; the input comes in pieces of odd lengths.
    fn run(rate: u32, user: &[f32], remote: &[f32]) -> [Vec<f32>; 2] {
        let mut resampler = Resampler::new(rate).unwrap();
        let (mut left, mut right) = (Vec::new(), Vec::new());
        let mut at = 0;
        for piece in [1, 128, 2_048, 777, 3].into_iter().cycle() {
            let end = user.len().min(at + piece);
            let part = PerChannel { user: &user[at..end], remote: &remote[at..end] };
            resampler.push(&part, |user, remote| {
                left.extend_from_slice(user);
                right.extend_from_slice(remote);
            });
            at = end;
            if at == user.len() {
                break;
            }
        }
        resampler.finish(|user, remote| {
            left.extend_from_slice(user);
            right.extend_from_slice(remote);
        });
        [left, right]
    }

    /// Level of a frequency, and of all the rest, in the middle of 16 kHz audio, relative to the tone that was put in.
    fn levels(samples: &[f32], hz: f64) -> (f64, f64) {
        let middle = &samples[1_600..samples.len() - 1_600];
        let (mut sine, mut cosine, mut power) = (0.0, 0.0, 0.0);
        for (n, sample) in middle.iter().enumerate() {
            let phase = TAU * hz * n as f64 / 16_000.0;
            sine += f64::from(*sample) * phase.sin();
            cosine += f64::from(*sample) * phase.cos();
            power += f64::from(*sample).powi(2);
        }
        let count = middle.len() as f64;
        let tone = 2.0 * (sine.powi(2) + cosine.powi(2)) / count / count;
        let rest = (power / count - tone).max(1e-12);
        (10.0 * (tone * 8.0).log10(), 10.0 * (rest * 8.0).log10())
    }

    #[test]
    fn speech_passes_within_half_a_decibel_and_nothing_else_appears() {
        for rate in SEEN {
            for hz in [100.0, 1_000.0, 3_400.0, 5_000.0, 7_000.0] {
                if hz > f64::from(rate) * 7.0 / 16.0 {
                    continue;
                }
                let sound = tone(rate, hz, 1.0);
                let [user, _] = run(rate, &sound, &sound);
                let (tone, rest) = levels(&user, hz);
                assert!(tone.abs() < 0.5, "{rate} {hz}: {tone} dB");
                assert!(rest < -60.0, "{rate} {hz}: {rest} dB beside it");
            }
        }
    }

    #[test]
    fn what_16_khz_cannot_hold_is_at_least_70_decibels_down() {
        for rate in [44_100, 48_000, 96_000] {
            for hz in [8_500.0, 9_000.0, 12_000.0, 15_900.0, 20_000.0] {
                let sound = tone(rate, hz, 1.0);
                let [user, _] = run(rate, &sound, &sound);
                let (_, rest) = levels(&user, 1_000.0);
                assert!(rest < -70.0, "{rate} {hz}: {rest} dB");
            }
        }
    }

    #[test]
    fn length_is_time_and_sound_stays_at_its_place_on_both_sides() {
        for rate in SEEN {
            let second = usize::try_from(rate).unwrap();
            for length in [second, second * 3 + 17] {
                let (mut user, mut remote) = (vec![0.0; length], vec![0.0; length]);
                // A click on one side after a quarter of a second, on the other after half of one.
                user[second / 4] = 1.0;
                remote[second / 2] = 1.0;
                let [user, remote] = run(rate, &user, &remote);
                let due = (length as u64 * 16_000).div_ceil(u64::from(rate));
                assert_eq!((user.len() as u64, remote.len() as u64), (due, due), "{rate}");
                let loudest = |samples: &[f32]| {
                    let largest = |a: &(usize, &f32), b: &(usize, &f32)| a.1.abs().total_cmp(&b.1.abs());
                    samples.iter().enumerate().max_by(largest).unwrap().0
                };
                assert!(loudest(&user).abs_diff(4_000) <= 1, "{rate}: {}", loudest(&user));
                assert!(loudest(&remote).abs_diff(8_000) <= 1, "{rate}: {}", loudest(&remote));
            }
        }
    }

    #[test]
    fn an_hour_does_not_drift() {
        let mut resampler = Resampler::new(44_100).unwrap();
        let (mut given, silence) = (0_u64, vec![0.0; 44_100]);
        for _ in 0..600 {
            resampler.push(&PerChannel { user: &silence, remote: &silence }, |user, _| given += user.len() as u64);
        }
        resampler.finish(|user, _| given += user.len() as u64);
        assert_eq!(given, 600 * 16_000, "10 minutes; an error of the ratio would grow with the number of chunks");
    }

    #[test]
    fn rates_that_no_context_has_are_refused() {
        for rate in [0, 7_999, 192_001] {
            assert_eq!(Resampler::new(rate).err(), Some(RateError(rate)));
        }
    }
}
