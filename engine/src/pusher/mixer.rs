//! Both sides' audio as one, each sample at its place on the call's timeline.
//!
//! A stretch is ready when both sides have it. A side that sends nothing gets silence from the call's timeline within
//! seconds, so neither waits for the other for long.

use std::collections::VecDeque;

use fourwire_wire::frame::{Channel, PerChannel};
use fourwire_wire::units::Samples;

/// Longest audio that is held. 20 s × 32 kB/s = 640 kB. At the bound the oldest goes.
const MOST: Samples = Samples::from_millis(20_000);

/// The mix of both sides that was not taken yet.
#[derive(Debug)]
pub(crate) struct Mixer {
    sums: VecDeque<i16>,
    /// Where the first of them lies.
    from: Samples,
    /// How far each side reaches.
    ends: PerChannel<Samples>,
}

impl Mixer {
    /// Nothing yet, behind each side's end.
    pub(crate) fn starting_at(ends: PerChannel<Samples>) -> Self {
        Self { sums: VecDeque::new(), from: ends.user.min(ends.remote), ends }
    }

    /// Adds a side's audio, which follows what it gave before.
    pub(crate) fn push(&mut self, channel: Channel, samples: &[i16]) {
        let end = self.ends.get_mut(channel);
        let at = *end;
        *end = at + Samples::new(u64::try_from(samples.len()).unwrap_or(u64::MAX));
        // What lies before the oldest sum comes too late.
        let mut samples = samples.iter().copied().skip(size(self.from.saturating_sub(at)));
        if at.saturating_sub(self.from) > MOST {
            // Behind a long gap: what is still held before it would need the gap's length in memory.
            self.sums.clear();
            self.from = at;
        }
        let offset = size(at.saturating_sub(self.from));
        if offset > self.sums.len() {
            self.sums.resize(offset, 0);
        }
        // The sums are asked first: where they end, no sample is used up.
        for (sum, sample) in self.sums.range_mut(offset..).zip(samples.by_ref()) {
            *sum = sum.saturating_add(sample);
        }
        self.sums.extend(samples);
        drop(self.take(self.held().saturating_sub(MOST)));
    }

    /// A side has no audio up to a position.
    pub(crate) fn skip(&mut self, channel: Channel, to: Samples) {
        let end = self.ends.get_mut(channel);
        *end = (*end).max(to);
        self.pass_gap();
    }

    /// Goes on behind a gap of both sides, once nothing is held before it.
    fn pass_gap(&mut self) {
        if self.sums.is_empty() {
            self.from = self.from.max(self.ends.user.min(self.ends.remote));
        }
    }

    /// How much both sides have.
    pub(crate) fn ready(&self) -> Samples {
        self.ends.user.min(self.ends.remote).saturating_sub(self.from).min(self.held())
    }

    /// How much there is, where a side that is behind counts as silent.
    pub(crate) fn held(&self) -> Samples {
        Samples::new(u64::try_from(self.sums.len()).unwrap_or(u64::MAX))
    }

    /// How far the side reaches that is ahead.
    pub(crate) fn end(&self) -> Samples {
        self.ends.user.max(self.ends.remote)
    }

    /// Takes the oldest samples, at most so many: where they lie, and what they are.
    pub(crate) fn take(&mut self, most: Samples) -> (Samples, impl Iterator<Item = i16>) {
        let (from, taken) = (self.from, most.min(self.held()));
        self.from = from + taken;
        if taken == self.held() {
            self.from = self.from.max(self.ends.user.min(self.ends.remote));
        }
        (from, self.sums.drain(..size(taken)))
    }
}

fn size(samples: Samples) -> usize {
    usize::try_from(samples.get()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use Channel::{Remote, User};

    fn taken(mixer: &mut Mixer, most: u64) -> (u64, Vec<i16>) {
        let (from, samples) = mixer.take(Samples::new(most));
        (from.get(), samples.collect())
    }

    #[test]
    fn samples_of_the_same_moment_are_added_and_too_loud_a_sum_does_not_turn_over() {
        let mut mixer = Mixer::starting_at(PerChannel::default());
        mixer.push(User, &[1, 2, i16::MAX]);
        assert_eq!(mixer.ready(), Samples::ZERO, "the other side may still have something to say");
        mixer.push(Remote, &[10, 20]);
        mixer.push(Remote, &[30, 40]);
        assert_eq!(mixer.ready(), Samples::new(3));
        assert_eq!(taken(&mut mixer, 2), (0, vec![11, 22]));
        assert_eq!(taken(&mut mixer, 9), (2, vec![i16::MAX, 40]), "what is left, with silence for who is behind");
        mixer.push(User, &[5, 6]);
        assert_eq!((mixer.ready(), taken(&mut mixer, 9)), (Samples::ZERO, (4, vec![6])), "5 came too late");
    }

    #[test]
    fn sides_that_are_not_in_step_at_first_keep_their_places() {
        let mut mixer = Mixer::starting_at(PerChannel { user: Samples::new(12), remote: Samples::new(10) });
        mixer.push(User, &[3]);
        mixer.push(Remote, &[1, 1, 1]);
        assert_eq!((mixer.ready(), taken(&mut mixer, 9)), (Samples::new(3), (10, vec![1, 1, 4])));
    }

    #[test]
    fn at_the_bound_the_oldest_goes() {
        let mut mixer = Mixer::starting_at(PerChannel::default());
        for second in 0..30 {
            for channel in Channel::BOTH {
                mixer.push(channel, &vec![second; 16_000]);
            }
        }
        assert_eq!(mixer.held(), MOST);
        assert_eq!(taken(&mut mixer, 1), (160_000, vec![20]));
    }
}
