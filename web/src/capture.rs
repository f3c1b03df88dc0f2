//! From what the worklet hears to 16-bit samples at 16 kHz: mute, pause, gaps and changes of rate.

use std::time::Duration;

use fourwire_wire::frame::{Channel, PerChannel};
use fourwire_wire::units::{SAMPLES_PER_SECOND, Samples};

use crate::resample::{RateError, Resampler};

/// A block that is so late shows that there was no audio before it: the context was suspended.
const GAP: Duration = Duration::from_secs(1);
/// The longest time that is filled with silence. A machine that slept longer has lost its call.
const LONGEST_GAP: Duration = Duration::from_mins(1);
/// A block may be late because the system is uneven, and then the next ones catch up. If none does for so long, audio is lost: a
/// busy browser leaves out what it could not render in time.
const WATCH: Duration = Duration::from_secs(2);
/// What is lost is made up for when it is at least so much: less is not heard, nor seen in a transcript.
const LEAST_LOSS: Duration = Duration::from_millis(40);

/// What the worklet heard in a few hundredths of a second.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// Samples a second.
    pub rate: u32,
    /// When the first sample was heard, by a clock that goes on while a context does not.
    pub at: Duration,
    /// Whether it is the first one of an audio context.
    pub is_first: bool,
    /// Equally many samples of both sides, between -1 and 1.
    pub samples: PerChannel<&'a [f32]>,
}

/// Which sides are silenced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Silenced {
    /// The user has muted the microphone.
    pub muted: bool,
    /// The user has paused the recording: neither side is heard.
    pub paused: bool,
}

/// Turns blocks into samples of the call's timeline.
#[derive(Default)]
pub struct Capture {
    resampler: Option<(u32, Resampler)>,
    pace: Pace,
    /// Zeros to take the place of a silenced side, as long as the longest block yet.
    zeros: Vec<f32>,
    /// The samples of the last block, at 16 kHz.
    made: PerChannel<Vec<i16>>,
}

impl Capture {
    /// Takes a block; returns what it adds to the timeline, equally many samples of both sides.
    ///
    /// # Errors
    /// [`RateError`] where the context has a rate that no context has. The block is left out.
    pub fn block(&mut self, block: &Block<'_>, silenced: Silenced) -> Result<&PerChannel<Vec<i16>>, RateError> {
        for channel in Channel::BOTH {
            self.made.get_mut(channel).clear();
        }
        let PerChannel { user, remote } = block.samples;
        let count = user.len().min(remote.len());
        if self.resampler.as_ref().is_none_or(|(rate, _)| *rate != block.rate) {
            let fresh = Resampler::new(block.rate)?;
            if let Some((_, before)) = self.resampler.replace((block.rate, fresh)) {
                before.finish(|user, remote| append(&mut self.made, user, remote));
            }
        }
        let lost = self.pace.lost(block, count);
        let silence = Samples::from_millis(u64::try_from(lost.as_millis()).unwrap_or_default());
        let silence = usize::try_from(silence.get()).unwrap_or_default();
        for channel in Channel::BOTH {
            let made = self.made.get_mut(channel);
            made.resize(made.len().saturating_add(silence), 0);
        }

        if self.zeros.len() < count {
            self.zeros.resize(count, 0.0);
        }
        let (zeros, _) = self.zeros.split_at(count);
        let heard = |samples, is_silenced| if is_silenced { zeros } else { samples };
        let (user, remote) = (user.get(..count).unwrap_or_default(), remote.get(..count).unwrap_or_default());
        let samples =
            PerChannel { user: heard(user, silenced.muted || silenced.paused), remote: heard(remote, silenced.paused) };
        if let Some((_, resampler)) = &mut self.resampler {
            resampler.push(&samples, |user, remote| append(&mut self.made, user, remote));
        }
        Ok(&self.made)
    }

    /// No block will come any more: the last samples of both sides.
    #[must_use]
    pub fn finish(mut self) -> PerChannel<Vec<i16>> {
        for channel in Channel::BOTH {
            self.made.get_mut(channel).clear();
        }
        if let Some((_, resampler)) = self.resampler {
            resampler.finish(|user, remote| append(&mut self.made, user, remote));
        }
        self.made
    }
}

