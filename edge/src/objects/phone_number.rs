//! The object of one telephone line: who holds its number, and how often it was rung. Twilio is asked about a number here,
//! so that two users who want the same one are served one after the other.
//!
//! It is named by the number's blind index and never keeps the number itself. (JavaScript has a `Number` already.)

use std::rc::Rc;
use std::time::Duration;

use fourwire_engine::config::Config;
use fourwire_engine::database::sealed_row::SealedRow;
use fourwire_engine::phone::claim::{
    Check as Known, Cleanup, Next, NumberOwnership, Refusal, State as Verification, VerificationResult,
};
use fourwire_engine::phone::number::PhoneNumber;
use fourwire_engine::phone::sid::{CallSid, CallerIdSid};
use fourwire_engine::quota::deployment::Counter;
use fourwire_engine::twilio::caller_ids::{self, Failed, Reason, Started};
use fourwire_engine::vault::Owner;
use fourwire_wire::ids::UserId;
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use crate::clock::now;
use crate::fault::{During, Fault};
use crate::log;
use crate::outbound::twilio;
use crate::problem::Problem;
use crate::rpc::phone_number::{
    Begun, CallerIdStatus, Check, Holder, PhoneNumberRequest, Release, Report, Reseal, Use, Verify,
};
use crate::rpc::user::{self, ConfirmNumber};
use crate::rpc::{answer, deployment, received};
use crate::settings;
use crate::storage::database::ObjectDatabase;
use crate::webhook_paths;

/// Wait before it is seen to that nothing is left behind, here or at Twilio: an hour.
const TIDY_WAIT: Duration = Duration::from_hours(1);

/// The object.
#[durable_object]
pub struct Line {
    state: State,
    env: Env,
    config: Rc<Config>,
}

impl std::panic::RefUnwindSafe for Line {}

impl DurableObject for Line {
    fn new(state: State, env: Env) -> Self {
        let config = settings::read(&env);
        Self { state, env, config }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let asked = match received(&mut request).await {
            Ok(asked) => asked,
            Err(fault) => return Problem::from(fault).response(),
        };
        match asked {
            PhoneNumberRequest::Verify(Verify(user, number)) => answer::<Verify>(self.verify(&user, &number).await),
            PhoneNumberRequest::Check(Check(user, number)) => answer::<Check>(self.check(&user, &number).await),
            PhoneNumberRequest::Report(Report(number, call, result)) => {
                answer::<Report>(self.report(number, &call, result).await)
            }
            PhoneNumberRequest::Holder(Holder(user)) => {
                answer::<Holder>(self.change(|claim| claim.held_by(&user).cloned()))
            }
            PhoneNumberRequest::Use(Use(user)) => answer::<Use>(self.usable(&user).await),
            PhoneNumberRequest::Release(Release(user)) => answer::<Release>(self.release(&user).await),
            PhoneNumberRequest::Reseal(Reseal()) => answer::<Reseal>(self.reseal()),
        }
    }

    async fn alarm(&self) -> Result<Response> {
        self.tidy_or_later().await?;
        Response::empty()
    }
}

impl Line {
    /// Seals anew what an earlier master secret has sealed; how many records that were.
    fn reseal(&self) -> std::result::Result<usize, Problem> {
        self.with_row(|row| row.reseal())
    }

    /// Twilio has said how a verification call ended. The user whose number this makes it is told from here, and from nowhere else. One of
    /// a user who has given the number up leaves an entry at Twilio that is nobody's.
    async fn report(
        &self,
        number: PhoneNumber,
        call: &CallSid,
        result: VerificationResult,
    ) -> std::result::Result<(), Problem> {
        let verified = self.change(|claim| claim.verdict(call, result))?;
        if self.change(|claim| !claim.removals().is_empty())? {
            self.tidy_or_later().await?;
        }
        match verified {
            // Where this does not arrive, the user's object finds out when the user next looks.
            Some((user, caller_id)) => user::call(&self.env, &user, ConfirmNumber(number, caller_id)).await,
            None => Ok(()),
        }
    }

    /// Lets the claim change and keeps it. What the claim decides between two awaits is decided as one.
    fn change<T>(&self, change: impl FnOnce(&mut NumberOwnership) -> T) -> std::result::Result<T, Problem> {
        self.with_row(|row| row.change(change))
    }

