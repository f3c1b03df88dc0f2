//! Fourwire's edge: a Cloudflare Worker that performs what `fourwire-engine` decides.
//!
//! Its rooms: `routes → api → rpc ← objects`, and both sides use `storage`, `outbound` and the ground below. `api` and `objects` meet in
//! `rpc` and nowhere else (`cargo xtask test` holds the sources to it).
//!
//! - [`routes`]: every path, and what answers it; [`api`]: HTTP in;
//! - [`objects`]: the Durable Objects; [`rpc`]: what they are asked;
//! - [`storage`]: what is kept in R2, and how anything personal is sealed; [`outbound`]: whom this Worker calls;
//! - the ground: [`fault`], what fails inside, [`problem`], how a refusal is told, [`log`], what the operator reads; [`settings`]; [`clock`] and [`zones`]; [`socket`], what comes over a WebSocket, within
//!   bounds; [`webhook_paths`], where Twilio finds us.

#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::as_conversions)]

mod api;
mod clock;
mod fault;
#[cfg(feature = "fault-injection")]
mod fault_injection;
mod log;
mod objects;
mod outbound;
mod problem;
mod routes;
mod rpc;
mod settings;
mod socket;
mod storage;
mod webhook_paths;
mod zones;

use worker::{Context, Env, Request, Response, Result, event};

#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> Result<Response> {
    routes::answer(request, &env).await
}
