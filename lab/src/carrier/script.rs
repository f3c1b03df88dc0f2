//! Carries out what the application says: its announcements, and the telephones that it dials.
//!
//! Every step ends with the call, whoever ends it: that is the error which each of them returns.

use std::time::Duration;

use fourwire_wire::pii::Pii;
use tokio::time::sleep;

use super::call::{Call, Stage};
use super::messages::Invite;
use super::record::Ended;
use super::signal::signalled;
use super::source::Source;
use super::telephone::first_to_answer;
use crate::twilio::{Leg, PlaceCall, Verb};

/// How long a call lasts at most whose dial does not say: four hours.
const TIME_LIMIT: Duration = Duration::from_hours(4);
/// The application rejects the call as busy.
const BUSY: u32 = 31_486;
/// The application rejects the call.
const DECLINED: u32 = 31_603;

impl Call {
    /// Asks the application, and does what it says. How the call ended; an error is an end that came in between.
    pub(super) async fn carry_out(&mut self, invite: Invite, token: Pii<String>) -> Result<Ended, Ended> {
        let twilio = self.page.carrier().twilio().clone();
        if let Some(code) = self.page.carrier().take_refusal() {
            return Ok(Ended::Refused(code));
        }
        let params = invite.params();
        let wanted = PlaceCall::with_token(twilio.voice_url(), token.into_inner()).named(&self.sid);
        let wanted = params.into_iter().fold(wanted, |call, (name, value)| call.param(name, value.into_inner()));
        let placed = self.during(async move { twilio.place_call(&wanted).await }).await?;
        let placed = placed.map_err(|error| Ended::Refused(signalled(&error)))?;

        let offer = invite.sdp;
        let Some(twiml) = placed.twiml else {
            // The real service says that an application error has occurred.
            self.announce(&offer).await?;
            return Ok(Ended::ByApplication);
        };
        let mut ended = Ended::ByApplication;
        for (index, verb) in twiml.verbs.iter().enumerate() {
            match verb.name.as_str() {
                "Reject" if self.stage == Stage::Placed => {
                    let busy = verb.attribute("reason") == Some("busy");
                    return Ok(Ended::Refused(if busy { BUSY } else { DECLINED }));
                }
                "Reject" | "Hangup" => break,
                "Say" => self.announce(&offer).await?,
                "Pause" => self.pause(&offer, verb).await?,
                "Dial" => {
                    let legs = placed.legs.iter().filter(|leg| leg.verb == index).cloned().collect();
                    let bridges = index == 0 && verb.attribute("answerOnBridge") == Some("true");
                    ended = self.dial(&offer, legs, bridges).await?;
                }
                _ => {}
            }
            if verb.attribute("action").is_some() {
                break;
            }
        }
        Ok(ended)
    }

    async fn announce(&mut self, offer: &Pii<String>) -> Result<(), Ended> {
        self.answer(offer).await?;
        self.play(Source::announcement());
        let time = self.page.carrier().options().announcement;
        self.during(sleep(time)).await?;
        self.play(Source::Silence);
        Ok(())
    }

    async fn pause(&mut self, offer: &Pii<String>, verb: &Verb) -> Result<(), Ended> {
        self.answer(offer).await?;
        let seconds = verb.attribute("length").and_then(|length| length.parse().ok()).unwrap_or(1);
        self.during(sleep(Duration::from_secs(seconds))).await
    }

    /// Dials, and connects whoever picks up.
    async fn dial(&mut self, offer: &Pii<String>, legs: Vec<Leg>, bridges: bool) -> Result<Ended, Ended> {
        if legs.is_empty() {
            // Something was wrong with the dial; it is among the placed call's problems.
            return Ok(Ended::ByApplication);
        }
        if bridges {
            self.ring(offer).await?;
        } else {
            self.answer(offer).await?;
        }
        self.play(Source::ringback());
        let carrier = self.page.carrier().clone();
        let telephone = match self.during(first_to_answer(carrier.clone(), legs)).await? {
            Ok(telephone) => telephone,
            Err(ending) => {
                self.play(Source::Silence);
                return Ok(Ended::NotAnswered(ending));
            }
        };
        let (twilio, leg) = (carrier.twilio().clone(), telephone.leg.clone());
        let time_limit = leg.time_limit.unwrap_or(TIME_LIMIT);
        let number = leg.number.clone();
        if self.during(async move { twilio.notice(&leg).await }).await?.is_some() {
            // The callee hears it alone, while the caller still hears that it rings.
            self.during(sleep(carrier.options().announcement)).await?;
        }

        self.answer(offer).await?;
        self.callee_leaves_at_end = telephone.callee.leaves_at_end;
        self.play(Source::callee(&telephone.callee));
        self.page.update(|call| call.callee = Some(number));
        let left = self.callee_left.clone();
        let ended = self
            .during(async move {
                tokio::select! {
                    () = left.notified() => Ended::ByCallee,
                    () = sleep(time_limit) => Ended::TimeLimit,
                }
            })
            .await;
        drop(telephone);
        self.play(Source::Silence);
        ended
    }
}
