//! One number's story: who holds it, how that was proven, and how often its owner was rung for it.
//!
//! Twilio rings the number and whoever answers types a code; if the code is right, Twilio lists the number as a caller ID.
//! Twilio's list is one for all users, so it is kept here whose doing an entry is:
//!
//! - a number is **held** by the user whose verification call succeeded, until that user gives it up or Twilio lists it no
//!   longer;
//! - the last verification call that Twilio accepted stays on record until it is known how it ended, for as long as that
//!   takes: a completion that is noticed late still counts, for the user who asked for it and nobody else;
//! - an entry of Twilio's that is nobody's (its deletion failed, or it is older than Fourwire) proves nothing: it is
//!   deleted before the number is verified anew.
//!
//! Like everything here it does no I/O. Its owner asks Twilio what [`NumberOwnership::begin`], [`NumberOwnership::listed`] and
//! [`NumberOwnership::check`] say, keeps the claim after each call that changes it, and brings back what Twilio answered.

use fourwire_wire::ids::UserId;
use fourwire_wire::units::UnixMillis;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::sid::{CallSid, CallerIdSid};
use crate::limit::{Limit, Log, TooOften};

/// How long a verification call is waited for, in milliseconds: the peer's five minutes.
pub const PENDING_MILLIS: u64 = 5 * 60 * 1000;
/// After so many milliseconds a user may have their own number rung again: nobody lets it ring for longer.
const AGAIN_MILLIS: u64 = 60 * 1000;
/// How long Twilio may take to accept a verification call, in milliseconds; after that its fate is unknown.
const STARTING_MILLIS: u64 = 30 * 1000;
/// Twilio is asked about one number no more often than this, in milliseconds: clients poll every two seconds.
const ASK_EVERY_MILLIS: u64 = 3 * 1000;
/// Twilio is asked again after this part of the time since the verification call began: after 3 s at first, after 30 s when it
/// has rung in vain for five minutes. It tells of a success by itself, so this is for a report that was lost.
const ASK_AGAIN_PART: u64 = 10;
/// The longest wait between two questions about one number, in milliseconds.
const MAX_ASK_EVERY_MILLIS: u64 = 10 * 60 * 1000;
/// A verification call of which nothing was heard for so many milliseconds is forgotten, and with it whose number it was
/// for: a day. Should it have succeeded unnoticed, the number is verified anew.
const FORGOTTEN_MILLIS: u64 = 86_400_000;
/// How often a number is rung, whoever asks: it protects the person who is rung.
pub const RINGS: [Limit; 2] = [Limit { count: 3, millis: 3_600_000 }, Limit { count: 6, millis: 86_400_000 }];
/// How often it is rung besides, for users for whom it was not rung within a day, once for each: so that strangers who use up the
/// others do not lock its owner out. It is bounded too, for the sake of who is rung: it takes seven strangers a day, and not one.
pub const FIRST_RINGS: [Limit; 1] = [Limit { count: 6, millis: 86_400_000 }];
/// How often a number is rung for one user.
pub const RINGS_FOR_ONE: [Limit; 2] = [Limit { count: 3, millis: 3_600_000 }, Limit { count: 4, millis: 86_400_000 }];

/// A number's state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberOwnership {
    holder: Option<Holder>,
    attempt: Option<VerificationAttempt>,
    /// Twilio is being asked on behalf of a user.
    starting: Option<Starting>,
    rings: Log,
    /// Rings beyond those, each for a user for whom it had not been rung.
    #[serde(default)]
    first_rings: Log,
    /// The same by user, within a day.
    #[serde(default)]
    rings_for: Vec<(UserId, Log)>,
    /// Caller IDs that are nobody's any more and that Twilio may still list.
    removals: Vec<CallerIdSid>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Holder {
    user: UserId,
    caller_id: CallerIdSid,
}

/// A verification call that Twilio accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct VerificationAttempt {
    /// Who asked for it; nobody, where that user has given the number up meanwhile.
    user: Option<UserId>,
    call: CallSid,
    started_at: UnixMillis,
    failed: Option<Failure>,
    /// A caller ID that was deleted for it: should Twilio still list that one for a while, it proves nothing.
    replaced: Option<CallerIdSid>,
    /// When Twilio was last asked whether it succeeded.
    asked_at: Option<UnixMillis>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Starting {
    /// As in [`VerificationAttempt`].
    user: Option<UserId>,
    since: UnixMillis,
    /// Whether its ring is one of [`FIRST_RINGS`].
    #[serde(default)]
    is_first: bool,
}

