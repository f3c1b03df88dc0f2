//! What a user's object decides besides numbers and calls.
//!
//! - [`task`]: what its alarm does, and when each task is run again after an error;
//! - [`unfinished`]: conversations whose call never reported its end;
//! - [`follow_up`]: what is to be done for a finished conversation, and how often it is tried;
//! - [`export`]: how everything of a user is given out in parts.

pub mod export;
pub mod follow_up;
pub mod task;
pub mod unfinished;
