//! The object of one user: what it is asked, and which of its parts answers.

use std::cell::Cell;
use std::rc::Rc;

use fourwire_engine::config::Config;
use fourwire_engine::conversations::{Cursor, Page};
use fourwire_engine::names;
use fourwire_engine::phone::ledger::{CallRecord, Progress};
use fourwire_engine::quota::sessions::{SessionError, Stretch};
use fourwire_engine::twilio::sid::CallSid;
use fourwire_engine::vault::Vault;
use fourwire_wire::conversation::{ConversationEntry, ConversationStatus, PhoneCall};
use fourwire_wire::ids::{CallId, ConversationId, UserId};
use fourwire_wire::units::UnixMillis;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use worker::{DurableObject, Env, Request, Response, Result, SqlStorage, State, durable_object};

use crate::clock::now;
use crate::object_identity::ObjectIdentity;
use crate::objects::Envelope;
use crate::problem::Problem;
use crate::user_duties::Duty;
use crate::user_index::Index;
use crate::user_phone::{Phone, PhoneRequest};
use crate::{objects, settings, sign_out, user_duties, user_index, user_keeping, user_phone};

/// No call runs longer after its beginning, in milliseconds: four hours of recording, and what finishing it takes.
const MAX_CALL_MILLIS: u64 = 5 * 60 * 60 * 1000;

/// What the object is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum UserRequest {
    /// A call begins, by a client that signed in at this time, with this conversation unless it has one already. Answered by
    /// [`Start`].
    Start(ConversationEntry, UnixMillis),
    /// A call's first audio has come: enter its conversation, under the key that [`Start`] brought. Answered by nothing.
    Register(ConversationEntry, Vec<u8>),
    /// A call goes on, and has so much audio. Answered by [`Counted`](fourwire_engine::quota::sessions::Counted).
    Count(CallId, Stretch),
    /// A call is over, and has so much audio. Answered by nothing.
    Release(CallId, Stretch),
    /// A conversation is to be summed up anew. Answered by a result.
    Reprocess(ConversationId),
    /// A conversation is finished, and nothing was said in it. Answered by nothing.
    Expire(ConversationId),
    /// Whoever signed in before this moment is signed out. Answered by the calls that may be running.
    SignOut(UnixMillis),
    /// A call's conversation has changed: keep its new entry. Answered by whether there is such a conversation.
    Keep(ConversationEntry),
    /// A part of all conversations, newest first. Answered by [`fourwire_engine::conversations::Listed`].
    List(Page),
    /// Conversations behind a cursor with their keys, newest first: so many at most. Answered by a list.
    Behind(Option<Cursor>, usize),
    /// One conversation. Answered by [`Found`], where there is one.
    Find(ConversationId),
    /// Something is still to be done for a finished conversation. Answered by nothing.
    Owe(ConversationId, Duty),
    /// A conversation is to be deleted. Answered by whether there was one.
    Delete(ConversationId),
    /// What an earlier master secret has sealed is to be sealed anew. Answered by how many records that were.
    Reseal,
    /// Everything is to be deleted. Answered by nothing.
    Erase,
    /// Twilio has reported something of a call. Answered by the user and the call as it is now, where that was news.
    CallReport(CallSid, Progress),
    /// Something about numbers or calls. Answered as it says.
    Phone(PhoneRequest),
}

/// What is known of a conversation.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Found {
    /// Its entry.
    pub(crate) entry: ConversationEntry,
    /// Its key, wrapped.
    pub(crate) key: Vec<u8>,
    /// What Twilio has told of its call, which may be more than when it was stored.
    pub(crate) phone_call: Option<PhoneCall>,
}

impl Found {
    /// Whether the call is over, for what can be done only then.
    pub(crate) fn finished(&self) -> std::result::Result<(), Problem> {
        if self.entry.status == ConversationStatus::Completed { Ok(()) } else { Err(Problem::NotFinished) }
    }
}

/// How a call begins.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Start {
    /// With this conversation: the one offered, or the one it already had.
    Go {
        /// The conversation.
        entry: Box<ConversationEntry>,
        /// Whether it is entered already.
        is_registered: bool,
        /// Its key, wrapped.
        key: Vec<u8>,
        /// What Twilio has told of the call.
        phone_call: Option<Box<PhoneCall>>,
    },
    /// Not at all: its conversation was deleted while it was running; or Twilio has told of no such call that may be going on,
    /// and the operator wants that.
    NoSuchCall,
    /// Not at all: the user was signed out after this client had signed in.
    SignedOut,
    /// Not now: the user has reached a limit.
    Refused(SessionError),
}

