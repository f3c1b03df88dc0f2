//! Finds speech in a telephone signal by its level: where somebody begins to speak, and where there is a pause.
//!
//! The level of the background is followed, so a noisy line needs louder speech than a quiet one.
#![allow(
    clippy::cast_precision_loss,
    reason = "arithmetic on samples: every value is far below the limits of its type"
)]

use fourwire_wire::units::Samples;

/// Samples of one step: 10 ms.
pub const STEP: usize = 160;
/// How far above the background speech is, in decibels, to begin and to go on.
const BEGIN_ABOVE: f64 = 12.0;
const GO_ON_ABOVE: f64 = 8.0;
/// What counts as background at most and at least, in decibels of full scale. A line can carry digital silence, which
/// must not make a breath look like speech.
const BACKGROUND: std::ops::RangeInclusive<f64> = -62.0..=-35.0;
/// How fast the background is taken to rise, in decibels a step: 4 dB a second.
const RISE: f64 = 0.04;
/// Loud steps of the last eight that make a beginning: 50 of 80 ms. A click is shorter.
const BEGIN_STEPS: u32 = 5;
/// What is kept from before the beginning: quiet consonants come before the first loud vowel.
const PRE_ROLL: Samples = Samples::from_millis(300);

/// A change that one more step made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Somebody speaks; the position is a little before the first sound.
    Begin(Samples),
    /// Nobody has spoken for the pause; the position is the end of the last sound.
    End(Samples),
}

/// Follows one stream.
pub struct Endpointer {
    pause: Samples,
    now: Samples,
    background: f64,
    /// One bit for each of the last steps, the newest lowest: whether it was loud.
    loud: u8,
    speaking: bool,
    last_sound: Samples,
}

impl Endpointer {
    /// An endpointer that takes `pause` of silence for the end of an utterance.
    #[must_use]
    pub fn new(pause: Samples) -> Self {
        let (background, now) = (*BACKGROUND.start(), Samples::ZERO);
        Self { pause, now, background, loud: 0, speaking: false, last_sound: now }
    }

    /// Where the last sound of speech was.
    #[must_use]
    pub fn last_sound(&self) -> Samples {
        self.last_sound
    }

    /// Takes the next 10 ms.
    pub fn step(&mut self, samples: &[i16; STEP]) -> Option<Edge> {
        self.now = self.now + Samples::new(STEP as u64);
        let level = decibels(samples);
        let above = level - self.background;
        self.background = (self.background + RISE).min(level).clamp(*BACKGROUND.start(), *BACKGROUND.end());

        self.loud = self.loud << 1 | u8::from(above > BEGIN_ABOVE);
        if self.speaking {
            if above > GO_ON_ABOVE {
                self.last_sound = self.now;
            } else if self.now.saturating_sub(self.last_sound) >= self.pause {
                self.speaking = false;
                return Some(Edge::End(self.last_sound));
            }
        } else if self.loud.count_ones() >= BEGIN_STEPS {
            self.speaking = true;
            self.last_sound = self.now;
            let seen = Samples::new(u64::from(u8::BITS - self.loud.leading_zeros()) * STEP as u64);
            return Some(Edge::Begin(self.now.saturating_sub(seen).saturating_sub(PRE_ROLL)));
        }
        None
    }
}

/// The level of some samples in decibels of full scale.
fn decibels(samples: &[i16]) -> f64 {
    let energy: f64 = samples.iter().map(|sample| (f64::from(*sample) / f64::from(i16::MAX)).powi(2)).sum();
    10.0 * (energy / samples.len() as f64 + 1e-9).log10()
}

/// The middle of the quietest 100 ms of `samples`: the best place to cut speech that has no pause.
#[must_use]
pub fn quietest(samples: &[i16]) -> usize {
    const WINDOW: usize = 10 * STEP;
    (0..samples.len().saturating_sub(WINDOW))
        .step_by(STEP)
        .min_by(|a, b| decibels(&samples[*a..a + WINDOW]).total_cmp(&decibels(&samples[*b..b + WINDOW])))
        .map_or(samples.len() / 2, |start| start + WINDOW / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise of a level, the same each time.
    fn noise(decibels: f64, millis: usize, seed: u32) -> Vec<i16> {
        let peak = f64::from(i16::MAX) * 10_f64.powf(decibels / 20.0) * 3_f64.sqrt();
        let mut state = seed;
        (0..millis * 16)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let unit = f64::from(state >> 8) / f64::from(1 << 23) - 1.0;
                #[expect(clippy::cast_possible_truncation, reason = "within the peak")]
                {
                    (unit * peak) as i16
                }
            })
            .collect()
    }

    fn edges(audio: &[i16]) -> Vec<Edge> {
        let mut endpointer = Endpointer::new(Samples::from_millis(400));
        audio.as_chunks::<STEP>().0.iter().filter_map(|step| endpointer.step(step)).collect()
    }

    #[test]
    fn speech_is_found_on_a_silent_line_and_on_a_noisy_one_that_it_got_used_to() {
        for background in [-90.0, -55.0, -45.0] {
            let audio = [noise(background, 6_000, 1), noise(-22.0, 1_000, 2), noise(background, 2_000, 3)].concat();
            let mut found = edges(&audio);
            found.retain(|(Edge::Begin(at) | Edge::End(at))| at.millis() > 5_000);
            let [Edge::Begin(begin), Edge::End(end)] = found[..] else { panic!("{background} dB: {found:?}") };
            assert!((5_600..=5_750).contains(&begin.millis()), "{background} dB: begins at {} ms", begin.millis());
            assert!((6_980..=7_050).contains(&end.millis()), "{background} dB: ends at {} ms", end.millis());
        }
    }

    #[test]
    fn a_click_is_no_speech_and_a_short_gap_no_pause() {
        let click = [noise(-90.0, 500, 1), noise(-10.0, 20, 2), noise(-90.0, 500, 3)].concat();
        assert_eq!(edges(&click), []);
        let gap = [noise(-25.0, 500, 1), noise(-90.0, 300, 2), noise(-25.0, 500, 3), noise(-90.0, 600, 4)].concat();
        assert_eq!(edges(&gap).len(), 2);
    }

    #[test]
    fn long_speech_is_cut_where_it_is_quietest() {
        let audio = [noise(-20.0, 1_000, 1), noise(-50.0, 150, 2), noise(-20.0, 1_000, 3)].concat();
        assert!((1_000 * 16..1_150 * 16).contains(&quietest(&audio)));
    }
}
