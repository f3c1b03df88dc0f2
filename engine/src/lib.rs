//! Everything Fourwire's edge decides, without a platform, a clock or randomness.
//!
//! - [`call`]: the session of one call, from the first frame to the stored conversation;
//! - [`audio`]: PCM and resampling;
//! - [`speech`]: speech services as codecs;
//! - [`phone`]: numbers, who may use them, and whom may be called;
//! - [`twilio`]: what is spoken with Twilio;
//! - [`identity`]: who a client is, from an ID token;
//! - [`vault`]: keys, sealing, blind indexes;
//! - [`config`]: the operator's settings, parsed once.
//!
//! `edge` performs what is decided here, and tests play it natively.

#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::as_conversions)
)]

pub mod audio;
pub mod call;
pub mod config;
pub mod identity;
pub mod phone;
pub mod speech;
pub mod twilio;
pub mod vault;
