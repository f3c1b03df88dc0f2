//! The black-box suite: one program, so that most tests share one workerd. One file a behaviour.
//!
//! Tests begin in the order of their names, and the two that take longest come first.
#![allow(missing_docs, clippy::disallowed_methods)]

mod a_call_of_a_minute;
mod abandoned_calls;
mod admission;
mod bad_requests;
mod captions;
mod configuration;
mod conversations;
mod eviction;
mod heartbeat;
mod main_job;
mod nothing_personal_leaks;
mod odd_frames;
mod panics;
mod reconnects;
mod speech_service_faults;
