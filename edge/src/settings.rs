//! The operator's settings, read from the Worker's variables and secrets, and the names of its bindings.

use std::cell::OnceCell;
use std::rc::Rc;

use fourwire_engine::config::Config;
use worker::Env;

use crate::log;

thread_local! {
    /// The settings, for everything that this isolate serves. Other settings come with another version of the Worker, which
    /// has isolates of its own.
    static CONFIG: OnceCell<Rc<Config>> = const { OnceCell::new() };
}

/// The Durable Object of one call (wrangler.toml).
pub(crate) const CALLS: &str = "CALLS";
/// The Durable Object of one user.
pub(crate) const USERS: &str = "USERS";
/// The Durable Object of one telephone line, which is what a number reaches.
pub(crate) const LINES: &str = "LINES";
/// The Durable Object that counts what all users together use.
pub(crate) const DEPLOYMENT: &str = "DEPLOYMENT";
/// Cloudflare's own models, where the operator wants one of them.
pub(crate) const AI: &str = "AI";
/// The R2 bucket of what is kept of calls.
pub(crate) const ARCHIVE: &str = "ARCHIVE";

/// Every setting, read once. Secrets and plain variables are the same thing to a Worker.
pub(crate) fn read(env: &Env) -> Rc<Config> {
    let look_up = |name: &str| env.var(name).ok().map(|value| value.to_string());
    CONFIG.with(|config| {
        Rc::clone(config.get_or_init(|| {
            let config = Config::read(look_up);
            // A level that cannot be read is named by /healthz, and costs no line.
            log::set_lowest(config.log_level.clone().unwrap_or_default());
            Rc::new(config)
        }))
    })
}
