//! What a call's object keeps in its own database: the session's snapshot, its segments, the conversation's key, and chunks
//! of audio that R2 has not taken yet. Everything is sealed.

use fourwire_engine::call::{Saved, Snapshot};
use fourwire_engine::names::{self, CallOwner};
use fourwire_engine::record::{ChunkName, Folder};
use fourwire_engine::vault::Vault;
use fourwire_wire::segment::Segment;
use serde::Serialize;
use worker::{SqlStorage, SqlStorageValue, State};

use crate::fault::{During, Fault};
use crate::problem::Problem;
use crate::storage::sealed;

/// One call's rows.
pub(super) struct CallStore {
    sql: SqlStorage,
}

/// What was saved of a call.
pub(super) struct SavedCall {
    /// The session's state.
    pub(super) snapshot: Snapshot,
    /// What was saved beside it.
    pub(super) saved: Saved,
    /// The conversation's key, wrapped.
    pub(super) key: Vec<u8>,
}

impl CallStore {
    /// The store of a call that was saved before. It creates nothing: an object whose call is over must stay empty, since
    /// a stored object is billed for ever.
    pub(super) fn find(state: &State) -> Result<Option<Self>, Problem> {
        let sql = state.storage().sql();
        let there = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'records'", None)?.raw().next().is_some();
        Ok(there.then_some(Self { sql }))
    }

    /// The store of a call that is running.
    pub(super) fn open(state: &State) -> Result<Self, Problem> {
        let sql = state.storage().sql();
        for table in [
            "CREATE TABLE IF NOT EXISTS records (name TEXT PRIMARY KEY, sealed BLOB NOT NULL) WITHOUT ROWID",
            "CREATE TABLE IF NOT EXISTS chunks (name TEXT PRIMARY KEY, sealed BLOB NOT NULL)",
        ] {
            sql.exec(table, None)?;
        }
        Ok(Self { sql })
    }

    /// What was saved of a call, or `None` for one that is new here.
    pub(super) fn load(&self, vault: &Vault, owner: &CallOwner) -> Result<Option<SavedCall>, Problem> {
        let (mut snapshot, mut key) = (None::<Snapshot>, None);
        let mut saved = Saved::default();
        for row in self.sql.exec("SELECT name, sealed FROM records", None)?.raw() {
            let row = row?;
            let [SqlStorageValue::String(name), SqlStorageValue::Blob(sealed)] = row.as_slice() else {
                return Err(Fault::new("sql.call", "a row is not of the expected form").into());
            };
            match name.as_str() {
                SESSION => snapshot = Some(sealed::open(vault, &owner.user, &names::call_row(owner, name), sealed)?),
                KEY => key = Some(sealed.clone()),
                _ => saved.segments.push(sealed::open(vault, &owner.user, &names::call_row(owner, name), sealed)?),
            }
        }
        let (Some(snapshot), Some(key)) = (snapshot, key) else { return Ok(None) };
        let folder = Folder::new(vault, &owner.user, snapshot.conversation);
        for name in self.chunk_names()? {
            saved.chunks.push(ChunkName::parse(&folder, &name).during("sql.call")?.span());
        }
        Ok(Some(SavedCall { snapshot, saved, key }))
    }

    /// The names of chunks that are kept.
    pub(super) fn chunk_names(&self) -> Result<Vec<String>, Problem> {
        let rows = self.sql.exec("SELECT name FROM chunks ORDER BY name", None)?.raw();
        let name = |row: worker::Result<Vec<SqlStorageValue>>| match row?.as_slice() {
            [SqlStorageValue::String(name)] => Ok(name.clone()),
            _ => Err(Fault::new("sql.call", "a row is not of the expected form").into()),
        };
        rows.map(name).collect()
    }

