//! A speech service that fails in any way costs no word and doubles none; the other side does not notice, and the client
//! is told which side, why, and when it is over.

use fourwire_wire::event::SpeechFault::{self, Closed, Error, Quiet, Refused, Timeout};
use fourwire_wire::event::Status::{SttFailed, SttGap, SttRestored};
use fourwire_wire::frame::Channel::{Remote, User};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::harness::Call;
use crate::harness::client::Client;
use crate::harness::service::{Farewell, Handshake, Manner, Service};
use crate::harness::voice::{Said, name, words};
use crate::harness::world::Coming;

/// How long a simulated call is here.
const MILLIS: u64 = 45_000;

fn talk() -> (Client, Vec<Said>, Vec<Said>) {
    talk_for(MILLIS)
}

fn talk_for(millis: u64) -> (Client, Vec<Said>, Vec<Said>) {
    let count = |every: u64| u32::try_from((millis - 3_000) / every).unwrap();
    let (user, remote) = (words(0, count(600), 200, 600), words(100, count(800), 500, 800));
    (Client::new(16_000, millis, user.clone(), remote.clone()), user, remote)
}

/// Plays a call in which the user's first service is bad from `from` to `until`, and checks all that must hold.
fn play(mut call: Call, bad: Service, from: u64, until: u64) -> Call {
    let (client, user, remote) = talk();
    let good = Service::default();
    if from == 0 {
        call.world.services[0].user = bad;
    }
    call.play(&client);
    call.run_until(from);
    call.world.services[0].user = bad;
    call.run_until(until);
    call.world.services[0].user = good;
    call.run_until(MILLIS + 100);
    call.end();
    call.run_for(30_000);
    call.assert_heard(User, &user);
    call.assert_heard(Remote, &remote);
    assert!(call.status_kinds(Remote).is_empty(), "the other side is not affected");
    assert!(call.statuses(User).iter().all(|(_, status)| status.retryable.is_some() == (status.status == SttFailed)));
    call
}

fn assert_failed_and_restored(call: &Call, fault: SpeechFault) {
    let kinds = call.status_kinds(User);
    let (last, failures) = kinds.split_last().unwrap();
    assert_eq!(*last, (SttRestored, None), "{kinds:?}");
    assert!(!failures.is_empty() && failures.iter().all(|kind| *kind == (SttFailed, Some(fault))), "{kinds:?}");
}

#[test]
fn a_service_that_refuses() {
    let bad = Service { handshake: Handshake::Refuse(40), ..Service::default() };
    assert_failed_and_restored(&play(Call::new(), bad, 0, 9_000), Refused);
}

#[test]
fn a_service_that_never_answers_the_handshake() {
    let bad = Service { handshake: Handshake::Never, ..Service::default() };
    assert_failed_and_restored(&play(Call::new(), bad, 0, 4_000), Timeout);
}

#[test]
fn a_service_that_goes_quiet_is_noticed_within_five_seconds() {
    let bad = Service { manner: Manner::Quiet, ..Service::default() };
    let call = play(Call::new(), bad, 10_000, 14_000);
    assert_failed_and_restored(&call, Quiet);
    let (at, _) = call.statuses(User)[0];
    assert!((10_000..=15_300).contains(&at), "it was noticed at {at} ms");
}

#[test]
fn a_service_that_says_nothing_from_the_first_word_on_is_noticed_within_five_seconds() {
    let bad = Service { manner: Manner::Quiet, ..Service::default() };
    let call = play(Call::new(), bad, 0, 4_000);
    assert_failed_and_restored(&call, Quiet);
    let (at, _) = call.statuses(User)[0];
    assert!(at <= 5_300, "it was noticed at {at} ms, speech began at 200 ms");
}

#[test]
fn a_service_that_sends_what_nobody_can_read_counts_as_quiet() {
    let bad = Service { manner: Manner::Garbage, ..Service::default() };
    assert_failed_and_restored(&play(Call::new(), bad, 10_000, 14_000), Quiet);
}

#[test]
fn a_service_that_reports_an_error() {
    let bad = Service { manner: Manner::Error, ..Service::default() };
    assert_failed_and_restored(&play(Call::new(), bad, 0, 3_000), Error);
}

#[test]
fn a_stream_that_breaks_off_in_the_middle_of_the_call() {
    for at in [3_000, 10_050, 20_333, 31_999] {
        let (client, user, remote) = talk();
        let mut call = Call::new();
        call.play(&client);
        call.run_until(at);
        call.world.cut(User, at);
        call.run_until(MILLIS + 100);
        call.end();
        call.run_for(30_000);
        call.assert_heard(User, &user);
        call.assert_heard(Remote, &remote);
        assert_failed_and_restored(&call, Closed);
        assert!(call.status_kinds(Remote).is_empty());
    }
}

