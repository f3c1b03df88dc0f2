//! What a client's screen shows is always a part of what is stored or still being said, whatever comes in between; and nothing
//! that became final while a client was away stays unsaid.

use std::collections::BTreeMap;

use fourwire_engine::call::{Alert, ConnectOptions};
use fourwire_wire::event::Status;
use fourwire_wire::frame::Channel::{Remote, User};
use fourwire_wire::ids::SegmentId;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::harness::client::Client;
use crate::harness::service::{Handshake, Manner};
use crate::harness::voice::{Said, words};
use crate::harness::world::{Coming, Told};
use crate::harness::{Call, terms};

fn interim() -> ConnectOptions {
    ConnectOptions { interim: true, ..terms(16_000) }
}

/// A call of `millis` in which the user says a word each 900 ms, with a client that wants interim results.
fn talk(call: &mut Call, millis: u64) -> Vec<Said> {
    let said = words(0, u32::try_from(millis / 900).unwrap() - 1, 300, 900);
    call.connect_with(interim());
    for (at, frame) in Client::new(16_000, millis, said.clone(), Vec::new()).frames() {
        call.world.send(call.now + at, Coming::Frame(frame));
    }
    said
}

/// What a client that was told all this shows, by the ids.
fn screen(told: &[(u64, Told)]) -> BTreeMap<SegmentId, String> {
    let mut screen = BTreeMap::new();
    for (_, told) in told {
        match told {
            Told::Caption(segment, _) => drop(screen.insert(segment.id, segment.text.expose().clone())),
            Told::Withdrawn(segments) => segments.iter().for_each(|id| drop(screen.remove(id))),
            _ => {}
        }
    }
    screen
}

fn stored(call: &Call) -> BTreeMap<SegmentId, String> {
    let segments = &call.conversation().transcript_segments;
    segments.iter().map(|segment| (segment.id, segment.text.expose().clone())).collect()
}

fn withdrawals(call: &Call) -> usize {
    call.world.told.iter().filter(|(_, told)| matches!(told, Told::Withdrawn(_))).count()
}

/// Lets the user's service say an interim word that never becomes final.
fn say_in_passing(call: &mut Call) {
    let (channel, stream) = *call.world.streams.keys().find(|(channel, _)| *channel == User).unwrap();
    let text = r#"{"type":"Results","start":0,"duration":60,"is_final":false,"channel":{"alternatives":[
        {"words":[{"word":"Yeah.","start":59,"end":60}]}]}}"#;
    call.world.send(call.now, Coming::Said(channel, stream, text.to_owned()));
    call.run_for(0);
    assert!(screen(&call.world.told).values().any(|text| text.contains("Yeah.")));
}

#[test]
fn interim_words_that_come_to_nothing_leave_the_screen() {
    // Moments within a word, between two, and in a pause behind an utterance.
    for at in [2_350, 3_500, 5_880] {
        for trouble in ["nothing", "cut", "error", "end"] {
            let mut call = Call::new();
            talk(&mut call, 9_000);
            call.run_until(at);
            say_in_passing(&mut call);
            match trouble {
                "cut" => call.world.cut(User, at),
                "error" => call.world.services[0].user.manner = Manner::Error,
                "end" => call.end(),
                _ => {}
            }
            call.run_for(300);
            call.world.services[0].user.manner = Manner::Good;
            call.run_until(9_100);
            call.end();
            call.run_for(10_000);
            assert_eq!(screen(&call.world.told), stored(&call), "{trouble} at {at}");
        }
    }
}

#[test]
fn what_came_to_nothing_while_the_client_was_away_leaves_its_screen_when_it_is_back() {
    for evicted in [false, true] {
        let mut call = Call::new();
        talk(&mut call, 4_000);
        call.run_until(2_000);
        say_in_passing(&mut call);
        if evicted {
            call.restore();
            call.reattach(interim());
            call.run_until(4_000);
        } else {
            call.disconnect();
            call.run_for(3_000);
            call.connect_with(interim());
        }
        assert!(screen(&call.world.told).values().all(|text| !text.contains("Yeah.")), "evicted: {evicted}");
        call.end();
        call.run_for(10_000);
        assert_eq!(screen(&call.world.told), stored(&call), "evicted: {evicted}");
    }
}

