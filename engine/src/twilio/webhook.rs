//! What Twilio's signed requests say. The caller's device chooses some of their fields, so each is taken only as what it
//! must be, and only by a name of ours.

use fourwire_wire::conversation::Outcome;
use fourwire_wire::ids::{CallId, UserId};
use fourwire_wire::pii::Pii;
use fourwire_wire::units::UnixMillis;
use thiserror::Error;

use super::identity::{Identity, USER_ID};
use crate::phone::claim::{Failure, VerificationResult};
use crate::phone::ledger::{LegStatus, Progress};
use crate::phone::number::PhoneNumber;
use crate::phone::sid::{CallSid, CallerIdSid};

/// The parameter of an access token that comes back with each call made with it: a reference to the token's user that only
/// this deployment can make.
pub const USER_REF: &str = "FourwireUser";

/// A request lacks a field that Twilio always sends, or it is none of the values that Twilio knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the request lacks a good {0}")]
pub struct FieldError(pub &'static str);

/// The fields of a form, in their order.
#[derive(Clone, Debug)]
pub struct Form(Vec<(String, Pii<String>)>);

impl Form {
    /// Reads a body of `application/x-www-form-urlencoded`.
    #[must_use]
    pub fn parse(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().map(|(name, value)| (name, Pii::new(value))).collect())
    }

    /// The field of a name. One that has two values has none: a device can send fields by the names of Twilio's own, and
    /// which of them is Twilio's cannot be told.
    fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value.expose().as_str());
        let first = values.next()?;
        values.all(|value| value == first).then_some(first)
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    fn need<T>(&self, name: &'static str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, FieldError> {
        self.get(name).and_then(parse).ok_or(FieldError(name))
    }
}

/// A user's device wants to call somebody.
#[derive(Clone, Debug)]
pub struct VoiceRequest {
    /// Twilio's name for the caller's leg.
    pub call_sid: CallSid,
    /// Who calls: `client:` and the [identity](Identity) of the access token. None where it is somebody else, such as a
    /// telephone.
    pub user: Option<UserId>,
    /// Who is to be called, as the device wrote it.
    pub to: Pii<String>,
    /// The device's name for the call.
    pub call_id: Option<CallId>,
    /// What the access token says of its user ([`USER_REF`]), where it came with the request. Empty where it came with
    /// two values: that must not pass for none.
    pub user_ref: Option<String>,
}

impl VoiceRequest {
    /// Reads the webhook's fields.
    ///
    /// # Errors
    /// [`FieldError`] without a call's name, which Twilio always gives.
    pub fn read(form: &Form) -> Result<Self, FieldError> {
        let identity = form.get("From").and_then(|from| from.strip_prefix("client:"));
        Ok(Self {
            call_sid: form.need("CallSid", |text| CallSid::parse(text).ok())?,
            user: identity.and_then(|identity| Identity::user(identity, form.get(USER_ID))),
            to: Pii::new(form.get("To").unwrap_or_default().to_owned()),
            call_id: form.get("CallId").and_then(|text| CallId::parse(text).ok()),
            user_ref: form.has(USER_REF).then(|| form.get(USER_REF).unwrap_or_default().to_owned()),
        })
    }
}

/// A report about a callee's leg.
#[derive(Clone, Debug)]
pub struct LegReport {
    /// The caller's leg, by which the call is known.
    pub call_sid: CallSid,
    /// What it says.
    pub progress: Progress,
}

impl LegReport {
    /// Reads the fields of a `<Number>` status callback.
    ///
    /// # Errors
    /// [`FieldError`] names what is missing.
    pub fn read(form: &Form, now: UnixMillis) -> Result<Self, FieldError> {
        let progress = Progress {
            leg_sid: form.need("CallSid", |text| CallSid::parse(text).ok())?,
            status: form.need("CallStatus", leg_status)?,
            at: form.get("Timestamp").and_then(UnixMillis::from_rfc2822).unwrap_or(now),
            duration: form.get("CallDuration").and_then(|text| text.parse().ok()),
        };
        Ok(Self { call_sid: form.need("ParentCallSid", |text| CallSid::parse(text).ok())?, progress })
    }
}

