//! The object of one user: what it is asked, and which of its parts answers.
//!
//! - [`state`]: the object itself; [`schema`]: its tables;
//! - [`index`]: conversations; [`phone`]: numbers and phone calls; [`quota`]: what is counted;
//! - [`alarm`]: what it does by itself: [`retention`], [`unfinished`] calls, [`follow_ups`], [`deletion`].

mod alarm;
mod deletion;
mod follow_ups;
mod index;
mod phone;
mod quota;
mod retention;
mod schema;
mod state;
mod unfinished;

use std::cell::Cell;

use fourwire_wire::conversation::{ConversationEntry, ConversationStatus};
use fourwire_wire::ids::{CallId, ConversationId};
use fourwire_wire::units::UnixMillis;
use worker::{DurableObject, Env, Request, Response, Result, State};

use index::Index;
use phone::Phone;
use state::User;

use crate::clock::now;
use crate::fault::During;
use crate::objects::identity::ObjectIdentity;
use crate::objects::sign_out;
use crate::problem::Problem;
use crate::rpc::user::{
    AllowExport, AllowToken, Behind, CallStart, CallsBehind, CheckVerification, ChooseNumber, ConfirmNumber, Count,
    Delete, Dial, DropNumber, Enqueue, Erase, Expire, Find, Found, List, ListCalls, ListNumbers, PhoneRequest,
    RecordingRequest, RefuseCall, Register, Release, RemoveNumber, ReportCall, Reprocess, Reseal, SignOut, StartCall,
    Upsert, UserRequest, VerifyNumber,
};
use crate::rpc::{Envelope, answer, received};
use crate::settings;

/// No call runs longer after its beginning, in milliseconds: four hours of recording, and what finishing it takes.
const MAX_CALL_MILLIS: u64 = 5 * 60 * 60 * 1000;

impl DurableObject for User {
    fn new(state: State, env: Env) -> Self {
        let config = settings::read(&env);
        Self {
            state,
            env,
            config,
            identity: ObjectIdentity::default(),
            alarm_at: Cell::new(None),
            has_tables: Cell::new(false),
        }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let (owner, asked) = match received(&mut request).await {
            Ok(Envelope { owner, asked }) => (owner, asked),
            Err(fault) => return Problem::from(fault).response(),
        };
        match self.identify(owner) {
            Ok(true) => {}
            Ok(false) => return Response::from_json(&()),
            Err(problem) => return problem.response(),
        }
        match asked {
            UserRequest::Recording(asked) => self.answer(*asked).await,
            UserRequest::Phone(asked) => self.answer_phone(asked),
        }
    }

    async fn alarm(&self) -> Result<Response> {
        self.alarm_at.set(None);
        self.run_tasks().await;
        Response::empty()
    }
}

impl User {
    async fn answer(&self, asked: RecordingRequest) -> Result<Response> {
        match asked {
            RecordingRequest::StartCall(StartCall(entry, at)) => answer::<StartCall>(self.start(entry, at)),
            RecordingRequest::Register(Register(entry, key)) => answer::<Register>(self.register(&entry, &key)),
            RecordingRequest::Count(Count(call, audio)) => answer::<Count>(self.count(&call, audio)),
            RecordingRequest::Release(Release(call, audio)) => answer::<Release>(self.release(&call, audio)),
            RecordingRequest::Reprocess(Reprocess(id)) => answer::<Reprocess>(self.reprocess(id)),
            RecordingRequest::AllowExport(AllowExport()) => answer::<AllowExport>(self.allow_export()),
            RecordingRequest::Expire(Expire(id)) => answer::<Expire>(self.expire(id)),
            RecordingRequest::SignOut(SignOut(moment)) => answer::<SignOut>(self.sign_out(moment)),
            RecordingRequest::Upsert(Upsert(entry)) => answer::<Upsert>(self.upsert(&entry)),
            RecordingRequest::List(List(page)) => answer::<List>(self.with_index(|index| index.page(&page))),
            RecordingRequest::Behind(Behind(cursor, most)) => {
                answer::<Behind>(self.with_index(|index| index.behind(cursor, most)))
            }
            RecordingRequest::Find(Find(id)) => answer::<Find>(self.find(id)),
            RecordingRequest::Enqueue(Enqueue(id, follow_up)) => answer::<Enqueue>(self.enqueue(id, follow_up)),
            RecordingRequest::Delete(Delete(id)) => answer::<Delete>(self.delete(id).await),
            RecordingRequest::Reseal(Reseal()) => answer::<Reseal>(self.reseal().await),
            RecordingRequest::Erase(Erase()) => answer::<Erase>(self.erase().await),
            RecordingRequest::ReportCall(ReportCall(call, progress)) => {
                answer::<ReportCall>(self.with_phone(|phone| {
                    let record = phone.progress(&call, &progress)?;
                    Ok(record.map(|record| (phone.user().clone(), record)))
                }))
            }
        }
    }

