//! A speech service that refuses is judged by what it says: what trying again cannot mend is not tried again, the operator is
//! told, and the end of the call does not wait for it.

use fourwire_engine::call::Alert;
use fourwire_wire::event::SpeechFault::{self, Credentials, Quota, Refused};
use fourwire_wire::event::Status::{SttFailed, SttGap};
use fourwire_wire::frame::Channel::{Remote, User};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::harness::Call;
use crate::harness::client::Client;
use crate::harness::service::{Handshake, Service};
use crate::harness::voice::{Said, words};
use crate::harness::world::Told;

const CREDENTIALS: Handshake = Handshake::RefuseWith(40, 401, r#"{"err_code":"INVALID_AUTH"}"#);
const NO_MONEY: Handshake = Handshake::RefuseWith(40, 402, r#"{"err_code":"ASR_PAYMENT_REQUIRED"}"#);
const DAY_USED_UP: Handshake = Handshake::RefuseWith(40, 429, r#"{"err_msg":"Daily quota used up"}"#);
const BUSY: Handshake = Handshake::RefuseWith(40, 429, r#"{"err_code":"TOO_MANY_REQUESTS"}"#);
const LANGUAGE: Handshake =
    Handshake::RefuseWith(40, 400, r#"{"err_msg":"No such model/language/tier combination found."}"#);

/// A call of 20 s with the services answering as given, not yet ended.
fn talk(handshakes: &[Handshake]) -> (Call, Vec<Said>) {
    let said = words(0, 18, 500, 1_000);
    let mut call = Call::with_services(handshakes.len());
    for (service, handshake) in call.world.services.iter_mut().zip(handshakes) {
        service.user.handshake = *handshake;
        service.remote.handshake = *handshake;
    }
    call.play(&Client::new(16_000, 20_000, said.clone(), said.clone()));
    call.run_until(20_100);
    (call, said)
}

/// How long the client waits for the end of its call.
fn end(call: &mut Call) -> u64 {
    let asked = call.now;
    call.end();
    call.run_for(60_000);
    let finished = call.world.told.iter().find(|(_, told)| matches!(told, Told::Finished(_)));
    finished.expect("the call ends").0 - asked
}

fn tries(call: &Call, service: usize) -> usize {
    call.world.opened.iter().filter(|(_, provider, _)| *provider == service).count()
}

#[test]
fn what_trying_again_does_not_mend_is_tried_once_told_once_and_not_waited_for() {
    for (handshake, fault, status) in [
        (CREDENTIALS, Credentials, 401),
        (Handshake::RefuseWith(40, 403, ""), Credentials, 403),
        (NO_MONEY, Quota, 402),
        (DAY_USED_UP, Quota, 429),
        (LANGUAGE, SpeechFault::Language, 400),
    ] {
        let (mut call, _) = talk(&[handshake]);
        assert_eq!(tries(&call, 0), 2, "one a side: {handshake:?}");
        for channel in [User, Remote] {
            assert_eq!(call.status_kinds(channel), [(SttFailed, Some(fault))]);
            let (_, told) = call.statuses(channel)[0];
            assert_eq!((told.retryable, told.retry_after), (Some(false), None), "{told:?}");
        }
        let alert = Alert::SpeechRefused { service: "Deepgram", fault, status };
        assert_eq!(call.world.alerts, [alert, alert], "{handshake:?}");
        assert!(end(&mut call) <= 1_000, "{handshake:?}");
        assert_eq!((call.samples(User), call.samples(Remote)), (320_000, 320_000), "the record is complete");
    }
}

#[test]
fn the_next_service_takes_over_from_one_that_refuses_for_good_and_it_is_not_asked_again() {
    for handshake in [CREDENTIALS, NO_MONEY, DAY_USED_UP, LANGUAGE] {
        let (mut call, said) = talk(&[handshake, Handshake::Accept(80)]);
        call.world.cut(User, call.now);
        call.run_for(1_000);
        end(&mut call);
        assert_eq!(tries(&call, 0), 2, "one a side: {handshake:?}");
        call.assert_heard(User, &said);
        call.assert_heard(Remote, &said);
    }
}

#[test]
fn a_service_that_is_busy_is_tried_again() {
    let (mut call, _) = talk(&[BUSY]);
    assert!(tries(&call, 0) > 4);
    let told = call.statuses(User);
    assert!(
        told.iter().all(|(_, status)| status.reason == Some(Refused) && status.retryable == Some(true)),
        "{told:?}"
    );
    assert!(call.world.alerts.is_empty());
    end(&mut call);
}

#[test]
fn the_end_of_a_call_does_not_wait_for_a_service_that_cannot_answer() {
    for (handshake, most) in [(Handshake::Refuse(40), 1_000), (BUSY, 1_000), (Handshake::Never, 6_000)] {
        let (mut call, _) = talk(&[handshake]);
        let waited = end(&mut call);
        assert!(waited <= most, "{handshake:?}: {waited} ms");
        for channel in [User, Remote] {
            assert_eq!(call.status_kinds(channel).last(), Some(&(SttGap, None)), "it is told what has no captions");
        }
    }
}

#[test]
fn a_bad_moment_at_the_very_end_costs_no_word() {
    let (mut call, said) = talk(&[Handshake::Accept(80)]);
    call.world.services[0].user.handshake = Handshake::Refuse(40);
    call.world.cut(User, call.now);
    call.run_for(20);
    call.end();
    call.run_for(500);
    call.world.services[0].user.handshake = Handshake::Accept(80);
    call.run_for(10_000);
    call.assert_heard(User, &said);
}

#[test]
fn a_client_that_is_away_during_an_outage_loses_no_word() {
    for resumes_after in [3_000, 20_000] {
        let said = words(0, 8, 500, 1_000);
        let mut call = Call::new();
        call.world.services[0].user.handshake = Handshake::Refuse(40);
        call.play(&Client::new(16_000, 10_000, said.clone(), Vec::new()));
        call.run_until(10_100);
        call.disconnect();
        call.run_for(resumes_after);
        call.world.services[0].user.handshake = Handshake::Accept(80);
        call.connect(16_000);
        call.run_for(25_000);
        call.end();
        call.run_for(10_000);
        call.assert_heard(User, &said);
    }
}

#[test]
fn a_language_that_no_service_has_is_told_and_no_stream_is_opened() {
    let mut call = Call::in_language("sw-KE");
    let said = words(0, 8, 500, 1_000);
    call.play(&Client::new(16_000, 10_000, said.clone(), said));
    call.run_until(10_100);
    assert!(call.world.opened.is_empty());
    for channel in [User, Remote] {
        assert_eq!(call.status_kinds(channel), [(SttFailed, Some(SpeechFault::Language))]);
    }
    call.disconnect();
    call.run_for(1_000);
    call.connect(16_000);
    assert_eq!(call.status_kinds(User).len(), 2, "who comes back is told as well");
    assert!(end(&mut call) <= 1_000);
    assert_eq!(call.conversation().language.as_str(), "sw-KE");
}

#[test]
fn a_service_that_is_slow_to_accept_is_not_sent_the_same_audio_by_one_stream_after_another() {
    let slow = Service { handshake: Handshake::Accept(9_000), ..Service::default() };
    let said = words(0, 50, 500, 1_000);
    let mut call = Call::new();
    call.world.services[0].user = slow;
    call.play(&Client::new(16_000, 60_000, said.clone(), Vec::new()));
    call.run_until(60_100);
    let opened = call.world.opened.iter().filter(|(channel, ..)| *channel == User).count();
    assert_eq!(opened, 2, "the second one is given the time that it takes");
    end(&mut call);
    call.assert_heard(User, &said);
}
