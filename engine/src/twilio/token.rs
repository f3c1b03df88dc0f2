//! Access tokens: what lets a user's device place calls through the operator's Twilio account.
//!
//! A token is a JWT (HS256) under the secret of an API key, not under the account's auth token. It is a licence to dial
//! until it expires, so it is short-lived, and it lets a device place calls and not take any. Two things in it are out of
//! its holder's hands: the [identity](Identity), which Twilio repeats to the webhook as `From=client:<identity>`, and the
//! parameters, which come from here. Everything else that a device sends on connecting is the device's own word.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use fourwire_wire::ids::UserId;
use fourwire_wire::pii::Pii;
use fourwire_wire::units::UnixMillis;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;
use thiserror::Error;

use super::identity::{Identity, USER_ID};
use crate::phone::sid::{AccountSid, ApiKeySid, AppSid};

/// What Twilio's own libraries put there, in their order.
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT","cty":"twilio-fpa;v=1"}"#;

/// What signs tokens.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// The account that the key belongs to.
    pub account: AccountSid,
    /// The key's name.
    pub sid: ApiKeySid,
    /// The key itself.
    pub secret: Pii<String>,
}

/// What a token lets its holder do: place calls, as one user, through one TwiML application.
#[derive(Clone, Debug)]
pub struct VoiceGrant<'a> {
    /// The user. Twilio knows the user by an identity of its own kind.
    pub identity: &'a UserId,
    /// The application that answers the calls.
    pub app: &'a AppSid,
    /// Sent to the application with each call, out of the holder's reach. Names are our own; a device may send fields of
    /// the same name, so each is one that no device has a use for.
    pub params: BTreeMap<&'static str, Pii<String>>,
}

/// How long a token is good: one second to one day, the longest that Twilio takes (error 31207 beyond).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenLife(u32);

/// A token's life is none, or longer than Twilio takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be 1 to 86400 seconds")]
pub struct TokenLifeError;

impl TokenLife {
    /// Longest life, in seconds: 24 hours.
    const MAX_SECONDS: u32 = 86_400;

    /// A life of so many seconds.
    ///
    /// # Errors
    /// [`TokenLifeError`] where Twilio would refuse it.
    pub const fn from_seconds(seconds: u32) -> Result<Self, TokenLifeError> {
        match seconds {
            1..=Self::MAX_SECONDS => Ok(Self(seconds)),
            _ => Err(TokenLifeError),
        }
    }

    /// The life in seconds.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

impl Default for TokenLife {
    /// An hour, as Twilio's own libraries have it.
    fn default() -> Self {
        Self(3600)
    }
}

/// A signed token. It prints as personal data does, and serialises as its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct AccessToken(Pii<String>);

/// A token could not be made: the API key has no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("an API key without a secret signs nothing")]
pub struct IssueError;

impl AccessToken {
    /// Signs a token that is good from `now` on.
    ///
    /// # Errors
    /// [`IssueError`] where the key has no secret: anybody could sign such a token.
    pub fn issue(key: &ApiKey, grant: &VoiceGrant<'_>, life: TokenLife, now: UnixMillis) -> Result<Self, IssueError> {
        let claims = serde_json::to_vec(&Claims::new(key, grant, life, now)).map_err(|_| IssueError)?;
        let signed = format!("{}.{}", BASE64URL.encode(HEADER), BASE64URL.encode(claims));
        let secret = Some(key.secret.expose()).filter(|secret| !secret.is_empty()).ok_or(IssueError)?;
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(|_| IssueError)?;
        let signature = BASE64URL.encode(mac.chain_update(&signed).finalize().into_bytes());
        Ok(Self(Pii::new(format!("{signed}.{signature}"))))
    }

    /// The token, for the device that asked for it.
    #[must_use]
    pub const fn text(&self) -> &Pii<String> {
        &self.0
    }
}

/// In the order of Twilio's own libraries, so that tokens can be compared as texts. Times are seconds since 1970.
///
/// There is no `nbf`: a token is good from the moment it is made, and where Twilio's clock is a second behind ours, a
/// token with that moment in it is refused as not good yet (error 20105).
#[derive(Serialize)]
struct Claims<'a> {
    jti: String,
    grants: Grants<'a>,
    iat: u64,
    exp: u64,
    iss: &'a ApiKeySid,
    sub: &'a AccountSid,
}

#[derive(Serialize)]
struct Grants<'a> {
    identity: Identity,
    voice: Voice<'a>,
}

#[derive(Serialize)]
struct Voice<'a> {
    outgoing: Outgoing<'a>,
}

#[derive(Serialize)]
struct Outgoing<'a> {
    application_sid: &'a AppSid,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    params: BTreeMap<&'static str, &'a str>,
}

impl<'a> Claims<'a> {
    fn new(key: &'a ApiKey, grant: &'a VoiceGrant<'a>, life: TokenLife, now: UnixMillis) -> Self {
        let iat = now.seconds();
        let identity = Identity::of(grant.identity);
        let mut params: BTreeMap<_, _> =
            grant.params.iter().map(|(name, value)| (*name, value.expose().as_str())).collect();
        if identity.is_hashed() {
            params.insert(USER_ID, grant.identity.as_str());
        }
        let outgoing = Outgoing { application_sid: grant.app, params };
        Self {
            jti: format!("{}-{iat}", key.sid),
            grants: Grants { identity, voice: Voice { outgoing } },
            iat,
            exp: iat.saturating_add(life.seconds().into()),
            iss: &key.sid,
            sub: &key.account,
        }
    }
}
