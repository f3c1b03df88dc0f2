//! Both sides are captioned, each on its own channel, and every word is where it was said.

use fourwire_wire::frame::Channel::{Remote, User};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::harness::Call;
use crate::harness::client::Client;
use crate::harness::service::Handshake;
use crate::harness::voice::{Said, words};

#[test]
fn each_side_is_captioned_on_its_own_channel() {
    let (user, remote) = (words(0, 10, 500, 1_900), words(100, 9, 1_000, 2_100));
    let mut call = Call::new();
    call.play_and_end(&Client::new(16_000, 20_000, user.clone(), remote.clone()));
    call.assert_heard(User, &user);
    call.assert_heard(Remote, &remote);
}

#[test]
fn both_speak_at_once_and_nothing_crosses() {
    let (user, remote) = (words(0, 30, 0, 400), words(100, 30, 0, 400));
    let mut call = Call::new();
    call.play_and_end(&Client::new(16_000, 15_000, user.clone(), remote.clone()));
    call.assert_heard(User, &user);
    call.assert_heard(Remote, &remote);
}

#[test]
fn the_first_word_is_there_though_the_handshake_takes_two_seconds() {
    let said = words(0, 8, 0, 700);
    let mut call = Call::new();
    call.world.services[0].user.handshake = Handshake::Accept(2_000);
    call.play_and_end(&Client::new(16_000, 10_000, said.clone(), Vec::new()));
    call.assert_heard(User, &said);
}

#[test]
fn a_word_in_the_last_moment_is_not_cut_off_by_the_end() {
    let said = [Said { word: 1, at: 2_700 }];
    let mut call = Call::new();
    call.play_and_end(&Client::new(16_000, 3_000, said.to_vec(), Vec::new()));
    call.assert_heard(User, &said);
}

#[test]
fn every_rate_gives_the_same_words_at_the_same_places_and_the_calls_length_to_the_sample() {
    for rate in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000] {
        let (user, remote) = (words(0, 7, 0, 1_300), words(200, 7, 400, 1_300));
        let mut call = Call::new();
        call.play_and_end(&Client::new(rate, 10_000, user.clone(), remote.clone()));
        call.assert_heard(User, &user);
        call.assert_heard(Remote, &remote);
        assert_eq!((call.samples(User), call.samples(Remote)), (160_000, 160_000), "at {rate} Hz");
    }
}
