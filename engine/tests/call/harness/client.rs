//! A simulated client: two people who speak, captured, cut into frames, and sent over a network that may stall.

use std::ops::Range;

use fourwire_wire::frame::{Channel, Frame, PerChannel};

use super::voice::{Said, sound};

/// What the network takes from the client to the session, in milliseconds.
const NETWORK_MILLIS: u64 = 30;

/// A client's whole call. Times are milliseconds from the first moment of capture.
#[derive(Clone, Debug)]
pub struct Client {
    pub rate: u32,
    pub millis: u64,
    pub sides: PerChannel<Side>,
    /// While the network stalls nothing arrives; at the stall's end everything does.
    pub stall: Option<Range<u64>>,
    /// How much later than others each frame arrives, in milliseconds, taken in turn. None overtakes another.
    pub jitter: Vec<u64>,
    /// What is captured meanwhile is lost.
    pub offline: Option<Range<u64>>,
}

/// One side of the call.
#[derive(Clone, Debug)]
pub struct Side {
    pub said: Vec<Said>,
    /// Samples in each frame, taken in turn.
    pub frames: Vec<u32>,
    /// While a side is muted no frame is sent.
    pub muted: Vec<Range<u64>>,
}

impl Client {
    /// A call of `millis` milliseconds in frames of 20 ms, with what each side says.
    pub fn new(rate: u32, millis: u64, user: Vec<Said>, remote: Vec<Said>) -> Self {
        let side = |said| Side { said, frames: vec![rate / 50], muted: Vec::new() };
        let sides = PerChannel { user: side(user), remote: side(remote) };
        Self { rate, millis, sides, stall: None, jitter: vec![0], offline: None }
    }

    /// The frames with the moments of their arrival, in order.
    pub fn frames(&self) -> Vec<(u64, Vec<u8>)> {
        let mut frames: Vec<_> = Channel::BOTH.iter().flat_map(|channel| self.side(*channel)).collect();
        frames.sort_by_key(|(captured, _)| *captured);
        let mut last = 0;
        let arrive = |((captured, frame), jitter): ((u64, Vec<u8>), &u64)| {
            last = last.max(self.arrival(captured) + jitter);
            (last, frame)
        };
        frames.into_iter().zip(self.jitter.iter().cycle()).map(arrive).collect()
    }

    fn arrival(&self, captured: u64) -> u64 {
        let at = captured + NETWORK_MILLIS;
        self.stall.as_ref().filter(|stall| stall.contains(&at)).map_or(at, |stall| stall.end)
    }

    /// A side's frames with the moment at which the last sample of each was captured.
    fn side(&self, channel: Channel) -> Vec<(u64, Vec<u8>)> {
        let side = self.sides.get(channel);
        let sound = sound(&side.said, self.rate, self.millis);
        let mut rest = sound.as_slice();
        let mut captured = 0_u64;
        let mut frames = Vec::new();
        for length in side.frames.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (samples, after) = rest.split_at(usize::try_from(*length).unwrap().min(rest.len()));
            rest = after;
            captured += u64::try_from(samples.len()).unwrap();
            let at = (captured * 1000).div_ceil(u64::from(self.rate));
            // A frame belongs to the moment before its end.
            let moment = at.saturating_sub(1);
            if side.muted.iter().chain(&self.offline).any(|gap| gap.contains(&moment)) {
                continue;
            }
            let mut frame = Vec::new();
            Frame::write(channel, samples.iter().copied(), &mut frame);
            frames.push((at, frame));
        }
        frames
    }
}
