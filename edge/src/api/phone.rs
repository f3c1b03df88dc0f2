//! A user's numbers, access tokens and calls over HTTP: `/v1/phone/…`, with the peer's paths, fields and sentences.

use std::rc::Rc;

use fourwire_engine::config::{Config, Twilio};
use fourwire_engine::phone::account::{AccountError, NumberId, OwnNumber};
use fourwire_engine::phone::claim::{Failure, State};
use fourwire_engine::phone::ledger::CallRecord;
use fourwire_engine::phone::number::PhoneNumber;
use fourwire_engine::phone::sid::CallSid;
use fourwire_engine::twilio::caller_ids::{Failed, Reason};
use fourwire_engine::twilio::token::{AccessToken, VoiceGrant};
use fourwire_engine::twilio::webhook::USER_REF;
use fourwire_wire::conversation::PhoneCall;
use fourwire_wire::ids::UserId;
use fourwire_wire::pii::Pii;
use fourwire_wire::units::UnixMillis;
use serde::{Deserialize, Serialize};
use worker::{Env, Request, Response};

use crate::api::response::{Done, json};
use crate::api::{auth, body};
use crate::clock::now;
use crate::fault::During;
use crate::problem::Problem;
use crate::rpc::Request as Asks;
use crate::rpc::phone_number::Begun;
use crate::rpc::user::{
    self, AllowToken, CheckVerification, CheckedNumbers, ChooseNumber, ListCalls, ListNumbers, PhoneRequest,
    RemoveNumber, VerifyNumber,
};
use crate::settings;

/// A signed-in user's request.
struct Asked<'a> {
    env: &'a Env,
    config: Rc<Config>,
    user: UserId,
}

impl<'a> Asked<'a> {
    /// Lets the user in; everything that the phone side needs must be configured.
    async fn by(request: &Request, env: &'a Env) -> Result<Self, Problem> {
        let config = settings::read(env);
        let user = auth::user(request, &config).await?;
        config.vault()?;
        config.twilio()?;
        config.dialling()?;
        config.quotas()?;
        Ok(Self { env, config, user })
    }

    fn twilio(&self) -> Result<&Twilio, Problem> {
        Ok(self.config.twilio()?)
    }

    async fn account<R: Asks<All = PhoneRequest>>(&self, request: R) -> Result<R::Response, Problem> {
        user::call(self.env, &self.user, request).await
    }
}

#[derive(Deserialize)]
struct NumberBody {
    phone_number: Pii<String>,
}

async fn number_in(request: &mut Request) -> Result<Pii<String>, Problem> {
    let bytes = body::read(request).await?.ok_or(Problem::Body)?;
    let body: NumberBody = serde_json::from_slice(&bytes).map_err(|_| Problem::Body)?;
    Ok(body.phone_number)
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the peer's names")]
struct Verification {
    verification_sid: CallSid,
    phone_number: PhoneNumber,
    validation_code: Pii<String>,
    status: &'static str,
}

/// `POST /v1/phone/numbers/verify`: has a number rung, and answers with the code that must be typed there.
pub(crate) async fn verify(request: &mut Request, env: &Env) -> Result<Response, Problem> {
    let asked = Asked::by(request, env).await?;
    let number = PhoneNumber::parse(number_in(request).await?.expose())?;
    // A verification rings as a call does, and costs as one.
    asked.config.dialling()?.destinations.check(&number)?;
    match asked.account(VerifyNumber(number.clone())).await?? {
        Begun::Ringing { call, code } => json(&Verification {
            verification_sid: call,
            phone_number: number,
            validation_code: code,
            status: "pending",
        }),
        Begun::Refused(refusal) => Err(refusal.into()),
        Begun::Failed(Failed::Refused(Reason::NotCallable)) => Err(Problem::NotCallable),
        Begun::Failed(_) => Err(Problem::NotStarted),
        Begun::Ceiling => Err(Problem::Ceiling),
    }
}

#[derive(Serialize)]
struct CheckedNumber {
    verified: bool,
    phone_number_id: Option<NumberId>,
    status: &'static str,
}

/// `POST /v1/phone/numbers/verify/check`: how a verification goes. Clients ask every two seconds.
pub(crate) async fn check(request: &mut Request, env: &Env) -> Result<Response, Problem> {
    let asked = Asked::by(request, env).await?;
    let text = number_in(request).await?;
    let number = PhoneNumber::parse(text.expose()).ok();
    let checked = asked.account(CheckVerification(number)).await??;
    json(&CheckedNumber { verified: checked.id.is_some(), phone_number_id: checked.id, status: status(&checked.state) })
}

const fn status(state: &State) -> &'static str {
    match state {
        State::Unknown => "none",
        State::Ringing => "ringing",
        State::Failed(Failure::WrongCode) => "wrong_code",
        State::Failed(Failure::NoAnswer) => "no_answer",
        State::Expired => "expired",
        State::Verified(_) => "verified",
    }
}