    fn with_row<T>(
        &self,
        work: impl FnOnce(SealedRow<'_, ObjectDatabase>) -> std::result::Result<T, Fault>,
    ) -> std::result::Result<T, Problem> {
        let index = self.state.id().name().during("object.name")?;
        let database = ObjectDatabase::of(&self.state);
        Ok(work(SealedRow::new(&database, self.config.vault()?, Owner::Number(&index), "claim"))?)
    }

    async fn verify(&self, user: &UserId, number: &PhoneNumber) -> std::result::Result<Begun, Problem> {
        let twilio = self.config.twilio()?;
        if let Err(refusal) = self.change(|claim| claim.begin(user, now()))? {
            return Ok(Begun::Refused(refusal));
        }
        let listed = match twilio::send(&twilio.caller_ids.find(number), caller_ids::listed).await {
            Ok(listed) => listed,
            Err(failed) => return self.give_up(failed),
        };
        let remove = match self.change(|claim| claim.listed(user, listed, now()))? {
            Next::Refuse(refusal) => return Ok(Begun::Refused(refusal)),
            Next::Ring { remove } => remove,
        };
        if deployment::take(&self.env, Counter::Rings).await.is_err() {
            self.change(NumberOwnership::not_started)?;
            return Ok(Begun::Ceiling);
        }
        // From here on there is something to be looked after, whatever happens now.
        self.wake_in(TIDY_WAIT).await?;
        if let Some(caller_id) = &remove
            && let Err(failed) = self.delete(caller_id).await?
        {
            self.change(NumberOwnership::not_started)?;
            return Ok(Begun::Failed(failed));
        }
        let callback = webhook_paths::verification_callback(&twilio.origin);
        match twilio::send(&twilio.caller_ids.verify(number, &callback), caller_ids::started).await {
            Ok(Started { call, code }) => {
                self.change(|claim| claim.started(user, call.clone(), remove, now()))?;
                Ok(Begun::Ringing { call, code })
            }
            Err(Failed::Unknown) => self.give_up(Failed::Unknown),
            Err(Failed::Refused(Reason::AlreadyKnown)) => {
                self.change(NumberOwnership::not_started)?;
                Ok(Begun::Refused(Refusal::InProgress))
            }
            Err(failed) => {
                self.change(NumberOwnership::not_started)?;
                Ok(Begun::Failed(failed))
            }
        }
    }

    fn give_up(&self, failed: Failed) -> std::result::Result<Begun, Problem> {
        self.change(NumberOwnership::give_up)?;
        Ok(Begun::Failed(failed))
    }

    async fn check(&self, user: &UserId, number: &PhoneNumber) -> std::result::Result<Verification, Problem> {
        let call = match self.change(|claim| claim.check(user, now()))? {
            Known::Known(state) => return Ok(state),
            Known::Ask(call) => call,
        };
        let twilio = self.config.twilio()?;
        let listed = twilio::send(&twilio.caller_ids.find(number), caller_ids::listed).await;
        self.change(|claim| claim.answered(user, &call, listed.unwrap_or_default(), now()))
    }

    async fn usable(&self, user: &UserId) -> std::result::Result<CallerIdStatus, Problem> {
        let twilio = self.config.twilio()?;
        let Some(caller_id) = self.change(|claim| claim.held_by(user).cloned())? else {
            return Ok(CallerIdStatus::Revoked);
        };
        match twilio::send(&twilio.caller_ids.fetch(&caller_id), caller_ids::exists).await {
            Ok(true) => Ok(CallerIdStatus::Valid),
            Ok(false) => {
                self.change(|claim| claim.gone(&caller_id))?;
                Ok(CallerIdStatus::Revoked)
            }
            Err(_) => Ok(CallerIdStatus::Unavailable),
        }
    }

    /// The number is nobody's from now on. Twilio's list follows, at once or later.
    async fn release(&self, user: &UserId) -> std::result::Result<(), Problem> {
        self.change(|claim| claim.release(user))?;
        Ok(self.tidy_or_later().await?)
    }

    /// The same, and where anything goes wrong, once more in an hour. That is planned first: an error on the way, such as a setting
    /// that is missing, must not be the end of it.
    async fn tidy_or_later(&self) -> Result<()> {
        self.state.storage().set_alarm(TIDY_WAIT).await?;
        if let Err(problem) = self.tidy().await {
            log::error!("number_not_tidied", object = self.state.id().name(), error = problem.cause());
        }
        Ok(())
    }

    /// Deletes at Twilio what is nobody's, forgets what has lost its meaning, and sees to it that this is done again.
    async fn tidy(&self) -> std::result::Result<(), Problem> {
        // A number that is in no user's list any more is reached by no other way.
        self.reseal()?;
        loop {
            match self.change(|claim| claim.tidy(now()))? {
                Cleanup::Remove => {
                    let Some(caller_id) = self.change(|claim| claim.removals().first().cloned())? else {
                        return Err(Fault::new("number.tidy", "there is nothing to remove").into());
                    };
                    if self.delete(&caller_id).await?.is_err() {
                        return self.wake_in(TIDY_WAIT).await;
                    }
                }
                Cleanup::Later(at) => return self.wake_in(Duration::from_millis(at.since(now()))).await,
                Cleanup::Keep => return Ok(self.state.storage().delete_alarm().await?),
                Cleanup::Erase => return Ok(self.state.storage().delete_all().await?),
            }
        }
    }

    async fn delete(&self, caller_id: &CallerIdSid) -> std::result::Result<std::result::Result<(), Failed>, Problem> {
        let twilio = self.config.twilio()?;
        let deleted = twilio::send(&twilio.caller_ids.delete(caller_id), caller_ids::deleted).await;
        if deleted.is_ok() {
            self.change(|claim| claim.gone(caller_id))?;
        }
        Ok(deleted)
    }

    async fn wake_in(&self, wait: Duration) -> std::result::Result<(), Problem> {
        Ok(self.state.storage().set_alarm(wait).await?)
    }
}
