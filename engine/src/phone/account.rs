//! One user's numbers: which are verified, which one is called with, what is under way, and how often it was tried.
//!
//! A user's list is not the proof. That a number is held by its user is what [`claim`](super::claim) says, and it is asked
//! each time a number is used; the list follows.

use fourwire_wire::units::UnixMillis;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use super::number::PhoneNumber;
use super::sid::CallerIdSid;
use crate::limit::{Limit, Log, TooOften};

/// How often a user may have numbers rung within an hour: the peer's five times.
pub const VERIFICATIONS: Limit = Limit { count: 5, millis: 3_600_000 };
/// The same within a day, unless the operator says otherwise.
pub const DEFAULT_VERIFICATIONS_A_DAY: usize = 10;
/// Milliseconds of a day.
const DAY_MILLIS: u64 = 86_400_000;
/// How often a user may ask how it goes: the peer's thirty times a minute, which its own client needs.
pub const CHECKS: [Limit; 1] = [Limit { count: 30, millis: 60_000 }];
/// How many access tokens a user may have: clients fetch one for each call.
pub const TOKENS: [Limit; 2] = [Limit { count: 10, millis: 60_000 }, Limit { count: 120, millis: 3_600_000 }];
/// How many numbers one user may have.
const MAX_NUMBERS: usize = 20;

/// A number's name in the HTTP API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NumberId(Uuid);

impl NumberId {
    /// An id out of 16 random bytes.
    #[must_use]
    pub const fn from_random(bytes: [u8; 16]) -> Self {
        Self(uuid::Builder::from_random_bytes(bytes).into_uuid())
    }

    /// Reads a UUID; `None` where the text is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }
}

/// A verified number of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnNumber {
    /// Its name in the HTTP API.
    pub id: NumberId,
    /// The number.
    pub phone_number: PhoneNumber,
    /// Its name at Twilio.
    pub caller_id: CallerIdSid,
    /// When it was verified.
    pub verified_at: UnixMillis,
    /// Whether calls are made with it.
    pub is_primary: bool,
}

/// Why a user's request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
pub enum AccountError {
    /// It was asked too often.
    #[error("Too Many Requests")]
    TooOften(TooOften),
    /// There are as many numbers as there may be.
    #[error("You have too many phone numbers. Delete one first.")]
    TooMany,
    /// There is no such number.
    #[error("Phone number not found")]
    Unknown,
    /// There is none at all.
    #[error("No verified phone number found. Verify a number first.")]
    None,
}

impl From<TooOften> for AccountError {
    fn from(too_often: TooOften) -> Self {
        Self::TooOften(too_often)
    }
}

/// A user's numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    numbers: Vec<OwnNumber>,
    /// Numbers that the user asked to verify and that are not verified yet.
    pending: Vec<PhoneNumber>,
    verifications: Log,
    checks: Log,
    tokens: Log,
}

impl Account {
    /// The user wants a number verified, which may be so often a day: notes it as pending.
    ///
    /// # Errors
    /// [`AccountError::TooOften`], or [`AccountError::TooMany`].
    pub fn verify(&mut self, number: &PhoneNumber, a_day: usize, now: UnixMillis) -> Result<(), AccountError> {
        if self.numbers.len() >= MAX_NUMBERS && self.find(number).is_none() {
            return Err(AccountError::TooMany);
        }
        self.verifications.take(&[VERIFICATIONS, Limit { count: a_day, millis: DAY_MILLIS }], now)?;
        self.pending.retain(|known| known != number);
        self.pending.push(number.clone());
        // Only the newest matter: nobody waits for more calls than may be made.
        let surplus = self.pending.len().saturating_sub(MAX_NUMBERS);
        self.pending.drain(..surplus);
        Ok(())
    }

    /// The user asks how a verification goes.
    ///
    /// # Errors
    /// [`AccountError::TooOften`].
    pub fn check(&mut self, now: UnixMillis) -> Result<(), AccountError> {
        Ok(self.checks.take(&CHECKS, now)?)
    }

