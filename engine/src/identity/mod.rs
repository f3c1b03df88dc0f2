//! Who a client is: an ID token (RS256) of the configured issuer, checked against the issuer's published keys.
//!
//! Firebase's rules are the default (<https://firebase.google.com/docs/auth/admin/verify-id-tokens>), and every issuer of
//! `OpenID` Connect ID tokens fits them: the algorithm is RS256 and no other, the key is one of the published ones, issuer
//! and audience are the configured ones, and the times are right by the caller's clock.
//!
//! A token is a JWS in compact form (RFC 7515): three base64url parts, header, claims and signature, with dots between.

mod cache;
pub mod sign_out;

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use fourwire_wire::ids::UserId;
use fourwire_wire::units::UnixMillis;
use rsa::{BoxedUint, PublicKey};
use serde::de::{DeserializeOwned, IgnoredAny, Visitor};
use serde::{Deserialize, Deserializer};
use sha2::Sha256;
use thiserror::Error;

pub use self::cache::{FETCH_TIMEOUT, KeyCache, Lookup, MAX_KEY_SET_BYTES};
use crate::outbound::OutboundUrl;

/// How far an issuer's clock may be from ours.
const LEEWAY: Duration = Duration::from_mins(1);
/// How long fetched keys are used where the issuer does not say, in seconds.
const DEFAULT_MAX_AGE_SECONDS: u64 = 300;
/// Longest time for which fetched keys are used, in seconds: a key that its issuer withdrew must stop working.
const MAX_AGE_SECONDS: u64 = 86_400;
/// Shortest time for which fetched keys are used, in seconds: neither an issuer that forbids caching nor made-up key ids turn each
/// request into one to the issuer.
const MIN_AGE_SECONDS: u64 = 60;

/// The credentials in an `Authorization` header of the scheme `Bearer`: the scheme's letters may be of either case, and one
/// space or more follow it (RFC 9110, 11.4). `None` for another scheme, and where nothing follows.
#[must_use]
pub fn bearer(header: &str) -> Option<&str> {
    // What surrounds a field's value is no part of it (RFC 9110, 5.5).
    let (scheme, credentials) = header.trim_matches([' ', '\t']).split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(credentials.trim_start_matches(' '))
}

/// The token in such a header. `None` where there is anything but one token (RFC 6750, 2.1), such as two.
#[must_use]
pub fn bearer_token(header: &str) -> Option<&str> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    bearer(header).filter(|token| token.bytes().all(is_part))
}

/// Whose tokens are taken.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// `iss` of its tokens.
    pub issuer: String,
    /// `aud` of tokens for this Worker.
    pub audience: String,
    /// Where its keys are published as a JWK set.
    pub keys_url: OutboundUrl,
    /// How long a client that can show a fresh token may stay on its socket without one after its token has expired.
    pub grace: Duration,
}

/// What a good token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// Who it is.
    pub user: UserId,
    /// When the user signed in: `auth_time`, which stays the same in the tokens that follow by refreshing
    /// (<https://firebase.google.com/docs/auth/admin/manage-sessions>). Where an issuer does not say, when the token was made.
    pub signed_in: UnixMillis,
    /// When the token expires.
    pub expires: UnixMillis,
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
    /// It needs an extension to be understood, and none is.
    #[error("token needs an extension that is not supported")]
    Critical,
    /// Its type says that it was made for something else than signing a user in.
    #[error("token was made for another purpose")]
    Purpose,
    /// It names a key that the issuer does not publish, or none where the issuer publishes several.
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
    id: Option<String>,
    key: PublicKey,
}

/// A document that should be a JWK set is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the issuer's keys cannot be read")]
pub struct KeySetError;

impl KeySet {
    /// Reads a JWK set (RFC 7517) that was fetched `now`, with the answer's `Cache-Control` header. Keys of other kinds
    /// than RSA for signatures are left out, and so are keys that cannot be read (section 5): one of them must not lock
    /// out the users of the others.
    ///
    /// # Errors
    /// [`KeySetError`] where it is no JWK set.
    pub fn parse(json: &str, cache_control: Option<&str>, now: UnixMillis) -> Result<Self, KeySetError> {
        let set: JwkSet = serde_json::from_str(json).map_err(|_| KeySetError)?;
        let max_age = cache_control.and_then(max_age).unwrap_or(DEFAULT_MAX_AGE_SECONDS);
        let max_age = max_age.clamp(MIN_AGE_SECONDS, MAX_AGE_SECONDS);
        Ok(Self {
            keys: set.keys.into_iter().filter_map(|jwk| Jwk::deserialize(jwk).ok()?.into_key()).collect(),
            fetched: now,
            expires: now + max_age.saturating_mul(1000),
        })
    }

