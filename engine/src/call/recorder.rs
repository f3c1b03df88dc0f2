//! The record of a call while it runs: audio is cut into chunks, and they are stored one after the other.
//!
//! ```text
//!   audio ──▶ tapes ──5 s, or a pause──▶ chunk ──nothing ahead of it──▶ Record ──▶ stored
//!                                          │                             │ failed
//!                                          └──others are ahead──▶ Keep ──┴──▶ waiting ──its turn──▶ RecordKept ──▶ stored
//! ```
//!
//! A chunk goes from memory straight to the store. One that must wait is kept by the owner, where it outlives a restart; so
//! memory holds the open tapes and one chunk that is on its way, whatever the store does. A gap is no audio: the chunk before it
//! ends there, and the next one begins behind it, so that nothing grows with how long a gap is.
//!
//! A restart loses what was in memory, which may lie before chunks that are kept. Those stay on the shelf: a client that
//! resumes sends what is lost and what they hold once more, and each goes when it is passed. If the client never comes back,
//! they are stored, and what is lost is silence.

use std::collections::VecDeque;

use fourwire_wire::event::{ServiceStatus, Status};
use fourwire_wire::frame::{Channel, PerChannel};
use fourwire_wire::pii::Pii;
use fourwire_wire::units::{Samples, UnixMillis};

use super::Action;
use crate::record::{ChunkSpan, Span};

/// Longest audio of a side in a chunk.
const CHUNK: Samples = Samples::from_millis(5_000);
/// The same in bytes of PCM16.
const CHUNK_BYTES: usize = 160_000;
/// Audio is stored so many milliseconds after it came, where too little follows to fill a chunk.
const PAUSE_MILLIS: u64 = 5_000;
/// How many chunks may wait: half an hour of audio, 115 MB in the owner's own store. At the bound the newest audio is lost,
/// and the client is told.
const MAX_WAITING: usize = 360;
/// Wait before a chunk that could not be stored is tried again, in milliseconds; doubled with each failure in a row.
const FIRST_WAIT_MILLIS: u64 = 1_000;
/// Longest such wait, in milliseconds.
const MAX_WAIT_MILLIS: u64 = 30_000;

/// A piece of the record: what each side said between two moments, as PCM16 at 16 kHz.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunk {
    /// Where it lies on the timeline.
    pub span: ChunkSpan,
    /// Each side's audio.
    pub pcm: PerChannel<Pii<Vec<u8>>>,
}

/// Both sides' audio on its way into the store.
#[derive(Debug)]
pub(super) struct Recorder {
    tapes: PerChannel<ChunkBuffer>,
    /// When the oldest audio on the tapes came.
    since: Option<UnixMillis>,
    /// What is on the tapes is to be stored without waiting for more.
    flush: bool,
    /// Chunks that are complete and that the owner does not have yet, in the order of time.
    cut: VecDeque<Chunk>,
    /// What the owner is storing.
    on_its_way: Option<OnItsWay>,
    /// What the owner keeps, in the order of time.
    waiting: VecDeque<ChunkSpan>,
    /// What the owner keeps behind something that a restart has lost.
    beyond_gap: VecDeque<ChunkSpan>,
    /// Nobody will send what is lost.
    gap_stays: bool,
    /// How much of each side's past is neither stored nor will be.
    lost: PerChannel<Samples>,
    failures: u32,
    /// When the next try is due, after a failure.
    retry_at: Option<UnixMillis>,
}

/// A chunk that the owner is storing.
#[derive(Debug)]
struct OnItsWay {
    span: ChunkSpan,
    /// Whether it is kept where it outlives a restart.
    kept: bool,
}

/// One side's audio since the last cut.
#[derive(Debug)]
struct ChunkBuffer {
    from: Samples,
    pcm: Vec<u8>,
}

impl ChunkBuffer {
    fn len(&self) -> Samples {
        Samples::new(u64::try_from(self.pcm.len()).unwrap_or(u64::MAX) / 2)
    }

    /// Takes what still fits into a chunk; returns the rest.
    fn take<'a>(&mut self, samples: &'a [i16]) -> &'a [i16] {
        if self.pcm.is_empty() {
            // Once a chunk, and not little by little.
            self.pcm.reserve(CHUNK_BYTES);
        }
        let room = usize::try_from(CHUNK.saturating_sub(self.len()).get()).unwrap_or(usize::MAX);
        let (taken, rest) = samples.split_at(room.min(samples.len()));
        self.pcm.extend(taken.iter().flat_map(|sample| sample.to_le_bytes()));
        rest
    }

    /// What was recorded, as a span and its audio; the tape goes on behind it.
    fn cut(&mut self) -> (Span, Pii<Vec<u8>>) {
        let span = Span { start: self.from, end: self.from + self.len() };
        self.from = span.end;
        (span, Pii::new(std::mem::take(&mut self.pcm)))
    }
}

