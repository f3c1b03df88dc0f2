//! Talk for tests: words at random places on both channels, and the judgement whether each of them landed there.
//!
//! A word stands alone: the pause after it is longer than what ends an utterance, so each word becomes a segment, whose
//! times are the word's own.

use std::fmt::Write;
use std::ops::Range;
use std::time::{Duration, Instant};

use fourwire_lab::app::{Delivery, Mute, Phone};
use fourwire_lab::recording::Recording;
use fourwire_lab::tones::{Script, VOCABULARY, WORD_MILLIS};
use fourwire_wire::conversation::{ConversationEntry, ConversationStatus};
use fourwire_wire::frame::{Channel, PerChannel};
use fourwire_wire::segment::WireSegment;
use fourwire_wire::units::{SAMPLES_PER_SECOND, Samples};
use tokio::time::sleep;

use crate::http;

/// How long the first audio of a call may take to show in the user's list.
const BEGIN_LIMIT: Duration = Duration::from_secs(10);
/// How far from where it was said a word may land.
pub const TOLERANCE: Duration = Duration::from_millis(100);
/// From one word's start to the next one's, in milliseconds: a word of 160 and a pause of at least 440, where 300 ends an
/// utterance.
const APART_MILLIS: Range<u64> = 600..1_400;
/// The same for somebody who hardly stops: most of the time there is speech.
const DENSE_MILLIS: Range<u64> = 200..260;

/// Sends a moment of silence over a new connection, and waits until the call is in its user's list.
///
/// # Panics
/// When it does not come there.
pub async fn begin(edge: &str, token: &str, phone: &mut Phone) {
    phone.send_frame(Channel::User, &[0; 160]).await.expect("still there");
    let begun = Instant::now();
    let is_running = |entry: &ConversationEntry| entry.status == ConversationStatus::InProgress;
    while !http::conversations(edge, token).await.iter().any(is_running) {
        assert!(begun.elapsed() < BEGIN_LIMIT, "a call with audio is in the list");
        sleep(Duration::from_millis(50)).await;
    }
}

/// A call in parts, over one connection or several: it knows what was said, and when since its first sample.
#[derive(Debug, Default)]
pub struct Spoken {
    begun: Option<Instant>,
    /// Every word so far.
    pub words: Vec<Said>,
}

impl Spoken {
    /// Says something in real time. Returns when its last sample is sent.
    ///
    /// # Panics
    /// When the connection is gone.
    pub async fn say(&mut self, phone: &mut Phone, talk: &Talk) {
        let recording = talk.recording();
        let offset = self.begun.get_or_insert_with(Instant::now).elapsed();
        phone.play(&recording, &Delivery::default()).await.expect("the connection holds");
        self.words.extend(talk.said().into_iter().map(|word| word.later(offset)));
    }
}

/// A word that was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// By whom.
    pub channel: Channel,
    /// Where it starts on the call's timeline.
    pub at: Samples,
    /// The word.
    pub word: &'static str,
}

impl Said {
    /// The same word in a call whose part begins `offset` after the call's start.
    #[must_use]
    fn later(mut self, offset: Duration) -> Self {
        self.at = self.at + Samples::from_seconds(offset.as_secs_f64());
        self
    }
}

/// Both sides of a call.
#[derive(Clone, Debug)]
pub struct Talk {
    sample_rate: u32,
    seconds: u32,
    /// Channel, first sample, word.
    words: Vec<(Channel, usize, &'static str)>,
}

impl Talk {
    /// Random words, the same for the same seed. Both sides begin with a word at sample 0 and end with half a second of
    /// silence; no word straddles the edge of a mute.
    #[must_use]
    pub fn random(seed: u64, sample_rate: u32, seconds: u32, mutes: &[Mute]) -> Self {
        Self::with_words(APART_MILLIS, seed, sample_rate, seconds, mutes)
    }

    /// Random words with hardly a pause. They do not stand alone: look at the text, not at the words' places.
    #[must_use]
    pub fn dense(seed: u64, sample_rate: u32, seconds: u32) -> Self {
        Self::with_words(DENSE_MILLIS, seed, sample_rate, seconds, &[])
    }

