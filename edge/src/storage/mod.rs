//! What is kept, and how: [`archive`] in R2, [`directory`] of all users there; [`sealed`] and [`sealed_row`] for anything personal.

pub(crate) mod archive;
pub(crate) mod directory;
pub(crate) mod sealed;
pub(crate) mod sealed_row;
