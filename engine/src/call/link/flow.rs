//! What is known of an open stream's two directions: how fast it may be fed, and whether it is still alive.

use fourwire_wire::units::{Samples, UnixMillis};

/// So much speech makes an answer due: a click or a cough is no speech. Services answer about every second.
const QUIET_SPEECH: Samples = Samples::from_millis(500);

/// How long an answer may be due, in milliseconds. A silent service is noticed within 5 s: the first 500 ms of speech take
/// a second where every other moment is a pause, and 100 ms more until a piece is full.
const QUIET_MILLIS: u64 = 3_900;

/// Mean absolute sample value of a piece above which it counts as speech (−44 dBFS): line noise lies below.
const SPEECH_LEVEL: u64 = 200;

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
    /// Speech sent since the service last said anything.
    unanswered: Samples,
    /// When that became so much that an answer is due.
    due_since: Option<UnixMillis>,
}

impl Flow {
    /// A stream that has just been accepted.
    pub(super) const fn new(now: UnixMillis) -> Self {
        Self { opened: now, last_sent: now, unanswered: Samples::ZERO, due_since: None }
    }

    /// A piece of audio goes out.
    pub(super) fn sent(&mut self, piece: &[u8], length: Samples, now: UnixMillis) {
        if is_speech(piece) {
            self.unanswered = self.unanswered + length;
            if self.unanswered >= QUIET_SPEECH {
                self.due_since.get_or_insert(now);
            }
        }
        self.last_sent = now;
    }

    /// A keep-alive goes out.
    pub(super) const fn kept_alive(&mut self, now: UnixMillis) {
        self.last_sent = now;
    }

    /// The service said something.
    pub(super) const fn answered(&mut self) {
        self.unanswered = Samples::ZERO;
        self.due_since = None;
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
        self.due_since.map(|since| since + QUIET_MILLIS)
    }
}

/// Whether a piece of PCM16 is loud enough to hold speech.
pub(super) fn is_speech(piece: &[u8]) -> bool {
    let samples = piece.as_chunks::<2>().0;
    let sum: u64 = samples.iter().map(|bytes| u64::from(i16::from_le_bytes(*bytes).unsigned_abs())).sum();
    sum > SPEECH_LEVEL.saturating_mul(u64::try_from(samples.len()).unwrap_or(u64::MAX))
}
