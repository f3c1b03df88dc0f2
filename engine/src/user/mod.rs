//! The core of a user's object: the index of conversations, what is owed for finished ones, retention, erasure, quotas, numbers and the
//! call log.
//!
//! [`User`] decides from the object's own database, which answers at once, and from the time that it is given. What takes a while (R2,
//! other objects, the operator's servers) it asks for: a [`Run`] gives out [`Job`]s one by one, and takes what has come of each.
//! [`User::poll_timeout`] says when the next run is due. A run that is cut off anywhere is made up for by the next one:
//!
//! ```text
//! while let Some(output) = run.poll(&user, now()) {
//!     match output {
//!         Output::Do(job) => { let input = perform(job).await; run.handle(&user, now(), input) }
//!         Output::Failed { task, error } => log(task, error),
//!     }
//! }
//! ```
//!
//! - [`task`]: what is due when, and when it is run again after an error;
//! - [`follow_up`]: what is to be done for a finished conversation, and how often it is tried;
//! - [`unfinished`]: conversations whose call never reported its end;
//! - [`export`]: how everything of a user is given out in parts.

mod account;
mod call_log;
mod conversations;
mod core;
mod dialling;
mod erasure;
pub mod export;
pub mod follow_up;
mod index;
mod run;
mod schema;
mod sessions;
pub mod task;
pub mod unfinished;

pub use self::account::{Numbers, Reconciliation};
pub use self::call_log::EXPORTED_CALLS;
pub use self::conversations::Found;
pub use self::core::{Error, User};
pub use self::dialling::{DialDecision, DialRequest};
pub use self::index::Known;
pub use self::run::{Failure, Input, Job, Output, Run};
pub use self::schema::create as create_tables;
pub use self::sessions::CallStart;
