//! Where each frame lies on the call's timeline, found from counts of samples alone.
//!
//! Both channels come over one ordered socket, and a client sends a frame when its last sample is captured. So when a
//! frame of one channel arrives, everything the other channel captured before that moment has arrived too, except what
//! it still holds for its next frame. A channel that is behind by more than that has stopped sending (it is muted), and
//! what is missing is silence. When both stop together nothing can be told apart from a slow network, and nothing is
//! added: the samples come later and find their place by themselves.
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

/// Silence for an absent channel is entered in pieces of at least this many milliseconds.
const STEP_MILLIS: u64 = 100;

/// The two channels' positions, and when each was last heard.
#[derive(Clone, Debug)]
pub struct Timeline {
    rate: SampleRate,
    lanes: PerChannel<Lane>,
    /// When audio last came before the connection that is now open, until its first frame settles the gap between.
    gap_since: Option<UnixMillis>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Lane {
    /// End of what is known: audio and silence together.
    position: u64,
    /// Whether a frame ever came.
    started: bool,
    /// When the last frame came.
    last_at: UnixMillis,
    /// The shortest frame so far.
    shortest: u64,
    /// The longest frame so far.
    longest: u64,
}

impl Lane {
    /// How many samples the client has captured and not sent, when that many have passed since its last frame by the
    /// clock, seen from a channel that sends a frame of `frame`. Where all frames are of one length, it is a whole frame or
    /// none, so the clock only has to say which, and its jitter vanishes. Else the frame that is being filled may be longer
    /// than those before it. In a burst after a stall the clock shows less than the truth, never more.
    fn held_after(&self, passed: u64, frame: u64) -> u64 {
        if self.shortest == self.longest && self.longest == frame {
            return if passed.saturating_mul(2) >= frame { frame } else { 0 };
        }
        passed.min(self.longest.saturating_mul(2))
    }
}

/// What a frame does to the timeline: the silence that goes in before it is placed, in samples at the client's rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// Silence on the frame's own channel, before the frame.
    pub own: u64,
    /// Silence on the other channel.
    pub other: u64,
}

impl Timeline {
    /// A timeline on which each channel already reaches to a position: zero at a call's start, more when a connection
    /// takes up an earlier one, whose last audio came at `gap_since`.
    #[must_use]
    pub fn new(rate: SampleRate, positions: PerChannel<u64>, gap_since: Option<UnixMillis>) -> Self {
        let lane = |position| Lane { position, started: position > 0, ..Lane::default() };
        Self { rate, lanes: PerChannel { user: lane(positions.user), remote: lane(positions.remote) }, gap_since }
    }

    /// Places a frame of `samples` samples that came `now`.
    pub fn place(&mut self, channel: Channel, samples: u64, now: UnixMillis) -> Placement {
        let gap = self.settle_gap(samples, now);
        let (lane, other) = self.lanes.pair_mut(channel);

        let behind = other.position.saturating_sub(lane.position.saturating_add(samples));
        let allowed = if lane.started { samples_in(self.rate, SLACK_MILLIS) } else { 0 };
        let absent = if behind > allowed {
            // The other channel's position is that of its last frame's end; it has captured more since and not sent it.
            let passed = samples_in(self.rate, now.since(other.last_at));
            behind.saturating_add(other.held_after(passed, samples))
        } else {
            0
        };
        lane.position = lane.position.saturating_add(absent).saturating_add(samples);
        lane.started = true;
        lane.last_at = now;
        lane.shortest = if lane.longest == 0 { samples } else { lane.shortest.min(samples) };
        lane.longest = lane.longest.max(samples);

        let lag = lane.position.saturating_sub(other.position);
        let certain = lag.saturating_sub(longest_wait(self.rate));
        let entered = if certain >= samples_in(self.rate, STEP_MILLIS) { certain } else { 0 };
        other.position = other.position.saturating_add(entered);

        let (own_gap, other_gap) = gap.map_or((0, 0), |gap| (*gap.get(channel), *gap.get(channel.other())));
        Placement { own: own_gap.saturating_add(absent), other: other_gap.saturating_add(entered) }
    }

    /// How far the channel that is ahead reaches.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.lanes.user.position.max(self.lanes.remote.position)
    }

    /// The first frame after a reconnect: what the client lost meanwhile lasted as long as the clock says, on both sides.
    fn settle_gap(&mut self, samples: u64, now: UnixMillis) -> Option<PerChannel<u64>> {
        let since = self.gap_since.take()?;
        let target = self.end().saturating_add(samples_in(self.rate, now.since(since))).saturating_sub(samples);
        Some(PerChannel::from_fn(|channel| {
            let lane = self.lanes.get_mut(channel);
            let missing = target.saturating_sub(lane.position);
            lane.position = lane.position.saturating_add(missing);
            lane.started = true;
            missing
        }))
    }
}

/// Samples in a number of milliseconds at a rate.
fn samples_in(rate: SampleRate, millis: u64) -> u64 {
    millis.saturating_mul(u64::from(rate.hz())) / 1000
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
        Timeline::new(SampleRate::new(16_000).unwrap(), PerChannel::default(), None)
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

    #[test]
    fn after_a_reconnect_both_sides_jump_by_the_time_that_was_lost() {
        let at_break = PerChannel { user: 10 * RATE, remote: 10 * RATE };
        let mut timeline = Timeline::new(SampleRate::new(16_000).unwrap(), at_break, Some(at(10_000)));
        let placed = timeline.place(Channel::Remote, TEN_MS, at(14_010));
        assert_eq!(placed, Placement { own: 4 * RATE, other: 4 * RATE });
        assert_eq!(timeline.place(Channel::User, TEN_MS, at(14_012)), Placement::default());
    }
}
