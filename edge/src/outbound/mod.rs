//! Whom this Worker calls: [`http`] for every request; [`issuer`], [`twilio`], [`language_model`] and [`webhook`] for what is said
//! to whom. Streams are the call's own (`objects::call`).

pub(crate) mod http;
pub(crate) mod issuer;
pub(crate) mod language_model;
pub(crate) mod twilio;
pub(crate) mod webhook;
