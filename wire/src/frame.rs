//! Binary messages: one byte that names the channel, then that channel's PCM.
//!
//! `[0x01 user | 0x02 remote][PCM16 little-endian …]`. There is no time, number or length in a frame: the socket's order
//! and the count of samples give every sample its place.

use serde::{Deserialize, Serialize};

/// Largest payload of one frame, without the channel byte. At 8 kHz it is 4.1 s of audio; the peer's app sends 960 bytes.
pub const MAX_PAYLOAD_BYTES: usize = 64 * 1024;

/// A message of this many bytes or fewer carries no audio and only shows that the client is alive.
pub const KEEPALIVE_MAX_BYTES: usize = 2;

/// One side of the call. It is known from the microphone on and is never guessed, merged or moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum Channel {
    /// Channel 1: the microphone of the user who placed the call.
    User,
    /// Channel 2: the party that was called.
    Remote,
}

impl Channel {
    /// Both channels, in the order of their numbers.
    pub const BOTH: [Self; 2] = [Self::User, Self::Remote];

    /// The channel's byte in a frame.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::User => 1,
            Self::Remote => 2,
        }
    }

    /// The channel that a frame's first byte names.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::User),
            2 => Some(Self::Remote),
            _ => None,
        }
    }

    /// The other side of the call.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::User => Self::Remote,
            Self::Remote => Self::User,
        }
    }
}

impl From<Channel> for u8 {
    fn from(channel: Channel) -> Self {
        channel.byte()
    }
}

impl TryFrom<u8> for Channel {
    type Error = &'static str;

    fn try_from(byte: u8) -> Result<Self, Self::Error> {
        Self::from_byte(byte).ok_or("a channel is 1 or 2")
    }
}

/// One value for each channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerChannel<T> {
    /// Channel 1's.
    pub user: T,
    /// Channel 2's.
    pub remote: T,
}

impl<T> PerChannel<T> {
    /// Makes both values by asking for each.
    pub fn from_fn(mut make: impl FnMut(Channel) -> T) -> Self {
        Self { user: make(Channel::User), remote: make(Channel::Remote) }
    }

    /// The value of one channel.
    pub const fn get(&self, channel: Channel) -> &T {
        match channel {
            Channel::User => &self.user,
            Channel::Remote => &self.remote,
        }
    }

    /// The value of one channel, to be changed.
    pub const fn get_mut(&mut self, channel: Channel) -> &mut T {
        match channel {
            Channel::User => &mut self.user,
            Channel::Remote => &mut self.remote,
        }
    }

    /// One channel's value and the other's, in this order.
    pub const fn pair_mut(&mut self, channel: Channel) -> (&mut T, &mut T) {
        match channel {
            Channel::User => (&mut self.user, &mut self.remote),
            Channel::Remote => (&mut self.remote, &mut self.user),
        }
    }
}

/// Whole samples of 16-bit little-endian PCM, borrowed from the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pcm<'a>(&'a [u8]);

impl<'a> Pcm<'a> {
    /// Takes the whole samples of `bytes`; half a sample at the end is left out.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes.as_chunks::<2>().0.as_flattened())
    }

    /// Number of samples.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.len() / 2
    }

    /// Whether there is no sample at all.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The samples' bytes, an even number of them.
    #[must_use]
    pub const fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// The samples.
    pub fn samples(self) -> impl ExactSizeIterator<Item = i16> + Clone + 'a {
        self.0.as_chunks::<2>().0.iter().copied().map(i16::from_le_bytes)
    }
}

/// What a binary message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// Audio of one channel; a half sample at the end of the message is left out.
    Audio {
        /// Whose audio it is.
        channel: Channel,
        /// The audio, at the rate that the query named.
        pcm: Pcm<'a>,
    },
    /// Two bytes or fewer: the client is alive and says nothing.
    Keepalive,
    /// A channel nobody has; the frame is left out, as the peer's server does.
    UnknownChannel,
    /// More than [`MAX_PAYLOAD_BYTES`] of audio: none of it is taken, and the socket is closed with
    /// [`crate::event::close::TOO_BIG`].
    TooBig,
}

impl<'a> Frame<'a> {
    /// Reads one binary message, without copying it.
    #[must_use]
    pub fn parse(message: &'a [u8]) -> Self {
        if message.len() <= KEEPALIVE_MAX_BYTES {
            return Self::Keepalive;
        }
        let Some((&byte, payload)) = message.split_first() else { return Self::Keepalive };
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Self::TooBig;
        }
        match Channel::from_byte(byte) {
            Some(channel) => Self::Audio { channel, pcm: Pcm::new(payload) },
            None => Self::UnknownChannel,
        }
    }

    /// Writes one frame into `out` (cleared first), for a client that sends.
    pub fn write(channel: Channel, samples: impl IntoIterator<Item = i16>, out: &mut Vec<u8>) {
        out.clear();
        out.push(channel.byte());
        out.extend(samples.into_iter().flat_map(i16::to_le_bytes));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn two_bytes_or_fewer_are_a_keepalive_whatever_they_say() {
        for message in [&[][..], &[1], &[1, 0], &[9, 9]] {
            assert_eq!(Frame::parse(message), Frame::Keepalive);
        }
    }

    #[test]
    fn half_a_sample_at_the_end_is_left_out() {
        let Frame::Audio { channel, pcm } = Frame::parse(&[2, 0x34, 0x12, 0xff]) else { panic!("audio") };
        assert_eq!(channel, Channel::Remote);
        assert_eq!(pcm.samples().collect::<Vec<_>>(), [0x1234]);
    }

    #[test]
    fn unknown_channels_are_told_apart_from_audio() {
        assert_eq!(Frame::parse(&[0, 1, 2]), Frame::UnknownChannel);
        assert_eq!(Frame::parse(&[3, 1, 2, 3, 4]), Frame::UnknownChannel);
    }

    #[test]
    fn the_largest_frame_is_taken_and_one_byte_more_is_not() {
        let mut message = vec![0; MAX_PAYLOAD_BYTES + 1];
        message[0] = 1;
        assert!(matches!(Frame::parse(&message), Frame::Audio { pcm, .. } if pcm.len() == MAX_PAYLOAD_BYTES / 2));
        message.push(0);
        assert_eq!(Frame::parse(&message), Frame::TooBig);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(samples in proptest::collection::vec(any::<i16>(), 1..2000)) {
            let mut message = Vec::new();
            Frame::write(Channel::User, samples.iter().copied(), &mut message);
            let Frame::Audio { channel, pcm } = Frame::parse(&message) else { panic!("audio") };
            prop_assert_eq!(channel, Channel::User);
            prop_assert_eq!(pcm.samples().collect::<Vec<_>>(), samples);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(message in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = Frame::parse(&message);
        }
    }
}
