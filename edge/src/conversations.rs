//! `GET /v1/conversations` and `GET /v1/conversations/{id}`: a user's own records.

use fourwire_wire::conversation::{ConversationEntry, ConversationStatus};
use fourwire_wire::ids::ConversationId;
use worker::{Env, Request, Response};

use crate::archive::Archive;
use crate::problem::Problem;
use crate::user_do::{self, Found, UserRequest};
use crate::{auth, listen, settings};

/// The user's conversations without their text, newest first, the running call among them.
pub(crate) async fn list(request: &Request, env: &Env) -> Result<Response, Problem> {
    let config = settings::read(env);
    let user = auth::user(request, &config).await?;
    // The user's object reads with it; asked here, what is missing is named to whoever asks.
    config.vault.as_ref().map_err(Clone::clone)?;
    let entries: Vec<ConversationEntry> = user_do::ask(env, &user, &UserRequest::List).await?;
    json(&entries)
}

/// One conversation with its text: the stored one, or the running call's as it is now.
pub(crate) async fn get(request: &Request, env: &Env, id: &str) -> Result<Response, Problem> {
    let config = settings::read(env);
    let user = auth::user(request, &config).await?;
    let vault = config.vault.as_ref().map_err(Clone::clone)?;
    let id = ConversationId::parse(id).ok_or(Problem::NoConversation)?;
    let found: Option<Found> = user_do::ask(env, &user, &UserRequest::Find(id)).await?;
    let Found { entry, phone_call } = found.ok_or(Problem::NoConversation)?;
    if entry.status != ConversationStatus::Completed
        && let Some(call) = &entry.call_id
    {
        let mut live = listen::call_object(env, &user, call)?.fetch_with_str("https://call/conversation").await?;
        if live.status_code() == 200 {
            let headers = live.headers().clone();
            return Ok(Response::from_bytes(live.bytes().await?)?.with_headers(headers));
        }
    }
    let mut stored = Archive::new(env, vault, &user)?.get(id).await?.ok_or(Problem::NoConversation)?;
    // Twilio's last report often comes after the client's last word, when the conversation is stored already.
    stored.phone_call = phone_call.or(stored.phone_call);
    json(&stored)
}

/// A JSON answer that no cache may keep.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> Result<Response, Problem> {
    let response = Response::from_json(value)?;
    response.headers().set("cache-control", "no-store")?;
    Ok(response)
}
