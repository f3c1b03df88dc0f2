//! The network breaks, or the Worker is restarted, while both talk: nothing is lost, and the page says how it stands.

use std::collections::BTreeSet;
use std::time::Duration;

use fourwire_lab::LabOptions;
use fourwire_tests::dialer::{self, Dialer};
use fourwire_tests::takes_its_time;
use fourwire_wire::frame::Channel;
use tokio::time::sleep;

use crate::{assert_unbroken, browser, world};

const KEPT: &str = "Not connected; what is said is kept and sent later";

/// A call in which the connection to the Worker is away for so long.
async fn call_with_a_break(user: &str, own: &str, number: &str, seconds: u64, says_so: bool) {
    let dialer = Dialer::signed_in(world().await, browser(), user, own).await;
    dialer.call(number).await;
    sleep(Duration::from_secs(4)).await;
    dialer.front.cut(true);
    if says_so {
        dialer.front.break_off();
        dialer.wait_for_state(KEPT).await;
    }
    sleep(Duration::from_secs(seconds)).await;
    dialer.front.cut(false);
    dialer.wait_for_state("Recording").await;
    sleep(Duration::from_secs(3)).await;
    dialer.hang_up().await;

    let conversation = dialer.conversation().await;
    let least = usize::try_from(seconds).unwrap_or_default() + 5;
    for channel in Channel::BOTH {
        let (_, count) = assert_unbroken(&conversation, channel);
        assert!(count >= least, "{channel:?}: {count} words");
    }
    let stored = dialer.stored().await;
    assert_eq!(stored.user.len(), stored.remote.len());
    assert_calls_again(&dialer, number).await;
}

/// Asserts that another call works.
async fn assert_calls_again(dialer: &Dialer<'_>, number: &str) {
    dialer.call(number).await;
    sleep(Duration::from_secs(3)).await;
    dialer.hang_up().await;
    let said: BTreeSet<String> = dialer.captions().await.into_iter().map(|(whose, _)| whose).collect();
    assert_eq!(said.len(), 2, "both sides: {said:?}");
    assert_eq!((dialer.trouble().await.as_str(), dialer.conversations().await), ("", 2));
}

#[tokio::test]
async fn a_network_that_breaks_for_a_second_loses_nothing() {
    call_with_a_break("page-break-1", "0116", "+12025550156", 1, true).await;
}

#[tokio::test]
async fn a_network_that_swallows_everything_for_5_seconds_loses_nothing() {
    call_with_a_break("page-cut-5", "0117", "+12025550157", 5, false).await;
}

/// Eight seconds, since a test run should not last much longer than it must; `cargo xtask test --long` takes twenty.
#[tokio::test]
async fn a_network_that_breaks_for_long_loses_nothing() {
    let seconds = if takes_its_time() { 20 } else { 8 };
    call_with_a_break("page-break-long", "0118", "+12025550158", seconds, true).await;
}

#[tokio::test]
async fn a_worker_that_is_killed_and_comes_back_gets_all_that_it_lost() {
    let mut world = dialer::world(LabOptions::default()).await;
    let dialer = Dialer::signed_in(&world, browser(), "page-crash", "0119").await;
    dialer.call("+12025550159").await;
    sleep(Duration::from_secs(7)).await;
    let apart = dialer.apart();
    world.crash();
    apart.front.move_to(world.edge());
    let dialer = Dialer::together(&world, apart);
    dialer.front.break_off();
    sleep(Duration::from_secs(2)).await;
    dialer.wait_for_state("Recording").await;
    sleep(Duration::from_secs(3)).await;
    dialer.hang_up().await;
    let conversation = dialer.conversation().await;
    for channel in Channel::BOTH {
        assert!(assert_unbroken(&conversation, channel).1 >= 10);
    }
    assert_calls_again(&dialer, "+12025550159").await;
}
