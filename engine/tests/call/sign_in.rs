//! A client that can show a fresh token stays on its socket only as long as it does.

use fourwire_engine::call::{ConnectOptions, Event};
use fourwire_wire::event::close;
use fourwire_wire::units::UnixMillis;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::harness::world::Told;
use crate::harness::{BEGIN, Call, terms};

const UNTIL: u64 = 20_000;

/// A call whose client is signed in for twenty seconds.
fn signed_in(resume: bool) -> Call {
    let mut call = Call::new();
    call.connect_with(ConnectOptions { resume, ..terms(16_000) });
    call.happen(until(UNTIL));
    call
}

fn until(millis: u64) -> Event<'static> {
    Event::SignedIn { until: UnixMillis::new(BEGIN + millis) }
}

/// The close codes that the client was sent, with their times.
fn closes(call: &Call) -> Vec<(u64, u16)> {
    let close = |(at, told): &(u64, Told)| if let Told::Close(code) = told { Some((*at, *code)) } else { None };
    call.world.told.iter().filter_map(close).collect()
}

#[test]
fn who_can_show_a_fresh_token_and_does_not_is_closed_and_may_come_back() {
    let mut call = signed_in(true);
    call.run_until(UNTIL - 1);
    assert_eq!(closes(&call), []);
    call.run_until(UNTIL);
    assert_eq!(closes(&call), [(UNTIL, close::SIGN_IN_EXPIRED)]);
    call.connect_with(ConnectOptions { resume: true, ..terms(16_000) });
    call.happen(until(2 * UNTIL));
    call.run_until(2 * UNTIL - 1);
    assert_eq!(closes(&call).len(), 1, "it is the same call, and goes on");
}

#[test]
fn a_fresh_token_on_the_running_socket_moves_the_end() {
    let mut call = signed_in(true);
    call.text(r#"{"type":"auth","token":"fresh"}"#);
    assert_eq!(call.world.tokens.iter().map(|token| token.expose().as_str()).collect::<Vec<_>>(), ["fresh"]);
    call.happen(until(2 * UNTIL));
    call.run_until(2 * UNTIL - 1);
    assert_eq!(closes(&call), []);
    call.run_until(2 * UNTIL);
    assert_eq!(closes(&call), [(2 * UNTIL, close::SIGN_IN_EXPIRED)]);
}

#[test]
fn a_client_that_cannot_stays_and_what_it_says_of_tokens_is_ignored() {
    let mut call = signed_in(false);
    call.text(r#"{"type":"auth","token":"x"}"#);
    assert!(call.world.tokens.is_empty());
    call.run_until(3 * UNTIL);
    assert_eq!(closes(&call), []);
}

#[test]
fn who_may_not_stay_is_closed_at_once_whatever_client_it_is() {
    for resume in [false, true] {
        let mut call = signed_in(resume);
        call.run_until(1_000);
        call.happen(Event::NotAllowed { reason: "Signed out" });
        assert_eq!(closes(&call), [(1_000, close::POLICY)], "{resume}");
        call.happen(Event::NotAllowed { reason: "Signed out" });
        assert_eq!(closes(&call).len(), 1, "there is nobody any more");
    }
}

#[test]
fn who_waits_for_the_conversation_is_not_sent_away() {
    let mut call = signed_in(true);
    call.run_until(UNTIL - 100);
    let held = r#"{"type":"audio_from","user":0,"remote":0,"held":{"user":0,"remote":0}}"#;
    call.text(held);
    call.end();
    call.run_for(60_000);
    assert!(closes(&call).iter().all(|(_, code)| *code == close::NORMAL), "{:?}", closes(&call));
}