/// How a verification call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// Somebody answered, and the code was not typed or not right.
    WrongCode,
    /// Nobody answered.
    NoAnswer,
}

/// How Twilio says that a verification call ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VerificationResult {
    /// The code was right, and this is the caller ID.
    Proven(CallerIdSid),
    /// It was not.
    Failed(Failure),
}

/// What a user is told of a verification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// This user never asked for the number, or gave it up.
    Unknown,
    /// The phone rings, or the code is being typed.
    Ringing,
    /// It failed.
    Failed(Failure),
    /// Nothing was heard for five minutes.
    Expired,
    /// The number is the user's.
    Verified(CallerIdSid),
}

/// Why a number is not verified now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
pub enum Refusal {
    /// It is the user's already.
    #[error("Phone number already verified")]
    Yours(CallerIdSid),
    /// Another user holds it.
    #[error(
        "This phone number is already registered. If you own this number and previously verified it, check your settings."
    )]
    Taken,
    /// It is being rung.
    #[error("A verification call is already in progress for this number. Please answer the call and enter the code.")]
    InProgress,
    /// It was rung often enough.
    #[error("This number was called too often. Try again later.")]
    TooOften(TooOften),
}

/// What is to be done next for a verification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: the user is told why.
    Refuse(Refusal),
    /// Delete a caller ID that is nobody's, where there is one, then have the number rung.
    Ring {
        /// The caller ID.
        remove: Option<CallerIdSid>,
    },
}

/// What a check leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// The answer is known.
    Known(State),
    /// Ask Twilio whether it lists the number, and report to [`NumberOwnership::answered`] with the call.
    Ask(CallSid),
}

impl NumberOwnership {
    /// A user wants the number verified. Where that is not refused, ask Twilio whether it lists the number, and report
    /// to [`NumberOwnership::listed`], or to [`NumberOwnership::give_up`] where Twilio does not answer.
    ///
    /// # Errors
    /// [`Refusal`] where a verification of the number is under way.
    pub fn begin(&mut self, user: &UserId, now: UnixMillis) -> Result<(), Refusal> {
        let is_starting = self.starting.as_ref().is_some_and(|starting| now.since(starting.since) < STARTING_MILLIS);
        let is_ringing = self.attempt.as_ref().is_some_and(|attempt| {
            let wait = if attempt.user.as_ref() == Some(user) { AGAIN_MILLIS } else { PENDING_MILLIS };
            attempt.failed.is_none() && now.since(attempt.started_at) < wait
        });
        if is_starting || (is_ringing && !self.is_held_by(user)) {
            return Err(Refusal::InProgress);
        }
        self.starting = Some(Starting { user: Some(user.clone()), since: now, is_first: false });
        Ok(())
    }

    /// Twilio has said whether it lists the number.
    pub fn listed(&mut self, user: &UserId, caller_id: Option<CallerIdSid>, now: UnixMillis) -> Next {
        if self.starting.as_ref().is_some_and(|starting| starting.user.is_none()) {
            // The user has given the number up since, and nobody is called for that.
            self.starting = None;
            return Next::Refuse(Refusal::InProgress);
        }
        let next = self.after_listing(user, caller_id, now);
        if matches!(next, Next::Refuse(_)) {
            self.starting = None;
        }
        next
    }

    fn after_listing(&mut self, user: &UserId, caller_id: Option<CallerIdSid>, now: UnixMillis) -> Next {
        match &caller_id {
            // What Twilio does not list is nobody's caller ID.
            None => self.holder = None,
            Some(listed) if self.removals.contains(listed) => {}
            Some(listed) => {
                if let Some(holder) = &mut self.holder {
                    holder.caller_id = listed.clone();
                } else if let Some(attempt) = self.attempt.take_if(|attempt| attempt.failed.is_none())
                    && let Some(user) = attempt.user
                {
                    // It succeeded after all, and nobody has noticed.
                    self.holder = Some(Holder { user, caller_id: listed.clone() });
                }
            }
        }
        if let Some(holder) = &self.holder {
            let is_own = holder.user == *user;
            return Next::Refuse(if is_own { Refusal::Yours(holder.caller_id.clone()) } else { Refusal::Taken });
        }
        match self.ring(user, now) {
            Ok(()) => {
                self.removals.extend(caller_id.clone().filter(|listed| !self.removals.contains(listed)));
                Next::Ring { remove: caller_id }
            }
            Err(too_often) => Next::Refuse(Refusal::TooOften(too_often)),
        }
    }

