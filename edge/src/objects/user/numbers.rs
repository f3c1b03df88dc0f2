//! A user's numbers and phone calls, where others are asked too: the number's own object, which says whose it is and asks Twilio; the
//! deployment's, which counts for all; the call's. Each is asked from here, and the front Worker asks this object alone.

use fourwire_engine::phone::account::{AccountError, NumberId};
use fourwire_engine::phone::claim::{Refusal, State};
use fourwire_engine::phone::ledger::{CallRecord, LegStatus, Progress};
use fourwire_engine::phone::number::PhoneNumber;
use fourwire_engine::phone::sid::{CallSid, CallerIdSid};
use fourwire_engine::quota::deployment::Counter;
use fourwire_engine::user::{DialDecision, DialRequest};
use fourwire_wire::ids::UserId;
use futures_util::future::{join, try_join_all};

use super::state::User;
use crate::clock::now;
use crate::log;
use crate::problem::Problem;
use crate::rpc::call::{self, ReportPhoneCall};
use crate::rpc::phone_number::{self, Begun, CallerIdStatus, Check, Holder, PhoneNumberRequest, Release, Use, Verify};
use crate::rpc::user::{Checked, CheckedNumbers, Dialled};
use crate::rpc::{Request, deployment};

impl User {
    async fn ask_number<R: Request<All = PhoneNumberRequest>>(
        &self,
        number: &PhoneNumber,
        request: impl FnOnce(UserId) -> R,
    ) -> Result<R::Response, Problem> {
        let user = self.core()?.user().clone();
        phone_number::call(&self.env, &self.config, number, request(user)).await
    }

    /// The user wants a number verified: has it called, where the user's limits and the number's allow it.
    pub(super) async fn verify_number(&self, number: PhoneNumber) -> Result<Result<Begun, AccountError>, Problem> {
        if let Err(error) = self.with_core(|core| core.verify_number(&number, now()))? {
            return Ok(Err(error));
        }
        let begun = self.ask_number(&number, |user| Verify(user, number.clone())).await?;
        match &begun {
            // Whatever went wrong before, the list has it from now on.
            Begun::Refused(Refusal::Yours(caller_id)) => {
                self.confirm(&number, caller_id.clone()).await?;
            }
            Begun::Refused(Refusal::Taken) => self.with_core(|core| core.drop_number(&number))?,
            Begun::Ringing { .. } | Begun::Refused(_) | Begun::Failed(_) | Begun::Ceiling => {}
        }
        Ok(Ok(begun))
    }

    /// How a verification goes.
    pub(super) async fn check_verification(
        &self,
        number: Option<PhoneNumber>,
    ) -> Result<Result<Checked, AccountError>, Problem> {
        if let Err(error) = self.with_core(|core| core.check_verification(now()))? {
            return Ok(Err(error));
        }
        let Some(number) = number else { return Ok(Ok(Checked { id: None, state: State::Unknown })) };
        let state = self.ask_number(&number, |user| Check(user, number.clone())).await?;
        let checked = match state {
            State::Verified(caller_id) => match self.confirm(&number, caller_id.clone()).await? {
                Some(id) => Checked { id: Some(id), state: State::Verified(caller_id) },
                None => Checked { id: None, state: State::Unknown },
            },
            state => Checked { id: None, state },
        };
        Ok(Ok(checked))
    }

    /// A number's verification has succeeded. Where the user has given it up meanwhile, or deleted the account, it is nobody's, and the
    /// number's object learns that.
    pub(super) async fn confirm(
        &self,
        number: &PhoneNumber,
        caller_id: CallerIdSid,
    ) -> Result<Option<NumberId>, Problem> {
        let id = self.with_core(|core| core.confirm_number(number, caller_id, now()))?;
        if id.is_none() {
            self.ask_number(number, Release).await?;
        }
        Ok(id)
    }