impl Recorder {
    /// A recorder for what follows behind each side's end. `stored` and `kept` are what earlier ones came to: how much is in
    /// the store, and what the owner keeps.
    pub(super) fn new(
        ends: PerChannel<Samples>,
        stored: PerChannel<Samples>,
        kept: impl IntoIterator<Item = ChunkSpan>,
    ) -> Self {
        let (waiting, beyond_gap): (VecDeque<_>, _) =
            kept.into_iter().partition(|span| ends_by(span, |channel| *ends.get(channel)));
        let past = |channel| waiting.front().map_or(*ends.get(channel), |span: &ChunkSpan| span.get(channel).start);
        Self {
            lost: PerChannel::from_fn(|channel| past(channel).saturating_sub(*stored.get(channel))),
            tapes: PerChannel::from_fn(|channel| ChunkBuffer { from: *ends.get(channel), pcm: Vec::new() }),
            since: None,
            flush: false,
            cut: VecDeque::new(),
            on_its_way: None,
            waiting,
            beyond_gap,
            gap_stays: false,
            failures: 0,
            retry_at: None,
        }
    }

    /// Takes a side's audio, which follows what it gave before.
    pub(super) fn audio(&mut self, channel: Channel, samples: &[i16], now: UnixMillis) {
        let mut rest = samples;
        while !rest.is_empty() {
            self.since.get_or_insert(now);
            let tape = self.tapes.get_mut(channel);
            rest = tape.take(rest);
            if tape.len() >= CHUNK {
                self.cut();
            }
        }
    }

    /// A side has no audio up to a position. What both have until now is a chunk, and the side goes on behind the gap.
    pub(super) fn skip(&mut self, channel: Channel, to: Samples) {
        if to <= self.end(channel) {
            return;
        }
        if self.tapes.get(channel).len() > Samples::ZERO {
            self.cut();
        }
        self.tapes.get_mut(channel).from = to;
    }

    /// What is on the tapes is stored now, however little it is: nothing follows, or not soon.
    pub(super) const fn flush(&mut self) {
        self.flush = true;
    }

    /// What a restart has lost will not be sent any more.
    pub(super) const fn give_up_gap(&mut self) {
        self.gap_stays = true;
    }