    /// Whether the keys should be fetched again before `token` is checked: they are too old, or the token is signed with a
    /// key that may have been published since.
    #[must_use]
    pub fn is_stale_for(&self, token: &str, now: UnixMillis) -> bool {
        now >= self.expires || (now.since(self.fetched) >= MIN_AGE_SECONDS * 1000 && !self.can_judge(token))
    }

    /// Whether a token's key is at hand, or no key would make it a good one.
    fn can_judge(&self, token: &str) -> bool {
        Jws::parse(token).map_or(true, |jws| self.knows_key_of(&jws))
    }

    /// Whom a token signs in.
    ///
    /// # Errors
    /// [`TokenError`] where it is not a good token.
    pub fn verify(&self, token: &str, issuer: &Issuer, now: UnixMillis) -> Result<SignedIn, TokenError> {
        let jws = Jws::parse(token)?;
        jws.header.check()?;
        let mut candidates = self.candidates(&jws.header).peekable();
        candidates.peek().ok_or(TokenError::UnknownKey)?;
        if !candidates.any(|key| jws.is_signed_with(&key.key)) {
            return Err(TokenError::Signature);
        }
        // Nothing in the claims is looked at before the signature is known to be good.
        let claims: Claims = decode_json(jws.claims)?;
        claims.check(issuer, Duration::from_millis(now.get()))?;
        let signed_in = claims.auth_time.unwrap_or(claims.iat).at();
        let expires = claims.exp.at();
        Ok(SignedIn { user: UserId::parse(claims.sub).map_err(|_| TokenError::Subject)?, signed_in, expires })
    }

    /// The keys with which a token may be signed: those of the id that it names (RFC 7515, 4.1.4). An issuer with one key
    /// need not name it, neither in its tokens nor in its key set; one with several must (`OpenID` Connect Core, 10.1).
    fn candidates(&self, header: &Header) -> impl Iterator<Item = &Key> {
        let is_only_key = self.keys.len() == 1;
        self.keys.iter().filter(move |key| match (&header.kid, &key.id) {
            (Some(named), Some(id)) => named == id,
            _ => is_only_key,
        })
    }

    /// Whether a token's key is at hand. A key that neither side names may have been replaced without a sign of it, so
    /// there the signature decides.
    fn knows_key_of(&self, jws: &Jws<'_>) -> bool {
        let is_named = |key: &Key| key.id.is_some() && key.id == jws.header.kid;
        self.candidates(&jws.header).any(|key| is_named(key) || jws.is_signed_with(&key.key))
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
    typ: Option<String>,
    /// Extensions that must be understood (RFC 7515, 4.1.11); none is. A value that is no list of names counts as well.
    #[serde(default, deserialize_with = "is_present")]
    crit: bool,
}

fn is_present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

impl Header {
    fn check(&self) -> Result<(), TokenError> {
        if self.alg != "RS256" {
            return Err(TokenError::Algorithm);
        }
        if self.crit {
            return Err(TokenError::Critical);
        }
        if self.typ.as_deref().is_some_and(is_of_another_purpose) {
            return Err(TokenError::Purpose);
        }
        Ok(())
    }
}

/// Whether a `typ` says that a token signs nobody in, such as `logout+jwt`, which has the same issuer, audience and subject
/// as an ID token (RFC 8725, 3.11). An ID token has `JWT` or none, an access token for this API `at+jwt` (RFC 9068).
fn is_of_another_purpose(typ: &str) -> bool {
    // A media type: its letters may be of either case, and `application/` may be left out (RFC 7515, 4.1.9).
    let typ = typ.to_ascii_lowercase();
    let typ = typ.strip_prefix("application/").unwrap_or(&typ);
    typ.ends_with("+jwt") && typ != "at+jwt"
}

impl<'a> Jws<'a> {
    fn parse(token: &'a str) -> Result<Self, TokenError> {
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        let header: Header = decode_json(header)?;
        let signature = BASE64URL.decode(signature).map_err(|_| TokenError::Malformed)?;
        Ok(Self { header, claims, signature, signed })
    }

