//! The directory of all users, in R2: objects themselves cannot be listed by name. Each entry is sealed, and named by a keyed hash.

use fourwire_engine::names;
use fourwire_engine::vault::{Owner, Vault};
use fourwire_wire::ids::UserId;
use worker::Env;

use crate::problem::Problem;
use crate::settings;
use crate::storage::sealed;

/// Where the entries lie.
pub(crate) const PREFIX: &str = "users/";

/// Enters a user into the directory.
pub(crate) async fn enter(env: &Env, vault: &Vault, user: &UserId) -> Result<(), Problem> {
    let name = entry_name(vault, user);
    let entry = sealed::seal(vault, Owner::Operator, &name, user)?;
    env.bucket(settings::ARCHIVE)?.put(&name, entry).execute().await?;
    Ok(())
}

/// Takes a user out of the directory.
pub(crate) async fn leave(env: &Env, vault: &Vault, user: &UserId) -> Result<(), Problem> {
    Ok(env.bucket(settings::ARCHIVE)?.delete(entry_name(vault, user)).await?)
}

fn entry_name(vault: &Vault, user: &UserId) -> String {
    format!("{PREFIX}{}", names::user_object(vault, user))
}
