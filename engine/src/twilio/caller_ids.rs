//! Twilio's caller-ID API: requests to be sent, and what its answers mean. It knows caller IDs by account, not by user.

use fourwire_wire::pii::Pii;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::outbound::OutboundUrl;
use crate::phone::number::PhoneNumber;
use crate::phone::sid::{AccountSid, CallSid, CallerIdSid};

/// Where Twilio's API is, unless configured otherwise.
pub const DEFAULT_ORIGIN: &str = "https://api.twilio.com";
/// Its version, which is in every path.
const VERSION: &str = "2010-04-01";
/// How many seconds Twilio waits before it rings, so that the code is on the screen by then.
const CALL_DELAY: &str = "3";
/// Twilio's code for a number that is a caller ID already, or is being verified.
const ALREADY_KNOWN: u32 = 21_450;
/// Twilio's code for a number that belongs to the account itself.
const OWNED: u32 = 21_449;
/// Twilio's codes for a number that cannot be rung: it is none, it is in a country that is switched off, it cannot be
/// reached, or it does not want to be called.
const NOT_CALLABLE: [u32; 8] = [21_211, 21_217, 21_215, 13_227, 21_214, 21_216, 21_219, 21_453];

/// How Twilio is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `GET`.
    Get,
    /// `POST`, with a form.
    Post,
    /// `DELETE`.
    Delete,
}

/// A request to be sent.
#[derive(Clone, Debug)]
pub struct ApiRequest {
    /// How.
    pub verb: Verb,
    /// Where.
    pub url: Pii<String>,
    /// The `Authorization` header.
    pub authorization: Pii<String>,
    /// The form, for [`Verb::Post`].
    pub form: Option<Pii<String>>,
}

/// Why Twilio did not do what it was asked. Its own text is never passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ApiError {
    /// The number is a caller ID of the account already, or is being verified.
    #[error("the number is known already")]
    AlreadyKnown,
    /// The number cannot be rung.
    #[error("the number cannot be called")]
    NotCallable,
    /// It wants to be asked less often.
    #[error("too many requests")]
    TooMany,
    /// It does not take our key.
    #[error("the API key is refused")]
    Credentials,
    /// Anything else: its status, and its code where it gave one.
    #[error("refused with status {0}, code {1}")]
    Other(u16, u32),
}

impl ApiError {
    /// Whether Twilio has surely done nothing, so that nobody's phone rings.
    #[must_use]
    pub const fn nothing_happened(self) -> bool {
        !matches!(self, Self::Other(500.., _))
    }
}

/// Why there is no good answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failed {
    /// Twilio has surely done nothing, and says why.
    Refused(Reason),
    /// Whether Twilio has done it is not known: it did not answer in time, or said that it is in trouble itself.
    Unknown,
}

/// What a refusal means to the person who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// The number is known at Twilio already, or is being verified.
    AlreadyKnown,
    /// The number cannot be called.
    NotCallable,
    /// Twilio wants to be asked less often.
    TooMany,
    /// Anything that only the operator can mend; the log says what.
    Ours,
}

impl From<ApiError> for Failed {
    fn from(error: ApiError) -> Self {
        if !error.nothing_happened() {
            return Self::Unknown;
        }
        Self::Refused(match error {
            ApiError::AlreadyKnown => Reason::AlreadyKnown,
            ApiError::NotCallable => Reason::NotCallable,
            ApiError::TooMany => Reason::TooMany,
            ApiError::Credentials | ApiError::Other(..) => Reason::Ours,
        })
    }
}

/// A verification call that Twilio makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// The call.
    pub call: CallSid,
    /// What whoever answers must type.
    pub code: Pii<String>,
}

/// The account's API.
#[derive(Clone, Debug)]
pub struct CallerIds {
    /// `…/Accounts/{AccountSid}/OutgoingCallerIds`.
    resource: String,
    authorization: Pii<String>,
}

impl CallerIds {
    /// The API of an account, at an address without a path, with the value of its `Authorization` header.
    #[must_use]
    pub fn new(origin: &OutboundUrl, account: &AccountSid, authorization: Pii<String>) -> Self {
        let origin = origin.url().as_str().trim_end_matches('/');
        let resource = format!("{origin}/{VERSION}/Accounts/{}/OutgoingCallerIds", account.as_str());
        Self { resource, authorization }
    }

    /// Has a number rung and verified; Twilio reports to `callback`. [`started`] reads the answer.
    #[must_use]
    pub fn verify(&self, number: &PhoneNumber, callback: &str) -> ApiRequest {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("PhoneNumber", number.expose())
            .append_pair("FriendlyName", number.expose())
            .append_pair("CallDelay", CALL_DELAY)
            .append_pair("StatusCallback", callback)
            .append_pair("StatusCallbackMethod", "POST");
        self.request(Verb::Post, format!("{}.json", self.resource), Some(form.finish()))
    }

    /// Looks a number up. [`listed`] reads the answer.
    #[must_use]
    pub fn find(&self, number: &PhoneNumber) -> ApiRequest {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("PhoneNumber", number.expose()).append_pair("PageSize", "1");
        self.request(Verb::Get, format!("{}.json?{}", self.resource, query.finish()), None)
    }

    /// Looks a caller ID up. [`exists`] reads the answer.
    #[must_use]
    pub fn fetch(&self, caller_id: &CallerIdSid) -> ApiRequest {
        self.request(Verb::Get, format!("{}/{}.json", self.resource, caller_id.as_str()), None)
    }

