//! Everything of a user in parts, each of which makes a bounded number of requests to the archive and to objects.
//!
//! A part is planned before its first byte is sent, since where the next one begins is told in the answer's head. The same place
//! leads to the same part, so a part that broke off is asked for again.

use std::ops::Range;

/// What a part does for each conversation besides reading audio: its document, and the names of its chunks.
const REQUESTS_A_CONVERSATION: usize = 2;
/// Chunks of which one request to the archive gives the names: R2 lists a thousand objects at once
/// (<https://developers.cloudflare.com/r2/api/workers/workers-api-reference/#bucket-method-definitions>).
const CHUNKS_A_LIST: usize = 1_000;
/// Chunks that a piece of audio may touch besides its own, where the two sides' records end at different samples.
const SHARED_CHUNKS: usize = 2;

/// How much a part may still do. Half of it is for what the part begins with: what is not of a conversation, and the first
/// conversation, which always gets its share.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    whole: usize,
    left: usize,
    is_begun: bool,
}

/// What a part has of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Share {
    /// Everything.
    Whole,
    /// A piece of its audio, which is too long for one part. It is the last of its part.
    Piece(Piece),
    /// Nothing: the part is full, and the next one begins with it.
    Nothing,
}

/// A piece of a conversation's audio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Which one, from 0. The document comes with the first.
    pub number: usize,
    /// Its chunks.
    pub chunks: Range<usize>,
    /// Whether another one follows.
    pub has_more: bool,
}

impl Budget {
    /// A part of so many requests.
    #[must_use]
    pub const fn new(requests: usize) -> Self {
        Self { whole: requests, left: requests, is_begun: false }
    }

    /// Takes note of requests.
    pub const fn spend(&mut self, requests: usize) {
        self.left = self.left.saturating_sub(requests);
    }

    /// Whether another conversation may be looked at.
    #[must_use]
    pub const fn has_room(&self) -> bool {
        !self.is_begun || self.left > REQUESTS_A_CONVERSATION
    }

    /// Gives a conversation of so many chunks its share. `piece` is the number of the piece with which the part begins, where the
    /// part before has begun the conversation.
    pub fn share(&mut self, chunks: usize, piece: usize) -> Share {
        let is_first = !std::mem::replace(&mut self.is_begun, true);
        let besides = REQUESTS_A_CONVERSATION.saturating_add(chunks.saturating_sub(1) / CHUNKS_A_LIST);
        let most = self.whole / 2;
        let cost = besides.saturating_add(chunks);
        let is_whole = cost <= most;
        if !is_first && (!is_whole || cost > self.left) {
            return Share::Nothing;
        }
        if is_whole {
            self.spend(cost);
            return Share::Whole;
        }
        let size = most.saturating_sub(besides).saturating_sub(SHARED_CHUNKS).max(1);
        let start = piece.saturating_mul(size).min(chunks);
        let end = start.saturating_add(size).min(chunks);
        self.left = 0;
        Share::Piece(Piece { number: piece, chunks: start..end, has_more: end < chunks })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    /// Exports conversations of so many chunks: the parts, each as what it has of which conversation.
    fn export(requests: usize, conversations: &[usize]) -> Vec<Vec<(usize, Range<usize>)>> {
        let (mut parts, mut next, mut piece) = (vec![], 0, 0);
        while next < conversations.len() {
            assert!(parts.len() < 10_000, "every part gets further");
            let (mut budget, mut part, mut made) = (Budget::new(requests), vec![], 2);
            budget.spend(made);
            while next < conversations.len() && budget.has_room() {
                let chunks = conversations[next];
                let lists = chunks.div_ceil(1_000).max(1);
                match budget.share(chunks, piece) {
                    Share::Nothing => {
                        made += lists;
                        break;
                    }
                    Share::Whole => {
                        made += 1 + lists + chunks;
                        part.push((next, 0..chunks));
                        next += 1;
                    }
                    Share::Piece(Piece { number, chunks: range, has_more }) => {
                        assert_eq!(number, piece);
                        made += 1 + lists + range.len() + 2;
                        part.push((next, range));
                        (next, piece) = if has_more { (next, piece + 1) } else { (next + 1, 0) };
                        break;
                    }
                }
            }
            assert!(made <= requests + 2, "{made} requests of {requests}");
            parts.push(part);
        }
        parts
    }

    #[test]
    fn what_fits_is_one_part_and_what_does_not_is_several() {
        assert_eq!(export(1_000, &[2, 3, 0]), [[(0, 0..2), (1, 0..3), (2, 0..0)]]);
        assert_eq!(export(20, &[6, 6, 6]), [vec![(0, 0..6), (1, 0..6)], vec![(2, 0..6)]]);
        // A long call is cut, and begins and ends parts of its own.
        assert_eq!(
            export(20, &[1, 14, 1]),
            [vec![(0, 0..1)], vec![(1, 0..6)], vec![(1, 6..12)], vec![(1, 12..14)], vec![(2, 0..1)]]
        );
    }

    proptest! {
        #[test]
        fn every_chunk_is_in_one_part(
            requests in 10_usize..60, conversations in proptest::collection::vec(0_usize..80, 0..12),
        ) {
            let mut seen: Vec<Vec<usize>> = conversations.iter().map(|_| vec![]).collect();
            let mut whole = vec![0; conversations.len()];
            for (conversation, chunks) in export(requests, &conversations).into_iter().flatten() {
                whole[conversation] += 1;
                seen[conversation].extend(chunks);
            }
            for (index, chunks) in conversations.iter().enumerate() {
                prop_assert!(seen[index].iter().copied().eq(0..*chunks), "{index}: {:?}", seen[index]);
                prop_assert!(whole[index] >= 1);
            }
        }
    }
}
