//! How much a user, and the whole deployment, may use of what costs something: decided here, kept by the object of whom it is
//! about.
//!
//! - [`sessions`]: a user's listen sessions, at once and by the minutes of a day;
//! - [`reprocessing`]: how often a user may have conversations summed up anew;
//! - [`exports`]: how many parts of an export a user may have;
//! - [`deployment`]: what all users together may use within a day.
//!
//! How often a number may be rung is in [`crate::phone::claim`], how much may be dialled in [`crate::phone::dialling`].

pub mod deployment;
pub mod exports;
pub mod reprocessing;
pub mod sessions;
mod usage;

pub use usage::Usage;
