//! All of a session's timers in one small table; the earliest is the session's next wake-up.

use fourwire_wire::frame::Channel;
use fourwire_wire::units::UnixMillis;

/// What a session waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// The next heartbeat to the client.
    Ping,
    /// The client has sent nothing for too long.
    Idle,
    /// The client is gone and did not come back.
    Grace,
    /// No call is longer than this.
    Longest,
    /// The client's sign-in has expired.
    SignIn,
    /// The speech services have had long enough to say the rest.
    Drain,
    /// The finished conversation is offered to the store again.
    StoreRetry,
    /// The conversation is offered to the user's index again.
    Register,
    /// What was recorded is to be counted.
    Count,
    /// The language model has had long enough.
    Summary,
    /// The recorder is to be looked after.
    Record,
    /// The link to the pusher is to be looked after.
    Pusher,
    /// A channel's speech link is to be looked after.
    Link(Channel),
}

/// How many timers there are.
const COUNT: usize = 14;

/// The table: one moment a timer, or none.
#[derive(Clone, Debug, Default)]
pub(super) struct Timers([Option<UnixMillis>; COUNT]);

impl Timers {
    const ALL: [Timer; COUNT] = [
        Timer::Ping,
        Timer::Idle,
        Timer::Grace,
        Timer::Longest,
        Timer::SignIn,
        Timer::Drain,
        Timer::StoreRetry,
        Timer::Register,
        Timer::Count,
        Timer::Summary,
        Timer::Record,
        Timer::Pusher,
        Timer::Link(Channel::User),
        Timer::Link(Channel::Remote),
    ];

    /// Sets or clears a timer.
    pub(super) fn set(&mut self, timer: Timer, at: Option<UnixMillis>) {
        for (slot, known) in self.0.iter_mut().zip(Self::ALL) {
            if known == timer {
                *slot = at;
            }
        }
    }

    /// The earliest moment in the table.
    pub(super) fn next(&self) -> Option<UnixMillis> {
        self.0.iter().flatten().min().copied()
    }

    /// Takes one timer whose moment has come out of the table.
    pub(super) fn take_expired(&mut self, now: UnixMillis) -> Option<Timer> {
        let (slot, timer) = self.0.iter_mut().zip(Self::ALL).find(|(slot, _)| slot.is_some_and(|at| at <= now))?;
        *slot = None;
        Some(timer)
    }
}