    /// Counts a ring, where the limits allow it.
    fn ring(&mut self, user: &UserId, now: UnixMillis) -> Result<(), TooOften> {
        self.rings_for.retain(|(_, log)| log.rests_at(&RINGS_FOR_ONE).is_some_and(|at| at > now));
        let index = self.rings_for.iter().position(|(known, _)| known == user);
        let mut own = index.map_or_else(Log::default, |index| self.rings_for.swap_remove(index).1);
        let taken = own.take(&RINGS_FOR_ONE, now).and_then(|()| {
            let taken = self.rings.take(&RINGS, now).or_else(|too_often| {
                if index.is_some() || self.first_rings.take(&FIRST_RINGS, now).is_err() {
                    return Err(too_often);
                }
                if let Some(starting) = &mut self.starting {
                    starting.is_first = true;
                }
                Ok(())
            });
            taken.inspect_err(|_| own.take_back())
        });
        self.rings_for.push((user.clone(), own));
        taken
    }

    /// Twilio rings the number. Whether somebody still wants that is known here: a call that was asked for by a user who has
    /// given the number up meanwhile can no longer be stopped, and makes the number nobody's.
    pub fn started(&mut self, user: &UserId, call: CallSid, replaced: Option<CallerIdSid>, now: UnixMillis) {
        let is_given_up = self.starting.take().is_some_and(|starting| starting.user.is_none());
        let user = (!is_given_up).then(|| user.clone());
        self.attempt =
            Some(VerificationAttempt { user, call, started_at: now, failed: None, replaced, asked_at: None });
    }

    /// Twilio has refused to ring the number: it did not ring.
    pub fn not_started(&mut self) {
        let Some(Starting { user, is_first, .. }) = self.starting.take() else { return };
        if is_first { &mut self.first_rings } else { &mut self.rings }.take_back();
        if let Some((_, own)) = self.rings_for.iter_mut().find(|(known, _)| Some(known) == user.as_ref()) {
            own.take_back();
        }
    }

    /// Twilio has not answered. A ring that was asked for may have happened, and counts.
    pub fn give_up(&mut self) {
        self.starting = None;
    }

    /// A user asks how the verification goes.
    pub fn check(&mut self, user: &UserId, now: UnixMillis) -> Check {
        if let Some(caller_id) = self.held_by(user) {
            return Check::Known(State::Verified(caller_id.clone()));
        }
        let Some(attempt) = self.attempt.as_mut().filter(|attempt| attempt.user.as_ref() == Some(user)) else {
            return Check::Known(State::Unknown);
        };
        let age = now.since(attempt.started_at);
        let wait = (age / ASK_AGAIN_PART).clamp(ASK_EVERY_MILLIS, MAX_ASK_EVERY_MILLIS);
        if attempt.failed.is_none() && attempt.asked_at.is_none_or(|at| now.since(at) >= wait) {
            attempt.asked_at = Some(now);
            return Check::Ask(attempt.call.clone());
        }
        Check::Known(attempt.state(now))
    }

    /// Twilio has said whether it lists the number, when asked about a verification call of a user; where it did not
    /// answer, it is taken as not listed yet.
    pub fn answered(
        &mut self,
        user: &UserId,
        call: &CallSid,
        caller_id: Option<CallerIdSid>,
        now: UnixMillis,
    ) -> State {
        // An entry that was to be deleted is older than the call.
        let replaced = self.attempt.as_ref().and_then(|attempt| attempt.replaced.clone());
        let proof = caller_id.filter(|listed| !self.removals.contains(listed) && replaced.as_ref() != Some(listed));
        if let Some(proof) = proof {
            self.verdict(call, VerificationResult::Proven(proof));
        }
        match self.held_by(user) {
            Some(caller_id) => State::Verified(caller_id.clone()),
            None => self
                .attempt
                .as_ref()
                .filter(|attempt| attempt.user.as_ref() == Some(user))
                .map_or(State::Unknown, |attempt| attempt.state(now)),
        }
    }

