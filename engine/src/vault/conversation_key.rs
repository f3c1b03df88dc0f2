//! The key of one conversation: its audio and its document are sealed under it, and it is kept sealed under its user's.
//!
//! A record under it is version 0x02, otherwise in the form of all sealed records. The key itself is the AES key; its id is
//! derived from it as a master secret's is.
//!
//! One indirection, two gains: where the row with the wrapped key is deleted, every copy of what it sealed is noise, also a
//! copy in a backup; and a new master secret means new wrapping, not new sealing of every chunk ever stored.

use std::fmt;

use aes_gcm::{Aes256Gcm, KeyInit};
use fourwire_wire::ids::{ConversationId, UserId};
use fourwire_wire::pii::Pii;

use super::sealed::{self, Head};
use super::{NONCE_BYTES, OpenError, SealError, Vault};

/// The format of records under a conversation's key.
const VERSION: u8 = 2;
/// Length of a conversation's key.
pub const CONVERSATION_KEY_BYTES: usize = 32;

/// The key of one conversation. It is never printed, and leaves this module only wrapped.
///
/// A call of four hours takes some six thousand random nonces under it. 2^32 would be the bound.
#[derive(Clone)]
pub struct ConversationKey {
    key: Pii<[u8; CONVERSATION_KEY_BYTES]>,
    head: Head,
    /// Kept, since expanding the key costs as much as sealing 4 kB.
    cipher: Aes256Gcm,
}

impl fmt::Debug for ConversationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key.fmt(f)
    }
}

impl ConversationKey {
    /// A new key out of random bytes, which must be used for nothing else.
    #[must_use]
    pub fn from_random(bytes: [u8; CONVERSATION_KEY_BYTES]) -> Self {
        Self { key: Pii::new(bytes), head: Head::new(VERSION, &bytes), cipher: Aes256Gcm::new(&bytes.into()) }
    }

    /// Where the wrapped key of a conversation lies, for its seal.
    #[must_use]
    pub fn address(conversation: ConversationId) -> String {
        address(conversation)
    }

    /// Opens a wrapped key.
    ///
    /// # Errors
    /// [`OpenError`] where it is not this conversation's of this user, was altered, or is sealed under an unknown secret.
    pub fn unwrap(
        vault: &Vault,
        user: &UserId,
        conversation: ConversationId,
        wrapped: &[u8],
    ) -> Result<Self, OpenError> {
        let key = vault.open(user, &address(conversation), wrapped)?;
        Ok(Self::from_random(key.try_into().map_err(|_| OpenError::Format)?))
    }

    /// The key as it is stored: sealed under its user's key, for this conversation alone.
    ///
    /// # Errors
    /// [`SealError`] where the vault has no secret.
    pub fn wrap(
        &self,
        vault: &Vault,
        user: &UserId,
        conversation: ConversationId,
        nonce: [u8; NONCE_BYTES],
    ) -> Result<Vec<u8>, SealError> {
        vault.seal(user, &address(conversation), nonce, self.key.expose())
    }

    /// Seals a record for its address. The nonce must be random and used for nothing else.
    ///
    /// # Errors
    /// [`SealError`] where the record is longer than AES-GCM takes.
    pub fn seal(&self, address: &str, nonce: [u8; NONCE_BYTES], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut out = Vec::new();
        self.seal_into(&mut out, address, nonce, plain)?;
        Ok(out)
    }

    /// Seals a record behind what is in `out` already. After an error, `out` is as it was.
    ///
    /// # Errors
    /// [`SealError`] where the record is longer than AES-GCM takes.
    pub fn seal_into(
        &self,
        out: &mut Vec<u8>,
        address: &str,
        nonce: [u8; NONCE_BYTES],
        plain: &[u8],
    ) -> Result<(), SealError> {
        sealed::seal(out, self.head, &self.cipher, address, nonce, plain)
    }

    /// Opens a record at its address.
    ///
    /// # Errors
    /// [`OpenError`] says why it does not open; [`OpenError::Key`] means that it is another conversation's.
    pub fn open(&self, address: &str, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        Head::of(sealed, VERSION)?;
        sealed::open(self.head, &self.cipher, address, sealed)
    }
}

