//! The connection to the server: how it is made, when it counts as lost, and when it is tried again.

use std::collections::VecDeque;
use std::time::Duration;

use fourwire_wire::event::{ClientMessage, PING_EVERY_MILLIS, close};
use fourwire_wire::frame::PerChannel;
use fourwire_wire::pii::Pii;
use fourwire_wire::units::Samples;

use super::{Action, Failure};
use crate::backoff::Backoff;

/// How long an attempt may take, from asking for a token to the server's word how much it holds.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// How long before its end a token is replaced: Firebase's library gives out a new one in the last five minutes of the old
/// (<https://firebase.google.com/docs/reference/js/auth.user#usergetidtoken>).
const RENEW_BEFORE: Duration = Duration::from_mins(4);
/// Shortest time between two requests for a token on one connection.
const RENEW_AGAIN: Duration = Duration::from_secs(30);
/// A server that says nothing for so long is gone: it says `ping` every 10 s.
const SILENCE: Duration = Duration::from_millis(PING_EVERY_MILLIS * 3 / 2);

/// The connection.
pub(super) struct Link {
    step: Step,
    backoff: Backoff,
    /// The server's first word on this call was heard.
    is_known: bool,
    renewal: Renewal,
    chance: fn() -> f64,
}

/// The next token for the connection that there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Renewal {
    /// The server has not said when the token expires.
    None,
    /// It is to be asked for then.
    At(Duration),
    /// It was asked for, and is asked for again then.
    Asked { again: Duration },
}

#[derive(Debug)]
enum Step {
    /// Nothing to be done.
    Idle,
    /// On its way.
    Connecting { since: Duration, token: Option<Pii<String>> },
    /// Audio may be sent.
    Attached { heard: Duration },
    /// Waits before it is tried again.
    Away { until: Duration },
}

impl Link {
    pub(super) fn new(chance: fn() -> f64) -> Self {
        Self { step: Step::Idle, backoff: Backoff::default(), is_known: false, renewal: Renewal::None, chance }
    }

    pub(super) fn connect(&mut self, now: Duration, actions: &mut VecDeque<Action>) {
        self.step = Step::Connecting { since: now, token: None };
        self.renewal = Renewal::None;
        actions.push_back(Action::AskToken);
    }

    pub(super) fn token(
        &mut self,
        fresh: Option<Pii<String>>,
        now: Duration,
        actions: &mut VecDeque<Action>,
    ) -> Option<Failure> {
        if let (Step::Attached { .. }, Renewal::Asked { .. }, Some(fresh)) = (&self.step, self.renewal, &fresh) {
            actions.push_back(Action::Send(ClientMessage::auth(fresh)));
            return None;
        }
        let Step::Connecting { token, .. } = &mut self.step else { return None };
        match fresh {
            // It was given up meanwhile, and asked for again.
            Some(_) if token.is_some() => None,
            Some(fresh) => {
                *token = Some(fresh);
                actions.push_back(Action::Open);
                None
            }
            None => self.lost(now),
        }
    }

    pub(super) fn opened(&mut self, now: Duration, actions: &mut VecDeque<Action>) {
        if let Step::Connecting { token: Some(token), .. } = &self.step {
            actions.push_back(Action::Send(ClientMessage::auth(token)));
        }
        self.heard(now);
    }

    /// The server has taken the token, and says in how many seconds it expires.
    pub(super) fn signed_in(&mut self, expires_in: Option<u64>, now: Duration) {
        if let Some(left) = expires_in.map(Duration::from_secs) {
            // A page that keeps its tokens may have had this one for a while, and may give it out once more.
            let wait = left.saturating_sub(RENEW_BEFORE).max(left / 2).max(RENEW_AGAIN);
            self.renewal = Renewal::At(now + wait);
        }
    }

    pub(super) fn heard(&mut self, now: Duration) {
        if let Step::Attached { heard } = &mut self.step {
            *heard = now;
        }
    }

    /// The server says how much it holds. Returns where the call begins for this page, at its first word.
    pub(super) fn attached(&mut self, held: &PerChannel<Samples>, now: Duration) -> Option<Samples> {
        self.step = Step::Attached { heard: now };
        (!std::mem::replace(&mut self.is_known, true)).then(|| held.user.max(held.remote))
    }

    /// Audio arrives: the next loss is a first one.
    pub(super) fn flows(&mut self) {
        self.backoff.reset();
    }

    /// The connection is gone, or could not be made. Returns why it is not tried again, if it is not.
    pub(super) fn lost(&mut self, now: Duration) -> Option<Failure> {
        if matches!(self.step, Step::Idle | Step::Away { .. }) {
            return None;
        }
        let Some(wait) = self.backoff.next((self.chance)()) else {
            self.step = Step::Idle;
            return Some(Failure::Unreachable);
        };
        self.step = Step::Away { until: now + wait };
        None
    }

    /// Does what is due.
    pub(super) fn timeout(&mut self, now: Duration, actions: &mut VecDeque<Action>) -> Option<Failure> {
        if self.renew_at().is_some_and(|at| at <= now) {
            self.renewal = Renewal::Asked { again: now + RENEW_AGAIN };
            actions.push_back(Action::AskToken);
        }
        if self.lost_at().is_none_or(|at| now < at) {
            return None;
        }
        if matches!(self.step, Step::Away { .. }) {
            self.connect(now, actions);
            return None;
        }
        // A network that swallows everything does not close a socket either.
        actions.push_back(Action::Close(close::NORMAL));
        self.lost(now)
    }

    pub(super) fn wake_at(&self) -> Option<Duration> {
        [self.lost_at(), self.renew_at()].into_iter().flatten().min()
    }

    /// When the next token is to be asked for, while there is a connection to show it on.
    fn renew_at(&self) -> Option<Duration> {
        match self.renewal {
            Renewal::At(at) | Renewal::Asked { again: at } if self.is_attached() => Some(at),
            _ => None,
        }
    }

    /// When the present step has taken too long, or is over.
    fn lost_at(&self) -> Option<Duration> {
        match self.step {
            Step::Idle => None,
            Step::Connecting { since, .. } => Some(since + CONNECT_PATIENCE),
            Step::Attached { heard } => Some(heard + SILENCE),
            Step::Away { until } => Some(until),
        }
    }

    pub(super) fn is_attached(&self) -> bool {
        matches!(self.step, Step::Attached { .. })
    }

    /// While a lost connection is waited for: which attempt comes or runs, and how long until then.
    pub(super) fn retry(&self, now: Duration) -> Option<(u32, Duration)> {
        let wait = match self.step {
            Step::Away { until } => until.saturating_sub(now),
            Step::Connecting { .. } => Duration::ZERO,
            Step::Idle | Step::Attached { .. } => return None,
        };
        Some((self.backoff.attempt(), wait)).filter(|(attempt, _)| *attempt > 0)
    }
}