/// Asks a user's object.
pub(crate) async fn ask<T: DeserializeOwned>(
    env: &Env,
    user: &UserId,
    asked: &UserRequest,
) -> std::result::Result<T, Problem> {
    let config = settings::read(env);
    let name = names::user_object(config.vault.as_ref().map_err(Clone::clone)?, user);
    objects::ask(env, settings::USERS, &name, &Envelope { owner: Some(user), asked }).await
}

/// Tells a user's object what Twilio has reported of a call: by the object's name alone, which is all that Twilio was told of the
/// user. Answered as [`UserRequest::CallReport`] says; an object that nobody has used knows of no call.
pub(crate) async fn report_call(
    env: &Env,
    name: &str,
    call: CallSid,
    progress: Progress,
) -> std::result::Result<Option<(UserId, CallRecord)>, Problem> {
    let asked = UserRequest::CallReport(call, progress);
    objects::ask(env, settings::USERS, name, &Envelope { owner: None::<UserId>, asked }).await
}

/// Asks a user's object about numbers or calls.
pub(crate) async fn ask_phone<T: DeserializeOwned>(
    env: &Env,
    user: &UserId,
    asked: PhoneRequest,
) -> std::result::Result<T, Problem> {
    ask(env, user, &UserRequest::Phone(asked)).await
}

/// The object.
#[durable_object]
pub struct User {
    pub(crate) state: State,
    pub(crate) env: Env,
    pub(crate) config: Rc<Config>,
    pub(crate) identity: ObjectIdentity<UserId>,
    /// When the alarm that is known to be set rings.
    pub(crate) alarm_at: Cell<Option<UnixMillis>>,
    /// Whether the tables are known to be there.
    pub(crate) has_tables: Cell<bool>,
}

impl std::panic::RefUnwindSafe for User {}

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
        let Ok(Envelope { owner, asked }) = request.json().await else { return Problem::Internal.response() };
        match self.identify(owner) {
            Ok(true) => {}
            Ok(false) => return Response::from_json(&()),
            Err(problem) => return problem.response(),
        }
        match asked {
            UserRequest::Delete(id) => objects::answer(self.delete(id).await),
            UserRequest::Erase => objects::answer(self.erase().await),
            UserRequest::Reseal => objects::answer(self.reseal().await),
            asked => self.answer(asked).or_else(|problem| problem.response()),
        }
    }

    async fn alarm(&self) -> Result<Response> {
        self.alarm_at.set(None);
        self.run_tasks().await;
        Response::empty()
    }
}

impl User {
    fn answer(&self, asked: UserRequest) -> std::result::Result<Response, Problem> {
        let user = self.name()?;
        let sql = self.tables()?;
        let phone = Phone::open(&self.state, &self.config, &user)?;
        let asked = match asked {
            UserRequest::Phone(asked) => {
                let answer = answer_phone(&phone, asked);
                // A call or a number is something that is forgotten one day.
                self.plan();
                return answer;
            }
            asked => asked,
        };
        let vault = self.config.vault.as_ref().map_err(Clone::clone)?;
        let index = Index::new(sql, vault, &user);
        let answer = match asked {
            UserRequest::Start(_, at) if sign_out::is_signed_out(&self.state.storage().sql(), at)? => {
                Response::from_json(&Start::SignedOut)
            }
            UserRequest::Start(entry, _) => Response::from_json(&self.start(&index, &phone, entry)?),
            UserRequest::SignOut(moment) => {
                sign_out::note(&self.state.storage().sql(), moment)?;
                Response::from_json(&self.running_calls(&index, moment)?)
            }
            UserRequest::Register(entry, key) => Response::from_json(&self.register(&index, &entry, &key)?),
            UserRequest::Count(call, audio) => Response::from_json(&self.count(vault, &user, &call, audio)?),
            UserRequest::Release(call, audio) => Response::from_json(&self.release(vault, &user, &call, audio)?),
            UserRequest::Reprocess(id) => Response::from_json(&self.reprocess(vault, &user, id)?),
            UserRequest::Expire(id) => Response::from_json(&self.expire(&index, id)?),
            UserRequest::Keep(entry) => Response::from_json(&self.keep(&index, &entry)?),
            UserRequest::List(page) => Response::from_json(&index.page(&page)?),
            UserRequest::Behind(cursor, most) => Response::from_json(&index.behind(cursor, most)?),
            UserRequest::Owe(id, duty) => Response::from_json(&self.owe(id, duty)?),
            UserRequest::Find(id) => Response::from_json(&find(&index, &phone, id)?),
            UserRequest::CallReport(call, progress) => {
                Response::from_json(&phone.progress(&call, &progress)?.map(|record| (user.clone(), record)))
            }
            UserRequest::Delete(_) | UserRequest::Erase | UserRequest::Reseal | UserRequest::Phone(_) => {
                return Err(Problem::Internal);
            }
        };
        Ok(answer?)
    }

