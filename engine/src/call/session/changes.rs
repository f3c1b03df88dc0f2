//! Which segments a client may not have got: what changed shortly before its connection broke, and while it was away.
//!
//! A broken connection is noticed late, and what was sent on it meanwhile is lost without a word. A client that resumes is sent
//! the whole transcript; one that does not, such as Omi's app, these segments, under the ids that it may know.

use std::collections::{BTreeMap, VecDeque};

use fourwire_wire::ids::SegmentId;
use fourwire_wire::segment::Segment;
use fourwire_wire::units::UnixMillis;

/// What was sent so long before a client last showed that it is there may be lost, in milliseconds: what is on its way, and what
/// its system holds back before the connection counts as broken.
const UNCERTAIN_MILLIS: u64 = 10_000;

/// The latest changes of a transcript.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// In the order of time.
    queue: VecDeque<(UnixMillis, SegmentId)>,
    /// When each segment of the queue changed last.
    latest: BTreeMap<SegmentId, UnixMillis>,
}

impl Changes {
    /// Those of a session that went on from what was saved: when a segment changed is not known then, only when it was said.
    pub(super) fn before(segments: &[Segment], began: Option<UnixMillis>) -> Self {
        let began = began.unwrap_or_default();
        let mut queue: VecDeque<_> =
            segments.iter().map(|segment| (began + segment.end.millis(), segment.id)).collect();
        queue.make_contiguous().sort_unstable();
        let latest = queue.iter().map(|&(at, id)| (id, at)).collect();
        Self { queue, latest }
    }

    /// A segment is new, or has changed.
    pub(super) fn note(&mut self, id: SegmentId, now: UnixMillis) {
        self.queue.push_back((now, id));
        self.latest.insert(id, now);
    }

    /// A client is there: what was sent to it well before has come.
    pub(super) fn seen(&mut self, now: UnixMillis) {
        while let Some(&(at, id)) = self.queue.front().filter(|(at, _)| *at + UNCERTAIN_MILLIS < now) {
            self.queue.pop_front();
            if self.latest.get(&id) == Some(&at) {
                self.latest.remove(&id);
            }
        }
    }

    /// Whether a segment changed lately.
    pub(super) fn contains(&self, id: SegmentId) -> bool {
        self.latest.contains_key(&id)
    }
}
