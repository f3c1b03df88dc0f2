//! Audio that the server does not have for good yet, with its place on the call's timeline.

use std::collections::VecDeque;

use fourwire_wire::frame::{Channel, Frame, PerChannel};
use fourwire_wire::units::{SAMPLES_PER_SECOND, Samples};

/// The longest audio that is kept, in samples: 90 s, 2.9 MB a side. It outlasts the whole retry budget (31 s of waiting and five
/// attempts) and what was not acknowledged before it. At the bound the oldest goes, and the server enters silence for it.
pub const MOST: u64 = 90 * 16_000;
/// A frame, in samples: 100 ms. The platform bills by the message, and a caption is not seen to be later.
const FRAME: u64 = 1_600;

const _: () = assert!(SAMPLES_PER_SECOND == 16_000);

/// What is kept of both sides, and how much of it was sent on the connection there is.
#[derive(Debug, Default)]
pub struct Buffer {
    sides: PerChannel<Side>,
    /// The frame that was last asked for.
    frame: Vec<u8>,
    /// Something that was to be sent had to go: the server has to be told where the rest begins.
    skipped: bool,
}

#[derive(Debug, Default)]
struct Side {
    kept: VecDeque<i16>,
    /// Where what is kept begins.
    from: u64,
    /// Up to where it was sent.
    sent: u64,
}

impl Side {
    fn end(&self) -> u64 {
        self.from.saturating_add(u64::try_from(self.kept.len()).unwrap_or_default())
    }

    fn let_go(&mut self, until: u64) {
        let count = until.min(self.end()).saturating_sub(self.from);
        self.kept.drain(..usize::try_from(count).unwrap_or_default());
        self.from = self.from.saturating_add(count);
    }
}

impl Buffer {
    /// A call whose audio begins at a position: that of a call that another page has begun.
    pub fn begin_at(&mut self, position: Samples) {
        for channel in Channel::BOTH {
            let side = self.sides.get_mut(channel);
            side.from = side.from.saturating_add(position.get());
            side.sent = side.sent.saturating_add(position.get());
        }
    }

    /// Takes what was captured.
    pub fn push(&mut self, samples: &PerChannel<Vec<i16>>) {
        for channel in Channel::BOTH {
            let side = self.sides.get_mut(channel);
            side.kept.extend(samples.get(channel));
            side.let_go(side.end().saturating_sub(MOST));
            if side.sent < side.from {
                side.sent = side.from;
                self.skipped = true;
            }
        }
    }

    /// The server has this much for good.
    pub fn let_go(&mut self, stored: &PerChannel<Samples>) {
        for channel in Channel::BOTH {
            let side = self.sides.get_mut(channel);
            // What was not sent cannot be stored.
            side.let_go(stored.get(channel).get().min(side.sent));
        }
    }

    /// The server holds this much, or is to go on as if it did: from there on all is sent again. Returns where that is, which is
    /// later where the audio is not kept any more.
    pub fn rewind(&mut self, held: &PerChannel<Samples>) -> PerChannel<Samples> {
        self.skipped = false;
        PerChannel::from_fn(|channel| {
            let side = self.sides.get_mut(channel);
            side.sent = held.get(channel).get().clamp(side.from, side.end());
            Samples::new(side.sent)
        })
    }

    /// Where what is sent next begins, if something before it had to go.
    pub fn skipped(&mut self) -> Option<PerChannel<Samples>> {
        std::mem::take(&mut self.skipped)
            .then(|| PerChannel::from_fn(|channel| Samples::new(self.sides.get(channel).sent)))
    }

    /// The next frame to send, the side that is behind first; with `rest`, also one that is not full.
    pub fn next_frame(&mut self, rest: bool) -> Option<&[u8]> {
        let behind = |channel: &Channel| self.sides.get(*channel).sent;
        let channel = Channel::BOTH.into_iter().min_by_key(behind)?;
        let channel = if self.waiting(channel) == 0 { channel.other() } else { channel };
        let count = self.waiting(channel).min(FRAME);
        if count == 0 || (count < FRAME && !rest) {
            return None;
        }
        let side = self.sides.get_mut(channel);
        let start = usize::try_from(side.sent.saturating_sub(side.from)).ok()?;
        let end = start.saturating_add(usize::try_from(count).ok()?);
        Frame::write(channel, side.kept.range(start..end).copied(), &mut self.frame);
        side.sent = side.sent.saturating_add(count);
        Some(&self.frame)
    }

