//! Sealing with the platform's randomness. The form is the engine's.

pub(crate) use fourwire_engine::database::sealed::open;
use fourwire_engine::vault::{NONCE_BYTES, Owner, Vault};
use serde::Serialize;

use crate::fault::Fault;

/// Seals a value of an owner for its address.
pub(crate) fn seal<'a>(
    vault: &Vault,
    owner: impl Into<Owner<'a>>,
    address: &str,
    value: &impl Serialize,
) -> Result<Vec<u8>, Fault> {
    fourwire_engine::database::sealed::seal(vault, owner, address, nonce()?, value)
}

/// A fresh nonce for one sealed record.
pub(crate) fn nonce() -> Result<[u8; NONCE_BYTES], Fault> {
    random()
}

/// Random bytes.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Fault> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// Fills bytes with randomness fit for keys.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), Fault> {
    getrandom::fill(bytes).map_err(|error| Fault::new("random", error.to_string()))
}
