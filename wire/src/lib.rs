//! What travels on Fourwire's listen socket, for every program that speaks on it: the edge, the browser module, the lab.
//!
//! - [`frame`]: binary messages, one channel's PCM behind one byte that names the channel;
//! - [`query`]: what the client asks for in the URL;
//! - [`event`]: text messages both ways;
//! - [`segment`] and [`conversation`]: what was said, while the call runs and afterwards;
//! - [`ids`], [`units`], [`pii`]: the types that keep ids, times and personal data from being mixed up or printed.
//!
//! No platform, no clock, no I/O: parsing borrows from the message it was given.

#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::as_conversions)
)]

pub mod conversation;
pub mod event;
pub mod frame;
pub mod ids;
pub mod pii;
pub mod query;
pub mod segment;
pub mod structured;
pub mod units;
