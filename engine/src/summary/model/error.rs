//! Why a model gave no summary. Nothing that it wrote is in an error: an error may be logged.

use fourwire_wire::units::UnixMillis;
use serde_json::Value;
use thiserror::Error;

use super::ModelAnswer;

/// Longest wait that a server can ask for, in seconds: an hour.
const MAX_RETRY_AFTER: u64 = 60 * 60;
/// `error.code` or `error.type` of an account that has used up what it paid for.
const QUOTA: [&str; 3] = ["insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached"];

/// A part of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The whole body.
    Answer,
    /// What the model wrote.
    Content,
    /// The summary's title.
    Title,
    /// The summary's overview.
    Overview,
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Answer => "the answer",
            Self::Content => "the content",
            Self::Title => "the title",
            Self::Overview => "the overview",
        }
    }
}

/// Why there is no summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ModelError {
    /// It does not take our key.
    #[error("the key is refused")]
    Key,
    /// It wants to be asked less often.
    #[error("too many requests")]
    TooMany {
        /// After how many seconds it may be asked again, where it says so.
        retry_after: Option<u64>,
    },
    /// The account has used up what it paid for.
    #[error("the account's quota is used up")]
    Quota,
    /// It is down or overloaded.
    #[error("down, with status {status}")]
    Down {
        /// The HTTP status; 0 where there was none.
        status: u16,
        /// After how many seconds it may be asked again, where it says so.
        retry_after: Option<u64>,
    },
    /// It does not take the request: there is no such model, or it does not know a field.
    #[error("refused with status {0}")]
    Refused(u16),
    /// The model declined to answer.
    #[error("the model declined")]
    Declined,
    /// The answer was held back by a filter.
    #[error("the answer was filtered")]
    Filtered,
    /// The answer broke off at its greatest length.
    #[error("the answer broke off")]
    Truncated,
    /// There is an answer, and nothing in it.
    #[error("the answer is empty")]
    Empty,
    /// That is no JSON: a page of some proxy, or prose.
    #[error("{} is no JSON", .0.name())]
    NotJson(Part),
    /// That is not of the kind that was asked for: missing, of another type, empty or too long.
    #[error("{} is not what was asked for", .0.name())]
    Wrong(Part),
}

impl ModelError {
    /// Whether the same request may be answered well another time.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::TooMany { .. } | Self::Down { .. } | Self::Empty | Self::NotJson(_) | Self::Wrong(_) => true,
            Self::Key | Self::Quota | Self::Refused(_) | Self::Declined | Self::Filtered | Self::Truncated => false,
        }
    }

    /// After how many seconds it may be asked again, where it says so.
    #[must_use]
    pub const fn retry_after(self) -> Option<u64> {
        match self {
            Self::TooMany { retry_after } | Self::Down { retry_after, .. } => retry_after,
            _ => None,
        }
    }
}

/// What a status other than a good one means.
pub(super) fn refusal(answer: &ModelAnswer<'_>, now: UnixMillis) -> ModelError {
    let retry_after = answer.retry_after.and_then(|text| seconds(text, now));
    match answer.status {
        401 | 403 => ModelError::Key,
        402 => ModelError::Quota,
        429 if is_out_of_quota(answer.body) => ModelError::Quota,
        429 => ModelError::TooMany { retry_after },
        status @ (408 | 425 | 500..) => ModelError::Down { status, retry_after },
        status => ModelError::Refused(status),
    }
}

/// `Retry-After` is a number of seconds or a date.
fn seconds(text: &str, now: UnixMillis) -> Option<u64> {
    let text = text.trim();
    let date =
        || UnixMillis::from_rfc2822(&text.replace("GMT", "+0000")).map(|moment| moment.since(now).div_ceil(1000));
    text.parse().ok().or_else(date).map(|seconds: u64| seconds.min(MAX_RETRY_AFTER))
}

fn is_out_of_quota(body: &[u8]) -> bool {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    ["code", "type"].iter().filter_map(|name| body.get("error")?.get(name)?.as_str()).any(|code| QUOTA.contains(&code))
}
