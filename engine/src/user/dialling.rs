//! Whether a user may call somebody, and what has become of calls.

use fourwire_wire::ids::CallId;
use fourwire_wire::units::UnixMillis;
use serde::{Deserialize, Serialize};

use super::call_log::EXPORTED_CALLS;
use super::core::{Error, User};
use crate::database::Database;
use crate::phone::account::Account;
use crate::phone::dialling::WINDOW_MILLIS;
use crate::phone::ledger::{CallRecord, Progress};
use crate::phone::number::PhoneNumber;
use crate::phone::sid::CallSid;

/// How many calls a list has.
const LISTED_CALLS: usize = 100;

/// A call that a user's device asks for.
#[derive(Debug, Serialize, Deserialize)]
pub struct DialRequest {
    /// Twilio's name for the caller's leg.
    pub call_sid: CallSid,
    /// The client's name for the call.
    pub call_id: Option<CallId>,
    /// Who is to be called.
    pub callee: PhoneNumber,
}

/// Whether a user may call somebody.
#[derive(Debug, Serialize, Deserialize)]
pub enum DialDecision {
    /// The call is entered: with this number, for so long.
    Granted(Box<CallRecord>),
    /// The call was granted before and has not ended: the request is a repeated or a replayed one.
    AlreadyGranted(Box<CallRecord>),
    /// A limit is reached.
    LimitReached,
    /// There is no verified number.
    NoVerifiedNumber,
    /// This call has ended already: the request is a replayed one.
    CallEnded,
}

impl<D: Database> User<'_, D> {
    /// Grants a call and enters it at once, so that two requests cannot both take what is left of a limit. A request that comes twice
    /// has one answer.
    ///
    /// # Errors
    /// Without rules for dialling; what the database says.
    pub fn dial(&self, request: DialRequest, now: UnixMillis) -> Result<DialDecision, Error> {
        if let Some(known) = self.call_log().find(&request.call_sid)? {
            return Ok(if known.outcome.is_none() {
                DialDecision::AlreadyGranted(Box::new(known))
            } else {
                DialDecision::CallEnded
            });
        }
        let limits = self.config.dialling()?.limits;
        let Ok(time_limit) = limits.grant(&self.call_log().since(now - WINDOW_MILLIS)?, now) else {
            return Ok(DialDecision::LimitReached);
        };
        let account: Account = self.account().read()?;
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
        self.call_log().write(&record)?;
        Ok(DialDecision::Granted(Box::new(record)))
    }

    /// A call that was granted is not made after all.
    ///
    /// # Errors
    /// What the database says.
    pub fn refuse_call(&self, call: &CallSid, now: UnixMillis) -> Result<(), Error> {
        if let Some(mut record) = self.call_log().find(call)? {
            record.refuse(now);
            self.call_log().write(&record)?;
        }
        Ok(())
    }

    /// Twilio has reported something of a call: the call as it is now, where that was news.
    ///
    /// # Errors
    /// What the database says.
    pub fn report_call(&self, call: &CallSid, progress: &Progress) -> Result<Option<CallRecord>, Error> {
        let Some(mut record) = self.call_log().find(call)? else { return Ok(None) };
        if !record.apply(progress) {
            return Ok(None);
        }
        self.call_log().write(&record)?;
        Ok(Some(record))
    }

    /// The newest calls, the newest first.
    ///
    /// # Errors
    /// What the database says.
    pub fn newest_calls(&self) -> Result<Vec<CallRecord>, Error> {
        Ok(self.call_log().newest(LISTED_CALLS)?)
    }

    /// Calls behind one, or the newest, the newest first: [`EXPORTED_CALLS`] at most.
    ///
    /// # Errors
    /// What the database says.
    pub fn calls_behind(&self, last: Option<&CallSid>) -> Result<Vec<CallRecord>, Error> {
        Ok(match last {
            Some(last) => self.call_log().behind(last, EXPORTED_CALLS)?,
            None => self.call_log().newest(EXPORTED_CALLS)?,
        })
    }
}
