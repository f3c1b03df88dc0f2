//! From what the worklet hears to 16-bit samples at 16 kHz: mute, pause, gaps and changes of rate.

mod pace;

use std::time::Duration;

use fourwire_wire::frame::{Channel, PerChannel};
use fourwire_wire::units::{SAMPLES_PER_SECOND, Samples};

use crate::resample::{RateError, Resampler};
use pace::{Held, Pace, Place};

/// What the worklet heard in a few hundredths of a second.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// Samples a second.
    pub rate: u32,
    /// The place of the first sample in what the context has rendered: `currentFrame` of the worklet.
    pub frame: u64,
    /// When it came, by a clock that only goes forward and that nobody sets: `performance.now()` of the worker. The worklet has
    /// only the wall clock, which steps.
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
    /// The samples of blocks whose place is not known yet, while there are such.
    held: Option<PerChannel<Vec<i16>>>,
}

impl Capture {
    /// Takes a block; returns what it adds to the timeline, equally many samples of both sides. While it is not known whether
    /// audio is missing before it, that is nothing: for half a second after a suspension or a change of context.
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
            self.cut(block.rate)?;
        }
        let Place { missing, held } = self.pace.place(block.rate, block.frame, count, block.at, block.is_first);
        if held == Held::Begins || missing > 0.0 {
            // What the resampler still has belongs before the silence.
            self.cut(block.rate)?;
        }
        if held == Held::Begins {
            self.held = Some(PerChannel::default());
        }
        let made = self.held.as_mut().unwrap_or(&mut self.made);
        silence(made, missing);

        if self.zeros.len() < count {
            self.zeros.resize(count, 0.0);
        }
        let (zeros, _) = self.zeros.split_at(count);
        let heard = |samples, is_silenced| if is_silenced { zeros } else { samples };
        let (user, remote) = (user.get(..count).unwrap_or_default(), remote.get(..count).unwrap_or_default());
        let samples =
            PerChannel { user: heard(user, silenced.muted || silenced.paused), remote: heard(remote, silenced.paused) };
        if let Some((_, resampler)) = &mut self.resampler {
            resampler.push(&samples, |user, remote| append(made, user, remote));
        }
        if let Held::Ends(missing) = held {
            self.release(missing);
        }
        Ok(&self.made)
    }

    /// No block will come any more: the last samples of both sides.
    #[must_use]
    pub fn finish(mut self) -> PerChannel<Vec<i16>> {
        for channel in Channel::BOTH {
            self.made.get_mut(channel).clear();
        }
        self.finish_resampler();
        let missing = self.pace.finish();
        self.release(missing);
        self.made
    }

    /// Ends the audio that the resampler has taken so far, and begins anew at a rate.
    fn cut(&mut self, rate: u32) -> Result<(), RateError> {
        let fresh = Resampler::new(rate)?;
        self.finish_resampler();
        self.resampler = Some((rate, fresh));
        Ok(())
    }

    fn finish_resampler(&mut self) {
        let made = self.held.as_mut().unwrap_or(&mut self.made);
        if let Some((_, resampler)) = self.resampler.take() {
            resampler.finish(|user, remote| append(made, user, remote));
        }
    }

    /// Enters what was held back, after the seconds that are missing before it.
    fn release(&mut self, missing: f64) {
        let Some(held) = self.held.take() else { return };
        silence(&mut self.made, missing);
        for channel in Channel::BOTH {
            self.made.get_mut(channel).extend_from_slice(held.get(channel));
        }
    }
}

