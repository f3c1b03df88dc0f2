//! Where each frame lies on the call's timeline, found from counts of samples.
//!
//! Both channels come over one ordered socket, and a client sends a frame when its last sample is captured. So when a
//! frame of one channel arrives, everything the other channel captured before that moment has arrived too, except what
//! it still holds for its next frame. A channel that is behind by more than that has stopped sending (it is muted), and
//! what is missing is silence. When both stop together nothing can be told apart from a slow network, and nothing is
//! added: the samples come later and find their place by themselves.
//!
//! When a muted channel comes back, its place is found without the clock, since a network's jitter would move its words:
//! - Where its frames were in step with the other channel's before, they are again.
//! - Else the order of arrival bounds the place from both sides: it ends no earlier than the other channel's last frame, and no
//!   later than the other's next one. The frames wait until that is exact enough, which takes one frame of the other channel
//!   where frames are short. Only where it takes too long does the clock say where between the bounds.
//!
//! Positions here count samples at the client's own rate, so that no rounding ever accumulates.

use fourwire_wire::frame::{Channel, MAX_PAYLOAD_BYTES, PerChannel};
use fourwire_wire::units::UnixMillis;

use crate::audio::SampleRate;

/// How far behind the other one a channel may be right after a frame of its own, in milliseconds, before the difference
/// is silence: more than the jitter between two capture threads, little enough to keep both sides in step.
const SLACK_MILLIS: u64 = 200;

/// How much longer than the largest frame a channel may send nothing, in milliseconds, before silence is entered for it
/// without waiting for its return.
const LAG_MILLIS: u64 = 500;

/// A returning channel waits until its place is known to so many milliseconds.
const EXACT_MILLIS: u64 = 40;

/// Where the other channel's frames are short, in milliseconds, it waits at most two of them and [`MAX_WAIT_MILLIS`]: by then the
/// other one has stopped. Where they are longer, one may be as long as a frame can be, and it waits for that.
const SHORT_FRAME_MILLIS: u64 = 100;
/// See [`SHORT_FRAME_MILLIS`].
const MAX_WAIT_MILLIS: u64 = 500;
/// How many of the longest frames that there can be it waits for where the other channel's are long. Each frame of either side
/// brings the bounds nearer together.
const MAX_LONG_FRAMES: u64 = 3;
/// Bounds that are so near together, in milliseconds, say more than the clock does in a network with jitter.
const NEAR_MILLIS: u64 = 200;

/// So many frames in a row in the same place beside the other channel's show that the two are in step.
const IN_STEP_FRAMES: u32 = 4;

/// Silence for an absent channel is entered in pieces of at least this many milliseconds.
const STEP_MILLIS: u64 = 100;

/// The two channels' positions, and when each was last heard.
#[derive(Clone, Debug)]
pub struct Timeline {
    rate: SampleRate,
    lanes: PerChannel<ChannelClock>,
}

#[derive(Clone, Copy, Debug, Default)]
struct ChannelClock {
    /// End of what is known: audio and silence together.
    position: u64,
    /// Whether a frame ever came.
    started: bool,
    /// When the last frame came.
    last_at: UnixMillis,
    /// The length of the last frame.
    length: u64,
    /// The longest frame so far.
    longest: u64,
    /// How far the last frame reached beyond the other channel's last one.
    lead: Option<u64>,
    /// How many frames in a row had the same length and the same lead.
    in_step: u32,
    /// What has come back after an absence and has no place yet.
    waiting: Option<Waiting>,
}

/// Frames that wait for their place.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    /// How many samples wait.
    samples: u64,
    /// They begin here or later, since all that the other channel captured before their end had come.
    earliest: u64,
    /// They begin here or earlier, once a frame of the other channel has come after them.
    latest: Option<u64>,
    /// Where they begin by the clock.
    by_clock: u64,
}

