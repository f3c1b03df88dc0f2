//! How audio gets from the phone to the edge: how fast, in which frames, with which gaps.

use std::time::Duration;

use fourwire_wire::frame::{Channel, MAX_PAYLOAD_BYTES, PerChannel};

/// What the app sends in one frame.
const APP_FRAME: Duration = Duration::from_millis(10);

/// One of so many frames of random sizes is a keepalive.
const KEEPALIVE_ONE_IN: u64 = 16;

/// How a recording is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// 1: in real time; 2: twice as fast; infinity: as fast as the socket takes it.
    pub speed: f64,
    /// How big the frames are.
    pub frames: Frames,
    /// When a side sends nothing: its samples of that time are never sent.
    pub mutes: Vec<Mute>,
    /// When the network stands still: what is due meanwhile is sent at once afterwards.
    pub stalls: Vec<Stall>,
}

impl Default for Delivery {
    fn default() -> Self {
        Self { speed: 1.0, frames: Frames::Length(APP_FRAME), mutes: Vec::new(), stalls: Vec::new() }
    }
}

impl Delivery {
    /// As fast as the socket takes it, else like the app.
    #[must_use]
    pub fn unpaced() -> Self {
        Self { speed: f64::INFINITY, ..Self::default() }
    }
}

/// How big frames are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frames {
    /// All of one length; the app's are 10 ms.
    Length(Duration),
    /// From one sample to 64 KiB, all magnitudes alike, each channel for itself, with keepalives between; the same for the
    /// same seed.
    Random {
        /// Where the sizes begin.
        seed: u64,
    },
}

/// A side that sends nothing for some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mute {
    /// Which side.
    pub channel: Channel,
    /// From when on, in the recording's time.
    pub from: Duration,
    /// Until when.
    pub until: Duration,
}

/// A network that stands still, then delivers all at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall {
    /// From when on, in the recording's time.
    pub from: Duration,
    /// Until when.
    pub until: Duration,
}

/// One frame: samples `start..end` of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Planned {
    pub channel: Channel,
    pub start: usize,
    pub end: usize,
}

impl Delivery {
    /// All frames, in the order in which their last sample is captured: that is when the app has them.
    pub(super) fn plan(&self, lengths: PerChannel<usize>, sample_rate: u32) -> Vec<Planned> {
        let mut frames: Vec<Planned> = Channel::BOTH
            .into_iter()
            .flat_map(|channel| self.cut(channel, *lengths.get(channel), sample_rate))
            .collect();
        frames.sort_by_key(|frame| (frame.end, frame.channel));
        frames
    }

    /// When, in the recording's time, a frame that ends there is sent.
    pub(super) fn due(&self, end: Duration) -> Duration {
        let stalled = self.stalls.iter().filter(|stall| (stall.from..stall.until).contains(&end));
        stalled.map(|stall| stall.until).max().unwrap_or(end)
    }

    fn cut(&self, channel: Channel, length: usize, sample_rate: u32) -> Vec<Planned> {
        let samples = |time: Duration| samples(time, sample_rate);
        let mutes: Vec<_> = self
            .mutes
            .iter()
            .filter(|mute| mute.channel == channel)
            .map(|mute| samples(mute.from)..samples(mute.until))
            .collect();
        let mut sizes = Sizes::new(self.frames, channel, sample_rate);
        let mut frames = Vec::new();
        let mut start = 0;
        while start < length {
            if let Some(mute) = mutes.iter().find(|mute| mute.contains(&start)) {
                start = mute.end;
                continue;
            }
            let mute = mutes.iter().map(|mute| mute.start).filter(|muted| *muted > start).min().unwrap_or(length);
            let end = (start + sizes.next()).min(mute).min(length);
            frames.push(Planned { channel, start, end });
            start = end;
        }
        frames
    }
}

/// How many samples a time is.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "hours at most, never negative")]
fn samples(time: Duration, sample_rate: u32) -> usize {
    (time.as_secs_f64() * f64::from(sample_rate)).round() as usize
}