/// Where a wrapped key belongs.
fn address(conversation: ConversationId) -> String {
    format!("key/{conversation}")
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    const OTHER: &str = "fedcba9876543210fedcba9876543210";
    const CONVERSATION: ConversationId = ConversationId::from_random([1; 16]);

    fn user(name: &str) -> UserId {
        UserId::parse(name).unwrap()
    }

    fn key() -> ConversationKey {
        ConversationKey::from_random([3; 32])
    }

    #[test]
    fn a_record_opens_at_its_address_under_its_conversations_key_and_nowhere_else() {
        let sealed = key().seal("conversations/1/audio", [7; 12], b"hello").unwrap();
        assert_eq!(sealed.len(), 5 + super::super::SEAL_BYTES);
        assert_eq!(key().open("conversations/1/audio", &sealed).unwrap(), b"hello");
        assert_eq!(key().open("conversations/2/audio", &sealed), Err(OpenError::Sealed));
        let another = ConversationKey::from_random([4; 32]);
        assert_eq!(another.open("conversations/1/audio", &sealed), Err(OpenError::Key));
        let vault = Vault::new(SECRET).unwrap();
        assert_eq!(vault.open(&user("ann"), "conversations/1/audio", &sealed), Err(OpenError::Format));
    }

    #[test]
    fn a_flipped_bit_anywhere_is_an_error_and_never_data() {
        let sealed = key().seal("a", [7; 12], b"hello").unwrap();
        for index in 0..sealed.len() {
            let mut record = sealed.clone();
            record[index] ^= 1;
            assert!(key().open("a", &record).is_err(), "byte {index}");
            assert!(key().open("a", &sealed[..index]).is_err(), "cut at {index}");
        }
    }

    #[test]
    fn a_wrapped_key_opens_for_its_user_and_conversation_alone() {
        let vault = Vault::new(SECRET).unwrap();
        let wrapped = key().wrap(&vault, &user("ann"), CONVERSATION, [5; 12]).unwrap();
        let sealed = key().seal("a", [7; 12], b"hello").unwrap();
        let opened = ConversationKey::unwrap(&vault, &user("ann"), CONVERSATION, &wrapped).unwrap();
        assert_eq!(opened.open("a", &sealed).unwrap(), b"hello");

        let other = ConversationId::from_random([2; 16]);
        assert!(ConversationKey::unwrap(&vault, &user("bob"), CONVERSATION, &wrapped).is_err());
        assert!(ConversationKey::unwrap(&vault, &user("ann"), other, &wrapped).is_err());
    }

    #[test]
    fn a_record_that_is_no_key_is_not_taken_for_one() {
        let vault = Vault::new(SECRET).unwrap();
        let short = vault.seal(&user("ann"), &address(CONVERSATION), [5; 12], b"short").unwrap();
        let error = ConversationKey::unwrap(&vault, &user("ann"), CONVERSATION, &short).unwrap_err();
        assert_eq!(error, OpenError::Format);
    }

    #[test]
    fn after_a_rotation_a_key_is_wrapped_anew_and_what_it_sealed_stays() {
        let before = Vault::new(SECRET).unwrap();
        let wrapped = key().wrap(&before, &user("ann"), CONVERSATION, [5; 12]).unwrap();
        let sealed = key().seal("a", [7; 12], b"hello").unwrap();

        let rotated = Vault::new(&format!("{OTHER},{SECRET}")).unwrap();
        assert!(!rotated.is_current(&wrapped));
        let opened = ConversationKey::unwrap(&rotated, &user("ann"), CONVERSATION, &wrapped).unwrap();
        let wrapped = opened.wrap(&rotated, &user("ann"), CONVERSATION, [6; 12]).unwrap();
        assert!(rotated.is_current(&wrapped));

        // The new secret alone is enough now.
        let after = Vault::new(OTHER).unwrap();
        let opened = ConversationKey::unwrap(&after, &user("ann"), CONVERSATION, &wrapped).unwrap();
        assert_eq!(opened.open("a", &sealed).unwrap(), b"hello");
    }

    #[test]
    fn a_key_is_never_printed() {
        assert_eq!(format!("{:?}", key()), "[personal]");
    }
}
