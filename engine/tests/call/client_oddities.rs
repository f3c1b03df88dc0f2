//! What odd clients send has an answer or none, and never harms the call.

use fourwire_engine::call::ConnectOptions;
use fourwire_wire::event::close;
use fourwire_wire::frame::Channel::{Remote, User};
use fourwire_wire::frame::MAX_PAYLOAD_BYTES;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::harness::client::Client;
use crate::harness::voice::words;
use crate::harness::world::{Coming, Told};
use crate::harness::{Call, terms};

fn pings(call: &Call) -> Vec<u64> {
    call.world.told.iter().filter(|(_, told)| matches!(told, Told::Ping)).map(|(at, _)| *at).collect()
}

fn closes(call: &Call) -> Vec<(u64, u16)> {
    let closes = call.world.told.iter().filter_map(|(at, told)| match told {
        Told::Close(code) => Some((*at, *code)),
        _ => None,
    });
    closes.collect()
}

#[test]
fn keepalives_unknown_channels_and_texts_without_meaning_change_nothing() {
    let said = words(0, 8, 500, 1_000);
    let mut call = Call::new();
    call.play(&Client::new(16_000, 10_000, said.clone(), said.clone()));
    for moment in (0..10_000).step_by(70) {
        call.run_until(moment);
        for odd in [&[][..], &[1], &[1, 0], &[2, 9], &[0, 1, 2], &[3, 1, 2, 3, 4], &[255; 641]] {
            call.frame(odd.to_vec());
        }
        for odd in ["", "ping", "{}", "[1,2]", r#"{"type":"auth","token":"x"}"#, r#"{"type":"end""#, "\u{0}"] {
            call.text(odd);
        }
    }
    call.run_until(10_100);
    call.end();
    call.run_for(20_000);
    call.assert_heard(User, &said);
    call.assert_heard(Remote, &said);
    assert_eq!((call.samples(User), call.samples(Remote)), (160_000, 160_000));
}

#[test]
fn half_a_sample_at_a_frames_end_is_left_out() {
    let said = words(0, 4, 500, 1_000);
    let mut call = Call::new();
    call.connect(16_000);
    for (at, mut frame) in Client::new(16_000, 5_000, said.clone(), Vec::new()).frames() {
        frame.push(0x55);
        call.world.send(at, Coming::Frame(frame));
    }
    call.run_until(5_100);
    call.end();
    call.run_for(20_000);
    call.assert_heard(User, &said);
    assert_eq!(call.samples(User), 80_000);
}

#[test]
fn a_frame_that_is_too_big_closes_the_connection_and_not_the_call() {
    let said = words(0, 4, 500, 1_000);
    let mut call = Call::new();
    call.play(&Client::new(16_000, 5_000, said.clone(), Vec::new()));
    call.run_until(5_100);
    let mut frame = vec![1; MAX_PAYLOAD_BYTES + 1];
    call.frame(frame.clone());
    assert_eq!(closes(&call), [], "the largest frame is taken");
    frame.push(1);
    call.frame(frame);
    assert_eq!(closes(&call), [(call.now, close::TOO_BIG)]);
    call.run_for(75_000);
    assert!(call.session.is_done());
    assert_eq!(call.words(User).len(), 4);
    assert_eq!(call.samples(User), 80_000 + 32_768);
}

#[test]
fn a_text_that_is_too_long_closes_the_connection_and_one_that_just_fits_does_not() {
    // Two bytes a letter: bytes count, not letters.
    for (letters, closed) in [(8_192, false), (8_193, true)] {
        let mut call = Call::new();
        call.connect(16_000);
        call.text(&"ä".repeat(letters));
        let expected = if closed { vec![(call.now, close::TOO_BIG)] } else { Vec::new() };
        assert_eq!(closes(&call), expected, "{letters}");
    }
}

