//! The end of a call: everything is said, stored, told and forgotten, in this order and once.

use fourwire_wire::conversation::ConversationStatus;
use fourwire_wire::event::close;
use fourwire_wire::frame::Channel::{Remote, User};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::harness::Call;
use crate::harness::client::Client;
use crate::harness::voice::{Said, words};
use crate::harness::world::Told;

/// A call of five seconds, not yet ended.
fn talk(call: &mut Call) -> Vec<Said> {
    let said = words(0, 5, 200, 900);
    call.play(&Client::new(16_000, 5_000, said.clone(), said.clone()));
    call.run_for(5_100);
    said
}

/// What the client was told at the end of a call, in short.
fn told(call: &Call) -> Vec<&'static str> {
    let told = call.world.told.iter().filter_map(|(_, told)| match told {
        Told::Processing(conversation) => {
            assert_eq!(conversation.status, ConversationStatus::Processing);
            Some("processing")
        }
        Told::Finished(conversation) => {
            assert_eq!(conversation.status, ConversationStatus::Completed);
            Some("finished")
        }
        Told::Close(close::NORMAL) => Some("closed as agreed"),
        Told::Close(close::GOING_AWAY) => Some("closed by the server"),
        Told::Close(_) => Some("closed for a fault"),
        Told::Ping | Told::Status(_) | Told::Held(_) | Told::StoredUpTo(_) | Told::Caption(..) | Told::Withdrawn(_) => {
            None
        }
    });
    told.collect()
}

#[test]
fn an_end_leads_to_processing_store_finished_close_and_forget() {
    let mut call = Call::new();
    let said = talk(&mut call);
    call.world.store.millis = 700;
    call.end();
    call.run_for(600);
    assert_eq!(told(&call), ["processing"], "nothing is finished before it is stored");
    assert!(call.world.store.outstanding.is_some() && !call.world.store.forgotten);
    call.run_for(1_000);
    assert_eq!(told(&call), ["processing", "finished", "closed as agreed"]);
    assert!(call.world.store.forgotten && call.session.is_done());
    assert_eq!(call.session.wake(), None, "a call that is over costs nothing");
    call.assert_heard(User, &said);
    call.assert_heard(Remote, &said);
    assert_eq!(call.conversation().status, ConversationStatus::Completed);
    assert!(!call.conversation().discarded);
}

#[test]
fn a_store_that_fails_is_offered_the_same_conversation_until_it_takes_it() {
    let mut call = Call::new();
    let said = talk(&mut call);
    call.world.store.failures = 7;
    call.end();
    call.run_for(10_000);
    assert_eq!(told(&call), ["processing"]);
    // 1 + 2 + … + 64 s
    call.run_for(120_000);
    assert_eq!(told(&call), ["processing", "finished", "closed as agreed"], "who has ended the call may wait for it");
    assert_eq!(call.world.store.offered, 8);
    call.assert_heard(User, &said);
    assert!(call.session.is_done());
}

#[test]
fn a_store_that_fails_and_recovers_is_told_to_the_client_that_waits() {
    let mut call = Call::new();
    let said = talk(&mut call);
    call.world.store.failures = 3;
    call.end();
    call.run_for(30_000);
    assert_eq!(told(&call), ["processing", "finished", "closed as agreed"]);
    call.assert_heard(User, &said);
}

#[test]
fn a_client_that_comes_back_while_the_store_fails_is_told_of_the_second_end_as_of_the_first() {
    let mut call = Call::new();
    talk(&mut call);
    call.world.store.failures = 3;
    call.end();
    call.run_for(1_500);
    call.disconnect();
    talk(&mut call);
    call.end();
    call.run_for(30_000);
    assert_eq!(told(&call), ["processing", "processing", "finished", "closed as agreed"]);
    assert_eq!(call.words(User).len(), 10);
}

#[test]
fn nothing_that_comes_after_the_end_changes_the_call() {
    let mut call = Call::new();
    let said = talk(&mut call);
    call.world.store.millis = 2_000;
    call.end();
    let mut late = vec![1];
    late.extend([0; 3_200]);
    for _ in 0..20 {
        call.frame(late.clone());
        call.end();
        call.text("{}");
        call.run_for(50);
    }
    call.run_for(5_000);
    assert_eq!(told(&call), ["processing", "finished", "closed as agreed"]);
    assert_eq!(call.samples(User), 80_000);
    call.assert_heard(User, &said);
}

