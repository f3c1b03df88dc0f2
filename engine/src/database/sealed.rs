//! Personal data in a column: JSON, sealed under an owner's key for one address.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Database, Value, unexpected};
use crate::fault::{During, Fault};
use crate::vault::{NONCE_BYTES, Owner, Vault};

/// Seals a value of an owner for its address, under a nonce that is used once.
///
/// # Errors
/// Where the value cannot be written.
pub fn seal<'a>(
    vault: &Vault,
    owner: impl Into<Owner<'a>>,
    address: &str,
    nonce: [u8; NONCE_BYTES],
    value: &impl Serialize,
) -> Result<Vec<u8>, Fault> {
    let plain = serde_json::to_vec(value).during("seal.row")?;
    vault.seal(owner, address, nonce, &plain).during("seal.row")
}

/// Opens a value of an owner at its address.
///
/// # Errors
/// Where it was not sealed by this owner for this address, or is not of the expected form.
pub fn open<'a, T: DeserializeOwned>(
    vault: &Vault,
    owner: impl Into<Owner<'a>>,
    address: &str,
    sealed: &[u8],
) -> Result<T, Fault> {
    let plain = vault.open(owner, address, sealed).during("seal.open")?;
    serde_json::from_slice(&plain).during("seal.open")
}

/// Seals anew, under the current master secret, what an earlier one has sealed in a column of a table; how many records that
/// were. `address` makes a record's address from its row's key.
///
/// # Errors
/// What the database says, or where a record cannot be opened.
pub fn reseal<'a>(
    database: &impl Database,
    vault: &Vault,
    owner: impl Into<Owner<'a>>,
    [table, key, column]: [&str; 3],
    address: impl Fn(&str) -> String,
) -> Result<usize, Fault> {
    let owner = owner.into();
    // All of them before the first is written: a statement must not be read while its table changes.
    let rows: Vec<_> = database.query(&format!("SELECT {key}, {column} FROM {table}"), vec![])?.collect();
    let mut count: usize = 0;
    for row in rows {
        let row = row?;
        let [Value::Text(name), Value::Blob(record)] = row.as_slice() else { return Err(unexpected("seal")) };
        if vault.is_current(record) {
            continue;
        }
        let address = address(name);
        let plain = vault.open(owner, &address, record).during("seal.open")?;
        let record = vault.seal(owner, &address, database.random()?, &plain).during("seal.row")?;
        let values = vec![record.into(), name.as_str().into()];
        database.execute(&format!("UPDATE {table} SET {column} = ? WHERE {key} = ?"), values)?;
        count = count.saturating_add(1);
    }
    Ok(count)
}
