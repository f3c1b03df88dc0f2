//! When an object's user was last signed out everywhere, in the object's own database. The moment is nothing personal, and lies open.

use fourwire_wire::units::UnixMillis;

use crate::database::{Database, stored};
use crate::fault::Fault;

/// Notes it.
///
/// # Errors
/// What the database says.
pub fn note(database: &impl Database, moment: UnixMillis) -> Result<(), Fault> {
    database.execute(
        "CREATE TABLE IF NOT EXISTS signed_out (one INTEGER PRIMARY KEY CHECK (one = 1), at INTEGER NOT NULL)",
        vec![],
    )?;
    database.execute("INSERT OR REPLACE INTO signed_out (one, at) VALUES (1, ?)", vec![stored(moment)?])?;
    Ok(())
}

/// Whether the user was signed out after having signed in. It makes no table: an object that was only asked stays empty.
///
/// # Errors
/// What the database says.
pub fn is_signed_out(database: &impl Database, signed_in_at: UnixMillis) -> Result<bool, Fault> {
    if !database.has_table("signed_out")? {
        return Ok(false);
    }
    Ok(database.first("SELECT at FROM signed_out WHERE at > ?", vec![stored(signed_in_at)?])?.is_some())
}
