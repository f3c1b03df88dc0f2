//! Who a client is: an ID token (RS256) of the configured issuer, checked against the issuer's published keys.
//!
//! Firebase's rules are the default (<https://firebase.google.com/docs/auth/admin/verify-id-tokens>), and every issuer of
//! `OpenID` Connect ID tokens fits them: the algorithm is RS256 and no other, the key is one of the published ones, issuer
//! and audience are the configured ones, and the times are right by the caller's clock.
//!
//! A token is a JWS in compact form (RFC 7515): three base64url parts, header, claims and signature, with dots between.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use fourwire_wire::ids::UserId;
use fourwire_wire::units::UnixMillis;
use rsa::{BoxedUint, PublicKey};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;
use thiserror::Error;
use url::Url;

/// How far an issuer's clock may be from ours, in seconds.
const LEEWAY_SECONDS: u64 = 60;
/// How long fetched keys are used where the issuer does not say, in seconds.
const DEFAULT_MAX_AGE_SECONDS: u64 = 300;
/// Longest time for which fetched keys are used, in seconds: a key that its issuer withdrew must stop working.
const LONGEST_MAX_AGE_SECONDS: u64 = 86_400;
/// Shortest time between two fetches for a key that was not among those fetched, in milliseconds, so that made-up key
/// ids do not become requests to the issuer.
const REFETCH_MILLIS: u64 = 60_000;

/// Whose tokens are taken.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// `iss` of its tokens.
    pub issuer: String,
    /// `aud` of tokens for this Worker.
    pub audience: String,
    /// Where its keys are published as a JWK set.
    pub keys_url: Url,
}

/// Why a token is not good. The client is told only that it is not; this is for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// It is not a signed token at all.
    #[error("token is malformed")]
    Malformed,
    /// It is signed with something else than RS256, or not at all.
    #[error("token is not signed with RS256")]
    Algorithm,
    /// It names no key, or one that the issuer does not publish.
    #[error("token is signed with an unknown key")]
    UnknownKey,
    /// The signature is not the issuer's.
    #[error("token's signature is wrong")]
    Signature,
    /// It is another issuer's, or meant for somebody else.
    #[error("token is of another issuer or for another audience")]
    Foreign,
    /// It has expired, or is not valid yet.
    #[error("token is expired or not valid yet")]
    Time,
    /// Its subject cannot be a user's id.
    #[error("token names no user")]
    Subject,
}

/// An issuer's published keys, and how long they may be used.
#[derive(Debug)]
pub struct KeySet {
    keys: Vec<Key>,
    fetched: UnixMillis,
    expires: UnixMillis,
}

#[derive(Debug)]
struct Key {
    id: String,
    key: PublicKey,
}

/// A document that should be a JWK set is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the issuer's keys cannot be read")]
pub struct KeySetError;

impl KeySet {
    /// Reads a JWK set (RFC 7517) that was fetched `now`, with the answer's `Cache-Control` header. Keys of other kinds
    /// than RSA for signatures are left out.
    ///
    /// # Errors
    /// [`KeySetError`] where it is no JWK set.
    pub fn parse(json: &str, cache_control: Option<&str>, now: UnixMillis) -> Result<Self, KeySetError> {
        let set: JwkSet = serde_json::from_str(json).map_err(|_| KeySetError)?;
        let max_age = cache_control.and_then(max_age).unwrap_or(DEFAULT_MAX_AGE_SECONDS).min(LONGEST_MAX_AGE_SECONDS);
        Ok(Self {
            keys: set.keys.into_iter().filter_map(Jwk::into_key).collect(),
            fetched: now,
            expires: now + max_age.saturating_mul(1000),
        })
    }

    /// Whether the keys must be fetched again before `token` is checked: they are too old, or the token names a key that
    /// may have been published since.
    #[must_use]
    pub fn is_stale_for(&self, token: &str, now: UnixMillis) -> bool {
        let names_unknown_key = || Jws::parse(token).is_ok_and(|jws| self.find(&jws.header).is_none());
        self.is_expired(now) || (now.since(self.fetched) >= REFETCH_MILLIS && names_unknown_key())
    }

    /// Whether the keys are too old to be used at all.
    #[must_use]
    pub fn is_expired(&self, now: UnixMillis) -> bool {
        now >= self.expires
    }

