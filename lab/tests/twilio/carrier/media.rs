//! What is said in a call: each side hears the other, in either codec, through keys, faults and ICE restarts.

use std::time::Duration;

use fourwire_lab::carrier::{Callee, CarrierOptions, Codec, Codecs, Voice};
use fourwire_lab::tones;
use serde_json::json;

use super::browser::{BOB, Browser, World};
use super::phone::{Offered, Phone};
use crate::support::LIMIT;

const BROWSER: &[Offered] = &[Offered::Opus, Offered::Pcmu];
const PCMU_FIRST: &[Offered] = &[Offered::Pcmu, Offered::Opus];
const SAID: [&str; 3] = ["harbor", "lantern", "willow"];
const HEARD: [&str; 2] = ["amber", "candle"];

/// The words that the callee of the last call heard.
fn heard_by_callee(world: &World) -> Vec<&'static str> {
    let call = world.lab.carrier().calls().pop().unwrap();
    tones::detect(call.heard_by_callee()).iter().map(|word| word.word).collect()
}

/// Waits until the caller has heard so many words.
async fn until_heard(phone: &Phone, words: usize) {
    let wait = async {
        while phone.heard().len() < words {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(LIMIT, wait).await.unwrap_or_else(|_| panic!("heard {:?}", phone.heard()));
}

/// Waits until the callee has heard so many words.
async fn until_callee_heard(world: &World, words: usize) {
    let wait = async {
        while heard_by_callee(world).len() < words {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(LIMIT, wait).await.unwrap_or_else(|_| panic!("heard {:?}", heard_by_callee(world)));
}

#[tokio::test]
async fn both_sides_hear_each_other_in_the_codec_that_the_browser_prefers() {
    for (offered, codecs, codec) in [
        (BROWSER, Codecs::AsOffered, Codec::Opus),
        (PCMU_FIRST, Codecs::AsOffered, Codec::Pcmu),
        (BROWSER, Codecs::Pcmu, Codec::Pcmu),
    ] {
        let world = World::with(CarrierOptions { codecs, ..World::options() }).await;
        world.lab.carrier().callee(BOB, Callee::who_says(Voice::words(&HEARD)));
        let mut browser = Browser::connect(&world.lab).await;
        let (phone, call_sid, _) = browser.talk(offered).await;
        phone.say(Duration::from_millis(300), &SAID);
        until_heard(&phone, HEARD.len()).await;
        until_callee_heard(&world, SAID.len()).await;
        browser.hang_up(&call_sid).await;

        let call = world.over().await;
        assert_eq!(call.codec, Some(codec));
        assert_eq!(
            phone.codec(),
            Some(if codec == Codec::Opus { str0m::format::Codec::Opus } else { str0m::format::Codec::PCMU })
        );
        assert_eq!((phone.heard(), heard_by_callee(&world)), (HEARD.to_vec(), SAID.to_vec()), "{codec:?}");
        let kept: Vec<_> =
            tones::detect(call.sent_by_callee()).iter().map(|word| (word.word, word.start.get())).collect();
        let (first, second) = (kept[0].1, kept[1].1);
        assert_eq!(kept.len(), 2);
        // The pause begins when the connection stands, which a busy machine may take a while for.
        assert!(first >= 7_600 && (second - first).abs_diff(16_000) <= 20, "half a second of pause: {kept:?}");
        // A word each half second was said, and is there each half second: nothing was lost or moved.
        let starts: Vec<_> = tones::detect(call.heard_by_callee()).iter().map(|word| word.start.get()).collect();
        assert!(starts.windows(2).all(|pair| (pair[1] - pair[0]).abs_diff(8_000) <= 80), "{starts:?}");
    }
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
    let world = World::new().await;
    world.lab.carrier().callee(BOB, Callee::who_says(Voice::Echo));
    let mut browser = Browser::connect(&world.lab).await;
    let (phone, _, _) = browser.talk(BROWSER).await;
    phone.say(Duration::from_millis(300), &SAID);
    until_heard(&phone, SAID.len()).await;
    assert_eq!(phone.heard(), SAID);
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
    let world = World::new().await;
    let mut browser = Browser::connect(&world.lab).await;
    let (phone, call_sid, _) = browser.talk(BROWSER).await;
    browser.send("reinvite", json!({ "callsid": call_sid, "sdp": "v=0" })).await;
    phone.say(Duration::ZERO, &SAID);
    until_callee_heard(&world, SAID.len()).await;
    assert!(browser.is_quiet().await);
}

#[tokio::test]
async fn a_call_without_kept_audio_is_carried_all_the_same() {
    let world = World::with(CarrierOptions { keep_audio: false, ..World::options() }).await;
    world.lab.carrier().callee(BOB, Callee::who_says(Voice::words(&HEARD)).leaves_at_end());
    let mut browser = Browser::connect(&world.lab).await;
    let (phone, _, _) = browser.talk(BROWSER).await;
    browser.expect("hangup").await;
    assert_eq!(phone.heard(), HEARD);
    let call = world.over().await;
    assert!(call.heard.is_empty() && call.sent.is_empty() && call.connected.is_some());
}