    /// Whose object this is.
    pub(crate) fn name(&self) -> std::result::Result<UserId, Problem> {
        self.identity.get(&self.state, self.vault()?)?.ok_or(Problem::Internal)
    }

    /// Takes a request's word for whose object this is; whether that is known.
    fn identify(&self, owner: Option<UserId>) -> std::result::Result<bool, Problem> {
        let vault = self.vault()?;
        match owner {
            Some(user) => {
                let name = names::user_object(vault, &user);
                self.identity.learn(&self.state, user, &name).map(|()| true)
            }
            None => Ok(self.identity.get(&self.state, vault)?.is_some()),
        }
    }

    pub(crate) fn vault(&self) -> std::result::Result<&Vault, Problem> {
        Ok(self.config.vault.as_ref().map_err(Clone::clone)?)
    }

    /// The object's database, with every table in it.
    pub(crate) fn tables(&self) -> std::result::Result<SqlStorage, Problem> {
        let sql = self.state.storage().sql();
        if !self.has_tables.replace(true) {
            user_index::create(&sql)?;
            user_phone::create(&sql)?;
            user_duties::create(&sql)?;
            self.identity.keep(&self.state, self.vault()?)?;
            user_keeping::create(&sql)?;
            self.enter_directory(&sql)?;
        }
        Ok(sql)
    }

    fn start(
        &self,
        index: &Index<'_>,
        phone: &Phone<'_>,
        entry: ConversationEntry,
    ) -> std::result::Result<Start, Problem> {
        let call = entry.call_id.as_ref().ok_or(Problem::Internal)?;
        if index.is_ended(call)? {
            return Ok(Start::NoSuchCall);
        }
        let phone_call = phone.call_named(call)?;
        let known = index.of_call(call)?;
        if known.is_none()
            && phone_call.as_ref().is_none_or(|record| !record.admits_listener(now()))
            && self.config.dialling.as_ref().map_err(Clone::clone)?.listen_needs_call
        {
            return Ok(Start::NoSuchCall);
        }
        if let Err(error) = self.open_session(index.vault(), index.user(), call)? {
            return Ok(Start::Refused(error));
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
        Ok(Start::Go { entry: Box::new(entry), is_registered, key, phone_call })
    }

    /// The calls that may be running: those that have a slot, before their first audio too, and those that are not finished and
    /// began no longer ago than a call lasts.
    fn running_calls(&self, index: &Index<'_>, now: UnixMillis) -> std::result::Result<Vec<CallId>, Problem> {
        let entries = index.since(now - MAX_CALL_MILLIS)?.into_iter();
        let unfinished = entries.filter(|entry| entry.status != ConversationStatus::Completed);
        let mut calls = self.open_calls(index.vault(), index.user())?;
        for call in unfinished.filter_map(|entry| entry.call_id) {
            if !calls.contains(&call) {
                calls.push(call);
            }
        }
        Ok(calls)
    }
}

fn find(index: &Index<'_>, phone: &Phone<'_>, id: ConversationId) -> std::result::Result<Option<Found>, Problem> {
    let Some((entry, key)) = index.find(id)? else { return Ok(None) };
    let record = entry.call_id.as_ref().map(|call| phone.call_named(call)).transpose()?.flatten();
    Ok(Some(Found { entry, key, phone_call: record.map(|record| record.phone_call()) }))
}

fn answer_phone(phone: &Phone<'_>, asked: PhoneRequest) -> std::result::Result<Response, Problem> {
    let answer = match asked {
        PhoneRequest::Verify(number) => Response::from_json(&phone.verify(&number)?),
        PhoneRequest::Check => Response::from_json(&phone.check()?),
        PhoneRequest::Confirm(number, caller_id) => Response::from_json(&phone.confirm(&number, caller_id)?),
        PhoneRequest::Drop(number) => Response::from_json(&phone.drop_number(&number)?),
        PhoneRequest::Numbers => Response::from_json(&phone.numbers()?),
        PhoneRequest::Remove(id) => Response::from_json(&phone.remove(id)?),
        PhoneRequest::Choose(id) => Response::from_json(&phone.choose(id)?),
        PhoneRequest::Token => Response::from_json(&phone.token()?),
        PhoneRequest::Dial(wish) => Response::from_json(&phone.dial(wish)?),
        PhoneRequest::Refuse(call) => Response::from_json(&phone.refuse(&call)?),
        PhoneRequest::Calls => Response::from_json(&phone.calls()?),
        PhoneRequest::CallsBehind(last) => Response::from_json(&phone.calls_behind(last.as_ref())?),
    };
    Ok(answer?)
}
