//! The ear for people: finds utterances by their level and has the recogniser turn each into words.
//!
//! Words come later than the audio they were spoken in, so what will be told is put in a queue in the order of the stream;
//! its front is told as soon as its words are there. While somebody speaks, the utterance so far is recognised about once
//! a second for an interim, but only when the recogniser has nothing better to do. An interim comes each second all the
//! same, as from the real service: then it has the words of the one before, and says that the stream is alive.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use fourwire_wire::units::Samples;
use tokio::sync::oneshot;

use super::endpoint::{Edge, Endpointer, STEP, quietest};
use super::process::{Answer, HeardWord, Mode, RecogniserError};
use super::recogniser::{MAX_SAMPLES, Recogniser};
use super::{Heard, SILENT_FINAL_EVERY, Settings, Span, Word};

/// Silence that ends an utterance is what the client asked for, but not less than the first (words need their ends) and
/// not more than the second (a final should come soon).
const PAUSE: (Samples, Samples) = (Samples::from_millis(300), Samples::from_millis(500));
/// Speech without a pause is cut after this long, at its quietest place in the last part.
const MAX_UTTERANCE: Samples = Samples::from_millis(12_000);
const CUT_WITHIN: Samples = Samples::from_millis(4_000);
/// A final without words stays this far behind, so that an utterance that begins now can still reach back to its start.
const STAY_BEHIND: Samples = Samples::from_millis(500);
/// Between two interims, and the shortest utterance whose words are asked for.
const INTERIM_EVERY: Samples = Samples::from_millis(1_000);
const INTERIM_FROM: Samples = Samples::from_millis(500);
/// Audio before an utterance that the recogniser also hears, so that it knows the voice, the line and the topic.
///
/// On the real call (errors of 50 and of 37 words): 5 and 9 with none, 4 and 8 with 3 s, 5 and 8 with 6 s, 6 and 9 with
/// 15 s. Longer takes longer, and a word at the seam is lost more often.
const CONTEXT: Samples = Samples::from_millis(3_000);

/// Finals whose words a stream may wait for before it takes more audio: one that is worked on and one that waits. With the
/// one interim, and the last final when the stream is closed, a stream never has more than four requests.
const MAX_FINALS: usize = 2;

/// A request that is on its way.
struct Asked {
    answer: oneshot::Receiver<Answer>,
    /// The words, once they came.
    words: Option<Result<Vec<HeardWord>, RecogniserError>>,
    /// Where the request's first sample lies in the stream.
    begins: Samples,
    /// The words that count are those of this part.
    part: Span,
}

/// What will be told, in the order of the stream.
enum Due {
    /// A final whose words are on their way.
    Words { asked: Asked, span: Span, speech_final: bool, from_finalize: bool },
    /// Something that only waits for its turn.
    Ready(Heard),
    /// The pause after an utterance was long enough, if the utterance had words.
    UtteranceEnd,
}

/// See the top of the file.
pub struct WhisperEar {
    settings: Settings,
    recogniser: Recogniser,
    endpointer: Endpointer,
    /// The newest audio, as much as a request can hold, and where it begins.
    audio: VecDeque<i16>,
    audio_from: Samples,
    /// Up to where the endpointer has heard, and what does not fill a step of it yet.
    now: Samples,
    partial: Vec<i16>,
    /// Where the next final begins.
    from: Samples,
    /// Where the present utterance begins.
    utterance: Option<Samples>,
    /// An utterance is over and `UtteranceEnd` was not told yet.
    may_end: bool,
    due: VecDeque<Due>,
    /// What goes ahead of the queue: it needs no words.
    at_once: VecDeque<Heard>,
    interim: Option<Asked>,
    /// When the last interim's words were asked for, and when the last interim was due.
    last_asked: Samples,
    last_interim: Samples,
    /// The end of the last final told, and the words after it that an interim showed.
    told: Samples,
    shown: Vec<Word>,
    /// The end of the last word told, until its `UtteranceEnd` was told.
    last_word_end: Option<Samples>,
}

