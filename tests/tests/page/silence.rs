//! Mute, pause and suspension: what must not be heard, or was not, is silence in its place, and the call's clock goes on.

use std::time::Duration;

use fourwire_tests::dialer::{Dialer, words};
use fourwire_wire::frame::Channel;
use tokio::time::sleep;

use crate::{browser, place, tolerance, world};

/// The longest stretch of nothing in some audio, in seconds.
fn longest_silence(audio: &[i16]) -> f64 {
    let silent = audio.chunks(160).map(|piece| piece.iter().all(|sample| sample.unsigned_abs() < 40));
    let mut longest = 0_u32;
    let mut running = 0_u32;
    for is_silent in silent {
        running = if is_silent { running + 1 } else { 0 };
        longest = longest.max(running);
    }
    f64::from(longest) / 100.0
}

#[tokio::test]
async fn mute_silences_the_user_alone_and_pause_both_and_nothing_moves() {
    let dialer = Dialer::signed_in(world().await, browser(), "page-silence", "0115").await;
    dialer.call("+12025550155").await;
    sleep(Duration::from_secs(4)).await;
    dialer.press("mute").await;
    sleep(Duration::from_secs(4)).await;
    dialer.press("mute").await;
    sleep(Duration::from_secs(3)).await;
    dialer.press("pause").await;
    dialer.wait_for_state("Recording is paused").await;
    sleep(Duration::from_secs(4)).await;
    dialer.press("pause").await;
    sleep(Duration::from_secs(4)).await;
    dialer.hang_up().await;

    let stored = dialer.stored().await;
    let (user, remote) = (longest_silence(&stored.user), longest_silence(&stored.remote));
    assert!((3.7..6.0).contains(&user), "the mute, and later the pause: {user} s");
    assert!((3.5..6.0).contains(&remote), "the pause: {remote} s");
    assert_eq!(stored.user.len(), stored.remote.len());

    let conversation = dialer.conversation().await;
    for channel in Channel::BOTH {
        assert_in_place(&words(&conversation, channel), channel);
    }
}

#[tokio::test]
async fn a_context_that_is_suspended_for_four_seconds_leaves_four_seconds_of_silence() {
    let dialer = Dialer::signed_in(world().await, browser(), "page-suspended", "0125").await;
    // The recorder's context is the one that is made with options. It wakes itself as soon as it may, which here is later.
    dialer
        .tab
        .run(
            "await page.evaluate(() => {
               const Native = globalThis.AudioContext;
               globalThis.AudioContext = class extends Native {
                 constructor(options) {
                   super(options);
                   if (options) globalThis.recorders = [...(globalThis.recorders ?? []), this];
                 }
               };
               globalThis.sleepAll = async (millis) => {
                 for (const context of recorders) {
                   context.resume = async () => {};
                   await context.suspend();
                 }
                 await new Promise((resolve) => setTimeout(resolve, millis));
                 for (const context of recorders) {
                   delete context.resume;
                   await context.resume();
                 }
               };
             });",
        )
        .await;
    dialer.call("+12025550165").await;
    sleep(Duration::from_secs(5)).await;
    dialer.tab.eval("sleepAll(4000)").await;
    sleep(Duration::from_secs(6)).await;
    dialer.hang_up().await;

    let stored = dialer.stored().await;
    for audio in [&stored.user, &stored.remote] {
        // Between two words is up to 0.84 s of silence anyway, and WebRTC takes a moment to begin again.
        let silence = longest_silence(audio);
        assert!((3.8..8.0).contains(&silence), "{silence} s");
    }
    assert_eq!(stored.user.len(), stored.remote.len());
    let conversation = dialer.conversation().await;
    for channel in Channel::BOTH {
        assert_in_place(&uncut(&words(&conversation, channel)), channel);
    }
}

/// Asserts that words before and after a silence are as far apart as their places in the vocabulary say.
#[track_caller]
fn assert_in_place(heard: &[(f64, String)], channel: Channel) {
    assert!(heard.len() >= 6, "{channel:?}: {heard:?}");
    let (begun, first) = (&heard[0].0, place(&heard[0].1));
    let (early, late) = tolerance(channel);
    for (at, word) in heard {
        let due = begun + f64::from(u32::try_from((place(word) + 64 - first) % 64).unwrap_or_default());
        assert!((due - early..due + late).contains(at), "{channel:?} {word} at {at}, not {due}: {heard:?}");
    }
}

/// Leaves out the words next to a silence, which cuts them, so that they may be taken for others.
fn uncut(heard: &[(f64, String)]) -> Vec<(f64, String)> {
    let is_cut = |n: usize| {
        let is_far = |pair: Option<&[(f64, String)]>| pair.is_some_and(|pair| pair[1].0 - pair[0].0 > 2.0);
        is_far(heard.get(n..n + 2)) || is_far(n.checked_sub(1).and_then(|before| heard.get(before..=n)))
    };
    (0..heard.len()).filter(|n| !is_cut(*n)).map(|n| heard[n].clone()).collect()
}
