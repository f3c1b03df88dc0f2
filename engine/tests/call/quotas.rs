//! A call's place among what its user has and may use: entered with its first audio, counted each minute, free at its end.

use fourwire_engine::quota::sessions::Stretch;
use fourwire_wire::event::close;
use fourwire_wire::frame::Channel;
use fourwire_wire::units::Samples;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::harness::Call;
use crate::harness::client::Client;
use crate::harness::service::Handshake;
use crate::harness::voice::words;
use crate::harness::world::Told;

/// A client that says something now and then for so long.
fn client(millis: u64) -> Client {
    let said = words(0, u32::try_from(millis / 1_000).unwrap() - 1, 100, 1_000);
    Client::new(16_000, millis, said.clone(), said)
}

fn millis(stretch: &Stretch) -> (u64, u64) {
    (stretch.from.millis(), stretch.to.millis())
}

#[test]
fn a_conversation_is_entered_once_and_with_its_first_audio() {
    let mut call = Call::new();
    call.connect(16_000);
    call.run_for(20_000);
    assert_eq!(call.world.index.offered, 0);
    call.play(&client(5_000));
    call.run_for(100);
    assert!(call.world.index.is_registered);
    call.run_for(6_000);
    call.disconnect();
    call.evict();
    call.play(&client(3_000));
    call.run_for(4_000);
    call.end();
    call.run_for(30_000);
    assert!(call.session.is_done());
    assert_eq!(call.world.index.offered, 1);
}

#[test]
fn a_conversation_that_cannot_be_entered_is_offered_again_and_stored_only_then() {
    let mut call = Call::new();
    call.world.index.failures = 5;
    call.play(&client(3_000));
    call.run_for(3_500);
    call.end();
    call.run_for(20_000);
    // 1 + 2 + 4 + 8 + 16 s
    assert!(call.world.store.conversations.is_empty() && !call.session.is_done());
    call.run_for(20_000);
    assert_eq!(call.world.index.offered, 6);
    assert!(call.session.is_done());
    assert_eq!(call.conversation().audio[0].samples, Samples::from_millis(3_000));
}

#[test]
fn what_is_recorded_is_counted_each_minute_and_the_rest_at_the_end() {
    let mut call = Call::new();
    call.play(&client(150_000));
    call.run_for(151_000);
    call.end();
    call.run_for(30_000);
    let counts: Vec<_> = call.world.index.counts.iter().map(|(at, audio)| (*at, millis(audio))).collect();
    let [(60_000, (0, first)), (120_000, (from, second))] = counts[..] else { panic!("{counts:?}") };
    assert_eq!(from, first);
    assert!(first.abs_diff(60_000) < 500 && second.abs_diff(120_000) < 500, "{counts:?}");
    assert_eq!(call.world.index.released.as_ref().map(millis), Some((second, 150_000)));
}

#[test]
fn what_could_not_be_counted_is_counted_with_what_follows() {
    let mut call = Call::new();
    call.world.index.is_deaf = true;
    call.play(&client(130_000));
    call.run_for(131_000);
    assert!(call.world.index.counts.iter().all(|(_, audio)| audio.from == Samples::ZERO), "{:?}", call.world.index);
    call.world.index.is_deaf = false;
    call.run_for(60_000);
    call.evict();
    call.run_for(60_000);
    assert!(call.session.is_done());
    assert_eq!(call.world.index.released.as_ref().map(millis), Some((130_000, 130_000)), "nothing counts twice");
}

#[test]
fn a_user_whose_minutes_are_used_up_is_told_and_keeps_what_was_recorded() {
    let mut call = Call::new();
    call.world.index.may_go_on = false;
    call.play(&client(90_000));
    call.run_for(60_100);
    let closed =
        |call: &Call| call.world.told.iter().filter(|(_, told)| matches!(told, Told::Close(close::POLICY))).count();
    assert_eq!(closed(&call), 1);
    // While the call is being finished it cannot be taken up again.
    call.connect(16_000);
    assert_eq!(closed(&call), 2);
    call.run_for(30_000);
    assert!(call.session.is_done());
    assert!(call.conversation().audio[0].samples.millis().abs_diff(60_000) < 500);
}

#[test]
fn what_nobody_could_write_down_is_not_taken_for_nothing() {
    for (handshake, is_empty) in
        [(Handshake::Accept(100), true), (Handshake::Refuse(100), false), (Handshake::Never, false)]
    {
        let mut call = Call::new();
        for channel in Channel::BOTH {
            call.world.services[0].get_mut(channel).handshake = handshake;
        }
        // A call in which somebody might have spoken, as far as anybody knows.
        let said = if is_empty { Vec::new() } else { words(0, 5, 200, 900) };
        call.play(&Client::new(16_000, 6_000, said.clone(), said));
        call.run_for(6_500);
        call.end();
        call.run_for(90_000);
        assert!(call.session.is_done());
        assert!(call.conversation().discarded);
        assert_eq!(call.world.store.is_empty, is_empty, "{handshake:?}");
    }
}
