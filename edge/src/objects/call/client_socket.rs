//! The client's socket in a call's object. It is accepted with the hibernation API, so it outlives the object's memory;
//! what must be known of it then is attached to it.

use std::cell::RefCell;

use fourwire_engine::audio::SampleRate;
use fourwire_engine::call::ConnectOptions;
use fourwire_engine::socket::MAX_UNSENT_TO_CLIENT_BYTES;
use fourwire_wire::event::close;
use fourwire_wire::query::ListenQuery;
use fourwire_wire::units::UnixMillis;
use serde::{Deserialize, Serialize};
use worker::{State, WebSocket};

use crate::log;
use crate::problem::kind;
use crate::socket::close_socket;

/// What is attached to a socket.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Attachment {
    /// Counts the call's connections: the newest is the client, earlier ones were replaced.
    pub(super) connection: u32,
    /// The rate of its audio.
    pub(super) sample_rate: u32,
    /// Whether it asked for interim results.
    pub(super) interim: bool,
    /// Whether it keeps what is not stored yet, and goes on from wherever it is asked to.
    #[serde(default)]
    pub(super) resume: bool,
    /// Until when it may stay without a fresh token.
    #[serde(default)]
    pub(super) until: Option<UnixMillis>,
}

impl Attachment {
    /// What the client asked for. None for a rate that there is not.
    pub(super) fn terms(&self) -> Option<ConnectOptions> {
        let rate = SampleRate::new(self.sample_rate).ok()?;
        Some(ConnectOptions { rate, interim: self.interim, resume: self.resume })
    }
}

/// The client's socket, if there is one.
#[derive(Default)]
pub(super) struct ClientSocket {
    socket: RefCell<Option<WebSocket>>,
}

impl ClientSocket {
    /// Takes a new connection in place of whatever was there.
    pub(super) fn accept(
        &self,
        state: &State,
        socket: WebSocket,
        query: &ListenQuery,
        until: UnixMillis,
    ) -> worker::Result<Attachment> {
        let earlier = state.get_websockets();
        let connection = earlier.iter().filter_map(attachment).map(|known| known.connection).max().unwrap_or(0);
        for known in earlier {
            close_socket(&known, close::GOING_AWAY, "another connection took over");
        }
        state.accept_web_socket(&socket);
        let attached = Attachment {
            connection: connection.saturating_add(1),
            sample_rate: query.sample_rate,
            interim: query.interim,
            resume: query.resume,
            until: Some(until),
        };
        socket.serialize_attachment(attached)?;
        self.socket.replace(Some(socket));
        Ok(attached)
    }

    /// After a restart of the object: finds the connection that outlived it.
    pub(super) fn find(&self, state: &State) -> Option<Attachment> {
        let newest = state
            .get_websockets()
            .into_iter()
            .filter_map(|socket| attachment(&socket).map(|attached| (attached, socket)))
            .max_by_key(|(attached, _)| attached.connection);
        let (attached, socket) = newest?;
        self.socket.replace(Some(socket));
        Some(attached)
    }

    /// The client's socket.
    pub(super) fn socket(&self) -> Option<WebSocket> {
        self.socket.borrow().clone()
    }

    /// The client may stay until then: noted where a restart finds it.
    pub(super) fn extend(&self, until: UnixMillis) -> worker::Result<()> {
        let Some(socket) = self.socket() else { return Ok(()) };
        let Some(attached) = attachment(&socket) else { return Ok(()) };
        socket.serialize_attachment(Attachment { until: Some(until), ..attached })
    }

    /// Whether `socket` is the client's, and not one that was replaced.
    pub(super) fn is(&self, socket: &WebSocket) -> bool {
        let current = self.socket.borrow();
        let Some(current) = current.as_ref() else { return false };
        // The platform hands out one object a socket; comparing attachments is for the case that it does not.
        js_sys::Object::is(current.as_ref(), socket.as_ref())
            || attachment(current).map(|known| known.connection) == attachment(socket).map(|known| known.connection)
    }

    /// Sends a text message. A socket that is gone says so by its close event; nothing else is to be done here. A client that
    /// does not read what it is sent is closed, and its close event follows.
    pub(super) fn send(&self, text: &str) {
        let socket = self.socket.borrow();
        let Some(socket) = socket.as_ref() else { return };
        if socket.as_ref().buffered_amount() > MAX_UNSENT_TO_CLIENT_BYTES {
            log::warning!("client_does_not_read");
            close_socket(socket, close::POLICY, "what was sent is not read");
        } else if let Err(error) = socket.send_with_str(text) {
            log::info!("client_not_sent_to", error = kind(&error));
        }
    }

    /// Closes the socket.
    pub(super) fn close(&self, code: u16, reason: &str) {
        if let Some(socket) = self.socket.take() {
            close_socket(&socket, code, reason);
        }
    }

    /// The socket is gone.
    pub(super) fn forget(&self) {
        self.socket.take();
    }
}

fn attachment(socket: &WebSocket) -> Option<Attachment> {
    socket.deserialize_attachment().ok().flatten()
}
