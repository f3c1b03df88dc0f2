//! `GET /v4/listen`: a native client's socket, let in by its `Authorization` header and handed to its call's object.

use fourwire_engine::config::Config;
use fourwire_wire::event::close;
use fourwire_wire::query::ListenQuery;
use worker::{Env, Method, Request, Response, WebSocketPair};

use crate::api::auth;
use crate::problem::Problem;
use crate::rpc::call::forward;
use crate::settings;
use crate::socket::close_socket;

/// Opens a native client's socket.
///
/// A client that is not let in gets its close code on the socket, where Omi's clients look for it, and not an HTTP
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

/// Accepts a socket only to close it with the reason.
fn turn_away(reason: &str) -> Result<Response, Problem> {
    let pair = WebSocketPair::new()?;
    pair.server.accept()?;
    close_socket(&pair.server, close::POLICY, reason);
    Ok(Response::from_websocket(pair.client)?)
}
