//! How long a client may stay on its socket: not longer than its sign-in, where it can show a fresh one.
//!
//! A client that resumes can: it sends a token on the running socket, or is closed, comes back with one and has lost nothing. For
//! any other client a close in the middle of a call loses audio, so that its bound is the call's own longest time.

use fourwire_wire::event::close;
use fourwire_wire::units::UnixMillis;

use super::{Phase, Session};
use crate::call::timers::Timer;

impl Session {
    /// The client's token is good, and the client may stay until then.
    pub(super) fn signed_in(&mut self, until: UnixMillis) {
        let can_renew = self.client.as_ref().is_some_and(|client| client.terms.resume);
        self.timers.set(Timer::SignIn, can_renew.then_some(until));
    }

    /// No fresh token came in time. Who has ended the call only waits for its conversation, which takes two minutes at most.
    pub(super) fn sign_in_expired(&mut self, now: UnixMillis) {
        if matches!(self.phase, Phase::Live) && self.client.as_ref().is_some_and(|client| client.terms.resume) {
            self.close(close::SIGN_IN_EXPIRED, "the sign-in has expired: come back with a fresh token", now);
        }
    }

    /// The client showed a token that is not good, or another user's; or the user was signed out.
    pub(super) fn not_allowed(&mut self, reason: &'static str, now: UnixMillis) {
        if self.client.is_some() {
            self.close(close::POLICY, reason, now);
        }
    }
}
