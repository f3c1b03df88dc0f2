//! The issuer of ID tokens: a token is checked against its keys, which are fetched and kept.

use std::cell::RefCell;
use std::rc::Rc;

use fourwire_engine::config::Config;
use fourwire_engine::identity::{FETCH_TIMEOUT, Issuer, KeyCache, KeySet, Lookup, MAX_KEY_SET_BYTES, SignedIn};
use worker::{AbortSignal, Method};

use crate::clock::now;
use crate::log;
use crate::log::millis;
use crate::outbound::http::{self, Outgoing};
use crate::problem::{Problem, kind};

thread_local! {
    /// The issuer's keys, for every request that this isolate serves.
    static KEYS: RefCell<KeyCache> = RefCell::default();
}

/// Whom an ID token signs in.
pub(crate) async fn verify(token: &str, config: &Config) -> Result<SignedIn, Problem> {
    let issuer = config.issuer()?;
    let keys = keys_for(token, issuer).await?;
    keys.verify(token, issuer, now()).map_err(|error| {
        log::info!("token_refused", error = error.to_string());
        Problem::BadAuthorization
    })
}

/// The keys to check a token with. Requests never wait for one another's fetch: a Worker may not await what another began.
async fn keys_for(token: &str, issuer: &Issuer) -> Result<Rc<KeySet>, Problem> {
    let ask_cache = || KEYS.with_borrow_mut(|cache| cache.look_up(token, now()));
    let mut lookup = ask_cache();
    if matches!(lookup, Lookup::Fetch) {
        let fetched = fetch_keys(issuer).await;
        KEYS.with_borrow_mut(|cache| match fetched {
            Some(keys) => cache.fetched(keys),
            None => cache.failed(now()),
        });
        lookup = ask_cache();
    }
    match lookup {
        Lookup::Use(keys) => Ok(keys),
        Lookup::Unavailable { retry_after } => Err(Problem::IssuerUnreachable { retry_after }),
        Lookup::Fetch => Err(Problem::IssuerUnreachable { retry_after: 1 }),
    }
}

async fn fetch_keys(issuer: &Issuer) -> Option<KeySet> {
    match http::within(FETCH_TIMEOUT, async |signal| read_keys(issuer, signal).await).await {
        Some(Ok((200, cache_control, json))) => {
            let keys = KeySet::parse(&String::from_utf8_lossy(&json), cache_control.as_deref(), now());
            if keys.is_err() {
                log::error!("issuer_keys_not_read");
            }
            return keys.ok();
        }
        Some(Ok((status, ..))) => log::error!("issuer_refused", status = status),
        Some(Err(error)) => log::error!("issuer_not_reached", error = kind(&error)),
        None => log::error!("issuer_not_in_time", limit_ms = millis(FETCH_TIMEOUT)),
    }
    None
}

/// Asks for the keys: the answer's status, `Cache-Control` and body.
async fn read_keys(issuer: &Issuer, signal: &AbortSignal) -> worker::Result<(u16, Option<String>, Vec<u8>)> {
    let mut answer = Outgoing::new(Method::Get, issuer.keys_url.url().as_str(), &[])?.send(signal).await?;
    let cache_control = answer.headers().get("cache-control")?;
    let json = http::read_start(&mut answer, MAX_KEY_SET_BYTES).await?;
    Ok((answer.status_code(), cache_control, json))
}