#[test]
fn a_stream_that_breaks_off_just_before_the_end_of_the_call() {
    let said = words(0, 9, 600, 500);
    let mut call = Call::new();
    call.play(&Client::new(16_000, 5_000, said.clone(), Vec::new()));
    // Everything is sent, and the last word has no final result yet.
    call.run_until(5_040);
    call.world.cut(User, 5_040);
    call.run_until(5_050);
    call.end();
    call.run_for(30_000);
    call.assert_heard(User, &said);
}

#[test]
fn a_service_that_breaks_off_instead_of_saying_the_rest() {
    let bad = Service { farewell: Farewell::Abrupt, ..Service::default() };
    // The last word ends with the call, so that it is among the rest.
    let said = words(0, 10, 600, 450);
    let mut call = Call::new();
    call.world.services[0].user = bad;
    call.play(&Client::new(16_000, 5_000, said.clone(), Vec::new()));
    call.run_until(5_040);
    call.end();
    call.run_for(500);
    call.world.services[0].user = Service::default();
    call.run_for(30_000);
    call.assert_heard(User, &said);
}

#[test]
fn a_service_that_never_says_the_rest() {
    let bad = Service { farewell: Farewell::Never, ..Service::default() };
    let said = words(0, 10, 600, 450);
    let mut call = Call::with_services(2);
    call.world.services[0].user = bad;
    call.play(&Client::new(16_000, 5_000, said.clone(), Vec::new()));
    call.run_until(5_040);
    call.end();
    call.run_for(30_000);
    call.assert_heard(User, &said);
}

#[test]
fn a_second_service_takes_over_at_once() {
    let bad = Service { handshake: Handshake::Refuse(40), ..Service::default() };
    let call = play(Call::with_services(2), bad, 0, MILLIS);
    assert_failed_and_restored(&call, Refused);
    let opened: Vec<_> = call.world.opened.iter().filter(|(channel, ..)| *channel == User).collect();
    let [(_, 0, first), (_, 1, second)] = opened.as_slice() else { panic!("{opened:?}") };
    assert!(second - first <= 50, "{opened:?}");
}

#[test]
fn a_second_service_replays_what_the_first_had_not_settled() {
    for manner in [Manner::Quiet, Manner::Garbage] {
        let bad = Service { manner, ..Service::default() };
        assert_failed_and_restored(&play(Call::with_services(2), bad, 17_000, MILLIS), Quiet);
    }
}

#[test]
fn when_all_services_are_down_they_are_tried_again_and_again_less_and_less_often() {
    let (client, ..) = talk();
    let mut call = Call::with_services(2);
    for service in &mut call.world.services {
        service.user.handshake = Handshake::Refuse(10);
    }
    call.play(&client);
    call.run_until(MILLIS);
    let tries: Vec<_> = call.world.opened.iter().filter(|(channel, ..)| *channel == User).collect();
    assert!((5..=10).contains(&tries.len()), "{tries:?}");
    assert!(tries.windows(2).all(|pair| pair[0].1 != pair[1].1), "they take turns: {tries:?}");
}

#[test]
fn an_outage_longer_than_the_backlog_is_told_and_what_follows_is_in_its_place() {
    let millis = 80_000;
    let (client, user, remote) = talk_for(millis);
    let mut call = Call::new();
    call.world.services[0].user.handshake = Handshake::Refuse(40);
    call.play(&client);
    call.run_until(50_000);
    // While the stream that will be taken is being opened, still more falls out of the backlog: up to a pause, so that no
    // word is cut in half.
    call.world.services[0].user.handshake = Handshake::Accept(3_150);
    call.run_until(millis + 100);
    call.end();
    call.run_for(45_000);
    let kinds = call.status_kinds(User);
    assert_eq!(kinds.iter().filter(|kind| **kind == (SttGap, None)).count(), 1, "{kinds:?}");
    assert_eq!(kinds.last(), Some(&(SttRestored, None)));
    let heard = call.words(User).len();
    call.assert_heard(User, &user[user.len() - heard..]);
    assert!(user.len() - heard < 50, "40 s are kept: {heard} of {} words", user.len());
    call.assert_heard(Remote, &remote);
}

#[test]
fn a_client_that_connects_during_an_outage_is_told_of_it() {
    let (client, ..) = talk();
    let mut call = Call::new();
    call.world.services[0].user.handshake = Handshake::Refuse(40);
    call.play(&client);
    call.run_until(4_000);
    call.disconnect();
    call.run_until(6_000);
    let told = call.statuses(User).len();
    call.connect(16_000);
    let statuses = call.statuses(User);
    let [(at, status)] = statuses[told..] else { panic!("{statuses:?}") };
    assert_eq!((at, status.status, status.reason), (6_000, SttFailed, Some(Refused)));
}