    /// The user's numbers as they are now, and verifications under way. Whatever a closed app has missed is noticed here.
    pub(super) async fn list_numbers(&self) -> Result<CheckedNumbers, Problem> {
        let known = self.with_core(|core| core.numbers())?;
        // Each number's object is another one, so they are asked at the same time.
        let checks = known.pending.iter().map(|number| self.ask_number(number, |user| Check(user, number.clone())));
        let holders = known.verified.iter().map(|own| self.ask_number(&own.phone_number, Holder));
        let (states, holders) = join(try_join_all(checks), try_join_all(holders)).await;
        let is_held: Vec<bool> = holders?.iter().map(Option::is_some).collect();
        let found = known.reconcile(states?, &is_held);
        for (number, caller_id) in found.confirmed {
            self.confirm(&number, caller_id).await?;
        }
        self.with_core(|core| found.dropped.iter().try_for_each(|number| core.drop_number(number)))?;
        let verified = self.with_core(|core| core.numbers())?.verified;
        Ok(CheckedNumbers { verified, pending: found.pending })
    }

    /// The user gives a number up. Another becomes the primary one, if it was.
    pub(super) async fn remove_number(&self, id: NumberId) -> Result<Result<(), AccountError>, Problem> {
        let known = self.with_core(|core| core.numbers())?;
        let Some(own) = known.verified.into_iter().find(|own| own.id == id) else {
            return Ok(Err(AccountError::Unknown));
        };
        // In this order: a list that still shows what is given up mends itself, the other way round it would not.
        self.ask_number(&own.phone_number, Release).await?;
        Ok(self.with_core(|core| core.remove_number(id))?.map(|_| ()))
    }

    /// The user wants to call somebody, and Twilio asks whether that may be.
    pub(super) async fn dial(&self, request: DialRequest) -> Result<Dialled, Problem> {
        let call = request.call_sid.clone();
        let record = match self.with_core(|core| core.dial(request, now()))? {
            DialDecision::Granted(record) => record,
            // The same answer, and no more: what is found out now must not end a call that is running.
            DialDecision::AlreadyGranted(record) => return Ok(Dialled::Connect(record)),
            DialDecision::LimitReached => return Ok(Dialled::LimitReached),
            DialDecision::NoVerifiedNumber => return Ok(Dialled::NoVerifiedNumber),
            DialDecision::CallEnded => return Ok(Dialled::CallEnded),
        };
        let refusal = if deployment::admit(&self.env, Counter::DialledSeconds).await.is_err() {
            Dialled::LimitReached
        } else {
            match self.ask_number(&record.caller_id, Use).await {
                Ok(CallerIdStatus::Valid) => return Ok(Dialled::Connect(record)),
                Ok(CallerIdStatus::Revoked) => {
                    self.with_core(|core| core.drop_number(&record.caller_id))?;
                    Dialled::NumberRevoked
                }
                Ok(CallerIdStatus::Unavailable) => Dialled::NumberNotChecked,
                Err(problem) => {
                    log::error!("number_not_checked", object = self.state.id().name(), error = problem.cause());
                    Dialled::NumberNotChecked
                }
            }
        };
        self.with_core(|core| core.refuse_call(&call, now()))?;
        Ok(refusal)
    }

    /// Twilio has reported something of a call. The call's own object hears of it, where the client gave the call a name and so may be
    /// listening to it.
    pub(super) async fn report_call(&self, call: CallSid, progress: Progress) -> Result<(), Problem> {
        // What comes twice is no news the second time, and counts once.
        let ended = progress.duration.filter(|_| matches!(progress.status, LegStatus::Ended(_)));
        let Some(record) = self.with_core(|core| core.report_call(&call, &progress))? else { return Ok(()) };
        if let Some(seconds) = ended {
            deployment::add(&self.env, Counter::DialledSeconds, seconds.into()).await;
        }
        let CallRecord { call_id: Some(call), .. } = &record else { return Ok(()) };
        let user = self.core()?.user().clone();
        call::call(&self.env, &user, call, ReportPhoneCall(Box::new(record.phone_call()))).await
    }
}
