//! The store of the record: what it was given, what it says of it, and what the owner keeps meanwhile.

use std::collections::BTreeMap;
use std::ops::Range;

use fourwire_engine::call::Chunk;
use fourwire_engine::record::ChunkSpan;
use fourwire_wire::frame::{Channel, PerChannel};
use fourwire_wire::units::Samples;

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
    /// Whether what is on its way when the owner is restarted gets into the store.
    pub outlives_owner: bool,
    /// What was stored.
    pub stored: BTreeMap<Key, Chunk>,
    /// What the owner keeps.
    pub kept: BTreeMap<Key, Chunk>,
    /// What the store was given and has not answered to, and whether it takes it.
    on_its_way: Option<(Chunk, bool)>,
}

/// A chunk's place: where it begins and ends on both sides.
type Key = [u64; 4];

impl Recording {
    pub fn record(&mut self, chunk: Chunk, now: u64) -> Coming {
        self.tries += 1;
        let span = chunk.span;
        for channel in Channel::BOTH {
            let samples = usize::try_from(span.get(channel).len().get()).unwrap();
            assert_eq!(chunk.pcm.get(channel).expose().len(), 2 * samples, "a span says how much there is");
        }
        assert!(self.on_its_way.is_none(), "one chunk is stored at a time");
        let lands = !self.refusing.contains(&now);
        self.on_its_way = Some((chunk, lands));
        if lands && !self.unsure.contains(&now) { Coming::Recorded(span) } else { Coming::RecordFailed(span) }
    }

    pub fn record_kept(&mut self, span: &ChunkSpan, now: u64) -> Coming {
        let chunk = self.kept.get(&key(span)).expect("only what is kept is asked for").clone();
        self.record(chunk, now)
    }

    /// The store has answered.
    pub fn answered(&mut self, is_stored: bool) {
        let (chunk, lands) = self.on_its_way.take().expect("the store was asked");
        if lands {
            self.store(&chunk);
        }
        if is_stored {
            self.kept.remove(&key(&chunk.span));
        } else {
            self.keep(&chunk);
        }
    }

    /// The owner is gone, and never hears the answer; what it had sent may have been stored all the same.
    pub fn interrupted(&mut self) {
        if let Some((chunk, _)) = self.on_its_way.take().filter(|(_, lands)| *lands && self.outlives_owner) {
            self.store(&chunk);
        }
    }

    pub fn keep(&mut self, chunk: &Chunk) {
        let earlier = self.kept.insert(key(&chunk.span), chunk.clone());
        assert!(earlier.is_none_or(|earlier| earlier == *chunk), "what is kept is never kept anew with other audio");
    }

    pub fn drop(&mut self, span: &ChunkSpan) {
        self.kept.remove(&key(span)).expect("only what is kept is dropped");
    }

    fn store(&mut self, chunk: &Chunk) {
        let earlier = self.stored.insert(key(&chunk.span), chunk.clone());
        assert!(
            earlier.is_none_or(|earlier| earlier == *chunk),
            "what is stored is never stored anew with other audio"
        );
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

/// In the order of time, each span by itself.
fn key(span: &ChunkSpan) -> Key {
    let PerChannel { user, remote } = span;
    [user.start, remote.start, user.end, remote.end].map(Samples::get)
}
