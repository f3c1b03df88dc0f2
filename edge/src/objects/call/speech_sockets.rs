//! Streams to speech services: one socket a channel, opened by an HTTP request, so that a refusal's status is seen.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use fourwire_engine::call::{Down, Event, StreamId};
use fourwire_engine::socket::{Bounds, MAX_UNSENT_TO_SPEECH_BYTES};
use fourwire_engine::speech::{Endpoint, Refusal};
use fourwire_wire::frame::{Channel, PerChannel};
use fourwire_wire::ids::ConversationId;
use worker::{AbortController, AbortSignal, Method, WebSocket};

use super::host::Host;
use crate::log;
use crate::outbound::http::{self, Outgoing};
use crate::problem::kind;
use crate::socket::{Inbox, Incoming};

/// So much of a refusal is read: the error's name stands at its beginning.
const MAX_REFUSAL_BYTES: usize = 1_024;

/// Both channels' streams.
#[derive(Default)]
pub(super) struct SpeechSockets {
    slots: PerChannel<RefCell<Slot>>,
    /// Numbers every stream that this object opened, over restarts of the session in it.
    opened: Cell<u32>,
}

/// A channel's stream.
#[derive(Default)]
enum Slot {
    #[default]
    Empty,
    Opening {
        serial: u32,
        abort: AbortController,
    },
    Open {
        serial: u32,
        stream: StreamId,
        socket: WebSocket,
    },
}

impl SpeechSockets {
    /// Opens a stream, and reports to the session whatever becomes of it.
    pub(super) fn open<H: Host>(self: &Rc<Self>, host: &Rc<H>, channel: Channel, stream: StreamId, endpoint: Endpoint) {
        let serial = self.opened.get().wrapping_add(1);
        self.opened.set(serial);
        let abort = AbortController::default();
        let signal = abort.signal();
        self.slots.get(channel).replace(Slot::Opening { serial, abort }).close();
        let (sockets, task) = (Rc::clone(self), Rc::clone(host));
        host.spawn(async move {
            let slot = sockets.slots.get(channel);
            let refused = follow(&task, slot, channel, stream, serial, &endpoint, &signal).await.err();
            if slot.borrow().serial() == Some(serial) {
                slot.take();
                let down = refused.as_ref().map_or(Down::Closed, |refused| Down::Refused(refused.meaning()));
                task.run(Event::SpeechDown { channel, stream, down });
            }
        });
    }

    /// Sends audio on a stream, if it is still open. One whose other end does not read is given up.
    pub(super) fn audio<H: Host>(&self, host: &Rc<H>, channel: Channel, stream: StreamId, pcm: &[u8]) {
        let mut unsent = 0;
        self.with_open(channel, stream, |socket| {
            socket.send_with_bytes(pcm)?;
            unsent = socket.as_ref().buffered_amount();
            Ok(())
        });
        if unsent > MAX_UNSENT_TO_SPEECH_BYTES {
            log::warning!("speech_does_not_read", conversation = host.conversation_id());
            self.close(channel);
            // The session is in the middle of its actions, and hears of it afterwards.
            let task = Rc::clone(host);
            host.spawn(async move { task.run(Event::SpeechDown { channel, stream, down: Down::Closed }) });
        }
    }

    /// Sends a text message on a stream, if it is still open.
    pub(super) fn text(&self, channel: Channel, stream: StreamId, text: &str) {
        self.with_open(channel, stream, |socket| socket.send_with_str(text));
    }

    /// Closes a channel's stream, or stops opening it. Nothing more is reported of it.
    pub(super) fn close(&self, channel: Channel) {
        self.slots.get(channel).take().close();
    }

    fn with_open(&self, channel: Channel, stream: StreamId, send: impl FnOnce(&WebSocket) -> worker::Result<()>) {
        if let Slot::Open { stream: open, socket, .. } = &*self.slots.get(channel).borrow()
            && *open == stream
            && let Err(error) = send(socket)
        {
            // Its close event follows and is reported; the audio is still held.
            log::info!("speech_not_sent_to", error = kind(&error));
        }
    }
}