    /// The user whom a token names.
    ///
    /// # Errors
    /// [`TokenError`] where it is not a good token.
    pub fn verify(&self, token: &str, issuer: &Issuer, now: UnixMillis) -> Result<UserId, TokenError> {
        let jws = Jws::parse(token)?;
        if jws.header.alg != "RS256" {
            return Err(TokenError::Algorithm);
        }
        let key = self.find(&jws.header).ok_or(TokenError::UnknownKey)?;
        key.pkcs1v15_verify::<Sha256>(jws.signed.as_bytes(), &jws.signature).map_err(|_| TokenError::Signature)?;
        // Nothing in the claims is looked at before the signature is known to be good.
        let claims: Claims = decode_json(jws.claims)?;
        claims.check(issuer, now.seconds())?;
        UserId::parse(claims.sub).map_err(|_| TokenError::Subject)
    }

    fn find(&self, header: &Header) -> Option<&PublicKey> {
        let id = header.kid.as_deref()?;
        self.keys.iter().find(|key| key.id == id).map(|key| &key.key)
    }
}

/// A token taken apart, with nothing checked yet.
struct Jws<'a> {
    header: Header,
    claims: &'a str,
    signature: Vec<u8>,
    /// What the signature is over: the first two parts with their dot.
    signed: &'a str,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that must be understood (RFC 7515, 4.1.11); none is.
    crit: Option<serde_json::Value>,
}

impl<'a> Jws<'a> {
    fn parse(token: &'a str) -> Result<Self, TokenError> {
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        let header: Header = decode_json(header)?;
        if header.crit.is_some() {
            return Err(TokenError::Malformed);
        }
        let signature = BASE64URL.decode(signature).map_err(|_| TokenError::Malformed)?;
        Ok(Self { header, claims, signature, signed })
    }
}

fn decode_json<T: DeserializeOwned>(part: &str) -> Result<T, TokenError> {
    let json = BASE64URL.decode(part).map_err(|_| TokenError::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| TokenError::Malformed)
}

/// The claims that are used. Times are seconds since 1970.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    sub: String,
    exp: u64,
    iat: u64,
    #[serde(default)]
    nbf: u64,
    #[serde(default)]
    auth_time: u64,
}

/// One audience, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Claims {
    fn check(&self, issuer: &Issuer, now: u64) -> Result<(), TokenError> {
        let for_us = match &self.aud {
            Audience::One(audience) => *audience == issuer.audience,
            Audience::Several(audiences) => audiences.contains(&issuer.audience),
        };
        if self.iss != issuer.issuer || !for_us {
            return Err(TokenError::Foreign);
        }
        let soon = now.saturating_add(LEEWAY_SECONDS);
        let expired = self.exp.saturating_add(LEEWAY_SECONDS) <= now;
        if expired || self.iat > soon || self.nbf > soon || self.auth_time > soon {
            return Err(TokenError::Time);
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    kid: Option<String>,
    kty: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl Jwk {
    /// The key, where it is one for RS256 signatures.
    fn into_key(self) -> Option<Key> {
        let for_signatures = self.usage.as_deref().is_none_or(|usage| usage == "sig");
        let for_rs256 = self.alg.as_deref().is_none_or(|alg| alg == "RS256");
        if self.kty != "RSA" || !for_signatures || !for_rs256 {
            return None;
        }
        let number = |text: Option<String>| Some(BoxedUint::from_be_slice_vartime(&BASE64URL.decode(text?).ok()?));
        Some(Key { id: self.kid?, key: PublicKey::new(number(self.n)?, number(self.e)?).ok()? })
    }
}

/// `max-age` of a `Cache-Control` header, in seconds.
fn max_age(header: &str) -> Option<u64> {
    header.split(',').find_map(|directive| directive.trim().strip_prefix("max-age=")?.parse().ok())
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn keys_are_used_as_long_as_the_issuer_says_within_a_day() {
        let now = UnixMillis::new(1_000_000);
        let keys = |header| KeySet::parse(r#"{"keys":[]}"#, header, now).unwrap();
        assert_eq!(keys(Some("public, max-age=21600, must-revalidate")).expires, now + 21_600_000);
        assert_eq!(keys(Some("max-age=99999999")).expires, now + 86_400_000);
        assert_eq!(keys(None).expires, now + 300_000);
    }

    #[test]
    fn a_made_up_key_id_costs_at_most_one_fetch_a_minute() {
        let now = UnixMillis::new(1_000_000);
        let keys = KeySet::parse(r#"{"keys":[]}"#, Some("max-age=3600"), now).unwrap();
        // {"alg":"RS256","kid":"made-up"}
        let token = "eyJhbGciOiJSUzI1NiIsImtpZCI6Im1hZGUtdXAifQ.e30.AA";
        assert!(!keys.is_stale_for(token, now + 59_000));
        assert!(keys.is_stale_for(token, now + 60_000));
        assert!(!keys.is_stale_for("nonsense", now + 60_000));
    }
}