    fn with_words(apart: Range<u64>, seed: u64, sample_rate: u32, seconds: u32, mutes: &[Mute]) -> Self {
        let mut words = Vec::new();
        for channel in Channel::BOTH {
            let mut random = Random(seed ^ u64::from(channel.byte()) << 56);
            let samples = |millis: u64| to_size(millis * u64::from(sample_rate) / 1000);
            let end = samples(u64::from(seconds) * 1000 - 500);
            let mut at = 0;
            while at + samples(WORD_MILLIS) < end {
                let millis = to_u64(at) * 1000 / u64::from(sample_rate);
                let word = Duration::from_millis(millis)..Duration::from_millis(millis + WORD_MILLIS + 1);
                if !mutes.iter().any(|mute| mute.channel == channel && straddles(&word, mute)) {
                    words.push((channel, at, VOCABULARY[to_size(random.below(to_u64(VOCABULARY.len())))]));
                }
                // Any sample, not just one at a whole millisecond.
                at += samples(apart.start) + to_size(random.below(to_u64(samples(apart.end - apart.start))));
            }
        }
        Self { sample_rate, seconds, words }
    }

    /// The sound of it.
    #[must_use]
    pub fn recording(&self) -> Recording {
        let sound = PerChannel::from_fn(|channel| {
            let own = self.words.iter().filter(|(side, ..)| *side == channel);
            let script =
                own.fold(Script::new(self.sample_rate), |script, (_, at, word)| script.word_at_sample(*at, word));
            script.samples(u64::from(self.seconds) * 1000)
        });
        Recording::new(self.sample_rate, sound.user, sound.remote)
    }

    /// Every word, on the call's timeline.
    #[must_use]
    pub fn said(&self) -> Vec<Said> {
        let position =
            |at: usize| Samples::new(to_u64(at) * u64::from(SAMPLES_PER_SECOND) / u64::from(self.sample_rate));
        self.words.iter().map(|&(channel, at, word)| Said { channel, at: position(at), word }).collect()
    }

    /// A side's words in order.
    #[must_use]
    pub fn text(&self, channel: Channel) -> String {
        let own = self.words.iter().filter(|(side, ..)| *side == channel);
        own.map(|(_, _, word)| *word).collect::<Vec<_>>().join(" ")
    }

    /// Every word that is not said into a muted microphone.
    #[must_use]
    pub fn said_unmuted(&self, mutes: &[Mute]) -> Vec<Said> {
        let is_lost = |said: &Said| {
            let at = Duration::from_secs_f64(said.at.seconds());
            mutes.iter().any(|mute| mute.channel == said.channel && (mute.from..mute.until).contains(&at))
        };
        self.said().into_iter().filter(|said| !is_lost(said)).collect()
    }

    /// Its length on the timeline.
    #[must_use]
    pub fn length(&self) -> Samples {
        Samples::new(u64::from(self.seconds) * u64::from(SAMPLES_PER_SECOND))
    }
}

/// Whether a word is cut by the beginning or the end of a mute.
fn straddles(word: &Range<Duration>, mute: &Mute) -> bool {
    let inside = |edge: Duration| word.start < edge && edge < word.end;
    inside(mute.from) || inside(mute.until)
}

/// Asserts that just these words were heard, each on its own channel within [`TOLERANCE`] of where it was said.
///
/// # Panics
/// When a word is missing, doubled, added, on the other channel or in another place; with both sides in full.
#[track_caller]
pub fn assert_words_land(segments: &[WireSegment], said: &[Said]) {
    let tolerance = TOLERANCE.as_secs_f64();
    for channel in Channel::BOTH {
        let mut said: Vec<_> = said.iter().filter(|word| word.channel == channel).collect();
        said.sort_by_key(|word| word.at);
        let mut heard: Vec<_> =
            segments.iter().filter(|segment| segment.is_user == (channel == Channel::User)).collect();
        heard.sort_by(|a, b| a.start.total_cmp(&b.start));
        let lands = |(said, heard): (&&Said, &&WireSegment)| {
            let start = said.at.seconds();
            let end = (said.at + Samples::from_millis(WORD_MILLIS)).seconds();
            heard.text.expose() == said.word
                && (heard.start - start).abs() <= tolerance
                && (heard.end - end).abs() <= tolerance
        };
        let good = said.len() == heard.len() && said.iter().zip(&heard).all(lands);
        assert!(good, "channel {}\n{}", channel.byte(), side_by_side(&said, &heard));
    }
}

/// What was said and what was heard, line by line.
fn side_by_side(said: &[&Said], heard: &[&WireSegment]) -> String {
    let mut lines = format!("said {} words, heard {} segments\n", said.len(), heard.len());
    for index in 0..said.len().max(heard.len()) {
        let said = said.get(index).map(|word| format!("{:>7.3} {}", word.at.seconds(), word.word)).unwrap_or_default();
        let heard = heard.get(index).map(|segment| format!("{:>7.3} {}", segment.start, segment.text.expose()));
        let _ = writeln!(lines, "{said:<20} {}", heard.unwrap_or_default());
    }
    lines
}

/// `SplitMix64`: the same numbers on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

fn to_size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn to_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