impl Waiting {
    /// Where they begin, as far as is known. Within exact bounds the clock tells frames of one length apart, which are in step or
    /// not; in the middle of near ones the error is the least; far apart, they leave it to the clock.
    fn begin(&self, rate: SampleRate) -> u64 {
        match self.latest.map(|latest| latest.max(self.earliest)) {
            Some(latest) if (EXACT_MILLIS..=NEAR_MILLIS).contains(&millis_of(rate, latest - self.earliest)) => {
                self.earliest.midpoint(latest)
            }
            Some(latest) => self.by_clock.clamp(self.earliest, latest),
            None => self.by_clock.max(self.earliest),
        }
    }

    /// Whether the place is known exactly enough, or will not be known any better for too long.
    fn is_over(&self, other: &ChannelClock, rate: SampleRate) -> bool {
        let is_exact =
            self.latest.is_some_and(|latest| latest.saturating_sub(self.earliest) <= samples_in(rate, EXACT_MILLIS));
        let wait = if other.longest <= samples_in(rate, SHORT_FRAME_MILLIS) {
            other.longest.saturating_mul(2).saturating_add(samples_in(rate, MAX_WAIT_MILLIS))
        } else {
            longest_wait(rate).saturating_mul(MAX_LONG_FRAMES)
        };
        let waited = self.samples.max(other.position.saturating_sub(self.earliest));
        is_exact || waited > wait
    }
}

impl ChannelClock {
    /// A frame has its place: it ends where the channel now does.
    fn placed(&mut self, samples: u64, other: &Self) {
        let lead = self.position.checked_sub(other.position);
        let is_same = lead == self.lead && samples == self.length;
        self.in_step = if is_same { self.in_step.saturating_add(1) } else { 0 };
        (self.lead, self.length) = (lead, samples);
    }

    /// Where a frame that comes after an absence ends, if the frames were in step with the other channel's before.
    fn end_in_step(&self, samples: u64, other: &Self) -> Option<u64> {
        let lead = self.lead.filter(|lead| *lead <= samples)?;
        let is_in_step = self.in_step >= IN_STEP_FRAMES && self.length == samples;
        is_in_step.then(|| other.position.saturating_add(lead))
    }

    /// How many samples the other channel has captured and not sent, when that many have passed since its last frame by the
    /// clock, seen from a channel that sends a frame of `frame`. Where that is a frame like its own, it is a whole frame or
    /// none; else the frame that is being filled may be longer than those before it.
    fn held_after(&self, passed: u64, frame: u64) -> u64 {
        if self.longest == frame {
            return if passed.saturating_mul(2) >= frame { frame } else { 0 };
        }
        passed.min(self.longest.saturating_mul(2))
    }
}

/// What a frame does to the timeline, in samples at the client's rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// Silence on the other channel.
    pub other: u64,
    /// What waited on the other channel has its place behind that silence.
    pub other_is_placed: bool,
    /// Silence on the frame's own channel, before what waited there and the frame itself.
    pub own: u64,
    /// The frame has no place yet: it waits behind what waits already.
    pub waits: bool,
}

impl Timeline {
    /// A timeline on which each channel already reaches to a position: zero at a call's start, more when a connection
    /// takes up an earlier one.
    #[must_use]
    pub fn new(rate: SampleRate, positions: PerChannel<u64>) -> Self {
        let lane = |position| ChannelClock { position, started: position > 0, ..ChannelClock::default() };
        Self { rate, lanes: PerChannel { user: lane(positions.user), remote: lane(positions.remote) } }
    }

    /// The client was away for so many samples, and both channels go on behind that. Returns the silence on each.
    pub fn skip(&mut self, samples: u64) -> PerChannel<u64> {
        let target = self.end().saturating_add(samples);
        PerChannel::from_fn(|channel| {
            let lane = self.lanes.get_mut(channel);
            let missing = target.saturating_sub(lane.position);
            lane.position = lane.position.saturating_add(missing);
            lane.started = true;
            missing
        })
    }

