//! A client that is lost and comes back goes on with its call; one that does not come back still gets its conversation.

use fourwire_wire::event::Status;
use fourwire_wire::frame::Channel::{Remote, User};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::harness::Call;
use crate::harness::client::Client;
use crate::harness::voice::{Said, words};
use crate::harness::world::Told;

/// Plays a client that says a word each second on both sides and is lost from `lost` to `back`.
fn broken_call(lost: u64, back: u64) -> (Call, Vec<Said>) {
    let said: Vec<_> =
        words(0, 40, 500, 1_000).into_iter().filter(|said| said.at + 600 < lost || said.at > back).collect();
    let mut client = Client::new(16_000, 42_000, said.clone(), said.clone());
    client.offline = Some(lost..back);
    let mut call = Call::new();
    call.play(&client);
    call.run_until(lost + 40);
    call.disconnect();
    call.run_until(back);
    call.connect(16_000);
    call.run_until(42_100);
    call.end();
    call.run_for(20_000);
    assert!(call.session.is_done());
    (call, said)
}

#[test]
fn a_gap_between_two_connections_is_placed_by_the_clock() {
    for (lost, back) in [(12_000, 13_000), (12_000, 26_000), (3_000, 33_000)] {
        let (call, said) = broken_call(lost, back);
        call.assert_heard(User, &said);
        call.assert_heard(Remote, &said);
        let length = call.samples(User);
        assert!(length.abs_diff(42 * 16_000) <= 1_600, "{length}");
        assert_eq!(length, call.samples(Remote));
    }
}

#[test]
fn the_client_is_told_that_its_call_was_found() {
    let (call, _) = broken_call(12_000, 20_000);
    let statuses = call.world.told.iter().filter_map(|(at, told)| match told {
        Told::Status(status) => Some((*at, status.status)),
        _ => None,
    });
    let statuses: Vec<_> = statuses.collect();
    assert_eq!(
        statuses,
        [
            (0, Status::Initiating),
            (0, Status::SttInitiating),
            (0, Status::Ready),
            (20_000, Status::Initiating),
            (20_000, Status::InProgressConversationsProcessing),
            (20_000, Status::SttInitiating),
            (20_000, Status::Ready),
        ]
    );
}

#[test]
fn a_second_connection_takes_over_from_a_first_that_is_not_known_to_be_gone() {
    let said = words(0, 18, 500, 1_000);
    let mut call = Call::new();
    call.play(&Client::new(16_000, 20_000, said.clone(), said.clone()));
    call.run_until(10_200);
    // The frames that follow come over the new one.
    call.connect(16_000);
    call.run_until(20_100);
    call.end();
    call.run_for(20_000);
    call.assert_heard(User, &said);
    call.assert_heard(Remote, &said);
}

#[test]
fn a_client_may_come_back_with_another_rate() {
    let said = words(0, 8, 500, 1_000);
    let mut call = Call::new();
    call.play(&Client::new(48_000, 10_000, said.clone(), said.clone()));
    call.run_until(10_040);
    call.disconnect();
    call.run_until(15_000);
    call.play(&Client::new(8_000, 10_000, said.clone(), said.clone()));
    call.run_until(25_100);
    call.end();
    call.run_for(20_000);
    let both: Vec<_> =
        said.iter().copied().chain(said.iter().map(|said| Said { at: said.at + 15_000, ..*said })).collect();
    call.assert_heard(User, &both);
    call.assert_heard(Remote, &both);
}

#[test]
fn a_call_whose_client_does_not_come_back_is_stored_after_a_minute() {
    let said = words(0, 5, 200, 900);
    let mut call = Call::new();
    call.play(&Client::new(16_000, 5_000, said.clone(), said.clone()));
    call.run_until(5_100);
    call.disconnect();
    call.run_for(59_000);
    assert!(call.world.store.conversations.is_empty());
    assert!(call.world.streams.is_empty(), "while nobody speaks no stream is paid for");
    call.run_for(1_500);
    assert!(call.session.is_done());
    call.assert_heard(User, &said);
    call.assert_heard(Remote, &said);
    assert!(call.world.told.iter().all(|(_, told)| !matches!(told, Told::Finished(_))), "nobody is there to be told");
}

#[test]
fn a_session_that_nobody_ever_connects_to_leaves_nothing_after_a_minute() {
    let mut call = Call::new();
    call.run_for(61_000);
    assert!(call.session.is_done() && call.world.store.conversations.is_empty());
}

#[test]
fn a_client_that_leaves_without_having_sent_any_audio_leaves_nothing() {
    let mut call = Call::new();
    call.connect(16_000);
    call.text(r#"{"type":"contact","name":"Ann"}"#);
    call.frame(vec![1]);
    call.run_for(30_000);
    assert_eq!(call.world.index.offered, 0, "it is in nobody's list");
    call.disconnect();
    call.run_for(100);
    assert!(call.session.is_done() && call.world.store.forgotten && call.world.store.conversations.is_empty());
}

#[test]
fn a_client_that_comes_back_after_the_end_goes_on_in_the_same_conversation() {
    let said = words(0, 5, 200, 900);
    let mut call = Call::new();
    call.play_and_end(&Client::new(16_000, 5_000, said.clone(), Vec::new()));
    let first = call.conversation().clone();
    call.run_until(90_000);
    call.reopen();
    call.play_and_end(&Client::new(16_000, 5_000, said.clone(), Vec::new()));
    let second = call.world.store.conversations.pop().unwrap();
    assert_eq!((second.id, second.created_at, second.started_at), (first.id, first.created_at, first.started_at));
    assert_eq!(second.transcript_segments[..5], first.transcript_segments);
    call.world.store.conversations = vec![second];
    let both: Vec<_> =
        said.iter().copied().chain(said.iter().map(|said| Said { at: said.at + 90_000, ..*said })).collect();
    call.assert_heard(User, &both);
}

#[test]
fn a_call_that_is_reopened_and_had_no_audio_begins_with_its_first() {
    let said = words(0, 5, 200, 900);
    let mut call = Call::new();
    call.connect(16_000);
    call.end();
    call.run_for(40_000);
    call.reopen();
    call.play_and_end(&Client::new(16_000, 5_000, said.clone(), Vec::new()));
    call.world.store.conversations.remove(0);
    call.assert_heard(User, &said);
    assert_eq!(call.samples(User), 80_000);
}
