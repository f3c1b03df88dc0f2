//! ID tokens: good ones, in the form of Firebase's, and one of each kind that a verifier must refuse.

use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Key, TOKEN_LIFE};

/// What is wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It was good until ten minutes ago.
    Expired,
    /// It was issued ten minutes from now.
    NotYetValid,
    /// Another issuer's.
    ForeignIssuer,
    /// For another audience.
    WrongAudience,
    /// `alg` is `none`, and there is no signature.
    Unsigned,
    /// `alg` is `HS256`, signed with the public key as if it were a shared secret.
    PublicKeyAsSecret,
    /// Signed by a key that is not in the key set.
    UnknownKey,
    /// Names our key but is signed by another.
    ForgedSignature,
    /// `sub` is empty.
    EmptySubject,
}

impl Flaw {
    /// Every flaw.
    pub const ALL: [Self; 9] = [
        Self::Expired,
        Self::NotYetValid,
        Self::ForeignIssuer,
        Self::WrongAudience,
        Self::Unsigned,
        Self::PublicKeyAsSecret,
        Self::UnknownKey,
        Self::ForgedSignature,
        Self::EmptySubject,
    ];

    /// A token with this flaw, and no other.
    pub(super) fn token(self, key: &Key, mut claims: Value, now: u64) -> String {
        /// More than any clock skew that a verifier may allow for.
        const TEN_MINUTES: u64 = 600;
        match self {
            Self::Expired => set_times(&mut claims, now - TOKEN_LIFE.as_secs() - TEN_MINUTES),
            Self::NotYetValid => set_times(&mut claims, now + TEN_MINUTES),
            Self::ForeignIssuer => claims["iss"] = "https://issuer.example.test".into(),
            Self::WrongAudience => claims["aud"] = "somebody-else".into(),
            Self::EmptySubject => (claims["sub"], claims["user_id"]) = ("".into(), "".into()),
            Self::Unsigned => return encode("none", key.id(), &claims, |_| Vec::new()),
            Self::PublicKeyAsSecret => return encode("HS256", key.id(), &claims, |message| hs256(key, message)),
            Self::UnknownKey => return sign(foreign_key(), &claims),
            Self::ForgedSignature => return sign(&foreign_key().clone().with_id(key.id()), &claims),
        }
        sign(key, &claims)
    }
}

/// What a good token says, from now on for an hour.
pub(super) fn claims(issuer: &str, audience: &str, user: &str, email: Option<&str>, now: u64) -> Value {
    let mut claims = json!({ "iss": issuer, "aud": audience, "sub": user, "user_id": user });
    if let Some(email) = email {
        (claims["email"], claims["email_verified"]) = (email.into(), true.into());
    }
    set_times(&mut claims, now);
    claims
}

fn set_times(claims: &mut Value, issued: u64) {
    (claims["iat"], claims["auth_time"]) = (issued.into(), issued.into());
    claims["exp"] = (issued + TOKEN_LIFE.as_secs()).into();
}

/// A token with these claims, signed as it should be.
pub(super) fn sign(key: &Key, claims: &Value) -> String {
    encode("RS256", key.id(), claims, |message| key.sign(message))
}

fn encode(algorithm: &str, key_id: &str, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let header = json!({ "alg": algorithm, "kid": key_id, "typ": "JWT" });
    let [header, claims] = [&header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let message = format!("{header}.{claims}");
    let signature = URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

fn hs256(key: &Key, message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.public_pem().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// A key that no key set lists.
fn foreign_key() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| Key::generate().expect("this process has made a key before"))
}
