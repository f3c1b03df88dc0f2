//! What a caller is sent, frame by frame: that it rings, that something is announced, or the callee.
//!
//! Its clock is the count of frames that were taken, so it cannot drift from the audio.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "arithmetic on samples: every value is far below the limits of its type"
)]

use std::collections::VecDeque;
use std::f64::consts::TAU;
use std::time::Duration;

use fourwire_wire::units::SAMPLES_PER_SECOND;

use super::callee::{Callee, Voice};
use super::codec::{FRAME, Frame};

/// What a caller in North America hears while the other end rings: both tones, 2 s on and 4 s off.
const RINGBACK: Cadence = Cadence { hertz: [440.0, 480.0], on: 2 * SAMPLES_PER_SECOND, cycle: 6 * SAMPLES_PER_SECOND };
/// What stands for a spoken announcement: a beep each half second. The lab has no voice of its own.
const ANNOUNCEMENT: Cadence =
    Cadence { hertz: [400.0, 450.0], on: SAMPLES_PER_SECOND / 5, cycle: SAMPLES_PER_SECOND / 2 };
/// The level of each of a cadence's two tones, of full scale: together -20 dB.
const TONE_LEVEL: f64 = 0.05;
/// How much of the caller's speech an echo can be behind: 1 s. What does not fit is forgotten, the oldest first.
const ECHO_LIMIT: usize = SAMPLES_PER_SECOND as usize;

/// Two tones that come and go.
#[derive(Clone, Copy)]
pub(super) struct Cadence {
    hertz: [f64; 2],
    /// Samples at the start of each cycle in which they are heard.
    on: u32,
    cycle: u32,
}

/// What is sent.
pub(super) enum Source {
    Silence,
    Tones { cadence: Cadence, taken: usize },
    Callee(Speaker),
}

impl Source {
    /// The other end rings.
    pub(super) const fn ringback() -> Self {
        Self::Tones { cadence: RINGBACK, taken: 0 }
    }

    /// Something is announced.
    pub(super) const fn announcement() -> Self {
        Self::Tones { cadence: ANNOUNCEMENT, taken: 0 }
    }

    /// Somebody speaks.
    pub(super) fn callee(callee: &Callee) -> Self {
        let pause = samples_of(callee.pause);
        Self::Callee(Speaker { voice: callee.voice.clone(), pause, said: 0, echo: VecDeque::new() })
    }

    /// The next 20 ms.
    pub(super) fn take(&mut self) -> Frame {
        match self {
            Self::Silence => [0; FRAME],
            Self::Tones { cadence, taken } => {
                let start = *taken;
                *taken += FRAME;
                std::array::from_fn(|index| cadence.at(start + index))
            }
            Self::Callee(speaker) => speaker.take(),
        }
    }

    /// The callee hears the caller say this.
    pub(super) fn hear(&mut self, audio: &[i16]) {
        if let Self::Callee(speaker) = self
            && matches!(speaker.voice, Voice::Echo)
        {
            speaker.echo.extend(audio);
            let forgotten = speaker.echo.len().saturating_sub(ECHO_LIMIT);
            speaker.echo.drain(..forgotten);
        }
    }

    /// Whether the callee has said all that there was to say.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self, Self::Callee(Speaker { voice: Voice::Recording(samples), said, .. }) if *said >= samples.len())
    }

    /// Whether it is the callee who is heard, and hears.
    pub(super) const fn is_callee(&self) -> bool {
        matches!(self, Self::Callee(_))
    }
}

impl Cadence {
    fn at(self, sample: usize) -> i16 {
        let within = sample % self.cycle as usize;
        if within >= self.on as usize {
            return 0;
        }
        let turn = TAU * within as f64 / f64::from(SAMPLES_PER_SECOND);
        let value: f64 = self.hertz.iter().map(|hertz| (turn * hertz).sin()).sum();
        (value * TONE_LEVEL * f64::from(i16::MAX)).round() as i16
    }
}

/// A callee who is on the line.
pub(super) struct Speaker {
    voice: Voice,
    /// Samples of silence that are left before they say something.
    pause: usize,
    /// Samples that they said.
    said: usize,
    /// What they heard and did not say back yet.
    echo: VecDeque<i16>,
}

impl Speaker {
    fn take(&mut self) -> Frame {
        std::array::from_fn(|_| self.next())
    }

    fn next(&mut self) -> i16 {
        if self.pause > 0 {
            self.pause -= 1;
            return 0;
        }
        match &self.voice {
            Voice::Silence => 0,
            Voice::Echo => self.echo.pop_front().unwrap_or_default(),
            Voice::Recording(samples) => {
                let sample = samples.get(self.said).copied().unwrap_or_default();
                self.said += 1;
                sample
            }
        }
    }
}

/// A time in samples.
fn samples_of(time: Duration) -> usize {
    usize::try_from(time.as_millis()).unwrap_or_default() * SAMPLES_PER_SECOND as usize / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_played_once_to_the_sample_after_a_pause() {
        let recording: Vec<i16> = (1..=500).collect();
        let callee = Callee::who_says(Voice::recording(&recording, 16_000)).pause(Duration::from_millis(30));
        let mut source = Source::callee(&callee);
        let mut sent = Vec::new();
        while !source.has_ended() {
            sent.extend(source.take());
        }
        assert_eq!(sent.len(), 4 * FRAME, "480 of pause and 500 of speech");
        assert_eq!(sent[480..980], recording);
        assert!(sent[..480].iter().chain(&sent[980..]).all(|sample| *sample == 0));
    }

    #[test]
    fn an_echo_says_what_it_hears_and_forgets_what_is_too_old() {
        let mut source = Source::callee(&Callee::who_says(Voice::Echo).pause(Duration::ZERO));
        source.hear(&[7; 100]);
        assert_eq!(source.take().iter().filter(|sample| **sample == 7).count(), 100);
        source.hear(&vec![8; 3 * ECHO_LIMIT]);
        let loud = (0..100).flat_map(|_| source.take()).filter(|sample| *sample == 8).count();
        assert_eq!(loud, ECHO_LIMIT);
    }

    #[test]
    fn ringback_comes_and_goes() {
        let mut source = Source::ringback();
        let loud: Vec<bool> = (0..300).map(|_| source.take().iter().any(|sample| *sample != 0)).collect();
        assert!(loud[..100].iter().all(|loud| *loud) && !loud[100..].contains(&true));
    }
}
