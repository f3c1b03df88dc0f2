//! One sealed value by its name, in an object's table `sealed`: what the object is about.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Database, Value, sealed, unexpected};
use crate::fault::Fault;
use crate::vault::{Owner, Vault};

/// A value's row, and whose key seals it.
#[derive(Debug)]
pub struct SealedRow<'a, D> {
    database: &'a D,
    vault: &'a Vault,
    owner: Owner<'a>,
    /// The row's name, which is its address for the seal.
    name: &'static str,
}

impl<'a, D: Database> SealedRow<'a, D> {
    /// The row of a name.
    pub const fn new(database: &'a D, vault: &'a Vault, owner: Owner<'a>, name: &'static str) -> Self {
        Self { database, vault, owner, name }
    }

    /// Reads the value; the default where none was written. It creates nothing: an object that was only asked stays empty, since a
    /// stored object is billed for ever.
    ///
    /// # Errors
    /// What the database says, or where the value cannot be opened.
    pub fn read<T: DeserializeOwned + Default>(&self) -> Result<T, Fault> {
        if !self.database.has_table("sealed")? {
            return Ok(T::default());
        }
        match self.database.first("SELECT value FROM sealed WHERE name = ?", vec![self.name.into()])?.as_deref() {
            None => Ok(T::default()),
            Some([Value::Blob(sealed)]) => sealed::open(self.vault, self.owner, self.name, sealed),
            Some(_) => Err(unexpected("sql.sealed")),
        }
    }

    /// Writes the value.
    ///
    /// # Errors
    /// What the database says.
    pub fn write(&self, value: &impl Serialize) -> Result<(), Fault> {
        self.database.execute(
            "CREATE TABLE IF NOT EXISTS sealed (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
            vec![],
        )?;
        let sealed = sealed::seal(self.vault, self.owner, self.name, self.database.random()?, value)?;
        self.database.execute(
            "INSERT INTO sealed (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            vec![self.name.into(), sealed.into()],
        )?;
        Ok(())
    }

    /// Lets the value change, and writes it where it has. What is decided here between two waits is decided as one.
    ///
    /// # Errors
    /// As [`Self::read`] and [`Self::write`].
    pub fn change<T, R>(&self, change: impl FnOnce(&mut T) -> R) -> Result<R, Fault>
    where
        T: Clone + Default + PartialEq + Serialize + DeserializeOwned,
    {
        let mut value: T = self.read()?;
        let before = value.clone();
        let result = change(&mut value);
        if value != before {
            self.write(&value)?;
        }
        Ok(result)
    }

    /// Seals every row of the owner anew where an earlier master secret has sealed it; how many that were.
    ///
    /// # Errors
    /// What the database says, or where a record cannot be opened.
    pub fn reseal(&self) -> Result<usize, Fault> {
        if !self.database.has_table("sealed")? {
            return Ok(0);
        }
        sealed::reseal(self.database, self.vault, self.owner, ["sealed", "name", "value"], str::to_owned)
    }
}
