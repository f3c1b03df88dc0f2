//! Sealing and opening values, in the one form in which this Worker keeps personal data: JSON under a vault's key.

use fourwire_engine::vault::{NONCE_BYTES, Owner, Vault};
use serde::Serialize;
use serde::de::DeserializeOwned;
use worker::{SqlStorage, SqlStorageValue};

use crate::fault::{During, Fault};
use crate::problem::Problem;

/// Seals a value of an owner for its address.
pub(crate) fn seal<'a>(
    vault: &Vault,
    owner: impl Into<Owner<'a>>,
    address: &str,
    value: &impl Serialize,
) -> Result<Vec<u8>, Problem> {
    let plain = serde_json::to_vec(value).during("seal.row")?;
    Ok(vault.seal(owner, address, nonce()?, &plain).during("seal.row")?)
}

/// Opens a value of an owner at its address.
pub(crate) fn open<'a, T: DeserializeOwned>(
    vault: &Vault,
    owner: impl Into<Owner<'a>>,
    address: &str,
    sealed: &[u8],
) -> Result<T, Problem> {
    let plain = vault.open(owner, address, sealed).during("seal.open")?;
    Ok(serde_json::from_slice(&plain).during("seal.open")?)
}

/// Seals anew, under the current master secret, what an earlier one has sealed in a column of a table; how many records that
/// were. `address` makes a record's address from its row's key.
pub(crate) fn reseal<'a>(
    sql: &SqlStorage,
    vault: &Vault,
    owner: impl Into<Owner<'a>>,
    [table, key, column]: [&str; 3],
    address: impl Fn(&str) -> String,
) -> Result<usize, Problem> {
    let owner = owner.into();
    let rows: Vec<_> = sql.exec(&format!("SELECT {key}, {column} FROM {table}"), None)?.raw().collect();
    let mut count = 0;
    for row in rows {
        let row = row?;
        let [SqlStorageValue::String(name), SqlStorageValue::Blob(record)] = row.as_slice() else {
            return Err(Fault::new("seal", "a row is not of the expected form").into());
        };
        if vault.is_current(record) {
            continue;
        }
        let address = address(name);
        let plain = vault.open(owner, &address, record).during("seal.open")?;
        let record = vault.seal(owner, &address, nonce()?, &plain).during("seal.row")?;
        let values = vec![record.into(), name.as_str().into()];
        sql.exec(&format!("UPDATE {table} SET {column} = ? WHERE {key} = ?"), values)?;
        count += 1;
    }
    Ok(count)
}

/// A fresh nonce for one sealed record.
pub(crate) fn nonce() -> Result<[u8; NONCE_BYTES], Problem> {
    random()
}

/// Random bytes.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Fault::new("random", error.to_string()))?;
    Ok(bytes)
}
