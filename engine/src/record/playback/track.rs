//! What of a call is played.

use std::str::FromStr;

use fourwire_wire::frame::Channel;
use thiserror::Error;

/// Which sides a listener hears, and in which ear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Track {
    /// One side alone: exactly its samples.
    One(Channel),
    /// The user on the left, the remote on the right: both, and still apart.
    #[default]
    Stereo,
    /// Both in one.
    Mix,
}

/// A text names no track.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be 1, 2, stereo or mix")]
pub struct UnknownTrack;

impl Track {
    /// The sides that are heard.
    #[must_use]
    pub const fn channels(self) -> &'static [Channel] {
        match self {
            Self::One(Channel::User) => &[Channel::User],
            Self::One(Channel::Remote) => &[Channel::Remote],
            Self::Stereo | Self::Mix => &Channel::BOTH,
        }
    }

    /// How many channels the file has.
    #[must_use]
    pub const fn file_channels(self) -> u16 {
        match self {
            Self::One(_) | Self::Mix => 1,
            Self::Stereo => 2,
        }
    }
}

impl FromStr for Track {
    type Err = UnknownTrack;

    fn from_str(text: &str) -> Result<Self, UnknownTrack> {
        match text {
            "1" => Ok(Self::One(Channel::User)),
            "2" => Ok(Self::One(Channel::Remote)),
            "stereo" => Ok(Self::Stereo),
            "mix" => Ok(Self::Mix),
            _ => Err(UnknownTrack),
        }
    }
}
