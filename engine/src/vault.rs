//! Keys and sealing: everything personal is unreadable wherever it is stored.
//!
//! A sealed record is
//!
//! ```text
//!   version (1 byte, 0x01) ‖ key id (4 bytes) ‖ nonce (12 bytes) ‖ AES-256-GCM ciphertext ‖ tag (16 bytes)
//! ```
//!
//! - the key belongs to one owner: HKDF-SHA256 of the master secret; for a user's records salt = user id and
//!   info = `fourwire/v1/user`, for a telephone number's salt = its blind index and info = `fourwire/v1/number`;
//! - the key id names the master secret: the first bytes of HKDF-SHA256 of it, no salt, info = `fourwire/v1/key-id`;
//! - the associated data is the version, the key id and the record's own address, so a sealed record opens nowhere else.
//!
//! Look-ups use a blind index: HMAC-SHA256 under a key of its own, info = `fourwire/v1/index`. Whoever has the store but
//! not the master secret can neither read nor test a guess.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use fourwire_wire::ids::UserId;
use fourwire_wire::pii::Pii;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use thiserror::Error;

/// The format of sealed records that is written.
const VERSION: u8 = 1;
/// Length of the id of a master secret.
const KEY_ID_BYTES: usize = 4;
/// Length of a nonce: 96 random bits, fresh for every record.
pub const NONCE_BYTES: usize = 12;
/// Shortest master secret, as bytes of its text.
pub const SECRET_MIN_BYTES: usize = 32;

/// A master secret is shorter than [`SECRET_MIN_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must have at least 32 characters")]
pub struct SecretTooShort;

/// Why a sealed record cannot be opened. It is never returned as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// It is shorter than a sealed record can be, or of a version that is not known.
    #[error("is not a sealed record")]
    Format,
    /// It was sealed under a master secret that is not configured.
    #[error("is sealed under a secret that is not configured")]
    Key,
    /// It was altered, belongs to another user or to another address.
    #[error("does not open: it was altered or moved")]
    Sealed,
}

/// What could not be sealed. AES-GCM refuses only records of more than 64 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("is too long to be sealed")]
pub struct SealError;

/// Whose record it is, and so whose key seals it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner<'a> {
    /// A user's.
    User(&'a UserId),
    /// A telephone number's, by its blind index.
    Number(&'a str),
}

impl<'a> From<&'a UserId> for Owner<'a> {
    fn from(user: &'a UserId) -> Self {
        Self::User(user)
    }
}

/// The master secrets: the first seals, every one opens.
#[derive(Clone, Debug)]
pub struct Vault {
    secrets: Vec<Pii<Vec<u8>>>,
}

impl Vault {
    /// Takes the operator's secrets, separated by commas: the current one, then earlier ones that still open records.
    ///
    /// # Errors
    /// [`SecretTooShort`] where one of them, or all, have too little to them.
    pub fn new(secrets: &str) -> Result<Self, SecretTooShort> {
        let secrets: Vec<_> = secrets.split(',').map(|secret| Pii::new(secret.trim().as_bytes().to_vec())).collect();
        if secrets.iter().any(|secret| secret.expose().len() < SECRET_MIN_BYTES) {
            return Err(SecretTooShort);
        }
        Ok(Self { secrets })
    }

    /// Seals a record of an owner for its address. The nonce must be random and used for nothing else.
    ///
    /// # Errors
    /// [`SealError`] where the record is longer than AES-GCM takes.
    pub fn seal<'a>(
        &self,
        owner: impl Into<Owner<'a>>,
        address: &str,
        nonce: [u8; NONCE_BYTES],
        plain: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let secret = self.secrets.first().ok_or(SealError)?;
        let header = header(secret);
        let data = associated_data(header, address);
        let sealed = cipher_of(secret, owner.into())
            .encrypt(&Nonce::from(nonce), Payload { msg: plain, aad: &data })
            .map_err(|_| SealError)?;
        Ok([&header[..], &nonce, &sealed].concat())
    }

    /// Opens a record of an owner at its address.
    ///
    /// # Errors
    /// [`OpenError`] says why it does not open.
    pub fn open<'a>(&self, owner: impl Into<Owner<'a>>, address: &str, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let (head, rest) = sealed.split_first_chunk::<{ 1 + KEY_ID_BYTES }>().ok_or(OpenError::Format)?;
        let (nonce, cipher) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(OpenError::Format)?;
        if head.first() != Some(&VERSION) {
            return Err(OpenError::Format);
        }
        let secret = self.secrets.iter().find(|secret| header(secret) == *head).ok_or(OpenError::Key)?;
        let data = associated_data(*head, address);
        cipher_of(secret, owner.into())
            .decrypt(&Nonce::from(*nonce), Payload { msg: cipher, aad: &data })
            .map_err(|_| OpenError::Sealed)
    }

    /// A name for `value` in a namespace that tells nothing about it: 32 hexadecimal digits (128 bits).
    #[must_use]
    pub fn index(&self, namespace: &str, value: &str) -> String {
        // Indexes must stay the same over rotations, so they hang on the oldest secret, the last of the list.
        let key = self.secrets.last().map_or([0; 32], |secret| derive(secret, b"", "fourwire/v1/index"));
        let Ok(mac) = Hmac::<Sha256>::new_from_slice(&key) else { return String::new() };
        let tag = mac.chain_update(namespace).chain_update([0]).chain_update(value).finalize().into_bytes();
        tag.iter().take(16).fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    }
}

