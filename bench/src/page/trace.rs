//! What Chromium's trace says of a worklet: how long each call of its `process()` took.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// The only category that is traced: each event costs time itself.
pub const CATEGORIES: [&str; 1] = ["disabled-by-default-audio-worklet"];
/// Blink's call of a processor, with what it prepares for the script and takes back from it.
const CALL: &str = "AudioWorkletProcessor::Process";
/// The part of it in which the script runs.
const SCRIPT: &str = "AudioWorkletProcessor::Process (author script execution)";

/// Durations in microseconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calls {
    /// Of each call of a processor.
    pub whole: Vec<f64>,
    /// Of the script's part in each.
    pub script: Vec<f64>,
}

#[derive(Deserialize)]
struct Trace {
    #[serde(rename = "traceEvents")]
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    name: String,
    ph: String,
    tid: u32,
    #[serde(default)]
    ts: f64,
    #[serde(default)]
    dur: f64,
}

/// Reads the calls of all processors, by the thread on which they ran.
///
/// # Errors
/// When the file cannot be read, or has another form.
pub fn read(file: &Path) -> Result<BTreeMap<u32, Calls>> {
    calls(&fs::read(file).context("Chromium has written no trace")?)
}

fn calls(trace: &[u8]) -> Result<BTreeMap<u32, Calls>> {
    let mut events = serde_json::from_slice::<Trace>(trace).context("a trace of another form")?.events;
    // Stable, so that what began in the same microsecond stays in its order.
    events.sort_by(|a, b| a.ts.total_cmp(&b.ts));
    let mut threads: BTreeMap<u32, Calls> = BTreeMap::new();
    // What has begun and not ended on a thread: a name and when.
    let mut open: BTreeMap<u32, Vec<(String, f64)>> = BTreeMap::new();
    for Event { name, ph, tid, ts, dur } in events {
        let ended = match ph.as_str() {
            "X" => Some((name, dur)),
            "B" => {
                open.entry(tid).or_default().push((name, ts));
                None
            }
            "E" => open.entry(tid).or_default().pop().map(|(name, begun)| (name, ts - begun)),
            _ => None,
        };
        let Some((name, micros)) = ended else { continue };
        match name.as_str() {
            CALL => threads.entry(tid).or_default().whole.push(micros),
            SCRIPT => threads.entry(tid).or_default().script.push(micros),
            _ => {}
        }
    }
    Ok(threads)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_apart_by_thread_and_scripts_are_parts_of_them() {
        let trace = br#"{"traceEvents": [
            {"name": "thread_name", "ph": "M", "tid": 1, "args": {"name": "Realtime AudioWorklet thread"}},
            {"name": "AudioWorkletProcessor::Process", "ph": "X", "tid": 1, "ts": 10, "dur": 7.5},
            {"name": "", "ph": "E", "tid": 1, "ts": 16},
            {"name": "AudioWorkletProcessor::Process (author script execution)", "ph": "B", "tid": 1, "ts": 12},
            {"name": "AudioWorkletProcessor::Process", "ph": "X", "tid": 2, "ts": 11, "dur": 3},
            {"name": "AudioWorkletProcessor::Process (author script execution)", "ph": "X", "tid": 2, "ts": 11, "dur": 1},
            {"name": "something else", "ph": "X", "tid": 3, "ts": 11, "dur": 9}
        ]}"#;
        let threads = calls(trace).unwrap();
        assert_eq!(threads.len(), 2);
        assert_eq!(threads[&1], Calls { whole: vec![7.5], script: vec![4.0] });
        assert_eq!(threads[&2], Calls { whole: vec![3.0], script: vec![1.0] });
    }

    #[test]
    fn what_is_no_trace_is_an_error() {
        assert!(calls(b"{}").is_err());
    }
}