    /// Twilio has said how a verification call ended, however late. Returns the user whose number this makes it.
    pub fn verdict(&mut self, call: &CallSid, verdict: VerificationResult) -> Option<(UserId, CallerIdSid)> {
        let attempt = self.attempt.as_mut().filter(|attempt| attempt.call == *call)?;
        match verdict {
            VerificationResult::Failed(failure) => {
                attempt.failed = Some(failure);
                None
            }
            VerificationResult::Proven(caller_id) => {
                let attempt = self.attempt.take()?;
                let Some(user) = attempt.user else {
                    self.removals.extend((!self.removals.contains(&caller_id)).then_some(caller_id));
                    return None;
                };
                self.holder = Some(Holder { user: user.clone(), caller_id: caller_id.clone() });
                Some((user, caller_id))
            }
        }
    }

    /// The caller ID, if the number is this user's.
    #[must_use]
    pub fn held_by(&self, user: &UserId) -> Option<&CallerIdSid> {
        self.holder.as_ref().filter(|holder| holder.user == *user).map(|holder| &holder.caller_id)
    }

    fn is_held_by(&self, user: &UserId) -> bool {
        self.held_by(user).is_some()
    }

    /// Twilio does not know a caller ID any more: nobody can call with it.
    pub fn gone(&mut self, caller_id: &CallerIdSid) {
        self.holder.take_if(|holder| holder.caller_id == *caller_id);
        self.removals.retain(|known| known != caller_id);
    }

    /// A user gives the number up. Whatever becomes of the entry at Twilio, it is nobody's from now on; and a verification that
    /// is under way for the user makes it nobody's either, however it ends.
    pub fn release(&mut self, user: &UserId) {
        let asked_for = self.attempt.as_mut().map(|attempt| &mut attempt.user);
        let begun_for = self.starting.as_mut().map(|starting| &mut starting.user);
        for owner in asked_for.into_iter().chain(begun_for) {
            owner.take_if(|owner| owner == user);
        }
        if let Some(holder) = self.holder.take_if(|holder| holder.user == *user) {
            self.removals.push(holder.caller_id);
        }
    }

    /// Caller IDs that Twilio is to be asked to delete; [`NumberOwnership::gone`] takes note when it has.
    #[must_use]
    pub fn removals(&self) -> &[CallerIdSid] {
        &self.removals
    }

    /// Forgets what has lost its meaning, above all of people who were rung by mistake, and says when to look again.
    pub fn tidy(&mut self, now: UnixMillis) -> Cleanup {
        self.attempt.take_if(|attempt| now.since(attempt.started_at) >= FORGOTTEN_MILLIS);
        if !self.removals.is_empty() {
            return Cleanup::Remove;
        }
        let rested_at = self.rings.rests_at(&RINGS).max(self.first_rings.rests_at(&FIRST_RINGS)).filter(|at| *at > now);
        let forgotten_at = self.attempt.as_ref().map(|attempt| attempt.started_at + FORGOTTEN_MILLIS);
        match rested_at.max(forgotten_at) {
            Some(at) => Cleanup::Later(at),
            None if self.holder.is_some() => Cleanup::Keep,
            None => Cleanup::Erase,
        }
    }
}

/// What is to be done with a claim that is looked after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleanup {
    /// Twilio still lists what is nobody's: try to delete it.
    Remove,
    /// Look again then.
    Later(UnixMillis),
    /// It is held, and nothing else is left of it.
    Keep,
    /// There is nothing left to be kept.
    Erase,
}

