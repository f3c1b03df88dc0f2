//! A user has everything deleted. A conversation's key goes first, and with it whatever R2 or a backup of it still has is unreadable;
//! the numbers' own objects, running calls and R2 follow, again and again until nothing is left.

use fourwire_wire::units::UnixMillis;
use serde::{Deserialize, Serialize};

use super::core::{Error, User};
use super::follow_up::FollowUps;
use crate::database::Database;
use crate::database::sealed_row::SealedRow;
use crate::fault::Fault;
use crate::phone::account::Account;
use crate::phone::dialling::WINDOW_MILLIS;
use crate::phone::number::PhoneNumber;

/// What is still to be done of an erasure. Everything else was deleted when it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Erasure {
    /// When the user had everything deleted; none: never.
    at: Option<UnixMillis>,
    /// Numbers that are the user's no more and whose own objects may not know it yet.
    numbers: Vec<PhoneNumber>,
}

impl<'a, D: Database> User<'a, D> {
    const fn erasure(&self) -> SealedRow<'a, D> {
        self.row("erasure")
    }

    /// Deletes everything but the calls of the last day, which the limits need, and which go a day later. The next run goes on with what
    /// is elsewhere.
    ///
    /// # Errors
    /// What the database says.
    pub fn erase(&self, now: UnixMillis) -> Result<(), Error> {
        let mut erasure: Erasure = self.erasure().read()?;
        erasure.at = Some(now);
        erasure.numbers.extend(self.account().change(Account::give_up_all)?);
        self.erasure().write(&erasure)?;
        self.call_log().forget(now - WINDOW_MILLIS)?;
        FollowUps::new(self.database).remove_all()?;
        let index = self.index(now);
        index.remove_all()?;
        // A call whose first audio has not come yet has no entry, and gets none.
        for call in self.open_calls()? {
            index.end(&call)?;
        }
        Ok(())
    }

    /// Seals anew what an earlier master secret has sealed: how many records that were, and the numbers whose own objects have
    /// something of the user too, those that are being verified and those that are being given up among them.
    ///
    /// # Errors
    /// What the database says, or where a record cannot be opened.
    pub fn reseal(&self, now: UnixMillis) -> Result<(usize, Vec<PhoneNumber>), Error> {
        let rows = [self.index(now).reseal()?, self.account().reseal()?, self.call_log().reseal()?];
        let known = self.numbers()?;
        let erasure: Erasure = self.erasure().read()?;
        let verified = known.verified.into_iter().map(|own| own.phone_number);
        Ok((rows.into_iter().sum(), verified.chain(known.pending).chain(erasure.numbers).collect()))
    }

    /// The numbers that are to be given up.
    pub(super) fn numbers_to_release(&self) -> Result<Vec<PhoneNumber>, Fault> {
        Ok(self.erasure().read::<Erasure>()?.numbers)
    }

    /// A number's own object knows that the number is the user's no more.
    pub(super) fn released(&self, number: &PhoneNumber) -> Result<(), Fault> {
        self.erasure().change(|erasure: &mut Erasure| erasure.numbers.retain(|known| known != number))
    }

    /// Ends an erasure once the last day's calls count no more: whether everything may be forgotten, that there was such a user too.
    pub(super) fn end_erasure(&self, now: UnixMillis) -> Result<bool, Error> {
        let Erasure { at, numbers } = self.erasure().read()?;
        let Some(at) = at.filter(|at| now >= *at + WINDOW_MILLIS && numbers.is_empty()) else { return Ok(false) };
        self.call_log().forget(at)?;
        let index = self.index(now);
        if index.next_deletion()?.is_some() {
            return Ok(false);
        }
        let known = self.numbers()?;
        let is_empty = known.verified.is_empty() && known.pending.is_empty() && self.call_log().newest(1)?.is_empty();
        if !is_empty || index.oldest()?.is_some() {
            // The user has begun anew.
            self.erasure().write(&Erasure::default())?;
            return Ok(false);
        }
        Ok(true)
    }

    /// When there is something of an erasure to be done next.
    pub(super) fn next_erasure(&self, now: UnixMillis) -> Result<Option<UnixMillis>, Error> {
        let Erasure { at, numbers } = self.erasure().read()?;
        let Some(at) = at else { return Ok(None) };
        if !numbers.is_empty() {
            return Ok(Some(at));
        }
        // It ends when everything else has.
        let end = at + WINDOW_MILLIS;
        let next_deletion = self.index(now).next_deletion()?;
        Ok(Some(next_deletion.map_or(end, |deletion| end.max(deletion + 1))))
    }
}