    #[expect(clippy::redundant_closure_for_method_calls, reason = "a method's path is not general over the lifetime")]
    fn answer_phone(&self, asked: PhoneRequest) -> Result<Response> {
        let answered = match asked {
            PhoneRequest::VerifyNumber(VerifyNumber(number)) => {
                answer::<VerifyNumber>(self.with_phone(|phone| phone.verify(&number)))
            }
            PhoneRequest::CheckVerification(CheckVerification()) => {
                answer::<CheckVerification>(self.with_phone(|phone| phone.check()))
            }
            PhoneRequest::ConfirmNumber(ConfirmNumber(number, caller_id)) => {
                answer::<ConfirmNumber>(self.with_phone(|phone| phone.confirm(&number, caller_id)))
            }
            PhoneRequest::DropNumber(DropNumber(number)) => {
                answer::<DropNumber>(self.with_phone(|phone| phone.drop_number(&number)))
            }
            PhoneRequest::ListNumbers(ListNumbers()) => answer::<ListNumbers>(self.with_phone(|phone| phone.numbers())),
            PhoneRequest::RemoveNumber(RemoveNumber(id)) => {
                answer::<RemoveNumber>(self.with_phone(|phone| phone.remove(id)))
            }
            PhoneRequest::ChooseNumber(ChooseNumber(id)) => {
                answer::<ChooseNumber>(self.with_phone(|phone| phone.choose(id)))
            }
            PhoneRequest::AllowToken(AllowToken()) => answer::<AllowToken>(self.with_phone(|phone| phone.token())),
            PhoneRequest::Dial(Dial(request)) => answer::<Dial>(self.with_phone(|phone| phone.dial(request))),
            PhoneRequest::RefuseCall(RefuseCall(call)) => {
                answer::<RefuseCall>(self.with_phone(|phone| phone.refuse(&call)))
            }
            PhoneRequest::ListCalls(ListCalls()) => answer::<ListCalls>(self.with_phone(|phone| phone.calls())),
            PhoneRequest::CallsBehind(CallsBehind(last)) => {
                answer::<CallsBehind>(self.with_phone(|phone| phone.calls_behind(last.as_ref())))
            }
        };
        // A call or a number is something that is forgotten one day.
        self.plan();
        answered
    }

    /// Works on the user's conversations.
    fn with_index<T>(
        &self,
        work: impl FnOnce(&Index<'_>) -> std::result::Result<T, Problem>,
    ) -> std::result::Result<T, Problem> {
        let user = self.name()?;
        work(&Index::new(self.tables()?, self.config.vault()?, &user))
    }

    /// Works on the user's numbers and phone calls.
    fn with_phone<T>(
        &self,
        work: impl FnOnce(&Phone<'_>) -> std::result::Result<T, Problem>,
    ) -> std::result::Result<T, Problem> {
        let user = self.name()?;
        self.tables()?;
        work(&Phone::open(&self.state, &self.config, &user)?)
    }

    /// A call begins.
    fn start(&self, entry: ConversationEntry, signed_in_at: UnixMillis) -> std::result::Result<CallStart, Problem> {
        let user = self.name()?;
        let index = Index::new(self.tables()?, self.config.vault()?, &user);
        if sign_out::is_signed_out(&self.state.storage().sql(), signed_in_at)? {
            return Ok(CallStart::SignedOut);
        }
        let call = entry.call_id.as_ref().during("call.start")?;
        if index.is_ended(call)? {
            return Ok(CallStart::NoSuchCall);
        }
        let phone_call = Phone::open(&self.state, &self.config, &user)?.call_named(call)?;
        let known = index.of_call(call)?;
        if known.is_none()
            && phone_call.as_ref().is_none_or(|record| !record.admits_listener(now()))
            && self.config.dialling()?.listen_needs_call
        {
            return Ok(CallStart::NoSuchCall);
        }
        if let Err(error) = self.open_session(call)? {
            return Ok(CallStart::Refused(error));
        }
        let phone_call = phone_call.map(|record| Box::new(record.phone_call()));
        let is_registered = known.is_some();
        let (entry, key) = if let Some(known) = known {
            known
        } else {
            let key = index.new_key(entry.id)?;
            (entry, key)
        };
        self.plan();
        Ok(CallStart::Go { entry: Box::new(entry), is_registered, key, phone_call })
    }

    /// The user is signed out of everything before a moment: which calls may be running.
    fn sign_out(&self, moment: UnixMillis) -> std::result::Result<Vec<CallId>, Problem> {
        sign_out::note(&self.tables()?, moment)?;
        self.with_index(|index| self.running_calls(index, moment))
    }

    /// One conversation, with what Twilio has told of its call.
    fn find(&self, id: ConversationId) -> std::result::Result<Option<Found>, Problem> {
        let Some((entry, key)) = self.with_index(|index| index.find(id))? else { return Ok(None) };
        let record = entry.call_id.as_ref().map(|call| self.with_phone(|phone| phone.call_named(call)));
        let record = record.transpose()?.flatten();
        Ok(Some(Found { entry, key, phone_call: record.map(|record| record.phone_call()) }))
    }

    /// The calls that may be running: those that have a slot, before their first audio too, and those that are not finished and
    /// began no longer ago than a call lasts.
    fn running_calls(&self, index: &Index<'_>, now: UnixMillis) -> std::result::Result<Vec<CallId>, Problem> {
        let entries = index.since(now - MAX_CALL_MILLIS)?.into_iter();
        let unfinished = entries.filter(|entry| entry.status != ConversationStatus::Completed);
        let mut calls = self.open_calls()?;
        for call in unfinished.filter_map(|entry| entry.call_id) {
            if !calls.contains(&call) {
                calls.push(call);
            }
        }
        Ok(calls)
    }
}