/// Holds the audio against the clock, and finds what is missing.
#[derive(Debug, Default)]
struct Pace {
    /// When the next block is due, if nothing is lost; none before the first one.
    due: Option<Duration>,
    /// The least that a block was late since `watched_from`.
    least: Duration,
    watched_from: Duration,
}

impl Pace {
    /// How much time without audio lies before a block.
    fn lost(&mut self, block: &Block<'_>, count: usize) -> Duration {
        let length = u64::try_from(count).unwrap_or_default().saturating_mul(1_000_000) / u64::from(block.rate.max(1));
        let length = Duration::from_micros(length);
        let Some(due) = self.due else {
            self.go_on(block.at, length);
            return Duration::ZERO;
        };
        let late = block.at.saturating_sub(due);
        if block.is_first || late >= GAP {
            self.go_on(block.at, length);
            return late.min(LONGEST_GAP);
        }
        self.least = self.least.min(late);
        // An early one shows that those before it were late.
        self.due = Some(due.min(block.at) + length);
        if block.at.saturating_sub(self.watched_from) < WATCH {
            return Duration::ZERO;
        }
        self.watched_from = block.at;
        let lost = std::mem::replace(&mut self.least, Duration::MAX);
        if lost < LEAST_LOSS {
            return Duration::ZERO;
        }
        self.due = Some(due + lost + length);
        lost
    }

    /// This block is where it should be.
    fn go_on(&mut self, at: Duration, length: Duration) {
        *self = Self { due: Some(at + length), least: Duration::MAX, watched_from: at };
    }
}

fn append(made: &mut PerChannel<Vec<i16>>, user: &[f32], remote: &[f32]) {
    made.user.extend(user.iter().copied().map(to_pcm16));
    made.remote.extend(remote.iter().copied().map(to_pcm16));
}

/// Rounds, and limits what lies beyond full scale.
#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "this conversion saturates, as wanted")]
fn to_pcm16(x: f32) -> i16 {
    (x * 32_767.0).round_ties_even() as i16
}

/// The levels of 100 ms of both sides, for a display.
#[derive(Debug, Default)]
pub struct Meter {
    squares: PerChannel<f64>,
    count: u32,
}

impl Meter {
    /// How many samples make a level.
    const PERIOD: u32 = SAMPLES_PER_SECOND / 10;

    /// Takes samples of both sides; returns their root mean square, 0 to 1, ten times a second.
    pub fn take(&mut self, samples: &PerChannel<Vec<i16>>) -> Option<PerChannel<f64>> {
        for channel in Channel::BOTH {
            let squares: f64 = samples.get(channel).iter().map(|sample| (f64::from(*sample) / 32_768.0).powi(2)).sum();
            *self.squares.get_mut(channel) += squares;
        }
        self.count = self.count.saturating_add(u32::try_from(samples.user.len()).unwrap_or(u32::MAX));
        if self.count < Self::PERIOD {
            return None;
        }
        let Self { squares, count } = std::mem::take(self);
        Some(PerChannel::from_fn(|channel| (squares.get(channel) / f64::from(count)).sqrt()))
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    static LOUD: [f32; 4_800] = [0.5; 4_800];

    fn block(rate: u32, millis: u64, length: usize) -> Block<'static> {
        let at = Duration::from_millis(millis);
        Block { rate, at, is_first: false, samples: PerChannel { user: &LOUD[..length], remote: &LOUD[..length] } }
    }

    fn loud(samples: &[i16]) -> usize {
        samples.iter().filter(|sample| sample.abs() > 8_000).count()
    }

