//! What the black-box tests stand on: a [`World`] of the lab and the built Worker in real workerd.
//!
//! Most tests share one world, each with a user of its own. A test that breaks the speech service, or looks at all of
//! its streams, starts its own: a world is up in two seconds.
#![allow(clippy::disallowed_methods, reason = "a native program has clocks")]

pub mod http;
pub mod workerd;
pub mod world;

pub use world::World;
