//! One sealed JSON value in an object's own database: what the object is about.

use fourwire_engine::vault::{Owner, Vault};
use serde::Serialize;
use serde::de::DeserializeOwned;
use worker::{SqlStorage, SqlStorageValue, State};

use crate::fault::Fault;
use crate::problem::Problem;
use crate::storage::sealed;

/// The row of an object and whose key seals it.
pub(crate) struct SealedRow<'a> {
    sql: SqlStorage,
    vault: &'a Vault,
    owner: Owner<'a>,
    /// The row's name, which is its address for the seal.
    name: &'static str,
}

impl<'a> SealedRow<'a> {
    pub(crate) fn new(state: &State, vault: &'a Vault, owner: Owner<'a>, name: &'static str) -> Self {
        Self { sql: state.storage().sql(), vault, owner, name }
    }

    /// Reads the value; the default where none was kept. It creates nothing: an object that was only asked stays empty,
    /// since a stored object is billed for ever.
    pub(crate) fn read<T: DeserializeOwned + Default>(&self) -> Result<T, Problem> {
        if !self.exists()? {
            return Ok(T::default());
        }
        let row = self.sql.exec("SELECT value FROM sealed WHERE name = ?", vec![self.name.into()])?.raw().next();
        let Some(row) = row.transpose()? else { return Ok(T::default()) };
        let [SqlStorageValue::Blob(sealed)] = row.as_slice() else {
            return Err(Fault::new("sql.sealed", "a row is not of the expected form").into());
        };
        sealed::open(self.vault, self.owner, self.name, sealed)
    }

    /// Seals every row of the owner anew where an earlier master secret has sealed it; how many that were.
    pub(crate) fn reseal(&self) -> Result<usize, Problem> {
        if !self.exists()? {
            return Ok(0);
        }
        sealed::reseal(&self.sql, self.vault, self.owner, ["sealed", "name", "value"], str::to_owned)
    }

    fn exists(&self) -> Result<bool, Problem> {
        Ok(self.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'sealed'", None)?.raw().next().is_some())
    }

    /// Keeps the value.
    pub(crate) fn write(&self, value: &impl Serialize) -> Result<(), Problem> {
        self.sql.exec(
            "CREATE TABLE IF NOT EXISTS sealed (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
            None,
        )?;
        let sealed = sealed::seal(self.vault, self.owner, self.name, value)?;
        self.sql.exec(
            "INSERT INTO sealed (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            vec![self.name.into(), sealed.into()],
        )?;
        Ok(())
    }
}
