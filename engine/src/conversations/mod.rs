//! What a user does with conversations that are finished: looking for them, and changing what is said about them; and what
//! becomes of one whose call goes on.

mod again;
mod changes;
mod cursor;
mod folding;
mod page;

pub use again::finish_again;
pub use changes::{ActionItemChange, Changes, ChangesError};
pub use cursor::{Cursor, NotACursor};
pub use page::{Listed, Page, PageError, Rows, Search};