#[test]
fn a_call_without_a_word_is_discarded_and_one_without_audio_too() {
    let mut silent = Call::new();
    silent.play_and_end(&Client::new(16_000, 3_000, Vec::new(), Vec::new()));
    assert!(silent.conversation().discarded && silent.conversation().started_at.is_some());
    assert!(silent.world.store.is_empty, "it need not be kept for long");

    let mut empty = Call::new();
    empty.connect(16_000);
    empty.end();
    empty.run_for(1_000);
    assert!(empty.conversation().discarded && empty.conversation().started_at.is_none());
    assert!(empty.world.store.is_empty);
    assert_eq!(told(&empty), ["processing", "finished", "closed as agreed"]);
}

#[test]
fn a_client_that_leaves_while_the_end_is_being_made_loses_nothing() {
    let mut call = Call::new();
    let said = talk(&mut call);
    call.world.store.millis = 500;
    call.end();
    call.run_for(50);
    call.disconnect();
    call.run_for(20_000);
    assert!(call.session.is_done());
    call.assert_heard(User, &said);
}

#[test]
fn a_client_that_comes_back_while_the_conversation_is_being_stored_goes_on_with_it() {
    let mut call = Call::new();
    let said = talk(&mut call);
    call.world.store.millis = 4_000;
    call.end();
    call.run_for(1_000);
    assert!(call.world.store.outstanding.is_some());
    call.disconnect();
    let again = talk(&mut call);
    // The first version was stored meanwhile; the call goes on, and its second version takes the place of the first.
    assert!(!call.session.is_done() && !call.world.store.forgotten);
    call.end();
    call.run_for(30_000);
    assert!(call.session.is_done());
    let [first, second] = call.world.store.conversations.as_slice() else { panic!("two versions") };
    assert_eq!(first.id, second.id);
    assert_eq!(second.transcript_segments.len(), 2 * (said.len() + again.len()));
}

#[test]
fn a_call_that_ends_again_while_its_first_version_is_still_being_stored_waits_for_its_turn() {
    let mut call = Call::new();
    talk(&mut call);
    call.world.store.millis = 60_000;
    call.end();
    call.run_for(1_000);
    call.disconnect();
    talk(&mut call);
    // The world asserts that nothing is offered while something is outstanding.
    call.end();
    call.run_for(1_000);
    call.world.store.failures = 0;
    call.run_for(200_000);
    assert!(call.session.is_done());
    let last = call.world.store.conversations.last().unwrap();
    assert_eq!(last.transcript_segments.len(), 20, "what is forgotten is stored before, in full");
}

#[test]
fn no_call_is_longer_than_four_hours() {
    const FOUR_HOURS: u64 = 4 * 60 * 60 * 1000;
    let mut call = Call::new();
    let said = talk(&mut call);
    // The client stays, and sends keep-alives.
    while call.now < FOUR_HOURS - 60_000 {
        call.run_for(60_000);
        call.frame(vec![0]);
    }
    assert!(told(&call).is_empty());
    call.run_until(FOUR_HOURS + 20_000);
    assert_eq!(told(&call), ["closed by the server"]);
    assert!(call.session.is_done());
    call.assert_heard(User, &said);
}

#[test]
fn four_hours_are_over_also_for_a_client_that_has_just_left() {
    const FOUR_HOURS: u64 = 4 * 60 * 60 * 1000;
    let mut call = Call::new();
    while call.now < FOUR_HOURS - 60_000 {
        call.run_for(60_000);
        call.connect(16_000);
    }
    call.run_until(FOUR_HOURS - 10_000);
    call.disconnect();
    // The world asserts that nobody is told anything who is not there.
    call.run_until(FOUR_HOURS + 1_000);
    assert!(call.session.is_done());
}

#[test]
fn the_four_hours_count_from_the_calls_begin_also_after_an_end_that_was_taken_back() {
    const FOUR_HOURS: u64 = 4 * 60 * 60 * 1000;
    let mut call = Call::new();
    talk(&mut call);
    call.world.store.millis = 3_000;
    call.end();
    call.run_for(1_000);
    call.disconnect();
    talk(&mut call);
    while call.now < FOUR_HOURS + 60_000 && !call.session.is_done() {
        call.run_for(60_000);
        call.frame(vec![0]);
    }
    assert!(call.session.is_done());
}
