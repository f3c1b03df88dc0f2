//! The object of one user: what it is asked, and which of its parts answers. What it decides, the core does
//! ([`fourwire_engine::user`]).
//!
//! - [`state`]: the object itself, and what its core decides from;
//! - [`alarm`]: what it does by itself, and [`jobs`], what that takes;
//! - [`numbers`]: numbers and phone calls, of which other objects are asked too.

mod alarm;
mod jobs;
mod numbers;
mod state;

use std::cell::Cell;

use fourwire_engine::quota::deployment::Counter;
use fourwire_engine::quota::sessions::Counted;
use fourwire_engine::user::task::Task;
use fourwire_wire::ids::ConversationId;
use worker::{DurableObject, Env, Request, Response, Result, State};

use state::User;

use crate::clock::now;
use crate::objects::identity::ObjectIdentity;
use crate::problem::Problem;
use crate::rpc::phone_number::{self, Reseal as ResealNumber};
use crate::rpc::user::{
    AllowExport, AllowToken, Behind, CallsBehind, CheckVerification, ChooseNumber, ConfirmNumber, Count, Delete, Dial,
    Enqueue, Erase, Expire, Find, KnownNumbers, List, ListCalls, ListNumbers, PhoneRequest, RecordingRequest, Register,
    Release, RemoveNumber, ReportCall, Reprocess, Reseal, SignOut, StartCall, Upsert, UserRequest, VerifyNumber,
};
use crate::rpc::{Envelope, answer, deployment, received};
use crate::settings;

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
            UserRequest::Phone(asked) => self.answer_phone(asked).await,
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
        let answered = match asked {
            RecordingRequest::StartCall(StartCall(entry, at)) => {
                answer::<StartCall>(self.with_core(|core| core.start_call(entry, at, now())))
            }
            RecordingRequest::Register(Register(entry, key)) => {
                answer::<Register>(self.with_core(|core| core.register(&entry, &key, now())))
            }
            RecordingRequest::Count(Count(call, audio)) => {
                let counted = self.with_core(|core| core.count(&call, audio, now()));
                answer::<Count>(counted.inspect(|counted| self.count_for_all(*counted)))
            }
            RecordingRequest::Release(Release(call, audio)) => {
                let counted = self.with_core(|core| core.release(&call, audio, now()));
                answer::<Release>(counted.map(|counted| self.count_for_all(counted)))
            }
            RecordingRequest::Reprocess(Reprocess(id)) => {
                answer::<Reprocess>(self.with_core(|core| core.reprocess(id, now())))
            }
            RecordingRequest::AllowExport(AllowExport()) => {
                answer::<AllowExport>(self.with_core(|core| core.allow_export(now())))
            }
            RecordingRequest::Expire(Expire(id)) => answer::<Expire>(self.with_core(|core| core.expire(id, now()))),
            RecordingRequest::SignOut(SignOut(moment)) => {
                answer::<SignOut>(self.with_core(|core| core.sign_out(moment, now())))
            }
            RecordingRequest::Upsert(Upsert(entry)) => {
                answer::<Upsert>(self.with_core(|core| core.upsert(&entry, now())))
            }
            RecordingRequest::List(List(page)) => answer::<List>(self.with_core(|core| core.list(&page, now()))),
            RecordingRequest::Behind(Behind(cursor, most)) => {
                answer::<Behind>(self.with_core(|core| core.behind(cursor, most, now())))
            }
            RecordingRequest::Find(Find(id)) => answer::<Find>(self.with_core(|core| core.find(id, now()))),
            RecordingRequest::Enqueue(Enqueue(id, follow_up)) => {
                answer::<Enqueue>(self.with_core(|core| core.enqueue(id, follow_up, now())))
            }
            RecordingRequest::Delete(Delete(id)) => answer::<Delete>(self.delete(id).await),
            RecordingRequest::Reseal(Reseal()) => answer::<Reseal>(self.reseal().await),
            RecordingRequest::Erase(Erase()) => return answer::<Erase>(self.erase().await),
            RecordingRequest::ReportCall(ReportCall(call, progress)) => {
                answer::<ReportCall>(self.report_call(call, progress).await)
            }
        };
        self.plan();
        answered
    }

    async fn answer_phone(&self, asked: PhoneRequest) -> Result<Response> {
        let answered = match asked {
            PhoneRequest::VerifyNumber(VerifyNumber(number)) => {
                answer::<VerifyNumber>(self.verify_number(number).await)
            }
            PhoneRequest::CheckVerification(CheckVerification(number)) => {
                answer::<CheckVerification>(self.check_verification(number).await)
            }
            PhoneRequest::ConfirmNumber(ConfirmNumber(number, caller_id)) => {
                answer::<ConfirmNumber>(self.confirm(&number, caller_id).await.map(|_| ()))
            }
            PhoneRequest::KnownNumbers(KnownNumbers()) => answer::<KnownNumbers>(self.with_core(|core| core.numbers())),
            PhoneRequest::ListNumbers(ListNumbers()) => answer::<ListNumbers>(self.list_numbers().await),
            PhoneRequest::RemoveNumber(RemoveNumber(id)) => answer::<RemoveNumber>(self.remove_number(id).await),
            PhoneRequest::ChooseNumber(ChooseNumber(id)) => {
                answer::<ChooseNumber>(self.with_core(|core| core.choose_number(id)))
            }
            PhoneRequest::AllowToken(AllowToken()) => {
                answer::<AllowToken>(self.with_core(|core| core.allow_token(now())))
            }
            PhoneRequest::Dial(Dial(request)) => answer::<Dial>(self.dial(request).await),
            PhoneRequest::ListCalls(ListCalls()) => answer::<ListCalls>(self.with_core(|core| core.newest_calls())),
            PhoneRequest::CallsBehind(CallsBehind(last)) => {
                answer::<CallsBehind>(self.with_core(|core| core.calls_behind(last.as_ref())))
            }
        };
        // A call or a number is something that is forgotten one day.
        self.plan();
        answered
    }

    /// Deletes a conversation, whatever its call is doing; whether there was one.
    async fn delete(&self, id: ConversationId) -> std::result::Result<bool, Problem> {
        let was_there = self.with_core(|core| core.delete(id, now()))?;
        if was_there {
            // Before anything else: if this run is cut off, the object is woken to go on.
            self.plan();
            self.run(&[Task::Deletions]).await?;
        }
        Ok(was_there)
    }

    /// Deletes everything: at once as far as that goes, and the rest by the alarm.
    async fn erase(&self) -> std::result::Result<(), Problem> {
        self.with_core(|core| core.erase(now()))?;
        self.plan();
        let is_forgotten = self.run(&[Task::Deletions, Task::Erasure]).await?;
        if !is_forgotten {
            self.plan();
        }
        Ok(())
    }

    /// Seals anew what an earlier master secret has sealed, here and in the objects of the user's numbers; how many records that were.
    async fn reseal(&self) -> std::result::Result<usize, Problem> {
        let identity = self.identity.reseal(&self.state, self.config.vault()?)?;
        let (rows, numbers) = self.with_core(|core| core.reseal(now()))?;
        let mut count = identity.saturating_add(rows);
        for number in numbers {
            let resealed = phone_number::call(&self.env, &self.config, &number, ResealNumber()).await?;
            count = count.saturating_add(resealed);
        }
        Ok(count)
    }

    /// The whole deployment's minutes are counted from here too, a call's once a minute.
    fn count_for_all(&self, counted: Counted) {
        if counted.millis > 0 {
            let env = self.env.clone();
            self.state.wait_until(async move { deployment::add(&env, Counter::SpeechMillis, counted.millis).await });
        }
    }
}
