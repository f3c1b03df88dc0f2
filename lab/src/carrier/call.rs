//! One call: the application is asked, and what it says is carried out, while the browser and a test may interfere.
//!
//! [`Call::during`] is the heart: whatever the call waits for, it waits for there, and serves what comes meanwhile. Media
//! and signalling are apart: a call whose signalling socket is gone goes on until the browser had time to come back.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fourwire_wire::pii::Pii;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep, sleep_until};

use super::handle::{Carrier, Page, Running};
use super::media::Media;
use super::messages::{self, Invite};
use super::record::{CarriedCall, Ended};
use super::signal::{Admitted, Outlet, signalled};
use super::source::Source;
use super::telephone::first_to_answer;
use crate::twilio::{Leg, PlaceCall, Verb, sid};

/// How long a call lasts at most whose dial does not say: four hours.
const TIME_LIMIT: Duration = Duration::from_hours(4);
/// How much later than the end of its media a browser may say that it hung up.
const HANGUP_LIMIT: Duration = Duration::from_secs(2);
/// The offer cannot be read.
const BAD_REQUEST: u32 = 31_400;
/// The application rejects the call as busy.
const BUSY: u32 = 31_486;
/// The application rejects the call.
const DECLINED: u32 = 31_603;

/// Something that a running call is told.
pub(super) enum Order {
    /// The browser hangs up.
    CallerLeaves,
    /// The callee hangs up.
    CalleeLeaves,
    /// The callee has said all.
    CalleeSaidAll,
    /// The browser is back, on this socket.
    Resume(Outlet),
    /// The browser's media is to be set up anew, by this offer.
    Restart(Pii<String>),
    /// The browser sent these keys as a message.
    Digits(String),
    /// No packet is let through for so long.
    StopMedia(Duration),
    /// The media broke, or the browser ended it and nothing else.
    MediaGone,
}

/// A browser places a call. It goes on by itself.
pub(super) fn place(carrier: &Carrier, invite: Invite, admitted: &Admitted, outlet: Outlet) {
    let (call_sid, reconnect) = (sid("CA"), sid("RC"));
    let (orders, received) = mpsc::unbounded_channel();
    let record = CarriedCall::new(call_sid.clone(), admitted.identity.clone(), invite.params());
    let running = Running {
        names: [call_sid.clone(), invite.callsid.clone()],
        reconnect: reconnect.clone(),
        orders: orders.clone(),
    };
    let page = carrier.begin(record, running);
    let call = Call {
        page,
        sid: call_sid,
        reconnect,
        outlet,
        gives_up: None,
        orders,
        received,
        media: None,
        stage: Stage::Placed,
        callee_left: Arc::default(),
        callee_leaves_at_end: false,
    };
    tokio::spawn(call.run(invite, admitted.token.clone()));
}

/// How far the browser knows that its call has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It has no answer yet.
    Placed,
    /// The other end rings.
    Ringing,
    /// Somebody, or an announcement, is on the line.
    Answered,
}

struct Call {
    page: Page,
    sid: String,
    /// What the browser shows to take the call up again.
    reconnect: String,
    outlet: Outlet,
    /// When the browser must be back whose socket is gone, or have said that it hung up.
    gives_up: Option<Instant>,
    orders: mpsc::UnboundedSender<Order>,
    received: mpsc::UnboundedReceiver<Order>,
    media: Option<Media>,
    stage: Stage,
    callee_left: Arc<Notify>,
    callee_leaves_at_end: bool,
}

impl Call {
    async fn run(mut self, invite: Invite, token: Pii<String>) {
        let temporary = invite.callsid.clone();
        let (Ok(ended) | Err(ended)) = self.carry_out(invite, token).await;
        let name = if self.stage == Stage::Placed { &temporary } else { &self.sid };
        match ended {
            Ended::ByCaller => {}
            Ended::Refused(code) => self.outlet.send(messages::hangup(name, Some(code))),
            _ => self.outlet.send(messages::hangup(name, None)),
        }
        self.page.carrier().forget(&self.sid);
        self.page.update(|call| {
            call.ended = Some(ended);
            call.times.ended = Some(SystemTime::now());
        });
    }

