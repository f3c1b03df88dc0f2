//! Playback: a conversation's chunks become one WAV file, of which any part can be had.
//!
//! Like the session, it does no I/O. Its owner carries out one [`Step`] after the other:
//!
//! ```text
//!   Step::Send(bytes)    send them
//!   Step::Read(read)     read this part of this object, and pass it to `handle_read`
//!   Step::End            that was all
//! ```
//!
//! How long the file is, and where everything in it is, follows from the chunks' names: nothing is read but what is sent.
//! Held are at most two records a side, whatever the length: the sides' records do not end at the same samples, so what is
//! left of one waits for the next of the other. Where nothing was recorded, there is silence.

mod lane;
mod range;
mod track;

use std::ops::Range;

use fourwire_wire::frame::{Channel, Pcm, PerChannel};
use fourwire_wire::units::Samples;
use thiserror::Error;

pub use range::Conditions;
use sha2::{Digest, Sha256};
pub use track::{Track, UnknownTrack};

use self::lane::Lane;
use self::range::Asked;
use super::{ChunkName, ChunkSpan, Folder, chunk};
use crate::audio::wav::{self, TooLong};
use crate::audio::{SampleRate, mix};
use crate::vault::{ConversationKey, OpenError};

/// Longest part that is sent at once: 5 s, as a chunk has.
const PART: Samples = Samples::from_millis(5_000);
/// Bytes of a sample: PCM16.
const SAMPLE_BYTES: u64 = 2;

/// Why a conversation cannot be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PlaybackError {
    /// Its chunks are not in the order of time.
    #[error("has chunks that are not in the order of time")]
    Order,
    /// It does not fit into a WAV file.
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send these bytes.
    Send(Vec<u8>),
    /// Read this and pass it to [`Playback::handle_read`].
    Read(Read),
    /// Nothing: all is sent.
    End,
}

/// A part of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// The object's name.
    pub object: String,
    /// The first byte.
    pub offset: u64,
    /// How many bytes.
    pub length: u64,
}

/// An answer to a request for a conversation's audio, and the way to its bytes.
#[derive(Debug)]
pub struct Playback {
    key: ConversationKey,
    folder: Folder,
    chunks: Vec<ChunkSpan>,
    track: Track,
    header: Vec<u8>,
    /// Length of the whole file.
    total: u64,
    etag: String,
    asked: Asked,
    /// What of the file is still to be sent.
    rest: Range<u64>,
    lanes: PerChannel<Lane>,
    reading: Option<Reading>,
}

/// What is being read.
#[derive(Debug)]
struct Reading {
    name: ChunkName,
    /// For whom; in the order of the records.
    channels: Vec<Channel>,
    part: Range<usize>,
}

impl Playback {
    /// The answer to a request for a track, with what the request's headers say of it. The chunks are those of the
    /// conversation's folder, sorted by name.
    ///
    /// # Errors
    /// [`PlaybackError`] where the chunks make no file.
    pub fn new(
        key: ConversationKey,
        folder: Folder,
        chunks: Vec<ChunkSpan>,
        track: Track,
        conditions: &Conditions<'_>,
    ) -> Result<Self, PlaybackError> {
        let is_ordered = chunks.is_sorted_by(|a, b| a.user.start <= b.user.start && a.remote.start <= b.remote.start);
        if !is_ordered {
            return Err(PlaybackError::Order);
        }
        let ends = track.channels().iter().flat_map(|&channel| chunks.iter().map(move |span| span.get(channel).end));
        let frames = ends.max().unwrap_or_default().get();
        let header = wav::header(track.file_channels(), SampleRate::INTERNAL, frames)?;
        let total = wav::HEADER_BYTES + frames * frame_bytes(track);
        let etag = etag(&folder, &chunks, track);
        let asked = Asked::parse(conditions, total, &etag);
        let rest = match &asked {
            Asked::Whole => 0..total,
            Asked::Part(part) => part.clone(),
            Asked::Head | Asked::Nothing | Asked::Unchanged | Asked::Another => 0..0,
        };
        let lanes = PerChannel::from_fn(Lane::new);
        Ok(Self { key, folder, chunks, track, header, total, etag, asked, rest, lanes, reading: None })
    }

