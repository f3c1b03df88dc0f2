//! The object of one user: what it is asked, and which of its parts answers.

use std::rc::Rc;

use fourwire_engine::config::Config;
use fourwire_wire::conversation::{ConversationEntry, PhoneCall};
use fourwire_wire::ids::{ConversationId, UserId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use crate::problem::Problem;
use crate::user_index::Index;
use crate::user_phone::{Phone, PhoneRequest};
use crate::{objects, settings};

/// What the object is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum UserRequest {
    /// A call begins: register its conversation, unless the call has one already. Answered by [`Start`].
    Start(ConversationEntry),
    /// A call's conversation has changed: keep its new entry. Answered by nothing.
    Keep(ConversationEntry),
    /// All conversations, newest first. Answered by a list.
    List,
    /// One conversation. Answered by [`Found`], where there is one.
    Find(ConversationId),
    /// Something about numbers or calls. Answered as it says.
    Phone(PhoneRequest),
}

/// What is known of a conversation.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Found {
    /// Its entry.
    pub(crate) entry: ConversationEntry,
    /// What Twilio has told of its call, which may be more than when it was stored.
    pub(crate) phone_call: Option<PhoneCall>,
}

/// How a call begins.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Start {
    /// With this conversation: the one offered, or the one it already had.
    Go {
        /// The conversation.
        entry: Box<ConversationEntry>,
        /// What Twilio has told of the call.
        phone_call: Option<Box<PhoneCall>>,
    },
    /// Not at all: Twilio has told of no such call, and the operator wants that.
    NoSuchCall,
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
#[durable_object(fetch)]
pub struct User {
    state: State,
    config: Rc<Config>,
}

impl std::panic::RefUnwindSafe for User {}

impl DurableObject for User {
    fn new(state: State, env: Env) -> Self {
        Self { state, config: settings::read(&env) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let asked = request.json().await.map_err(|_| Problem::Internal);
        asked.and_then(|asked| self.answer(asked)).or_else(|problem| problem.response())
    }
}

impl User {
    fn answer(&self, asked: UserRequest) -> std::result::Result<Response, Problem> {
        let user = self.state.id().name().and_then(|name| UserId::parse(name).ok()).ok_or(Problem::Internal)?;
        let phone = Phone::open(&self.state, &self.config, &user)?;
        let asked = match asked {
            UserRequest::Phone(asked) => return answer_phone(&phone, asked),
            asked => asked,
        };
        let vault = self.config.vault.as_ref().map_err(Clone::clone)?;
        let index = Index::open(&self.state, vault, &user)?;
        let answer = match asked {
            UserRequest::Start(entry) => Response::from_json(&self.start(&index, &phone, entry)?),
            UserRequest::Keep(entry) => Response::from_json(&index.keep(&entry)?),
            UserRequest::List => Response::from_json(&index.all()?),
            UserRequest::Find(id) => Response::from_json(&find(&index, &phone, id)?),
            UserRequest::Phone(_) => return Err(Problem::Internal),
        };
        Ok(answer?)
    }

    fn start(
        &self,
        index: &Index<'_>,
        phone: &Phone<'_>,
        entry: ConversationEntry,
    ) -> std::result::Result<Start, Problem> {
        let call = entry.call_id.as_ref();
        let phone_call = call.map(|call| phone.call_named(call)).transpose()?.flatten();
        let known = call.map(|call| index.of_call(call)).transpose()?.flatten();
        if known.is_none() {
            if phone_call.is_none() && self.config.dialling.as_ref().map_err(Clone::clone)?.listen_needs_call {
                return Ok(Start::NoSuchCall);
            }
            index.keep(&entry)?;
        }
        let phone_call = phone_call.map(|record| Box::new(record.phone_call()));
        Ok(Start::Go { entry: Box::new(known.unwrap_or(entry)), phone_call })
    }
}

fn find(index: &Index<'_>, phone: &Phone<'_>, id: ConversationId) -> std::result::Result<Option<Found>, Problem> {
    let Some(entry) = index.find(id)? else { return Ok(None) };
    let record = entry.call_id.as_ref().map(|call| phone.call_named(call)).transpose()?.flatten();
    Ok(Some(Found { entry, phone_call: record.map(|record| record.phone_call()) }))
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
    };
    Ok(answer?)
}