#[test]
fn a_message_that_was_too_large_to_be_looked_at_closes_the_connection() {
    let mut call = Call::new();
    call.too_big();
    assert_eq!(closes(&call), [], "nobody is there");
    call.connect(16_000);
    call.too_big();
    assert_eq!(closes(&call), [(call.now, close::TOO_BIG)]);
}

#[test]
fn a_client_that_does_not_stop_talking_is_closed_and_one_that_talks_steadily_is_not() {
    for (texts_a_second, seconds, closed) in [(100, 30, false), (400, 1, true), (150, 10, true)] {
        let mut call = Call::new();
        call.connect(16_000);
        let begun = call.now;
        for text in 0..texts_a_second * seconds {
            call.run_until(begun + text * 1000 / texts_a_second / 100 * 100);
            call.text("{}");
        }
        let codes: Vec<_> = closes(&call).into_iter().map(|(_, code)| code).collect();
        let expected = if closed { vec![close::POLICY] } else { Vec::new() };
        assert_eq!(codes, expected, "{texts_a_second} a second");
    }
}

#[test]
fn a_name_that_changes_all_the_time_is_not_written_all_the_time_and_the_last_one_stays() {
    let mut call = Call::new();
    call.connect(16_000);
    let before = call.world.store.saves;
    for number in 0..50 {
        for _ in 0..2 {
            call.text(&format!(r#"{{"type":"contact","name":"Ann {number}"}}"#));
        }
        call.run_for(20);
    }
    assert_eq!(call.world.store.saves - before, 1, "one in a second");
    call.run_for(10_000);
    let saved = call.world.store.snapshot.as_ref().and_then(|saved| saved.contact_name.clone());
    assert_eq!(saved.map(|name| name.expose().clone()).as_deref(), Some("Ann 49"), "with the heartbeat at the latest");
}

#[test]
fn a_client_that_sends_nothing_for_90_seconds_is_gone() {
    let mut call = Call::new();
    call.connect(16_000);
    call.run_until(80_000);
    call.frame(vec![0]);
    call.run_until(169_999);
    assert_eq!(closes(&call), []);
    call.run_until(170_000);
    assert_eq!(closes(&call), [(170_000, close::GOING_AWAY)]);
    call.run_until(231_000);
    assert!(call.session.is_done());
}

#[test]
fn the_client_is_pinged_at_once_and_every_ten_seconds_while_it_is_there() {
    let mut call = Call::new();
    call.play(&Client::new(16_000, 35_000, words(0, 20, 0, 1_500), Vec::new()));
    call.run_until(35_000);
    assert_eq!(pings(&call), [0, 10_000, 20_000, 30_000]);
    call.disconnect();
    call.run_until(55_000);
    assert_eq!(pings(&call).len(), 4);
}

#[test]
fn interim_results_are_sent_only_to_clients_that_asked() {
    for interim in [false, true] {
        let said = words(0, 20, 200, 400);
        let mut call = Call::new();
        call.world.send(0, Coming::Connect(ConnectOptions { interim, ..terms(16_000) }));
        for (at, frame) in Client::new(16_000, 10_000, said.clone(), Vec::new()).frames() {
            call.world.send(at, Coming::Frame(frame));
        }
        call.run_until(10_100);
        call.end();
        call.run_for(10_000);
        call.assert_heard(User, &said);
        let captions: Vec<_> = call
            .world
            .told
            .iter()
            .filter_map(|(_, told)| match told {
                Told::Caption(segment, extras) => Some((segment, *extras)),
                _ => None,
            })
            .collect();
        assert!(captions.iter().all(|(_, extras)| *extras == interim));
        assert!(captions.iter().all(|(segment, _)| segment.channel == User));
        // Every 3 s there is a final window; interim results come every second.
        assert_eq!(captions.len() > 6, interim, "{} captions", captions.len());
        let (last, _) = captions.last().unwrap();
        assert!(last.is_final);
        assert_eq!(
            last.text.expose(),
            call.segments(User).last().unwrap().text.expose(),
            "the last caption is the record"
        );
    }
}
