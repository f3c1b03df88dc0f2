//! What is spoken with Twilio: who sent a request, what is answered, what is asked.
//!
//! - [`signature`]: whether a webhook is Twilio's;
//! - [`token`]: the access tokens with which a user's device places calls;
//! - [`identity`]: the names by which Twilio knows these devices;
//! - [`webhook`], [`twiml`]: what a webhook says, and what it is answered;
//! - [`caller_ids`]: the API for numbers that calls may show;

pub mod caller_ids;
pub mod identity;
pub mod signature;
pub mod token;
pub mod twiml;
pub mod webhook;
