//! Who asks: the ID token of a request, checked against the issuer's keys, which are fetched and kept.

use std::cell::RefCell;
use std::rc::Rc;

use fourwire_engine::config::Config;
use fourwire_engine::identity::{self, Issuer, KeySet};
use fourwire_wire::ids::UserId;
use worker::{Fetch, Request};

use crate::clock::now;
use crate::problem::Problem;

thread_local! {
    /// The issuer's keys, for every request that this isolate serves.
    static KEYS: RefCell<Option<Rc<KeySet>>> = const { RefCell::new(None) };
}

/// The user of a request with `Authorization: Bearer <ID token>`.
pub(crate) async fn user(request: &Request, config: &Config) -> Result<UserId, Problem> {
    let header = request.headers().get("authorization")?.ok_or(Problem::NoAuthorization)?;
    verify(identity::bearer_token(&header).ok_or(Problem::BadAuthorization)?, config).await
}

/// The user whom an ID token names.
pub(crate) async fn verify(token: &str, config: &Config) -> Result<UserId, Problem> {
    let issuer = config.issuer.as_ref().map_err(Clone::clone)?;
    let keys = keys_for(token, issuer).await?;
    keys.verify(token, issuer, now()).map_err(|error| {
        worker::console_log!("token refused: {error}");
        Problem::BadAuthorization
    })
}

/// The issuer's keys, fetched where those at hand are too old or miss the token's. A fetch that fails leaves keys in use
/// that are not too old yet. Requests never wait for one another's fetch: a Worker may not await what another began.
async fn keys_for(token: &str, issuer: &Issuer) -> Result<Rc<KeySet>, Problem> {
    let known = KEYS.with_borrow(Clone::clone);
    if let Some(keys) = known.as_ref().filter(|keys| !keys.is_stale_for(token, now())) {
        return Ok(Rc::clone(keys));
    }
    match fetch_keys(issuer).await {
        Some(keys) => {
            let keys = Rc::new(keys);
            KEYS.set(Some(Rc::clone(&keys)));
            Ok(keys)
        }
        None => known.filter(|keys| !keys.is_expired(now())).ok_or(Problem::IssuerUnreachable),
    }
}

async fn fetch_keys(issuer: &Issuer) -> Option<KeySet> {
    let mut answer = Fetch::Url(issuer.keys_url.clone()).send().await.ok()?;
    if answer.status_code() != 200 {
        worker::console_error!("the issuer's keys: status {}", answer.status_code());
        return None;
    }
    let cache_control = answer.headers().get("cache-control").ok()?;
    let json = answer.text().await.ok()?;
    KeySet::parse(&json, cache_control.as_deref(), now()).ok()
}
