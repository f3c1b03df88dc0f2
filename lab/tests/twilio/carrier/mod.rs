//! The carrier of calls from a browser.

mod browser;
mod calls;
mod media;
mod phone;
mod signalling;
