//! Tells the application how a dialled leg goes: in the order of events, or in any other that a test wants.

use std::time::Duration;

use tokio::time::sleep;

use super::handle::Twilio;
use super::records::{Delivery, Leg, Outcome};
use super::twiml::CallProblem;
use super::twiml::Twiml;
use super::voice;
use super::webhook::Webhook;

/// An event of a dialled leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallEvent {
    /// It is being dialled.
    Initiated,
    /// It rings.
    Ringing,
    /// Somebody picked up.
    Answered,
    /// It is over.
    Completed(Ending),
}

/// How a dialled leg ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// After they talked for so many seconds.
    Talked(u32),
    /// The line was busy.
    Busy,
    /// Nobody answered.
    NoAnswer,
    /// The number could not be reached.
    Failed,
    /// The caller hung up while it rang.
    Canceled,
}

impl CallEvent {
    fn name(self) -> &'static str {
        match self {
            Self::Initiated => "initiated",
            Self::Ringing => "ringing",
            Self::Answered => "answered",
            Self::Completed(_) => "completed",
        }
    }

    fn call_status(self) -> &'static str {
        match self {
            Self::Initiated => "initiated",
            Self::Ringing => "ringing",
            Self::Answered => "in-progress",
            Self::Completed(Ending::Talked(_)) => "completed",
            Self::Completed(Ending::Busy) => "busy",
            Self::Completed(Ending::NoAnswer) => "no-answer",
            Self::Completed(Ending::Failed) => "failed",
            Self::Completed(Ending::Canceled) => "canceled",
        }
    }

    /// Its place among the events of such a leg.
    fn sequence(self) -> u32 {
        match self {
            Self::Initiated => 0,
            Self::Ringing | Self::Completed(Ending::Failed) => 1,
            Self::Answered | Self::Completed(Ending::Busy | Ending::NoAnswer | Ending::Canceled) => 2,
            Self::Completed(Ending::Talked(_)) => 3,
        }
    }

    fn seconds(self) -> Option<u32> {
        match self {
            Self::Completed(Ending::Talked(seconds)) => Some(seconds),
            Self::Completed(_) => Some(0),
            _ => None,
        }
    }
}

impl Twilio {
    /// Tells the application of one event of a leg, which may be told before, after or again. None: the application does
    /// not want to be told of it.
    pub async fn call_progress(&self, leg: &Leg, event: CallEvent) -> Option<Delivery> {
        let callback = leg.status_callback.as_ref()?;
        leg.events.iter().find(|wanted| *wanted == event.name())?;
        let mut webhook = Webhook::of_call(&leg.call_sid, "outbound-dial", event.call_status());
        webhook.add("ParentCallSid", &leg.parent_call_sid);
        webhook.parties(leg.caller_id.expose(), leg.number.expose());
        webhook.places();
        webhook.event(event.sequence(), event.seconds());
        Some(webhook.send(self, callback).await.0)
    }

    /// Asks the application what the callee hears before the two are connected. None: nothing is to be heard.
    pub async fn notice(&self, leg: &Leg) -> Option<Result<Twiml, CallProblem>> {
        let target = leg.notice.as_ref()?;
        let mut webhook = Webhook::of_call(&leg.call_sid, "outbound-dial", CallEvent::Answered.call_status());
        webhook.add("ParentCallSid", &leg.parent_call_sid);
        webhook.parties(leg.caller_id.expose(), leg.number.expose());
        webhook.places();
        Some(voice::read(&webhook.send(self, target).await.1))
    }

    /// Plays a leg as the last digits of its number say: it rings and is answered, and they talk for so long, or for as
    /// long as the dial allows. What the application was told of, in order.
    pub async fn play(&self, leg: &Leg, talk: Duration) -> Vec<Delivery> {
        let mut told = Vec::new();
        let ending = ending_of(leg, talk);
        told.extend(self.call_progress(leg, CallEvent::Initiated).await);
        if ending != Ending::Failed {
            told.extend(self.call_progress(leg, CallEvent::Ringing).await);
            sleep(self.options().ring).await;
        }
        if let Ending::Talked(seconds) = ending {
            // What is heard is for the callee: the application finds out by its own tests whether it is right.
            let _ = self.notice(leg).await;
            told.extend(self.call_progress(leg, CallEvent::Answered).await);
            sleep(Duration::from_secs(seconds.into())).await;
        }
        told.extend(self.call_progress(leg, CallEvent::Completed(ending)).await);
        told
    }
}

fn ending_of(leg: &Leg, talk: Duration) -> Ending {
    unanswered(leg.number.expose()).unwrap_or_else(|| {
        let talk = leg.time_limit.map_or(talk, |limit| talk.min(limit));
        Ending::Talked(u32::try_from(talk.as_secs()).unwrap_or(u32::MAX))
    })
}

/// How a call to a number ends without an answer, by its last digits; none: somebody picks up.
pub(crate) fn unanswered(number: &str) -> Option<Ending> {
    match Outcome::of(number) {
        Outcome::NoAnswer => Some(Ending::NoAnswer),
        Outcome::Busy => Some(Ending::Busy),
        Outcome::Failed => Some(Ending::Failed),
        Outcome::Verified | Outcome::WrongCode => None,
    }
}
