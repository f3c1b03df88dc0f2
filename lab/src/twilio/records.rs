//! What the lab's Twilio remembers: calls that were placed, verification calls, and what was sent to the application.

use std::time::Duration;

use axum::http::Method;
use fourwire_wire::pii::Pii;

use super::twiml::{CallProblem, Twiml};

/// A call that was placed, and what the application said.
#[derive(Clone, Debug)]
pub struct PlacedCall {
    /// Names the browser's leg.
    pub call_sid: String,
    /// The status of the application's answer; none where there was no answer.
    pub status: Option<u16>,
    /// The answer's content type.
    pub content_type: Option<String>,
    /// The answer's body.
    pub body: Pii<String>,
    /// The answer, where it was good.
    pub twiml: Option<Twiml>,
    /// The telephones that were dialled.
    pub legs: Vec<Leg>,
    /// What went wrong.
    pub problems: Vec<CallProblem>,
}

impl PlacedCall {
    /// Whether something went wrong by this number.
    #[must_use]
    pub fn has_problem(&self, code: u32) -> bool {
        self.problems.iter().any(|problem| problem.code == code)
    }
}

/// The leg to a telephone that was dialled.
#[derive(Clone, Debug)]
pub struct Leg {
    /// Names the leg.
    pub call_sid: String,
    /// Names the browser's leg.
    pub parent_call_sid: String,
    /// Who is called.
    pub number: Pii<String>,
    /// What is shown to them.
    pub caller_id: Pii<String>,
    /// How long the call may last.
    pub time_limit: Option<Duration>,
    /// How long it may ring.
    pub ring_limit: Duration,
    /// Which of the leg's events the application wants to be told of.
    pub events: Vec<String>,
    pub(super) status_callback: Option<Target>,
    pub(super) notice: Option<Target>,
    /// Which of the answer's verbs dialled it.
    pub(crate) verb: usize,
}

impl Leg {
    /// Where the application wants to be told of the leg's events.
    #[must_use]
    pub fn status_callback(&self) -> Option<&str> {
        self.status_callback.as_ref().map(|callback| callback.url.as_str())
    }
}

/// How a verification call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Answered, and the right code is typed.
    Verified,
    /// Answered, and another code is typed.
    WrongCode,
    /// Nobody answers.
    NoAnswer,
    /// The line is busy.
    Busy,
    /// The number cannot be reached.
    Failed,
}

impl Outcome {
    /// What a number's last digits say.
    pub(super) fn of(number: &str) -> Self {
        match last_digits(number) {
            "0001" => Self::WrongCode,
            "0002" => Self::NoAnswer,
            "0005" => Self::Busy,
            "0006" => Self::Failed,
            _ => Self::Verified,
        }
    }

    pub(super) fn call_status(self) -> &'static str {
        match self {
            Self::Verified | Self::WrongCode => "completed",
            Self::NoAnswer => "no-answer",
            Self::Busy => "busy",
            Self::Failed => "failed",
        }
    }
}

/// How a verification call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// It rings for [`ring`](super::TwilioOptions::ring) and ends so.
    Ends(Outcome),
    /// It is answered well, but the status callback is never sent.
    CallbackLost,
    /// It rings for [`late`](super::TwilioOptions::late) before it is answered well.
    Late,
    /// It rings until [`Twilio::finish`](super::Twilio::finish) ends it.
    Manual,
}

impl From<Outcome> for Course {
    fn from(outcome: Outcome) -> Self {
        Self::Ends(outcome)
    }
}

impl Course {
    /// What a number's last digits say.
    pub(super) fn of(number: &str) -> Self {
        match last_digits(number) {
            "0003" => Self::CallbackLost,
            "0004" => Self::Late,
            _ => Outcome::of(number).into(),
        }
    }
}

fn last_digits(number: &str) -> &str {
    number.get(number.len().saturating_sub(4)..).unwrap_or_default()
}

/// What is known about one verification call.
#[derive(Clone, Debug)]
pub struct VerificationCall {
    /// Names it.
    pub call_sid: String,
    /// Who is rung.
    pub number: Pii<String>,
    /// What the caller ID is to be called.
    pub friendly_name: Pii<String>,
    /// What is to be typed.
    pub code: Pii<String>,
    /// Seconds that the call was to wait for.
    pub call_delay: u32,
    /// Where the result is to be told.
    pub status_callback: Option<String>,
    /// How it ended; none while it runs.
    pub outcome: Option<Outcome>,
}

/// How webhooks are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signing {
    /// With the account's auth token.
    #[default]
    Good,
    /// With another token.
    Forged,
    /// With the account's auth token, before one more field is added.
    Tampered,
    /// Not at all.
    Missing,
}

/// A webhook or status callback that was sent.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Where to, as it was signed.
    pub url: String,
    /// The fields, in the order in which they were sent.
    pub fields: Vec<(String, Pii<String>)>,
    /// The status of the answer, or why there was none.
    pub answer: Result<u16, String>,
}

impl Delivery {
    /// A field's value.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.expose().as_str())
    }
}

/// Where an application wants to be asked or told something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) url: String,
    pub(super) method: Method,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_numbers_last_digits_decide_unless_told_otherwise() {
        for (number, course) in [
            ("+12025550123", Course::Ends(Outcome::Verified)),
            ("+12025550001", Course::Ends(Outcome::WrongCode)),
            ("+12025550002", Course::Ends(Outcome::NoAnswer)),
            ("+442079460003", Course::CallbackLost),
            ("+12025550004", Course::Late),
            ("+12025550005", Course::Ends(Outcome::Busy)),
            ("+12025550006", Course::Ends(Outcome::Failed)),
        ] {
            assert_eq!(Course::of(number), course, "{number}");
        }
    }
}
