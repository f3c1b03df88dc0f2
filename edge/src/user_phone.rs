//! A user's numbers and calls, as the user's object keeps them.

use fourwire_engine::config::Config;
use fourwire_engine::phone::account::{Account, AccountError, NumberId, OwnNumber};
use fourwire_engine::phone::dialling::WINDOW_MILLIS;
use fourwire_engine::phone::ledger::{CallRecord, Progress};
use fourwire_engine::phone::number::PhoneNumber;
use fourwire_engine::twilio::sid::{CallSid, CallerIdSid};
use fourwire_engine::vault::{Owner, Vault};
use fourwire_wire::conversation::Outcome;
use fourwire_wire::ids::{CallId, UserId};
use fourwire_wire::units::UnixMillis;
use serde::{Deserialize, Serialize};
use worker::{SqlStorage, SqlStorageValue, State};

use crate::clock::now;
use crate::problem::Problem;
use crate::sealed;
use crate::sealed_row::SealedRow;

/// How many calls a list has.
const LISTED_CALLS: i64 = 100;
/// How many calls an export asks for at once: half a megabyte.
pub(crate) const EXPORTED_CALLS: usize = 1_000;

/// What the object is asked about numbers and calls.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum PhoneRequest {
    /// The user wants a number verified. Answered by a result.
    Verify(PhoneNumber),
    /// The user asks how a verification goes. Answered by a result.
    Check,
    /// A number's verification has succeeded. Answered by the number's id; by none where the user has given it up meanwhile.
    Confirm(PhoneNumber, CallerIdSid),
    /// A number is not the user's any more, or its verification has come to nothing. Answered by nothing.
    Drop(PhoneNumber),
    /// All numbers. Answered by [`Numbers`].
    Numbers,
    /// The user gives a number up. Answered by the number, in a result.
    Remove(NumberId),
    /// Calls are to be made with this number. Answered by a result.
    Choose(NumberId),
    /// The user wants an access token. Answered by a result.
    Token,
    /// The user wants to call somebody. Answered by [`Dial`].
    Dial(Wish),
    /// A call that was granted is not made. Answered by nothing.
    Refuse(CallSid),
    /// The newest calls, the newest first. Answered by a list.
    Calls,
    /// Calls behind one, or the newest: [`EXPORTED_CALLS`] at most. Answered by a list, the newest first.
    CallsBehind(Option<CallSid>),
}

/// A call that a user's device asks for.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Wish {
    /// Twilio's name for the caller's leg.
    pub(crate) call_sid: CallSid,
    /// The client's name for the call.
    pub(crate) call_id: Option<CallId>,
    /// Who is to be called.
    pub(crate) callee: PhoneNumber,
}

/// A user's numbers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Numbers {
    /// Those that are verified, the oldest first.
    pub(crate) verified: Vec<OwnNumber>,
    /// Those whose verification is not known to have ended.
    pub(crate) pending: Vec<PhoneNumber>,
}

/// Whether a user may call somebody.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Dial {
    /// The call is entered: with this number, for so long.
    Granted(Box<CallRecord>),
    /// The call was granted before and has not ended: the request is a repeated or a replayed one.
    Again(Box<CallRecord>),
    /// A limit is reached.
    LimitReached,
    /// There is no verified number.
    NoNumber,
    /// This call has ended already: the request is a replayed one.
    Over,
}

/// A user's phone side.
pub(crate) struct Phone<'a> {
    account: SealedRow<'a>,
    calls: Calls<'a>,
    config: &'a Config,
}

