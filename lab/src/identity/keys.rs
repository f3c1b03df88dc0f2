//! RSA key pairs: made, kept in a file, published as JWK.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey, LineEnding};
use rsa::signature::{SignatureEncoding, Signer};
use rsa::traits::PublicKeyParts;
use rsa::{Generate, PrivateKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// The name of the key's file in the state directory.
const KEY_FILE: &str = "identity-key.pem";

/// Why there is no key.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The machine gave no randomness, or the arithmetic failed.
    #[error("cannot make a key: {0}")]
    Make(String),
    /// Its file cannot be read or written.
    #[error("cannot keep the key in {0}: {1}")]
    File(PathBuf, io::Error),
    /// Its file holds something else.
    #[error("{0} is not a private key: delete it to get a new one")]
    Format(PathBuf),
}

/// Writes a file that only its owner may read.
fn write_private(file: &Path, bytes: &[u8]) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?.write_all(bytes)
}

/// An RSA key pair of 2048 bits with its id.
#[derive(Clone)]
pub struct Key {
    private: PrivateKey,
    id: String,
}

impl Key {
    /// A new key.
    ///
    /// # Errors
    /// When the machine has no randomness.
    pub fn generate() -> Result<Self, KeyError> {
        // The crate's default is 2048 bits, the size that RS256 asks for at least.
        PrivateKey::try_generate().map(Self::new).map_err(|error| KeyError::Make(error.to_string()))
    }

    /// The key that every issuer of this process begins with: tests start many labs, and making a key takes long.
    pub(super) fn of_this_process() -> Result<Self, KeyError> {
        static KEY: OnceLock<Key> = OnceLock::new();
        if let Some(key) = KEY.get() {
            return Ok(key.clone());
        }
        let fresh = Self::generate()?;
        Ok(KEY.get_or_init(|| fresh).clone())
    }

    /// The key in a directory's file, which is made where it is missing.
    pub(super) fn kept_in(directory: &Path) -> Result<Self, KeyError> {
        let file = directory.join(KEY_FILE);
        match std::fs::read_to_string(&file) {
            Ok(pem) => PrivateKey::from_pkcs8_pem(&pem).map(Self::new).map_err(|_| KeyError::Format(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = Self::generate()?;
                let pem =
                    key.private.to_pkcs8_pem(LineEnding::LF).map_err(|error| KeyError::Make(error.to_string()))?;
                std::fs::create_dir_all(directory)
                    .and_then(|()| write_private(&file, pem.as_bytes()))
                    .map_err(|error| KeyError::File(file, error))?;
                Ok(key)
            }
            Err(error) => Err(KeyError::File(file, error)),
        }
    }

    fn new(private: PrivateKey) -> Self {
        let hash = Sha256::digest(private.n_bytes());
        Self { id: URL_SAFE_NO_PAD.encode(&hash[..15]), private }
    }

    /// The same key under another id.
    pub(super) fn with_id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.id);
        self
    }

    /// Names the key in tokens and in the key set.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public half, as a key set lists it.
    #[must_use]
    pub fn jwk(&self) -> Value {
        json!({
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.id,
            "n": URL_SAFE_NO_PAD.encode(self.private.n_bytes()),
            "e": URL_SAFE_NO_PAD.encode(self.private.e_bytes()),
        })
    }

    /// The public half as PEM text.
    pub(super) fn public_pem(&self) -> String {
        self.private.to_public_key().to_public_key_pem(LineEnding::LF).unwrap_or_default()
    }

    /// RS256: PKCS #1 v1.5 over SHA-256.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        SigningKey::<Sha256>::new(self.private.clone()).sign(message).to_vec()
    }
}
