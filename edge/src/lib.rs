//! Fourwire's edge: a Cloudflare Worker that performs what `fourwire-engine` decides.
//!
//! - [`routes`]: every path, and what answers it;
//! - [`listen`], [`web_listen`]: how a client's socket reaches its call's object;
//! - [`phone`]: users' numbers, access tokens and calls; [`twilio_hooks`]: Twilio's webhooks;
//! - [`call_do`]: the object of one call; [`user_do`]: the object of one user, with [`user_index`] and [`user_phone`];
//!   [`line_do`]: the object of one telephone line;
//! - [`speech_socket`]: streams to speech services;
//! - [`twilio_api`]: requests to Twilio;
//! - [`archive`]: finished conversations in R2; [`sealed_row`]: what an object keeps;
//! - [`body`], [`auth`], [`settings`], [`problem`], [`clock`]: who asks, what is configured, how a refusal is told, the time.

#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::as_conversions)]

mod archive;
mod auth;
mod body;
mod call_do;
mod call_store;
mod client;
mod clock;
mod conversations;
mod line_do;
mod listen;
mod objects;
mod phone;
mod problem;
mod routes;
mod sealed_row;
mod settings;
mod speech_socket;
mod twilio_api;
mod twilio_hooks;
mod user_do;
mod user_index;
mod user_phone;
mod web_listen;

use worker::{Context, Env, Request, Response, Result, event};

#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> Result<Response> {
    routes::answer(request, &env).await.or_else(|problem| problem.response())
}