/// Makes the tables, where there are none yet.
pub(crate) fn create(sql: &SqlStorage) -> Result<(), Problem> {
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

impl<'a> Phone<'a> {
    pub(crate) fn open(state: &State, config: &'a Config, user: &'a UserId) -> Result<Self, Problem> {
        let vault = config.vault.as_ref().map_err(Clone::clone)?;
        let account = SealedRow::new(state, vault, Owner::User(user), "account");
        Ok(Self { account, calls: Calls { sql: state.storage().sql(), vault, user }, config })
    }

    fn change<T>(&self, change: impl FnOnce(&mut Account) -> T) -> Result<T, Problem> {
        let mut account: Account = self.account.read()?;
        let before = account.clone();
        let result = change(&mut account);
        if account != before {
            self.account.write(&account)?;
        }
        Ok(result)
    }

    pub(crate) fn verify(&self, number: &PhoneNumber) -> Result<Result<(), AccountError>, Problem> {
        let a_day = self.config.quotas.as_ref().map_err(Clone::clone)?.verifications_a_day;
        self.change(|account| account.verify(number, a_day, now()))
    }

    pub(crate) fn check(&self) -> Result<Result<(), AccountError>, Problem> {
        self.change(|account| account.check(now()))
    }

    pub(crate) fn confirm(&self, number: &PhoneNumber, caller_id: CallerIdSid) -> Result<Option<NumberId>, Problem> {
        let id = NumberId::from_random(sealed::random()?);
        self.change(|account| account.confirm(id, number, caller_id, now()))
    }

    /// Gives every number up, those that are being verified too: which these were.
    pub(crate) fn give_up_all(&self) -> Result<Vec<PhoneNumber>, Problem> {
        self.change(Account::give_up_all)
    }

    pub(crate) fn drop_number(&self, number: &PhoneNumber) -> Result<(), Problem> {
        self.change(|account| account.drop_number(number))
    }

    pub(crate) fn numbers(&self) -> Result<Numbers, Problem> {
        let account: Account = self.account.read()?;
        Ok(Numbers { verified: account.numbers().to_vec(), pending: account.pending().to_vec() })
    }

    pub(crate) fn remove(&self, id: NumberId) -> Result<Result<OwnNumber, AccountError>, Problem> {
        self.change(|account| account.remove(id))
    }

    pub(crate) fn choose(&self, id: NumberId) -> Result<Result<(), AccountError>, Problem> {
        self.change(|account| account.choose(id))
    }

    pub(crate) fn token(&self) -> Result<Result<(), AccountError>, Problem> {
        self.change(|account| account.token(now()))
    }

    /// Grants a call and enters it at once, so that two requests cannot both take what is left of a limit. A request
    /// that comes twice has one answer.
    pub(crate) fn dial(&self, wish: Wish) -> Result<Dial, Problem> {
        if let Some(known) = self.calls.find(&wish.call_sid)? {
            return Ok(if known.outcome.is_none() { Dial::Again(Box::new(known)) } else { Dial::Over });
        }
        let limits = self.config.dialling.as_ref().map_err(Clone::clone)?.limits;
        let now = now();
        let Ok(time_limit) = limits.grant(&self.calls.since(now - WINDOW_MILLIS)?, now) else {
            return Ok(Dial::LimitReached);
        };
        let account: Account = self.account.read()?;
        let Some(primary) = account.primary() else { return Ok(Dial::NoNumber) };
        let record = CallRecord {
            call_sid: wish.call_sid,
            leg_sid: None,
            call_id: wish.call_id,
            callee: wish.callee,
            caller_id: primary.phone_number.clone(),
            requested_at: now,
            time_limit,
            ringing_at: None,
            answered_at: None,
            ended_at: None,
            outcome: None,
            duration: None,
        };
        self.calls.keep(&record)?;
        Ok(Dial::Granted(Box::new(record)))
    }

    pub(crate) fn refuse(&self, call: &CallSid) -> Result<(), Problem> {
        let Some(mut record) = self.calls.find(call)? else { return Ok(()) };
        record.refuse(now());
        self.calls.keep(&record)
    }

    pub(crate) fn progress(&self, call: &CallSid, progress: &Progress) -> Result<Option<CallRecord>, Problem> {
        let Some(mut record) = self.calls.find(call)? else { return Ok(None) };
        if !record.apply(progress) {
            return Ok(None);
        }
        self.calls.keep(&record)?;
        Ok(Some(record))
    }

    pub(crate) fn calls(&self) -> Result<Vec<CallRecord>, Problem> {
        self.calls.newest(LISTED_CALLS)
    }

    pub(crate) fn calls_behind(&self, last: Option<&CallSid>) -> Result<Vec<CallRecord>, Problem> {
        let most = i64::try_from(EXPORTED_CALLS).map_err(|_| Problem::Internal)?;
        let Some(last) = last else { return self.calls.newest(most) };
        let query = "SELECT sid, record FROM calls
            WHERE (requested_at, sid) < (SELECT requested_at, sid FROM calls WHERE sid = ?)
            ORDER BY requested_at DESC, sid DESC LIMIT ?";
        self.calls.read(query, vec![last.as_str().into(), most.into()])
    }

    /// When the oldest call was asked for.
    pub(crate) fn oldest_call(&self) -> Result<Option<UnixMillis>, Problem> {
        let row = self.calls.sql.exec("SELECT min(requested_at) FROM calls", None)?.raw().next().transpose()?;
        let Some([SqlStorageValue::Integer(at)]) = row.as_deref() else { return Ok(None) };
        Ok(Some(UnixMillis::new(u64::try_from(*at).map_err(|_| Problem::Internal)?)))
    }

    /// Seals everything anew where an earlier master secret has sealed it; how many records that were.
    pub(crate) fn reseal(&self) -> Result<usize, Problem> {
        let Calls { sql, vault, user } = &self.calls;
        Ok(self.account.reseal()? + sealed::reseal(sql, vault, *user, ["calls", "sid", "record"], address)?)
    }

    /// Whether there is nothing of the user here.
    pub(crate) fn is_empty(&self) -> Result<bool, Problem> {
        let known = self.numbers()?;
        Ok(known.verified.is_empty() && known.pending.is_empty() && self.calls.newest(1)?.is_empty())
    }

    /// Forgets calls that were asked for up to a moment.
    pub(crate) fn forget_calls(&self, until: UnixMillis) -> Result<(), Problem> {
        self.calls.forget(until)
    }

    /// The call that a client means by its own name for it, if Twilio was asked to make it.
    pub(crate) fn call_named(&self, call: &CallId) -> Result<Option<CallRecord>, Problem> {
        Ok(self.calls.named(call)?.filter(|record| record.outcome != Some(Outcome::Refused)))
    }
}

/// The table of calls.
struct Calls<'a> {
    sql: SqlStorage,
    vault: &'a Vault,
    user: &'a UserId,
}

