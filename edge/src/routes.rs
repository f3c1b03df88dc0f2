//! Every path of the Worker and what answers it (docs/api.md tells the same for people).

use fourwire_wire::ids::ConversationId;
use serde::Serialize;
use worker::Method::{Delete, Get, Head, Patch, Post};
use worker::{Env, Headers, Method, Request, Response, ResponseBody};

use crate::api::{account, conversations, export, listen, listen_web, operator, phone, playback, twilio_webhooks};
use crate::log;
use crate::problem::Problem;
use crate::settings;

/// Answers a request. `HEAD` is answered as `GET` would be, refusals as well, and without the body (RFC 9110, section 9.3.2).
pub(crate) async fn answer(request: Request, env: &Env) -> worker::Result<Response> {
    let (is_head, method, path) = (request.method() == Head, request.method(), request.path());
    let answer = route(request, env).await.or_else(|problem| {
        if let Problem::Internal(fault) = &problem {
            let (resource, conversation) = named_in(&path);
            log::error!(
                "request_failed",
                method = method.as_ref(),
                resource = resource,
                conversation = conversation,
                error = fault.to_string()
            );
        }
        problem.response()
    });
    let answer = with_headers(answer?)?;
    if is_head { without_body(answer) } else { Ok(answer) }
}

/// What a path is about, as far as it is known not to be anything personal: a client may write anything into it.
fn named_in(path: &str) -> (&'static str, Option<ConversationId>) {
    let mut segments = path.trim_matches('/').split('/').skip(1);
    let known = ["account", "conversations", "listen", "operator", "phone", "web"];
    let resource = segments.next().and_then(|segment| known.into_iter().find(|known| *known == segment));
    (resource.unwrap_or("other"), segments.next().and_then(ConversationId::parse))
}

/// What every answer says: that its content is of its stated type and no other (<https://fetch.spec.whatwg.org/#x-content-type-options-header>),
/// and that this host is reached by HTTPS alone, for a year from now (RFC 6797).
const HEADERS: [(&str, &str); 2] =
    [("x-content-type-options", "nosniff"), ("strict-transport-security", "max-age=31536000")];

fn with_headers(answer: Response) -> worker::Result<Response> {
    // Those of an answer that comes from an object cannot be changed, but copied.
    let headers: Headers = answer.headers().entries().collect();
    for (name, value) in HEADERS {
        headers.set(name, value)?;
    }
    Ok(answer.with_headers(headers))
}

/// An answer's status and headers. A body that is being made is never asked for its first byte.
fn without_body(answer: Response) -> worker::Result<Response> {
    let (builder, body) = answer.into_parts();
    let answer = builder.empty();
    if let ResponseBody::Body(bytes) = body {
        answer.headers().set("content-length", &bytes.len().to_string())?;
    }
    Ok(answer)
}