    /// Segments that can be read, of a call that as a whole cannot.
    pub(super) fn readable_segments(&self, vault: &Vault, owner: &CallOwner) -> Result<Vec<Segment>, Problem> {
        let mut segments = Vec::new();
        for row in self.sql.exec("SELECT name, sealed FROM records WHERE name LIKE 'segment/%'", None)?.raw() {
            if let [SqlStorageValue::String(name), SqlStorageValue::Blob(sealed)] = row?.as_slice()
                && let Ok(segment) = sealed::open(vault, &owner.user, &names::call_row(owner, name), sealed)
            {
                segments.push(segment);
            }
        }
        Ok(segments)
    }

    /// Counts one more time that a call could not be taken up again; how many these are in a row.
    pub(super) fn count_failure(state: &State) -> Result<u32, Problem> {
        let sql = state.storage().sql();
        sql.exec("CREATE TABLE IF NOT EXISTS failures (id INTEGER PRIMARY KEY, count INTEGER NOT NULL)", None)?;
        let counted = sql.exec(
            "INSERT INTO failures (id, count) VALUES (1, 1)
             ON CONFLICT (id) DO UPDATE SET count = count + 1 RETURNING count",
            None,
        )?;
        match counted.raw().next().transpose()?.as_deref() {
            Some([SqlStorageValue::Integer(count)]) => Ok(u32::try_from(*count).during("sql.call")?),
            _ => Err(Fault::new("sql.call", "a row is not of the expected form").into()),
        }
    }

    /// A call was taken up again.
    pub(super) fn forget_failures(state: &State) -> Result<(), Problem> {
        let sql = state.storage().sql();
        if sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'failures'", None)?.raw().next().is_some() {
            sql.exec("DROP TABLE failures", None)?;
        }
        Ok(())
    }

    /// Keeps the session's state.
    pub(super) fn save(&self, vault: &Vault, owner: &CallOwner, snapshot: &Snapshot) -> Result<(), Problem> {
        self.put(vault, owner, SESSION, snapshot)
    }

    /// Keeps a segment.
    pub(super) fn save_segment(&self, vault: &Vault, owner: &CallOwner, segment: &Segment) -> Result<(), Problem> {
        self.put(vault, owner, &format!("segment/{}", segment.id), segment)
    }

    /// Keeps the conversation's key, which is wrapped already.
    pub(super) fn save_key(&self, wrapped: &[u8]) -> Result<(), Problem> {
        self.write(KEY, wrapped.to_vec())
    }

    /// Keeps a sealed chunk of audio.
    pub(super) fn keep_chunk(&self, name: &ChunkName, body: Vec<u8>) -> Result<(), Problem> {
        let values = vec![name.as_str().into(), body.into()];
        self.sql.exec("INSERT OR REPLACE INTO chunks (name, sealed) VALUES (?, ?)", values)?;
        Ok(())
    }

    /// A sealed chunk of audio that is kept.
    pub(super) fn chunk(&self, name: &ChunkName) -> Result<Option<Vec<u8>>, Problem> {
        let row = self.sql.exec("SELECT sealed FROM chunks WHERE name = ?", vec![name.as_str().into()])?.raw().next();
        match row.transpose()?.as_deref() {
            None => Ok(None),
            Some([SqlStorageValue::Blob(body)]) => Ok(Some(body.clone())),
            Some(_) => Err(Fault::new("sql.call", "a row is not of the expected form").into()),
        }
    }

    /// Keeps a chunk no more.
    pub(super) fn drop_chunk(&self, name: &ChunkName) -> Result<(), Problem> {
        self.sql.exec("DELETE FROM chunks WHERE name = ?", vec![name.as_str().into()])?;
        Ok(())
    }

    fn put(&self, vault: &Vault, owner: &CallOwner, name: &str, value: &impl Serialize) -> Result<(), Problem> {
        self.write(name, sealed::seal(vault, &owner.user, &names::call_row(owner, name), value)?)
    }

    fn write(&self, name: &str, sealed: Vec<u8>) -> Result<(), Problem> {
        self.sql.exec(
            "INSERT INTO records (name, sealed) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed",
            vec![name.into(), sealed.into()],
        )?;
        Ok(())
    }
}

/// Name of the snapshot's row.
const SESSION: &str = "session";
/// Name of the row of the conversation's key.
const KEY: &str = "key";
