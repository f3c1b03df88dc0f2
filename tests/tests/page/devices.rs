//! Microphones, rates and a busy page: whatever happens on the user's side of the call, what is said is recorded in its place.

use std::time::Duration;

use fourwire_lab::tones::VOCABULARY;
use fourwire_tests::dialer::{Dialer, words};
use fourwire_wire::frame::Channel;
use tokio::time::sleep;

use crate::{assert_in_step, assert_unbroken, browser, place, tolerance, world};

#[tokio::test]
async fn a_page_that_hangs_for_two_seconds_loses_nothing() {
    let dialer = Dialer::signed_in(world().await, browser(), "page-hangs", "0120").await;
    dialer.call("+12025550160").await;
    sleep(Duration::from_secs(3)).await;
    dialer.tab.eval("{ const until = performance.now() + 2000; while (performance.now() < until); }").await;
    sleep(Duration::from_secs(4)).await;
    dialer.hang_up().await;
    let conversation = dialer.conversation().await;
    for channel in Channel::BOTH {
        assert!(assert_unbroken(&conversation, channel).1 >= 7);
    }
}

#[tokio::test]
async fn a_microphone_that_is_unplugged_is_told_and_the_next_one_is_recorded() {
    let dialer = Dialer::signed_in(world().await, browser(), "page-unplugged", "0124").await;
    dialer.call("+12025550164").await;
    sleep(Duration::from_secs(3)).await;
    // A track that a test stops does not say so itself, as that of a device does which is pulled out. Another stream is held open
    // meanwhile: the browser names its devices only to a page that has one, where permission is for the moment.
    dialer
        .tab
        .eval(
            "(async () => {
               globalThis.held = await navigator.mediaDevices.getUserMedia({ audio: true });
               const [{ track }] = currentPeer().getSenders();
               track.stop();
               track.dispatchEvent(new Event('ended'));
             })()",
        )
        .await;
    let trouble = "document.querySelector('#trouble:not([hidden])')?.textContent";
    dialer.wait_for(&format!("{trouble}.startsWith('The microphone is gone')")).await;
    sleep(Duration::from_secs(3)).await;
    dialer.tab.eval("pullOutDevice()").await;
    sleep(Duration::from_secs(5)).await;
    dialer.hang_up().await;
    let conversation = dialer.conversation().await;
    assert!(assert_unbroken(&conversation, Channel::Remote).1 >= 9, "the other side goes on");
    let user: Vec<f64> = words(&conversation, Channel::User).into_iter().map(|(at, _)| at).collect();
    let silence = user.windows(2).position(|pair| pair[1] - pair[0] > 2.5);
    assert!(silence.is_some_and(|at| at + 4 <= user.len()), "some words, a silence, and words again: {user:?}");
}

#[tokio::test]
async fn a_context_of_44_100_hz_and_another_microphone_in_mid_call_keep_the_clock() {
    let dialer = Dialer::signed_in(world().await, browser(), "page-devices", "0121").await;
    // What the recorder is given besides, as a dialer with settings would. Twilio's own contexts have no options.
    dialer
        .tab
        .run(
            "await page.evaluate(() => {
               const Native = globalThis.AudioContext;
               globalThis.rates = [];
               globalThis.AudioContext = class extends Native {
                 constructor(options) {
                   super(options && { ...options, sampleRate: globalThis.rates.length === 0 ? 44100 : 48000 });
                   if (options) globalThis.rates.push(this.sampleRate);
                 }
               };
             });",
        )
        .await;
    dialer.call("+12025550161").await;
    sleep(Duration::from_secs(4)).await;
    let rates = async || dialer.tab.eval("globalThis.rates").await.to_string();
    assert_eq!(rates().await, "[44100]");
    // A device is gone: Twilio's SDK opens the one that is left, and the page records that.
    dialer.tab.eval("pullOutDevice()").await;
    sleep(Duration::from_secs(5)).await;
    dialer.hang_up().await;
    assert_eq!(rates().await, "[44100,48000]", "the second context was made for the second microphone");
    let conversation = dialer.conversation().await;
    // A new context takes a moment to start, and longer on a busy machine. What the other party says meanwhile may be missing; what
    // they say then has its place.
    let mut remote = words(&conversation, Channel::Remote);
    remote.dedup_by(|next, word| next.1 == word.1);
    let steps = |from: &str, to: &str| (place(to) + VOCABULARY.len() - place(from)) % VOCABULARY.len();
    let follows = |pair: &[(f64, String)]| steps(&pair[0].1, &pair[1].1) == 1;
    let switched = remote.windows(2).position(|pair| !follows(pair)).map_or(remote.len(), |last| last + 1);
    let (before, after) = remote.split_at(switched);
    assert!(assert_in_step(before, Channel::Remote).1 >= 3);
    if let [(at, word), ..] = after {
        assert_in_step(after, Channel::Remote);
        let (early, late) = tolerance(Channel::Remote);
        let due = before[0].0 + f64::from(u32::try_from(steps(&before[0].1, word)).expect("a few"));
        assert!((due - early..due + late).contains(at), "the clock goes on: {remote:?}");
    }
    assert!(remote.len() >= 6, "few are missing: {remote:?}");
    // The second microphone is the file from its beginning.
    let user = words(&conversation, Channel::User);
    let second = user.windows(2).rposition(|pair| !follows(pair)).map_or(0, |last| last + 1);
    let (before, after) = user.split_at(second);
    for part in [before, after] {
        assert!(assert_in_step(part, Channel::User).1 >= 3);
    }
    assert!(after[0].0 - before[before.len() - 1].0 < 2.5, "not much is missing between: {user:?}");
}
