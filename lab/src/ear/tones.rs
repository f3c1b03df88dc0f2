//! The ear for tone words: everything follows from the position in the stream, nothing from a clock.
//!
//! An interim comes with each complete word, a final when the pause after a word is long enough, and after four seconds
//! without one in any case. So the same audio gives the same messages, however it is cut and however fast it comes.

use std::collections::VecDeque;

use fourwire_wire::units::Samples;

use super::{Heard, SILENT_FINAL_EVERY, Settings, Span, Word};
use crate::tones::detector::{Detector, HOP, SpokenWord};

/// Samples of one step of the detector, as a length of the stream.
const STEP: Samples = Samples::new(HOP as u64);

/// See the top of the file.
pub struct TonesEar {
    settings: Settings,
    detector: Detector,
    /// Samples that do not fill a step yet.
    partial: Vec<i16>,
    /// Up to where the detector has heard.
    now: Samples,
    /// Where the next final begins.
    from: Samples,
    /// Words since then.
    words: Vec<Word>,
    /// Whether a word was begun since the last pause.
    speaking: bool,
    /// Since when there has been no tone.
    quiet_since: Samples,
    /// The last word's end, until its `UtteranceEnd` was told.
    last_word_end: Option<Samples>,
    heard: VecDeque<Heard>,
}

