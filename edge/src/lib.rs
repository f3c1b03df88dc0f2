//! Fourwire's edge: a Cloudflare Worker that performs what `fourwire-engine` decides.
//!
//! - [`routes`]: every path, and what answers it;
//! - [`listen`], [`web_listen`]: how a client's socket reaches its call's object;
//! - [`call_do`]: the object of one call; [`user_do`]: the object of one user;
//! - [`speech_socket`]: streams to speech services;
//! - [`archive`]: finished conversations in R2;
//! - [`auth`], [`settings`], [`problem`], [`clock`]: who asks, what is configured, how a refusal is told, the time.

#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::as_conversions)]

mod archive;
mod auth;
mod call_do;
mod call_store;
mod client;
mod clock;
mod conversations;
mod listen;
mod problem;
mod routes;
mod settings;
mod speech_socket;
mod user_do;
mod web_listen;

use worker::{Context, Env, Request, Response, Result, event};

#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> Result<Response> {
    routes::answer(request, &env).await.or_else(|problem| problem.response())
}
