//! What is known of an open stream's two directions: how fast it may be fed, and whether it is still alive.

use fourwire_wire::units::{Samples, UnixMillis};

/// So much speech makes an answer due: a click or a cough is no speech. Services answer about every second.
pub(super) const QUIET_SPEECH: Samples = Samples::from_millis(500);

/// How long a service may say nothing before anybody asks whether somebody speaks, in milliseconds: less than it takes for an
/// answer to be due, and more than passes between two answers of a service that works, which so costs no detector.
const UNANSWERED_MILLIS: u64 = 1_500;

/// How long an answer may be due, in milliseconds. A silent service is noticed within 5 s: the first 500 ms of speech take
/// a second where every other moment is a pause, and 100 ms more until a piece is full.
const QUIET_MILLIS: u64 = 3_900;

/// How often a stream without audio is kept open, in milliseconds. Deepgram closes after 10 s; twice this is less.
const KEEP_ALIVE_MILLIS: u64 = 4_000;

/// Deepgram takes audio at up to 1.25 times its duration; a stream may run ahead of that by this much.
const HEAD_START: Samples = Samples::from_millis(2_000);

/// An open stream.
#[derive(Debug)]
pub(super) struct Flow {
    opened: UnixMillis,
    /// When audio or a keep-alive last went out.
    last_sent: UnixMillis,
    /// When the service last said anything of use, or accepted the stream.
    answered_at: UnixMillis,
    /// Up to where it had been sent audio by then.
    answered_to: Samples,
    /// When so much speech had been sent unanswered that an answer is due.
    due_since: Option<UnixMillis>,
    /// How often its time to answer is doubled: a service that was slow just now is not asked for the same in vain again and again.
    doublings: u32,
}

impl Flow {
    /// A stream that has just been accepted, and will be sent audio from `origin` on.
    pub(super) const fn new(now: UnixMillis, origin: Samples, doublings: u32) -> Self {
        Self { opened: now, last_sent: now, answered_at: now, answered_to: origin, due_since: None, doublings }
    }

    /// A piece of audio or a keep-alive goes out.
    pub(super) const fn sent(&mut self, now: UnixMillis) {
        self.last_sent = now;
    }

    /// The service said something, having been sent audio up to a position.
    pub(super) const fn answered(&mut self, now: UnixMillis, sent: Samples) {
        self.answered_at = now;
        self.answered_to = sent;
        self.due_since = None;
    }

    /// From where on speech would make an answer due, where that has to be found out.
    pub(super) fn suspicious_from(&self, now: UnixMillis) -> Option<Samples> {
        let is_asked = self.due_since.is_none() && now.since(self.answered_at) >= UNANSWERED_MILLIS;
        is_asked.then_some(self.answered_to)
    }

    /// Enough speech for an answer had been sent so many milliseconds ago.
    pub(super) fn answer_is_due(&mut self, ago: u64, now: UnixMillis) {
        self.due_since = Some((now - ago).max(self.answered_at));
    }

    /// How much audio the stream may have been sent by now: 1.25 times the time it has been open, and a head start.
    pub(super) fn allowance(&self, now: UnixMillis) -> Samples {
        HEAD_START + Samples::from_millis(now.since(self.opened).saturating_mul(5) / 4)
    }

    /// When a keep-alive is due.
    pub(super) fn keep_alive_at(&self) -> UnixMillis {
        self.last_sent + KEEP_ALIVE_MILLIS
    }

    /// When the stream counts as dead unless an answer comes before; none while no answer is due.
    pub(super) fn dead_at(&self) -> Option<UnixMillis> {
        self.due_since.map(|since| since + (QUIET_MILLIS << self.doublings))
    }
}
