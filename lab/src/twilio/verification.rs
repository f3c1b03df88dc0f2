//! The call that verifies a number: asked for, placed, played out, and told of.

use std::time::Duration;

use axum::http::Method;
use fourwire_wire::pii::Pii;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::credentials::ACCOUNT_SID;
use super::form::{Parameters, friendly_name, is_address};
use super::handle::Twilio;
use super::problem::Problem;
use super::records::{Course, Outcome, Target, VerificationCall};
use super::webhook::Webhook;
use super::{ids, number};

/// What a verification may be asked with.
pub(super) const PARAMETERS: [&str; 6] =
    ["PhoneNumber", "FriendlyName", "CallDelay", "Extension", "StatusCallback", "StatusCallbackMethod"];
/// The number is verified on this account, or on its way to be.
const ALREADY_VERIFIED: u32 = 21_450;
/// `CallDelay` is not 0 to 60.
const CALL_DELAY: u32 = 21_454;
/// The number is none.
const PHONE_NUMBER: u32 = 21_211;
/// `StatusCallbackMethod` is neither GET nor POST.
const METHOD: u32 = 21_209;
/// `StatusCallback` is no address.
const STATUS_CALLBACK: u32 = 21_609;
/// How long the address of a status callback may be.
const STATUS_CALLBACK_LIMIT: usize = 1000;
/// How many seconds a call can wait for.
const CALL_DELAY_LIMIT: u32 = 60;
/// The number that verification calls come from.
const VERIFIER: &str = "+12025550190";
/// Seconds from picking up to the sixth digit, as the callback tells it.
const TYPING_SECONDS: u32 = 9;

/// A request for a verification.
pub(super) struct Wanted {
    number: String,
    friendly_name: String,
    call_delay: u32,
    callback: Option<Target>,
}

impl Wanted {
    pub(super) fn read(parameters: &Parameters) -> Result<Self, Problem> {
        let given = parameters.get("PhoneNumber").ok_or_else(|| Problem::strict("PhoneNumber is required"))?;
        let number = number::e164(given)
            .ok_or_else(|| Problem::bad(PHONE_NUMBER, "The phone number that was given is not valid"))?;
        let friendly_name = friendly_name(parameters)?.unwrap_or_else(|| number::friendly_name(&number));
        let call_delay = match parameters.get("CallDelay").map(str::parse::<u32>) {
            None => 0,
            Some(Ok(seconds)) if seconds <= CALL_DELAY_LIMIT => seconds,
            Some(_) => return Err(Problem::bad(CALL_DELAY, "Invalid CallDelay")),
        };
        if parameters.get("Extension").is_some_and(|keys| !keys.bytes().all(|key| key.is_ascii_digit())) {
            return Err(Problem::strict("Extension has digits only"));
        }
        Ok(Self { number, friendly_name, call_delay, callback: callback(parameters)? })
    }
}

fn callback(parameters: &Parameters) -> Result<Option<Target>, Problem> {
    let method = match parameters.get("StatusCallbackMethod") {
        None | Some("POST") => Method::POST,
        Some("GET") => Method::GET,
        Some(_) => return Err(Problem::bad(METHOD, "Invalid StatusCallbackMethod")),
    };
    let Some(url) = parameters.get("StatusCallback") else { return Ok(None) };
    if url.len() > STATUS_CALLBACK_LIMIT || !is_address(url) {
        return Err(Problem::bad(STATUS_CALLBACK, "Invalid StatusCallback URL"));
    }
    Ok(Some(Target { url: url.to_owned(), method }))
}

/// Places the call. It goes on by itself.
pub(super) fn begin(twilio: &Twilio, wanted: Wanted) -> Result<Value, Problem> {
    let Wanted { number, friendly_name, call_delay, callback } = wanted;
    let (call_sid, code) = (ids::sid("CA"), ids::validation_code());
    let call = VerificationCall {
        call_sid: call_sid.clone(),
        number: Pii::new(number.clone()),
        friendly_name: Pii::new(friendly_name.clone()),
        code: Pii::new(code.clone()),
        call_delay,
        status_callback: callback.as_ref().map(|callback| callback.url.clone()),
        outcome: None,
    };
    let (end, ended) = oneshot::channel();
    let course = twilio.change(|state| {
        if state.caller_id(&number).is_some() {
            return Err(Problem::bad(ALREADY_VERIFIED, "The phone number is already verified on this account"));
        }
        if state.running_call(&number).is_some() {
            return Err(Problem::bad(ALREADY_VERIFIED, "The phone number is being called to be verified"));
        }
        state.calls.push(call.clone());
        state.running.insert(call_sid.clone(), end);
        Ok(state.courses.get(&number).copied().unwrap_or_else(|| Course::of(&number)))
    })?;
    tokio::spawn(Run { twilio: twilio.clone(), call, course, callback }.play(ended));
    Ok(json!({
        "account_sid": ACCOUNT_SID,
        "call_sid": call_sid,
        "friendly_name": friendly_name,
        "phone_number": number,
        "validation_code": code,
    }))
}

/// A call that runs.
struct Run {
    twilio: Twilio,
    call: VerificationCall,
    course: Course,
    callback: Option<Target>,
}

impl Run {
    async fn play(self, ended: oneshot::Receiver<Outcome>) {
        let outcome = tokio::select! {
            outcome = self.ring() => outcome,
            Ok(outcome) = ended => outcome,
        };
        let caller_id = self.end(outcome);
        if let Some(callback) = self.callback.as_ref().filter(|_| self.course != Course::CallbackLost) {
            self.tell(callback, outcome, caller_id).await;
        }
    }

    async fn ring(&self) -> Outcome {
        let options = self.twilio.options();
        sleep(options.delay_second * self.call.call_delay).await;
        let (time, outcome) = match self.course {
            Course::Ends(outcome) => (options.ring, outcome),
            Course::CallbackLost => (options.ring, Outcome::Verified),
            Course::Late => (options.late, Outcome::Verified),
            Course::Manual => (Duration::MAX, Outcome::NoAnswer),
        };
        sleep(time).await;
        outcome
    }

    /// Takes the result down; the SID of the caller ID where there is one now.
    fn end(&self, outcome: Outcome) -> Option<String> {
        let VerificationCall { call_sid, number, friendly_name, .. } = &self.call;
        self.twilio.change(|state| {
            state.running.remove(call_sid);
            if let Some(call) = state.calls.iter_mut().find(|call| call.call_sid == *call_sid) {
                call.outcome = Some(outcome);
            }
            (outcome == Outcome::Verified).then(|| state.verified(number.expose(), friendly_name.expose().clone()))
        })
    }

    async fn tell(&self, callback: &Target, outcome: Outcome, caller_id: Option<String>) {
        let answered = matches!(outcome, Outcome::Verified | Outcome::WrongCode);
        let seconds = if answered { TYPING_SECONDS } else { 0 };
        let number = self.call.number.expose();
        let mut webhook = Webhook::of_call(&self.call.call_sid, "outbound-api", outcome.call_status());
        webhook.parties(VERIFIER, number);
        webhook.places();
        webhook.event(0, Some(seconds));
        webhook.add("VerificationStatus", if caller_id.is_some() { "success" } else { "failed" });
        if let Some(sid) = &caller_id {
            webhook.add("OutgoingCallerIdSid", sid);
        }
        // A lost callback is not sent again: whoever waits for it has to ask.
        let _ = webhook.send(&self.twilio, callback).await;
    }
}
