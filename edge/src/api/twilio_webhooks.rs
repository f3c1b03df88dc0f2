//! Twilio's webhooks. Each is refused unless Twilio has signed it, for the address under which Twilio knows this Worker.

use std::rc::Rc;

use fourwire_engine::config::{Config, Dialling, Twilio};
use fourwire_engine::names;
use fourwire_engine::phone::ledger::CallRecord;
use fourwire_engine::phone::number::PhoneNumber;
use fourwire_engine::twilio::signature::Body;
use fourwire_engine::twilio::twiml;
use fourwire_engine::twilio::webhook::{Form, LegReport, VerificationReport, VoiceRequest};
use fourwire_engine::user::DialRequest;
use fourwire_wire::ids::UserId;
use worker::{Env, Request, Response};

use crate::api::{body, phone};
use crate::clock::now;
use crate::fault::During;
use crate::log;
use crate::problem::Problem;
use crate::rpc::phone_number::{self, Report};
use crate::rpc::user::{self, Dial, Dialled, ReportCall};
use crate::settings;
use crate::webhook_paths::{CALL_STATUS, NOTICE};

/// Sentences for the caller, in the order of the checks. The first ones are the peer's.
mod sentence {
    pub(super) const NOBODY: &str = "This call cannot be matched to a signed in user. Goodbye.";
    pub(super) const NO_DESTINATION: &str = "No destination number provided. Goodbye.";
    pub(super) const BAD_DESTINATION: &str = "Invalid destination number format. Goodbye.";
    pub(super) const NOT_ALLOWED: &str = "Calls to this destination are not available. Goodbye.";
    pub(super) const LIMIT: &str = "Phone call limit reached. Goodbye.";
    pub(super) const NO_CALLER_ID: &str = "No verified caller ID found. Please verify a phone number first.";
    pub(super) const STALE_CALLER_ID: &str = "Your caller ID is not verified. Please re-verify your phone number.";
    pub(super) const CANNOT_CHECK: &str = "Your caller ID cannot be checked right now. Please try again in a moment.";
    pub(super) const OVER: &str = "This call is over. Goodbye.";
    pub(super) const TROUBLE: &str = "Something went wrong on our side. Please try again in a moment.";
}

/// A webhook that Twilio has signed.
struct Signed {
    config: Rc<Config>,
    form: Form,
    /// The query of the signed URL.
    query: Option<String>,
}

impl Signed {
    async fn receive(request: &mut Request, env: &Env) -> Result<Self, Problem> {
        let config = settings::read(env);
        let twilio = config.twilio()?;
        // Nothing that Twilio asks or tells can be looked up or kept without it.
        config.vault()?;
        // The platform's own text: a parsed URL is written anew, and the signature is over the old one.
        let url = twilio.origin.url_of(&request.inner().url()).ok_or(Problem::Signature)?;
        let header = |name| request.headers().get(name).map(Option::unwrap_or_default);
        let signature = header("x-twilio-signature")?;
        let is_form = header("content-type")?.starts_with("application/x-www-form-urlencoded");
        if signature.is_empty() {
            return Err(Problem::Signature);
        }
        let bytes = body::read(request).await?.ok_or(Problem::Signature)?;
        let body = if is_form { Body::Form(&bytes) } else { Body::Other(&bytes) };
        twilio.auth_tokens.verify(&url, body, &signature).map_err(|_| Problem::Signature)?;
        let form = if is_form { Form::parse(&bytes) } else { Form::parse(b"") };
        let query = url.split_once('?').map(|(_, query)| query.to_owned());
        Ok(Self { config, form, query })
    }

    fn twilio(&self) -> Result<&Twilio, Problem> {
        Ok(self.config.twilio()?)
    }

    fn dialling(&self) -> Result<&Dialling, Problem> {
        Ok(self.config.dialling()?)
    }
}

/// `POST /v1/phone/twiml`: a user's device calls. Whatever is decided, the answer is 200 with TwiML; only who is not
/// Twilio gets 403, and everybody 503 while a setting is missing.
pub(crate) async fn voice(request: &mut Request, env: &Env) -> Result<Response, Problem> {
    let signed = Signed::receive(request, env).await?;
    // What only the operator can mend is said to the operator, in Twilio's own log.
    signed.dialling()?;
    let answer = match decide(&signed, env).await {
        Ok(answer) => answer,
        // Twilio has asked properly, so the caller hears a sentence and not Twilio's "application error".
        Err(problem) => {
            log::error!("call_not_decided", error = problem.cause());
            Answer::Say(sentence::TROUBLE)
        }
    };
    let xml = match answer {
        Answer::Say(sentence) => twiml::say(sentence),
        Answer::Dial(user, record) => connect(&signed, &user, &record)?,
    };
    respond(&xml.during("twiml.write")?)
}

