//! What is kept, and how: [`archive`] in R2, [`directory`] of all users there; [`database`], an object's own; [`sealed`] for anything
//! personal.

pub(crate) mod archive;
pub(crate) mod database;
pub(crate) mod directory;
pub(crate) mod sealed;
