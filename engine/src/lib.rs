//! Everything Fourwire's edge decides, without a platform, a clock or randomness.
//!
//! - [`call`]: the session of one call, from the first frame to the stored conversation;
//! - [`audio`]: PCM, resampling, mixing, WAV;
//! - [`record`]: a call's audio and document in the store, and playback;
//! - [`conversations`]: what a user does with finished ones;
//! - [`transcript`]: what was said as text, subtitles or JSON;
//! - [`summary`]: what is made of a finished call's text;
//! - [`socket`]: how much may come over a socket, and wait;
//! - [`zones`]: the user's clock;
//! - [`speech`]: speech services as codecs;
//! - [`pusher`]: what an operator's program hears of a running call;
//! - [`database`]: an object's own SQLite, as the engine asks it;
//! - [`fault`]: what fails inside, for the operator's log;
//! - [`phone`]: numbers, who may use them, and whom may be called;
//! - [`limit`]: how often something may happen;
//! - [`quota`]: how much a user, and the whole deployment, may use;
//! - [`twilio`]: what is spoken with Twilio;
//! - [`identity`]: who a client is, from an ID token;
//! - [`outbound`]: which addresses the Worker calls itself;
//! - [`names`]: how a user's id goes into the names of other things;
//! - [`user`]: the core of a user's object;
//! - [`vault`]: keys, sealing, blind indexes;
//! - [`webhook`]: how an operator's server is told of a finished call;
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
pub mod conversations;
pub mod database;
pub mod fault;
pub mod identity;
pub mod limit;
pub mod names;
pub mod outbound;
pub mod phone;
pub mod pusher;
pub mod quota;
pub mod record;
pub mod socket;
pub mod speech;
pub mod summary;
pub mod transcript;
pub mod twilio;
mod unicode;
pub mod user;
pub mod vault;
pub mod webhook;
pub mod zones;
