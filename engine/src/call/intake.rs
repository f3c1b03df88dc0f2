//! What happens to audio between the client's frame and the timeline at 16 kHz: placing, silence, resampling.

use fourwire_wire::frame::{Channel, Pcm, PerChannel};
use fourwire_wire::units::{Samples, UnixMillis};

use super::timeline::Timeline;
use crate::audio::SampleRate;
use crate::audio::resample::Resampler;

/// Silence is made in pieces of this many samples of the client's rate, so that it needs no large buffer.
const SILENCE_PIECE: u64 = 16_000;
/// Longest silence that is made as samples, in milliseconds. A longer one is a gap behind the first piece, for which the filters
/// still ring, so that an event's work does not grow with how long a client was away.
const MAX_SILENCE_MILLIS: u64 = 5_000;

/// The first audio of a connection that takes up an earlier one waits until so much of it has come, in milliseconds: where it
/// belongs is known by the clock alone, and the frame that came with the least delay tells best. A network, or a busy
/// machine, holds up just the first ones.
const REJOIN_MILLIS: u64 = 1_000;
/// It waits no longer than this after the first frame, in milliseconds.
const MAX_REJOIN_MILLIS: u64 = 3_000;

/// One connection's audio, both channels.
#[derive(Debug)]
pub(super) struct Intake {
    rate: SampleRate,
    /// Finds each frame's place; none where the client has said it, and every frame follows the one before.
    timeline: Option<Timeline>,
    /// What has come of a connection that takes up an earlier one, until its place is known.
    rejoining: Option<Rejoining>,
    /// Up to where each channel's audio has been given on.
    ends: PerChannel<Samples>,
    resamplers: PerChannel<Resampler>,
    /// When the call's first sample was captured, by the frame that came with the least delay.
    zero: Option<UnixMillis>,
    /// Samples of a side that has come back and has no place yet.
    waiting: PerChannel<Vec<i16>>,
    /// Reused for every frame.
    scratch: Vec<i16>,
}

/// The beginning of a connection that takes up an earlier one.
#[derive(Debug)]
struct Rejoining {
    /// When the newest sample before the break was captured.
    gap_since: UnixMillis,
    /// When the first frame came.
    since: Option<UnixMillis>,
    /// When the first sample was captured, by the frame that came with the least delay.
    began: UnixMillis,
    /// How much has come of each channel.
    samples: PerChannel<u64>,
    /// What has come, in order, and when.
    frames: Vec<(UnixMillis, Channel, Vec<i16>)>,
}

impl Rejoining {
    fn after(gap_since: UnixMillis) -> Self {
        let began = UnixMillis::new(u64::MAX);
        Self { gap_since, since: None, began, samples: PerChannel::default(), frames: Vec::new() }
    }

    /// Takes a frame. Returns whether the place is known well enough.
    fn take(&mut self, channel: Channel, pcm: Pcm<'_>, now: UnixMillis, rate: SampleRate) -> bool {
        let samples = self.samples.get_mut(channel);
        *samples = samples.saturating_add(u64::try_from(pcm.len()).unwrap_or(u64::MAX));
        let millis = samples.saturating_mul(1000) / u64::from(rate.hz());
        self.began = self.began.min(now - millis);
        self.frames.push((now, channel, pcm.samples().collect()));
        let since = *self.since.get_or_insert(now);
        millis >= REJOIN_MILLIS || now.since(since) >= MAX_REJOIN_MILLIS
    }
}

/// A stretch of a channel's audio at 16 kHz, given to the intake's caller in order.
#[derive(Debug)]
pub(super) struct Stretch<'a> {
    /// Whose it is.
    pub(super) channel: Channel,
    /// Where it begins.
    pub(super) at: Samples,
    /// What is there.
    pub(super) content: Content<'a>,
}