    /// The next thing for the owner to do.
    pub(super) fn poll(&mut self, now: UnixMillis) -> Option<Action<'static>> {
        let has_paused = self.since.is_some_and(|since| since + PAUSE_MILLIS <= now);
        if std::mem::take(&mut self.flush) || has_paused {
            self.cut();
        }
        if let Some(chunk) = self.cut.pop_front() {
            // The owner may have this very chunk from before a restart; it keeps the new one in its place.
            let is_new = !take_off(&mut self.beyond_gap, &chunk.span);
            if is_new && self.on_its_way.is_none() && self.waiting.is_empty() {
                self.on_its_way = Some(OnItsWay { span: chunk.span, kept: false });
                return Some(Action::Record(chunk));
            }
            if self.waiting.len() >= MAX_WAITING {
                self.lose(&chunk.span);
                return Some(status(Status::RecordingGap, "Some audio is lost: it cannot be stored", None));
            }
            self.waiting.push_back(chunk.span);
            return Some(Action::KeepChunk(chunk));
        }
        if let Some(passed) = self.take_passed() {
            return Some(Action::DropChunk(passed));
        }
        if std::mem::take(&mut self.gap_stays) {
            self.leave_gap();
        }
        if self.on_its_way.is_some() || self.retry_at.is_some_and(|at| now < at) {
            return None;
        }
        let span = self.waiting.pop_front()?;
        self.on_its_way = Some(OnItsWay { span, kept: true });
        Some(Action::RecordKept(span))
    }

    /// A chunk is in the store.
    pub(super) fn stored(&mut self, span: &ChunkSpan) -> Option<Action<'static>> {
        if !self.settle(span) {
            return None;
        }
        self.retry_at = None;
        let was_delayed = std::mem::take(&mut self.failures) > 0;
        was_delayed.then(|| status(Status::RecordingRestored, "Audio is being stored again", None))
    }

    /// A chunk is not in the store, or not for certain; the owner keeps it.
    pub(super) fn failed(&mut self, span: &ChunkSpan, now: UnixMillis) -> Option<Action<'static>> {
        if !self.settle(span) {
            return None;
        }
        self.waiting.push_front(*span);
        let wait = FIRST_WAIT_MILLIS.saturating_mul(1 << self.failures.min(5)).min(MAX_WAIT_MILLIS);
        self.retry_at = Some(now + wait);
        let is_news = self.failures == 0;
        self.failures = self.failures.saturating_add(1);
        is_news.then(|| {
            status(Status::RecordingDelayed, "Audio cannot be stored right now, and is kept until it can", Some(wait))
        })
    }

    /// The owner has a chunk no more, and the store never got it.
    pub(super) fn lost(&mut self, span: &ChunkSpan) -> Option<Action<'static>> {
        if !self.settle(span) {
            return None;
        }
        self.lose(span);
        Some(status(Status::RecordingGap, "Some audio is lost: it could not be kept", None))
    }

    /// When to poll again, if nothing happens before.
    pub(super) fn wake(&self) -> Option<UnixMillis> {
        let pause = self.since.map(|since| since + PAUSE_MILLIS);
        let retry = if self.on_its_way.is_none() && !self.waiting.is_empty() { self.retry_at } else { None };
        [pause, retry].into_iter().flatten().min()
    }

    /// Whether everything is stored.
    pub(super) fn is_done(&self) -> bool {
        let is_kept = !(self.waiting.is_empty() && self.beyond_gap.is_empty());
        self.since.is_none() && self.cut.is_empty() && self.on_its_way.is_none() && !is_kept
    }

    /// How much of a side is in the store, or was silence that needs no place there.
    pub(super) fn stored_of(&self, channel: Channel) -> Samples {
        let under_way = self.on_its_way.as_ref().map(|chunk| &chunk.span);
        let oldest = under_way.or(self.waiting.front()).or(self.cut.front().map(|chunk| &chunk.span));
        let past = oldest.map_or_else(|| self.tapes.get(channel).from, |span| span.get(channel).start);
        past.saturating_sub(*self.lost.get(channel))
    }

    /// A chunk will never be in the store.
    fn lose(&mut self, span: &ChunkSpan) {
        for channel in Channel::BOTH {
            let lost = self.lost.get_mut(channel);
            *lost = *lost + span.get(channel).len();
        }
    }

    /// Where a side's audio ends so far.
    pub(super) fn end(&self, channel: Channel) -> Samples {
        let tape = self.tapes.get(channel);
        tape.from + tape.len()
    }

    /// Up to where a side's audio outlives a restart, stored or kept.
    pub(super) fn durable(&self, channel: Channel) -> Samples {
        let in_memory = self.on_its_way.as_ref().filter(|chunk| !chunk.kept);
        let in_memory = in_memory.map(|chunk| &chunk.span).or(self.cut.front().map(|chunk| &chunk.span));
        in_memory.map_or_else(|| self.tapes.get(channel).from, |span| span.get(channel).start)
    }

    /// A chunk behind a gap whose audio has come again, and outlives a restart.
    fn take_passed(&mut self) -> Option<ChunkSpan> {
        let passed = self.beyond_gap.iter().position(|span| ends_by(span, |channel| self.durable(channel)))?;
        self.beyond_gap.remove(passed)
    }

    /// The record goes on behind what is kept there.
    fn leave_gap(&mut self) {
        for channel in Channel::BOTH {
            let (tape, lost) = (self.tapes.get_mut(channel), self.lost.get_mut(channel));
            for span in self.beyond_gap.iter().map(|span| span.get(channel)) {
                *lost = *lost + span.start.saturating_sub(tape.from);
                tape.from = tape.from.max(span.end);
            }
        }
        self.waiting.append(&mut self.beyond_gap);
    }

    /// What is on the tapes becomes a chunk, if there is anything.
    fn cut(&mut self) {
        if self.since.take().is_none() {
            return;
        }
        let (user, user_pcm) = self.tapes.user.cut();
        let (remote, remote_pcm) = self.tapes.remote.cut();
        let span = PerChannel { user, remote };
        self.cut.push_back(Chunk { span, pcm: PerChannel { user: user_pcm, remote: remote_pcm } });
    }

    /// Takes a chunk off the list of what is under way; false for one that is not on it, such as one that a session before
    /// a fault had sent and this one has seen to already.
    fn settle(&mut self, span: &ChunkSpan) -> bool {
        if self.on_its_way.as_ref().is_some_and(|chunk| chunk.span == *span) {
            self.on_its_way = None;
            return true;
        }
        take_off(&mut self.waiting, span)
    }
}

/// Takes a chunk off a list; false where it is not on it.
fn take_off(list: &mut VecDeque<ChunkSpan>, span: &ChunkSpan) -> bool {
    let before = list.len();
    list.retain(|listed| listed != span);
    list.len() < before
}

/// Whether both sides of a chunk end at a position or before.
fn ends_by(span: &ChunkSpan, position: impl Fn(Channel) -> Samples) -> bool {
    Channel::BOTH.into_iter().all(|channel| span.get(channel).end <= position(channel))
}

fn status(status: Status, text: &str, retry_millis: Option<u64>) -> Action<'static> {
    let seconds = |millis: u64| Samples::from_millis(millis).seconds();
    Action::Status(ServiceStatus {
        status,
        status_text: text.to_owned(),
        channel: None,
        reason: None,
        retryable: retry_millis.map(|_| true),
        retry_after: retry_millis.map(seconds),
    })
}
