//! When an object's user was last signed out everywhere, in the object's own database. The moment is nothing personal, and lies open.

use fourwire_wire::units::UnixMillis;
use worker::{SqlStorage, SqlStorageValue};

use crate::fault::During;
use crate::problem::Problem;

/// Notes it.
pub(crate) fn note(sql: &SqlStorage, moment: UnixMillis) -> Result<(), Problem> {
    let moment = i64::try_from(moment.get()).during("sql.signed_out")?;
    sql.exec(
        "CREATE TABLE IF NOT EXISTS signed_out (one INTEGER PRIMARY KEY CHECK (one = 1), at INTEGER NOT NULL)",
        None,
    )?;
    sql.exec("INSERT OR REPLACE INTO signed_out (one, at) VALUES (1, ?)", vec![moment.into()])?;
    Ok(())
}

/// Whether the user was signed out after having signed in. It makes no table: an object that was only asked stays empty.
pub(crate) fn is_signed_out(sql: &SqlStorage, signed_in_at: UnixMillis) -> Result<bool, Problem> {
    if sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'signed_out'", None)?.raw().next().is_none() {
        return Ok(false);
    }
    let signed_in_at = i64::try_from(signed_in_at.get()).during("sql.signed_out")?;
    let later = sql.exec("SELECT at FROM signed_out WHERE at > ?", vec![SqlStorageValue::Integer(signed_in_at)])?;
    Ok(later.raw().next().transpose()?.is_some())
}