fn silence(made: &mut PerChannel<Vec<i16>>, seconds: f64) {
    let count = usize::try_from(Samples::from_seconds(seconds).get()).unwrap_or_default();
    for channel in Channel::BOTH {
        let made = made.get_mut(channel);
        made.resize(made.len().saturating_add(count), 0);
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

    /// A block that came at a time, of a context that has rendered as long.
    fn block(rate: u32, millis: u64, length: usize) -> Block<'static> {
        let frame = millis * u64::from(rate) / 1_000;
        Block { frame, ..late_block(rate, millis, 0, length) }
    }

    /// A block that came at a time; the context's count is of its own.
    fn late_block(rate: u32, millis: u64, frame: u64, length: usize) -> Block<'static> {
        let at = Duration::from_millis(millis);
        let samples = PerChannel { user: &LOUD[..length], remote: &LOUD[..length] };
        Block { rate, frame, at, is_first: false, samples }
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
        let (mut length, mut millis) = (0, 0);
        for rate in [48_000, 44_100, 16_000, 48_000] {
            // Each context counts from its own beginning.
            for frame in (0..10).map(|n| n * u64::from(rate) / 10) {
                let block = late_block(rate, millis, frame, rate as usize / 10);
                let made = capture.block(&block, Silenced::default()).unwrap();
                assert_eq!(made.user.len(), made.remote.len());
                length += made.user.len();
                millis += 100;
            }
        }
        length += capture.finish().user.len();
        assert_eq!(length, 64_000, "four seconds");
    }

    /// What a capture makes of blocks of 100 ms at 16 kHz that came at these times, and how much each of them adds.
    fn capture(millis: impl IntoIterator<Item = u64>) -> (PerChannel<Vec<i16>>, Vec<usize>) {
        let mut capture = Capture::default();
        let mut all = PerChannel::default();
        let mut lengths = Vec::new();
        for (n, millis) in millis.into_iter().enumerate() {
            let block = late_block(16_000, millis, n as u64 * 1_600, 1_600);
            let made = capture.block(&block, Silenced::default()).unwrap();
            lengths.push(made.user.len());
            append_all(&mut all, made);
        }
        append_all(&mut all, &capture.finish());
        (all, lengths)
    }

    fn append_all(all: &mut PerChannel<Vec<i16>>, made: &PerChannel<Vec<i16>>) {
        for channel in Channel::BOTH {
            all.get_mut(channel).extend_from_slice(made.get(channel));
        }
        assert_eq!(all.user.len(), all.remote.len());
    }

    #[test]
    fn a_time_without_a_context_is_silence_and_unevenness_is_not() {
        let uneven = [0, 100, 900, 950, 1_000];
        let (all, lengths) = capture(uneven);
        assert_eq!((all.user.len(), lengths), (5 * 1_600, vec![1_600; 5]));

        // 5 s are missing after 1 s, and 500 s after another one, of which a minute is entered.
        let times = (0..30).map(|n| {
            n * 100
                + if n >= 20 {
                    505_000
                } else if n >= 10 {
                    5_000
                } else {
                    0
                }
        });
        let (all, lengths) = capture(times);
        assert_eq!(all.user.len(), 30 * 1_600 + 65 * 16_000);
        for (from, until) in [(0, 16_000), (96_000, 112_000), (1_072_000, 1_088_000)] {
            assert_eq!(loud(&all.user[from..until]), until - from, "{from}");
            assert_eq!(loud(&all.remote[from..until]), until - from, "{from}");
        }
        assert_eq!(loud(&all.user), 48_000);
        assert_eq!(lengths[10..16], [0, 0, 0, 0, 0, 6 * 1_600 + 80_000], "held back for half a second");
    }

    #[test]
    fn blocks_that_were_waiting_are_not_late() {
        for waited in [1_000, 1_500, 3_000, 20_000, 50_000] {
            // Nothing arrives from the third second on, and then all that has waited.
            let times = (0..1_000).map(|n| if n > 20 { (n * 100).max(2_000 + waited) } else { n * 100 });
            let (all, _) = capture(times);
            assert_eq!((all.user.len(), loud(&all.user)), (1_600_000, 1_600_000), "{waited}");
        }
    }

    #[test]
    fn a_suspension_at_the_calls_end_is_silence_too() {
        let (all, lengths) = capture([0, 100, 200, 4_300, 4_400]);
        assert_eq!(lengths, [1_600, 1_600, 1_600, 0, 0]);
        assert_eq!((all.user.len(), loud(&all.user)), (5 * 1_600 + 64_000, 5 * 1_600));
        assert_eq!(loud(&all.user[4_800 + 64_000..]), 3_200);
    }

    #[test]
    fn mute_and_pause_count_for_blocks_that_are_held_back() {
        let mut capture = Capture::default();
        let mut all = PerChannel::default();
        for n in 0..40 {
            let silenced = Silenced { muted: (22..25).contains(&n), paused: (30..33).contains(&n) };
            let block = late_block(16_000, n * 100 + if n >= 20 { 2_000 } else { 0 }, n * 1_600, 1_600);
            append_all(&mut all, capture.block(&block, silenced).unwrap());
        }
        append_all(&mut all, &capture.finish());
        assert_eq!((loud(&all.user), loud(&all.remote)), (34 * 1_600, 37 * 1_600));
        assert_eq!(loud(&all.user[67_200..72_000]), 0, "what was said while it was muted");
    }

    #[test]
    fn what_a_busy_browser_leaves_out_is_made_up_for_and_what_is_only_late_is_not() {
        let mut late = 0;
        let times = (0..400_u64).map(|n| {
            // 300 ms are left out after 10 s, and 20 ms, which are not worth it, after 25 s; in between some blocks come late.
            let lost = if n >= 250 {
                320
            } else if n >= 100 {
                300
            } else {
                0
            };
            late = if n % 50 == 10 { 400 } else { u64::saturating_sub(late, 100) };
            n * 100 + lost + late
        });
        let (all, _) = capture(times);
        let missing = (400 * 1_600 + 300 * 16) - i64::try_from(all.user.len()).unwrap();
        assert!((-160..=16 * 45).contains(&missing), "{missing} samples");
    }

    #[test]
    fn frames_that_a_context_rendered_without_us_are_silence_at_once() {
        let mut capture = Capture::default();
        for (rate, skipped) in [(16_000, 1_024), (48_000, 1_536), (44_100, 44_100), (8_000, 64), (96_000, 128)] {
            let mut made = PerChannel::default();
            let length = u64::from(rate) / 20;
            for n in 0..4 {
                let frame = n * length + if n >= 2 { skipped } else { 0 };
                let block = Block {
                    is_first: n == 0,
                    ..late_block(rate, 1_000_000 + frame * 1_000 / u64::from(rate), frame, length as usize)
                };
                append_all(&mut made, capture.block(&block, Silenced::default()).unwrap());
            }
            append_all(&mut made, &std::mem::take(&mut capture).finish());
            let silent = usize::try_from(skipped * 16_000 / u64::from(rate)).unwrap();
            assert!(made.user.len().abs_diff(3_200 + silent) <= 2, "{rate}: {}", made.user.len());
            assert_eq!(loud(&made.user[1_650..1_550 + silent.max(100)]), 0, "{rate}");
        }
    }

    #[test]
    fn a_wall_clock_that_steps_is_not_asked() {
        // Ten minutes of a sound card that is 100 ppm slow: 60 ms of drift, and not a sample of silence.
        let (all, _) = capture((0..6_000).map(|n| n * 100 + n / 100));
        assert_eq!((all.user.len(), loud(&all.user)), (6_000 * 1_600, 6_000 * 1_600));
    }

    #[test]
    fn between_two_contexts_no_time_is_lost() {
        let mut capture = Capture::default();
        let mut length = capture.block(&block(16_000, 0, 1_600), Silenced::default()).unwrap().user.len();
        for n in 0..10 {
            let next = late_block(16_000, 140 + n * 100, 512 + n * 1_600, 1_600);
            length += capture.block(&Block { is_first: n == 0, ..next }, Silenced::default()).unwrap().user.len();
        }
        assert_eq!(length, 11 * 1_600 + 40 * 16);
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
