//! The operator's settings, read from the Worker's variables and secrets, and the names of its bindings.

use fourwire_engine::config::Config;
use worker::Env;

/// The Durable Object of one call (wrangler.toml).
pub(crate) const CALLS: &str = "CALLS";
/// The Durable Object of one user.
pub(crate) const USERS: &str = "USERS";
/// The Durable Object of one telephone line, which is what a number reaches.
pub(crate) const LINES: &str = "LINES";
/// The R2 bucket of finished conversations.
pub(crate) const ARCHIVE: &str = "ARCHIVE";

/// Reads every setting. Secrets and plain variables are the same thing to a Worker.
pub(crate) fn read(env: &Env) -> Config {
    Config::read(|name| env.var(name).ok().map(|value| value.to_string()))
}
