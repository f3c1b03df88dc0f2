//! Checks an access token as the service does when a browser connects: everything must be right.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fourwire_wire::pii::Pii;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sha2::Sha256;
use thiserror::Error;

use super::credentials::{ACCOUNT_SID, API_KEY_SECRET, API_KEY_SID, TWIML_APP_SID};

/// How long a token may be good for, in seconds.
const MAX_LIFE: u64 = 24 * 60 * 60;
/// How long an identity may be, in characters.
const IDENTITY_LIMIT: usize = 121;

/// Why a call is refused before the application is asked, by the number that the browser gets.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{code}: {reason}")]
pub struct TokenError {
    /// Twilio's error number.
    pub code: u32,
    /// What is wrong.
    pub reason: &'static str,
}

/// What a good token grants.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) identity: Pii<String>,
    /// Until when, in seconds since 1970.
    pub(crate) expires: u64,
    /// Parameters that the application put into the token.
    pub(super) params: Vec<(String, Pii<String>)>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: String,
    cty: String,
}

#[derive(Deserialize)]
struct Claims {
    jti: String,
    iss: String,
    sub: String,
    exp: u64,
    iat: Option<u64>,
    nbf: Option<u64>,
    grants: Value,
}

#[derive(Deserialize)]
struct Grants {
    identity: String,
    voice: Voice,
}

#[derive(Deserialize)]
struct Voice {
    outgoing: Outgoing,
}

#[derive(Deserialize)]
struct Outgoing {
    application_sid: String,
    #[serde(default)]
    params: Map<String, Value>,
}

/// What the token grants, at a time in seconds since 1970.
pub(crate) fn check(token: &str, now: u64) -> Result<Grant, TokenError> {
    let mut parts = token.split('.');
    let (Some(header), Some(claims), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(refused(20_101, "it is not three parts with dots between"));
    };
    let named: Header = read(header).ok_or(refused(20_102, "its header cannot be read"))?;
    if (named.alg.as_str(), named.typ.as_str(), named.cty.as_str()) != ("HS256", "JWT", "twilio-fpa;v=1") {
        return Err(refused(20_102, "its header is not HS256, JWT and twilio-fpa;v=1"));
    }
    if !is_signed(&format!("{header}.{claims}"), signature) {
        return Err(refused(20_107, "it is not signed with the API key's secret"));
    }
    let claims: Claims = read(claims).ok_or(refused(20_101, "its claims cannot be read, or lack one"))?;
    check_claims(&claims, now)?;
    granted(claims)
}

fn check_claims(claims: &Claims, now: u64) -> Result<(), TokenError> {
    if claims.iss != API_KEY_SID || claims.sub != ACCOUNT_SID {
        return Err(refused(20_103, "it is not issued by the API key for the account"));
    }
    if claims.jti.strip_prefix(API_KEY_SID).is_none_or(|rest| !rest.starts_with('-')) {
        return Err(refused(20_101, "its id does not begin with the API key"));
    }
    if claims.exp <= now {
        return Err(refused(20_104, "it has expired"));
    }
    if claims.nbf.is_some_and(|begin| begin > now) {
        return Err(refused(20_105, "it is not good yet"));
    }
    let begin = claims.iat.or(claims.nbf).unwrap_or(now).min(now);
    if claims.exp - begin > MAX_LIFE {
        return Err(refused(20_157, "it is good for more than 24 hours"));
    }
    Ok(())
}

fn granted(claims: Claims) -> Result<Grant, TokenError> {
    let Grants { identity, voice } = serde_json::from_value(claims.grants)
        .map_err(|_| refused(20_106, "it does not grant an identity outgoing calls"))?;
    let Outgoing { application_sid, params } = voice.outgoing;
    if application_sid != TWIML_APP_SID {
        return Err(refused(31_001, "there is no such TwiML application"));
    }
    if !is_identity(&identity) {
        return Err(refused(31_105, "the identity is not 1 to 121 letters, digits and _"));
    }
    let params = params.into_iter().map(|(name, value)| match value {
        Value::String(text) => Ok((name, Pii::new(text))),
        _ => Err(refused(20_106, "a parameter is no text")),
    });
    Ok(Grant { identity: Pii::new(identity), expires: claims.exp, params: params.collect::<Result<_, _>>()? })
}

