//! What the lab has in Twilio's place: the API and its callbacks, calls on the telephone's side, and calls from a browser.

mod api;
mod carrier;
mod phone_command;
mod sdk;
mod support;
mod verification;
mod voice;
