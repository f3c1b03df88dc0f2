//! The Durable Objects: [`call`], one a call; [`user`], one a user; [`phone_number`], one a number; [`deployment`], the one that counts
//! for all. What they are asked is in `rpc`.
//!
//! - [`identity`]: whose an object is.

pub(crate) mod call;
mod deployment;
mod identity;
mod phone_number;
mod user;