    #[test]
    fn mute_silences_the_user_and_pause_both_while_time_goes_on() {
        let mut capture = Capture::default();
        let mut heard = PerChannel { user: Vec::new(), remote: Vec::new() };
        for tenth in 0..40 {
            let silenced = Silenced { muted: (10..20).contains(&tenth), paused: (30..40).contains(&tenth) };
            let made = capture.block(&block(48_000, tenth * 100, 4_800), silenced).unwrap();
            heard.user.extend_from_slice(&made.user);
            heard.remote.extend_from_slice(&made.remote);
        }
        let rest = capture.finish();
        heard.user.extend_from_slice(&rest.user);
        heard.remote.extend_from_slice(&rest.remote);
        assert_eq!((heard.user.len(), heard.remote.len()), (64_000, 64_000));
        assert_eq!(loud(&heard.user[16_100..31_900]), 0);
        assert_eq!(loud(&heard.remote[16_100..31_900]), 15_800);
        assert_eq!(loud(&heard.user[32_100..47_900]), 15_800);
        assert_eq!(loud(&heard.user[48_100..]) + loud(&heard.remote[48_100..]), 0);
    }

    #[test]
    fn another_rate_in_the_middle_of_a_call_goes_on_at_the_right_place() {
        let mut capture = Capture::default();
        let mut length = 0;
        for (rate, blocks) in [(48_000, 10), (44_100, 10), (16_000, 10), (48_000, 10)] {
            for _ in 0..blocks {
                let millis = length as u64 / 16;
                let made = capture.block(&block(rate, millis, rate as usize / 10), Silenced::default()).unwrap();
                assert_eq!(made.user.len(), made.remote.len());
                length += made.user.len();
            }
        }
        length += capture.finish().user.len();
        assert_eq!(length, 64_000, "four seconds");
    }

    #[test]
    fn a_time_without_a_context_is_silence_and_unevenness_is_not() {
        let mut capture = Capture::default();
        let mut lengths = Vec::new();
        for millis in [0, 100, 900, 950, 1_000, 6_100, 6_200, 500_000] {
            lengths.push(capture.block(&block(16_000, millis, 1_600), Silenced::default()).unwrap().user.len());
        }
        assert_eq!(lengths[..5], [1_600; 5]);
        assert_eq!(lengths[5..7], [1_600 + 5_600 * 16, 1_600], "what was only late before is missing by now");
        assert_eq!(lengths[7], 1_600 + 60_000 * 16, "not more than a minute");
    }

    #[test]
    fn what_a_busy_browser_leaves_out_is_made_up_for_and_what_is_only_late_is_not() {
        let mut capture = Capture::default();
        let mut length = 0;
        let mut late = 0;
        for n in 0..400_u64 {
            // 300 ms are left out after 10 s, and 20 ms, which are not worth it, after 25 s; in between some blocks come late.
            let lost = if n >= 250 {
                320
            } else if n >= 100 {
                300
            } else {
                0
            };
            late = if n % 50 == 10 { 400 } else { u64::saturating_sub(late, 100) };
            let block = block(16_000, n * 100 + lost + late, 1_600);
            length += capture.block(&block, Silenced::default()).unwrap().user.len();
        }
        let missing = (400 * 1_600 + 300 * 16) - i64::try_from(length).unwrap();
        assert!((-160..=16 * 45).contains(&missing), "{missing} samples");
    }

    #[test]
    fn between_two_contexts_no_time_is_lost() {
        let mut capture = Capture::default();
        capture.block(&block(16_000, 0, 1_600), Silenced::default()).unwrap();
        let next = Block { is_first: true, ..block(16_000, 140, 1_600) };
        assert_eq!(capture.block(&next, Silenced::default()).unwrap().user.len(), 1_600 + 40 * 16);
    }

    #[test]
    fn a_rate_that_no_context_has_leaves_out_its_block_only() {
        let mut capture = Capture::default();
        assert_eq!(capture.block(&block(0, 0, 1_600), Silenced::default()).err(), Some(RateError(0)));
        assert_eq!(capture.block(&block(16_000, 100, 1_600), Silenced::default()).unwrap().user.len(), 1_600);
    }

    #[test]
    fn levels_come_ten_times_a_second() {
        let mut meter = Meter::default();
        let samples = PerChannel { user: vec![16_384; 800], remote: vec![0; 800] };
        assert_eq!(meter.take(&samples), None);
        assert_eq!(meter.take(&samples), Some(PerChannel { user: 0.5, remote: 0.0 }));
        assert_eq!(meter.take(&samples), None);
    }
}
