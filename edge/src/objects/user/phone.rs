//! A user's numbers and calls, as the user's object keeps them.

use fourwire_engine::config::Config;
use fourwire_engine::phone::account::{Account, AccountError, NumberId, OwnNumber};
use fourwire_engine::phone::dialling::WINDOW_MILLIS;
use fourwire_engine::phone::ledger::{CallRecord, Progress};
use fourwire_engine::phone::number::PhoneNumber;
use fourwire_engine::phone::sid::{CallSid, CallerIdSid};
use fourwire_engine::vault::{Owner, Vault};
use fourwire_wire::conversation::Outcome;
use fourwire_wire::ids::{CallId, UserId};
use fourwire_wire::units::UnixMillis;
use worker::{SqlStorage, SqlStorageValue, State};

use crate::clock::now;
use crate::fault::{During, Fault};
use crate::problem::Problem;
use crate::rpc::user::{DialDecision, DialRequest, EXPORTED_CALLS, Numbers};
use crate::storage::sealed;
use crate::storage::sealed_row::SealedRow;

/// How many calls a list has.
const LISTED_CALLS: i64 = 100;
/// A user's phone side.
pub(super) struct Phone<'a> {
    account: SealedRow<'a>,
    calls: Calls<'a>,
    config: &'a Config,
}

impl<'a> Phone<'a> {
    pub(super) fn open(state: &State, config: &'a Config, user: &'a UserId) -> Result<Self, Problem> {
        let vault = config.vault()?;
        let account = SealedRow::new(state, vault, Owner::User(user), "account");
        Ok(Self { account, calls: Calls { sql: state.storage().sql(), vault, user }, config })
    }

