//! One signalling socket of a browser: admits it by its access token, and passes on what it says to its calls.
//!
//! Calls do not belong to a socket: when it is gone they go on, and another one may take them up.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use fourwire_wire::pii::Pii;
use futures_util::{SinkExt, StreamExt};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, interval_at, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::call;
use super::handle::Carrier;
use super::messages::{self, FromBrowser, Invite};
use super::orders::Order;
use super::outlet::{Admitted, Outlet};
use crate::twilio::{TokenError, check_token};
use crate::upgrade::{Socket, upgrade};

/// How often the browser is told that the carrier is there. It gives a socket up that says nothing for 15 s.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long the browser may take to read the answer to its close frame.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);
/// How long a browser may take to make room for a message; one that takes longer counts as gone.
const SEND_LIMIT: Duration = Duration::from_secs(5);
/// Something other than a token came first.
const NOT_AUTHENTICATED: u32 = 31_201;

/// `GET /signal`
pub(super) async fn signal(State(carrier): State<Carrier>, request: Request) -> Response {
    let Ok((response, socket)) = upgrade(request) else {
        return (StatusCode::UPGRADE_REQUIRED, "a WebSocket handshake").into_response();
    };
    tokio::spawn(async move {
        if let Some(socket) = socket.await {
            Session::new(carrier, socket).run().await;
        }
    });
    response
}

struct Session {
    breaks: watch::Receiver<()>,
    carrier: Carrier,
    socket: Socket,
    outlet: Outlet,
    outgoing: mpsc::Receiver<String>,
    /// By the last good token.
    admitted: Option<Admitted>,
}

impl Session {
    fn new(carrier: Carrier, socket: Socket) -> Self {
        let (outlet, outgoing) = Outlet::new();
        Self { breaks: carrier.breaks(), carrier, socket, outlet, outgoing, admitted: None }
    }

    async fn run(mut self) {
        let mut heartbeat = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        loop {
            let message = tokio::select! {
                received = self.socket.next() => match received {
                    Some(Ok(Message::Text(text))) => {
                        self.take(&text);
                        continue;
                    }
                    Some(Ok(Message::Close(_))) => {
                        // The answer to the close frame is queued already.
                        let _ = timeout(CLOSE_LIMIT, self.socket.flush()).await;
                        return;
                    }
                    Some(Ok(_)) => continue,
                    Some(Err(_)) | None => return,
                },
                Some(message) = self.outgoing.recv() => message,
                _ = heartbeat.tick() => messages::HEARTBEAT.to_owned(),
                Ok(()) = self.breaks.changed() => return,
            };
            // Nothing is read meanwhile, so a browser that does not read may not hold the socket open.
            if !matches!(timeout(SEND_LIMIT, self.socket.send(Message::text(message))).await, Ok(Ok(()))) {
                return;
            }
        }
    }

    fn take(&mut self, text: &str) {
        let Some(message) = FromBrowser::parse(text) else { return };
        match message {
            FromBrowser::Listen { token } => self.listen(token),
            _ if self.admitted.is_none() => self.refuse(NOT_AUTHENTICATED),
            FromBrowser::Register { media } => {
                self.outlet.send(if media.audio { messages::ready() } else { messages::offline() });
            }
            FromBrowser::Invite(invite) => self.invite(invite),
            FromBrowser::Reinvite { callsid, sdp } => self.order(&callsid, Order::Restart(sdp)),
            FromBrowser::Hangup { callsid } => self.order(&callsid, Order::CallerLeaves),
            FromBrowser::Dtmf { callsid, dtmf } => self.order(&callsid, Order::Digits(dtmf)),
        }
    }

    /// The browser shows its token: first of all, and again when it has a new one.
    fn listen(&mut self, token: Pii<String>) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        match check_token(token.expose(), now) {
            Ok(grant) => {
                self.outlet.send(messages::connected(grant.identity.expose(), grant.expires - now));
                self.admitted = Some(Admitted { identity: grant.identity, token });
            }
            Err(error) => self.refuse(signalled(&error)),
        }
    }

    /// Without `close` a browser that wants to call would wait for ever. One that is in a call keeps its socket.
    fn refuse(&self, code: u32) {
        self.outlet.send(messages::error(code));
        if self.admitted.is_none() {
            self.outlet.send(messages::close());
        }
    }

    fn invite(&self, invite: Invite) {
        match (&invite.reconnect, &self.admitted) {
            (Some(reconnect), _) => {
                let known = self.carrier.is_reconnect(&invite.callsid, reconnect);
                if !known || !self.carrier.order(&invite.callsid, Order::Resume(self.outlet.clone())) {
                    self.outlet.send(messages::hangup(&invite.callsid, None));
                }
            }
            (None, Some(admitted)) => call::place(&self.carrier, invite, admitted, self.outlet.clone()),
            (None, None) => {}
        }
    }

    /// What is said of a call that is over is ignored: the browser was told of its end.
    fn order(&self, callsid: &str, order: Order) {
        let _ = self.carrier.order(callsid, order);
    }
}

/// The number by which the browser is told that its token is refused: signalling has other numbers than the API.
pub(super) fn signalled(error: &TokenError) -> u32 {
    match error.code {
        20_104 => 31_205,
        20_107 => 31_202,
        20_157 => 31_207,
        code @ 31_000..=31_999 => code,
        _ => 31_204,
    }
}