impl WhisperEar {
    /// An ear at the start of a stream.
    #[must_use]
    pub fn new(settings: Settings, recogniser: Recogniser) -> Self {
        let pause = settings.endpointing.unwrap_or(PAUSE.1).clamp(PAUSE.0, PAUSE.1);
        Self {
            settings,
            recogniser,
            endpointer: Endpointer::new(pause),
            audio: VecDeque::new(),
            audio_from: Samples::ZERO,
            now: Samples::ZERO,
            partial: Vec::with_capacity(STEP),
            from: Samples::ZERO,
            utterance: None,
            may_end: false,
            due: VecDeque::new(),
            at_once: VecDeque::new(),
            interim: None,
            last_asked: Samples::ZERO,
            last_interim: Samples::ZERO,
            told: Samples::ZERO,
            shown: Vec::new(),
            last_word_end: None,
        }
    }

    pub(super) fn audio(&mut self, samples: &[i16]) {
        for sample in samples {
            self.partial.push(*sample);
            if let Ok(step) = <[i16; STEP]>::try_from(self.partial.as_slice()) {
                self.partial.clear();
                self.step(&step);
            }
        }
    }

    pub(super) fn finalize(&mut self) {
        match self.utterance {
            Some(begin) => {
                self.ask_final(begin, self.now, false, true);
                // The rest of the utterance goes on from here.
                self.utterance = Some(self.now);
            }
            None => self.silent_final(self.now, true),
        }
    }

    pub(super) fn close(&mut self) {
        self.keep_audio(&self.partial.clone());
        self.now = self.now + length(self.partial.len());
        match self.utterance.take() {
            Some(begin) => self.ask_final(begin, self.now, false, false),
            None => self.silent_final(self.now, false),
        }
        self.due.push_back(Due::Ready(Heard::Closed));
    }

    pub(super) fn is_behind(&self) -> bool {
        self.due.iter().filter(|due| matches!(due, Due::Words { .. })).count() >= MAX_FINALS
    }

    pub(super) fn try_next(&mut self) -> Option<Heard> {
        if let Some(heard) = self.at_once.pop_front() {
            return Some(heard);
        }
        if let Some(interim) = self.interim.take_if(|asked| asked.words.is_some())
            && let Some(Ok(words)) = interim.words
            && self.due.is_empty()
        {
            let span = Span { from: self.told, until: interim.part.until };
            self.shown = place(&words, interim.begins, interim.part, span);
            return Some(Heard::Interim { span, words: self.shown.clone() });
        }
        match self.due.pop_front()? {
            Due::Ready(heard) => {
                if let Heard::Final { span, .. } = &heard {
                    self.told = span.until;
                }
                Some(heard)
            }
            Due::UtteranceEnd => match self.last_word_end.take() {
                Some(last_word_end) => Some(Heard::UtteranceEnd { last_word_end }),
                None => self.try_next(),
            },
            Due::Words {
                asked: Asked { words: Some(Ok(words)), begins, part, .. },
                span,
                speech_final,
                from_finalize,
            } => {
                let words = place(&words, begins, part, span);
                self.last_word_end = words.last().map(|word| word.end).or(self.last_word_end);
                self.told = span.until;
                self.shown.retain(|word| word.start >= span.until);
                Some(Heard::Final { span, words, speech_final, from_finalize })
            }
            Due::Words { asked: Asked { words: Some(Err(_)), .. }, .. } => Some(Heard::Broken),
            waiting @ Due::Words { .. } => {
                self.due.push_front(waiting);
                None
            }
        }
    }

    pub(super) async fn next(&mut self) -> Heard {
        loop {
            if let Some(heard) = self.try_next() {
                return heard;
            }
            poll_fn(|context| self.poll_answers(context)).await;
        }
    }

