//! What fails inside, as an operation and its cause, for the operator's log. A client never sees either.

use std::borrow::Cow;
use std::num::TryFromIntError;

use fourwire_wire::ids::IdError;
use serde_json::error::Category;
use thiserror::Error;

use crate::record::playback::PlaybackError;
use crate::record::{ChunkError, NameError};
use crate::twilio::token::IssueError;
use crate::twilio::twiml::WriteError;
use crate::vault::{OpenError, SealError};

/// Something has failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{operation}: {cause}")]
pub struct Fault {
    /// What was being done: `r2.put`, `seal.open`.
    pub operation: &'static str,
    /// Why it did not go well. It holds nothing of a user.
    pub cause: Cow<'static, str>,
}

impl Fault {
    /// An operation has failed.
    pub fn new(operation: &'static str, cause: impl Into<Cow<'static, str>>) -> Self {
        Self { operation, cause: cause.into() }
    }
}

/// Names the operation in which something failed.
pub trait During<T> {
    /// The value.
    ///
    /// # Errors
    /// The fault of this operation.
    fn during(self, operation: &'static str) -> Result<T, Fault>;
}

impl<T, E: Cause> During<T> for Result<T, E> {
    fn during(self, operation: &'static str) -> Result<T, Fault> {
        self.map_err(|error| Fault { operation, cause: error.cause() })
    }
}

impl<T> During<T> for Option<T> {
    fn during(self, operation: &'static str) -> Result<T, Fault> {
        self.ok_or(Fault { operation, cause: Cow::Borrowed("nothing is there") })
    }
}

/// An error that can be logged.
pub trait Cause {
    /// What it says, without anything of a user.
    fn cause(&self) -> Cow<'static, str>;
}

impl Cause for serde_json::Error {
    /// Where it is, and not what is there.
    fn cause(&self) -> Cow<'static, str> {
        let kind = match self.classify() {
            Category::Io => "cannot be written as JSON",
            Category::Syntax => "is no JSON",
            Category::Data => "is not of the expected form",
            Category::Eof => "ends too early",
        };
        format!("{kind}, line {} column {}", self.line(), self.column()).into()
    }
}

impl Cause for TryFromIntError {
    fn cause(&self) -> Cow<'static, str> {
        Cow::Borrowed("a number does not fit")
    }
}

/// Errors of our own, which say nothing of a user.
macro_rules! causes {
    ($($error:ty),* $(,)?) => {
        $(impl Cause for $error {
            fn cause(&self) -> Cow<'static, str> {
                self.to_string().into()
            }
        })*
    };
}

causes!(OpenError, SealError, ChunkError, NameError, PlaybackError, WriteError, IssueError, IdError);