impl Slot {
    const fn serial(&self) -> Option<u32> {
        match self {
            Self::Empty => None,
            Self::Opening { serial, .. } | Self::Open { serial, .. } => Some(*serial),
        }
    }

    fn close(self) {
        match self {
            Self::Empty => {}
            Self::Opening { abort, .. } => abort.abort(),
            // An open stream to a service is billed and keeps the object in memory: it never outlives its use.
            Self::Open { socket, .. } => drop(socket.close(Some(1000), Some("done"))),
        }
    }
}

/// A service's answer that is no stream.
struct Refused {
    status: u16,
    retry_after: Option<String>,
    body: String,
}

impl Refused {
    /// There is no answer that could be judged.
    const UNREACHED: Self = Self { status: 0, retry_after: None, body: String::new() };

    fn meaning(&self) -> Refusal<'_> {
        Refusal { status: self.status, retry_after: self.retry_after.as_deref(), body: &self.body }
    }
}

impl From<worker::Error> for Refused {
    fn from(error: worker::Error) -> Self {
        log::warning!("speech_not_reached", error = kind(&error));
        Self::UNREACHED
    }
}

/// Opens a stream and reports what comes over it, until it ends.
async fn follow<H: Host>(
    host: &Rc<H>,
    slot: &RefCell<Slot>,
    channel: Channel,
    stream: StreamId,
    serial: u32,
    endpoint: &Endpoint,
    signal: &AbortSignal,
) -> Result<(), Refused> {
    let socket = connect(endpoint, signal, host.conversation_id()).await?;
    if slot.borrow().serial() != Some(serial) {
        // It was given up while it was being opened.
        drop(socket.close(Some(1000), Some("done")));
        return Ok(());
    }
    let inbox = Inbox::accept(&socket, Bounds::SPEECH)?;
    slot.replace(Slot::Open { serial, stream, socket: socket.clone() });
    host.run(Event::SpeechOpened { channel, stream });
    loop {
        let incoming = inbox.next().await;
        if slot.borrow().serial() != Some(serial) {
            break;
        }
        match incoming {
            Incoming::Message(message) => {
                if let Some(text) = message.text() {
                    host.run(Event::SpeechText { channel, stream, text: &text });
                }
            }
            Incoming::Closed(..) => break,
            Incoming::Overrun(overrun) => {
                log::warning!(
                    "speech_sends_too_much",
                    conversation = host.conversation_id(),
                    error = format!("{overrun:?}")
                );
                drop(socket.close(Some(1000), Some("done")));
                break;
            }
        }
    }
    Ok(())
}

/// Asks a service for a stream. A refusal is logged with its status and the service's short reason, never its text.
async fn connect(
    endpoint: &Endpoint,
    signal: &AbortSignal,
    conversation: Option<ConversationId>,
) -> Result<WebSocket, Refused> {
    let headers = [("upgrade", "websocket"), ("authorization", endpoint.authorization.expose().as_str())];
    let mut answer = Outgoing::new(Method::Get, &endpoint.url, &headers)?.send(signal).await?;
    let status = answer.status_code();
    if status == 101 {
        return answer.websocket().ok_or(Refused::UNREACHED);
    }
    let retry_after = answer.headers().get("retry-after").ok().flatten();
    let reason = answer.headers().get("dg-error").ok().flatten().and_then(short_reason);
    log::warning!("speech_refused", conversation = conversation, status = status, error = reason);
    // Without it the status alone is judged.
    let body = http::read_start(&mut answer, MAX_REFUSAL_BYTES).await.unwrap_or_default();
    Err(Refused { status, retry_after, body: String::from_utf8_lossy(&body).into_owned() })
}

/// A service's reason as far as it is a name for an error: its free text might hold anything, and does not go into a log.
fn short_reason(header: String) -> Option<String> {
    let is_name = header.len() <= 64 && header.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (is_name && !header.is_empty()).then_some(header)
}
