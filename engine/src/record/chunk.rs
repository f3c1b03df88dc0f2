//! A chunk of audio as it is stored: the user's record, then the remote's, each sealed by itself.
//!
//! ```text
//!   sealed(user's PCM) ‖ sealed(remote's PCM)
//! ```
//!
//! The address of each is the object's name and the channel, so neither opens as the other side's, at another time or in
//! another conversation. A side that has nothing in the chunk has no record. How long a record is follows from the chunk's
//! name, so one side can be read without the other.

use std::ops::Range;

use fourwire_wire::frame::{Channel, PerChannel};
use thiserror::Error;

use super::{ChunkName, ChunkSpan, Span};
use crate::vault::{ConversationKey, NONCE_BYTES, OpenError, SEAL_BYTES, SealError};

/// Bytes of a sample: PCM16.
const SAMPLE_BYTES: usize = 2;

/// Why a chunk cannot be sealed. It is our own mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ChunkError {
    /// A side's audio is not as long as the name says.
    #[error("has not the audio that its name tells of")]
    Length,
    /// A record is longer than AES-GCM takes.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Seals both sides' audio (PCM16, little-endian, 16 kHz) as the content of the object of this name. The nonces must be
/// random and used for nothing else.
///
/// # Errors
/// [`ChunkError`] where the audio and the name do not belong together.
pub fn seal(
    key: &ConversationKey,
    name: &ChunkName,
    nonces: PerChannel<[u8; NONCE_BYTES]>,
    pcm: PerChannel<&[u8]>,
) -> Result<Vec<u8>, ChunkError> {
    let span = name.span();
    let mut body = Vec::with_capacity(body_bytes(&span));
    for channel in Channel::BOTH {
        let (pcm, span) = (*pcm.get(channel), *span.get(channel));
        if pcm.len() != pcm_bytes(span) {
            return Err(ChunkError::Length);
        }
        if !pcm.is_empty() {
            key.seal_into(&mut body, &address(name, channel), *nonces.get(channel), pcm)?;
        }
    }
    Ok(body)
}

/// Opens one side's audio out of the object's whole content.
///
/// # Errors
/// [`OpenError`] where the content is not this object's, or is not as long as its name says.
pub fn open(key: &ConversationKey, name: &ChunkName, channel: Channel, body: &[u8]) -> Result<Vec<u8>, OpenError> {
    let span = name.span();
    if body.len() != body_bytes(&span) {
        return Err(OpenError::Format);
    }
    let record = body.get(record_range(&span, channel)).ok_or(OpenError::Format)?;
    open_record(key, name, channel, record)
}

/// Opens one side's audio out of its record alone, which is [there](record_range) in the object.
///
/// # Errors
/// [`OpenError`] where it is not this record, or is not as long as the object's name says.
pub fn open_record(
    key: &ConversationKey,
    name: &ChunkName,
    channel: Channel,
    record: &[u8],
) -> Result<Vec<u8>, OpenError> {
    if record.len() != record_bytes(*name.span().get(channel)) {
        return Err(OpenError::Format);
    }
    if record.is_empty() {
        return Ok(Vec::new());
    }
    key.open(&address(name, channel), record)
}

/// Where one side's record is in the object's content.
#[must_use]
pub fn record_range(span: &ChunkSpan, channel: Channel) -> Range<usize> {
    let user = record_bytes(span.user);
    match channel {
        Channel::User => 0..user,
        Channel::Remote => user..user.saturating_add(record_bytes(span.remote)),
    }
}

/// How long the object's content is.
#[must_use]
pub fn body_bytes(span: &ChunkSpan) -> usize {
    record_range(span, Channel::Remote).end
}

fn record_bytes(span: Span) -> usize {
    if span.is_empty() { 0 } else { pcm_bytes(span).saturating_add(SEAL_BYTES) }
}

/// A length that no memory holds is one that no content has.
fn pcm_bytes(span: Span) -> usize {
    usize::try_from(span.len().get()).unwrap_or(usize::MAX).saturating_mul(SAMPLE_BYTES)
}

fn address(name: &ChunkName, channel: Channel) -> String {
    format!("{name}/{}", channel.byte())
}

#[cfg(test)]
mod tests {
    use fourwire_wire::ids::{ConversationId, UserId};
    use fourwire_wire::units::Samples;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::record::Folder;
    use crate::vault::Vault;

    const NONCES: PerChannel<[u8; NONCE_BYTES]> = PerChannel { user: [1; 12], remote: [2; 12] };
    const PCM: PerChannel<&[u8]> = PerChannel { user: b"user's", remote: b"remote's" };

    fn key() -> ConversationKey {
        ConversationKey::from_random([3; 32])
    }

    /// A chunk's name, with the number of samples of each side.
    fn name(user: u64, remote: u64) -> ChunkName {
        let vault = Vault::new("0123456789abcdef0123456789abcdef").unwrap();
        let folder = Folder::new(&vault, &UserId::parse("ann").unwrap(), ConversationId::from_random([1; 16]));
        let span = |length| Span { start: Samples::new(100), end: Samples::new(100 + length) };
        ChunkName::new(&folder, PerChannel { user: span(user), remote: span(remote) })
    }

    #[test]
    fn each_side_is_opened_by_itself_from_the_whole_or_from_its_part() {
        let name = name(3, 4);
        let body = seal(&key(), &name, NONCES, PCM).unwrap();
        assert_eq!(body.len(), body_bytes(&name.span()));
        assert_eq!(body.capacity(), body.len(), "one allocation, of the size that is needed");
        for channel in Channel::BOTH {
            assert_eq!(open(&key(), &name, channel, &body).unwrap(), *PCM.get(channel));
            let record = &body[record_range(&name.span(), channel)];
            assert_eq!(open_record(&key(), &name, channel, record).unwrap(), *PCM.get(channel));
            assert!(open_record(&key(), &name, channel.other(), record).is_err());
        }
    }

    #[test]
    fn a_side_without_audio_takes_no_byte() {
        let name = name(0, 4);
        let body = seal(&key(), &name, NONCES, PerChannel { user: b"", ..PCM }).unwrap();
        assert_eq!(body.len(), 8 + SEAL_BYTES);
        assert_eq!(open(&key(), &name, Channel::User, &body).unwrap(), b"");
        assert_eq!(open(&key(), &name, Channel::Remote, &body).unwrap(), b"remote's");
    }

    #[test]
    fn sides_of_one_length_cannot_be_exchanged() {
        let name = name(3, 3);
        let body = seal(&key(), &name, NONCES, PerChannel { remote: b"theirs", ..PCM }).unwrap();
        let (user, remote) = body.split_at(body.len() / 2);
        let exchanged = [remote, user].concat();
        for channel in Channel::BOTH {
            assert_eq!(open(&key(), &name, channel, &exchanged), Err(OpenError::Sealed));
        }
    }

    #[test]
    fn audio_of_another_length_than_the_name_tells_is_neither_sealed_nor_opened() {
        assert_eq!(seal(&key(), &name(3, 3), NONCES, PCM), Err(ChunkError::Length));
        assert_eq!(seal(&key(), &name(4, 4), NONCES, PCM), Err(ChunkError::Length));
        let body = seal(&key(), &name(3, 4), NONCES, PCM).unwrap();
        for other in [name(3, 5), name(2, 5), name(0, 4)] {
            assert!(open(&key(), &other, Channel::Remote, &body).is_err());
        }
        assert_eq!(open(&key(), &name(3, 4), Channel::User, &body[1..]), Err(OpenError::Format));
    }
}