impl VerificationAttempt {
    fn state(&self, now: UnixMillis) -> State {
        match self.failed {
            Some(failure) => State::Failed(failure),
            None if now.since(self.started_at) >= PENDING_MILLIS => State::Expired,
            None => State::Ringing,
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    const MINUTE: u64 = 60_000;

    /// A claim with its clock and with Twilio's list of one number.
    #[derive(Default)]
    struct Number {
        claim: NumberOwnership,
        now: u64,
        listed: Option<CallerIdSid>,
        calls: u32,
    }

    impl Number {
        fn now(&self) -> UnixMillis {
            UnixMillis::new(1_800_000_000_000 + self.now)
        }

        /// A user asks for the number: the verification call, or the refusal.
        fn verify(&mut self, name: &str) -> Result<CallSid, Refusal> {
            let (user, now) = (user(name), self.now());
            self.claim.begin(&user, now)?;
            match self.claim.listed(&user, self.listed.clone(), now) {
                Next::Refuse(refusal) => Err(refusal),
                Next::Ring { remove } => {
                    if let Some(removed) = &remove {
                        assert_eq!(self.listed.take().as_ref(), Some(removed));
                        self.claim.gone(removed);
                    }
                    self.calls += 1;
                    let call = CallSid::parse(format!("CA{:032}", self.calls)).unwrap();
                    self.claim.started(&user, call.clone(), remove, now);
                    Ok(call)
                }
            }
        }

        /// The person who was rung types the right code.
        fn succeed(&mut self) -> CallerIdSid {
            let caller_id = sid(self.calls);
            self.listed = Some(caller_id.clone());
            caller_id
        }

        fn check(&mut self, name: &str) -> State {
            let (user, now) = (user(name), self.now());
            match self.claim.check(&user, now) {
                Check::Known(state) => state,
                Check::Ask(call) => self.claim.answered(&user, &call, self.listed.clone(), now),
            }
        }
    }

    fn user(name: &str) -> UserId {
        UserId::parse(name).unwrap()
    }

    fn sid(number: u32) -> CallerIdSid {
        CallerIdSid::parse(format!("PN{number:032}")).unwrap()
    }

    #[test]
    fn a_number_is_its_user_s_once_the_code_was_typed() {
        let mut number = Number::default();
        number.verify("ann").unwrap();
        assert_eq!(number.check("ann"), State::Ringing);
        let caller_id = number.succeed();
        // Clients poll faster than Twilio is asked.
        assert_eq!(number.check("ann"), State::Ringing);
        number.now += 3_000;
        assert_eq!(number.check("ann"), State::Verified(caller_id.clone()));
        assert_eq!(number.verify("ann"), Err(Refusal::Yours(caller_id)));
    }

    #[test]
    fn two_users_cannot_have_it_and_the_second_learns_it_at_once() {
        let mut number = Number::default();
        number.verify("ann").unwrap();
        assert_eq!(number.verify("bob"), Err(Refusal::InProgress));
        number.succeed();
        number.now += 3_000;
        // Bob asks first, but the call was Ann's.
        assert_eq!(number.check("bob"), State::Unknown);
        number.now += PENDING_MILLIS;
        assert_eq!(number.verify("bob"), Err(Refusal::Taken));
        assert!(matches!(number.check("ann"), State::Verified(_)));
    }

    #[test]
    fn a_completion_after_the_five_minutes_still_counts_for_who_asked() {
        let mut number = Number::default();
        let call = number.verify("ann").unwrap();
        number.now += 6 * MINUTE;
        assert_eq!(number.check("ann"), State::Expired);
        let caller_id = number.succeed();
        let verified = number.claim.verdict(&call, VerificationResult::Proven(caller_id.clone()));
        assert_eq!(verified, Some((user("ann"), caller_id.clone())));
        assert_eq!(number.check("ann"), State::Verified(caller_id));
    }

    #[test]
    fn a_completion_that_nobody_noticed_is_found_when_the_app_is_opened_again() {
        let mut number = Number::default();
        number.verify("ann").unwrap();
        let caller_id = number.succeed();
        number.now += 60 * MINUTE;
        assert_eq!(number.verify("ann"), Err(Refusal::Yours(caller_id)));
    }

    #[test]
    fn a_failed_call_is_told_as_it_was_and_the_number_can_be_tried_again() {
        let mut number = Number::default();
        for failure in [Failure::WrongCode, Failure::NoAnswer] {
            let call = number.verify("ann").unwrap();
            assert_eq!(number.claim.verdict(&call, VerificationResult::Failed(failure)), None);
            assert_eq!(number.check("ann"), State::Failed(failure));
        }
        assert!(number.verify("bob").is_ok());
    }

    #[test]
    fn late_news_of_an_earlier_call_changes_nothing() {
        let mut number = Number::default();
        let first = number.verify("ann").unwrap();
        number.claim.verdict(&first, VerificationResult::Failed(Failure::NoAnswer));
        number.verify("bob").unwrap();
        assert_eq!(number.claim.verdict(&first, VerificationResult::Proven(sid(9))), None);
        assert_eq!(number.check("bob"), State::Ringing);
        assert_eq!(number.check("ann"), State::Unknown);
    }

    #[test]
    fn what_could_not_be_deleted_at_twilio_is_nobody_s_and_must_be_proven_anew() {
        let mut number = Number::default();
        let call = number.verify("ann").unwrap();
        let caller_id = number.succeed();
        number.claim.verdict(&call, VerificationResult::Proven(caller_id.clone()));
        // Twilio is down: the entry stays there.
        number.claim.release(&user("ann"));
        assert_eq!(number.claim.removals(), std::slice::from_ref(&caller_id));
        assert_eq!(number.check("ann"), State::Unknown);
        number.verify("bob").unwrap();
        assert_eq!(number.listed, None, "it was deleted before bob was rung");
        // Twilio still lists it for a moment.
        number.listed = Some(caller_id);
        assert_eq!(number.check("bob"), State::Ringing);
        let own = number.succeed();
        number.now += 3_000;
        assert_eq!(number.check("bob"), State::Verified(own));
    }

    #[test]
    fn a_verification_that_succeeds_after_its_user_gave_the_number_up_makes_it_nobody_s() {
        // Twilio's report comes, or does not and the next user's verification finds the entry.
        for is_reported in [true, false] {
            let mut number = Number::default();
            let call = number.verify("ann").unwrap();
            number.claim.release(&user("ann"));
            assert_eq!(number.check("ann"), State::Unknown);
            let caller_id = number.succeed();
            if is_reported {
                assert_eq!(number.claim.verdict(&call, VerificationResult::Proven(caller_id.clone())), None);
                assert_eq!(number.claim.removals(), std::slice::from_ref(&caller_id), "its entry at Twilio is deleted");
                assert_eq!(number.claim.tidy(number.now()), Cleanup::Remove);
            }
            assert_eq!((number.check("ann"), number.claim.held_by(&user("ann"))), (State::Unknown, None));
            number.now += PENDING_MILLIS;
            assert!(number.verify("bob").is_ok());
            assert_eq!(number.listed, None, "it was deleted before bob was called");
        }
    }

    #[test]
    fn a_number_that_is_given_up_while_twilio_is_being_asked_is_not_called_or_makes_it_nobody_s() {
        let (ann, mut number) = (user("ann"), Number::default());
        let now = number.now();
        number.claim.begin(&ann, now).unwrap();
        number.claim.release(&ann);
        assert_eq!(number.claim.listed(&ann, None, now), Next::Refuse(Refusal::InProgress));
        assert!(number.claim.begin(&ann, now).is_ok(), "nothing is left of it");
        assert_eq!(number.claim.listed(&ann, None, now), Next::Ring { remove: None });
        number.claim.release(&ann);
        let call = CallSid::parse(format!("CA{:032}", 7)).unwrap();
        number.claim.started(&ann, call.clone(), None, now);
        assert_eq!(number.check("ann"), State::Unknown);
        assert_eq!(number.claim.verdict(&call, VerificationResult::Proven(sid(7))), None);
        assert_eq!(number.claim.held_by(&ann), None);
    }

    #[test]
    fn an_entry_that_was_there_before_fourwire_proves_nothing() {
        let mut number = Number { listed: Some(sid(77)), ..Number::default() };
        number.verify("ann").unwrap();
        assert_eq!(number.check("ann"), State::Ringing);
        assert_eq!(number.listed, None);
    }

    #[test]
    fn a_caller_id_that_vanished_at_twilio_locks_nobody_out() {
        let mut number = Number::default();
        let call = number.verify("ann").unwrap();
        let caller_id = number.succeed();
        number.claim.verdict(&call, VerificationResult::Proven(caller_id));
        number.listed = None;
        assert!(number.verify("ann").is_ok(), "its user can verify it again");
        number.now += PENDING_MILLIS;
        assert!(number.verify("bob").is_ok(), "and so can whoever has the number now");
    }

    #[test]
    fn a_number_is_rung_no_more_often_than_its_limit_whoever_asks() {
        let mut number = Number::default();
        let mut rung = Vec::new();
        for minute in 0..2 * 24 * 60 {
            number.now = minute * MINUTE;
            if number.verify(&format!("user-{minute}")).is_ok() {
                rung.push(minute);
            }
        }
        // Each is somebody for whom it has not been rung.
        assert_eq!(rung.len(), 24, "{rung:?}");
        for start in &rung {
            assert!(rung.iter().filter(|at| (*start..start + 60).contains(at)).count() <= 9);
            assert!(rung.iter().filter(|at| (*start..start + 24 * 60).contains(at)).count() <= 12);
        }
    }

    #[test]
    fn a_number_is_rung_for_one_user_no_more_often_than_before() {
        let mut number = Number::default();
        let mut rung = Vec::new();
        for minute in 0..2 * 24 * 60 {
            number.now = minute * MINUTE;
            if let Ok(call) = number.verify("ann") {
                number.claim.verdict(&call, VerificationResult::Failed(Failure::NoAnswer));
                rung.push(minute);
            }
        }
        assert_eq!(rung.len(), 8, "{rung:?}");
        for start in &rung {
            assert!(rung.iter().filter(|at| (*start..start + 60).contains(at)).count() <= 3);
        }
    }

    #[test]
    fn strangers_do_not_lock_the_owner_out() {
        // So many strangers use up what they can, one after the other; then the owner comes.
        for (strangers, is_let_in) in [(1, true), (2, true), (6, true), (7, false)] {
            let mut number = Number::default();
            for stranger in 0..strangers {
                for _ in 0..4 {
                    if let Ok(call) = number.verify(&format!("stranger-{stranger}")) {
                        number.claim.verdict(&call, VerificationResult::Failed(Failure::NoAnswer));
                    }
                }
            }
            assert!(matches!(number.verify("stranger-0"), Err(Refusal::TooOften(_))));
            let verified = number.verify("owner");
            assert_eq!(verified.is_ok(), is_let_in, "{strangers}: {verified:?}");
        }
    }

    #[test]
    fn a_first_ring_that_did_not_happen_is_taken_back() {
        let mut number = Number::default();
        for _ in 0..3 {
            let call = number.verify("stranger").unwrap();
            number.claim.verdict(&call, VerificationResult::Failed(Failure::NoAnswer));
        }
        let now = number.now();
        for _ in 0..9 {
            number.claim.begin(&user("owner"), now).unwrap();
            assert_eq!(number.claim.listed(&user("owner"), None, now), Next::Ring { remove: None });
            number.claim.not_started();
        }
        let call = number.verify("owner").unwrap();
        number.claim.verdict(&call, VerificationResult::Failed(Failure::WrongCode));
        assert!(matches!(number.verify("owner"), Err(Refusal::TooOften(_))), "one a day");
    }

    #[test]
    fn twilio_is_asked_less_and_less_often() {
        let mut number = Number::default();
        number.verify("ann").unwrap();
        let mut asked = Vec::new();
        for second in 0..24 * 60 * 60 {
            number.now = second * 1_000;
            if let Check::Ask(_) = number.claim.check(&user("ann"), number.now()) {
                asked.push(second);
            }
        }
        let within = |seconds: u64| asked.iter().filter(|at| **at < seconds).count();
        assert_eq!(&asked[..4], [0, 3, 6, 9]);
        assert!(
            within(60) >= 12 && within(300) <= 40 && asked.len() <= 220,
            "{} {} {}",
            within(60),
            within(300),
            asked.len()
        );
    }

    #[test]
    fn a_ring_that_twilio_refused_does_not_count_and_one_of_unknown_fate_does() {
        let mut number = Number::default();
        let now = number.now();
        for _ in 0..9 {
            number.claim.begin(&user("ann"), now).unwrap();
            number.claim.listed(&user("ann"), None, now);
            number.claim.not_started();
        }
        for _ in 0..3 {
            number.claim.begin(&user("ann"), now).unwrap();
            assert_eq!(number.claim.listed(&user("ann"), None, now), Next::Ring { remove: None });
            number.claim.give_up();
        }
        assert!(matches!(number.verify("ann"), Err(Refusal::TooOften(_))));
    }

    #[test]
    fn a_stranger_who_was_rung_by_mistake_is_forgotten_after_a_day() {
        let mut number = Number::default();
        number.verify("ann").unwrap();
        let Cleanup::Later(at) = number.claim.tidy(number.now()) else { panic!("not yet") };
        assert_eq!(at, number.now() + 86_400_000);
        number.now += 86_400_000;
        assert_eq!(number.claim.tidy(number.now()), Cleanup::Erase);
    }

    #[test]
    fn a_claim_survives_being_kept() {
        let mut number = Number::default();
        number.verify("ann").unwrap();
        let json = serde_json::to_string(&number.claim).unwrap();
        assert_eq!(serde_json::from_str::<NumberOwnership>(&json).unwrap(), number.claim);
    }
}
