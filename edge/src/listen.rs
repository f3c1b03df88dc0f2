//! `GET /v4/listen`: a native client's socket, let in by its `Authorization` header and handed to its call's object.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use fourwire_engine::config::Config;
use fourwire_engine::identity::SignedIn;
use fourwire_engine::names::{self, CallOwner};
use fourwire_wire::event::close;
use fourwire_wire::ids::{CallId, ConversationId};
use fourwire_wire::query::ListenQuery;
use fourwire_wire::units::UnixMillis;
use serde::{Deserialize, Serialize};
use worker::{Env, Method, Request, RequestInit, Response, WebSocketPair};

use crate::client::close_socket;
use crate::problem::Problem;
use crate::{auth, sealed, settings};

/// The header in which an [`Admission`] travels to the call's object. Not the URL, which the platform logs; and an upgrade has no
/// body.
const ADMISSION: &str = "fourwire-admission";

/// Who was let in, and to what.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Admission {
    /// Whose call it is.
    pub(crate) owner: CallOwner,
    /// What the client asked for.
    pub(crate) query: ListenQuery,
    /// When the user signed in.
    pub(crate) signed_in_at: UnixMillis,
    /// When the token expires.
    pub(crate) expires: UnixMillis,
}

/// Opens a native client's socket.
///
/// A client that is not let in gets its close code on the socket, where the peer's clients look for it, and not an HTTP
/// status, of which a WebSocket client sees nothing.
pub(crate) async fn open(request: &Request, env: &Env) -> Result<Response, Problem> {
    let config = settings::read(env);
    let query = admit(request, &config)?;
    match auth::signed_in(request, &config).await {
        Ok(signed_in) => match forward(env, &signed_in, query).await {
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
fn query_text(request: &Request) -> Result<String, Problem> {
    Ok(request.url()?.query().unwrap_or_default().to_owned())
}

/// Hands the upgrade to the object of the user's call. A client that names no call gets one of its own.
pub(crate) async fn forward(env: &Env, signed_in: &SignedIn, query: ListenQuery) -> Result<Response, Problem> {
    let call = match &query.call_id {
        Some(call) => call.clone(),
        None => CallId::parse(random_conversation()?.to_string()).map_err(|_| Problem::Internal)?,
    };
    let owner = CallOwner { user: signed_in.user.clone(), call };
    let config = settings::read(env);
    let name = names::call_object(config.vault.as_ref().map_err(Clone::clone)?, &owner);
    let admission =
        serde_json::to_vec(&Admission { owner, query, signed_in_at: signed_in.signed_in, expires: signed_in.expires })
            .map_err(|_| Problem::Internal)?;
    let mut init = RequestInit::new();
    init.with_method(Method::Get);
    init.headers.set("upgrade", "websocket")?;
    init.headers.set(ADMISSION, &BASE64.encode(admission))?;
    let request = Request::new_with_init("https://call/listen", &init)?;
    let mut answer = env.durable_object(settings::CALLS)?.get_by_name(&name)?.fetch_with_request(request).await?;
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

/// Who was let in, in a request to a call's object.
pub(crate) fn admission(request: &Request) -> Result<Admission, Problem> {
    let header = request.headers().get(ADMISSION)?.ok_or(Problem::Internal)?;
    let json = BASE64.decode(header).map_err(|_| Problem::Internal)?;
    serde_json::from_slice(&json).map_err(|_| Problem::Internal)
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
