//! Microphones, rates and a busy page: whatever happens on the user's side of the call, what is said is recorded in its place.

use std::time::Duration;

use fourwire_tests::dialer::Dialer;
use fourwire_wire::frame::Channel;
use tokio::time::sleep;

use crate::{assert_unbroken, browser, world};

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
async fn a_context_of_44_100_hz_and_another_microphone_in_mid_call_keep_the_clock() {
    let dialer = Dialer::signed_in(world().await, browser(), "page-devices", "0121").await;
    // What the recorder is given besides, as a dialer with settings would.
    dialer
        .tab
        .run(
            "await page.evaluate(() => {
               const Native = globalThis.AudioContext;
               let rate = 44100;
               globalThis.rates = [];
               globalThis.AudioContext = class extends Native {
                 constructor(options) { super({ ...options, sampleRate: rate }); globalThis.rates.push(this.sampleRate); rate = 48000; }
               };
             });",
        )
        .await;
    dialer.call("+12025550161").await;
    sleep(Duration::from_secs(4)).await;
    // Another device is chosen: Twilio's SDK takes the new stream, and the page records it.
    dialer.tab.eval("navigator.mediaDevices.dispatchEvent(new Event('devicechange'))").await;
    sleep(Duration::from_secs(5)).await;
    dialer.hang_up().await;
    let rates = dialer.tab.eval("globalThis.rates").await;
    assert_eq!(rates.to_string(), "[44100,48000]", "the second context was made for the second microphone");
    let conversation = dialer.conversation().await;
    for channel in Channel::BOTH {
        assert!(assert_unbroken(&conversation, channel).1 >= 7);
    }
}
