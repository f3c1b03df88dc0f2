//! What is said in a call: each side hears the other, in either codec, through keys, faults and ICE restarts.

use std::time::Duration;

use fourwire_lab::carrier::{Callee, CarrierOptions, Codec, Codecs, Voice};
use fourwire_lab::tones;
use serde_json::json;

use super::browser::{BOB, Browser, World};
use super::phone::Offered;
use crate::support::LIMIT;

const BROWSER: &[Offered] = &[Offered::Opus, Offered::Pcmu];
const PCMU_FIRST: &[Offered] = &[Offered::Pcmu, Offered::Opus];
const SAID: [&str; 3] = ["harbor", "lantern", "willow"];
const HEARD: [&str; 2] = ["amber", "candle"];
/// How often a call is tried whose packets did not come through.
const TRIES: usize = 5;

/// The words that the callee of the last call heard.
fn heard_by_callee(world: &World) -> Vec<&'static str> {
    let call = world.lab.carrier().calls().pop().unwrap();
    tones::detect(call.heard_by_callee()).iter().map(|word| word.word).collect()
}

/// Waits until something is so; false where it does not come to be.
async fn until(is_so: impl Fn() -> bool) -> bool {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(LIMIT, wait).await.is_ok()
}

/// Waits until the callee has heard so many words.
async fn until_callee_heard(world: &World, words: usize) {
    assert!(until(|| heard_by_callee(world).len() >= words).await, "heard {:?}", heard_by_callee(world));
}

/// Tries a call again whose media did not come through in time: packets that a machine has no time for are lost, as in any network,
/// and a lost word is no fault of who carried it. What never comes through is one.
async fn in_a_good_moment<F: Future<Output = Result<(), String>>>(mut call: impl FnMut() -> F) {
    let mut faults = Vec::new();
    while faults.len() < TRIES {
        match call().await {
            Ok(()) => return,
            Err(fault) => faults.push(fault),
        }
    }
    panic!("{faults:#?}");
}

#[tokio::test]
async fn both_sides_hear_each_other_in_the_codec_that_the_browser_prefers() {
    for (offered, codecs, codec) in [
        (BROWSER, Codecs::AsOffered, Codec::Opus),
        (PCMU_FIRST, Codecs::AsOffered, Codec::Pcmu),
        (BROWSER, Codecs::Pcmu, Codec::Pcmu),
    ] {
        in_a_good_moment(|| both_sides_hear_each_other(offered, codecs, codec)).await;
    }
}

async fn both_sides_hear_each_other(offered: &'static [Offered], codecs: Codecs, codec: Codec) -> Result<(), String> {
    let world = World::with(CarrierOptions { codecs, ..World::options() }).await;
    world.lab.carrier().callee(BOB, Callee::who_says(Voice::words(&HEARD)));
    let mut browser = Browser::connect(&world.lab).await;
    let (phone, call_sid, _) = browser.talk(offered).await;
    phone.say(Duration::from_millis(300), &SAID);
    let _ = until(|| phone.heard().len() >= HEARD.len() && heard_by_callee(&world).len() >= SAID.len()).await;
    browser.hang_up(&call_sid).await;

    let call = world.over().await;
    assert_eq!(call.codec, Some(codec));
    assert_eq!(
        phone.codec(),
        Some(if codec == Codec::Opus { str0m::format::Codec::Opus } else { str0m::format::Codec::PCMU })
    );
    let kept: Vec<_> = tones::detect(call.sent_by_callee()).iter().map(|word| (word.word, word.start.get())).collect();
    assert_eq!(kept.iter().map(|(word, _)| *word).collect::<Vec<_>>(), HEARD);
    let (first, second) = (kept[0].1, kept[1].1);
    // The pause begins when the connection stands, which a busy machine may take a while for.
    assert!(first >= 7_600 && (second - first).abs_diff(16_000) <= 20, "half a second of pause: {kept:?}");
    let heard = (phone.heard(), heard_by_callee(&world));
    if heard != (HEARD.to_vec(), SAID.to_vec()) {
        return Err(format!("{codec:?}: {heard:?}"));
    }
    // A word each half second was said, and is there each half second: nothing was lost or moved.
    let starts: Vec<_> = tones::detect(call.heard_by_callee()).iter().map(|word| word.start.get()).collect();
    let is_in_step = starts.windows(2).all(|pair| (pair[1] - pair[0]).abs_diff(8_000) <= 80);
    if is_in_step { Ok(()) } else { Err(format!("{codec:?}: {starts:?}")) }
}

#[tokio::test]
async fn the_caller_hears_it_ring_before_the_callee_answers_and_nobody_hears_the_caller() {
    let world = World::new().await;
    world.lab.carrier().callee(BOB, Callee::who_says(Voice::Silence).ring(Duration::from_secs(2)));
    let mut browser = Browser::connect(&world.lab).await;
    let (phone, _) = browser.call(BROWSER).await;
    phone.say(Duration::ZERO, &SAID);
    browser.expect("answer").await;
    assert!(phone.audio().iter().filter(|sample| sample.abs() > 500).count() > 8_000, "ringback");
    world.until(|calls| calls[0].connected.is_some()).await;
    let call = world.lab.carrier().calls().pop().unwrap();
    let connected = usize::try_from(call.connected.unwrap().get()).unwrap();
    assert!(connected >= 24_000 && call.heard.len() >= connected - 8_000, "{connected} {}", call.heard.len());
    assert!(call.heard[..connected.min(call.heard.len())].iter().all(|sample| *sample == 0));
}

