//! `/v1/conversations`: a user's own records, as lists and one by one.

use fourwire_engine::config::Config;
use fourwire_engine::conversations::{Changes, Cursor, Listed, Page, Search};
use fourwire_wire::conversation::Conversation;
use fourwire_wire::ids::{ConversationId, UserId};
use serde::Serialize;
use worker::{Env, Request, Response};

use crate::archive::Archive;
use crate::call_do::{self, CallRequest};
use crate::clock::now;
use crate::problem::Problem;
use crate::user_do::{self, Found, UserRequest};
use crate::{auth, body, settings};

/// The header of what follows an answer that is a part of something; the value is for the query's `cursor`.
const NEXT_CURSOR: &str = "fourwire-next-cursor";

/// `GET /v1/conversations`: the user's conversations without their text, newest first, the running call among them.
pub(crate) async fn list(request: &Request, env: &Env) -> Result<Response, Problem> {
    let config = settings::read(env);
    let user = auth::user(request, &config).await?;
    answer(env, &config, &user, Page::parse(request.url()?.query_pairs())?).await
}

/// `POST /v1/conversations/search`: those that have all words. What somebody looks for is in the body, since addresses are logged.
pub(crate) async fn search(request: &mut Request, env: &Env) -> Result<Response, Problem> {
    let config = settings::read(env);
    let user = auth::user(request, &config).await?;
    let bytes = body::read(request).await?.ok_or(Problem::Body)?;
    let search = Search::parse(&bytes).ok_or(Problem::Body)?;
    answer(env, &config, &user, search.page()?).await
}

async fn answer(env: &Env, config: &Config, user: &UserId, page: Page) -> Result<Response, Problem> {
    // The user's object reads with it; asked here, what is missing is named to whoever asks.
    config.vault.as_ref().map_err(Clone::clone)?;
    let listed: Listed = user_do::ask(env, user, &UserRequest::List(page)).await?;
    let response = json(&listed.entries)?;
    if let Some(next) = listed.next {
        set_next(&response, next)?;
    }
    Ok(response)
}

/// Says in an answer's head what to ask with for what follows.
pub(crate) fn set_next(response: &Response, next: Cursor) -> Result<(), Problem> {
    Ok(response.headers().set(NEXT_CURSOR, &next.to_string())?)
}

/// `GET /v1/conversations/{id}`: one conversation with its text, also while its call runs.
pub(crate) async fn get(request: &Request, env: &Env, id: &str) -> Result<Response, Problem> {
    json(&open(request, env, id).await?.read(env).await?)
}

/// `PATCH /v1/conversations/{id}`: changes what the user may change.
pub(crate) async fn change(request: &mut Request, env: &Env, id: &str) -> Result<Response, Problem> {
    let opened = open_finished(request, env, id).await?;
    let bytes = body::read(request).await?.ok_or(Problem::Body)?;
    let changes: Changes = serde_json::from_slice(&bytes).map_err(|_| Problem::Body)?;
    json(&opened.rewrite(env, |conversation| Ok(changes.clone().apply(conversation, now())?)).await?)
}

/// `DELETE /v1/conversations/{id}`: the conversation, its audio and its key. Nothing of it is opened: also one that cannot be read
/// any more can be deleted, and a call that is running is ended.
pub(crate) async fn delete(request: &Request, env: &Env, id: &str) -> Result<Response, Problem> {
    let config = settings::read(env);
    let user = auth::user(request, &config).await?;
    config.vault.as_ref().map_err(Clone::clone)?;
    let id = ConversationId::parse(id).ok_or(Problem::NoConversation)?;
    let was_there: bool = user_do::ask(env, &user, &UserRequest::Delete(id)).await?;
    if was_there { json(&Done::YES) } else { Err(Problem::NoConversation) }
}

/// Says that something was done.
#[derive(Serialize)]
pub(crate) struct Done {
    success: bool,
}

impl Done {
    /// It was.
    pub(crate) const YES: Self = Self { success: true };
}

/// A conversation of the user who asks.
pub(crate) struct Opened {
    /// Who asks.
    pub(crate) user: UserId,
    /// What the user's object knows of it.
    pub(crate) found: Found,
    /// Where it is kept.
    pub(crate) archive: Archive,
}

impl Opened {
    /// The conversation with its text: the stored one, or the running call's as it is now.
    pub(crate) async fn read(self, env: &Env) -> Result<Conversation, Problem> {
        let Self { user, found, archive } = self;
        if found.finished().is_err()
            && let Some(call) = &found.entry.call_id
        {
            let live: Option<Conversation> = call_do::ask(env, &user, call, &CallRequest::Conversation).await?;
            if let Some(live) = live {
                return Ok(live);
            }
        }
        let (mut stored, _) = archive.get().await?.ok_or(Problem::NoConversation)?;
        // Twilio's last report often comes after the client's last word, when the conversation is stored already.
        stored.phone_call = found.phone_call.or(stored.phone_call);
        Ok(stored)
    }

    /// Changes the stored conversation, and its entry in the user's index. A change that somebody else makes at the same
    /// time is not lost: the later one is made anew on what the earlier one left.
    pub(crate) async fn rewrite(
        &self,
        env: &Env,
        mut change: impl FnMut(&mut Conversation) -> Result<(), Problem>,
    ) -> Result<Conversation, Problem> {
        const TRIES: usize = 5;
        for _ in 0..TRIES {
            let (mut conversation, version) = self.archive.get().await?.ok_or(Problem::NoConversation)?;
            change(&mut conversation)?;
            if self.archive.replace(&conversation, version).await? {
                user_do::ask::<bool>(env, &self.user, &UserRequest::Keep(conversation.entry())).await?;
                return Ok(conversation);
            }
        }
        Err(Problem::Internal)
    }
}

/// Lets the user in and finds the conversation.
pub(crate) async fn open(request: &Request, env: &Env, id: &str) -> Result<Opened, Problem> {
    let config = settings::read(env);
    let user = auth::user(request, &config).await?;
    let vault = config.vault.as_ref().map_err(Clone::clone)?;
    let id = ConversationId::parse(id).ok_or(Problem::NoConversation)?;
    let found: Option<Found> = user_do::ask(env, &user, &UserRequest::Find(id)).await?;
    let found = found.ok_or(Problem::NoConversation)?;
    let archive = Archive::open(env, vault, &user, id, &found.key)?;
    Ok(Opened { user, found, archive })
}

/// The same, for what can be done only when the call is over.
pub(crate) async fn open_finished(request: &Request, env: &Env, id: &str) -> Result<Opened, Problem> {
    let opened = open(request, env, id).await?;
    opened.found.finished()?;
    Ok(opened)
}

/// A JSON answer that no cache may keep.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> Result<Response, Problem> {
    let response = Response::from_json(value)?;
    response.headers().set("cache-control", "no-store")?;
    Ok(response)
}
