//! What a speech service is sent, and how fast: never more than it takes, and enough to keep the stream open.

use fourwire_wire::frame::Channel::User;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::harness::Call;
use crate::harness::client::Client;
use crate::harness::service::Handshake;
use crate::harness::voice::words;

#[test]
fn a_backlog_is_replayed_no_faster_than_the_service_takes_it_and_caught_up() {
    let said = words(0, 236, 0, 500);
    let mut call = Call::new();
    call.world.services[0].user.handshake = Handshake::Refuse(20);
    call.play(&Client::new(16_000, 120_000, said.clone(), Vec::new()));
    call.run_until(14_000);
    call.world.services[0].user.handshake = Handshake::Accept(100);
    // The world asserts the pace at every piece.
    call.run_until(119_000);
    let (_, stream) = call.world.streams.values().next().unwrap();
    assert!(stream.position() > 118 * 16_000, "{}", stream.position());
    call.end();
    call.run_for(20_000);
    call.assert_heard(User, &said);
}

#[test]
fn a_stream_without_audio_is_kept_open() {
    let said = words(0, 2, 200, 500);
    let mut call = Call::new();
    call.play(&Client::new(16_000, 2_000, said.clone(), Vec::new()));
    call.run_until(60_000);
    let streams: Vec<_> = call.world.streams.values().map(|(_, stream)| stream.keep_alives).collect();
    assert_eq!(streams, [14, 14], "one every 4 s for 58 s");
    assert!(call.status_kinds(User).is_empty());
}

#[test]
fn speech_reaches_the_service_within_two_pieces_of_when_it_came() {
    let mut call = Call::new();
    call.play(&Client::new(16_000, 10_000, words(0, 10, 0, 900), Vec::new()));
    for moment in (1_000..10_000).step_by(250) {
        call.run_until(moment);
        let (_, stream) = call.world.streams.values().next().unwrap();
        assert!(stream.position() / 16 + 250 > moment, "{} of {moment} ms", stream.position() / 16);
    }
}