    /// Whose it is.
    pub(super) const fn user(&self) -> &UserId {
        self.calls.user
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

    pub(super) fn verify(&self, number: &PhoneNumber) -> Result<Result<(), AccountError>, Problem> {
        let a_day = self.config.quotas()?.verifications_a_day;
        self.change(|account| account.verify(number, a_day, now()))
    }

    pub(super) fn check(&self) -> Result<Result<(), AccountError>, Problem> {
        self.change(|account| account.check(now()))
    }

    pub(super) fn confirm(&self, number: &PhoneNumber, caller_id: CallerIdSid) -> Result<Option<NumberId>, Problem> {
        let id = NumberId::from_random(sealed::random()?);
        self.change(|account| account.confirm(id, number, caller_id, now()))
    }

    /// Gives every number up, those that are being verified too: which these were.
    pub(super) fn give_up_all(&self) -> Result<Vec<PhoneNumber>, Problem> {
        self.change(Account::give_up_all)
    }

    pub(super) fn drop_number(&self, number: &PhoneNumber) -> Result<(), Problem> {
        self.change(|account| account.drop_number(number))
    }

    pub(super) fn numbers(&self) -> Result<Numbers, Problem> {
        let account: Account = self.account.read()?;
        Ok(Numbers { verified: account.numbers().to_vec(), pending: account.pending().to_vec() })
    }

    pub(super) fn remove(&self, id: NumberId) -> Result<Result<OwnNumber, AccountError>, Problem> {
        self.change(|account| account.remove(id))
    }

    pub(super) fn choose(&self, id: NumberId) -> Result<Result<(), AccountError>, Problem> {
        self.change(|account| account.choose(id))
    }

    pub(super) fn token(&self) -> Result<Result<(), AccountError>, Problem> {
        self.change(|account| account.token(now()))
    }

    /// Grants a call and enters it at once, so that two requests cannot both take what is left of a limit. A request
    /// that comes twice has one answer.
    pub(super) fn dial(&self, request: DialRequest) -> Result<DialDecision, Problem> {
        if let Some(known) = self.calls.find(&request.call_sid)? {
            return Ok(if known.outcome.is_none() {
                DialDecision::AlreadyGranted(Box::new(known))
            } else {
                DialDecision::CallEnded
            });
        }
        let limits = self.config.dialling()?.limits;
        let now = now();
        let Ok(time_limit) = limits.grant(&self.calls.since(now - WINDOW_MILLIS)?, now) else {
            return Ok(DialDecision::LimitReached);
        };
        let account: Account = self.account.read()?;
        let Some(primary) = account.primary() else { return Ok(DialDecision::NoVerifiedNumber) };
        let record = CallRecord {
            call_sid: request.call_sid,
            leg_sid: None,
            call_id: request.call_id,
            callee: request.callee,
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
        Ok(DialDecision::Granted(Box::new(record)))
    }

    pub(super) fn refuse(&self, call: &CallSid) -> Result<(), Problem> {
        let Some(mut record) = self.calls.find(call)? else { return Ok(()) };
        record.refuse(now());
        self.calls.keep(&record)
    }

    pub(super) fn progress(&self, call: &CallSid, progress: &Progress) -> Result<Option<CallRecord>, Problem> {
        let Some(mut record) = self.calls.find(call)? else { return Ok(None) };
        if !record.apply(progress) {
            return Ok(None);
        }
        self.calls.keep(&record)?;
        Ok(Some(record))
    }

    pub(super) fn calls(&self) -> Result<Vec<CallRecord>, Problem> {
        self.calls.newest(LISTED_CALLS)
    }

    pub(super) fn calls_behind(&self, last: Option<&CallSid>) -> Result<Vec<CallRecord>, Problem> {
        let most = i64::try_from(EXPORTED_CALLS).during("sql.calls")?;
        let Some(last) = last else { return self.calls.newest(most) };
        let query = "SELECT sid, record FROM calls
            WHERE (requested_at, sid) < (SELECT requested_at, sid FROM calls WHERE sid = ?)
            ORDER BY requested_at DESC, sid DESC LIMIT ?";
        self.calls.read(query, vec![last.as_str().into(), most.into()])
    }

    /// When the oldest call was asked for.
    pub(super) fn oldest_call(&self) -> Result<Option<UnixMillis>, Problem> {
        let row = self.calls.sql.exec("SELECT min(requested_at) FROM calls", None)?.raw().next().transpose()?;
        let Some([SqlStorageValue::Integer(at)]) = row.as_deref() else { return Ok(None) };
        Ok(Some(UnixMillis::new(u64::try_from(*at).during("sql.calls")?)))
    }

    /// Seals everything anew where an earlier master secret has sealed it; how many records that were.
    pub(super) fn reseal(&self) -> Result<usize, Problem> {
        let Calls { sql, vault, user } = &self.calls;
        Ok(self.account.reseal()? + sealed::reseal(sql, vault, *user, ["calls", "sid", "record"], address)?)
    }

    /// Whether there is nothing of the user here.
    pub(super) fn is_empty(&self) -> Result<bool, Problem> {
        let known = self.numbers()?;
        Ok(known.verified.is_empty() && known.pending.is_empty() && self.calls.newest(1)?.is_empty())
    }

    /// Forgets calls that were asked for up to a moment.
    pub(super) fn forget_calls(&self, until: UnixMillis) -> Result<(), Problem> {
        self.calls.forget(until)
    }

    /// The call that a client means by its own name for it, if Twilio was asked to make it.
    pub(super) fn call_named(&self, call: &CallId) -> Result<Option<CallRecord>, Problem> {
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
        let requested = i64::try_from(record.requested_at.get()).during("sql.calls")?;
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
        let moment = i64::try_from(moment.get()).during("sql.calls")?;
        self.read("SELECT sid, record FROM calls WHERE requested_at >= ?", vec![moment.into()])
    }

    fn forget(&self, until: UnixMillis) -> Result<(), Problem> {
        let until = i64::try_from(until.get()).during("sql.calls")?;
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
                return Err(Fault::new("sql.calls", "a row is not of the expected form").into());
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
