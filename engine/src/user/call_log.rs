//! The table of a user's phone calls.

use fourwire_wire::conversation::Outcome;
use fourwire_wire::ids::{CallId, UserId};
use fourwire_wire::units::UnixMillis;

use crate::database::{Database, Value, sealed, stored, unexpected};
use crate::fault::{During, Fault};
use crate::phone::ledger::CallRecord;
use crate::phone::sid::CallSid;
use crate::vault::Vault;

/// How many calls an export asks for at once: half a megabyte.
pub const EXPORTED_CALLS: usize = 1_000;
/// The name of every operation on this table, for the log.
const SQL: &str = "sql.calls";

/// The table of calls.
pub(super) struct CallLog<'a, D> {
    database: &'a D,
    vault: &'a Vault,
    user: &'a UserId,
}

impl<'a, D: Database> CallLog<'a, D> {
    pub(super) const fn new(database: &'a D, vault: &'a Vault, user: &'a UserId) -> Self {
        Self { database, vault, user }
    }

    pub(super) fn write(&self, record: &CallRecord) -> Result<(), Fault> {
        let sid = record.call_sid.as_str();
        let sealed = sealed::seal(self.vault, self.user, &address(sid), self.database.random()?, record)?;
        self.database.execute(
            "INSERT INTO calls (sid, call_id, requested_at, record) VALUES (?, ?, ?, ?)
             ON CONFLICT (sid) DO UPDATE SET record = excluded.record",
            vec![
                sid.into(),
                record.call_id.as_ref().map(|call| call.as_str().to_owned()).into(),
                stored(record.requested_at)?,
                sealed.into(),
            ],
        )?;
        Ok(())
    }

    pub(super) fn find(&self, call: &CallSid) -> Result<Option<CallRecord>, Fault> {
        let rows = self.read("SELECT sid, record FROM calls WHERE sid = ?", vec![call.as_str().into()])?;
        Ok(rows.into_iter().next())
    }

    /// The call that a client means by its own name for it, if Twilio was asked to make it.
    pub(super) fn named(&self, call: &CallId) -> Result<Option<CallRecord>, Fault> {
        let query = "SELECT sid, record FROM calls WHERE call_id = ? ORDER BY requested_at DESC LIMIT 1";
        let newest = self.read(query, vec![call.as_str().into()])?.into_iter().next();
        Ok(newest.filter(|record| record.outcome != Some(Outcome::Refused)))
    }

    pub(super) fn since(&self, moment: UnixMillis) -> Result<Vec<CallRecord>, Fault> {
        self.read("SELECT sid, record FROM calls WHERE requested_at >= ?", vec![stored(moment)?])
    }

    pub(super) fn newest(&self, most: usize) -> Result<Vec<CallRecord>, Fault> {
        let most = i64::try_from(most).during(SQL)?;
        self.read("SELECT sid, record FROM calls ORDER BY requested_at DESC, sid DESC LIMIT ?", vec![most.into()])
    }

    pub(super) fn behind(&self, last: &CallSid, most: usize) -> Result<Vec<CallRecord>, Fault> {
        let most = i64::try_from(most).during(SQL)?;
        let query = "SELECT sid, record FROM calls
            WHERE (requested_at, sid) < (SELECT requested_at, sid FROM calls WHERE sid = ?)
            ORDER BY requested_at DESC, sid DESC LIMIT ?";
        self.read(query, vec![last.as_str().into(), most.into()])
    }

    /// When the oldest call was asked for.
    pub(super) fn oldest(&self) -> Result<Option<UnixMillis>, Fault> {
        self.database.moment("SELECT min(requested_at) FROM calls")
    }

    /// Forgets calls that were asked for up to a moment.
    pub(super) fn forget(&self, until: UnixMillis) -> Result<(), Fault> {
        self.database.execute("DELETE FROM calls WHERE requested_at <= ?", vec![stored(until)?])?;
        Ok(())
    }

    /// Seals every call anew where an earlier master secret has sealed it; how many that were.
    pub(super) fn reseal(&self) -> Result<usize, Fault> {
        sealed::reseal(self.database, self.vault, self.user, ["calls", "sid", "record"], address)
    }

    fn read(&self, query: &str, values: Vec<Value>) -> Result<Vec<CallRecord>, Fault> {
        let open = |row: Vec<Value>| match row.as_slice() {
            [Value::Text(sid), Value::Blob(sealed)] => sealed::open(self.vault, self.user, &address(sid), sealed),
            _ => Err(unexpected(SQL)),
        };
        self.database.query(query, values)?.map(|row| open(row?)).collect()
    }
}

/// Where an entry lies, for its seal.
fn address(sid: &str) -> String {
    format!("calls/{sid}")
}