    /// The answer's HTTP status: 200, 206 for a part, 304 for who has the file, 412 for who wants another one than this, 416
    /// for a part that the file does not have.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self.asked {
            Asked::Whole | Asked::Head => 200,
            Asked::Part(_) => 206,
            Asked::Unchanged => 304,
            Asked::Another => 412,
            Asked::Nothing => 416,
        }
    }

    /// The value of the answer's header `ETag`, a strong validator: it differs where a byte of the file does.
    #[must_use]
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// The value of the answer's header `Content-Length`; none where the answer says nothing of a body. It is the length of
    /// what is sent, or to `HEAD` of what `GET` would send.
    #[must_use]
    pub const fn content_length(&self) -> Option<u64> {
        match &self.asked {
            Asked::Whole | Asked::Head => Some(self.total),
            Asked::Part(part) => Some(part.end.saturating_sub(part.start)),
            Asked::Nothing | Asked::Another => Some(0),
            Asked::Unchanged => None,
        }
    }

    /// The value of the answer's header `Content-Range`, where it has one.
    #[must_use]
    pub fn content_range(&self) -> Option<String> {
        match &self.asked {
            Asked::Whole | Asked::Head | Asked::Unchanged | Asked::Another => None,
            Asked::Part(part) => Some(format!("bytes {}-{}/{}", part.start, part.end.saturating_sub(1), self.total)),
            Asked::Nothing => Some(format!("bytes */{}", self.total)),
        }
    }

    /// How many bytes are still to be sent.
    #[must_use]
    pub const fn remaining(&self) -> u64 {
        self.rest.end.saturating_sub(self.rest.start)
    }

    /// The next step. While a read is awaited, it is that read again.
    pub fn poll(&mut self) -> Step {
        if let Some(reading) = &self.reading {
            return Step::Read(reading.read());
        }
        if self.rest.is_empty() {
            return Step::End;
        }
        let Some(into_audio) = self.rest.start.checked_sub(wav::HEADER_BYTES) else {
            let [from, until] = [self.rest.start, self.rest.end.min(wav::HEADER_BYTES)];
            let part = to_usize(from)..to_usize(until);
            self.rest.start = until;
            return Step::Send(self.header.get(part).unwrap_or_default().to_vec());
        };
        let frame = frame_bytes(self.track);
        let at = Samples::new(into_audio / frame);
        // The frame behind the last one of which a byte is wanted.
        let end = Samples::new(self.rest.end.saturating_sub(wav::HEADER_BYTES).div_ceil(frame));
        for &channel in self.track.channels() {
            self.lanes.get_mut(channel).seek(&self.chunks, at);
        }
        if let Some(reading) = self.missing(at, end) {
            return Step::Read(self.reading.insert(reading).read());
        }
        let changes = self.track.channels().iter().filter_map(|&side| self.lanes.get(side).change(&self.chunks, at));
        let until = changes.fold(end.min(at + PART), Samples::min);
        let mut bytes = self.heard(at, until);
        bytes.truncate(to_usize((into_audio % frame).saturating_add(self.remaining())));
        bytes.drain(..to_usize(into_audio % frame).min(bytes.len()));
        self.rest.start += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Step::Send(bytes)
    }

    /// Takes the bytes of the read that the last step asked for. After an error nothing more can be had.
    ///
    /// # Errors
    /// [`OpenError`] where they are not what was stored.
    pub fn handle_read(&mut self, stored: &[u8]) -> Result<(), OpenError> {
        let Some(Reading { name, channels, part }) = &self.reading else { return Ok(()) };
        if stored.len() != part.len() {
            return Err(OpenError::Format);
        }
        let mut rest = stored;
        for &channel in channels {
            let length = chunk::record_range(&name.span(), channel).len();
            let (record, others) = rest.split_at_checked(length).ok_or(OpenError::Format)?;
            let pcm = chunk::open_record(&self.key, name, channel, record)?;
            self.lanes.get_mut(channel).take(&self.chunks, pcm);
            rest = others;
        }
        self.reading = None;
        Ok(())
    }

    /// What must be read before the moment can be heard: a chunk's record for the side that lacks it, and with it the other
    /// side's, if that is next there too.
    fn missing(&self, at: Samples, end: Samples) -> Option<Reading> {
        let lack = |&channel: &Channel| Some((channel, self.lanes.get(channel).missing(&self.chunks, at)?));
        let (lacking, index) = self.track.channels().iter().find_map(lack)?;
        let span = *self.chunks.get(index)?;
        let is_read =
            |&channel: &Channel| channel == lacking || self.lanes.get(channel).takes(&self.chunks, index, end);
        let channels: Vec<_> = self.track.channels().iter().copied().filter(is_read).collect();
        let parts = channels.iter().map(|&channel| chunk::record_range(&span, channel));
        let part = parts.reduce(|first, second| first.start..second.end)?;
        Some(Reading { name: ChunkName::new(&self.folder, span), channels, part })
    }

    /// The file's audio between two moments, between which no side changes.
    fn heard(&self, from: Samples, until: Samples) -> Vec<u8> {
        let frames = to_usize(until.saturating_sub(from).get());
        let mut audio = vec![0; frames.saturating_mul(to_usize(frame_bytes(self.track)))];
        for &channel in self.track.channels() {
            let Some(pcm) = self.lanes.get(channel).heard(from, until) else { continue };
            if self.track == Track::Stereo {
                weave(&mut audio, channel, pcm);
            } else {
                mix::add(&mut audio, Pcm::new(pcm));
            }
        }
        audio
    }

    /// Bytes of audio that are open.
    #[cfg(test)]
    fn held_bytes(&self) -> usize {
        self.lanes.user.held_bytes() + self.lanes.remote.held_bytes()
    }
}

