//! Whether a webhook is Twilio's: the `X-Twilio-Signature` header.
//!
//! The signature is `base64(HMAC-SHA1(auth token, URL ‖ fields))`:
//!
//! - the URL is the one that the operator gave to Twilio, byte for byte. Twilio itself is not consistent about ports and
//!   about escaping, so several spellings of the URL are tried;
//! - the fields are those of a form body: each name and value, decoded, without anything between them, in order and each
//!   pair once. Fields with empty values count, and outer spaces too;
//! - a body of another kind is not signed itself: the URL carries its hash as `bodySHA256`.
//!
//! Neither time nor headers are signed: a request that was overheard can be sent again.
//!
//! Twilio's Node library is the model (version 6.2.0, `validateRequest` and `validateRequestWithBody`), and tests hold
//! this against it. What is different here is stricter:
//!
//! - what counts as a form is told by the content type, not by whether the URL has `bodySHA256` in it: a body that is no
//!   form needs the hash, always, and an empty one is hashed as empty rather than as `{}`;
//! - of a query, nothing is left out. The library forgets what comes after the first thousand parameters in one of the
//!   spellings it tries, so that an unsigned parameter could hide behind them;
//! - `..` does not climb out of a path segment like `c:`, which the URL parser here takes for a drive. Of such a path, the
//!   spellings that a parser writes do not count.

mod origin;
mod spellings;

use std::cmp::Ordering;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ctutils::CtEq;
use fourwire_wire::pii::Pii;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use thiserror::Error;
use url::Url;

pub use self::origin::{OriginError, PublicOrigin};

/// Length of an HMAC-SHA1.
const SIGNATURE_BYTES: usize = 20;
/// The query parameter that carries the hash of a body that is no form.
const BODY_HASH: &str = "bodySHA256";

/// The account's auth tokens: the one that signs now, and others that may while they are being changed. Twilio goes over
/// from one to the next at a moment of its own, so each is good.
#[derive(Clone, Debug)]
pub struct AuthTokens(Vec<Pii<String>>);

/// One of the auth tokens is empty: anybody could sign with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("has an empty entry")]
pub struct EmptyTokenError;

/// What was sent with a request.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// A form (`application/x-www-form-urlencoded`) as it came; of a GET, nothing.
    Form(&'a [u8]),
    /// Anything else, such as JSON.
    Other(&'a [u8]),
}

/// Why a request does not count as Twilio's. There is no more to it on purpose: whoever tries signatures learns nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// It has no signature.
    #[error("request is not signed")]
    Missing,
    /// It is not signed, as it is, by the holder of an auth token.
    #[error("request is not signed by Twilio")]
    Invalid,
}

impl AuthTokens {
    /// Takes the operator's auth tokens, separated by commas.
    ///
    /// # Errors
    /// [`EmptyTokenError`] where one of them, or all, are missing.
    pub fn parse(text: &str) -> Result<Self, EmptyTokenError> {
        let tokens: Vec<_> = text.split(',').map(|token| Pii::new(token.trim().to_owned())).collect();
        if tokens.iter().any(|token| token.expose().is_empty()) {
            return Err(EmptyTokenError);
        }
        Ok(Self(tokens))
    }

    /// Checks the signature of a webhook. `url` is the one that Twilio was given, see [`PublicOrigin::url_of`];
    /// `signature` is the header, empty where there is none.
    ///
    /// # Errors
    /// [`SignatureError`] where the request is not Twilio's as far as can be told.
    pub fn verify(&self, url: &str, body: Body<'_>, signature: &str) -> Result<(), SignatureError> {
        let signature = parse_signature(signature)?;
        let (fields, body_is_right) = match body {
            Body::Form(form) => (signed_fields(form), true),
            Body::Other(bytes) => (String::new(), names_hash_of(url, bytes)),
        };
        // Not `&&`: how long this takes does not tell which of the two was wrong.
        verdict(self.signed(&spellings::of(url), &fields, signature) & body_is_right)
    }

    /// Whether any token signed any of the URLs with the fields. All are tried in any case, for the sake of the time.
    fn signed(&self, urls: &[String], fields: &str, signature: [u8; SIGNATURE_BYTES]) -> bool {
        let one = |token: &Pii<String>, url: &String| {
            let mac = Hmac::<Sha1>::new_from_slice(token.expose().as_bytes());
            mac.is_ok_and(|mac| mac.chain_update(url).chain_update(fields).verify_slice(&signature).is_ok())
        };
        self.0.iter().flat_map(|token| urls.iter().map(move |url| one(token, url))).fold(false, |any, good| any | good)
    }
}

const fn verdict(good: bool) -> Result<(), SignatureError> {
    if good { Ok(()) } else { Err(SignatureError::Invalid) }
}

/// The bytes of a signature, of which there is one spelling only.
fn parse_signature(header: &str) -> Result<[u8; SIGNATURE_BYTES], SignatureError> {
    if header.is_empty() {
        return Err(SignatureError::Missing);
    }
    let bytes = BASE64.decode(header).map_err(|_| SignatureError::Invalid)?;
    bytes.try_into().map_err(|_| SignatureError::Invalid)
}

/// What is signed of a form: names with their values, sorted by name and then by value, equal pairs once.
fn signed_fields(form: &[u8]) -> String {
    let mut pairs: Vec<_> = form_urlencoded::parse(form).collect();
    pairs.sort_unstable_by(|(name, value), (other_name, other_value)| {
        javascript_order(name, other_name).then_with(|| javascript_order(value, other_value))
    });
    pairs.dedup();
    pairs.iter().flat_map(|(name, value)| [name.as_ref(), value.as_ref()]).collect()
}

/// The order in which JavaScript sorts texts, and Java: by UTF-16 code units, which puts emoji before some letters.
fn javascript_order(left: &str, right: &str) -> Ordering {
    left.encode_utf16().cmp(right.encode_utf16())
}

/// Whether the URL carries the hash of this body.
fn names_hash_of(url: &str, body: &[u8]) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let Some((_, named)) = url.query_pairs().find(|(name, _)| name == BODY_HASH) else { return false };
    let hash = base16ct::lower::encode_string(&Sha256::digest(body));
    // In constant time, though whoever wrote the body can work out its hash.
    named.as_bytes().ct_eq(hash.as_bytes()).into()
}
