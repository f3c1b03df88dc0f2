//! What the operator has done to everything that is stored, and to users: `/v1/operator/…`, with `OPERATOR_KEY`.

use fourwire_engine::config::Config;
use fourwire_engine::identity;
use fourwire_engine::vault::{Owner, Vault};
use fourwire_wire::ids::UserId;
use serde::{Deserialize, Serialize};
use worker::{Bucket, Env, Request, Response};

use crate::api::body;
use crate::api::response::json;
use crate::clock::now;
use crate::fault::During;
use crate::log;
use crate::problem::Problem;
use crate::rpc::call;
use crate::rpc::deployment::{self, CounterState};
use crate::rpc::user::{self, Reseal};
use crate::settings;
use crate::storage::{directory, sealed};

/// How many users are seen to in one request, which may ask a thousand objects and no more.
const USERS_AT_ONCE: u32 = 20;

/// How far it is.
#[derive(Serialize)]
struct Resealed {
    /// Users that were seen to.
    users: usize,
    /// Users of whom something could not be opened; the log names their entries and says why.
    failed: usize,
    /// Records that were sealed anew.
    records: usize,
    /// What to ask with for those who are left; null where there are none.
    cursor: Option<String>,
}

/// `POST /v1/operator/reseal?cursor=…`: seals anew, under the current `ENCRYPTION_SECRET`, what an earlier one has sealed.
pub(crate) async fn reseal(request: &Request, env: &Env) -> Result<Response, Problem> {
    let config = settings::read(env);
    authorise(request, &config)?;
    let vault = config.vault()?;
    let bucket = env.bucket(settings::ARCHIVE)?;
    let mut list = bucket.list().prefix(directory::PREFIX).limit(USERS_AT_ONCE);
    if let Some((_, cursor)) = request.url()?.query_pairs().find(|(name, _)| name == "cursor") {
        list = list.cursor(cursor);
    }
    let page = list.execute().await?;
    let mut done = Resealed { users: 0, failed: 0, records: 0, cursor: page.cursor().filter(|_| page.truncated()) };
    for object in page.objects() {
        let name = object.key();
        // One user's trouble is not that of who comes next.
        match reseal_user(env, &bucket, vault, &name).await {
            Ok(records) => {
                done.users += 1;
                done.records += records;
            }
            Err(problem) => {
                done.failed += 1;
                log::error!("reseal_failed", entry = name, error = problem.cause());
            }
        }
    }
    json(&done)
}

/// Seals anew what there is of the user with this entry: how many records that were.
async fn reseal_user(env: &Env, bucket: &Bucket, vault: &Vault, name: &str) -> Result<usize, Problem> {
    // The user may have gone meanwhile.
    let Some(entry) = bucket.get(name).execute().await? else { return Ok(0) };
    let entered = entry.body().during("r2.get")?.bytes().await?;
    let user: UserId = sealed::open(vault, Owner::Operator, name, &entered)?;
    let records = user::call(env, &user, Reseal()).await?;
    if vault.is_current(&entered) {
        return Ok(records);
    }
    bucket.put(name, sealed::seal(vault, Owner::Operator, name, &user)?).execute().await?;
    Ok(records + 1)
}

/// Whom to sign out.
#[derive(Deserialize)]
struct SignOut {
    user_id: UserId,
}

/// How many calls were told.
#[derive(Serialize)]
struct SignedOut {
    calls: usize,
}

/// `POST /v1/operator/sign-out`: cuts the user's sockets off at once, and refuses sockets to whoever signed in before now. The id is
/// in the body, since addresses are logged.
pub(crate) async fn sign_out(request: &mut Request, env: &Env) -> Result<Response, Problem> {
    let config = settings::read(env);
    authorise(request, &config)?;
    let bytes = body::read(request).await?.ok_or(Problem::Body)?;
    let SignOut { user_id } = serde_json::from_slice(&bytes).map_err(|_| Problem::Body)?;
    let moment = now();
    let calls = user::call(env, &user_id, user::SignOut(moment)).await?;
    for id in &calls {
        call::call(env, &user_id, id, call::SignOut(moment)).await?;
    }
    json(&SignedOut { calls: calls.len() })
}

#[derive(Serialize)]
struct UsageList {
    usage: Vec<CounterState>,
}

/// `GET /v1/operator/usage`: what all users together have used within the last day.
pub(crate) async fn usage(request: &Request, env: &Env) -> Result<Response, Problem> {
    let config = settings::read(env);
    authorise(request, &config)?;
    config.quotas()?;
    json(&UsageList { usage: deployment::read_all(env).await? })
}

/// Lets the operator in and nobody else.
fn authorise(request: &Request, config: &Config) -> Result<(), Problem> {
    let key = config.operator_key()?;
    let given = request.headers().get("authorization")?.ok_or(Problem::NoAuthorization)?;
    let is_operator = identity::bearer(&given).is_some_and(|given| key.is(given));
    if is_operator { Ok(()) } else { Err(Problem::BadAuthorization) }
}
