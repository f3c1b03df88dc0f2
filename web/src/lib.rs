//! Fourwire's browser module: records both sides of a web dialer's call, streams them without loss, and tells what is said.
//!
//! ```text
//!   page            recorder.rs ──── streams ───▶ worklet.js (audio thread): both sides' samples, by one clock
//!    ▲                  │                              │ 23 blocks a second
//!    │ captions, state  │ start, mute, end             ▼
//!    └──────────────────┴─────────────────────▶ worker.rs (a Worker): Session, wasm, the socket
//! ```
//!
//! - [`session`]: one call's recording without a browser: what happens goes in, what is to be done comes out;
//!   [`capture`], [`resample`], [`buffer`], [`backoff`], [`heard`] and [`captions`] are its parts; [`address`]: where the server is;
//! - `recorder`, on the page's thread: the class that a dialer uses; `worker`: the socket, on a thread that a busy page does not
//!   hold up. Both only in a browser.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::as_conversions)
)]
#![cfg_attr(
    test,
    allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "small numbers of tests"
    )
)]

#[cfg(target_arch = "wasm32")]
mod order;
#[cfg(target_arch = "wasm32")]
mod recorder;
#[cfg(target_arch = "wasm32")]
mod worker;

pub mod address;
pub mod backoff;
pub mod buffer;
pub mod captions;
pub mod capture;
pub mod heard;
pub mod resample;
pub mod session;
