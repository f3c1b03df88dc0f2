//! Every path of the Worker and what answers it (docs/api.md tells the same for people).

use serde::Serialize;
use worker::{Env, Method, Request, Response};

use crate::problem::Problem;
use crate::{conversations, listen, settings, web_listen};

/// Answers a request.
pub(crate) async fn answer(request: Request, env: &Env) -> Result<Response, Problem> {
    let path = request.path();
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let get = || if request.method() == Method::Get { Ok(()) } else { Err(Problem::Method) };
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