/// What a channel has in a stretch of the timeline.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content<'a> {
    /// What the client sent.
    Audio(&'a [i16]),
    /// Silence that stands for a channel that sent nothing.
    Silence(&'a [i16]),
    /// Nothing was sent for so long.
    Gap(Samples),
}

impl<'a> Stretch<'a> {
    /// What of the samples lies behind a position.
    pub(super) fn behind(&self, position: Samples, samples: &'a [i16]) -> &'a [i16] {
        let known = usize::try_from(position.saturating_sub(self.at).get()).unwrap_or(usize::MAX);
        samples.get(known..).unwrap_or_default()
    }
}

impl Intake {
    /// Audio at a rate, after what the channels already have: `ends` on the timeline, the last of it at `gap_since`.
    pub(super) fn new(rate: SampleRate, ends: PerChannel<Samples>, gap_since: Option<UnixMillis>) -> Self {
        let at_rate =
            |end: Samples| end.get().saturating_mul(u64::from(rate.hz())) / u64::from(SampleRate::INTERNAL.hz());
        let positions = PerChannel { user: at_rate(ends.user), remote: at_rate(ends.remote) };
        let rejoining = gap_since.map(Rejoining::after);
        Self { rejoining, ..Self::with(rate, Some(Timeline::new(rate, positions)), ends) }
    }

    /// Audio at 16 kHz that begins where the client says, and has no gaps.
    pub(super) fn from(positions: PerChannel<Samples>) -> Self {
        Self::with(SampleRate::INTERNAL, None, positions)
    }

    fn with(rate: SampleRate, timeline: Option<Timeline>, ends: PerChannel<Samples>) -> Self {
        let resamplers = PerChannel::from_fn(|_| Resampler::new(rate));
        Self {
            rate,
            timeline,
            rejoining: None,
            ends,
            resamplers,
            zero: None,
            waiting: PerChannel::default(),
            scratch: Vec::new(),
        }
    }

    /// Takes a frame; `out` is called with each stretch that it adds to the timeline, in order.
    pub(super) fn frame(&mut self, channel: Channel, pcm: Pcm<'_>, now: UnixMillis, mut out: impl FnMut(Stretch<'_>)) {
        let Some(rejoining) = &mut self.rejoining else {
            return self.place(channel, pcm.samples(), now, &mut out);
        };
        if rejoining.take(channel, pcm, now, self.rate) {
            self.rejoin(&mut out);
        }
    }

    /// Gives what has come of this connection its place behind the one before.
    fn rejoin(&mut self, out: &mut impl FnMut(Stretch<'_>)) {
        let Some(Rejoining { gap_since, began, frames, .. }) = self.rejoining.take() else { return };
        if frames.is_empty() {
            return;
        }
        let away = began.since(gap_since).saturating_mul(u64::from(self.rate.hz())) / 1000;
        let silence = self.timeline.as_mut().map(|timeline| timeline.skip(away)).unwrap_or_default();
        for channel in Channel::BOTH {
            self.silence(channel, *silence.get(channel), out);
        }
        for (at, channel, samples) in frames {
            self.place(channel, samples.iter().copied(), at, out);
        }
    }

    fn place(
        &mut self,
        channel: Channel,
        samples: impl ExactSizeIterator<Item = i16>,
        now: UnixMillis,
        out: &mut impl FnMut(Stretch<'_>),
    ) {
        if let Some(timeline) = &mut self.timeline {
            let count = u64::try_from(samples.len()).unwrap_or(u64::MAX);
            let placement = timeline.place(channel, count, now);
            self.silence(channel.other(), placement.other, out);
            if placement.other_is_placed {
                self.give_waiting(channel.other(), out);
            }
            if placement.waits {
                self.waiting.get_mut(channel).extend(samples);
                return;
            }
            self.silence(channel, placement.own, out);
            self.give_waiting(channel, out);
        }
        self.give(channel, true, out, |resampler, made| resampler.push(samples, made));
    }

    /// Gives on what waited for its place.
    fn give_waiting(&mut self, channel: Channel, out: &mut impl FnMut(Stretch<'_>)) {
        let waiting = std::mem::take(self.waiting.get_mut(channel));
        if !waiting.is_empty() {
            self.give(channel, true, out, |resampler, made| resampler.push(waiting.iter().copied(), made));
        }
    }

    /// When the newest sample was captured: `now`, or earlier where the network has held up the frame that just came longer
    /// than others.
    pub(super) fn captured_until(&mut self, now: UnixMillis) -> UnixMillis {
        let end = match &self.timeline {
            Some(timeline) => timeline.end().saturating_mul(1000) / u64::from(self.rate.hz()),
            None => self.ends.user.max(self.ends.remote).millis(),
        };
        let zero = self.zero.map_or(now - end, |zero| zero.min(now - end));
        self.zero = Some(zero);
        zero + end
    }

    /// When the call's first sample was captured, as far as a client knows that has kept what it could not send: what comes
    /// late does not move it.
    pub(super) fn began(&self) -> Option<UnixMillis> {
        self.zero.filter(|_| self.timeline.is_none())
    }

    /// How long a frame lasts, in whole milliseconds.
    pub(super) fn millis(&self, pcm: Pcm<'_>) -> u64 {
        u64::try_from(pcm.len()).unwrap_or(u64::MAX).saturating_mul(1000) / u64::from(self.rate.hz())
    }

    /// No more audio will come: `out` gets what the filters still hold.
    pub(super) fn finish(mut self, mut out: impl FnMut(Stretch<'_>)) {
        self.rejoin(&mut out);
        let silence = self.timeline.as_mut().map(Timeline::finish).unwrap_or_default();
        for channel in Channel::BOTH {
            self.silence(channel, *silence.get(channel), &mut out);
            self.give_waiting(channel, &mut out);
            self.give(channel, false, &mut out, Resampler::finish);
        }
    }

    fn silence(&mut self, channel: Channel, samples: u64, out: &mut impl FnMut(Stretch<'_>)) {
        let is_long = samples > MAX_SILENCE_MILLIS.saturating_mul(u64::from(self.rate.hz())) / 1000;
        // Whole periods of the resampler leave it as it is.
        let (period, made) = self.resamplers.get(channel).period();
        let periods = if is_long { samples.saturating_sub(SILENCE_PIECE) / period } else { 0 };
        let mut left = samples.saturating_sub(periods.saturating_mul(period));
        while left > 0 {
            let piece = left.min(SILENCE_PIECE);
            self.give(channel, false, out, |resampler, made| resampler.silence(piece, made));
            left = left.saturating_sub(piece);
        }
        let gap = Samples::new(periods.saturating_mul(made));
        if gap > Samples::ZERO {
            let at = self.advance(channel, gap);
            out(Stretch { channel, at, content: Content::Gap(gap) });
        }
    }

    /// Gives on what `make` has the channel's resampler make.
    fn give(
        &mut self,
        channel: Channel,
        is_audio: bool,
        out: &mut impl FnMut(Stretch<'_>),
        make: impl FnOnce(&mut Resampler, &mut Vec<i16>),
    ) {
        self.scratch.clear();
        make(self.resamplers.get_mut(channel), &mut self.scratch);
        let at = self.advance(channel, Samples::new(u64::try_from(self.scratch.len()).unwrap_or(u64::MAX)));
        let content = if is_audio { Content::Audio(&self.scratch) } else { Content::Silence(&self.scratch) };
        out(Stretch { channel, at, content });
    }

    /// Moves a channel's end by a stretch. Returns where that begins.
    fn advance(&mut self, channel: Channel, by: Samples) -> Samples {
        let end = self.ends.get_mut(channel);
        let at = *end;
        *end = at + by;
        at
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn a_frame_that_the_network_held_up_was_captured_when_the_frames_before_it_say() {
        let mut intake = Intake::new(SampleRate::INTERNAL, PerChannel::default(), None);
        let frame = [0; 320];
        let mut captured = |at: u64| {
            for channel in Channel::BOTH {
                intake.frame(channel, Pcm::new(&frame), UnixMillis::new(at), |_| {});
            }
            intake.captured_until(UnixMillis::new(at)).get()
        };
        // The first comes late, the next two in time, the last again late.
        assert_eq!([captured(1_050), captured(1_020), captured(1_030), captured(1_240)], [1_050, 1_020, 1_030, 1_040]);
    }

    #[test]
    fn after_a_break_the_frame_that_was_held_up_the_least_tells_how_long_it_was() {
        // How late each frame comes, in milliseconds; how much too late the connection's audio is placed.
        let late = |frame: u64| (frame.wrapping_mul(6_364_136_223_846_793_005) >> 33) % 501;
        let rows: [(&dyn Fn(u64) -> u64, u64); 5] = [
            (&|_| 0, 0),
            (&|frame| 728_u64.saturating_sub(frame * 20), 0),
            (&|frame| if frame < 40 { 900 - frame * 20 } else { 7 }, 7),
            (&late, 20),
            (&|_| 300, 300),
        ];
        for (row, (late, allowed)) in rows.into_iter().enumerate() {
            let before = PerChannel { user: Samples::from_millis(10_000), remote: Samples::from_millis(10_000) };
            let mut intake = Intake::new(SampleRate::INTERNAL, before, Some(UnixMillis::new(50_000)));
            let mut first = None;
            let mut arrived = 0;
            for frame in 0..100 {
                arrived = (54_020 + frame * 20 + late(frame)).max(arrived);
                for channel in Channel::BOTH {
                    intake.frame(channel, Pcm::new(&[1; 640]), UnixMillis::new(arrived), |stretch| {
                        if matches!(stretch.content, Content::Audio(_)) {
                            first.get_or_insert(stretch.at.millis());
                        }
                    });
                }
            }
            let off = first.expect("it has its place").abs_diff(14_000);
            assert!(off <= allowed, "row {row}: {off} ms off");
        }
    }
}
