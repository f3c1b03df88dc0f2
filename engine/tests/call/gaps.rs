//! A client that was away for long: what it did not send is a gap, whose length costs neither memory nor storage, and what it
//! sends then has its place.

use fourwire_engine::call::ConnectOptions;
use fourwire_wire::event::{ClientMessage, close};
use fourwire_wire::frame::Channel::{self, Remote, User};
use fourwire_wire::frame::{Frame, PerChannel};
use fourwire_wire::units::Samples;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::harness::client::Client;
use crate::harness::service::Handshake;
use crate::harness::voice::{Said, sound, words};
use crate::harness::world::{Coming, Told};
use crate::harness::{Call, terms};

/// Longest audio of a side in a chunk.
const CHUNK: u64 = 5 * 16_000;

fn later(said: &[Said], millis: u64) -> Vec<Said> {
    said.iter().map(|said| Said { at: said.at + millis, ..*said }).collect()
}

/// No chunk is longer than five seconds, and they are as many as the audio needs, whatever lies between.
fn assert_chunks_are_small(call: &Call, most: usize) {
    let stored = &call.world.recording.stored;
    for chunk in stored.values() {
        for channel in Channel::BOTH {
            assert!(chunk.span.get(channel).len().get() <= CHUNK, "{:?}", chunk.span);
        }
    }
    assert!(stored.len() <= most, "{} chunks", stored.len());
}

#[test]
fn what_a_client_does_not_send_is_no_audio_however_long_it_was_away() {
    let said = words(0, 9, 500, 1_000);
    for rate in [8_000, 16_000, 44_100, 48_000] {
        for away in [4_000, 6_000, 31_000, 58_000, 70_000, 12 * 60_000, 3 * 3_600_000] {
            let back = 10_000 + away;
            let mut call = Call::new();
            call.play(&Client::new(rate, 10_000, said.clone(), said.clone()));
            call.run_until(10_040);
            call.disconnect();
            call.run_until(back);
            if call.session.is_done() {
                call.reopen();
                call.world.store.conversations.clear();
            }
            call.play(&Client::new(rate, 10_000, said.clone(), said.clone()));
            call.run_until(back + 10_100);
            call.end();
            call.run_for(20_000);
            let both: Vec<_> = said.iter().copied().chain(later(&said, back)).collect();
            for channel in Channel::BOTH {
                call.assert_heard(channel, &both);
                let audio = call.conversation().audio.iter().find(|audio| audio.channel == channel).unwrap();
                assert!(audio.samples.get().abs_diff(16 * (back + 10_000)) <= 1_600, "{rate} Hz, {away} ms: {audio:?}");
                assert_eq!(audio.stored, audio.samples, "silence is not missing");
            }
            assert_chunks_are_small(&call, 8);
            let stored: usize = call.world.recording.stored.values().map(|chunk| chunk.pcm.user.expose().len()).sum();
            let most = if away <= 5_000 { 25 } else { 22 };
            assert!(stored <= most * 32_000, "{rate} Hz, {away} ms: {stored} bytes of a side");
        }
    }
}

#[test]
fn a_position_far_ahead_makes_a_gap_and_no_audio() {
    for (user, remote) in [(89_000, 89_000), (0, 89_000), (60_000, 20_000)] {
        let said = words(0, 9, 500, 1_000);
        let mut call = Call::new();
        call.connect_with(ConnectOptions { resume: true, ..terms(16_000) });
        let from = PerChannel { user: Samples::from_millis(user), remote: Samples::from_millis(remote) };
        call.text(&ClientMessage::audio_from(&from, &PerChannel::default()));
        for (at, piece) in (0..).zip(sound(&said, 16_000, 10_000).chunks(1_600)) {
            for channel in Channel::BOTH {
                let mut frame = Vec::new();
                Frame::write(channel, piece.iter().copied(), &mut frame);
                call.world.send(call.now + at * 100, Coming::Frame(frame));
            }
        }
        call.run_for(10_500);
        call.end();
        call.run_for(30_000);
        call.assert_heard(User, &later(&said, user));
        call.assert_heard(Remote, &later(&said, remote));
        assert_chunks_are_small(&call, 6);
    }
}

#[test]
fn words_on_both_sides_of_a_gap_have_their_places_even_where_the_service_comes_late() {
    // The service takes no stream before the client is back, so it is sent what lies before the gap and behind it in one.
    for away in [8_000, 25_000, 50_000] {
        let said = words(0, 5, 500, 1_000);
        let back = 6_000 + away;
        let mut call = Call::new();
        for channel in Channel::BOTH {
            call.world.services[0].get_mut(channel).handshake = Handshake::Refuse(20);
        }
        call.play(&Client::new(16_000, 6_000, said.clone(), said.clone()));
        call.run_until(6_040);
        call.disconnect();
        call.run_until(back);
        call.play(&Client::new(16_000, 20_000, said.clone(), said.clone()));
        call.run_until(back + 1_000);
        for channel in Channel::BOTH {
            call.world.services[0].get_mut(channel).handshake = Handshake::Accept(100);
        }
        call.run_until(back + 20_100);
        call.end();
        call.run_for(30_000);
        let both: Vec<_> = said.iter().copied().chain(later(&said, back)).collect();
        for channel in Channel::BOTH {
            call.assert_heard(channel, &both);
        }
    }
}

#[test]
fn audio_faster_than_it_can_be_spoken_ends_the_connection_and_not_the_call() {
    let mut call = Call::new();
    call.connect(16_000);
    let mut frame = Vec::new();
    Frame::write(User, std::iter::repeat_n(0, 16_000), &mut frame);
    for _ in 0..200 {
        if call.world.connected {
            call.frame(frame.clone());
        }
    }
    let closed = call.world.told.iter().find_map(|(_, told)| match told {
        Told::Close(code) => Some(*code),
        _ => None,
    });
    assert_eq!(closed, Some(close::POLICY));
    assert_eq!(call.world.alerts, [fourwire_engine::call::Alert::AudioTooFast]);
    // What came before is kept, and the call goes on.
    call.run_for(50_000);
    call.connect(16_000);
    assert!(call.world.connected);
    call.end();
    call.run_for(60_000);
    assert_eq!(call.samples(User), 100 * 16_000);
}
