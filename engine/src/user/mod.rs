//! What a user's object decides besides numbers and calls.
//!
//! - [`task`]: what its alarm does, and when each task is run again after an error;
//! - [`unfinished`]: conversations whose call never reported its end;
//! - [`export`]: how everything of a user is given out in parts.

pub mod export;
pub mod task;
pub mod unfinished;