impl Reading {
    fn read(&self) -> Read {
        let [offset, length] = [self.part.start, self.part.len()].map(|bytes| u64::try_from(bytes).unwrap_or(u64::MAX));
        Read { object: self.name.to_string(), offset, length }
    }
}

/// What tells a file from every other one: whose conversation it is of, which track, and which stretches are stored. Chunks are
/// written once, and sealed anew without another byte of audio, so the same names mean the same bytes. A call that goes on
/// after it was finished gets more of them.
fn etag(folder: &Folder, chunks: &[ChunkSpan], track: Track) -> String {
    let kind: u8 = match track {
        Track::One(Channel::User) => 1,
        Track::One(Channel::Remote) => 2,
        Track::Stereo => 3,
        Track::Mix => 4,
    };
    let mut hash = Sha256::new_with_prefix("fourwire/v1/wav").chain_update([kind]);
    // No prefix has a zero byte.
    hash.update(folder.prefix());
    hash.update([0]);
    for span in chunks {
        for at in [span.user.start, span.user.end, span.remote.start, span.remote.end] {
            hash.update(at.get().to_be_bytes());
        }
    }
    let tag = hash.finalize();
    let hex = tag.get(..16).map(base16ct::lower::encode_string).unwrap_or_default();
    format!("\"{hex}\"")
}

/// Puts one side's samples into its ear of a stereo track.
fn weave(audio: &mut [u8], channel: Channel, pcm: &[u8]) {
    let frames = audio.as_chunks_mut::<4>().0.iter_mut();
    for ([left, left_high, right, right_high], [low, high]) in frames.zip(pcm.as_chunks::<2>().0) {
        match channel {
            Channel::User => (*left, *left_high) = (*low, *high),
            Channel::Remote => (*right, *right_high) = (*low, *high),
        }
    }
}

/// Which bytes of a track's file tell of some of its chunks, given by their places in the order of time. Ranges that join give bytes
/// that join: the first has the file's head, the last its end.
#[must_use]
pub fn bytes_of(chunks: &[ChunkSpan], track: Track, range: &Range<usize>) -> Range<u64> {
    let end_of = |count: usize| {
        let told = chunks.iter().take(count);
        let ends = told.flat_map(|span| track.channels().iter().map(|&channel| span.get(channel).end));
        wav::HEADER_BYTES + ends.max().unwrap_or_default().get() * frame_bytes(track)
    };
    let start = if range.start == 0 { 0 } else { end_of(range.start) };
    start..end_of(range.end)
}

const fn frame_bytes(track: Track) -> u64 {
    match track {
        Track::One(_) | Track::Mix => SAMPLE_BYTES,
        Track::Stereo => 2 * SAMPLE_BYTES,
    }
}

/// For lengths of what is in memory.
fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
