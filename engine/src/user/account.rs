//! A user's numbers, as the user's object keeps them. Whose a number is, the number's own object says
//! ([`NumberOwnership`](crate::phone::claim::NumberOwnership)); the list here follows it.

use fourwire_wire::units::UnixMillis;
use serde::{Deserialize, Serialize};

use super::core::{Error, User};
use crate::database::Database;
use crate::database::sealed_row::SealedRow;
use crate::phone::account::{Account, AccountError, NumberId, OwnNumber};
use crate::phone::claim::State;
use crate::phone::number::PhoneNumber;
use crate::phone::sid::CallerIdSid;

/// A user's numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbers {
    /// Those that are verified, the oldest first.
    pub verified: Vec<OwnNumber>,
    /// Those whose verification is not known to have ended.
    pub pending: Vec<PhoneNumber>,
}

/// What follows for a user's list from what the objects of its numbers say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciliation {
    /// Verifications that have succeeded, with Twilio's name for each number.
    pub confirmed: Vec<(PhoneNumber, CallerIdSid)>,
    /// Numbers that are not the user's, and verifications that have come to nothing.
    pub dropped: Vec<PhoneNumber>,
    /// Verifications that are under way or have just failed.
    pub pending: Vec<(PhoneNumber, State)>,
}

impl Numbers {
    /// Compares the list with what the numbers' objects say: the state of each pending verification, and whether each verified number
    /// is still held, both in the order of the list.
    #[must_use]
    pub fn reconcile(&self, states: Vec<State>, is_held: &[bool]) -> Reconciliation {
        let mut reconciliation = Reconciliation::default();
        for (number, state) in self.pending.iter().cloned().zip(states) {
            match state {
                State::Verified(caller_id) => reconciliation.confirmed.push((number, caller_id)),
                State::Unknown => reconciliation.dropped.push(number),
                state => reconciliation.pending.push((number, state)),
            }
        }
        let lost = self.verified.iter().zip(is_held).filter(|(_, is_held)| !**is_held);
        reconciliation.dropped.extend(lost.map(|(own, _)| own.phone_number.clone()));
        reconciliation
    }
}

impl<'a, D: Database> User<'a, D> {
    pub(super) const fn account(&self) -> SealedRow<'a, D> {
        self.row("account")
    }

    /// The user wants a number verified.
    ///
    /// # Errors
    /// Inside: [`AccountError`] where the user may not. Outside: what the database says.
    pub fn verify_number(&self, number: &PhoneNumber, now: UnixMillis) -> Result<Result<(), AccountError>, Error> {
        let a_day = self.config.quotas()?.verifications_a_day;
        Ok(self.account().change(|account: &mut Account| account.verify(number, a_day, now))?)
    }

    /// The user asks how a verification goes.
    ///
    /// # Errors
    /// As [`Self::verify_number`].
    pub fn check_verification(&self, now: UnixMillis) -> Result<Result<(), AccountError>, Error> {
        Ok(self.account().change(|account: &mut Account| account.check(now))?)
    }

    /// A number's verification has succeeded: the number's id, or none where the user has given it up meanwhile.
    ///
    /// # Errors
    /// What the database says.
    pub fn confirm_number(
        &self,
        number: &PhoneNumber,
        caller_id: CallerIdSid,
        now: UnixMillis,
    ) -> Result<Option<NumberId>, Error> {
        let id = NumberId::from_random(self.database.random()?);
        Ok(self.account().change(|account: &mut Account| account.confirm(id, number, caller_id, now))?)
    }

    /// A number is not the user's any more, or its verification has come to nothing.
    ///
    /// # Errors
    /// What the database says.
    pub fn drop_number(&self, number: &PhoneNumber) -> Result<(), Error> {
        Ok(self.account().change(|account: &mut Account| account.drop_number(number))?)
    }

    /// All numbers.
    ///
    /// # Errors
    /// What the database says.
    pub fn numbers(&self) -> Result<Numbers, Error> {
        let account: Account = self.account().read()?;
        Ok(Numbers { verified: account.numbers().to_vec(), pending: account.pending().to_vec() })
    }

    /// The user gives a number up.
    ///
    /// # Errors
    /// As [`Self::verify_number`].
    pub fn remove_number(&self, id: NumberId) -> Result<Result<OwnNumber, AccountError>, Error> {
        Ok(self.account().change(|account: &mut Account| account.remove(id))?)
    }

    /// Calls are made with this number from now on.
    ///
    /// # Errors
    /// As [`Self::verify_number`].
    pub fn choose_number(&self, id: NumberId) -> Result<Result<(), AccountError>, Error> {
        Ok(self.account().change(|account: &mut Account| account.choose(id))?)
    }

    /// The user wants an access token.
    ///
    /// # Errors
    /// As [`Self::verify_number`].
    pub fn allow_token(&self, now: UnixMillis) -> Result<Result<(), AccountError>, Error> {
        Ok(self.account().change(|account: &mut Account| account.token(now))?)
    }
}
