//! `GET /v4/listen`: a native client's socket, let in by its `Authorization` header and handed to its call's object.

use fourwire_engine::config::Config;
use fourwire_engine::names;
use fourwire_wire::event::close;
use fourwire_wire::ids::{CallId, ConversationId, UserId};
use fourwire_wire::query::ListenQuery;
use serde::Deserialize;
use worker::{Env, Method, Request, RequestInit, Response, WebSocketPair};

use crate::client::close_socket;
use crate::problem::Problem;
use crate::{auth, sealed, settings};

/// Opens a native client's socket.
///
/// A client that is not let in gets its close code on the socket, where the peer's clients look for it, and not an HTTP
/// status, of which a WebSocket client sees nothing.
pub(crate) async fn open(request: &Request, env: &Env) -> Result<Response, Problem> {
    let config = settings::read(env);
    let query = admit(request, &config)?;
    match auth::user(request, &config).await {
        Ok(user) => match forward(env, &user, &query, &query_text(request)?).await {
            Err(problem) if problem.is_told_on_socket() => turn_away(&problem.to_string()),
            answer => answer,
        },
        Err(problem @ (Problem::NoAuthorization | Problem::BadAuthorization)) => turn_away(&problem.to_string()),
        Err(problem) => Err(problem),
    }
}

/// Checks what can be checked before anybody is let in: that it is a WebSocket, that its query can be served, and that
/// everything a call needs is configured.
pub(crate) fn admit(request: &Request, config: &Config) -> Result<ListenQuery, Problem> {
    let upgrade = request.headers().get("upgrade")?;
    // A socket begins with a GET (RFC 6455, section 4.1).
    let is_get = request.method() == Method::Get;
    if !is_get || !upgrade.is_some_and(|value| value.eq_ignore_ascii_case("websocket")) {
        return Err(Problem::NotWebSocket);
    }
    let query = ListenQuery::parse(&query_text(request)?)?;
    if let Some(problem) = config.listen_problems().next() {
        return Err(problem.clone().into());
    }
    Ok(query)
}

/// The query of the request's URL.
pub(crate) fn query_text(request: &Request) -> Result<String, Problem> {
    Ok(request.url()?.query().unwrap_or_default().to_owned())
}

/// Hands the upgrade to the object of the user's call. A client that names no call gets one of its own.
pub(crate) async fn forward(
    env: &Env,
    user: &UserId,
    query: &ListenQuery,
    query_text: &str,
) -> Result<Response, Problem> {
    let call = match &query.call_id {
        Some(call) => call.clone(),
        None => CallId::parse(random_conversation()?.to_string()).map_err(|_| Problem::Internal)?,
    };
    let mut init = RequestInit::new();
    init.with_method(Method::Get);
    init.headers.set("upgrade", "websocket")?;
    let request = Request::new_with_init(&format!("https://call/listen?{query_text}"), &init)?;
    let mut answer = env
        .durable_object(settings::CALLS)?
        .get_by_name(&names::call_object(user, &call))?
        .fetch_with_request(request)
        .await?;
    if answer.status_code() == 101 {
        return Ok(answer);
    }
    let refusal: Refusal = answer.json().await?;
    Err(Problem::not_admitted(&refusal.code).unwrap_or(Problem::Internal))
}

/// What a call's object answers where it does not take the socket.
#[derive(Deserialize)]
struct Refusal {
    code: String,
}

/// A fresh conversation id.
pub(crate) fn random_conversation() -> Result<ConversationId, Problem> {
    Ok(ConversationId::from_random(sealed::random()?))
}

/// Accepts a socket only to close it with the reason.
fn turn_away(reason: &str) -> Result<Response, Problem> {
    let pair = WebSocketPair::new()?;
    pair.server.accept()?;
    close_socket(&pair.server, close::POLICY, reason);
    Ok(Response::from_websocket(pair.client)?)
}
