//! `/v1/conversations`: a user's own records, as lists and one by one.

use fourwire_engine::config::Config;
use fourwire_engine::conversations::{Changes, Page, Search};
use fourwire_engine::summary::{self, Spoken};
use fourwire_wire::ids::{ConversationId, UserId};
use fourwire_wire::structured::SummaryBy;
use worker::{Env, Request, Response};

use crate::api::own_conversation::{open, open_finished};
use crate::api::response::{Done, json, set_next};
use crate::api::{auth, body};
use crate::clock::now;
use crate::outbound::language_model;
use crate::problem::Problem;
use crate::rpc::user::{self, Delete, List, Reprocess};
use crate::settings;
use crate::zones::PlatformZones;

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
    config.vault()?;
    let listed = user::call(env, user, List(page)).await?;
    let response = json(&listed.entries)?;
    if let Some(next) = listed.next {
        set_next(&response, next)?;
    }
    Ok(response)
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
    config.vault()?;
    let id = ConversationId::parse(id).ok_or(Problem::NoConversation)?;
    let was_there = user::call(env, &user, Delete(id)).await?;
    if was_there { json(&Done::YES) } else { Err(Problem::NoConversation) }
}

/// `POST /v1/conversations/{id}/reprocess`: makes what was made of the text anew.
pub(crate) async fn reprocess(request: &Request, env: &Env, id: &str) -> Result<Response, Problem> {
    let opened = open_finished(request, env, id).await?;
    // Not Fourwire's own extract in place of a model's summary, because of a mistyped setting.
    settings::read(env).summariser.as_ref().map_err(Clone::clone)?;
    user::call(env, &opened.user, Reprocess(opened.found.entry.id)).await??;
    let (stored, _) = opened.archive.get().await?.ok_or(Problem::NoConversation)?;
    let (structured, by) = match language_model::sum_up(env, &stored).await {
        Some(Ok(structured)) => (structured, SummaryBy::Model),
        Some(Err(_)) => return Err(Problem::NoSummary),
        None => {
            let spoken = Spoken::of(&stored, &PlatformZones);
            (summary::extract(&spoken.talk()), SummaryBy::Extract)
        }
    };
    json(
        &opened
            .rewrite(env, |conversation| {
                conversation.sum_up(structured.clone(), by);
                Ok(())
            })
            .await?,
    )
}
