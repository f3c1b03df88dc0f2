//! Sockets: how one is closed, and what comes over one that this Worker has accepted itself. Each message is judged by its length where it lies, in
//! JavaScript's memory; what is too much ends the inbox and is never copied into ours, which does not shrink any more.
//!
//! The platform crate's own stream of events has no bound: a sender that is faster than its reader fills the isolate.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use fourwire_engine::socket::{Bounds, Gauge, Kind, Overrun};
use fourwire_wire::event::close;
use js_sys::{ArrayBuffer, Function, JsString, Reflect};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BinaryType, CloseEvent, Event, MessageEvent};
use worker::WebSocket;

/// Closes a socket. It may be gone already, which is as good.
pub(crate) fn close_socket(socket: &WebSocket, code: u16, reason: &str) {
    let _ = socket.close(Some(code), Some(close::reason(reason)));
}

/// Answers a close frame, or does nothing where the frame was itself an answer. (RFC 6455, section 5.5.1: the answer carries
/// the same code.)
pub(crate) fn answer_close(socket: &WebSocket, code: u16, reason: &str) {
    close_socket(socket, close::answer(code), reason);
}

/// Something that came.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A message.
    Message(Message),
    /// The socket is closed, with this code and reason.
    Closed(u16, String),
    /// More came than may come. Nothing follows.
    Overrun(Overrun),
}

/// A message as JavaScript has it.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    kind: Kind,
    length: usize,
    data: JsValue,
}

impl Message {
    /// Looks at a message, but not into it.
    pub(crate) fn new(data: JsValue) -> Self {
        let text = data.dyn_ref::<JsString>().map(JsString::length);
        let (kind, length) = match text {
            Some(length) => (Kind::Text, length),
            None => (Kind::Binary, data.dyn_ref::<ArrayBuffer>().map_or(u32::MAX, ArrayBuffer::byte_length)),
        };
        Self { kind, length: usize::try_from(length).unwrap_or(usize::MAX), data }
    }

    /// What it is made of.
    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    /// Its bytes; of a text the units of UTF-16, which are not more than its bytes.
    pub(crate) const fn length(&self) -> usize {
        self.length
    }

    /// Copies a text into our memory.
    pub(crate) fn text(&self) -> Option<String> {
        self.data.as_string()
    }

    /// Copies bytes into our memory.
    pub(crate) fn bytes(&self) -> Option<Vec<u8>> {
        self.data.dyn_ref::<ArrayBuffer>().map(|buffer| js_sys::Uint8Array::new(buffer).to_vec())
    }

    /// Sends it on as it is, past our memory.
    pub(crate) fn send_to(&self, socket: &WebSocket) -> worker::Result<()> {
        let send: Function = Reflect::get(socket.as_ref(), &JsValue::from_str("send"))?.dyn_into()?;
        send.call1(socket.as_ref(), &self.data)?;
        Ok(())
    }
}

/// The inbox of one socket. It takes nothing more once it is dropped.
pub(crate) struct Inbox {
    socket: WebSocket,
    queue: Rc<RefCell<Queue>>,
    on_message: Closure<dyn FnMut(MessageEvent)>,
    on_close: Closure<dyn FnMut(CloseEvent)>,
    on_error: Closure<dyn FnMut(Event)>,
}

struct Queue {
    gauge: Gauge,
    incoming: VecDeque<Incoming>,
    /// Nothing more is taken.
    is_over: bool,
    reader: Option<Waker>,
}

impl Queue {
    fn push(&mut self, incoming: Incoming) {
        if self.is_over {
            return;
        }
        self.is_over = !matches!(incoming, Incoming::Message(_));
        self.incoming.push_back(incoming);
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    fn message(&mut self, data: JsValue) {
        if self.is_over {
            return;
        }
        let message = Message::new(data);
        let judged = self.gauge.came(message.kind, message.length);
        self.push(judged.map_or_else(Incoming::Overrun, |()| Incoming::Message(message)));
    }
}

impl Inbox {
    /// Accepts a socket and takes what comes over it from now on.
    pub(crate) fn accept(socket: &WebSocket, bounds: Bounds) -> worker::Result<Self> {
        let gauge = Gauge::new(bounds);
        let queue = Rc::new(RefCell::new(Queue { gauge, incoming: VecDeque::new(), is_over: false, reader: None }));
        let (messages, closes, errors) = (Rc::clone(&queue), Rc::clone(&queue), Rc::clone(&queue));
        let inbox = Self {
            socket: socket.clone(),
            queue,
            on_message: Closure::wrap_assert_unwind_safe(Box::new(move |event: MessageEvent| {
                messages.borrow_mut().message(event.data());
            })),
            on_close: Closure::wrap_assert_unwind_safe(Box::new(move |event: CloseEvent| {
                closes.borrow_mut().push(Incoming::Closed(event.code(), event.reason()));
            })),
            on_error: Closure::wrap_assert_unwind_safe(Box::new(move |_| {
                // RFC 6455, section 7.1.5: 1006 stands for a connection that ended without a close frame.
                errors.borrow_mut().push(Incoming::Closed(1006, String::new()));
            })),
        };
        for (event, listener) in inbox.listeners() {
            socket.as_ref().add_event_listener_with_callback(event, listener)?;
        }
        // The platform's default is a `Blob`, whose bytes could only be waited for.
        socket.as_ref().set_binary_type(BinaryType::Arraybuffer);
        socket.accept()?;
        Ok(inbox)
    }

    /// The next thing that comes, in order. Waits for ever behind the last one.
    pub(crate) async fn next(&self) -> Incoming {
        poll_fn(|context| {
            let mut queue = self.queue.borrow_mut();
            let Some(incoming) = queue.incoming.pop_front() else {
                queue.reader = Some(context.waker().clone());
                return Poll::Pending;
            };
            if let Incoming::Message(message) = &incoming {
                queue.gauge.taken(message.length);
            }
            Poll::Ready(incoming)
        })
        .await
    }

    fn listeners(&self) -> [(&'static str, &Function); 3] {
        [
            ("message", self.on_message.as_ref().unchecked_ref()),
            ("close", self.on_close.as_ref().unchecked_ref()),
            ("error", self.on_error.as_ref().unchecked_ref()),
        ]
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        for (event, listener) in self.listeners() {
            // A listener that is not there is none to take away.
            let _ = self.socket.as_ref().remove_event_listener_with_callback(event, listener);
        }
    }
}
