//! A call's connection to the pusher: the operator's own program, which hears the call while it runs.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use fourwire_engine::call::{Event, StreamId};
use fourwire_engine::pusher::{ANSWER_MILLIS, Endpoint, Heard, MAX_UNSENT_BYTES, read};
use fourwire_engine::socket::Bounds;
use fourwire_wire::ids::ConversationId;
use worker::{AbortController, AbortSignal, Delay, Method, WebSocket};

use super::host::Host;
use crate::log;
use crate::outbound::http::Outgoing;
use crate::problem::kind;
use crate::socket::{Inbox, Incoming};

/// How long the pusher may take to close its end, before the connection is broken off.
const CLOSE: Duration = Duration::from_secs(5);

/// The connection, if there is one.
#[derive(Default)]
pub(super) struct PusherSocket {
    slot: RefCell<Option<Connection>>,
    /// Numbers every connection that this object opened, over restarts of the session in it.
    opened: Cell<u32>,
}

/// A connection that is open or being opened.
struct Connection {
    serial: u32,
    stream: StreamId,
    abort: AbortController,
    /// None while it is being opened.
    socket: Option<WebSocket>,
}

impl PusherSocket {
    /// Opens a connection, and reports to the session whatever becomes of it.
    pub(super) fn open<H: Host>(self: &Rc<Self>, host: &Rc<H>, stream: StreamId, endpoint: Endpoint) {
        self.close(host);
        let serial = self.opened.get().wrapping_add(1);
        self.opened.set(serial);
        let abort = AbortController::default();
        let signal = abort.signal();
        self.slot.replace(Some(Connection { serial, stream, abort, socket: None }));
        let (pusher, task) = (Rc::clone(self), Rc::clone(host));
        host.spawn(async move {
            follow(&task, &pusher, stream, serial, &endpoint, &signal).await;
            if pusher.is_current(serial) {
                pusher.slot.take();
                task.run(Event::PusherDown { stream });
            }
        });
    }

    /// Sends a message, if the connection is still open. One whose other end does not read is broken off.
    pub(super) fn send<H: Host>(&self, host: &Rc<H>, stream: StreamId, message: &[u8]) {
        let slot = self.slot.borrow();
        let Some(connection) = slot.as_ref().filter(|connection| connection.stream == stream) else { return };
        let Some(socket) = &connection.socket else { return };
        if let Err(error) = socket.send_with_bytes(message) {
            // Its close event follows and is reported.
            log::info!("pusher_not_sent_to", conversation = host.conversation_id(), error = kind(&error));
        }
        if socket.as_ref().buffered_amount() > MAX_UNSENT_BYTES {
            log::warning!("pusher_does_not_read", conversation = host.conversation_id());
            drop(slot);
            if let Some(connection) = self.slot.take() {
                connection.abort.abort();
            }
            // The session is in the middle of its actions, and hears of it afterwards.
            let task = Rc::clone(host);
            host.spawn(async move { task.run(Event::PusherDown { stream }) });
        }
    }

    /// Closes the connection as soon as the pusher has answered or had the time to, or stops opening it. Nothing more is
    /// reported of it.
    pub(super) fn close<H: Host>(&self, host: &Rc<H>) {
        let Some(Connection { abort, socket, .. }) = self.slot.take() else { return };
        let Some(socket) = socket else { return abort.abort() };
        // An open connection is billed and keeps the object in memory: it does not depend on the other end's manners.
        host.spawn(async move {
            Delay::from(Duration::from_millis(ANSWER_MILLIS)).await;
            leave(&socket);
            Delay::from(CLOSE).await;
            abort.abort();
        });
    }

    fn is_current(&self, serial: u32) -> bool {
        self.slot.borrow().as_ref().is_some_and(|connection| connection.serial == serial)
    }
}

/// Opens a connection and reads what comes over it, until it ends.
async fn follow<H: Host>(
    host: &Rc<H>,
    pusher: &PusherSocket,
    stream: StreamId,
    serial: u32,
    endpoint: &Endpoint,
    signal: &AbortSignal,
) {
    let Some(socket) = connect(endpoint, signal, host.conversation_id()).await else { return };
    let Ok(inbox) = Inbox::accept(&socket, Bounds::PUSHER) else { return };
    if let Some(connection) = pusher.slot.borrow_mut().as_mut().filter(|known| known.serial == serial) {
        connection.socket = Some(socket.clone());
    } else {
        // It was given up while it was being opened.
        leave(&socket);
        return;
    }
    host.run(Event::PusherOpened { stream });
    let mut is_strange = false;
    // The call may have ended when the last answer comes.
    let conversation = host.conversation_id();
    loop {
        let message = match inbox.next().await {
            Incoming::Message(message) => message,
            Incoming::Closed(..) => return,
            Incoming::Overrun(overrun) => {
                log::warning!(
                    "pusher_sends_too_much",
                    conversation = host.conversation_id(),
                    error = format!("{overrun:?}")
                );
                return leave(&socket);
            }
        };
        let heard = message.bytes().map_or(Heard::Unknown, |bytes| read(&bytes));
        match heard {
            Heard::Processed => log::info!("pusher_has_processed", conversation = conversation),
            Heard::Failed => log::warning!("pusher_has_failed", conversation = conversation),
            // Once a connection: there may be any number of them.
            Heard::Unknown if !std::mem::replace(&mut is_strange, true) => {
                log::warning!("pusher_not_understood", conversation = conversation);
            }
            Heard::Unknown => {}
        }
        if heard != Heard::Unknown && !pusher.is_current(serial) {
            // The answer was all that was waited for.
            return leave(&socket);
        }
    }
}

/// Closes the connection in good order.
fn leave(socket: &WebSocket) {
    // It may be gone already.
    let _ = socket.close(Some(1000), Some("done"));
}

/// Asks for a connection. A refusal is logged with its status and nothing else.
async fn connect(endpoint: &Endpoint, signal: &AbortSignal, conversation: Option<ConversationId>) -> Option<WebSocket> {
    let mut headers = vec![("upgrade", "websocket")];
    headers.extend(endpoint.authorization.as_ref().map(|key| ("authorization", key.expose().as_str())));
    let request = Outgoing::new(Method::Get, endpoint.url.expose(), &headers).ok()?;
    let answer = match request.send(signal).await {
        Ok(answer) => answer,
        Err(error) => {
            log::warning!("pusher_not_reached", conversation = conversation, error = kind(&error));
            return None;
        }
    };
    let (status, socket) = (answer.status_code(), answer.websocket());
    if socket.is_none() {
        log::warning!("pusher_refused", conversation = conversation, status = status);
    }
    socket
}
