//! However a client cuts, mutes and stalls, every word it sends is found where it was said.

use std::ops::Range;

use fourwire_wire::frame::Channel;
use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::harness::Call;
use crate::harness::client::{Client, Side};
use crate::harness::voice::words;

/// How long a simulated call is.
const MILLIS: u64 = 40_000;

/// A side that says a word every 900 ms but while it is muted, in frames of 10 to 60 ms: a side that returns in a burst
/// is placed as exactly as the frames of the other are short.
fn side(rate: u32, first: u32) -> impl Strategy<Value = Side> {
    let frames = proptest::collection::vec(rate / 100..rate / 16, 1..4);
    let muted = proptest::collection::vec((0..MILLIS, 400_u64..12_000), 0..3);
    (frames, muted).prop_map(move |(frames, muted)| {
        let muted: Vec<Range<u64>> = muted.into_iter().map(|(from, millis)| from..from + millis).collect();
        // A frame that begins before the button is pressed may be left out with what follows.
        let is_sent = |at: u64| muted.iter().all(|gap| at + 400 < gap.start || at > gap.end + 100);
        let said = words(first, 43, 100, 900).into_iter().filter(|said| is_sent(said.at)).collect();
        Side { said, frames, muted }
    })
}

fn client() -> impl Strategy<Value = Client> {
    let rate = prop_oneof![Just(8_000_u32), Just(16_000), Just(48_000)];
    let stall = proptest::option::of((0..MILLIS - 8_000, 100_u64..8_000));
    let jitter = prop_oneof![Just(vec![0]), proptest::collection::vec(0_u64..=500, 1..200)];
    (rate, stall, jitter)
        .prop_flat_map(|(rate, stall, jitter)| {
            (side(rate, 0), side(rate, 100)).prop_map(move |(user, remote)| {
                let mut client = Client::new(rate, MILLIS, Vec::new(), Vec::new());
                client.sides.user = user;
                client.sides.remote = remote;
                client.stall = stall.map(|(from, millis)| from..from + millis);
                client.jitter.clone_from(&jitter);
                client
            })
        })
        // While both are muted nothing comes at all, and nobody can tell how long that was.
        .prop_filter("one side speaks", |client| {
            let apart = |a: &Range<u64>, b: &Range<u64>| a.end + 1_000 < b.start || b.end + 1_000 < a.start;
            client
                .sides
                .user
                .muted
                .iter()
                .all(|user| client.sides.remote.muted.iter().all(|remote| apart(user, remote)))
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_word_is_where_it_was_said(client in client()) {
        let mut call = Call::new();
        call.play_and_end(&client);
        for channel in Channel::BOTH {
            call.assert_heard(channel, &client.sides.get(channel).said);
        }
    }
}