fn leg_status(text: &str) -> Option<LegStatus> {
    Some(match text {
        "queued" | "initiated" => LegStatus::Initiated,
        "ringing" => LegStatus::Ringing,
        "in-progress" | "answered" => LegStatus::Answered,
        ended => LegStatus::Ended(outcome(ended)?),
    })
}

fn outcome(text: &str) -> Option<Outcome> {
    Some(match text {
        "completed" => Outcome::Completed,
        "busy" => Outcome::Busy,
        "no-answer" => Outcome::NoAnswer,
        "failed" => Outcome::Failed,
        "canceled" => Outcome::Canceled,
        _ => return None,
    })
}

/// A report about a verification call.
#[derive(Clone, Debug)]
pub struct VerificationReport {
    /// The verification call.
    pub call: CallSid,
    /// The number that was rung.
    pub number: PhoneNumber,
    /// How it ended.
    pub verdict: VerificationResult,
}

impl VerificationReport {
    /// Reads the fields of a verification call's status callback.
    ///
    /// # Errors
    /// [`FieldError`] names what is missing.
    pub fn read(form: &Form) -> Result<Self, FieldError> {
        let verdict = match form.get("VerificationStatus") {
            Some("success") => {
                VerificationResult::Proven(form.need("OutgoingCallerIdSid", |text| CallerIdSid::parse(text).ok())?)
            }
            Some("failed") => VerificationResult::Failed(match form.get("CallStatus").and_then(outcome) {
                Some(Outcome::Completed) => Failure::WrongCode,
                _ => Failure::NoAnswer,
            }),
            _ => return Err(FieldError("VerificationStatus")),
        };
        Ok(Self {
            call: form.need("CallSid", |text| CallSid::parse(text).ok())?,
            number: form.need("To", |text| PhoneNumber::parse(text).ok())?,
            verdict,
        })
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    const CALL: &str = "CA00000000000000000000000000000001";
    const LEG: &str = "CA00000000000000000000000000000002";

    fn form(fields: &[(&str, &str)]) -> Form {
        let mut text = form_urlencoded::Serializer::new(String::new());
        Form::parse(text.extend_pairs(fields).finish().as_bytes())
    }

    #[test]
    fn only_a_device_s_own_identity_is_a_user() {
        let user = |from: &str| {
            let request = VoiceRequest::read(&form(&[("CallSid", CALL), ("From", from), ("To", "")])).unwrap();
            request.user.map(|user| user.to_string())
        };
        assert_eq!(user("client:ann"), Some("ann".to_owned()));
        for other in ["+12025550142", "ann", "", "client:", "sip:client:ann@example.com", "Client:ann", "client:a/b"] {
            assert_eq!(user(other), None, "{other:?}");
        }
    }

    #[test]
    fn an_identity_leads_to_the_user_whom_the_token_was_made_for() {
        let long = "x".repeat(200);
        let hashed = Identity::of(&UserId::parse(long.as_str()).unwrap());
        let hashed = format!("client:{}", hashed.as_str());
        let of = |fields: &[(&str, &str)]| {
            let fields = [&[("CallSid", CALL)], fields].concat();
            VoiceRequest::read(&form(&fields)).unwrap().user.map(String::from)
        };
        let (auth0, escaped) = ("auth0|5f7c", "client:fwe_auth0_7c5f7c");
        for (fields, user) in [
            (&[("From", escaped)][..], Some(auth0)),
            (&[("From", escaped), (USER_ID, "victim")], Some(auth0)),
            (&[("From", "client:ann"), (USER_ID, "victim")], Some("ann")),
            (&[("From", "client:auth0|5f7c")], None),
            (&[("From", "client:fwe_ann")], None),
            (&[("From", "client:fwe_auth0_7C5f7c")], None),
            (&[("From", "client:FWE_auth0_7c5f7c")], Some("FWE_auth0_7c5f7c")),
            (&[("From", "client:a%7Cb")], None),
            (&[("From", &hashed), (USER_ID, &long)], Some(&*long)),
            (&[("From", &hashed)], None),
            (&[("From", &hashed), (USER_ID, "victim")], None),
            (&[("From", &hashed), (USER_ID, &long[1..])], None),
            // Twice with two values is none, whoever sent which.
            (&[("From", &hashed), (USER_ID, &long), (USER_ID, "victim")], None),
        ] {
            assert_eq!(of(fields).as_deref(), user, "{fields:?}");
        }
    }

    #[test]
    fn a_device_s_own_fields_are_taken_as_what_they_must_be() {
        let fields = [("CallSid", CALL), ("From", "client:ann"), ("To", "+1 202"), ("CallId", "a b")];
        let request = VoiceRequest::read(&form(&fields)).unwrap();
        assert_eq!((request.to.expose().as_str(), request.call_id), ("+1 202", None));
        assert_eq!(VoiceRequest::read(&form(&fields[1..])).unwrap_err(), FieldError("CallSid"));
    }

    #[test]
    fn a_field_that_comes_twice_with_two_values_is_nobody_s_word() {
        let mut fields = vec![("From", "client:victim"), ("CallSid", CALL), ("From", "client:ann"), ("To", "+1")];
        assert_eq!(VoiceRequest::read(&form(&fields)).unwrap().user, None);
        fields[0].1 = "client:ann";
        assert!(VoiceRequest::read(&form(&fields)).unwrap().user.is_some());
        fields.push(("CallSid", LEG));
        assert_eq!(VoiceRequest::read(&form(&fields)).unwrap_err(), FieldError("CallSid"));
    }

    #[test]
    fn a_token_s_word_that_comes_twice_is_not_taken_for_a_token_without_one() {
        let user_ref = |more: &[(&str, &str)]| {
            let fields = [&[("CallSid", CALL), ("From", "client:ann")], more].concat();
            VoiceRequest::read(&form(&fields)).unwrap().user_ref
        };
        assert_eq!(user_ref(&[]), None);
        assert_eq!(user_ref(&[(USER_REF, "1")]).as_deref(), Some("1"));
        assert_eq!(user_ref(&[(USER_REF, "1"), (USER_REF, "2")]).as_deref(), Some(""));
    }

    #[test]
    fn a_leg_s_report_is_read_with_twilio_s_time() {
        let now = UnixMillis::new(5);
        let fields = [
            ("CallSid", LEG),
            ("ParentCallSid", CALL),
            ("CallStatus", "completed"),
            ("CallDuration", "61"),
            ("Timestamp", "Wed, 25 Mar 2026 12:00:00 +0000"),
        ];
        let report = LegReport::read(&form(&fields), now).unwrap();
        assert_eq!(report.call_sid.as_str(), CALL);
        let progress = report.progress;
        assert_eq!((progress.status, progress.duration), (LegStatus::Ended(Outcome::Completed), Some(61)));
        assert_eq!(progress.at, UnixMillis::new(1_774_440_000_000));
        assert_eq!(LegReport::read(&form(&fields[..3]), now).unwrap().progress.at, now);
        let odd = [("CallSid", LEG), ("ParentCallSid", CALL), ("CallStatus", "sleeping")];
        assert_eq!(LegReport::read(&form(&odd), now).unwrap_err(), FieldError("CallStatus"));
    }

    #[test]
    fn a_verification_s_failure_is_told_by_whether_anybody_answered() {
        let verdict = |status: &str, call: &str| {
            let fields = [
                ("CallSid", CALL),
                ("To", "+12025550142"),
                ("CallStatus", call),
                ("VerificationStatus", status),
                ("OutgoingCallerIdSid", "PN00000000000000000000000000000003"),
            ];
            VerificationReport::read(&form(&fields)).map(|report| report.verdict)
        };
        assert!(matches!(verdict("success", "completed"), Ok(VerificationResult::Proven(_))));
        assert_eq!(verdict("failed", "completed"), Ok(VerificationResult::Failed(Failure::WrongCode)));
        for call in ["no-answer", "busy", "failed", "canceled"] {
            assert_eq!(verdict("failed", call), Ok(VerificationResult::Failed(Failure::NoAnswer)), "{call}");
        }
        assert_eq!(verdict("maybe", "completed"), Err(FieldError("VerificationStatus")));
    }
}
