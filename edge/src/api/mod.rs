//! HTTP in: who asks, what is asked, and how it is answered. What an answer needs of an object is asked through `rpc`.
//!
//! - [`conversations`], [`playback`]: finished calls; [`own_conversation`]: how one is found and changed; [`account`], [`export`]: all
//!   of a user's; [`operator`]: everybody's;
//! - [`phone`]: numbers, access tokens and calls; [`twilio_webhooks`]: what Twilio asks and reports;
//! - [`listen`], [`listen_web`]: how a client's socket reaches its call's object;
//! - [`auth`], [`body`], [`response`]: what they have in common.

pub(crate) mod account;
mod auth;
mod body;
pub(crate) mod conversations;
pub(crate) mod export;
pub(crate) mod listen;
pub(crate) mod listen_web;
pub(crate) mod operator;
mod own_conversation;
pub(crate) mod phone;
pub(crate) mod playback;
mod response;
pub(crate) mod twilio_webhooks;