    /// Ready when the words that are waited for next, or those of the interim, came.
    fn poll_answers(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let front = match self.due.front_mut() {
            Some(Due::Words { asked, .. }) => Some(asked),
            _ => None,
        };
        for asked in front.into_iter().chain(&mut self.interim) {
            if let Poll::Ready(answer) = Pin::new(&mut asked.answer).poll(context) {
                let gone = |_| Err(RecogniserError::Stopped("nobody answers".to_owned()));
                asked.words = Some(answer.unwrap_or_else(gone));
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }

    fn step(&mut self, step: &[i16; STEP]) {
        self.keep_audio(step);
        self.now = self.now + length(STEP);
        match self.endpointer.step(step) {
            Some(Edge::Begin(at)) => {
                self.utterance = Some(at.max(self.from));
                self.last_asked = at;
                self.at_once.push_back(Heard::SpeechStarted { at });
            }
            Some(Edge::End(_)) => {
                if let Some(begin) = self.utterance.take() {
                    self.ask_final(begin, self.now, self.settings.endpointing.is_some(), false);
                    self.may_end = true;
                }
            }
            None => {}
        }
        match self.utterance {
            Some(begin) => self.speech_goes_on(begin),
            None => self.silence_goes_on(),
        }
        if self.settings.interim && self.now.saturating_sub(self.last_interim) >= INTERIM_EVERY {
            self.last_interim = self.now;
            let span = Span { from: self.told, until: self.now };
            self.at_once.push_back(Heard::Interim { span, words: self.shown.clone() });
        }
    }

    fn speech_goes_on(&mut self, begin: Samples) {
        let spoken = self.now.saturating_sub(begin);
        if spoken >= MAX_UTTERANCE {
            let within = self.samples(Span { from: self.now.saturating_sub(CUT_WITHIN), until: self.now });
            let cut = self.now.saturating_sub(CUT_WITHIN) + length(quietest(&within));
            self.ask_final(begin, cut, false, false);
            self.utterance = Some(cut);
        } else if self.settings.interim
            && spoken >= INTERIM_FROM
            && self.now.saturating_sub(self.last_asked) >= INTERIM_EVERY
            && self.due.is_empty()
            && self.recogniser.is_idle()
        {
            self.last_asked = self.now;
            self.interim = Some(self.ask(Mode::Quick, Span { from: begin, until: self.now }));
        }
    }

    fn silence_goes_on(&mut self) {
        let quiet = self.now.saturating_sub(self.endpointer.last_sound());
        if self.may_end && self.settings.utterance_end.is_some_and(|pause| quiet >= pause) {
            self.may_end = false;
            self.due.push_back(Due::UtteranceEnd);
        }
        if self.now.saturating_sub(self.from) >= SILENT_FINAL_EVERY + STAY_BEHIND {
            self.silent_final(self.now.saturating_sub(STAY_BEHIND), false);
        }
    }

    fn silent_final(&mut self, until: Samples, from_finalize: bool) {
        if until > self.from {
            let span = Span { from: self.from, until };
            self.from = until;
            let silence = Heard::Final { span, words: Vec::new(), speech_final: false, from_finalize };
            self.due.push_back(Due::Ready(silence));
        }
    }

    /// Has an utterance's words found, for a final that reaches up to `until`.
    fn ask_final(&mut self, begin: Samples, until: Samples, speech_final: bool, from_finalize: bool) {
        if until > self.from {
            let asked = self.ask(Mode::Careful, Span { from: begin, until });
            let span = Span { from: self.from, until };
            self.from = until;
            self.interim = None;
            self.due.push_back(Due::Words { asked, span, speech_final, from_finalize });
        }
    }

    fn ask(&self, mode: Mode, part: Span) -> Asked {
        let context = if mode == Mode::Careful { CONTEXT } else { Samples::ZERO };
        let begins = part.from.saturating_sub(context).max(self.audio_from);
        let samples = self.samples(Span { from: begins, until: part.until });
        Asked { answer: self.recogniser.ask(mode, samples), words: None, begins, part }
    }

    fn keep_audio(&mut self, samples: &[i16]) {
        self.audio.extend(samples);
        let surplus = self.audio.len().saturating_sub(MAX_SAMPLES);
        self.audio.drain(..surplus);
        self.audio_from = self.audio_from + length(surplus);
    }

    fn samples(&self, span: Span) -> Vec<i16> {
        let index = |at: Samples| usize::try_from(at.saturating_sub(self.audio_from).get()).unwrap_or(usize::MAX);
        let (from, until) = (index(span.from), index(span.until).min(self.audio.len()));
        self.audio.range(from.min(until)..until).copied().collect()
    }
}

/// The words of one part of a request, at their places in the stream.
fn place(words: &[HeardWord], begins: Samples, part: Span, span: Span) -> Vec<Word> {
    words
        .iter()
        .filter_map(|word| {
            let start = begins + Samples::from_seconds(word.start);
            let end = begins + Samples::from_seconds(word.end);
            // A word belongs to the part in which its middle lies; what was before has had its final.
            let middle = begins + Samples::from_seconds(f64::midpoint(word.start, word.end));
            (middle >= part.from).then(|| Word {
                text: word.word.clone(),
                punctuated: word.punctuated.clone(),
                start: start.clamp(span.from, span.until),
                end: end.clamp(span.from, span.until),
                confidence: word.confidence,
            })
        })
        .collect()
}

fn length(samples: usize) -> Samples {
    Samples::new(samples as u64)
}
