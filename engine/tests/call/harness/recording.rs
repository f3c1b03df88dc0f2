//! The store of the record: what it was given, what it says of it, and what the owner keeps meanwhile.

use std::collections::BTreeMap;
use std::ops::Range;

use fourwire_engine::call::Chunk;
use fourwire_engine::record::ChunkSpan;
use fourwire_wire::frame::{Channel, PerChannel};

use super::world::Coming;

/// The store of the record, and the owner's own shelf beside it.
#[derive(Debug, Default)]
pub struct Recording {
    /// How long storing takes, in milliseconds.
    pub millis: u64,
    /// While the store refuses.
    pub refusing: Range<u64>,
    /// While the store takes what it is given and says that it did not.
    pub unsure: Range<u64>,
    /// How often the store was asked.
    pub tries: u32,
    /// What was stored, by where it begins.
    pub stored: BTreeMap<(u64, u64), Chunk>,
    /// What the owner keeps, by where it begins.
    pub kept: BTreeMap<(u64, u64), Chunk>,
}

impl Recording {
    pub fn record(&mut self, chunk: Chunk, now: u64) -> Coming {
        let span = chunk.span;
        self.kept.insert(start(&span), chunk);
        self.record_kept(&span, now)
    }

    pub fn keep(&mut self, chunk: Chunk) {
        assert!(self.kept.insert(start(&chunk.span), chunk).is_none(), "a chunk is kept once");
    }

    pub fn record_kept(&mut self, span: &ChunkSpan, now: u64) -> Coming {
        self.tries += 1;
        let chunk = self.kept.get(&start(span)).expect("only what is kept is asked for").clone();
        assert_eq!(chunk.span, *span);
        for channel in Channel::BOTH {
            let samples = usize::try_from(span.get(channel).len().get()).unwrap();
            assert_eq!(chunk.pcm.get(channel).expose().len(), 2 * samples, "a span says how much there is");
        }
        if self.refusing.contains(&now) {
            return Coming::RecordFailed(*span);
        }
        let earlier = self.stored.insert(start(span), chunk.clone());
        assert!(earlier.is_none_or(|earlier| earlier == chunk), "what is stored is never stored anew with other audio");
        if self.unsure.contains(&now) {
            return Coming::RecordFailed(*span);
        }
        self.kept.remove(&start(span));
        Coming::Recorded(*span)
    }

    /// A side's whole audio, chunk after chunk.
    pub fn joined(&self, channel: Channel) -> Vec<u8> {
        let mut joined = Vec::new();
        for chunk in self.stored.values() {
            let at = usize::try_from(2 * chunk.span.get(channel).start.get()).unwrap();
            assert!(at >= joined.len(), "no chunk overlaps another");
            joined.resize(at, 0);
            joined.extend(chunk.pcm.get(channel).expose());
        }
        joined
    }
}

fn start(span: &ChunkSpan) -> (u64, u64) {
    let PerChannel { user, remote } = span;
    (user.start.get() + user.end.get(), remote.start.get() + remote.end.get())
}