impl Calls<'_> {
    fn keep(&self, record: &CallRecord) -> Result<(), Problem> {
        let sid = record.call_sid.as_str();
        let sealed = sealed::seal(self.vault, self.user, &address(sid), record)?;
        let requested = i64::try_from(record.requested_at.get()).map_err(|_| Problem::Internal)?;
        self.sql.exec(
            "INSERT INTO calls (sid, call_id, requested_at, record) VALUES (?, ?, ?, ?)
             ON CONFLICT (sid) DO UPDATE SET record = excluded.record",
            vec![
                sid.into(),
                record.call_id.as_ref().map(|call| call.as_str().to_owned()).into(),
                requested.into(),
                sealed.into(),
            ],
        )?;
        Ok(())
    }

    fn find(&self, call: &CallSid) -> Result<Option<CallRecord>, Problem> {
        let rows = self.read("SELECT sid, record FROM calls WHERE sid = ?", vec![call.as_str().into()])?;
        Ok(rows.into_iter().next())
    }

    fn named(&self, call: &CallId) -> Result<Option<CallRecord>, Problem> {
        let query = "SELECT sid, record FROM calls WHERE call_id = ? ORDER BY requested_at DESC LIMIT 1";
        Ok(self.read(query, vec![call.as_str().into()])?.into_iter().next())
    }

    fn since(&self, moment: UnixMillis) -> Result<Vec<CallRecord>, Problem> {
        let moment = i64::try_from(moment.get()).map_err(|_| Problem::Internal)?;
        self.read("SELECT sid, record FROM calls WHERE requested_at >= ?", vec![moment.into()])
    }

    fn forget(&self, until: UnixMillis) -> Result<(), Problem> {
        let until = i64::try_from(until.get()).map_err(|_| Problem::Internal)?;
        self.sql.exec("DELETE FROM calls WHERE requested_at <= ?", vec![until.into()])?;
        Ok(())
    }

    fn newest(&self, most: i64) -> Result<Vec<CallRecord>, Problem> {
        self.read("SELECT sid, record FROM calls ORDER BY requested_at DESC, sid DESC LIMIT ?", vec![most.into()])
    }

    fn read(&self, query: &str, values: Vec<SqlStorageValue>) -> Result<Vec<CallRecord>, Problem> {
        let mut records = Vec::new();
        for row in self.sql.exec(query, values)?.raw() {
            let row = row?;
            let [SqlStorageValue::String(sid), SqlStorageValue::Blob(sealed)] = row.as_slice() else {
                return Err(Problem::Internal);
            };
            records.push(sealed::open(self.vault, self.user, &address(sid), sealed)?);
        }
        Ok(records)
    }
}

/// Where an entry lies, for its seal.
fn address(sid: &str) -> String {
    format!("calls/{sid}")
}
