//! The worklet, run by Node in a scope without any clock: what it posts, and under which places.

// There is no Node to start from WebAssembly.
#![cfg(not(target_arch = "wasm32"))]

use std::path::Path;
use std::process::Command;

use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Run {
    blocks: Vec<Block>,
    /// How many buffers were used.
    buffers: usize,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block {
    frame: u64,
    rate: u32,
    is_first: bool,
    user: Vec<u32>,
    remote: Vec<u32>,
}

/// What the worklet posts of render quanta: their frames, and how many samples each side has, if it is connected.
fn run(quanta: &[(u64, Option<usize>, Option<usize>)]) -> Run {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let quanta: Vec<Value> = quanta.iter().map(|quantum| json!(quantum)).collect();
    let output = Command::new("node")
        .arg(folder.join("tests/worklet.mjs"))
        .arg(folder.join("js/worklet.js"))
        .arg(json!(quanta).to_string())
        .output()
        .expect("Node starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("blocks")
}

/// So many quanta of both sides, one after the other.
fn both(from: u64, count: u64) -> Vec<(u64, Option<usize>, Option<usize>)> {
    (0..count).map(|n| (from + 128 * n, Some(128), Some(128))).collect()
}

#[test]
fn a_block_has_the_place_of_its_first_sample_and_all_samples_follow_in_it() {
    // The quanta, and where the posted blocks begin and how long they are.
    let table: Vec<(Vec<_>, Vec<(u64, usize)>)> = vec![
        (both(0, 15), vec![]),
        (both(0, 16), vec![(0, 2_048)]),
        (both(384, 33), vec![(384, 2_048), (2_432, 2_048)]),
        // The context went on without the node: once, twice, in the first quantum, and at a block's border.
        ([both(0, 8), both(1_920, 16)].concat(), vec![(0, 1_024), (1_920, 2_048)]),
        ([both(0, 1), both(1_920, 16)].concat(), vec![(0, 128), (1_920, 2_048)]),
        ([both(0, 3), both(512, 3), both(1_024, 16)].concat(), vec![(0, 384), (512, 384), (1_024, 2_048)]),
        ([both(0, 16), both(4_096, 16)].concat(), vec![(0, 2_048), (4_096, 2_048)]),
        // Its count began anew.
        ([both(90_000, 4), both(0, 16)].concat(), vec![(90_000, 512), (0, 2_048)]),
        // A side that is not connected, and none.
        ((0..16).map(|n| (n * 128, Some(128), None)).collect(), vec![(0, 2_048)]),
        ((0..16).map(|n| (n * 128, None, Some(128))).collect(), vec![(0, 2_048)]),
        ((0..16).map(|n| (n * 128, None, None)).collect(), vec![(0, 2_048)]),
        // A render quantum of another size, as `renderSizeHint` may ask for.
        ((0..20).map(|n| (n * 192, Some(192), Some(192))).collect(), vec![(0, 1_920), (1_920, 1_920)]),
        // Later than a day.
        (both(48_000 * 100_000, 16), vec![(48_000 * 100_000, 2_048)]),
    ];
    for (quanta, expected) in table {
        let Run { blocks, .. } = run(&quanta);
        let placed: Vec<_> = blocks.iter().map(|block| (block.frame, block.user.len())).collect();
        assert_eq!(placed, expected, "{quanta:?}");
        let is_connected = [quanta[0].1.is_some(), quanta[0].2.is_some()];
        let mut next = 1;
        for (n, block) in blocks.iter().enumerate() {
            assert_eq!((block.rate, block.is_first), (48_000, n == 0));
            assert_eq!(block.user.len(), block.remote.len());
            for (at, (user, remote)) in block.user.iter().zip(&block.remote).enumerate() {
                let expected = is_connected.map(|is_connected| if is_connected { next } else { 0 });
                assert_eq!([*user, *remote], expected, "sample {at} of block {n}");
                next += 1;
            }
        }
    }
}

#[test]
fn buffers_that_come_back_are_filled_again() {
    let Run { blocks, buffers } = run(&both(0, 160));
    assert_eq!(blocks.len(), 10);
    assert!(buffers <= 4, "{buffers} buffers");
}
