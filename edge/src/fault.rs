//! What fails inside the Worker, with what the platform says of its own errors. At the border a fault becomes
//! [`Problem::Internal`](crate::problem::Problem), whose text says nothing of it, and a line in the log, which says it all.

use std::borrow::Cow;

pub(crate) use fourwire_engine::fault::{Cause, During, Fault};

/// The same for the platform's errors.
pub(crate) trait PlatformDuring<T> {
    /// The value, or the fault of this operation.
    fn during(self, operation: &'static str) -> Result<T, Fault>;
}

impl<T> PlatformDuring<T> for worker::Result<T> {
    fn during(self, operation: &'static str) -> Result<T, Fault> {
        self.map_err(|error| Fault { operation, cause: error.cause() })
    }
}

/// An error of the platform that can be logged.
pub(crate) trait PlatformCause {
    /// The platform's own words where an operation names itself: those of storage, SQL, R2 and objects hold names of ours at most.
    fn cause(&self) -> Cow<'static, str>;
}

impl PlatformCause for worker::Error {
    fn cause(&self) -> Cow<'static, str> {
        self.to_string().into()
    }
}
