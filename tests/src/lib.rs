//! What the black-box tests stand on: a [`World`] of the lab and the built Worker in real workerd.
//!
//! Most tests share one world, each with users of its own. A test that breaks the speech service, or looks at all of
//! its streams, starts its own: a world is up in two seconds.
//!
//! Whatever a test does, [`personal`] watches the Worker's log and what it leaves on disk.
#![allow(clippy::disallowed_methods, reason = "a native program has clocks")]

pub mod browser;
pub mod dialer;
pub mod front;
pub mod http;
pub mod kept;
pub mod likeness;
pub mod openapi;
pub mod page;
pub mod personal;
pub mod phone;
pub mod playback;
pub mod raw;
pub mod talk;
pub mod workerd;
pub mod world;

pub use talk::{Said, Spoken, Talk, assert_words_land, begin};
pub use world::World;

/// Whether troubles and calls may last as long as they do outside: minutes. `cargo xtask test --long` says so.
#[must_use]
pub fn takes_its_time() -> bool {
    std::env::var_os("FOURWIRE_LONG").is_some()
}
