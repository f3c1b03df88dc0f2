//! Gaps in a channel's audio. A link counts the audio that it was given, one sample after the other, as a stream to a service
//! does; the call's timeline also has gaps, in which nothing was sent. This is the way from one count to the other.

use std::collections::VecDeque;

use fourwire_wire::units::Samples;

/// The gaps of the audio that a link still holds.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    /// The length of all gaps before what is held.
    passed: Samples,
    /// Behind which sample of the link's count each later gap lies, and how long it is.
    ahead: VecDeque<(Samples, Samples)>,
}

impl Gaps {
    /// There is a gap behind all that the link was given so far.
    pub(super) fn add(&mut self, end: Samples, length: Samples) {
        match self.ahead.back_mut() {
            Some((at, last)) if *at == end => *last = *last + length,
            _ => self.ahead.push_back((end, length)),
        }
    }

    /// The link holds nothing before a position of its own count any more.
    pub(super) fn forget_before(&mut self, position: Samples) {
        while let Some(&(_, length)) = self.ahead.front().filter(|(at, _)| *at <= position) {
            self.ahead.pop_front();
            self.passed = self.passed + length;
        }
    }

    /// Where a sample of the link's count lies in the call: one that follows a gap, behind it.
    pub(super) fn in_call(&self, position: Samples) -> Samples {
        self.moved(position, |at| at <= position)
    }

    /// Where something ends in the call that ends there in the link's count: before a gap that follows it.
    pub(super) fn end_in_call(&self, position: Samples) -> Samples {
        self.moved(position, |at| at < position)
    }

    fn moved(&self, position: Samples, is_before: impl Fn(Samples) -> bool) -> Samples {
        let gaps = self.ahead.iter().take_while(|(at, _)| is_before(*at));
        gaps.fold(position + self.passed, |moved, (_, length)| moved + *length)
    }

    /// Where a position of the call lies in the link's count; one within a gap, at the gap.
    pub(super) fn in_link(&self, position: Samples) -> Samples {
        let mut gaps = self.passed;
        for &(at, length) in &self.ahead {
            if position < at + gaps + length {
                return position.saturating_sub(gaps).min(at);
            }
            gaps = gaps + length;
        }
        position.saturating_sub(gaps)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn a_position_is_found_in_the_other_count_whatever_gaps_lie_before_it() {
        let mut gaps = Gaps::default();
        let of = Samples::new;
        // 100 samples, 1,000 of nothing, 50 samples, 10 and then 20 of nothing, and audio.
        gaps.add(of(100), of(1_000));
        gaps.add(of(150), of(10));
        gaps.add(of(150), of(20));
        // In the link, in the call as a beginning, in the call as an end.
        let rows = [
            (0, 0, 0),
            (99, 99, 99),
            (100, 1_100, 100),
            (101, 1_101, 1_101),
            (149, 1_149, 1_149),
            (150, 1_180, 1_150),
            (151, 1_181, 1_181),
            (999, 2_029, 2_029),
        ];
        for _ in 0..2 {
            for (link, begin, end) in rows {
                assert_eq!(gaps.in_call(of(link)), of(begin), "{link}");
                assert_eq!(gaps.in_link(of(begin)), of(link), "{begin}");
                if end != 100 {
                    assert_eq!(gaps.end_in_call(of(link)), of(end), "{link} as an end");
                }
            }
            assert_eq!([500, 1_099, 1_150, 1_160].map(|at| gaps.in_link(of(at))), [100, 100, 150, 150].map(of));
            // What lies before the second gap is forgotten: positions from there on are found all the same.
            gaps.forget_before(of(0));
        }
        gaps.forget_before(of(120));
        assert_eq!(
            (gaps.in_call(of(130)), gaps.in_call(of(150)), gaps.in_link(of(1_181))),
            (of(1_130), of(1_180), of(151))
        );
        gaps.forget_before(of(150));
        assert_eq!((gaps.in_call(of(150)), gaps.in_link(of(1_200))), (of(1_180), of(170)));
    }
}
