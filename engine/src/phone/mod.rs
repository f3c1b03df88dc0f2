//! Telephone numbers, who may use them, and whom may be called with them.
//!
//! - [`number`]: a number of the world's numbering plans;
//! - [`destinations`]: which of them may be rung at all;
//! - [`claim`]: one number's story: who holds it, and how that was proven;
//! - [`account`]: one user's numbers;
//! - [`ledger`]: the calls of a user, from what Twilio tells of them;
//! - [`sid`]: Twilio's names for calls and numbers;
//! - [`dialling`]: whether a user may make a call, and with which caller ID.

pub mod account;
pub mod claim;
pub mod destinations;
pub mod dialling;
pub mod ledger;
pub mod notice;
pub mod number;
pub mod sid;