/// Looks the path up first, then whether it takes the method.
#[expect(clippy::match_same_arms, reason = "a table: every path has its own lines")]
async fn route(mut request: Request, env: &Env) -> Result<Response, Problem> {
    let path = request.path();
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    // The platform's library takes a method that it does not know for a GET; no path takes a TRACE.
    let is_known = request.inner().method() == request.method().as_ref();
    let method = match request.method() {
        Head => Get,
        method if is_known => method,
        _ => Method::Trace,
    };
    let other = |allowed| Err(Problem::Method { allowed });
    match (segments.as_slice(), method) {
        (["healthz"], Get) => health(env),
        (["healthz"], _) => other("GET, HEAD"),

        (["v4", "listen"], Get) => listen::open(&request, env).await,
        (["v4", "listen"], _) => other("GET, HEAD"),
        (["v4", "web", "listen"], Get) => listen_web::open(&request, env),
        (["v4", "web", "listen"], _) => other("GET, HEAD"),

        (["v1", "conversations"], Get) => conversations::list(&request, env).await,
        (["v1", "conversations"], _) => other("GET, HEAD"),
        (["v1", "conversations", "search"], Post) => conversations::search(&mut request, env).await,
        (["v1", "conversations", "search"], _) => other("POST"),
        (["v1", "conversations", id], Get) => conversations::get(&request, env, id).await,
        (["v1", "conversations", id], Patch) => conversations::change(&mut request, env, id).await,
        (["v1", "conversations", id], Delete) => conversations::delete(&request, env, id).await,
        (["v1", "conversations", _], _) => other("GET, HEAD, PATCH, DELETE"),
        (["v1", "conversations", id, "reprocess"], Post) => conversations::reprocess(&request, env, id).await,
        (["v1", "conversations", _, "reprocess"], _) => other("POST"),
        (["v1", "conversations", id, "audio"], Get) => playback::audio(&request, env, id).await,
        (["v1", "conversations", _, "audio"], _) => other("GET, HEAD"),
        (["v1", "conversations", id, "transcript"], Get) => playback::transcript(&request, env, id).await,
        (["v1", "conversations", _, "transcript"], _) => other("GET, HEAD"),

        (["v1", "account"], Delete) => account::erase(&request, env).await,
        (["v1", "account"], _) => other("DELETE"),
        (["v1", "account", "export"], Get) => export::export(&request, env).await,
        (["v1", "account", "export"], _) => other("GET, HEAD"),

        (["v1", "operator", "reseal"], Post) => operator::reseal(&request, env).await,
        (["v1", "operator", "reseal"], _) => other("POST"),
        (["v1", "operator", "sign-out"], Post) => operator::sign_out(&mut request, env).await,
        (["v1", "operator", "sign-out"], _) => other("POST"),

        (["v1", "operator", "usage"], Get) => operator::usage(&request, env).await,
        (["v1", "operator", "usage"], _) => other("GET, HEAD"),

        (["v1", "phone", "numbers"], Get) => phone::list(&request, env).await,
        (["v1", "phone", "numbers"], _) => other("GET, HEAD"),
        (["v1", "phone", "numbers", "verify"], Post) => phone::verify(&mut request, env).await,
        (["v1", "phone", "numbers", "verify"], _) => other("POST"),
        (["v1", "phone", "numbers", "verify", "check"], Post) => phone::check(&mut request, env).await,
        (["v1", "phone", "numbers", "verify", "check"], _) => other("POST"),
        (["v1", "phone", "numbers", "verify", "status"], Post) => {
            twilio_webhooks::verification_status(&mut request, env).await
        }
        (["v1", "phone", "numbers", "verify", "status"], _) => other("POST"),
        (["v1", "phone", "numbers", id], Delete) => phone::delete(&request, env, id).await,
        (["v1", "phone", "numbers", _], _) => other("DELETE"),
        (["v1", "phone", "numbers", id, "primary"], Post) => phone::choose(&request, env, id).await,
        (["v1", "phone", "numbers", _, "primary"], _) => other("POST"),
        (["v1", "phone", "token"], Post) => phone::token(&request, env).await,
        (["v1", "phone", "token"], _) => other("POST"),
        (["v1", "phone", "calls"], Get) => phone::calls(&request, env).await,
        (["v1", "phone", "calls"], _) => other("GET, HEAD"),

        (["v1", "phone", "twiml"], Post) => twilio_webhooks::voice(&mut request, env).await,
        (["v1", "phone", "twiml"], _) => other("POST"),
        (["v1", "phone", "notice"], Post) => twilio_webhooks::notice(&mut request, env).await,
        (["v1", "phone", "notice"], _) => other("POST"),
        (["v1", "phone", "calls", "status"], Post) => twilio_webhooks::call_status(&mut request, env).await,
        (["v1", "phone", "calls", "status"], _) => other("POST"),

        _ => Err(Problem::NotFound),
    }
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
    /// What the operator still has to set.
    problems: Vec<String>,
}

/// `GET /healthz`: whether the Worker runs, and what it lacks. 503 while something is missing.
fn health(env: &Env) -> Result<Response, Problem> {
    let problems: Vec<_> = settings::read(env).problems().map(ToString::to_string).collect();
    let (status, code) = if problems.is_empty() { ("ok", 200) } else { ("not_configured", 503) };
    let health = Health { status, version: env!("CARGO_PKG_VERSION"), problems };
    Ok(Response::from_json(&health)?.with_status(code))
}
