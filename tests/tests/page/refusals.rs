//! A call that does not come about: the page says why, nothing is recorded, and the next one works.

use fourwire_tests::dialer::Dialer;

use crate::{browser, world};

#[tokio::test]
async fn busy_not_answered_and_not_reached_are_told_leave_no_conversation_and_a_next_call_works() {
    let dialer = Dialer::signed_in(world().await, browser(), "page-refusals", "0113").await;
    for (number, told) in [
        ("+12025550005", "The line is busy."),
        ("+12025550002", "Nobody answered."),
        ("+12025550006", "The number cannot be reached."),
    ] {
        dialer.dial(number).await;
        dialer.wait_for(&format!("document.getElementById('trouble').textContent === {told:?}")).await;
        dialer.wait_for_end().await;
        assert_eq!(dialer.conversations().await, 0, "{told}");
    }
    dialer.call("+12025550154").await;
    dialer.hang_up().await;
    assert_eq!(dialer.conversations().await, 1);
}

#[tokio::test]
async fn hanging_up_while_it_rings_leaves_nothing() {
    let dialer = Dialer::signed_in(world().await, browser(), "page-cancel", "0114").await;
    dialer.dial("+12025550002").await;
    dialer.wait_for_state("Ringing").await;
    dialer.hang_up().await;
    assert_eq!(dialer.conversations().await, 0);
    assert_eq!(dialer.trouble().await, "", "it was the user's own wish");
}

#[tokio::test]
async fn a_call_that_cannot_be_recorded_goes_on_and_says_so() {
    let dialer = Dialer::signed_in(world().await, browser(), "page-no-worker", "0123").await;
    dialer.tab.run("await context.route('**/worker.js', (route) => route.abort());").await;
    dialer.dial("+12025550163").await;
    dialer.wait_for_state("Not recording").await;
    assert!(dialer.trouble().await.starts_with("The call is not recorded."));
    dialer.hang_up().await;
    assert_eq!(dialer.conversations().await, 0);
}
