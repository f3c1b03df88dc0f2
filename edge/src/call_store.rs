//! What a call's object keeps in its own database: the session's snapshot and its segments, sealed.

use fourwire_engine::call::Snapshot;
use fourwire_engine::vault::Vault;
use fourwire_wire::ids::UserId;
use fourwire_wire::segment::Segment;
use serde::Serialize;
use serde::de::DeserializeOwned;
use worker::{SqlStorage, SqlStorageValue, State};

use crate::archive;
use crate::problem::Problem;

/// One call's rows.
pub(crate) struct CallStore {
    sql: SqlStorage,
}

impl CallStore {
    /// The store of a call that was saved before. It creates nothing: an object whose call is over must stay empty, since
    /// a stored object is billed for ever.
    pub(crate) fn find(state: &State) -> Result<Option<Self>, Problem> {
        let sql = state.storage().sql();
        let there = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'records'", None)?.raw().next().is_some();
        Ok(there.then_some(Self { sql }))
    }

    /// The store of a call that is running.
    pub(crate) fn open(state: &State) -> Result<Self, Problem> {
        let sql = state.storage().sql();
        sql.exec(
            "CREATE TABLE IF NOT EXISTS records (name TEXT PRIMARY KEY, sealed BLOB NOT NULL) WITHOUT ROWID",
            None,
        )?;
        Ok(Self { sql })
    }

    /// What was saved of a session: its snapshot and its segments, or `None` for a call that is new here.
    pub(crate) fn load(&self, vault: &Vault, user: &UserId) -> Result<Option<(Snapshot, Vec<Segment>)>, Problem> {
        let mut snapshot = None;
        let mut segments = Vec::new();
        for row in self.sql.exec("SELECT name, sealed FROM records", None)?.raw() {
            let row = row?;
            let [SqlStorageValue::String(name), SqlStorageValue::Blob(sealed)] = row.as_slice() else {
                return Err(Problem::Internal);
            };
            if name == SESSION {
                snapshot = Some(unseal(vault, user, name, sealed)?);
            } else {
                segments.push(unseal(vault, user, name, sealed)?);
            }
        }
        Ok(snapshot.map(|snapshot| (snapshot, segments)))
    }

    /// Keeps the session's state.
    pub(crate) fn save(&self, vault: &Vault, user: &UserId, snapshot: &Snapshot) -> Result<(), Problem> {
        self.put(vault, user, SESSION, snapshot)
    }

    /// Keeps a segment.
    pub(crate) fn save_segment(&self, vault: &Vault, user: &UserId, segment: &Segment) -> Result<(), Problem> {
        self.put(vault, user, &format!("segment/{}", segment.id), segment)
    }

    fn put(&self, vault: &Vault, user: &UserId, name: &str, value: &impl Serialize) -> Result<(), Problem> {
        let plain = serde_json::to_vec(value).map_err(|_| Problem::Internal)?;
        let sealed = vault.seal(user, &address(name), archive::nonce()?, &plain).map_err(|_| Problem::Internal)?;
        self.sql.exec(
            "INSERT INTO records (name, sealed) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed",
            vec![name.into(), sealed.into()],
        )?;
        Ok(())
    }
}

/// Name of the snapshot's row.
const SESSION: &str = "session";

fn unseal<T: DeserializeOwned>(vault: &Vault, user: &UserId, name: &str, sealed: &[u8]) -> Result<T, Problem> {
    let plain = vault.open(user, &address(name), sealed).map_err(|error| {
        worker::console_error!("a saved record {error}");
        Problem::Internal
    })?;
    serde_json::from_slice(&plain).map_err(|_| Problem::Internal)
}

/// Where a row lies, for its seal.
fn address(name: &str) -> String {
    format!("call/{name}")
}