/// The sizes of a channel's frames, in samples.
enum Sizes {
    Fixed(usize),
    Random(u64),
}

impl Sizes {
    fn new(frames: Frames, channel: Channel, sample_rate: u32) -> Self {
        match frames {
            Frames::Length(length) => Self::Fixed(samples(length, sample_rate).clamp(1, MAX_PAYLOAD_BYTES / 2)),
            Frames::Random { seed } => Self::Random(seed ^ u64::from(channel.byte()) << 56),
        }
    }

    fn next(&mut self) -> usize {
        let state = match self {
            Self::Fixed(size) => return *size,
            Self::Random(state) => state,
        };
        // SplitMix64 (Steele, Lea and Flood 2014): a few lines, good enough, and the same on every machine.
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // A frame without samples is the channel byte alone, which is a keepalive.
        if (mixed >> 16).is_multiple_of(KEEPALIVE_ONE_IN) {
            return 0;
        }
        // A magnitude of 1 to 2^14 samples, and a place within it: up to 2^15 samples, 64 KiB.
        let magnitude = 1_usize << (mixed % 15);
        let place = usize::try_from(mixed >> 32).unwrap_or_default() % (magnitude + 1);
        magnitude + place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 48_000;

    fn both(length: usize) -> PerChannel<usize> {
        PerChannel { user: length, remote: length }
    }

    #[test]
    fn like_the_app_both_channels_alternate_in_frames_of_960_bytes() {
        let plan = Delivery::default().plan(both(1_440), RATE);
        let shown: Vec<_> = plan.iter().map(|frame| (frame.channel.byte(), frame.start, frame.end)).collect();
        assert_eq!(shown, [(1, 0, 480), (2, 0, 480), (1, 480, 960), (2, 480, 960), (1, 960, 1440), (2, 960, 1440)]);
    }

    #[test]
    fn random_frames_cover_everything_once_and_leave_in_the_order_of_capture() {
        let delivery = Delivery { frames: Frames::Random { seed: 7 }, ..Delivery::default() };
        let plan = delivery.plan(both(480_000), RATE);
        assert_eq!(plan, delivery.plan(both(480_000), RATE), "the same seed gives the same frames");
        assert!(plan.is_sorted_by_key(|frame| frame.end));
        for channel in Channel::BOTH {
            let mut at = 0;
            for frame in plan.iter().filter(|frame| frame.channel == channel) {
                assert!(frame.start == at && frame.end >= at && (frame.end - at) * 2 <= MAX_PAYLOAD_BYTES);
                at = frame.end;
            }
            assert_eq!(at, 480_000);
        }
        let sizes = || plan.iter().map(|frame| frame.end - frame.start);
        assert!(sizes().any(|size| size == 0) && sizes().any(|size| (1..4).contains(&size)));
        assert!(sizes().max() > Some(8_000));
    }

    #[test]
    fn a_muted_side_leaves_out_just_its_samples() {
        let mute = Mute { channel: Channel::Remote, from: Duration::from_millis(15), until: Duration::from_millis(35) };
        let plan = Delivery { mutes: vec![mute], ..Delivery::default() }.plan(both(2_400), RATE);
        let of = |channel| {
            let frames = plan.iter().filter(move |frame| frame.channel == channel);
            frames.map(|frame| frame.start..frame.end).collect::<Vec<_>>()
        };
        assert_eq!(of(Channel::Remote), [0..480, 480..720, 1_680..2_160, 2_160..2_400]);
        assert_eq!(of(Channel::User).len(), 5);
    }

    #[test]
    fn a_stall_holds_frames_back_and_lets_them_go_together() {
        let [from, until] = [2, 5].map(Duration::from_secs);
        let delivery = Delivery { stalls: vec![Stall { from, until }], ..Delivery::default() };
        assert_eq!(delivery.due(Duration::from_millis(1_999)), Duration::from_millis(1_999));
        assert_eq!(delivery.due(from), until);
        assert_eq!(delivery.due(Duration::from_millis(4_999)), until);
        assert_eq!(delivery.due(until), until);
    }
}
