//! What a user does with conversations that are finished: looking for them, and changing what is said about them.

mod changes;
mod folding;
mod page;

pub use changes::{ActionItemChange, Changes, ChangesError};
pub use page::{Page, PageError, Search};
