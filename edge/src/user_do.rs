//! The object of one user: what it is asked, and which of its parts answers.

use std::cell::Cell;
use std::rc::Rc;

use fourwire_engine::config::Config;
use fourwire_engine::conversations::Page;
use fourwire_engine::quota::sessions::{SessionError, Stretch};
use fourwire_wire::conversation::{ConversationEntry, ConversationStatus, PhoneCall};
use fourwire_wire::ids::{CallId, ConversationId, UserId};
use fourwire_wire::units::UnixMillis;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use worker::{DurableObject, Env, Request, Response, Result, SqlStorage, State, durable_object};

use crate::problem::Problem;
use crate::user_duties::Duty;
use crate::user_index::Index;
use crate::user_phone::{Phone, PhoneRequest};
use crate::{objects, settings, user_duties, user_index, user_phone};

/// What the object is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum UserRequest {
    /// A call begins, with this conversation unless it has one already. Answered by [`Start`].
    Start(ConversationEntry),
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
    /// A call's conversation has changed: keep its new entry. Answered by whether there is such a conversation.
    Keep(ConversationEntry),
    /// A part of all conversations, newest first. Answered by a list.
    List(Page),
    /// All conversations with their keys, newest first. Answered by a list.
    All,
    /// One conversation. Answered by [`Found`], where there is one.
    Find(ConversationId),
    /// Something is still to be done for a finished conversation. Answered by nothing.
    Owe(ConversationId, Duty),
    /// A conversation is to be deleted. Answered by whether there was one.
    Delete(ConversationId),
    /// What an earlier master secret has sealed is to be sealed anew. Answered by how many records that were.
    Reseal,
    /// Everything is to be deleted. Answered by whether it is; it is not while a call is running.
    Erase,
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
    /// Not at all: Twilio has told of no such call, and the operator wants that.
    NoSuchCall,
    /// Not now: the user has reached a limit.
    Refused(SessionError),
}

/// Asks a user's object.
pub(crate) async fn ask<T: DeserializeOwned>(
    env: &Env,
    user: &UserId,
    asked: &UserRequest,
) -> std::result::Result<T, Problem> {
    objects::ask(env, settings::USERS, user.as_str(), asked).await
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
    /// When the alarm that is known to be set rings.
    pub(crate) alarm_at: Cell<Option<UnixMillis>>,
    /// Whether the tables are known to be there.
    pub(crate) has_tables: Cell<bool>,
}

impl std::panic::RefUnwindSafe for User {}

impl DurableObject for User {
    fn new(state: State, env: Env) -> Self {
        let config = settings::read(&env);
        Self { state, env, config, alarm_at: Cell::new(None), has_tables: Cell::new(false) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let Ok(asked) = request.json().await else { return Problem::Internal.response() };
        match asked {
            UserRequest::Delete(id) => objects::answer(self.delete(id).await),
            UserRequest::Erase => objects::answer(self.erase().await),
            UserRequest::Reseal => objects::answer(self.reseal().await),
            asked => self.answer(asked).or_else(|problem| problem.response()),
        }
    }

    async fn alarm(&self) -> Result<Response> {
        self.alarm_at.set(None);
        match self.tidy().await {
            Ok(()) => Response::empty(),
            Err(problem) => problem.response(),
        }
    }
}

impl User {
    fn answer(&self, asked: UserRequest) -> std::result::Result<Response, Problem> {
        let user = self.name()?;
        let sql = self.tables()?;
        let phone = Phone::open(&self.state, &self.config, &user)?;
        let asked = match asked {
            UserRequest::Phone(asked) => return answer_phone(&phone, asked),
            asked => asked,
        };
        let vault = self.config.vault.as_ref().map_err(Clone::clone)?;
        let index = Index::new(sql, vault, &user);
        let answer = match asked {
            UserRequest::Start(entry) => Response::from_json(&self.start(&index, &phone, entry)?),
            UserRequest::Register(entry, key) => Response::from_json(&self.register(&index, &entry, &key)?),
            UserRequest::Count(call, audio) => Response::from_json(&self.count(vault, &user, &call, audio)?),
            UserRequest::Release(call, audio) => Response::from_json(&self.release(vault, &user, &call, audio)?),
            UserRequest::Reprocess(id) => Response::from_json(&self.reprocess(vault, &user, id)?),
            UserRequest::Expire(id) => Response::from_json(&self.expire(&index, id)?),
            UserRequest::Keep(entry) => Response::from_json(&self.keep(&index, &entry)?),
            UserRequest::List(page) => Response::from_json(&index.page(&page)?),
            UserRequest::All => Response::from_json(&index.all()?),
            UserRequest::Owe(id, duty) => Response::from_json(&self.owe(&index, id, duty)?),
            UserRequest::Find(id) => Response::from_json(&find(&index, &phone, id)?),
            UserRequest::Delete(_) | UserRequest::Erase | UserRequest::Reseal | UserRequest::Phone(_) => {
                return Err(Problem::Internal);
            }
        };
        Ok(answer?)
    }

    /// Whose object this is.
    pub(crate) fn name(&self) -> std::result::Result<UserId, Problem> {
        self.state.id().name().and_then(|name| UserId::parse(name).ok()).ok_or(Problem::Internal)
    }

    /// The object's database, with every table in it.
    pub(crate) fn tables(&self) -> std::result::Result<SqlStorage, Problem> {
        let sql = self.state.storage().sql();
        if !self.has_tables.replace(true) {
            user_index::create(&sql)?;
            user_phone::create(&sql)?;
            user_duties::create(&sql)?;
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
        let phone_call = phone.call_named(call)?;
        let known = index.of_call(call)?;
        if known.is_none()
            && phone_call.is_none()
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
        Ok(Start::Go { entry: Box::new(entry), is_registered, key, phone_call })
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
        PhoneRequest::Add(number, caller_id) => Response::from_json(&phone.add(&number, caller_id)?),
        PhoneRequest::Drop(number) => Response::from_json(&phone.drop_number(&number)?),
        PhoneRequest::Numbers => Response::from_json(&phone.numbers()?),
        PhoneRequest::Remove(id) => Response::from_json(&phone.remove(id)?),
        PhoneRequest::Choose(id) => Response::from_json(&phone.choose(id)?),
        PhoneRequest::Token => Response::from_json(&phone.token()?),
        PhoneRequest::Dial(wish) => Response::from_json(&phone.dial(wish)?),
        PhoneRequest::Refuse(call) => Response::from_json(&phone.refuse(&call)?),
        PhoneRequest::Progress(call, progress) => Response::from_json(&phone.progress(&call, &progress)?),
        PhoneRequest::Calls => Response::from_json(&phone.calls()?),
        PhoneRequest::AllCalls => Response::from_json(&phone.all_calls()?),
    };
    Ok(answer?)
}
