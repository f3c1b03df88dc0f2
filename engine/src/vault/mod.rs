//! Keys and sealing: everything personal is unreadable wherever it is stored.
//!
//! A sealed record is
//!
//! ```text
//!   version (1 byte) ‖ key id (4 bytes) ‖ nonce (12 bytes) ‖ AES-256-GCM ciphertext ‖ tag (16 bytes)
//! ```
//!
//! - version 0x01 is under an owner's key: HKDF-SHA256 of the master secret; for a user's records salt = user id and
//!   info = `fourwire/v1/user`, for a telephone number's salt = its blind index and info = `fourwire/v1/number`;
//! - version 0x02 is under the key of one [conversation](ConversationKey), which is random;
//! - the key id names the master secret, or the conversation's key: the first bytes of HKDF-SHA256 of it, no salt,
//!   info = `fourwire/v1/key-id`;
//! - the associated data is the version, the key id and the record's own address, so a sealed record opens nowhere else.
//!
//! Look-ups use a blind index: HMAC-SHA256 under a key of its own, info = `fourwire/v1/index`. Whoever has the store but
//! not the master secret can neither read nor test a guess.
//!
//! Where the master secret changes, the new one is put in front. An earlier one stays in the list as long as a record may
//! still be sealed under it, which [`Vault::is_current`] tells of each. The very first stays the last of the list for good:
//! the index hangs on it, so that names and look-ups outlive a change. Who learns it can still test a guess at a user id or
//! a number against the names, and a change does not undo that; what is sealed anew he can no longer read.

mod conversation_key;
mod sealed;

pub use conversation_key::{CONVERSATION_KEY_BYTES, ConversationKey};

use aes_gcm::{Aes256Gcm, KeyInit};
use fourwire_wire::ids::UserId;
use fourwire_wire::pii::Pii;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use thiserror::Error;

use self::sealed::{Head, derive};

/// The format of records under an owner's key.
const VERSION: u8 = 1;
/// Length of the id of a key.
const KEY_ID_BYTES: usize = 4;
/// Length of a nonce: 96 random bits, fresh for every record.
pub const NONCE_BYTES: usize = 12;
/// Length of an authentication tag.
const TAG_BYTES: usize = 16;
/// How much longer a sealed record is than its plain text.
pub const SEAL_BYTES: usize = 1 + KEY_ID_BYTES + NONCE_BYTES + TAG_BYTES;
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
    /// It was sealed under a master secret that is not configured, or under another conversation's key.
    #[error("is sealed under a key that is not known")]
    Key,
    /// It was altered, or belongs to another owner or to another address.
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
    /// The operator's: where users are found.
    Operator,
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
        let secret = self.secrets.first().ok_or(SealError)?.expose();
        let mut out = Vec::new();
        sealed::seal(&mut out, Head::new(VERSION, secret), &cipher_of(secret, owner.into()), address, nonce, plain)?;
        Ok(out)
    }

    /// Opens a record of an owner at its address.
    ///
    /// # Errors
    /// [`OpenError`] says why it does not open.
    pub fn open<'a>(&self, owner: impl Into<Owner<'a>>, address: &str, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let head = Head::of(sealed, VERSION)?;
        let mut secrets = self.secrets.iter().map(Pii::expose);
        let secret = secrets.find(|secret| Head::new(VERSION, secret) == head).ok_or(OpenError::Key)?;
        sealed::open(head, &cipher_of(secret, owner.into()), address, sealed)
    }

    /// Whether a record is sealed under the current secret, the first; one that is not is sealed anew before its secret
    /// is given up.
    #[must_use]
    pub fn is_current(&self, sealed: &[u8]) -> bool {
        let current = self.secrets.first().map(|secret| Head::new(VERSION, secret.expose()));
        current.is_some() && current == Head::of(sealed, VERSION).ok()
    }

    /// A name for `value` in a namespace that tells nothing about it: 32 hexadecimal digits (128 bits).
    #[must_use]
    pub fn index(&self, namespace: &str, value: &str) -> String {
        // Indexes must stay the same over rotations, so they hang on the oldest secret, the last of the list.
        let key = self.secrets.last().map_or([0; 32], |secret| derive(secret.expose(), b"", "fourwire/v1/index"));
        let Ok(mac) = Hmac::<Sha256>::new_from_slice(&key) else { return String::new() };
        let tag = mac.chain_update(namespace).chain_update([0]).chain_update(value).finalize().into_bytes();
        tag.get(..16).map(base16ct::lower::encode_string).unwrap_or_default()
    }
}

fn cipher_of(secret: &[u8], owner: Owner<'_>) -> Aes256Gcm {
    let (id, info) = match owner {
        Owner::User(user) => (user.as_str(), "fourwire/v1/user"),
        Owner::Number(index) => (index, "fourwire/v1/number"),
        Owner::Operator => ("", "fourwire/v1/operator"),
    };
    Aes256Gcm::new(&derive(secret, id.as_bytes(), info).into())
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
    fn a_record_is_current_until_a_new_secret_is_put_in_front() {
        let rotated = Vault::new(&format!("{OTHER},{SECRET}")).unwrap();
        assert!(Vault::new(SECRET).unwrap().is_current(&sealed()));
        assert!(!rotated.is_current(&sealed()));
        assert!(rotated.is_current(&rotated.seal(&user("ann"), "calls/1", [7; 12], b"hello").unwrap()));
        assert!(!rotated.is_current(b""));
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