    /// The user wants an access token.
    ///
    /// # Errors
    /// [`AccountError::None`] without a verified number, or [`AccountError::TooOften`].
    pub fn token(&mut self, now: UnixMillis) -> Result<(), AccountError> {
        if self.numbers.is_empty() {
            return Err(AccountError::None);
        }
        Ok(self.tokens.take(&TOKENS, now)?)
    }

    /// A verification of a number has succeeded: adds it, as long as the user still wants it. News of one may be late, and the
    /// user may have given the number up or deleted the account meanwhile: then the answer is `None`, nothing is added, and the
    /// number is to be released.
    pub fn confirm(
        &mut self,
        id: NumberId,
        number: &PhoneNumber,
        caller_id: CallerIdSid,
        now: UnixMillis,
    ) -> Option<NumberId> {
        let is_wanted = self.pending.contains(number) || self.find(number).is_some();
        is_wanted.then(|| self.add(id, number, caller_id, now))
    }

    /// Adds a number, under the given id unless it is there already. The first is the primary one.
    fn add(&mut self, id: NumberId, number: &PhoneNumber, caller_id: CallerIdSid, now: UnixMillis) -> NumberId {
        self.pending.retain(|known| known != number);
        if let Some(known) = self.numbers.iter_mut().find(|known| known.phone_number == *number) {
            known.caller_id = caller_id;
            return known.id;
        }
        let is_primary = self.numbers.is_empty();
        self.numbers.push(OwnNumber { id, phone_number: number.clone(), caller_id, verified_at: now, is_primary });
        id
    }

    /// A number is not the user's any more; another takes its place as the primary one, the oldest of the rest.
    ///
    /// # Errors
    /// [`AccountError::Unknown`].
    pub fn remove(&mut self, id: NumberId) -> Result<OwnNumber, AccountError> {
        let index = self.numbers.iter().position(|known| known.id == id).ok_or(AccountError::Unknown)?;
        let removed = self.numbers.remove(index);
        if removed.is_primary
            && let Some(oldest) = self.numbers.first_mut()
        {
            oldest.is_primary = true;
        }
        Ok(removed)
    }

    /// A number is not the user's after all, or not any more.
    pub fn drop_number(&mut self, number: &PhoneNumber) {
        self.pending.retain(|known| known != number);
        if let Some(id) = self.find(number).map(|known| known.id) {
            // It was found, so it is there.
            let _ = self.remove(id);
        }
    }

    /// Gives every number up, and those that are being verified: which these were. What limits hang on stays.
    pub fn give_up_all(&mut self) -> Vec<PhoneNumber> {
        let verified = self.numbers.drain(..).map(|own| own.phone_number);
        verified.chain(self.pending.drain(..)).collect()
    }

    /// Calls are made with this number from now on.
    ///
    /// # Errors
    /// [`AccountError::Unknown`].
    pub fn choose(&mut self, id: NumberId) -> Result<(), AccountError> {
        if !self.numbers.iter().any(|known| known.id == id) {
            return Err(AccountError::Unknown);
        }
        for known in &mut self.numbers {
            known.is_primary = known.id == id;
        }
        Ok(())
    }

    /// A number of the user's.
    #[must_use]
    pub fn find(&self, number: &PhoneNumber) -> Option<&OwnNumber> {
        self.numbers.iter().find(|known| known.phone_number == *number)
    }

    /// All numbers, the oldest first.
    #[must_use]
    pub fn numbers(&self) -> &[OwnNumber] {
        &self.numbers
    }

    /// Numbers whose verification is not known to have ended.
    #[must_use]
    pub fn pending(&self) -> &[PhoneNumber] {
        &self.pending
    }

    /// The number that calls are made with.
    #[must_use]
    pub fn primary(&self) -> Option<&OwnNumber> {
        self.numbers.iter().find(|known| known.is_primary)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_800_000_000_000);

    fn number(last: u8) -> PhoneNumber {
        PhoneNumber::parse(&format!("+120255501{last:02}")).unwrap()
    }

