//! A telephone that is dialled: it rings as its callee and its number's last digits say, and the application is told.
//!
//! What it was told of is in order, one after the other, and holds nothing up. A telephone that is dropped is hung up: it
//! is told as canceled where it rang, and as completed where somebody had picked up.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::callee::{Answer, Callee};
use super::handle::Carrier;
use crate::twilio::{CallEvent, Ending, Leg, Twilio, unanswered};

/// The events of a telephone: initiated, ringing, answered and completed, each once.
const EVENTS: usize = 4;

/// A telephone that rings, or is picked up.
pub(super) struct Telephone {
    pub(super) leg: Leg,
    pub(super) callee: Callee,
    progress: mpsc::Sender<CallEvent>,
    picked_up: Option<Instant>,
    /// The application knows that it is over.
    is_over: bool,
}

/// Rings all telephones of a dial at once. The first that is picked up; the others are hung up. When none is: how the last
/// of them ended.
pub(super) async fn first_to_answer(carrier: Carrier, legs: Vec<Leg>) -> Result<Telephone, Ending> {
    let mut ringing = JoinSet::new();
    for leg in legs {
        let callee = carrier.callee_at(leg.number.expose());
        let times = (carrier.twilio().options().ring, carrier.options().no_answer);
        ringing.spawn(Telephone::new(carrier.twilio().clone(), leg, callee).ring(times));
    }
    let mut last = Ending::Failed;
    while let Some(rung) = ringing.join_next().await {
        match rung {
            Ok(Ok(telephone)) => return Ok(telephone),
            Ok(Err(ending)) => last = ending,
            Err(_) => {}
        }
    }
    Err(last)
}

impl Telephone {
    fn new(twilio: Twilio, leg: Leg, callee: Callee) -> Self {
        let (progress, mut events) = mpsc::channel(EVENTS);
        let told = leg.clone();
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                // A lost callback is not sent again.
                let _ = twilio.call_progress(&told, event).await;
            }
        });
        Self { leg, callee, progress, picked_up: None, is_over: false }
    }

    /// Rings until it is picked up, or will not be.
    async fn ring(mut self, (ring, no_answer): (Duration, Duration)) -> Result<Self, Ending> {
        self.tell(CallEvent::Initiated);
        let ending = match self.callee.answer {
            Answer::ByDigits => unanswered(self.leg.number.expose()),
            Answer::PicksUp => None,
            Answer::Busy => Some(Ending::Busy),
            Answer::Nobody => Some(Ending::NoAnswer),
            Answer::Unreachable => Some(Ending::Failed),
        };
        let patience = self.leg.ring_limit;
        let time = match ending {
            Some(Ending::Failed) => return Err(self.end(Ending::Failed)),
            Some(Ending::NoAnswer) => no_answer,
            _ => self.callee.ring.unwrap_or(ring),
        };
        self.tell(CallEvent::Ringing);
        sleep(time.min(patience)).await;
        match ending {
            _ if time > patience => Err(self.end(Ending::NoAnswer)),
            Some(ending) => Err(self.end(ending)),
            None => {
                self.tell(CallEvent::Answered);
                self.picked_up = Some(Instant::now());
                Ok(self)
            }
        }
    }

    fn end(&mut self, ending: Ending) -> Ending {
        self.is_over = true;
        self.tell(CallEvent::Completed(ending));
        ending
    }

    fn tell(&self, event: CallEvent) {
        // The task takes events for as long as this telephone is there, and there is room for all.
        let _ = self.progress.try_send(event);
    }
}

impl Drop for Telephone {
    fn drop(&mut self) {
        if !self.is_over {
            let talked = |since: Instant| Ending::Talked(u32::try_from(since.elapsed().as_secs()).unwrap_or(u32::MAX));
            self.end(self.picked_up.map_or(Ending::Canceled, talked));
        }
    }
}