    fn is_signed_with(&self, key: &PublicKey) -> bool {
        key.pkcs1v15_verify::<Sha256>(self.signed.as_bytes(), &self.signature).is_ok()
    }
}

fn decode_json<T: DeserializeOwned>(part: &str) -> Result<T, TokenError> {
    let json = BASE64URL.decode(part).map_err(|_| TokenError::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| TokenError::Malformed)
}

/// The claims that are used. `iss`, `aud`, `sub`, `exp` and `iat` are required (`OpenID` Connect Core, 2); one of the others
/// that is null is as good as none. A claim that comes twice is refused (RFC 7519, 4).
#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    sub: String,
    exp: NumericDate,
    iat: NumericDate,
    nbf: Option<NumericDate>,
    auth_time: Option<NumericDate>,
}

/// Seconds since 1970 as any JSON number, fractions included (RFC 7519, 2).
#[derive(Clone, Copy)]
struct NumericDate(Duration);

impl NumericDate {
    fn at(self) -> UnixMillis {
        UnixMillis::new(u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX))
    }
}

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumericDateVisitor)
    }
}

struct NumericDateVisitor;

impl Visitor<'_> for NumericDateVisitor {
    type Value = NumericDate;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of seconds")
    }

    fn visit_u64<E>(self, seconds: u64) -> Result<NumericDate, E> {
        Ok(NumericDate(Duration::from_secs(seconds)))
    }

    fn visit_i64<E>(self, seconds: i64) -> Result<NumericDate, E> {
        // A time before 1970 is as far in the past as one can be.
        Ok(NumericDate(Duration::from_secs(seconds.try_into().unwrap_or(0))))
    }

    fn visit_f64<E>(self, seconds: f64) -> Result<NumericDate, E> {
        // JSON has no number that is none, so what is no duration is below zero or beyond every clock.
        let extreme = if seconds < 1.0 { Duration::ZERO } else { Duration::MAX };
        Ok(NumericDate(Duration::try_from_secs_f64(seconds).unwrap_or(extreme)))
    }
}

/// One audience, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Claims {
    fn check(&self, issuer: &Issuer, now: Duration) -> Result<(), TokenError> {
        let for_us = match &self.aud {
            Audience::One(audience) => *audience == issuer.audience,
            Audience::Several(audiences) => audiences.contains(&issuer.audience),
        };
        if self.iss != issuer.issuer || !for_us {
            return Err(TokenError::Foreign);
        }
        let is_expired = self.exp.0.saturating_add(LEEWAY) <= now;
        let soon = now.saturating_add(LEEWAY);
        let begins = [Some(self.iat), self.nbf, self.auth_time];
        if is_expired || begins.into_iter().flatten().any(|begin| begin.0 > soon) {
            return Err(TokenError::Time);
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct JwkSet {
    /// Each is read by itself.
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kid: Option<String>,
    kty: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl Jwk {
    /// The key, where it is one for RS256 signatures.
    fn into_key(self) -> Option<Key> {
        let for_signatures = self.usage.is_none_or(|usage| usage == "sig");
        let for_verifying = self.key_ops.is_none_or(|operations| operations.iter().any(|name| name == "verify"));
        let for_rs256 = self.alg.is_none_or(|alg| alg == "RS256");
        if self.kty != "RSA" || !for_signatures || !for_verifying || !for_rs256 {
            return None;
        }
        let number = |text: Option<String>| Some(BoxedUint::from_be_slice_vartime(&BASE64URL.decode(text?).ok()?));
        Some(Key { id: self.kid, key: PublicKey::new(number(self.n)?, number(self.e)?).ok()? })
    }
}

/// `max-age` of a `Cache-Control` header, in seconds: a directive's letters may be of either case, and its value in quotes
/// (RFC 9111, 5.2).
fn max_age(header: &str) -> Option<u64> {
    header.split(',').find_map(|directive| {
        let (name, value) = directive.split_once('=')?;
        name.trim().eq_ignore_ascii_case("max-age").then(|| value.trim().trim_matches('"').parse().ok())?
    })
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
        assert_eq!(keys(Some("Public, Max-Age=\"600\"")).expires, now + 600_000);
        for short in ["max-age=0", "max-age=59"] {
            assert_eq!(keys(Some(short)).expires, now + 60_000, "{short}");
        }
        for silent in [None, Some("no-cache"), Some("max-age=soon"), Some("s-max-age=60")] {
            assert_eq!(keys(silent).expires, now + 300_000, "{silent:?}");
        }
    }
}
