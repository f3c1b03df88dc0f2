//! What fails inside the Worker: in which operation, and why. At the border a fault becomes [`Problem::Internal`](crate::problem::Problem),
//! whose text says nothing of it, and a line in the log, which says it all.

use std::borrow::Cow;
use std::num::TryFromIntError;

use fourwire_engine::record::playback::PlaybackError;
use fourwire_engine::record::{ChunkError, NameError};
use fourwire_engine::twilio::token::IssueError;
use fourwire_engine::twilio::twiml::WriteError;
use fourwire_engine::vault::{OpenError, SealError};
use fourwire_wire::ids::IdError;
use serde_json::error::Category;
use thiserror::Error;

/// Something has failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{operation}: {cause}")]
pub(crate) struct Fault {
    /// What was being done: `r2.put`, `seal.open`.
    pub(crate) operation: &'static str,
    /// Why it did not go well. It holds nothing of a user.
    pub(crate) cause: Cow<'static, str>,
}

impl Fault {
    /// An operation has failed.
    pub(crate) fn new(operation: &'static str, cause: impl Into<Cow<'static, str>>) -> Self {
        Self { operation, cause: cause.into() }
    }
}

/// Names the operation in which something failed.
pub(crate) trait During<T> {
    /// The value, or the fault of this operation.
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
pub(crate) trait Cause {
    /// What it says, without anything of a user.
    fn cause(&self) -> Cow<'static, str>;
}

impl Cause for worker::Error {
    /// The platform's own words where an operation names itself: those of storage, SQL, R2 and objects hold names of ours at most.
    fn cause(&self) -> Cow<'static, str> {
        self.to_string().into()
    }
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
