//! The tables of a user's object.

use worker::SqlStorage;

use crate::problem::Problem;

/// Makes the tables, where there are none yet.
pub(super) fn create(sql: &SqlStorage) -> Result<(), Problem> {
    conversations(sql)?;
    calls(sql)?;
    tasks(sql)
}

fn conversations(sql: &SqlStorage) -> Result<(), Problem> {
    // Where the table of unfinished conversations is new, every conversation is looked at once.
    let is_new = !exists(sql, "unfinished")?;
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
        sql.exec(table, None)?;
    }
    sql.exec(
        "CREATE TABLE IF NOT EXISTS conversations (
            id TEXT PRIMARY KEY, call_id TEXT UNIQUE, created_at INTEGER NOT NULL, entry BLOB NOT NULL,
            key BLOB NOT NULL
        ) WITHOUT ROWID",
        None,
    )?;
    sql.exec("CREATE INDEX IF NOT EXISTS conversations_by_time ON conversations (created_at, id)", None)?;
    if is_new {
        let all =
            "INSERT INTO unfinished (id, since, asked, due) SELECT id, created_at, 0, created_at FROM conversations";
        sql.exec(all, None)?;
    }
    if exists(sql, "leaving")? {
        // The table's earlier form.
        sql.exec(
            "INSERT OR IGNORE INTO pending_deletions (id, call_id, due, failures) SELECT id, NULL, 0, 0 FROM leaving",
            None,
        )?;
        sql.exec("DROP TABLE leaving", None)?;
    }
    Ok(())
}

fn calls(sql: &SqlStorage) -> Result<(), Problem> {
    sql.exec(
        "CREATE TABLE IF NOT EXISTS calls (
            sid TEXT PRIMARY KEY, call_id TEXT, requested_at INTEGER NOT NULL, record BLOB NOT NULL
        ) WITHOUT ROWID",
        None,
    )?;
    sql.exec("CREATE INDEX IF NOT EXISTS calls_by_time ON calls (requested_at)", None)?;
    sql.exec("CREATE INDEX IF NOT EXISTS calls_by_name ON calls (call_id)", None)?;
    Ok(())
}

fn tasks(sql: &SqlStorage) -> Result<(), Problem> {
    sql.exec(
        "CREATE TABLE IF NOT EXISTS duties (
            id TEXT, duty TEXT, tries INTEGER NOT NULL, due INTEGER NOT NULL, PRIMARY KEY (id, duty)
        ) WITHOUT ROWID",
        None,
    )?;
    sql.exec(
        "CREATE TABLE IF NOT EXISTS task_failures (
            task TEXT PRIMARY KEY, count INTEGER NOT NULL, last INTEGER NOT NULL
        ) WITHOUT ROWID",
        None,
    )?;
    Ok(())
}

fn exists(sql: &SqlStorage, table: &str) -> Result<bool, Problem> {
    Ok(sql.exec("SELECT 1 FROM sqlite_master WHERE name = ?", vec![table.into()])?.raw().next().is_some())
}
