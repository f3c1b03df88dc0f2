//! One channel's audio that a speech service may still need: from the end of its last final result to now.

use fourwire_wire::units::Samples;

/// Longest audio that is kept, in milliseconds. 40 s × 32 kB/s = 1.28 MB a channel: what a client that resumes brings after
/// its whole retry budget of 31 s, and what has no final words yet before it. At the bound the oldest goes: its
/// captions are lost, which the link reports, while the record of the call is not touched.
pub(super) const MAX_MILLIS: u64 = 40_000;

const BYTES_PER_SAMPLE: u64 = 2;

/// A stretch of PCM16 at 16 kHz, appended to at its end and forgotten from its start.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    bytes: Vec<u8>,
    /// Bytes at the front that are forgotten already; they go when half of the buffer is such.
    skip: usize,
    /// Where the first kept byte lies on the call's timeline.
    from: Samples,
}

impl Backlog {
    /// Nothing yet, at a position.
    pub(super) fn starting_at(from: Samples) -> Self {
        Self { from, ..Self::default() }
    }

    /// Where it begins on the call's timeline.
    pub(super) fn from(&self) -> Samples {
        self.from
    }

    /// Where it ends on the call's timeline.
    pub(super) fn end(&self) -> Samples {
        Samples::new(self.from.get().saturating_add(self.len()))
    }

    fn len(&self) -> u64 {
        u64::try_from(self.bytes.len().saturating_sub(self.skip)).unwrap_or(u64::MAX) / BYTES_PER_SAMPLE
    }

    /// Adds samples at the end, and forgets the oldest beyond the bound.
    pub(super) fn push(&mut self, samples: &[i16]) {
        self.bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        self.forget_before(self.end().saturating_sub(Samples::from_millis(MAX_MILLIS)));
    }

    /// Forgets what lies before a position.
    pub(super) fn forget_before(&mut self, position: Samples) {
        let samples = position.saturating_sub(self.from).get().min(self.len());
        self.from = self.from + Samples::new(samples);
        self.skip = self.skip.saturating_add(usize::try_from(samples * BYTES_PER_SAMPLE).unwrap_or(usize::MAX));
        if self.skip > self.bytes.len() / 2 {
            self.bytes.drain(..self.skip.min(self.bytes.len()));
            self.skip = 0;
        }
    }

    /// The audio between two positions, as far as it is held.
    pub(super) fn slice(&self, from: Samples, to: Samples) -> &[u8] {
        let offset = |position: Samples| {
            let samples = position.saturating_sub(self.from).get().min(self.len());
            usize::try_from(samples * BYTES_PER_SAMPLE).unwrap_or(usize::MAX).saturating_add(self.skip)
        };
        self.bytes.get(offset(from)..offset(to)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn what_is_asked_for_is_found_by_its_position() {
        let mut backlog = Backlog::starting_at(Samples::new(100));
        backlog.push(&[1, 2, 3, 4]);
        backlog.forget_before(Samples::new(102));
        assert_eq!((backlog.from(), backlog.end()), (Samples::new(102), Samples::new(104)));
        assert_eq!(backlog.slice(Samples::new(103), Samples::new(104)), [4, 0]);
        assert_eq!(backlog.slice(Samples::new(0), Samples::new(103)), [3, 0], "what is forgotten is not there");
        backlog.push(&[5]);
        assert_eq!(backlog.slice(Samples::new(104), Samples::new(105)), [5, 0]);
    }

    #[test]
    fn it_never_holds_more_than_its_bound() {
        let mut backlog = Backlog::default();
        for _ in 0..80 {
            backlog.push(&vec![7; 16_000]);
        }
        assert_eq!(backlog.end(), Samples::new(1_280_000));
        assert_eq!(backlog.from(), Samples::new(640_000));
        assert!(backlog.bytes.len() <= 2 * 2 * 640_000 + 64_000);
    }
}
