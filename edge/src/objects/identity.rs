//! Whose a Durable Object is. Its name is a keyed hash that nobody reads, so each request says it. An object that keeps anything keeps
//! that as well, sealed, because an alarm brings nothing along.

use std::cell::RefCell;

use fourwire_engine::database::{Database, Value, unexpected};
use fourwire_engine::vault::{Owner, Vault};
use serde::Serialize;
use serde::de::DeserializeOwned;
use worker::State;

use crate::fault::{During, Fault};
use crate::problem::Problem;
use crate::storage::database::ObjectDatabase;
use crate::storage::sealed;

/// What an object knows of whose it is.
pub(crate) struct ObjectIdentity<T> {
    known: RefCell<Option<T>>,
}

impl<T> Default for ObjectIdentity<T> {
    fn default() -> Self {
        Self { known: RefCell::new(None) }
    }
}

impl<T: Clone + Serialize + DeserializeOwned> ObjectIdentity<T> {
    /// Takes a request's word, whose name for the object must be the object's own.
    pub(crate) fn learn(&self, state: &State, identity: T, name: &str) -> Result<(), Problem> {
        if state.id().name().as_deref() != Some(name) {
            return Err(Fault::new("object.identity", "a request is for another object").into());
        }
        self.known.replace(Some(identity));
        Ok(())
    }

    /// Whose the object is; `None` for one that keeps nothing and was told nothing.
    pub(crate) fn get(&self, state: &State, vault: &Vault) -> Result<Option<T>, Problem> {
        if self.known.borrow().is_none() {
            let kept = match row(&ObjectDatabase::of(state))? {
                Some(sealed) => Some(sealed::open(vault, Owner::Operator, &address(state)?, &sealed)?),
                None => None,
            };
            self.known.replace(kept);
        }
        Ok(self.known.borrow().clone())
    }

    /// Forgets it, with everything that the object has kept.
    pub(crate) fn forget(&self) {
        self.known.replace(None);
    }

    /// Keeps it, in an object that is about to keep something.
    pub(crate) fn keep(&self, state: &State, vault: &Vault) -> Result<(), Problem> {
        if row(&ObjectDatabase::of(state))?.is_some() { Ok(()) } else { self.write(state, vault) }
    }

    /// Seals anew what an earlier master secret has sealed; how many records that were.
    pub(crate) fn reseal(&self, state: &State, vault: &Vault) -> Result<usize, Problem> {
        match row(&ObjectDatabase::of(state))? {
            Some(sealed) if !vault.is_current(&sealed) => self.write(state, vault).map(|()| 1),
            _ => Ok(0),
        }
    }

    fn write(&self, state: &State, vault: &Vault) -> Result<(), Problem> {
        let identity = self.get(state, vault)?.during("object.identity")?;
        Ok(write(&ObjectDatabase::of(state), sealed::seal(vault, Owner::Operator, &address(state)?, &identity)?)?)
    }
}

/// The row, which is read without making its table: an object that was only asked stays empty, since a stored one is billed for ever.
fn row(database: &ObjectDatabase) -> Result<Option<Vec<u8>>, Fault> {
    if !database.has_table("identity")? {
        return Ok(None);
    }
    match database.first("SELECT sealed FROM identity", vec![])?.as_deref() {
        None => Ok(None),
        Some([Value::Blob(sealed)]) => Ok(Some(sealed.clone())),
        Some(_) => Err(unexpected("object.identity")),
    }
}

fn write(database: &ObjectDatabase, sealed: Vec<u8>) -> Result<(), Fault> {
    database.execute(
        "CREATE TABLE IF NOT EXISTS identity (one INTEGER PRIMARY KEY CHECK (one = 1), sealed BLOB NOT NULL)",
        vec![],
    )?;
    database.execute("INSERT OR REPLACE INTO identity (one, sealed) VALUES (1, ?)", vec![sealed.into()])
}

/// Where the row lies, for its seal.
fn address(state: &State) -> Result<String, Problem> {
    Ok(format!("identity/{}", state.id().name().during("object.identity")?))
}