#[test]
fn a_client_that_wants_no_interim_results_is_told_of_none_that_are_withdrawn() {
    let mut call = Call::new();
    let said = words(0, 8, 300, 900);
    call.play(&Client::new(16_000, 9_000, said.clone(), said));
    for at in [2_350, 3_500, 5_880] {
        call.run_until(at);
        let (channel, stream) = *call.world.streams.keys().find(|(channel, _)| *channel == User).unwrap();
        let text = r#"{"type":"Results","start":0,"duration":60,"channel":{"alternatives":[{"transcript":"Yeah."}]}}"#;
        call.world.send(at, Coming::Said(channel, stream, text.to_owned()));
        call.run_for(20);
        call.world.cut(User, call.now);
    }
    call.run_until(9_100);
    call.end();
    call.run_for(10_000);
    assert_eq!(withdrawals(&call), 0);
    assert_eq!(screen(&call.world.told), stored(&call));
}

#[test]
fn what_became_final_while_a_client_without_resume_was_away_is_sent_when_it_is_back() {
    // When the network breaks, and when the server notices: what it sends meanwhile is lost.
    for (breaks, noticed, back) in [(9_400, 9_400, 11_000), (9_400, 14_000, 14_500), (9_700, 12_000, 40_000)] {
        for evicted in [false, true] {
            let said = words(0, 10, 300, 900);
            let mut client = Client::new(16_000, 15_000, said.clone(), said.clone());
            client.offline = Some(breaks..60_000);
            let mut call = Call::new();
            call.play(&client);
            call.run_until(noticed);
            call.disconnect();
            if evicted {
                call.run_for(500);
                call.evict();
            }
            call.run_until(back);
            let told_before = call.world.told.iter().take_while(|(at, _)| *at < breaks + 30).count();
            let told_after = call.world.told.len();
            call.connect(16_000);
            call.run_for(100);
            // The client's screen, which has nothing of what was sent into the broken connection.
            let mut received = call.world.told.split_off(told_after);
            call.world.told.truncate(told_before);
            call.world.told.append(&mut received);
            call.end();
            call.run_for(10_000);
            assert_eq!(screen(&call.world.told), stored(&call), "{breaks} {noticed} {back} evicted: {evicted}");
            assert_eq!(call.words(User).len(), 10);
        }
    }
}

#[test]
fn a_client_that_was_there_all_the_time_is_told_nothing_twice_a_minute_later() {
    let mut call = Call::new();
    let said = words(0, 10, 300, 900);
    call.play(&Client::new(16_000, 60_000, said.clone(), said));
    call.run_until(60_100);
    call.disconnect();
    call.run_for(1_000);
    let told = call.world.told.len();
    call.connect(16_000);
    call.run_for(100);
    let again = call.world.told[told..].iter().filter(|(_, told)| matches!(told, Told::Caption(..))).count();
    assert_eq!(again, 0);
}

#[test]
fn a_client_whose_messages_are_no_frames_is_told_within_seconds_and_once() {
    for byte in [0, 3, 255] {
        let mut call = Call::new();
        call.connect(16_000);
        let mut told = Vec::new();
        for n in 0..600_u64 {
            let mut message = vec![byte];
            message.extend([0; 320]);
            call.world.send(n * 10, Coming::Frame(message));
        }
        call.run_until(6_000);
        for (at, status) in &call.world.told {
            if let Told::Status(status) = status
                && status.status == Status::AudioNotUnderstood
            {
                told.push(*at);
            }
        }
        assert!(matches!(told.as_slice(), [at] if (2_000..2_100).contains(at)), "{byte}: {told:?}");
        assert_eq!(call.world.alerts, [Alert::FramesNotUnderstood]);
    }
}

#[test]
fn odd_messages_beside_audio_are_nothing() {
    let mut call = Call::new();
    let said = words(0, 10, 300, 900);
    call.play(&Client::new(16_000, 10_000, said.clone(), said.clone()));
    for n in 0..1_000_u64 {
        call.world.send(n * 10 + 5, Coming::Frame(vec![9; 100]));
    }
    call.run_until(10_100);
    assert!(call.world.alerts.is_empty());
    call.end();
    call.run_for(10_000);
    call.assert_heard(Remote, &said);
}

#[test]
fn a_refused_side_does_not_take_the_other_sides_screen_along() {
    let mut call = Call::new();
    call.world.services[0].remote.handshake = Handshake::RefuseWith(10, 401, "");
    let said = talk(&mut call, 9_000);
    call.run_until(9_100);
    call.end();
    call.run_for(10_000);
    call.assert_heard(User, &said);
    assert_eq!(screen(&call.world.told), stored(&call));
}
