//! A user's object, played over SQLite with a clock of the test's own: every wait of its schedules takes no time.
#![cfg(not(target_arch = "wasm32"))]
#![allow(missing_docs, clippy::cast_precision_loss)]

mod calls;
mod erasure;
mod schedules;
mod world;
