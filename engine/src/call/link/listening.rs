//! Where in a link's backlog somebody speaks, found out only as far as somebody asks.
//!
//! A service that answers needs no detector, and most streams never meet another one; so audio is looked at when the question
//! comes up, from the backlog that is held anyway.

use std::collections::VecDeque;
use std::ops::Range;

use fourwire_wire::units::Samples;

use crate::audio::voice::{self, VoiceDetector};
use crate::call::backlog::Backlog;

/// What is known of one backlog.
#[derive(Debug, Default)]
pub(super) struct Listening {
    /// Made when it is first needed.
    detector: Option<VoiceDetector>,
    /// Up to where the audio was looked at.
    examined: Samples,
    /// Speech, in order.
    speech: VecDeque<Range<Samples>>,
}

impl Listening {
    /// Where so much speech is complete, of that between two positions; `None` where there is less.
    pub(super) fn reaches(
        &mut self,
        amount: Samples,
        backlog: &Backlog,
        from: Samples,
        to: Samples,
    ) -> Option<Samples> {
        self.examine(backlog, to);
        let mut left = amount;
        for range in &self.speech {
            let (start, end) = (range.start.max(from), range.end.min(to));
            let length = end.saturating_sub(start);
            if length >= left {
                return Some(start + left);
            }
            left = left.saturating_sub(length);
        }
        None
    }

    /// Whether anybody speaks between two positions.
    pub(super) fn has_speech(&mut self, backlog: &Backlog, from: Samples, to: Samples) -> bool {
        self.reaches(voice::FRAME, backlog, from, to).is_some()
    }

    fn examine(&mut self, backlog: &Backlog, to: Samples) {
        while self.speech.front().is_some_and(|range| range.end <= backlog.from()) {
            self.speech.pop_front();
        }
        let from = self.examined.max(backlog.from());
        let detector = self.detector.get_or_insert_with(VoiceDetector::new);
        let speech = &mut self.speech;
        let mut at = from;
        detector.frames(backlog.slice(from, to), |is_speech| {
            let end = at + voice::FRAME;
            match speech.back_mut() {
                Some(last) if is_speech && last.end == at => last.end = end,
                _ if is_speech => speech.push_back(at..end),
                _ => {}
            }
            at = end;
        });
        self.examined = at;
    }
}