#[derive(Serialize)]
struct NumberList {
    numbers: Vec<ListedNumber>,
    pending: Vec<PendingNumber>,
}

#[derive(Serialize)]
struct ListedNumber {
    id: NumberId,
    phone_number: PhoneNumber,
    friendly_name: PhoneNumber,
    verified_at: UnixMillis,
    is_primary: bool,
}

#[derive(Serialize)]
struct PendingNumber {
    phone_number: PhoneNumber,
    status: &'static str,
}

/// `GET /v1/phone/numbers`: the user's numbers as they are now, and verifications under way.
pub(crate) async fn list(request: &Request, env: &Env) -> Result<Response, Problem> {
    let asked = Asked::by(request, env).await?;
    let CheckedNumbers { verified, pending } = asked.account(ListNumbers()).await?;
    let pending =
        pending.into_iter().map(|(phone_number, state)| PendingNumber { phone_number, status: status(&state) });
    json(&NumberList { numbers: verified.into_iter().map(ListedNumber::from).collect(), pending: pending.collect() })
}

impl From<OwnNumber> for ListedNumber {
    fn from(own: OwnNumber) -> Self {
        Self {
            id: own.id,
            friendly_name: own.phone_number.clone(),
            phone_number: own.phone_number,
            verified_at: own.verified_at,
            is_primary: own.is_primary,
        }
    }
}

/// `DELETE /v1/phone/numbers/{id}`: gives a number up. Another becomes the primary one, if it was.
pub(crate) async fn delete(request: &Request, env: &Env, id: &str) -> Result<Response, Problem> {
    let asked = Asked::by(request, env).await?;
    let id = NumberId::parse(id).ok_or(AccountError::Unknown)?;
    asked.account(RemoveNumber(id)).await??;
    json(&Done::YES)
}

/// `POST /v1/phone/numbers/{id}/primary`: calls are made with this number from now on.
pub(crate) async fn choose(request: &Request, env: &Env, id: &str) -> Result<Response, Problem> {
    let asked = Asked::by(request, env).await?;
    let id = NumberId::parse(id).ok_or(AccountError::Unknown)?;
    asked.account(ChooseNumber(id)).await??;
    json(&Done::YES)
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the peer's names")]
struct Token {
    access_token: AccessToken,
    ttl: u32,
    identity: UserId,
}

/// `POST /v1/phone/token`: an access token with which the user's device can place calls.
pub(crate) async fn token(request: &Request, env: &Env) -> Result<Response, Problem> {
    let asked = Asked::by(request, env).await?;
    asked.account(AllowToken()).await??;
    let twilio = asked.twilio()?;
    let params = [(USER_REF, Pii::new(user_ref(&asked.config, &asked.user)?))].into_iter().collect();
    let grant = VoiceGrant { identity: &asked.user, app: &twilio.app, params };
    let access_token = AccessToken::issue(&twilio.key, &grant, twilio.token_life, now()).during("token.issue")?;
    json(&Token { access_token, ttl: twilio.token_life.seconds(), identity: asked.user })
}

/// What an access token says of its user, and only this deployment can say.
pub(crate) fn user_ref(config: &Config, user: &UserId) -> Result<String, Problem> {
    Ok(config.vault()?.index("token", user.as_str()))
}

#[derive(Serialize)]
struct CallList {
    calls: Vec<PhoneCall>,
}

/// `GET /v1/phone/calls`: the user's newest calls, as Twilio has reported them.
pub(crate) async fn calls(request: &Request, env: &Env) -> Result<Response, Problem> {
    let asked = Asked::by(request, env).await?;
    let records = asked.account(ListCalls()).await?;
    json(&CallList { calls: records.iter().map(CallRecord::phone_call).collect() })
}
