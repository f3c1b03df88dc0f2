//! The tables of a user's object.

use crate::database::Database;
use crate::fault::Fault;

/// Makes the tables of a user's object, where there are none yet.
///
/// # Errors
/// What the database says.
pub fn create(database: &impl Database) -> Result<(), Fault> {
    conversations(database)?;
    calls(database)?;
    tasks(database)
}

fn conversations(database: &impl Database) -> Result<(), Fault> {
    // Where the table of unfinished conversations is new, every conversation is looked at once.
    let is_new = !database.has_table("unfinished")?;
    for table in [
        // What was deleted here, and may still have something in R2, or a call that is running.
        "CREATE TABLE IF NOT EXISTS pending_deletions (
            id TEXT PRIMARY KEY, call_id TEXT, due INTEGER NOT NULL, failures INTEGER NOT NULL
        ) WITHOUT ROWID",
        // What is in progress, since when, how often its call's object was asked, and when it is asked next.
        "CREATE TABLE IF NOT EXISTS unfinished (
            id TEXT PRIMARY KEY, since INTEGER NOT NULL, asked INTEGER NOT NULL, due INTEGER NOT NULL
        ) WITHOUT ROWID",
        // In which nothing was said, and when they go.
        "CREATE TABLE IF NOT EXISTS expiring (id TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID",
        // Calls whose conversation was deleted while they were running: nothing more is recorded of them.
        "CREATE TABLE IF NOT EXISTS ended_calls (call_id TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID",
    ] {
        database.execute(table, vec![])?;
    }
    database.execute(
        "CREATE TABLE IF NOT EXISTS conversations (
            id TEXT PRIMARY KEY, call_id TEXT UNIQUE, created_at INTEGER NOT NULL, entry BLOB NOT NULL,
            key BLOB NOT NULL
        ) WITHOUT ROWID",
        vec![],
    )?;
    database.execute("CREATE INDEX IF NOT EXISTS conversations_by_time ON conversations (created_at, id)", vec![])?;
    if is_new {
        let all =
            "INSERT INTO unfinished (id, since, asked, due) SELECT id, created_at, 0, created_at FROM conversations";
        database.execute(all, vec![])?;
    }
    if database.has_table("leaving")? {
        // The table's earlier form.
        database.execute(
            "INSERT OR IGNORE INTO pending_deletions (id, call_id, due, failures) SELECT id, NULL, 0, 0 FROM leaving",
            vec![],
        )?;
        database.execute("DROP TABLE leaving", vec![])?;
    }
    Ok(())
}

fn calls(database: &impl Database) -> Result<(), Fault> {
    database.execute(
        "CREATE TABLE IF NOT EXISTS calls (
            sid TEXT PRIMARY KEY, call_id TEXT, requested_at INTEGER NOT NULL, record BLOB NOT NULL
        ) WITHOUT ROWID",
        vec![],
    )?;
    database.execute("CREATE INDEX IF NOT EXISTS calls_by_time ON calls (requested_at)", vec![])?;
    database.execute("CREATE INDEX IF NOT EXISTS calls_by_name ON calls (call_id)", vec![])?;
    Ok(())
}

fn tasks(database: &impl Database) -> Result<(), Fault> {
    database.execute(
        "CREATE TABLE IF NOT EXISTS duties (
            id TEXT, duty TEXT, tries INTEGER NOT NULL, due INTEGER NOT NULL, PRIMARY KEY (id, duty)
        ) WITHOUT ROWID",
        vec![],
    )?;
    database.execute(
        "CREATE TABLE IF NOT EXISTS task_failures (
            task TEXT PRIMARY KEY, count INTEGER NOT NULL, last INTEGER NOT NULL
        ) WITHOUT ROWID",
        vec![],
    )?;
    Ok(())
}