#[tokio::test]
async fn an_echo_comes_back() {
    in_a_good_moment(|| async {
        let world = World::new().await;
        world.lab.carrier().callee(BOB, Callee::who_says(Voice::Echo));
        let mut browser = Browser::connect(&world.lab).await;
        let (phone, _, _) = browser.talk(BROWSER).await;
        phone.say(Duration::from_millis(300), &SAID);
        let _ = until(|| phone.heard().len() >= SAID.len()).await;
        if phone.heard() == SAID { Ok(()) } else { Err(format!("heard {:?}", phone.heard())) }
    })
    .await;
}

#[tokio::test]
async fn keys_arrive_once_each_in_the_media_or_by_message() {
    for offered in [BROWSER, PCMU_FIRST] {
        let world = World::new().await;
        let mut browser = Browser::connect(&world.lab).await;
        let (phone, call_sid, _) = browser.talk(offered).await;
        for (count, key) in [7, 7, 11, 10].into_iter().enumerate() {
            phone.press(key);
            world.until(|calls| calls[0].digits.expose().len() > count).await;
            // Longer than a key is held.
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        browser.send("dtmf", json!({ "callsid": call_sid, "dtmf": "1w2" })).await;
        world.until(|calls| calls[0].digits.expose() == "77#*12").await;
    }
}

#[tokio::test]
async fn media_that_stops_leaves_silence_and_comes_back_by_an_ice_restart() {
    let world = World::new().await;
    let words: Vec<&str> = tones::VOCABULARY[..20].to_vec();
    world.lab.carrier().callee(BOB, Callee::who_says(Voice::words(&words)).pause(Duration::ZERO));
    let mut browser = Browser::connect(&world.lab).await;
    let (phone, call_sid, _) = browser.talk(BROWSER).await;
    phone.say(Duration::ZERO, &words);
    until_callee_heard(&world, 2).await;
    assert!(world.lab.carrier().stop_media(&call_sid, Duration::from_secs(2)));
    tokio::time::sleep(Duration::from_millis(2_200)).await;
    let offer = phone.restart().await;
    browser.send("reinvite", json!({ "callsid": call_sid, "sdp": offer })).await;
    let answer = browser.expect("answer").await;
    let mut phone = phone;
    phone.connect(answer["sdp"].as_str().unwrap());
    let before = heard_by_callee(&world).len();
    until_callee_heard(&world, before + 2).await;
    let call = world.lab.carrier().calls().pop().unwrap();
    assert_eq!(call.ice_restarts, 1);
    let heard = tones::detect(call.heard_by_callee());
    let place = |word: &str| words.iter().position(|known| *known == word).unwrap() as u64;
    let longest = heard.windows(2).map(|pair| place(pair[1].word) - place(pair[0].word)).max();
    assert!(longest >= Some(3), "two seconds of words are gone: {heard:?}");
    // What came after the gap is where it would have been without it.
    let (first, last) = (heard.first().unwrap(), heard.last().unwrap());
    let expected = (place(last.word) - place(first.word)) * 8_000;
    assert!((last.start.get() - first.start.get()).abs_diff(expected) <= 80, "{heard:?}");
}

#[tokio::test]
async fn a_bad_offer_to_set_the_media_up_anew_changes_nothing() {
    in_a_good_moment(|| async {
        let world = World::new().await;
        let mut browser = Browser::connect(&world.lab).await;
        let (phone, call_sid, _) = browser.talk(BROWSER).await;
        browser.send("reinvite", json!({ "callsid": call_sid, "sdp": "v=0" })).await;
        phone.say(Duration::ZERO, &SAID);
        let is_heard = until(|| heard_by_callee(&world).len() >= SAID.len()).await;
        assert!(browser.is_quiet().await);
        if is_heard { Ok(()) } else { Err(format!("heard {:?}", heard_by_callee(&world))) }
    })
    .await;
}

#[tokio::test]
async fn a_call_without_kept_audio_is_carried_all_the_same() {
    in_a_good_moment(|| async {
        let world = World::with(CarrierOptions { keep_audio: false, ..World::options() }).await;
        world.lab.carrier().callee(BOB, Callee::who_says(Voice::words(&HEARD)).leaves_at_end());
        let mut browser = Browser::connect(&world.lab).await;
        let (phone, _, _) = browser.talk(BROWSER).await;
        browser.expect("hangup").await;
        let call = world.over().await;
        assert!(call.heard.is_empty() && call.sent.is_empty() && call.connected.is_some());
        if phone.heard() == HEARD { Ok(()) } else { Err(format!("heard {:?}", phone.heard())) }
    })
    .await;
}
