//! A side that says nothing for long costs no stream, and its next words are captioned from the first one on.

use fourwire_wire::frame::Channel::{self, Remote, User};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::harness::Call;
use crate::harness::client::Client;
use crate::harness::voice::{Said, words};

/// When streams of a side were asked for.
fn opened(call: &Call, channel: Channel) -> Vec<u64> {
    call.world.opened.iter().filter(|(side, ..)| *side == channel).map(|(.., at)| *at).collect()
}

#[test]
fn who_says_nothing_for_half_a_minute_has_no_stream_until_the_next_word() {
    for rate in [8_000, 16_000, 48_000] {
        for silence in [40_000, 65_000, 300_000] {
            let begun = words(0, 5, 500, 1_000);
            let again: Vec<Said> = words(10, 5, 6_000 + silence, 1_000);
            let user: Vec<_> = begun.iter().chain(&again).copied().collect();
            let millis = silence + 13_000;
            let remote = words(0, u32::try_from(millis / 2_000 - 1).unwrap(), 700, 2_000);
            let mut call = Call::new();
            call.play(&Client::new(rate, millis, user.clone(), remote.clone()));
            call.run_until(5_000 + silence);
            assert!(!call.world.streams.keys().any(|(side, _)| *side == User), "no stream while nobody speaks");
            assert!(call.world.streams.keys().any(|(side, _)| *side == Remote), "who speaks has one");
            call.run_until(millis + 100);
            let [first, second] = opened(&call, User)[..] else { panic!("{:?}", opened(&call, User)) };
            assert!(first < 100 && second.abs_diff(6_000 + silence) <= 500, "{first} {second}");
            assert_eq!(opened(&call, Remote).len(), 1);
            assert!(call.status_kinds(User).is_empty(), "nothing is wrong");
            call.end();
            call.run_for(20_000);
            call.assert_heard(User, &user);
            call.assert_heard(Remote, &remote);
        }
    }
}

#[test]
fn a_call_in_which_nobody_speaks_costs_half_a_minute_of_streams() {
    let mut call = Call::new();
    call.play(&Client::new(16_000, 600_000, Vec::new(), Vec::new()));
    call.run_until(45_000);
    assert!(call.world.streams.is_empty());
    call.run_until(600_100);
    assert!(call.world.streams.is_empty());
    assert_eq!(call.world.opened.len(), 2, "one a side");
    call.end();
    call.run_for(10_000);
    assert!(call.session.is_done());
}

#[test]
fn a_restart_or_a_break_while_nobody_speaks_costs_no_word() {
    for happens in [20_000, 45_000, 60_000] {
        for is_break in [true, false] {
            let said: Vec<_> = words(0, 3, 500, 1_000).into_iter().chain(words(10, 5, 70_000, 1_000)).collect();
            let mut client = Client::new(16_000, 78_000, said.clone(), said.clone());
            if is_break {
                client.offline = Some(happens..happens + 3_000);
            }
            let mut call = Call::new();
            call.play(&client);
            call.run_until(happens + 40);
            if is_break {
                call.disconnect();
                call.run_until(happens + 3_000);
                call.connect(16_000);
            } else {
                call.evict_under_client(16_000);
            }
            call.run_until(78_100);
            call.end();
            call.run_for(20_000);
            for channel in Channel::BOTH {
                call.assert_heard(channel, &said);
            }
        }
    }
}
