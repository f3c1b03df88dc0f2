//! A call as it should be: both sides are captioned and stored, and the next one works as well.

use std::time::Duration;

use fourwire_lab::carrier::{Callee, Ended, Voice};
use fourwire_tests::dialer::Dialer;
use fourwire_wire::frame::Channel;
use tokio::time::sleep;

use crate::{assert_unbroken, browser, world};

#[tokio::test]
async fn both_sides_are_captioned_and_stored_and_a_second_call_works() {
    let dialer = Dialer::signed_in(world().await, browser(), "page-both-sides", "0110").await;
    dialer.call("+12025550150").await;
    sleep(Duration::from_secs(8)).await;
    let shown = dialer.captions().await;
    let said = |name: &str| shown.iter().filter(|(side, _)| side == name).count();
    assert!(said("You") >= 3 && said("Them") >= 3, "while they talk: {shown:?}");
    dialer.hang_up().await;

    let conversation = dialer.conversation().await;
    assert!(assert_unbroken(&conversation, Channel::User).1 >= 6);
    let (first, count) = assert_unbroken(&conversation, Channel::Remote);
    assert!(first <= 1 && count >= 6, "from the callee's first word on: {first}");
    let call = conversation.phone_call.as_ref().expect("Twilio told of it");
    assert_eq!(call.callee.expose(), "+12025550150");
    assert_eq!(dialer.trouble().await, "");
    assert!(
        dialer.text("document.querySelector('#result h2').textContent").await.len() > 1,
        "the page shows what came of it"
    );

    dialer.call("+12025550151").await;
    sleep(Duration::from_secs(3)).await;
    dialer.hang_up().await;
    assert_eq!(dialer.conversations().await, 2);
}

#[tokio::test]
async fn a_callee_who_hangs_up_ends_the_recording() {
    let world = world().await;
    let number = "+12025550152";
    world.lab.carrier().callee(number, Callee::who_says(Voice::words(&["amber", "anchor", "apple"])).leaves_at_end());
    let dialer = Dialer::signed_in(world, browser(), "page-callee-leaves", "0111").await;
    dialer.call(number).await;
    dialer.wait_for_end().await;
    let conversation = dialer.conversation().await;
    let (_, count) = assert_unbroken(&conversation, Channel::Remote);
    assert!(count >= 2, "{count}");
    let callee = |call: &&fourwire_lab::carrier::CarriedCall| {
        call.callee.as_ref().is_some_and(|callee| callee.expose() == number)
    };
    let calls = world.lab.carrier().calls();
    assert_eq!(calls.iter().find(callee).expect("it was answered").ended, Some(Ended::ByCallee));
}

#[tokio::test]
async fn keys_that_are_pressed_reach_the_callee() {
    let world = world().await;
    let dialer = Dialer::signed_in(world, browser(), "page-keys", "0112").await;
    let number = "+12025550153";
    dialer.call(number).await;
    dialer.tab.run("await page.click('.keys summary'); for (const key of '1#') await page.click(`#keypad button:text-is(\"${key}\")`);").await;
    let pressed = world.lab.carrier().wait_until(Duration::from_secs(10), |calls| {
        calls.iter().any(|call| {
            call.digits.expose() == "1#" && call.callee.as_ref().is_some_and(|callee| callee.expose() == number)
        })
    });
    assert!(pressed.await);
    dialer.hang_up().await;
}
