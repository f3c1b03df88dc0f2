//! The object that counts what all users together use: what it is asked.

use fourwire_engine::quota::deployment::Counter;
use serde::{Deserialize, Serialize};
use worker::Env;

use crate::log;
use crate::problem::Problem;
use crate::rpc::{Request, requests, send};
use crate::settings;

/// The object's name: there is no second one.
const NAME: &str = "all";

requests! {
    /// What the object of the deployment is asked.
    DeploymentRequest {
        /// So much is used. Answered by whether there is still some left.
        Add(Counter, u64) -> bool,
        /// One is to be used, if there is one left. Answered by whether there was.
        Take(Counter) -> bool,
        /// Whether there is any left.
        HasLeft(Counter) -> bool,
        /// What was used, of everything.
        ReadAll() -> Vec<CounterState>,
    }
}

/// A counter as it is now.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CounterState {
    /// Which one.
    pub(crate) counter: Counter,
    /// What was used within the last 24 hours.
    pub(crate) used: u64,
    /// What may be used.
    pub(crate) ceiling: u64,
}

/// Counts what was used. Nothing waits for it, and what is lost is not counted.
pub(crate) async fn add(env: &Env, counter: Counter, amount: u64) {
    if let Err(problem) = call(env, Add(counter, amount)).await {
        log::error!("usage_not_counted", counter = counter.name(), error = problem.cause());
    }
}

/// Counts one, if there is one left.
///
/// # Errors
/// [`Problem::Ceiling`] where there is none.
pub(crate) async fn take(env: &Env, counter: Counter) -> Result<(), Problem> {
    judge(&call(env, Take(counter)).await, counter)
}

/// Whether something new may begin.
///
/// # Errors
/// [`Problem::Ceiling`] where it may not.
pub(crate) async fn admit(env: &Env, counter: Counter) -> Result<(), Problem> {
    judge(&call(env, HasLeft(counter)).await, counter)
}

/// Every counter as it is now.
pub(crate) async fn read_all(env: &Env) -> Result<Vec<CounterState>, Problem> {
    call(env, ReadAll()).await
}

async fn call<R: Request<All = DeploymentRequest>>(env: &Env, request: R) -> Result<R::Response, Problem> {
    send(env, settings::DEPLOYMENT, NAME, &request.into()).await
}

/// A counter that cannot be asked stops nobody: it is there for costs, and every user has limits of their own.
fn judge(has_left: &Result<bool, Problem>, counter: Counter) -> Result<(), Problem> {
    match has_left {
        Ok(true) => Ok(()),
        Ok(false) => Err(Problem::Ceiling),
        Err(problem) => {
            log::error!("usage_unknown", counter = counter.name(), error = problem.cause());
            Ok(())
        }
    }
}