    /// Deletes a caller ID. [`deleted`] reads the answer.
    #[must_use]
    pub fn delete(&self, caller_id: &CallerIdSid) -> ApiRequest {
        self.request(Verb::Delete, format!("{}/{}.json", self.resource, caller_id.as_str()), None)
    }

    fn request(&self, verb: Verb, url: String, form: Option<String>) -> ApiRequest {
        let authorization = self.authorization.clone();
        ApiRequest { verb, url: Pii::new(url), authorization, form: form.map(Pii::new) }
    }
}

/// What Twilio answers to [`CallerIds::verify`].
///
/// # Errors
/// [`ApiError`].
pub fn started(status: u16, body: &[u8]) -> Result<Started, ApiError> {
    #[derive(Deserialize)]
    struct Answer {
        call_sid: CallSid,
        validation_code: Code,
    }
    /// A text by Twilio's description, a number in an older example of its own.
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Code {
        Text(String),
        Number(u32),
    }
    let answer: Answer = good(status, body)?;
    let code = match answer.validation_code {
        Code::Text(text) => text,
        Code::Number(number) => format!("{number:06}"),
    };
    Ok(Started { call: answer.call_sid, code: Pii::new(code) })
}

/// What Twilio answers to [`CallerIds::find`]: the number's caller ID, where it has one.
///
/// # Errors
/// [`ApiError`].
pub fn listed(status: u16, body: &[u8]) -> Result<Option<CallerIdSid>, ApiError> {
    #[derive(Deserialize)]
    struct Answer {
        outgoing_caller_ids: Vec<Entry>,
    }
    let answer: Answer = good(status, body)?;
    Ok(answer.outgoing_caller_ids.into_iter().next().map(|entry| entry.sid))
}

/// What Twilio answers to [`CallerIds::fetch`]: whether the caller ID exists.
///
/// # Errors
/// [`ApiError`].
pub fn exists(status: u16, body: &[u8]) -> Result<bool, ApiError> {
    if status == 404 {
        return Ok(false);
    }
    let _: Entry = good(status, body)?;
    Ok(true)
}

/// What Twilio answers to [`CallerIds::delete`]. One that is gone already counts as deleted.
///
/// # Errors
/// [`ApiError`].
pub fn deleted(status: u16, body: &[u8]) -> Result<(), ApiError> {
    if matches!(status, 200 | 204 | 404) { Ok(()) } else { Err(refusal(status, body)) }
}

/// A caller ID, as Twilio shows one.
#[derive(Deserialize)]
struct Entry {
    sid: CallerIdSid,
}

fn good<T: for<'a> Deserialize<'a>>(status: u16, body: &[u8]) -> Result<T, ApiError> {
    if !matches!(status, 200 | 201) {
        return Err(refusal(status, body));
    }
    serde_json::from_slice(body).map_err(|_| ApiError::Other(status, 0))
}

fn refusal(status: u16, body: &[u8]) -> ApiError {
    #[derive(Deserialize)]
    struct Refusal {
        code: u32,
    }
    let code = serde_json::from_slice::<Refusal>(body).map_or(0, |refusal| refusal.code);
    match (status, code) {
        (_, ALREADY_KNOWN) => ApiError::AlreadyKnown,
        (_, code) if NOT_CALLABLE.contains(&code) || code == OWNED => ApiError::NotCallable,
        (429, _) => ApiError::TooMany,
        (401 | 403, _) => ApiError::Credentials,
        _ => ApiError::Other(status, code),
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn a_code_keeps_its_leading_zeros_whether_it_is_a_text_or_a_number() {
        let code = |value: &str| {
            let body =
                format!(r#"{{"call_sid":"CA00000000000000000000000000000001","validation_code":{value},"more":null}}"#);
            started(200, body.as_bytes()).unwrap().code.into_inner()
        };
        assert_eq!(code("\"012345\""), "012345");
        assert_eq!(code("12345"), "012345");
    }

    #[test]
    fn a_refusal_is_known_by_its_code_and_its_text_is_dropped() {
        let refused = |status: u16, code: u32| {
            let body = format!(r#"{{"code":{code},"message":"secret +12025550142","status":{status}}}"#);
            started(status, body.as_bytes()).unwrap_err()
        };
        assert_eq!(refused(400, 21_450), ApiError::AlreadyKnown);
        assert_eq!(refused(400, 21_211), ApiError::NotCallable);
        assert_eq!(refused(429, 20_429), ApiError::TooMany);
        assert_eq!(refused(401, 20_003), ApiError::Credentials);
        assert_eq!(refused(500, 20_500).to_string(), "refused with status 500, code 20500");
        assert_eq!(started(503, b"<html>"), Err(ApiError::Other(503, 0)));
        assert!(!ApiError::Other(503, 0).nothing_happened() && ApiError::TooMany.nothing_happened());
    }

    #[test]
    fn a_caller_id_that_is_gone_is_no_error() {
        assert_eq!(exists(404, b"{\"code\":20404}"), Ok(false));
        assert_eq!(exists(200, br#"{"sid":"PN00000000000000000000000000000001"}"#), Ok(true));
        assert!(exists(200, b"<html>").is_err());
        assert_eq!(deleted(404, b"{\"code\":20404}"), Ok(()));
        assert_eq!(listed(200, b"{\"outgoing_caller_ids\":[]}"), Ok(None));
        assert!(listed(200, b"[]").is_err());
    }
}
