//! Whole calls in simulated time: a client, speech services that hear what they are sent, a store, and faults at any
//! point. One file a behaviour.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "simulated sound is computed in floats"
)]

#[path = "../bundled_zones/mod.rs"]
mod bundled_zones;
mod captions;
mod client_oddities;
mod ending;

mod eviction;
mod finished_again;
mod gaps;
mod harness;
mod placement;
mod placement_random;
mod pusher;
mod quotas;
mod random;
mod reconnect;
mod recording;
mod refusals;
mod resting;
mod resume;
mod screen;
mod sign_in;
mod speech_faults;
mod speech_faults_random;
mod speech_lag;
mod speech_pace;
mod summary;
mod voices;
