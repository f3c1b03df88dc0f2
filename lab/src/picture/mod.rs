//! A finished call on one page: both waveforms, one above the other, with what was said at its time below each.
//!
//! The page is an SVG, since it shows text and lines at any size, opens in every browser and can be searched. It is
//! written by `quick-xml`, as the edge's TwiML is, and not by the `svg` crate: names and words are personal and hostile
//! text, a writer that escapes whatever it is given cannot be broken out of, and the page need not be held as a tree of
//! elements before it is written. There is no PNG: what makes one of an SVG (`resvg`) draws its words with the machine's
//! fonts, or leaves them out where it finds none of those it is asked for, and its 60 crates nearly double the time that
//! the lab takes to build.
//!
//! A call of up to 75 s is one row. A longer one wraps into rows of a minute; where that would be more than
//! [`MAX_ROWS`] rows (after half an hour), rows of 2, 5, 10, 20, 30 or 60 minutes, or more hours. So a page has an upper
//! bound in height and in bytes, whatever the call's length: below 2 MB, also where both sides make noise all the time.
//! Where a row shows minutes, captions that follow each other closely are set together and cut with an ellipsis; all of it
//! is in the transcript.

mod captions;
mod header;
mod page;
mod palette;
mod paper;
mod sound;
mod timeline;
mod typesetting;
mod waveform;
mod words;

use std::io;

use fourwire_wire::frame::{Channel, PerChannel};
use fourwire_wire::segment::WireSegment;
use fourwire_wire::structured::Structured;
use fourwire_wire::units::UnixMillis;
use thiserror::Error;

use captions::Caption;
use page::Page;
pub use sound::{Sound, SoundError};
pub use timeline::MAX_ROWS;
use timeline::Timeline;
use waveform::Waveform;
pub use words::{category, length, moment};

/// The call that is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// What was made of it.
    pub structured: &'a Structured,
    /// When it began: the zero of the segments' times.
    pub began: UnixMillis,
    /// What was said.
    pub segments: &'a [WireSegment],
}

/// Why there is no picture.
#[derive(Debug, Error)]
pub enum PictureError {
    /// A channel's sound cannot be read.
    #[error("the sound of channel {0} cannot be drawn: {1}")]
    Sound(u8, SoundError),
    /// The page cannot be written; it is written to memory, so it always can.
    #[error("the picture cannot be written: {0}")]
    Write(#[from] io::Error),
}

/// Draws a call as an SVG. Where a channel has no sound to draw, its captions are there and the page says so.
///
/// The sounds are read once, from their start to their end, and never held.
///
/// # Errors
/// When a sound is not of its form, or ends before it should.
pub fn draw(call: &Call<'_>, sounds: PerChannel<Option<Sound>>) -> Result<String, PictureError> {
    let captions = PerChannel::from_fn(|channel| Caption::all(call.segments, channel));
    let heard = [&sounds.user, &sounds.remote].into_iter().flatten().map(Sound::seconds);
    let said = captions.user.iter().chain(&captions.remote).map(|caption| caption.end);
    let timeline = Timeline::new(heard.chain(said).fold(0.0, f64::max));

    let waveform = |channel: Channel, sound: Option<Sound>| {
        let read = sound.map(|sound| Waveform::read(sound, &timeline)).transpose();
        read.map_err(|error| PictureError::Sound(channel.byte(), error))
    };
    let waveforms =
        PerChannel { user: waveform(Channel::User, sounds.user)?, remote: waveform(Channel::Remote, sounds.remote)? };
    Ok(Page { call, timeline: &timeline, captions: &captions, waveforms: &waveforms }.write()?)
}