#[test]
fn a_burst_longer_than_the_backlog_is_told_and_what_follows_is_in_its_place() {
    // Its last 40 s begin in a pause, so that no word is cut in half there.
    let user = words(0, 110, 200, 600);
    let client = Client::new(16_000, 66_000, user.clone(), Vec::new());
    let mut call = Call::new();
    call.connect(client.rate);
    for (at, frame) in client.frames() {
        // From 2 s on the client sends the whole call as fast as it can.
        call.world.send(at.min(2_000), Coming::Frame(frame));
    }
    call.run_until(2_100);
    call.end();
    call.run_for(45_000);
    assert_eq!(call.status_kinds(User), [(SttGap, None)]);
    let heard = call.words(User);
    let kept: Vec<_> = user.iter().filter(|said| heard.contains(&name(said.word))).copied().collect();
    call.assert_heard(User, &kept);
    assert!(kept.iter().any(|said| said.at < 4_000), "what the stream could take at once");
    assert!(kept.iter().filter(|said| said.at > 27_000).count() >= 60, "what the backlog holds: {heard:?}");
}

#[test]
fn late_news_of_a_stream_that_was_given_up_does_not_cut_what_the_next_one_hears() {
    // Twelve seconds without a pause are one segment.
    let said = words(0, 30, 0, 400);
    let mut call = Call::new();
    call.world.services[0].user.manner = Manner::Error;
    call.play(&Client::new(16_000, 13_000, said.clone(), Vec::new()));
    call.run_until(500);
    call.world.services[0].user.manner = Manner::Good;
    call.run_until(13_100);
    call.end();
    call.run_for(10_000);
    call.assert_heard(User, &said);
    assert_eq!(call.segments(User).len(), 1);
}

#[test]
fn a_result_about_audio_that_was_never_sent_does_not_silence_the_rest_of_the_call() {
    let said = words(0, 10, 200, 900);
    let mut call = Call::new();
    call.play(&Client::new(16_000, 10_000, said.clone(), Vec::new()));
    call.run_until(1_200);
    let (channel, stream) = *call.world.streams.keys().find(|(channel, _)| *channel == User).unwrap();
    let text = r#"{"type":"Results","start":0,"duration":1e6,"is_final":true,"channel":{"alternatives":[]}}"#;
    call.world.send(1_200, Coming::Said(channel, stream, text.to_owned()));
    call.run_until(10_100);
    call.end();
    call.run_for(10_000);
    // The word that the service was hearing is lost with it.
    assert!(call.words(User).len() >= 9, "{:?}", call.words(User));
}

#[test]
fn a_stream_that_was_asked_to_close_never_counts_against_the_service() {
    let said = words(0, 5, 200, 900);
    let mut call = Call::with_services(2);
    for _ in 0..5 {
        call.play(&Client::new(16_000, 5_000, said.clone(), said.clone()));
        call.run_for(5_100);
        call.disconnect();
        call.run_for(8_000);
    }
    assert!(call.status_kinds(User).is_empty() && call.status_kinds(Remote).is_empty());
    assert!(call.world.opened.iter().all(|(_, provider, _)| *provider == 0), "the first is still the first");
    assert_eq!(call.world.opened.len(), 10);
}

#[test]
fn a_cough_a_click_and_line_noise_are_no_reason_to_expect_an_answer() {
    let bad = Service { manner: Manner::Quiet, ..Service::default() };
    let mut call = Call::new();
    call.world.services[0].user = bad;
    call.play(&Client::new(16_000, 30_000, words(0, 1, 500, 400), Vec::new()));
    call.run_until(30_000);
    assert!(call.status_kinds(User).is_empty());
}

#[test]
fn every_service_call_that_is_given_up_is_closed() {
    for bad in [
        Service { manner: Manner::Error, ..Service::default() },
        Service { manner: Manner::Quiet, ..Service::default() },
        Service { handshake: Handshake::Never, ..Service::default() },
        Service { farewell: Farewell::Never, ..Service::default() },
    ] {
        let (client, ..) = talk();
        let mut call = Call::new();
        call.world.services[0].user = bad;
        call.play(&client);
        call.run_until(MILLIS);
        call.end();
        // Everything is stored in the end; the world asserts that no stream is left open by then.
        call.run_for(45_000);
        assert!(call.session.is_done(), "{bad:?}");
    }
}