/// Whether a client can be called this (<https://www.twilio.com/docs/voice/sdks/access-tokens>).
fn is_identity(identity: &str) -> bool {
    let good = |sign: u8| sign.is_ascii_alphanumeric() || sign == b'_';
    (1..=IDENTITY_LIMIT).contains(&identity.len()) && identity.bytes().all(good)
}

fn is_signed(message: &str, signature: &str) -> bool {
    let mut mac = Hmac::<Sha256>::new_from_slice(API_KEY_SECRET.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(message.as_bytes());
    URL_SAFE_NO_PAD.decode(signature).is_ok_and(|signature| mac.verify_slice(&signature).is_ok())
}

fn read<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

fn refused(code: u32, reason: &'static str) -> TokenError {
    TokenError { code, reason }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: u64 = 1_700_000_000;

    fn header() -> Value {
        json!({ "alg": "HS256", "typ": "JWT", "cty": "twilio-fpa;v=1" })
    }

    fn claims() -> Value {
        json!({
            "jti": format!("{API_KEY_SID}-{NOW}"), "iss": API_KEY_SID, "sub": ACCOUNT_SID, "iat": NOW, "exp": NOW + 3_600,
            "grants": {
                "identity": "ann",
                "voice": { "outgoing": { "application_sid": TWIML_APP_SID, "params": { "Plan": "free" } } },
            },
        })
    }

    fn signed(header: &Value, claims: &Value) -> String {
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let mut mac = Hmac::<Sha256>::new_from_slice(API_KEY_SECRET.as_bytes()).unwrap();
        mac.update(format!("{header}.{claims}").as_bytes());
        format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    #[test]
    fn a_good_token_grants_its_identity_and_parameters() {
        let grant = check(&signed(&header(), &claims()), NOW).unwrap();
        assert_eq!(grant.identity.expose(), "ann");
        assert_eq!(grant.params, [("Plan".to_owned(), Pii::new("free".to_owned()))]);
    }

    #[test]
    fn an_identity_has_letters_digits_and_underscores() {
        for good in ["a", "Ann_7", "_", "fwe_auth0_7c5f7c", &"a".repeat(121)] {
            let mut claims = claims();
            claims["grants"]["identity"] = json!(good);
            assert_eq!(check(&signed(&header(), &claims), NOW).unwrap().identity.expose(), good);
        }
    }

    #[test]
    fn each_flaw_has_its_number() {
        for (path, value, code) in [
            ("/iss", json!("SK0"), 20_103),
            ("/sub", json!("AC0"), 20_103),
            ("/jti", json!("1"), 20_101),
            ("/exp", json!(NOW), 20_104),
            ("/exp", json!(NOW + 24 * 3_600 + 1), 20_157),
            ("/exp", json!("soon"), 20_101),
            ("/grants/voice/outgoing", json!(null), 20_106),
            ("/grants/identity", json!(null), 20_106),
            ("/grants/identity", json!("ann lee"), 31_105),
            ("/grants/identity", json!(""), 31_105),
            ("/grants/identity", json!("auth0|5f7c"), 31_105),
            ("/grants/identity", json!("ann@example.test"), 31_105),
            ("/grants/identity", json!("ann-lee"), 31_105),
            ("/grants/identity", json!("ann.lee"), 31_105),
            ("/grants/identity", json!("änn"), 31_105),
            ("/grants/identity", json!("a".repeat(122)), 31_105),
            ("/grants/voice/outgoing/application_sid", json!("AP0"), 31_001),
            ("/grants/voice/outgoing/params", json!({ "Plan": 1 }), 20_106),
        ] {
            let mut claims = claims();
            *claims.pointer_mut(path).unwrap() = value;
            assert_eq!(check(&signed(&header(), &claims), NOW).unwrap_err().code, code, "{path}");
        }
        let mut early = claims();
        early["nbf"] = json!(NOW + 60);
        assert_eq!(check(&signed(&header(), &early), NOW).unwrap_err().code, 20_105);
        for (name, value) in [("alg", "HS512"), ("typ", "jwt"), ("cty", "twilio-fpa;v=2")] {
            let mut header = header();
            header[name] = value.into();
            assert_eq!(check(&signed(&header, &claims()), NOW).unwrap_err().code, 20_102, "{name}");
        }
        let good = signed(&header(), &claims());
        assert_eq!(check(&good[..good.len() - 2], NOW).unwrap_err().code, 20_107);
        assert_eq!(check("a.b", NOW).unwrap_err().code, 20_101);
    }
}
