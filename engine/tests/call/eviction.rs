//! A session whose owner is moved or restarted goes on from what was saved, as the same conversation.

use std::collections::BTreeSet;

use fourwire_wire::frame::Channel::{self, Remote, User};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::harness::Call;
use crate::harness::client::Client;
use crate::harness::voice::{Said, words};
use crate::harness::world::Told;

#[test]
fn an_eviction_in_the_middle_of_a_call_keeps_what_was_final_and_goes_on() {
    let said = words(0, 28, 500, 1_000);
    let mut call = Call::new();
    let before = call.session.conversation().id;
    call.play(&Client::new(16_000, 30_000, said.clone(), said.clone()));
    // A word was said whose utterance is not over.
    call.run_until(13_850);
    // The socket survives: the client goes on sending, and is told nothing of it but that the server lives.
    let told = call.world.told.len();
    call.evict_under_client(16_000);
    assert!(call.world.told[told..].iter().all(|(_, told)| matches!(told, Told::Ping)));
    call.run_until(30_100);
    call.end();
    call.run_for(20_000);
    assert_eq!(call.conversation().id, before);
    // What had no final result at the eviction is lost with the memory, and nothing else.
    let kept: Vec<_> = said.iter().filter(|said| !(13_000..14_000).contains(&said.at)).copied().collect();
    for channel in Channel::BOTH {
        call.assert_heard(channel, &kept);
    }
    let ids: BTreeSet<_> = call.conversation().transcript_segments.iter().map(|segment| segment.id).collect();
    assert_eq!(ids.len(), 2 * kept.len());
}

#[test]
fn an_owner_that_is_taken_out_of_memory_before_each_heartbeat_still_beats() {
    let mut call = Call::new();
    call.connect(16_000);
    for _ in 0..5 {
        call.run_for(9_990);
        call.evict_under_client(16_000);
    }
    let beats: Vec<_> =
        call.world.told.iter().filter(|(_, told)| matches!(told, Told::Ping)).map(|(at, _)| *at).collect();
    assert_eq!(beats, [0, 9_990, 19_980, 29_970, 39_960, 49_950]);
}

#[test]
fn an_eviction_while_nobody_is_connected_ends_the_call_in_time() {
    let said = words(0, 5, 200, 900);
    let mut call = Call::new();
    call.play(&Client::new(16_000, 5_000, said.clone(), said.clone()));
    call.run_until(5_100);
    call.disconnect();
    call.run_for(5_000);
    call.evict();
    call.run_for(70_000);
    assert!(call.session.is_done());
    call.assert_heard(User, &said);
    call.assert_heard(Remote, &said);
}

#[test]
fn a_client_that_was_silent_for_long_before_it_was_lost_has_its_full_minute_after_an_eviction() {
    let mut call = Call::new();
    call.play(&Client::new(16_000, 1_000, words(0, 1, 200, 900), Vec::new()));
    for _ in 0..10 {
        call.run_for(30_000);
        call.frame(vec![0]);
    }
    // It was last saved five seconds ago, at a heartbeat.
    call.run_for(5_000);
    call.disconnect();
    call.run_for(10_000);
    call.evict();
    call.run_for(49_000);
    assert!(call.world.store.conversations.is_empty());
    call.run_for(2_000);
    assert!(call.session.is_done());
}

#[test]
fn an_eviction_while_the_conversation_is_being_stored_offers_it_again() {
    let said: Vec<Said> = words(0, 5, 200, 900);
    let mut call = Call::new();
    call.play(&Client::new(16_000, 5_000, said.clone(), said.clone()));
    call.run_until(5_100);
    call.world.store.millis = 100_000;
    call.end();
    call.run_for(1_000);
    assert!(call.world.store.outstanding.is_some());
    call.disconnect();
    call.evict();
    // Even if this takes longer than a client's absence may: the world asserts that it is offered once at a time.
    call.run_for(150_000);
    assert!(call.session.is_done());
    call.assert_heard(User, &said);
    call.assert_heard(Remote, &said);
}

#[test]
fn a_client_that_ended_its_call_right_before_an_eviction_still_gets_its_conversation() {
    let said: Vec<Said> = words(0, 5, 200, 900);
    let mut call = Call::new();
    call.play(&Client::new(16_000, 5_000, said.clone(), said.clone()));
    call.run_until(5_100);
    call.end();
    call.evict_under_client(16_000);
    call.run_for(2_000);
    assert!(call.session.is_done());
    let told = call.world.told.iter().map(|(_, told)| told);
    let last: Vec<_> = told.rev().take(3).collect();
    assert!(matches!(last[..], [Told::Close(1000), Told::Finished(_), Told::Processing(_)]), "{last:?}");
}

#[test]
fn evictions_again_and_again_never_repeat_an_id() {
    let said = words(0, 58, 500, 1_000);
    let mut call = Call::new();
    call.play(&Client::new(16_000, 60_000, said.clone(), Vec::new()));
    for moment in (7_000..60_000).step_by(7_000) {
        call.run_until(moment);
        call.evict();
        call.connect(16_000);
    }
    call.run_until(60_100);
    call.end();
    call.run_for(20_000);
    let segments = call.segments(User);
    let ids: BTreeSet<_> = segments.iter().map(|segment| segment.id).collect();
    assert_eq!(ids.len(), segments.len());
    let mut heard = call.words(User);
    assert!(heard.len() >= 58 - 16, "{heard:?}");
    let count = heard.len();
    heard.sort();
    heard.dedup();
    assert_eq!(heard.len(), count, "no word is there twice");
}