impl TonesEar {
    /// An ear at the start of a stream.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            detector: Detector::default(),
            partial: Vec::with_capacity(HOP),
            now: Samples::ZERO,
            from: Samples::ZERO,
            words: Vec::new(),
            speaking: false,
            quiet_since: Samples::ZERO,
            last_word_end: None,
            heard: VecDeque::new(),
        }
    }

    pub(super) fn audio(&mut self, samples: &[i16]) {
        for sample in samples {
            self.partial.push(*sample);
            if let Ok(hop) = <[i16; HOP]>::try_from(self.partial.as_slice()) {
                self.partial.clear();
                self.step(&hop);
            }
        }
    }

    pub(super) fn finalize(&mut self) {
        let until = self.cut();
        self.finish(until, false, true);
    }

    pub(super) fn close(&mut self) {
        let end = self.now + Samples::new(self.partial.len() as u64);
        // Silence until a word at the very end is complete. It is not part of the stream.
        for _ in 0..3 {
            self.partial.resize(HOP, 0);
            if let Ok(hop) = <[i16; HOP]>::try_from(self.partial.as_slice()) {
                self.take(&hop);
            }
            self.partial.clear();
        }
        for word in &mut self.words {
            word.end = word.end.min(end);
        }
        self.finish(end, false, false);
        self.heard.push_back(Heard::Closed);
    }

    pub(super) fn try_next(&mut self) -> Option<Heard> {
        self.heard.pop_front()
    }

    fn step(&mut self, hop: &[i16; HOP]) {
        let told = self.words.len();
        self.take(hop);
        if self.words.len() > told {
            let span = Span { from: self.from, until: self.now };
            self.heard.push_back(Heard::Interim { span, words: self.words.clone() });
        }
        if self.detector.in_progress().is_none() {
            self.pause();
        }
        if self.now.saturating_sub(self.from) >= SILENT_FINAL_EVERY {
            let until = self.detector.in_progress().filter(|onset| *onset > self.from).unwrap_or(self.now);
            self.finish(until, false, false);
        }
    }

    /// Lets the detector hear one step more.
    fn take(&mut self, hop: &[i16; HOP]) {
        let step = self.detector.step(hop);
        self.now = self.now + STEP;
        if let Some(at) = step.onset
            && !self.speaking
        {
            self.speaking = true;
            self.heard.push_back(Heard::SpeechStarted { at });
        }
        if let Some(word) = step.word {
            self.add(word);
        }
        if self.detector.in_progress().is_some() {
            self.quiet_since = self.now;
        }
    }

    fn add(&mut self, spoken: SpokenWord) {
        self.quiet_since = spoken.end;
        self.last_word_end = Some(spoken.end);
        self.words.push(Word {
            text: spoken.word.to_owned(),
            punctuated: spoken.word.to_owned(),
            start: spoken.start.max(self.from),
            end: spoken.end,
            confidence: 0.99,
        });
    }

    /// Tells what the present silence is long enough for.
    fn pause(&mut self) {
        let quiet = self.now.saturating_sub(self.quiet_since);
        if self.speaking && self.settings.endpointing.is_some_and(|endpointing| quiet >= endpointing) {
            self.finish(self.now, true, false);
            self.speaking = false;
        }
        if let Some(last_word_end) = self.last_word_end
            && self.settings.utterance_end.is_some_and(|pause| quiet >= pause)
        {
            if !self.words.is_empty() {
                self.finish(self.now, false, false);
            }
            self.heard.push_back(Heard::UtteranceEnd { last_word_end });
            self.last_word_end = None;
            self.speaking = false;
        }
    }

    /// Where a final that must come now can end: a word in progress is taken where it is, or left to the next final.
    fn cut(&mut self) -> Samples {
        if let Some(word) = self.detector.cut() {
            self.add(word);
            return self.now;
        }
        self.detector.in_progress().filter(|onset| *onset > self.from).unwrap_or(self.now)
    }

    fn finish(&mut self, until: Samples, speech_final: bool, from_finalize: bool) {
        if until > self.from {
            let span = Span { from: self.from, until };
            let words = std::mem::take(&mut self.words);
            self.heard.push_back(Heard::Final { span, words, speech_final, from_finalize });
            self.from = until;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tones::Script;

    const SETTINGS: Settings = Settings {
        endpointing: Some(Samples::from_millis(300)),
        utterance_end: Some(Samples::from_millis(1_000)),
        interim: true,
    };

    fn listen(settings: Settings, audio: &[i16], piece: usize) -> Vec<Heard> {
        let mut ear = TonesEar::new(settings);
        audio.chunks(piece).for_each(|samples| ear.audio(samples));
        ear.close();
        std::iter::from_fn(|| ear.try_next()).collect()
    }

    fn texts(heard: &[Heard]) -> Vec<String> {
        heard
            .iter()
            .map(|event| match event {
                Heard::SpeechStarted { .. } => "started".to_owned(),
                Heard::Interim { words, .. } => format!("interim {}", join(words)),
                Heard::Final { words, speech_final, .. } => format!("final({speech_final}) {}", join(words)),
                Heard::UtteranceEnd { .. } => "utterance end".to_owned(),
                Heard::Closed => "closed".to_owned(),
                Heard::Broken => "broken".to_owned(),
            })
            .collect()
    }

    fn join(words: &[Word]) -> String {
        words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_pause_makes_a_final_and_a_longer_one_ends_the_utterance() {
        let audio = Script::new(16_000).word(500, "harbor").word(750, "river").samples(3_000);
        assert_eq!(
            texts(&listen(SETTINGS, &audio, 999)),
            [
                "started",
                "interim harbor",
                "interim harbor river",
                "final(true) harbor river",
                "utterance end",
                "final(false) ",
                "closed"
            ]
        );
    }

    #[test]
    fn finals_cover_the_stream_without_a_gap_and_interims_grow_from_the_last_one() {
        let mut script = Script::new(16_000);
        for (index, word) in crate::tones::VOCABULARY.iter().enumerate() {
            script = script.word(200 + 230 * index as u64, word);
        }
        let heard = listen(SETTINGS, &script.samples(25_000), 320);
        let (mut from, mut words, mut finals) = (Samples::ZERO, 0, 0);
        for event in heard {
            match event {
                Heard::Interim { span, .. } => assert!(span.from == from && span.until > from),
                Heard::Final { span, words: said, .. } => {
                    assert!(span.from == from && span.until > from);
                    assert!(said.iter().all(|word| word.start >= span.from && word.end <= span.until));
                    assert!(span.until.saturating_sub(span.from) <= Samples::from_millis(4_000));
                    (from, words, finals) = (span.until, words + said.len(), finals + 1);
                }
                _ => {}
            }
        }
        assert_eq!((from, words), (Samples::from_millis(25_000), 64));
        assert!(finals >= 6, "{finals} finals in 25 s");
    }

    #[test]
    fn how_the_audio_is_cut_makes_no_difference() {
        let audio = Script::new(16_000).word(100, "lemon").word(1_000, "olive").samples(2_345);
        assert_eq!(listen(SETTINGS, &audio, 1), listen(SETTINGS, &audio, 4_000));
    }

    #[test]
    fn a_finalize_in_the_middle_of_a_word_neither_loses_nor_doubles_it() {
        let audio = Script::new(16_000).word(100, "lemon").samples(1_000);
        for at in (80..300).step_by(7) {
            let mut ear = TonesEar::new(SETTINGS);
            ear.audio(&audio[..at * 16]);
            ear.finalize();
            ear.audio(&audio[at * 16..]);
            ear.close();
            let words: usize = std::iter::from_fn(|| ear.try_next())
                .map(|event| if let Heard::Final { words, .. } = event { words.len() } else { 0 })
                .sum();
            assert_eq!(words, 1, "finalize at {at} ms");
        }
    }

    #[test]
    fn a_finalize_with_nothing_new_makes_no_result() {
        let mut ear = TonesEar::new(SETTINGS);
        ear.finalize();
        assert_eq!(ear.try_next(), None);
    }

    #[test]
    fn without_endpointing_no_final_says_that_the_speaker_paused() {
        let audio = Script::new(16_000).word(100, "lemon").samples(6_000);
        let settings = Settings { endpointing: None, utterance_end: None, interim: true };
        let heard = texts(&listen(settings, &audio, 160));
        assert_eq!(heard, ["started", "interim lemon", "final(false) lemon", "final(false) ", "closed"]);
    }
}
