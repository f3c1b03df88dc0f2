//! `/v1/account`: everything of a user, to be deleted.

use worker::{Env, Request, Response};

use crate::api::auth;
use crate::api::response::{Done, json};
use crate::problem::Problem;
use crate::rpc::user::{self, Erase};
use crate::settings;

/// `DELETE /v1/account`: deletes every conversation, gives every number up, forgets every call. Calls that are running are ended.
pub(crate) async fn erase(request: &Request, env: &Env) -> Result<Response, Problem> {
    let config = settings::read(env);
    let user = auth::user(request, &config).await?;
    config.vault()?;
    user::call(env, &user, Erase()).await?;
    json(&Done::YES)
}
