//! The form of a sealed record, which is one whatever key it is under.
//!
//! The plain text is encrypted on the way into the record, so it is copied nowhere and a failure leaves none behind.

use aes_gcm::aead::AeadInOut;
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use hkdf::Hkdf;
use sha2::Sha256;

use super::{KEY_ID_BYTES, NONCE_BYTES, OpenError, SealError, TAG_BYTES};

/// What stands in front of a sealed record: its version and the id of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head([u8; 1 + KEY_ID_BYTES]);

impl Head {
    /// The head of records of a version under `key`.
    pub(super) fn new(version: u8, key: &[u8]) -> Self {
        let [a, b, c, d, ..] = derive(key, b"", "fourwire/v1/key-id");
        Self([version, a, b, c, d])
    }

    /// The head of a sealed record.
    ///
    /// # Errors
    /// [`OpenError::Format`] where it is too short to have one, or is of another version.
    pub(super) fn of(sealed: &[u8], version: u8) -> Result<Self, OpenError> {
        let (head, _) = sealed.split_first_chunk().ok_or(OpenError::Format)?;
        if head.first() != Some(&version) {
            return Err(OpenError::Format);
        }
        Ok(Self(*head))
    }

    /// What is authenticated beside the plain text: the head, and the address that the record is for.
    fn associated_data(self, address: &str) -> Vec<u8> {
        [&self.0[..], address.as_bytes()].concat()
    }
}

/// Seals a record behind what is in `out` already. After an error, `out` is as it was.
///
/// # Errors
/// [`SealError`] where the record is longer than AES-GCM takes.
pub(super) fn seal(
    out: &mut Vec<u8>,
    head: Head,
    cipher: &Aes256Gcm,
    address: &str,
    nonce: [u8; NONCE_BYTES],
    plain: &[u8],
) -> Result<(), SealError> {
    let before = out.len();
    out.reserve_exact(plain.len() + super::SEAL_BYTES);
    out.extend(head.0);
    out.extend(nonce);
    let text = out.len();
    out.resize(text + plain.len(), 0);
    let tag = out
        .get_mut(text..)
        .and_then(|text| InOutBuf::new(plain, text).ok())
        .and_then(|text| cipher.encrypt_inout_detached(&nonce.into(), &head.associated_data(address), text).ok());
    let Some(tag) = tag else {
        out.truncate(before);
        return Err(SealError);
    };
    out.extend(tag);
    Ok(())
}

/// Opens a record whose head is `head`.
///
/// # Errors
/// [`OpenError`] says why it does not open.
pub(super) fn open(head: Head, cipher: &Aes256Gcm, address: &str, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    let rest = sealed.strip_prefix(&head.0).ok_or(OpenError::Key)?;
    let (nonce, rest) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(OpenError::Format)?;
    let (text, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(OpenError::Format)?;
    let mut plain = vec![0; text.len()];
    let buffer = InOutBuf::new(text, &mut plain).map_err(|_| OpenError::Format)?;
    cipher
        .decrypt_inout_detached(&Nonce::from(*nonce), &head.associated_data(address), buffer, &Tag::from(*tag))
        .map_err(|_| OpenError::Sealed)?;
    Ok(plain)
}

/// HKDF-SHA256 of a key.
pub(super) fn derive(key: &[u8], salt: &[u8], info: &str) -> [u8; 32] {
    let mut derived = [0; 32];
    // Expanding fails only for more than 255 blocks; this is one.
    let expanded = Hkdf::<Sha256>::new(Some(salt), key).expand(info.as_bytes(), &mut derived);
    debug_assert!(expanded.is_ok());
    derived
}