    fn add(account: &mut Account, last: u8) -> NumberId {
        let caller_id = CallerIdSid::parse(format!("PN{last:032}")).unwrap();
        account.add(NumberId::from_random([last; 16]), &number(last), caller_id, NOW)
    }

    fn primary(account: &Account) -> Option<PhoneNumber> {
        account.primary().map(|own| own.phone_number.clone())
    }

    #[test]
    fn there_is_one_primary_number_as_long_as_there_is_a_number() {
        let mut account = Account::default();
        let ids: Vec<_> = (1..4).map(|last| add(&mut account, last)).collect();
        assert_eq!(primary(&account), Some(number(1)));
        account.choose(ids[2]).unwrap();
        assert_eq!(primary(&account), Some(number(3)));
        account.remove(ids[2]).unwrap();
        assert_eq!(primary(&account), Some(number(1)), "the oldest takes its place");
        account.remove(ids[1]).unwrap();
        assert_eq!(primary(&account), Some(number(1)));
        account.remove(ids[0]).unwrap();
        assert_eq!(primary(&account), None);
        assert_eq!(account.remove(ids[0]), Err(AccountError::Unknown));
        assert_eq!(account.choose(ids[0]), Err(AccountError::Unknown));
    }

    #[test]
    fn a_number_that_is_added_twice_keeps_its_id() {
        let mut account = Account::default();
        account.verify(&number(1), 10, NOW).unwrap();
        assert_eq!(account.pending(), [number(1)]);
        let first = add(&mut account, 1);
        let caller_id = CallerIdSid::parse(format!("PN{:032}", 9)).unwrap();
        let again = account.add(NumberId::from_random([9; 16]), &number(1), caller_id.clone(), NOW);
        assert_eq!(again, first);
        assert_eq!(account.numbers().len(), 1);
        assert_eq!(account.primary().unwrap().caller_id, caller_id);
        assert!(account.pending().is_empty());
    }

    #[test]
    fn a_success_that_is_noticed_after_the_number_was_given_up_adds_nothing() {
        let mut account = Account::default();
        let caller_id = CallerIdSid::parse(format!("PN{:032}", 1)).unwrap();
        let confirm =
            |account: &mut Account| account.confirm(NumberId::from_random([1; 16]), &number(1), caller_id.clone(), NOW);
        assert_eq!(confirm(&mut account), None, "nobody asked for it");
        account.verify(&number(1), 10, NOW).unwrap();
        account.drop_number(&number(1));
        assert_eq!(confirm(&mut account), None, "it was given up while it was being verified");
        assert_eq!(account, Account { verifications: account.verifications.clone(), ..Account::default() });
        account.verify(&number(1), 10, NOW).unwrap();
        let id = confirm(&mut account);
        assert!(id.is_some() && confirm(&mut account) == id, "and once more, for who has it already");
        account.remove(id.unwrap()).unwrap();
        assert_eq!(confirm(&mut account), None);
    }

    #[test]
    fn a_user_is_held_back_who_asks_too_often() {
        let mut account = Account::default();
        assert_eq!(account.token(NOW), Err(AccountError::None));
        for last in 0..5 {
            account.verify(&number(last), 7, NOW + u64::from(last)).unwrap();
        }
        let too_often = |retry_after| Err(AccountError::TooOften(TooOften { retry_after }));
        assert_eq!(account.verify(&number(9), 7, NOW + 5), too_often(3_600));
        let later = NOW + 2 * 3_600_000;
        assert!((5..7).all(|last| account.verify(&number(last), 7, later).is_ok()));
        assert_eq!(account.verify(&number(9), 7, later), too_often(22 * 3_600), "and so many a day");
        assert!((0..30).all(|_| account.check(NOW).is_ok()));
        assert_eq!(account.check(NOW), Err(AccountError::TooOften(TooOften { retry_after: 60 })));
        add(&mut account, 1);
        assert!((0..10).all(|_| account.token(NOW).is_ok()));
        assert!(account.token(NOW).is_err());
    }
}
