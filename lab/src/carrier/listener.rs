//! Hears what one side sends: each payload is put where its RTP timestamp says, and what did not arrive is silence.
//!
//! When a payload arrives makes no difference, so neither does how busy the machine is.

use super::codec::{Codec, Decoder};

/// How long a gap may be, in seconds; behind a longer one the timestamps are taken to have begun anew.
const MAX_GAP: u64 = 60;

/// Turns a stream of payloads into audio without holes.
pub(super) struct Listener {
    decoder: Decoder,
    longest_gap: u64,
    /// The timestamp at which the next payload should begin.
    next: Option<u64>,
}

impl Listener {
    pub(super) fn new(codec: Codec) -> Self {
        let longest_gap = MAX_GAP * u64::from(codec.clock().get());
        Self { decoder: Decoder::new(codec), longest_gap, next: None }
    }

    /// The audio that a payload adds. One that is late adds nothing: there is silence in its place already.
    pub(super) fn hear(&mut self, timestamp: u64, payload: &[u8]) -> Vec<i16> {
        let mut audio = Vec::new();
        let next = self.next.unwrap_or(timestamp);
        let gap = timestamp.wrapping_sub(next);
        if timestamp < next && next - timestamp <= self.longest_gap {
            return audio;
        }
        if timestamp > next && gap <= self.longest_gap {
            self.decoder.silence(gap, &mut audio);
        }
        let length = self.decoder.decode(payload, &mut audio).unwrap_or_default();
        self.next = Some(timestamp + length);
        audio
    }
}

#[cfg(test)]
mod tests {
    use super::super::codec::{Encoder, FRAME};
    use super::*;
    use crate::tones;

    #[test]
    fn what_is_lost_is_silence_and_what_is_late_or_double_changes_nothing() {
        let audio = tones::Script::new(16_000).word(100, "harbor").word(900, "lantern").samples(1_500);
        for codec in [Codec::Pcmu, Codec::Opus] {
            let (mut encoder, mut listener) = (Encoder::new(codec), Listener::new(codec));
            let mut heard = Vec::new();
            for (place, frame) in (0..).zip(audio.as_chunks::<FRAME>().0) {
                let payload = encoder.encode(frame).unwrap();
                let lost = (20..40).contains(&place);
                for _ in 0..if lost { 0 } else { 2 } {
                    heard.extend(listener.hear(1_000 + place * codec.ticks(), &payload));
                }
                assert!(listener.hear(1_000, &payload).is_empty() || place == 0);
            }
            let words = tones::detect(&heard);
            assert_eq!(words.iter().map(|word| word.word).collect::<Vec<_>>(), ["harbor", "lantern"]);
            assert!(words[1].start.millis().abs_diff(900) <= 15, "{codec:?}: {:?}", words[1]);
        }
    }

    #[test]
    fn timestamps_that_begin_anew_make_no_silence() {
        let mut listener = Listener::new(Codec::Pcmu);
        let payload = [0xff; 160];
        let first = listener.hear(0, &payload).len() + listener.hear(160, &payload).len();
        let second = listener.hear(u64::from(u32::MAX), &payload).len();
        assert!(first <= 2 * FRAME && second <= FRAME);
    }
}