    /// Asks the application, and does what it says. How the call ended; an error is an end that came in between.
    async fn carry_out(&mut self, invite: Invite, token: Pii<String>) -> Result<Ended, Ended> {
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

    /// Tells the browser that the other end rings, and lets it hear that.
    async fn ring(&mut self, offer: &Pii<String>) -> Result<(), Ended> {
        let sdp = self.open(offer).await?;
        self.outlet.send(messages::ringing(&self.sid, &sdp));
        self.stage = Stage::Ringing;
        self.page.update(|call| call.times.ringing = Some(SystemTime::now()));
        Ok(())
    }

    /// Tells the browser that somebody is on the line.
    async fn answer(&mut self, offer: &Pii<String>) -> Result<(), Ended> {
        if self.stage == Stage::Placed {
            self.ring(offer).await?;
        }
        if self.stage == Stage::Ringing {
            self.outlet.send(messages::answer(&self.sid, &self.reconnect, None));
            self.stage = Stage::Answered;
            self.page.update(|call| call.times.answered = Some(SystemTime::now()));
        }
        Ok(())
    }

    /// Opens the media. The answer to the browser's offer.
    async fn open(&mut self, offer: &Pii<String>) -> Result<String, Ended> {
        let codecs = self.page.carrier().options().codecs;
        let opened = Media::open(offer.expose(), codecs, self.page.clone(), self.orders.clone()).await;
        let (media, sdp) = opened.map_err(|_| Ended::Refused(BAD_REQUEST))?;
        self.media = Some(media);
        Ok(sdp)
    }

    fn play(&self, source: Source) {
        if let Some(media) = &self.media {
            media.play(source);
        }
    }

    /// Waits for something, and meanwhile does what the browser and a test want. An error is that the call is over.
    async fn during<T>(&mut self, something: impl Future<Output = T>) -> Result<T, Ended> {
        let mut something = pin!(something);
        let patience = self.page.carrier().options().patience;
        loop {
            let order = tokio::select! {
                done = &mut something => return Ok(done),
                order = self.received.recv() => order,
                ended = absent(&self.outlet, &mut self.gives_up, patience) => return Err(ended),
            };
            if let Some(order) = order {
                self.obey(order).await?;
            }
        }
    }

    async fn obey(&mut self, order: Order) -> Result<(), Ended> {
        match order {
            Order::CallerLeaves => return Err(Ended::ByCaller),
            Order::MediaGone => self.gives_up = Some(Instant::now() + HANGUP_LIMIT),
            Order::CalleeLeaves => self.callee_left.notify_one(),
            Order::CalleeSaidAll if self.callee_leaves_at_end => self.callee_left.notify_one(),
            Order::CalleeSaidAll => {}
            Order::Resume(outlet) => {
                (self.outlet, self.gives_up) = (outlet, None);
                self.outlet.send(messages::answer(&self.sid, &self.reconnect, None));
                self.page.update(|call| call.reconnects += 1);
            }
            Order::Restart(offer) => {
                if let Some(media) = &self.media
                    && let Some(sdp) = media.restart(offer.into_inner()).await
                {
                    self.outlet.send(messages::answer(&self.sid, &self.reconnect, Some(&sdp)));
                    self.page.update(|call| call.ice_restarts += 1);
                }
            }
            Order::Digits(keys) => {
                // A `w` is half a second of nothing.
                let keys = keys.replace('w', "");
                self.page.update(|call| call.digits.push_str(&keys));
            }
            Order::StopMedia(time) => {
                if let Some(media) = &self.media {
                    media.stop(time);
                }
            }
        }
        Ok(())
    }
}

/// Waits until the browser's socket is gone, and then for as long as the carrier is patient; or until a time that is set.
async fn absent(outlet: &Outlet, gives_up: &mut Option<Instant>, patience: Duration) -> Ended {
    let at = match gives_up {
        Some(at) => *at,
        None => {
            outlet.gone().await;
            *gives_up.insert(Instant::now() + patience)
        }
    };
    sleep_until(at).await;
    Ended::Lost
}
