//! What is still to be done for a finished conversation, and how often it is tried.

use serde::{Deserialize, Serialize};

/// Wait before the second try, in milliseconds; four times as long after each further one.
const FIRST_WAIT_MILLIS: u64 = 60_000;
/// How often a thing is tried: at once, then after 1, 5, 21 and 85 minutes, and after 6 hours.
const MAX_TRIES: u32 = 6;

/// Something to be done for a finished conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FollowUp {
    /// A language model is to be asked once more: it was down when the call ended, and the conversation has Fourwire's own extract.
    Summary,
    /// The operator's server is to be notified.
    Webhook,
}

impl FollowUp {
    /// Its name, in the database and the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Summary => "summary",
            Self::Webhook => "webhook",
        }
    }

    /// The one of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Summary, Self::Webhook].into_iter().find(|follow_up| follow_up.name() == name)
    }

    /// How often it has been tried when it is enqueued: a model that has just failed is not asked at once.
    #[must_use]
    pub const fn tries_before(self) -> u32 {
        match self {
            Self::Summary => 1,
            Self::Webhook => 0,
        }
    }
}

/// How long to wait after so many tries, in milliseconds; `None`: it is given up.
#[must_use]
pub fn wait_after(tries: u32) -> Option<u64> {
    match tries {
        0 => Some(0),
        1..MAX_TRIES => Some(FIRST_WAIT_MILLIS.saturating_mul(1 << (2 * (tries - 1)))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn a_thing_is_tried_at_once_and_then_ever_more_seldom_for_six_hours() {
        let minutes = |tries| wait_after(tries).map(|millis| millis / 60_000);
        let waits: Vec<_> = (0..8).map(minutes).collect();
        assert_eq!(waits, [Some(0), Some(1), Some(4), Some(16), Some(64), Some(256), None, None]);
        assert_eq!(wait_after(u32::MAX), None);
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for follow_up in [FollowUp::Summary, FollowUp::Webhook] {
            assert_eq!(FollowUp::named(follow_up.name()), Some(follow_up));
        }
        assert_eq!(FollowUp::named("duty"), None);
    }
}