    fn waiting(&self, channel: Channel) -> u64 {
        let side = self.sides.get(channel);
        side.end().saturating_sub(side.sent)
    }

    /// Whether there is nothing left to send.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        Channel::BOTH.into_iter().all(|channel| self.waiting(channel) == 0)
    }

    /// Where the timeline ends, which is the same on both sides.
    #[must_use]
    pub fn end(&self) -> Samples {
        Samples::new(self.sides.user.end())
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    /// Samples that tell their own position, modulo 30,000.
    fn numbered(from: u64, count: u64) -> PerChannel<Vec<i16>> {
        let samples: Vec<i16> = (from..from + count).map(|n| i16::try_from(n % 30_000).unwrap()).collect();
        PerChannel { user: samples.clone(), remote: samples }
    }

    fn positions(user: u64, remote: u64) -> PerChannel<Samples> {
        PerChannel { user: Samples::new(user), remote: Samples::new(remote) }
    }

    fn frame(buffer: &mut Buffer, rest: bool) -> Option<(Channel, Vec<i16>)> {
        let Frame::Audio { channel, pcm } = Frame::parse(buffer.next_frame(rest)?) else { panic!("audio") };
        Some((channel, pcm.samples().collect()))
    }

    #[test]
    fn frames_are_100_ms_and_alternate_between_the_sides() {
        let mut buffer = Buffer::default();
        buffer.push(&numbered(0, 3_300));
        let mut seen = Vec::new();
        while let Some((channel, samples)) = frame(&mut buffer, false) {
            seen.push((channel, samples[0], samples.len()));
        }
        let expected = [0, 1_600].map(|at| [(Channel::User, at, 1_600), (Channel::Remote, at, 1_600)]);
        assert_eq!(seen, expected.concat());
        assert!(!buffer.is_sent());
        assert_eq!(frame(&mut buffer, true).unwrap().1.len(), 100, "at the end the rest goes too");
        assert_eq!(frame(&mut buffer, true).unwrap().0, Channel::Remote);
        assert!(buffer.is_sent());
    }

    #[test]
    fn what_the_server_lost_is_sent_again_and_what_it_has_is_let_go() {
        let mut buffer = Buffer::default();
        buffer.push(&numbered(0, 16_000));
        while buffer.next_frame(true).is_some() {}
        buffer.let_go(&positions(4_800, 3_200));
        assert_eq!(buffer.rewind(&positions(8_000, 1_600)), positions(8_000, 3_200), "the remote side's start is gone");
        assert_eq!(frame(&mut buffer, false).unwrap(), (Channel::Remote, numbered(3_200, 1_600).remote));
        buffer.rewind(&positions(99_999, 99_999));
        assert!(buffer.is_sent(), "it cannot hold what was not captured");
    }

    #[test]
    fn it_never_keeps_more_than_its_bound_and_says_where_the_rest_begins() {
        let mut buffer = Buffer::default();
        for second in 0..100 {
            buffer.push(&numbered(second * 16_000, 16_000));
        }
        assert_eq!(buffer.end(), Samples::new(1_600_000));
        assert_eq!(buffer.skipped(), Some(positions(160_000, 160_000)));
        assert_eq!(buffer.skipped(), None, "it is told once");
        assert_eq!(frame(&mut buffer, false).unwrap().1, numbered(160_000, 1_600).user);
        assert!(buffer.sides.user.kept.capacity() < 2 * 1_440_000 + 16_000);
    }

    #[test]
    fn nothing_is_let_go_that_was_not_sent() {
        let mut buffer = Buffer::default();
        buffer.push(&numbered(0, 16_000));
        buffer.let_go(&positions(16_000, 16_000));
        assert_eq!(frame(&mut buffer, false).unwrap().1, numbered(0, 1_600).user);
    }

    #[test]
    fn a_call_that_another_page_has_begun_goes_on_where_that_page_stopped() {
        let mut buffer = Buffer::default();
        buffer.push(&numbered(0, 1_600));
        buffer.begin_at(Samples::new(80_000));
        assert_eq!(buffer.rewind(&positions(80_000, 79_000)), positions(80_000, 80_000));
        assert_eq!(buffer.end(), Samples::new(81_600));
    }
}
