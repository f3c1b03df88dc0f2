//! A user's object itself: its database, the operator's settings, and the rooms of the rest.

use fourwire_wire::ids::UserId;
use fourwire_wire::units::UnixMillis;
use thiserror::Error;

use super::call_log::CallLog;
use super::index::Index;
use crate::config::{Config, ConfigError};
use crate::database::Database;
use crate::database::sealed_row::SealedRow;
use crate::fault::Fault;
use crate::vault::{Owner, Vault};

/// Why something cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// A setting is missing or wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database, or what it holds.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A user's object, over its database and the operator's settings. It holds nothing itself and is made for each request.
#[derive(Clone, Copy, Debug)]
pub struct User<'a, D> {
    pub(super) database: &'a D,
    pub(super) config: &'a Config,
    pub(super) vault: &'a Vault,
    pub(super) owner: &'a UserId,
}

impl<'a, D: Database> User<'a, D> {
    /// The object of a user, whose tables [`create_tables`](super::create_tables) has made.
    ///
    /// # Errors
    /// Without a master secret nothing can be read or written.
    pub fn new(database: &'a D, config: &'a Config, user: &'a UserId) -> Result<Self, Error> {
        Ok(Self { database, config, vault: config.vault()?, owner: user })
    }

    pub(super) fn index(&self, now: UnixMillis) -> Index<'a, D> {
        Index::new(self.database, self.vault, self.owner, now)
    }

    pub(super) const fn call_log(&self) -> CallLog<'a, D> {
        CallLog::new(self.database, self.vault, self.owner)
    }

    /// A sealed value of the user by its name.
    pub(super) const fn row(&self, name: &'static str) -> SealedRow<'a, D> {
        SealedRow::new(self.database, self.vault, Owner::User(self.owner), name)
    }
}