/// What stands in front of a record sealed under `secret`.
fn header(secret: &Pii<Vec<u8>>) -> [u8; 1 + KEY_ID_BYTES] {
    let [a, b, c, d, ..] = derive(secret, b"", "fourwire/v1/key-id");
    [VERSION, a, b, c, d]
}

fn associated_data(header: [u8; 1 + KEY_ID_BYTES], address: &str) -> Vec<u8> {
    [&header[..], address.as_bytes()].concat()
}

fn cipher_of(secret: &Pii<Vec<u8>>, owner: Owner<'_>) -> Aes256Gcm {
    let (id, info) = match owner {
        Owner::User(user) => (user.as_str(), "fourwire/v1/user"),
        Owner::Number(index) => (index, "fourwire/v1/number"),
    };
    Aes256Gcm::new(&derive(secret, id.as_bytes(), info).into())
}

fn derive(secret: &Pii<Vec<u8>>, salt: &[u8], info: &str) -> [u8; 32] {
    let mut key = [0; 32];
    // Expanding fails only for more than 255 blocks; this is one.
    let expanded = Hkdf::<Sha256>::new(Some(salt), secret.expose()).expand(info.as_bytes(), &mut key);
    debug_assert!(expanded.is_ok());
    key
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    const OTHER: &str = "fedcba9876543210fedcba9876543210";

    fn user(name: &str) -> UserId {
        UserId::parse(name).unwrap()
    }

    fn sealed() -> Vec<u8> {
        Vault::new(SECRET).unwrap().seal(&user("ann"), "calls/1", [7; 12], b"hello").unwrap()
    }

    #[test]
    fn a_record_opens_for_its_user_at_its_address_and_nowhere_else() {
        let vault = Vault::new(SECRET).unwrap();
        assert_eq!(vault.open(&user("ann"), "calls/1", &sealed()).unwrap(), b"hello");
        assert_eq!(vault.open(&user("bob"), "calls/1", &sealed()), Err(OpenError::Sealed));
        assert_eq!(vault.open(&user("ann"), "calls/2", &sealed()), Err(OpenError::Sealed));
        // A number whose index reads as the user's id is somebody else all the same.
        assert_eq!(vault.open(Owner::Number("ann"), "calls/1", &sealed()), Err(OpenError::Sealed));
    }

    #[test]
    fn a_flipped_bit_anywhere_is_an_error_and_never_data() {
        let vault = Vault::new(SECRET).unwrap();
        for index in 0..sealed().len() {
            let mut record = sealed();
            record[index] ^= 1;
            assert!(vault.open(&user("ann"), "calls/1", &record).is_err(), "byte {index}");
        }
        assert_eq!(vault.open(&user("ann"), "calls/1", &sealed()[..16]), Err(OpenError::Format));
    }

    #[test]
    fn an_earlier_secret_still_opens_and_a_missing_one_is_named() {
        let rotated = Vault::new(&format!("{OTHER},{SECRET}")).unwrap();
        assert_eq!(rotated.open(&user("ann"), "calls/1", &sealed()).unwrap(), b"hello");
        assert_eq!(Vault::new(OTHER).unwrap().open(&user("ann"), "calls/1", &sealed()), Err(OpenError::Key));
        assert_eq!(rotated.index("user", "ann"), Vault::new(SECRET).unwrap().index("user", "ann"));
    }

    #[test]
    fn a_short_secret_is_refused() {
        for short in ["", "short", &SECRET[1..], &format!("{SECRET},")] {
            assert!(Vault::new(short).is_err(), "{short:?}");
        }
    }

    #[test]
    fn an_index_depends_on_secret_namespace_and_value() {
        let vault = Vault::new(SECRET).unwrap();
        let index = vault.index("user", "ann");
        assert_eq!(index.len(), 32);
        for other in
            [vault.index("user", "bob"), vault.index("number", "ann"), Vault::new(OTHER).unwrap().index("user", "ann")]
        {
            assert_ne!(index, other);
        }
    }
}
