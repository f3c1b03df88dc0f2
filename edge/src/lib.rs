//! Fourwire's edge: a Cloudflare Worker that performs what `fourwire-engine` decides.
//!
//! - [`routes`]: every path, and what answers it;
//! - [`listen`], [`web_listen`]: how a client's socket reaches its call's object;
//! - [`conversations`], [`playback`], [`summaries`]: finished calls over HTTP; [`account`]: all of a user's;
//!   [`operator`]: everybody's;
//! - [`phone`]: users' numbers, access tokens and calls; [`twilio_hooks`]: Twilio's webhooks;
//! - [`call_do`]: the object of one call, with [`call_record`] and [`call_store`]; [`user_do`]: the object of one user, with [`user_index`], [`user_keeping`], [`user_duties`], [`user_quota`] and [`user_phone`];
//!   [`line_do`]: the object of one telephone line; [`deployment_do`]: the one object that counts what all use;
//! - [`speech_socket`]: streams to speech services; [`pusher_socket`]: the stream to an operator's program;
//! - [`inbox`]: what comes over any of these sockets, within bounds;
//! - [`outbound`]: requests to anybody outside; [`twilio_api`]: to Twilio;
//! - [`objects`], [`object_identity`]: how an object is asked, and whose it is;
//! - [`archive`]: what lies in R2; [`sealed`], [`sealed_row`]: how anything personal is kept;
//! - [`body`], [`auth`], [`sign_out`], [`settings`], [`problem`], [`clock`], [`zones`]: who asks, what is configured, how a refusal is told, the
//!   time, and what a user's clock shows.

#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::as_conversions)]

mod account;
mod archive;
mod auth;
mod body;
mod call_do;
mod call_record;
mod call_store;
mod client;
mod clock;
mod conversations;
mod deployment_do;
#[cfg(feature = "drill")]
mod drill;
mod inbox;
mod line_do;
mod listen;
mod object_identity;
mod objects;
mod operator;
mod outbound;
mod phone;
mod playback;
mod problem;
mod pusher_socket;
mod routes;
mod sealed;
mod sealed_row;
mod settings;
mod sign_out;
mod speech_socket;
mod summaries;
mod twilio_api;
mod twilio_hooks;
mod user_do;
mod user_duties;
mod user_index;
mod user_keeping;
mod user_phone;
mod user_quota;
mod web_listen;
mod zones;

use worker::{Context, Env, Request, Response, Result, event};

#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> Result<Response> {
    routes::answer(request, &env).await
}
