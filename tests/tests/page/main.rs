//! The page and its module in a real browser, with Twilio's own SDK, calling through the lab. One file a behaviour.
//!
//! The microphone hears words made of tones, one a second, and so does the caller from whoever they call: what is captioned and
//! stored tells whether anything was lost, doubled or moved.
#![allow(missing_docs, clippy::disallowed_methods)]

mod call;
mod devices;
mod network;
mod refusals;
mod silence;

use std::sync::OnceLock;

use fourwire_lab::LabOptions;
use fourwire_lab::tones::VOCABULARY;
use fourwire_tests::World;
use fourwire_tests::browser::Browser;
use fourwire_tests::dialer::{self, words, words_for_microphone, write_wav};
use fourwire_wire::conversation::Conversation;
use fourwire_wire::frame::Channel;
use tokio::sync::OnceCell;

/// The browser that these tests share.
fn browser() -> &'static Browser {
    static BROWSER: OnceLock<Browser> = OnceLock::new();
    BROWSER.get_or_init(|| {
        let file = std::env::temp_dir().join(format!("fourwire-microphone-{}.wav", std::process::id()));
        write_wav(&file, 48_000, &words_for_microphone());
        Browser::start(&file)
    })
}

/// The world that tests share which break nothing of it.
async fn world() -> &'static World {
    static WORLD: OnceCell<World> = OnceCell::const_new();
    WORLD.get_or_init(|| dialer::world(LabOptions::default())).await
}

/// How far a word may be from its place as the first one tells it, in seconds: earlier, and later. The user's side comes from the
/// microphone; what the other party says comes through WebRTC, which on a busy machine is late for a while, and catches up by
/// playing faster.
fn tolerance(channel: Channel) -> (f64, f64) {
    if channel == Channel::User { (0.15, 0.15) } else { (1.0, 2.5) }
}

/// Asserts that a side said words of the vocabulary, in its order and a second apart, without a gap, and returns where in the
/// vocabulary it began and how many there are.
#[track_caller]
fn assert_unbroken(conversation: &Conversation, channel: Channel) -> (usize, usize) {
    let mut heard = words(conversation, channel);
    if channel == Channel::Remote {
        // Where a packet is late, WebRTC fills in with more of what it has: a tone is heard twice. What is doubled by ourselves is
        // seen on the other side, which no network touches.
        heard.dedup_by(|next, word| next.1 == word.1);
    }
    assert_in_step(&heard, channel)
}

/// The same of words, with the seconds at which they begin.
#[track_caller]
fn assert_in_step(heard: &[(f64, String)], channel: Channel) -> (usize, usize) {
    let places: Vec<usize> = heard.iter().map(|(_, word)| place(word)).collect();
    let first = *places.first().unwrap_or_else(|| panic!("{channel:?} said nothing"));
    let (early, late) = tolerance(channel);
    let mut due = heard[0].0;
    for (n, (at, _)) in heard.iter().enumerate() {
        assert_eq!(places[n], (first + n) % VOCABULARY.len(), "{channel:?}: {heard:?}");
        assert!((due - early..due + late).contains(at), "{channel:?}: {at}, not {due}: {heard:?}");
        due += 1.0;
    }
    (first, heard.len())
}

/// A word's place in the vocabulary.
#[track_caller]
fn place(word: &str) -> usize {
    VOCABULARY.iter().position(|known| *known == word).unwrap_or_else(|| panic!("{word:?} is no word"))
}