    /// Places a frame of `samples` samples that came `now`.
    pub fn place(&mut self, channel: Channel, samples: u64, now: UnixMillis) -> Placement {
        let rate = self.rate;
        let (lane, other) = self.lanes.pair_mut(channel);

        let mut placement = Placement::default();
        let behind = other.position.saturating_sub(lane.position.saturating_add(samples));
        let allowed = if lane.started { samples_in(rate, SLACK_MILLIS) } else { 0 };
        if let Some(waiting) = &mut lane.waiting {
            waiting.samples = waiting.samples.saturating_add(samples);
            let earliest = other.position.saturating_sub(waiting.samples);
            waiting.earliest = waiting.earliest.max(earliest);
            placement.waits = true;
        } else if behind <= allowed {
            lane.position = lane.position.saturating_add(samples);
            lane.placed(samples, other);
        } else if let Some(end) = lane.end_in_step(samples, other) {
            placement.own = end.saturating_sub(lane.position.saturating_add(samples));
            lane.position = end;
            lane.placed(samples, other);
        } else {
            let passed = samples_in(rate, now.since(other.last_at));
            let earliest = other.position.saturating_sub(samples);
            let by_clock = earliest.saturating_add(other.held_after(passed, samples));
            lane.waiting = Some(Waiting { samples, earliest, latest: None, by_clock });
            placement.waits = true;
        }
        if let Some(own) = lane.release(other, rate) {
            placement.own = own;
            placement.waits = false;
        }
        lane.started = true;
        lane.last_at = now;
        lane.longest = lane.longest.max(samples);

        if let Some(waiting) = &mut other.waiting {
            // What waits had ended when this frame did.
            let latest = lane.position.saturating_sub(waiting.samples);
            waiting.latest = Some(waiting.latest.map_or(latest, |known| known.min(latest)));
            if let Some(silence) = other.release(lane, rate) {
                placement.other = silence;
                placement.other_is_placed = true;
            }
        } else {
            let lag = lane.position.saturating_sub(other.position);
            let certain = lag.saturating_sub(longest_wait(rate));
            let entered = if certain >= samples_in(rate, STEP_MILLIS) { certain } else { 0 };
            other.position = other.position.saturating_add(entered);
            placement.other = entered;
        }

        placement
    }

    /// No frame will come any more: the silence before what still waits on each channel, which has its place then.
    pub fn finish(&mut self) -> PerChannel<u64> {
        PerChannel::from_fn(|channel| self.lanes.get_mut(channel).place_waiting(self.rate).unwrap_or_default())
    }

    /// How far the channel that is ahead reaches.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.lanes.user.position.max(self.lanes.remote.position)
    }
}

impl ChannelClock {
    /// Gives what waits its place, if it need not wait any longer. Returns the silence before it.
    fn release(&mut self, other: &Self, rate: SampleRate) -> Option<u64> {
        self.waiting.filter(|waiting| waiting.is_over(other, rate))?;
        self.place_waiting(rate)
    }

    fn place_waiting(&mut self, rate: SampleRate) -> Option<u64> {
        let waiting = self.waiting.take()?;
        let begin = waiting.begin(rate).max(self.position);
        let silence = begin.saturating_sub(self.position);
        self.position = begin.saturating_add(waiting.samples);
        (self.lead, self.in_step) = (None, 0);
        Some(silence)
    }
}

/// Samples in a number of milliseconds at a rate.
fn samples_in(rate: SampleRate, millis: u64) -> u64 {
    millis.saturating_mul(u64::from(rate.hz())) / 1000
}

/// Whole milliseconds of a number of samples at a rate.
fn millis_of(rate: SampleRate, samples: u64) -> u64 {
    samples.saturating_mul(1000) / u64::from(rate.hz())
}

