//! One call, from the browser's invite to its end: what the browser knows of it, and what it and a test want.
//!
//! [`Call::during`] is the heart: whatever the call waits for, it waits for there, and serves what comes meanwhile. Media
//! and signalling are apart: a call whose signalling socket is gone goes on until the browser had time to come back. What
//! the call is to do is in `script`.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fourwire_wire::pii::Pii;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until};

use super::handle::{Carrier, Page, Running};
use super::media::Media;
use super::messages::{self, Invite};
use super::orders::Order;
use super::outlet::{Admitted, Outlet};
use super::record::{CarriedCall, Ended};
use super::source::Source;
use crate::twilio::sid;

/// How much later than the end of its media a browser may say that it hung up.
const HANGUP_LIMIT: Duration = Duration::from_secs(2);
/// Orders that may wait for a call. It takes them one by one as they come; a browser that sends more than that at once is
/// not listened to.
const MAX_ORDERS: usize = 64;
/// The offer cannot be read.
const BAD_REQUEST: u32 = 31_400;

/// A browser places a call. It goes on by itself.
pub(super) fn place(carrier: &Carrier, invite: Invite, admitted: &Admitted, outlet: Outlet) {
    let (call_sid, reconnect) = (sid("CA"), sid("RC"));
    let (orders, received) = mpsc::channel(MAX_ORDERS);
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
pub(super) enum Stage {
    /// It has no answer yet.
    Placed,
    /// The other end rings.
    Ringing,
    /// Somebody, or an announcement, is on the line.
    Answered,
}

/// A call that runs.
pub(super) struct Call {
    pub(super) page: Page,
    pub(super) sid: String,
    /// What the browser shows to take the call up again.
    reconnect: String,
    outlet: Outlet,
    /// When the browser must be back whose socket is gone, or have said that it hung up.
    gives_up: Option<Instant>,
    orders: mpsc::Sender<Order>,
    received: mpsc::Receiver<Order>,
    media: Option<Media>,
    pub(super) stage: Stage,
    pub(super) callee_left: Arc<Notify>,
    pub(super) callee_leaves_at_end: bool,
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

    /// Tells the browser that the other end rings, and lets it hear that.
    pub(super) async fn ring(&mut self, offer: &Pii<String>) -> Result<(), Ended> {
        let sdp = self.open(offer).await?;
        self.outlet.send(messages::ringing(&self.sid, &sdp));
        self.stage = Stage::Ringing;
        self.page.update(|call| call.times.ringing = Some(SystemTime::now()));
        Ok(())
    }

    /// Tells the browser that somebody is on the line.
    pub(super) async fn answer(&mut self, offer: &Pii<String>) -> Result<(), Ended> {
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
        let (media, sdp) = opened.map_err(|error| {
            self.page.update(|call| call.problem = Some(error.to_string()));
            Ended::Refused(BAD_REQUEST)
        })?;
        self.media = Some(media);
        Ok(sdp)
    }

    pub(super) fn play(&self, source: Source) {
        if let Some(media) = &self.media {
            media.play(source);
        }
    }

    /// Waits for something, and meanwhile does what the browser and a test want. An error is that the call is over.
    pub(super) async fn during<T>(&mut self, something: impl Future<Output = T>) -> Result<T, Ended> {
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
                self.page.update(|call| call.digits.expose_mut().push_str(&keys));
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
    if gives_up.is_none() {
        outlet.gone().await;
    }
    sleep_until(*gives_up.get_or_insert_with(|| Instant::now() + patience)).await;
    Ended::Lost
}
