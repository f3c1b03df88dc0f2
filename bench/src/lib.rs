//! What a call costs. The program prints it all; `benches/engine.rs` times the engine alone.
//!
//! - [`comparison`]: the built Worker in plain workerd beside an empty Worker that receives the same messages;
//!   [`load`] and [`speech`] are its parts;
//! - [`webhooks`]: the built Worker's answers to Twilio beside those of a Worker on Twilio's own package;
//! - [`operations`]: everything that the platform bills for a call, counted, by its [`prices`];
//! - [`long`]: what a call of four hours takes, and reading its audio, with [`download`];
//! - [`page`]: what the browser module costs in a real Chromium, beside the same call without it;
//! - [`archive`]: where all of them store; [`workerd`], [`usage`], [`report`]: what they run in, what that uses, and the tables;
//! - [`call`]: a call-second of the engine without any platform, and [`instructions`], which counts what it takes.
#![allow(clippy::disallowed_methods, reason = "a native program has clocks")]

pub mod archive;
pub mod call;
pub mod comparison;
pub mod download;
pub mod instructions;
pub mod load;
pub mod long;
pub mod operations;
pub mod page;
pub mod prices;
pub mod report;
pub mod speech;
pub mod usage;
pub mod webhooks;
pub mod workerd;

use std::path::{Path, PathBuf};

/// The checkout's top folder.
#[must_use]
pub fn top() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}
