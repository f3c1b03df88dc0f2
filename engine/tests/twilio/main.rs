//! What is exchanged with Twilio: signed webhooks in, access tokens out.

mod access_token;
mod published;
mod random;
mod support;
mod webhooks;
