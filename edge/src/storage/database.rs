//! A Durable Object's own SQLite, as the engine asks it.

use fourwire_engine::database::{Database, Row, Value};
use worker::{SqlCursorRawIterator, SqlStorage, SqlStorageValue, State};

use crate::fault::Fault;
use crate::storage::sealed;

/// The longest part of a statement that the log shows.
const MAX_SHOWN: usize = 80;

/// An object's database.
#[derive(Clone)]
pub(crate) struct ObjectDatabase(SqlStorage);

impl ObjectDatabase {
    pub(crate) fn of(state: &State) -> Self {
        Self(state.storage().sql())
    }
}

impl Database for ObjectDatabase {
    type Rows = Rows;

    fn query(&self, statement: &str, values: Vec<Value>) -> Result<Rows, Fault> {
        let values: Vec<SqlStorageValue> = values.into_iter().map(to_platform).collect();
        // A statement is a text of ours: what it is about comes as values.
        let cursor = self.0.exec(statement, values).map_err(|error| {
            let shown: String =
                statement.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MAX_SHOWN).collect();
            Fault::new("sql", format!("{error}: {shown}"))
        })?;
        Ok(Rows(cursor.raw()))
    }

    fn fill(&self, bytes: &mut [u8]) -> Result<(), Fault> {
        sealed::fill(bytes)
    }
}

/// The rows of a query.
pub(crate) struct Rows(SqlCursorRawIterator);

impl Iterator for Rows {
    type Item = Result<Row, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.0.next()?;
        let row = row.map_err(|error| Fault::new("sql", error.to_string()));
        Some(row.map(|row| row.into_iter().map(from_platform).collect()))
    }
}

fn to_platform(value: Value) -> SqlStorageValue {
    match value {
        Value::Null => SqlStorageValue::Null,
        Value::Integer(value) => SqlStorageValue::Integer(value),
        Value::Real(value) => SqlStorageValue::Float(value),
        Value::Text(value) => SqlStorageValue::String(value),
        Value::Blob(value) => SqlStorageValue::Blob(value),
    }
}

fn from_platform(value: SqlStorageValue) -> Value {
    match value {
        SqlStorageValue::Null => Value::Null,
        SqlStorageValue::Boolean(value) => Value::Integer(value.into()),
        SqlStorageValue::Integer(value) => Value::Integer(value),
        SqlStorageValue::Float(value) => Value::Real(value),
        SqlStorageValue::String(value) => Value::Text(value),
        SqlStorageValue::Blob(value) => Value::Blob(value),
    }
}
