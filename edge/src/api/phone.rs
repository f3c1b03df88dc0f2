//! A user's numbers, access tokens and calls over HTTP: `/v1/phone/…`, with the peer's paths, fields and sentences.

use std::rc::Rc;

use fourwire_engine::config::{Config, Twilio};
use fourwire_engine::phone::account::{AccountError, NumberId, OwnNumber};
use fourwire_engine::phone::claim::{Failure, Refusal, State};
use fourwire_engine::phone::ledger::CallRecord;
use fourwire_engine::phone::number::PhoneNumber;
use fourwire_engine::phone::sid::{CallSid, CallerIdSid};
use fourwire_engine::twilio::caller_ids::{Failed, Reason};
use fourwire_engine::twilio::token::{AccessToken, VoiceGrant};
use fourwire_engine::twilio::webhook::USER_REF;
use fourwire_wire::conversation::PhoneCall;
use fourwire_wire::ids::UserId;
use fourwire_wire::pii::Pii;
use fourwire_wire::units::UnixMillis;
use futures_util::future::{join, try_join_all};
use serde::{Deserialize, Serialize};
use worker::{Env, Request, Response};

use crate::api::response::{Done, json};
use crate::api::{auth, body};
use crate::clock::now;
use crate::fault::During;
use crate::problem::Problem;
use crate::rpc::Request as Asks;
use crate::rpc::phone_number::{self, Begun, Check, Holder, PhoneNumberRequest, Release, Verify};
use crate::rpc::user::{
    self, AllowToken, CheckVerification, ChooseNumber, ConfirmNumber, DropNumber, ListCalls, ListNumbers, PhoneRequest,
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

    async fn number<R: Asks<All = PhoneNumberRequest>>(
        &self,
        number: &PhoneNumber,
        request: R,
    ) -> Result<R::Response, Problem> {
        phone_number::call(self.env, &self.config, number, request).await
    }

    async fn account<R: Asks<All = PhoneRequest>>(&self, request: R) -> Result<R::Response, Problem> {
        user::call(self.env, &self.user, request).await
    }

    async fn confirm(&self, number: &PhoneNumber, caller_id: CallerIdSid) -> Result<Option<NumberId>, Problem> {
        confirm(self.env, &self.config, &self.user, number, caller_id).await
    }
}

/// A number's verification has succeeded: it is the user's. Where the user has given it up meanwhile, or deleted the account, it
/// is nobody's.
pub(crate) async fn confirm(
    env: &Env,
    config: &Config,
    user: &UserId,
    number: &PhoneNumber,
    caller_id: CallerIdSid,
) -> Result<Option<NumberId>, Problem> {
    let id = user::call(env, user, ConfirmNumber(number.clone(), caller_id)).await?;
    if id.is_none() {
        phone_number::call(env, config, number, Release(user.clone())).await?;
    }
    Ok(id)
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
    asked.account(VerifyNumber(number.clone())).await??;
    match asked.number(&number, Verify(asked.user.clone(), number.clone())).await? {
        Begun::Ringing { call, code } => json(&Verification {
            verification_sid: call,
            phone_number: number,
            validation_code: code,
            status: "pending",
        }),
        Begun::Refused(refusal) => {
            if let Refusal::Yours(caller_id) = &refusal {
                // Whatever went wrong before, the list has it from now on.
                asked.confirm(&number, caller_id.clone()).await?;
            } else if refusal == Refusal::Taken {
                asked.account(DropNumber(number)).await?;
            }
            Err(refusal.into())
        }
        Begun::Failed(Failed::Refused(Reason::NotCallable)) => Err(Problem::NotCallable),
        Begun::Failed(_) => Err(Problem::NotStarted),
        Begun::Ceiling => Err(Problem::Ceiling),
    }
}

#[derive(Serialize)]
struct Checked {
    verified: bool,
    phone_number_id: Option<NumberId>,
    status: &'static str,
}

/// `POST /v1/phone/numbers/verify/check`: how a verification goes. Clients ask every two seconds.
pub(crate) async fn check(request: &mut Request, env: &Env) -> Result<Response, Problem> {
    let asked = Asked::by(request, env).await?;
    let text = number_in(request).await?;
    asked.account(CheckVerification()).await??;
    let Ok(number) = PhoneNumber::parse(text.expose()) else {
        return json(&Checked { verified: false, phone_number_id: None, status: status(&State::Unknown) });
    };
    let state = asked.number(&number, Check(asked.user.clone(), number.clone())).await?;
    let (phone_number_id, status) = match state {
        State::Verified(caller_id) => match asked.confirm(&number, caller_id.clone()).await? {
            Some(id) => (Some(id), status(&State::Verified(caller_id))),
            None => (None, status(&State::Unknown)),
        },
        state => (None, status(&state)),
    };
    json(&Checked { verified: phone_number_id.is_some(), phone_number_id, status })
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

/// `GET /v1/phone/numbers`: the user's numbers as they are now, and verifications under way. Whatever a closed app has
/// missed is noticed here.
pub(crate) async fn list(request: &Request, env: &Env) -> Result<Response, Problem> {
    let asked = Asked::by(request, env).await?;
    let mut known = asked.account(ListNumbers()).await?;
    // Each number's line is an object of its own, so they are asked at the same time.
    let checks = known.pending.iter().map(|number| asked.number(number, Check(asked.user.clone(), number.clone())));
    let holders = known.verified.iter().map(|own| asked.number(&own.phone_number, Holder(asked.user.clone())));
    let (states, held) = join(try_join_all(checks), try_join_all(holders)).await;
    let (mut dropped, mut confirmed) = (Vec::new(), Vec::new());
    let mut pending = Vec::new();
    for (number, state) in known.pending.iter().zip(states?) {
        match state {
            State::Verified(caller_id) => confirmed.push((number, caller_id)),
            State::Unknown => dropped.push(number.clone()),
            state => pending.push(PendingNumber { phone_number: number.clone(), status: status(&state) }),
        }
    }
    let lost = known.verified.iter().zip(held?).filter(|(_, held)| held.is_none());
    dropped.extend(lost.map(|(own, _)| own.phone_number.clone()));
    if !dropped.is_empty() || !confirmed.is_empty() {
        for (number, caller_id) in confirmed {
            asked.confirm(number, caller_id).await?;
        }
        for number in dropped {
            asked.account(DropNumber(number)).await?;
        }
        known = asked.account(ListNumbers()).await?;
    }
    json(&NumberList { numbers: known.verified.into_iter().map(ListedNumber::from).collect(), pending })
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
    let known = asked.account(ListNumbers()).await?;
    let own = known.verified.into_iter().find(|own| own.id == id).ok_or(AccountError::Unknown)?;
    // In this order: a list that still shows what is given up mends itself, the other way round it would not.
    asked.number(&own.phone_number, Release(asked.user.clone())).await?;
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