/// How long a channel can be filling one frame, and some more: 1.2 s at 48 kHz, 4.6 s at 8 kHz.
fn longest_wait(rate: SampleRate) -> u64 {
    const LARGEST_FRAME: u64 = 32_768;
    const { assert!(MAX_PAYLOAD_BYTES == 2 * 32_768) };
    LARGEST_FRAME.saturating_add(samples_in(rate, LAG_MILLIS))
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    const RATE: u64 = 16_000;
    const TEN_MS: u64 = 160;

    fn timeline() -> Timeline {
        Timeline::new(SampleRate::new(16_000).unwrap(), PerChannel::default())
    }

    fn at(millis: u64) -> UnixMillis {
        UnixMillis::new(1_000_000 + millis)
    }

    /// Sends 10 ms frames of the channels that `sending` names, for as long as it lasts.
    fn play(timeline: &mut Timeline, from: u64, to: u64, sending: &[Channel]) -> PerChannel<u64> {
        let mut silence = PerChannel::default();
        for millis in (from..to).step_by(10) {
            for &channel in sending {
                let placed = timeline.place(channel, TEN_MS, at(millis + 10));
                *silence.get_mut(channel) += placed.own;
                *silence.get_mut(channel.other()) += placed.other;
            }
        }
        silence
    }

    #[test]
    fn two_channels_in_step_get_no_silence() {
        assert_eq!(play(&mut timeline(), 0, 60_000, &Channel::BOTH), PerChannel::default());
    }

    #[test]
    fn a_channel_that_was_muted_goes_on_where_the_other_is() {
        let mut timeline = timeline();
        play(&mut timeline, 0, 5_000, &Channel::BOTH);
        play(&mut timeline, 5_000, 15_000, &[Channel::Remote]);
        play(&mut timeline, 15_000, 20_000, &Channel::BOTH);
        assert!(timeline.lanes.user.position.abs_diff(20 * RATE) <= TEN_MS, "{timeline:?}");
        assert_eq!(timeline.lanes.remote.position, 20 * RATE);
    }

    #[test]
    fn silence_for_an_absent_channel_does_not_wait_for_its_return() {
        let mut timeline = timeline();
        play(&mut timeline, 0, 1_000, &Channel::BOTH);
        let silence = play(&mut timeline, 1_000, 31_000, &[Channel::Remote]);
        let wait = longest_wait(timeline.rate);
        assert!(silence.user + wait + RATE / 10 >= 30 * RATE, "{silence:?}");
        assert!(silence.user + wait <= 30 * RATE, "a frame could still be on its way: {silence:?}");
    }

    #[test]
    fn a_stall_of_both_is_the_network_and_adds_nothing() {
        let mut timeline = timeline();
        play(&mut timeline, 0, 5_000, &Channel::BOTH);
        let mut silence = 0;
        // Five seconds of frames come at once, five seconds late, in the order they were captured.
        for _ in 0..500 {
            for channel in Channel::BOTH {
                let placed = timeline.place(channel, TEN_MS, at(10_000));
                silence += placed.own + placed.other;
            }
        }
        assert_eq!(silence, 0);
        assert_eq!(timeline.lanes.user.position, 10 * RATE);
    }

    #[test]
    fn a_channel_that_starts_later_starts_at_the_others_position() {
        let mut timeline = timeline();
        play(&mut timeline, 0, 3_000, &[Channel::User]);
        timeline.place(Channel::Remote, TEN_MS, at(3_010));
        timeline.finish();
        assert_eq!(timeline.lanes.remote.position, 3 * RATE + TEN_MS, "the user's frame of the moment is not here yet");
    }

    #[test]
    fn large_frames_of_one_channel_beside_small_ones_of_the_other_are_no_silence() {
        let mut timeline = timeline();
        for second in 0..20 {
            assert_eq!(
                play(&mut timeline, second * 2_000, second * 2_000 + 2_000, &[Channel::Remote]),
                PerChannel::default()
            );
            assert_eq!(timeline.place(Channel::User, 2 * RATE, at(second * 2_000 + 2_000)), Placement::default());
        }
    }

    #[test]
    fn a_return_beside_large_frames_is_placed_by_the_clock_between_them() {
        let mut timeline = timeline();
        // The remote side sends a frame each 2 s; the user is silent from 2.0 s and speaks again at 11.0 s.
        for second in 1..=5 {
            if second == 1 {
                timeline.place(Channel::User, 2 * RATE, at(2_000));
            }
            timeline.place(Channel::Remote, 2 * RATE, at(second * 2_000));
        }
        timeline.place(Channel::User, TEN_MS, at(11_010));
        timeline.finish();
        assert!(timeline.lanes.user.position.abs_diff(11 * RATE) <= 2 * TEN_MS, "{timeline:?}");
    }

    #[test]
    fn with_frames_of_one_length_a_return_is_placed_to_the_sample_whatever_the_clocks_jitter() {
        for (jitter, user_first) in [(0, true), (3, true), (4, true), (0, false), (3, false), (4, false)] {
            let mut timeline = timeline();
            let order = if user_first { [Channel::User, Channel::Remote] } else { [Channel::Remote, Channel::User] };
            play(&mut timeline, 0, 5_000, &order);
            play(&mut timeline, 5_000, 15_000, &[Channel::Remote]);
            for channel in order {
                timeline.place(channel, TEN_MS, at(15_010 + jitter));
            }
            assert_eq!(timeline.lanes.user.position, timeline.lanes.remote.position, "{jitter} {user_first}");
        }
    }

    /// Frames of a side: a length for each in turn, and when it was captured; left out while it is muted.
    fn frames(lengths: &[u64], seconds: u64, muted: std::ops::Range<u64>) -> Vec<(u64, u64)> {
        let mut end = 0;
        let mut frames = Vec::new();
        for length in lengths.iter().cycle() {
            end += length;
            if end > seconds * RATE {
                return frames;
            }
            let is_muted = end > muted.start * RATE && end - length < muted.end * RATE;
            if !is_muted {
                frames.push((end, *length));
            }
        }
        frames
    }

    /// Where the user's side is, against where it should be, at each of its frames that has a place, after frames have come with
    /// delays that change from frame to frame.
    fn play_with_jitter(user: &[u64], remote: &[u64], jitter: &[u64]) -> Vec<i64> {
        let mut all: Vec<_> = frames(user, 30, 8..18).into_iter().map(|frame| (frame, Channel::User)).collect();
        all.extend(frames(remote, 30, 0..0).into_iter().map(|frame| (frame, Channel::Remote)));
        all.sort_by_key(|((end, _), channel)| (*end, *channel));
        let mut timeline = timeline();
        let mut arrived = 0;
        let mut off = Vec::new();
        for (((end, length), channel), jitter) in all.into_iter().zip(jitter.iter().cycle()) {
            arrived = arrived.max(end * 1000 / RATE + jitter);
            let placed = timeline.place(channel, length, at(arrived));
            if channel == Channel::Remote {
                assert_eq!(timeline.lanes.remote.position, end, "who was there all the time is not moved");
            } else if !placed.waits {
                off.push(i64::try_from(timeline.lanes.user.position).unwrap() - i64::try_from(end).unwrap());
            }
        }
        off
    }

    #[test]
    fn a_networks_jitter_moves_no_side_that_comes_back() {
        // Each side's lengths of frames, and how far off the place may be, in milliseconds.
        // It is filled while the other side comes back.
        let mut one_long = vec![1_700; 160];
        one_long.push(30_000);
        let rows: [(&str, &[u64], &[u64], u64); 9] = [
            ("both as the app sends them", &[160], &[160], 0),
            ("both with 20 ms", &[320], &[320], 0),
            ("both with 100 ms", &[1_600], &[1_600], 0),
            ("ten and twenty", &[160], &[320], 20),
            ("twenty and ten", &[320], &[160], 20),
            ("changing lengths", &[160, 480, 333], &[320, 777, 100], 40),
            ("from a sample to a second", &[1, 16_000, 50, 3_000, 7], &[9_000, 3, 1_000, 160, 12_000, 40], 40),
            ("short ones beside long ones", &[160], &[16_000], 10),
            ("short ones beside one that is much longer than those before", &[160], &one_long, 10),
        ];
        let mut seed = 1_u64;
        let mut random = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % 501
        };
        for most in [0, 20, 200, 500] {
            let jitter: Vec<u64> = (0..997).map(|_| random().min(most)).collect();
            for (name, user, remote, allowed) in rows {
                let off = play_with_jitter(user, remote, &jitter);
                let worst = off.iter().map(|off| off.unsigned_abs()).max().unwrap() * 1000 / RATE;
                assert!(worst <= allowed, "{name}, up to {most} ms of jitter: {worst} ms off");
                assert!(off.len() > 5, "{name}: what came back has a place");
            }
        }
    }

    #[test]
    fn frames_of_every_magnitude_on_both_sides_are_placed_whatever_their_jitter() {
        let mut seed = 7_u64;
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        for call in 0..60 {
            let mut lengths = || {
                let magnitude = |n: u64| (1 << n) + 1;
                (0..500).map(|_| magnitude(random(15))).map(|most| most / 2 + 1).collect::<Vec<u64>>()
            };
            let (user, remote) = (lengths(), lengths());
            let jitter: Vec<u64> = (0..499).map(|_| random(501) * (call % 2)).collect();
            let off = play_with_jitter(&user, &remote, &jitter);
            let worst = off.iter().map(|off| off.unsigned_abs()).max().unwrap() * 1000 / RATE;
            assert!(worst <= 100, "call {call}: {worst} ms off");
        }
    }

    #[test]
    fn what_comes_back_does_not_wait_for_long() {
        for (length, beside, most) in [(160, 160, 0), (160, 320, 320), (320, 1_600, 1_600), (1_600, 320, 1_600)] {
            let all = frames(&[length], 20, 8..12);
            let mut timeline = timeline();
            let mut remote = frames(&[beside], 20, 0..0).into_iter().peekable();
            let mut waiting = 0;
            for (end, samples) in all {
                while let Some((end, samples)) = remote.next_if(|(before, _)| *before < end) {
                    if timeline.place(Channel::Remote, samples, at(end * 1000 / RATE)).other_is_placed {
                        waiting = 0;
                    }
                }
                waiting = if timeline.place(Channel::User, samples, at(end * 1000 / RATE)).waits {
                    waiting + samples
                } else {
                    0
                };
                assert!(waiting <= most, "{length} beside {beside}: {waiting} samples wait");
            }
        }
    }

    #[test]
    fn where_the_other_side_stops_as_one_comes_back_the_clock_decides_in_the_end() {
        let mut timeline = timeline();
        for (end, length) in frames(&[320], 10, 10..10) {
            timeline.place(Channel::Remote, length, at(end * 1000 / RATE));
        }
        // The remote side is muted at the moment at which the user speaks for the first time.
        let placed: Vec<_> = (1..100).map(|n| timeline.place(Channel::User, 160, at(10_000 + n * 10))).collect();
        let waited = placed.iter().take_while(|placed| placed.waits).count();
        assert!((50..=60).contains(&waited), "two frames of the other side and half a second: {waited}");
        assert!(timeline.lanes.user.position.abs_diff(10 * RATE + 99 * 160) <= 320, "{timeline:?}");
    }

    #[test]
    fn after_a_reconnect_both_sides_jump_by_the_time_that_was_lost() {
        let at_break = PerChannel { user: 10 * RATE, remote: 10 * RATE - 160 };
        let mut timeline = Timeline::new(SampleRate::new(16_000).unwrap(), at_break);
        assert_eq!(timeline.skip(4 * RATE), PerChannel { user: 4 * RATE, remote: 4 * RATE + 160 });
        assert_eq!(timeline.place(Channel::Remote, TEN_MS, at(14_010)), Placement::default());
        assert_eq!(timeline.place(Channel::User, TEN_MS, at(14_012)), Placement::default());
    }
}
