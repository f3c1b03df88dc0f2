//! The black-box suite: one program, so that most tests share one workerd. One file a behaviour.
//!
//! Tests begin in the order of their names, and the two that take longest come first.
#![allow(missing_docs, clippy::disallowed_methods)]

mod a_call_of_a_minute;
mod abandoned_calls;
mod access_tokens;
mod admission;
mod api_description;
mod archive_trouble;
mod asked_again;
mod bad_requests;
mod call_ledger;
mod call_limits;
mod calls_and_conversations;
mod captions;
mod changes;
mod closes;
mod configuration;
mod conversations;
mod deletion;
mod dialling;
mod endings;
mod eviction;
mod export;
mod head;
mod heartbeat;
mod lists;
mod main_job;
mod nothing_personal_leaks;
mod numbers;
mod odd_frames;
mod panics;
mod phone_settings;
mod playback;
mod pusher;
mod reconnects;
mod recording;
mod refused_calls;
mod resume;
mod rotation;
mod signature_judge;
mod speech_service_faults;
mod stored_form;
mod summaries;
mod twilio_trouble;
mod webhook_signatures;
