//! An object's own SQLite, which answers at once, as the engine asks it. The edge implements [`Database`] over a Durable Object's
//! storage (<https://developers.cloudflare.com/durable-objects/api/sqlite-storage-api/>), the tests over SQLite itself: what an object
//! decides from its rows is tested natively, with the very same queries.
//!
//! - [`sealed`]: personal data in a column;
//! - [`sealed_row`]: one sealed value by its name.

pub mod sealed;
pub mod sealed_row;

use fourwire_wire::units::UnixMillis;

use crate::fault::{During, Fault};

/// A value of SQLite's.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `NULL`.
    Null,
    /// An integer.
    Integer(i64),
    /// A number with a fraction.
    Real(f64),
    /// A text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Blob(value)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A row, as many values as the query names columns.
pub type Row = Vec<Value>;

/// An object's database, and the object's randomness, which every seal needs.
pub trait Database {
    /// The rows that a statement finds, each read when it is taken.
    type Rows: Iterator<Item = Result<Row, Fault>>;

    /// Runs one statement with a value for each `?`, for the rows that it finds. What it changes has changed when this returns.
    ///
    /// # Errors
    /// What the database says.
    fn query(&self, statement: &str, values: Vec<Value>) -> Result<Self::Rows, Fault>;

    /// Runs one statement that finds no rows.
    ///
    /// # Errors
    /// What the database says.
    fn execute(&self, statement: &str, values: Vec<Value>) -> Result<(), Fault> {
        self.query(statement, values).map(drop)
    }

    /// Fills bytes with randomness fit for keys.
    ///
    /// # Errors
    /// Where the platform has none.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Fault>;

    /// Random bytes.
    ///
    /// # Errors
    /// As [`Self::fill`].
    fn random<const N: usize>(&self) -> Result<[u8; N], Fault> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// The first row that a statement finds.
    ///
    /// # Errors
    /// What the database says.
    fn first(&self, statement: &str, values: Vec<Value>) -> Result<Option<Row>, Fault> {
        self.query(statement, values)?.next().transpose()
    }

    /// Whether there is a table of a name.
    ///
    /// # Errors
    /// What the database says.
    fn has_table(&self, name: &str) -> Result<bool, Fault> {
        Ok(self.first("SELECT 1 FROM sqlite_master WHERE name = ?", vec![name.into()])?.is_some())
    }

    /// The one moment that a query finds, if it finds one.
    ///
    /// # Errors
    /// What the database says.
    fn moment(&self, query: &str) -> Result<Option<UnixMillis>, Fault> {
        match self.first(query, vec![])?.as_deref() {
            Some([Value::Integer(found)]) => moment(*found).map(Some),
            _ => Ok(None),
        }
    }
}

/// A moment as it is stored: milliseconds since 1970.
///
/// # Errors
/// Where SQLite's integers do not reach it.
pub fn stored(moment: UnixMillis) -> Result<Value, Fault> {
    Ok(i64::try_from(moment.get()).during("sql.moment")?.into())
}

/// A moment that was stored.
///
/// # Errors
/// Where it lies before 1970.
pub fn moment(stored: i64) -> Result<UnixMillis, Fault> {
    Ok(UnixMillis::new(u64::try_from(stored).during("sql.moment")?))
}

/// A row is not of the form that its table has.
#[must_use]
pub const fn unexpected(operation: &'static str) -> Fault {
    Fault { operation, cause: std::borrow::Cow::Borrowed("a row is not of the expected form") }
}
