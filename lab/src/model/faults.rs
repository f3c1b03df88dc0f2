//! Faults that a test can order, for requests to come.

use std::time::Duration;

use super::problem::Problem;

/// Something that goes wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is answered with 429, and how many seconds to wait.
    TooMany {
        /// `Retry-After`; none: there is no such header.
        retry_after: Option<u32>,
    },
    /// It is answered with 429 and `insufficient_quota`.
    Quota,
    /// It is answered with such a status and an error of the server.
    Down(u16),
    /// It is answered so much later, and well.
    Slow(Duration),
    /// It is never answered.
    Hang,
    /// The model declines, with a message's `refusal`.
    Refusal,
    /// The content breaks off in the middle, with the finish reason `length`.
    Truncated,
    /// There is no content, with the finish reason `content_filter`.
    Filtered,
    /// It is answered with 200 and a page that is no JSON.
    Garbage,
    /// The content is a sentence and no JSON.
    Prose,
    /// The content is this text: JSON of another shape, for one.
    Content(String),
}

impl Fault {
    /// The refusal with which it answers, where that is what it does.
    pub(super) fn problem(&self) -> Option<Problem> {
        match self {
            Self::TooMany { retry_after } => Some(Problem::too_many(*retry_after)),
            Self::Quota => Some(Problem::quota()),
            Self::Down(status) => Some(Problem::down(*status)),
            _ => None,
        }
    }
}

/// The faults that are ordered, oldest first, each for so many requests.
#[derive(Default)]
pub(super) struct Orders(Vec<(u32, Fault)>);

impl Orders {
    pub(super) fn add(&mut self, requests: u32, fault: Fault) {
        self.0.push((requests, fault));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault for the next request.
    pub(super) fn take(&mut self) -> Option<Fault> {
        self.0.retain(|(left, _)| *left > 0);
        let (left, fault) = self.0.first_mut()?;
        *left -= 1;
        Some(fault.clone())
    }
}
