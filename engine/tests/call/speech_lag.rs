//! A service that is behind is waited for as long as it answers.

use fourwire_wire::event::Status::SttGap;
use fourwire_wire::frame::Channel::{Remote, User};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::harness::Call;
use crate::harness::client::Client;
use crate::harness::service::Service;
use crate::harness::voice::words;
use crate::harness::world::Coming;

#[test]
fn a_service_that_is_seconds_behind_says_every_word_and_is_sent_the_audio_once() {
    for lag in [2_500, 7_000, 15_000] {
        let (user, remote) = (words(0, 25, 300, 900), words(100, 25, 500, 900));
        let mut call = Call::new();
        call.world.services[0].user.lag = 2_000;
        call.play(&Client::new(16_000, 25_000, user.clone(), remote.clone()));
        // It falls behind while the call runs, and what it has to say comes in good order.
        for second in 3..25 {
            call.run_until(second * 1_000);
            let service: &mut Service = &mut call.world.services[0].user;
            service.lag = lag.min(service.lag + 900);
        }
        call.run_until(25_050);
        call.end();
        call.run_for(60_000);
        assert!(call.session.is_done());
        call.assert_heard(User, &user);
        call.assert_heard(Remote, &remote);
        let opened = call.world.opened.iter().filter(|(channel, ..)| *channel == User).count();
        assert_eq!(opened, 1, "{lag} ms behind");
        assert!(call.status_kinds(User).is_empty(), "{:?}", call.status_kinds(User));
    }
}

#[test]
fn a_service_that_would_go_on_for_ever_is_given_up_after_the_bound_and_what_it_owes_is_told() {
    let said = words(0, 10, 300, 900);
    let mut call = Call::new();
    call.play(&Client::new(16_000, 10_000, said, Vec::new()));
    call.run_until(5_000);
    let (channel, stream) = *call.world.streams.keys().find(|(channel, _)| *channel == User).unwrap();
    // Results of nothing, one a second, and never the last.
    call.world.services[0].user.lag = 1_000_000;
    for second in 5..200 {
        let text = r#"{"type":"Results","start":0,"duration":0,"is_final":false,"channel":{"alternatives":[]}}"#;
        call.world.send(second * 1_000, Coming::Said(channel, stream, text.to_owned()));
    }
    call.run_until(10_100);
    call.end();
    call.run_for(40_000);
    assert!(!call.session.is_done());
    call.run_for(2_000);
    assert!(call.session.is_done());
    assert_eq!(call.status_kinds(User).last(), Some(&(SttGap, None)));
}

#[test]
fn an_end_of_an_utterance_that_comes_late_or_says_nothing_does_not_cut_the_next_sentence() {
    for last_word_end in ["-1", "1.3", "0"] {
        // Two utterances with a second between them.
        let said = [words(0, 3, 300, 400), words(10, 12, 3_000, 400)].concat();
        let mut call = Call::new();
        call.play(&Client::new(16_000, 10_000, said.clone(), Vec::new()));
        for at in (4_500..8_000).step_by(500) {
            call.run_until(at);
            let (channel, stream) = *call.world.streams.keys().find(|(channel, _)| *channel == User).unwrap();
            let text = format!(r#"{{"type":"UtteranceEnd","channel":[0,1],"last_word_end":{last_word_end}}}"#);
            call.world.send(at, Coming::Said(channel, stream, text));
        }
        call.run_until(10_100);
        call.end();
        call.run_for(5_000);
        call.assert_heard(User, &said);
        assert_eq!(call.segments(User).len(), 2, "{last_word_end}: {:?}", call.segments(User));
    }
}
