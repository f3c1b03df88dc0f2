//! Every path of the Worker and what answers it (docs/api.md tells the same for people).

use serde::Serialize;
use worker::{Env, Method, Request, Response};

use crate::problem::Problem;
use crate::{conversations, listen, phone, settings, twilio_hooks, web_listen};

/// Answers a request.
pub(crate) async fn answer(mut request: Request, env: &Env) -> Result<Response, Problem> {
    // The platform's library takes a method that it does not know for a GET.
    if request.inner().method() != request.method().as_ref() {
        return Err(Problem::Method);
    }
    let path = request.path();
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let method = request.method();
    let get = || if method == Method::Get { Ok(()) } else { Err(Problem::Method) };
    if let ["v1", "phone", rest @ ..] = segments.as_slice() {
        return phone_side(&mut request, env, rest).await;
    }
    match *segments {
        ["healthz"] => {
            get()?;
            health(env)
        }
        ["v4", "listen"] => {
            get()?;
            listen::open(&request, env).await
        }
        ["v4", "web", "listen"] => {
            get()?;
            web_listen::open(&request, env)
        }
        ["v1", "conversations"] => {
            get()?;
            conversations::list(&request, env).await
        }
        ["v1", "conversations", id] => {
            get()?;
            conversations::get(&request, env, id).await
        }
        _ => Err(Problem::NotFound),
    }
}

/// What lies under `/v1/phone`.
async fn phone_side(request: &mut Request, env: &Env, path: &[&str]) -> Result<Response, Problem> {
    match (request.method(), path) {
        (Method::Post, ["twiml"]) => twilio_hooks::voice(request, env).await,
        (Method::Post, ["notice"]) => twilio_hooks::notice(request, env).await,
        (Method::Post, ["calls", "status"]) => twilio_hooks::call_status(request, env).await,
        (Method::Post, ["numbers", "verify", "status"]) => twilio_hooks::verification_status(request, env).await,
        (Method::Post, ["numbers", "verify"]) => phone::verify(request, env).await,
        (Method::Post, ["numbers", "verify", "check"]) => phone::check(request, env).await,
        (_, ["numbers", "verify"]) => Err(Problem::Method),
        (Method::Get, ["numbers"]) => phone::list(request, env).await,
        (Method::Delete, ["numbers", id]) => phone::delete(request, env, id).await,
        (Method::Post, ["numbers", id, "primary"]) => phone::choose(request, env, id).await,
        (Method::Post, ["token"]) => phone::token(request, env).await,
        (Method::Get, ["calls"]) => phone::calls(request, env).await,
        (_, path) if is_phone_path(path) => Err(Problem::Method),
        _ => Err(Problem::NotFound),
    }
}

fn is_phone_path(path: &[&str]) -> bool {
    matches!(
        path,
        ["twiml" | "notice" | "token" | "calls" | "numbers"]
            | ["calls", "status"]
            | ["numbers", _]
            | ["numbers", _, "primary"]
            | ["numbers", "verify", "status" | "check"]
    )
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