enum Answer {
    Say(&'static str),
    Dial(UserId, Box<CallRecord>),
}

async fn decide(signed: &Signed, env: &Env) -> Result<Answer, Problem> {
    let Ok(request) = VoiceRequest::read(&signed.form) else { return Ok(Answer::Say(sentence::NOBODY)) };
    let Some(user) = request.user else { return Ok(Answer::Say(sentence::NOBODY)) };
    if let Some(given) = request.user_ref
        && given != phone::user_ref(&signed.config, &user)?
    {
        return Ok(Answer::Say(sentence::NOBODY));
    }
    if request.to.expose().trim().is_empty() {
        return Ok(Answer::Say(sentence::NO_DESTINATION));
    }
    let Ok(callee) = PhoneNumber::parse(request.to.expose()) else {
        return Ok(Answer::Say(sentence::BAD_DESTINATION));
    };
    if signed.dialling()?.destinations.check(&callee).is_err() {
        return Ok(Answer::Say(sentence::NOT_ALLOWED));
    }
    let dial = Dial(DialRequest { call_sid: request.call_sid, call_id: request.call_id, callee });
    Ok(match user::call(env, &user, dial).await? {
        Dialled::Connect(record) => Answer::Dial(user, record),
        Dialled::LimitReached => Answer::Say(sentence::LIMIT),
        Dialled::NoVerifiedNumber => Answer::Say(sentence::NO_CALLER_ID),
        Dialled::NumberRevoked => Answer::Say(sentence::STALE_CALLER_ID),
        Dialled::NumberNotChecked => Answer::Say(sentence::CANNOT_CHECK),
        Dialled::CallEnded => Answer::Say(sentence::OVER),
    })
}

fn connect(signed: &Signed, user: &UserId, record: &CallRecord) -> Result<Result<String, twiml::WriteError>, Problem> {
    let origin = signed.twilio()?.origin.as_str();
    let vault = signed.config.vault()?;
    // Addresses are logged, also by Twilio: the user is in it as a keyed hash.
    let status_callback = format!("{origin}{CALL_STATUS}?user={}", names::user_object(vault, user));
    let notice = (!signed.dialling()?.notice.sentences().is_empty()).then(|| format!("{origin}{NOTICE}"));
    Ok(twiml::dial(&twiml::Dial {
        callee: &record.callee,
        caller_id: &record.caller_id,
        time_limit: record.time_limit,
        status_callback: &status_callback,
        notice: notice.as_deref(),
    }))
}

/// `POST /v1/phone/notice`: what the callee hears before the two are connected.
pub(crate) async fn notice(request: &mut Request, env: &Env) -> Result<Response, Problem> {
    let signed = Signed::receive(request, env).await?;
    respond(&twiml::notice(&signed.dialling()?.notice).during("twiml.write")?)
}

/// `POST /v1/phone/calls/status?user=…`: what has become of a call.
pub(crate) async fn call_status(request: &mut Request, env: &Env) -> Result<Response, Problem> {
    let signed = Signed::receive(request, env).await?;
    let object = signed.query.as_deref().and_then(|query| query.strip_prefix("user="));
    let object = object.filter(|name| names::is_object_name(name)).ok_or(Problem::Fields)?;
    let LegReport { call_sid, progress } = LegReport::read(&signed.form, now()).map_err(|_| Problem::Fields)?;
    user::report_call(env, object, ReportCall(call_sid, progress)).await?;
    Ok(Response::empty()?.with_status(204))
}

/// `POST /v1/phone/numbers/verify/status`: how a verification call ended.
pub(crate) async fn verification_status(request: &mut Request, env: &Env) -> Result<Response, Problem> {
    let signed = Signed::receive(request, env).await?;
    let report = VerificationReport::read(&signed.form).map_err(|_| Problem::Fields)?;
    let told = Report(report.number.clone(), report.call, report.verdict);
    phone_number::call(env, &signed.config, &report.number, told).await?;
    Ok(Response::empty()?.with_status(204))
}

fn respond(xml: &str) -> Result<Response, Problem> {
    let response = Response::ok(xml)?;
    response.headers().set("content-type", twiml::CONTENT_TYPE)?;
    response.headers().set("cache-control", "no-store")?;
    Ok(response)
}
