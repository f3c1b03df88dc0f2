//! The worker: the session, its socket and its one timer. It runs on a thread of its own, so a busy page holds up neither audio
//! nor network.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use fourwire_wire::frame::PerChannel;
use js_sys::{Array, Float32Array, Reflect};
use wasm_bindgen::prelude::*;
use web_sys::{
    BinaryType, CloseEvent, DedicatedWorkerGlobalScope, Event as DomEvent, MessageEvent, MessagePort, WebSocket,
};

use crate::capture::Block;
use crate::order::{ASK_TOKEN, Order};
use crate::session::{Action, Event, Outgoing, Session};

/// The socket takes no more while so many bytes wait in it: 4 s of audio. What is in it may have to be sent again.
const ROOM: u32 = 256 * 1024;
/// How soon a full socket is looked at again.
const FULL: Duration = Duration::from_millis(50);

/// Serves the page that started this worker.
///
/// # Errors
/// When it is called anywhere else.
#[wasm_bindgen(skip_typescript)]
pub fn serve() -> Result<(), JsValue> {
    let scope: DedicatedWorkerGlobalScope = js_sys::global().dyn_into()?;
    let shell = Rc::new_cyclic(|shell: &Weak<Shell>| {
        let shell = Weak::clone(shell);
        let on_timeout = move || {
            if let Some(shell) = shell.upgrade() {
                shell.run(Event::Timeout);
            }
        };
        Shell {
            session: RefCell::new(Session::new(js_sys::Math::random)),
            socket: RefCell::new(None),
            url: RefCell::new(String::new()),
            timer: Cell::new(None),
            on_timeout: Closure::new(on_timeout),
            samples: RefCell::default(),
            scope,
        }
    });
    let on_message = {
        let shell = Rc::clone(&shell);
        Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| shell.page_says(&message.data()))
    };
    shell.scope.set_onmessage(Some(on_message.into_js_value().unchecked_ref()));
    Ok(())
}

struct Shell {
    scope: DedicatedWorkerGlobalScope,
    session: RefCell<Session>,
    socket: RefCell<Option<Socket>>,
    url: RefCell<String>,
    timer: Cell<Option<i32>>,
    /// What the timer calls.
    on_timeout: Closure<dyn FnMut()>,
    /// The block that is looked at, copied out of JavaScript's memory.
    samples: RefCell<Vec<f32>>,
}

/// An open or opening socket. Dropped, it says nothing more.
struct Socket {
    inner: WebSocket,
    _on_open: Closure<dyn FnMut(DomEvent)>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_close: Closure<dyn FnMut(CloseEvent)>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.inner.set_onopen(None);
        self.inner.set_onmessage(None);
        self.inner.set_onclose(None);
    }
}

impl Shell {
    fn page_says(self: &Rc<Self>, data: &JsValue) {
        if let Some(port) = data.dyn_ref::<MessagePort>() {
            self.listen(port);
            return;
        }
        let Some(Ok(order)) = data.as_string().map(|text| serde_json::from_str(&text)) else { return };
        match order {
            Order::Open { url } => *self.url.borrow_mut() = url,
            Order::Start => self.run(Event::Start),
            Order::Mute { muted } => self.run(Event::Mute(muted)),
            Order::Pause { paused } => self.run(Event::Pause(paused)),
            Order::Contact { name } => self.run(Event::Contact(name)),
            Order::Token { token } => self.run(Event::Token(token)),
            Order::Fail { failure } => self.run(Event::Fail(failure)),
            Order::End => self.run(Event::End),
        }
    }

    /// Takes blocks from a worklet, and sends their buffers back to be filled again.
    fn listen(self: &Rc<Self>, port: &MessagePort) {
        let shell = Rc::clone(self);
        let back = port.clone();
        let on_block = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
            let _ = shell.block(&message.data(), &back);
        });
        // Lives as long as its port, of which a call has one for each audio context.
        port.set_onmessage(Some(on_block.into_js_value().unchecked_ref()));
    }

    fn block(self: &Rc<Self>, message: &JsValue, back: &MessagePort) -> Result<(), JsValue> {
        let field = |name: &str| Reflect::get(message, &JsValue::from_str(name));
        let number = |name: &str| Ok::<_, JsValue>(field(name)?.as_f64().unwrap_or_default());
        let block: Float32Array = field("block")?.dyn_into()?;
        let (count, rate) = (to_usize(number("count")?), to_u32(number("rate")?));
        let frame = to_u64(number("frame")?);
        let is_first = field("isFirst")?.is_truthy();
        {
            let mut samples = self.samples.borrow_mut();
            samples.resize(to_usize(f64::from(block.length())), 0.0);
            block.copy_to(&mut samples);
            let buffer = block.buffer();
            back.post_message_with_transferable(&block, &Array::of1(&buffer))?;
            let (user, remote) = samples.split_at(samples.len() / 2);
            let user = user.get(..count).unwrap_or(user);
            let remote = remote.get(..count).unwrap_or(remote);
            let samples = PerChannel { user, remote };
            let now = self.now();
            let block = Block { rate, frame, at: now, is_first, samples };
            self.session.borrow_mut().handle(now, Event::Audio(block));
        }
        self.carry_out();
        Ok(())
    }

    fn run(self: &Rc<Self>, event: Event<'_>) {
        self.session.borrow_mut().handle(self.now(), event);
        self.carry_out();
    }

    fn now(&self) -> Duration {
        millis(self.scope.performance().map_or(0.0, |clock| clock.now()))
    }

    fn carry_out(self: &Rc<Self>) {
        loop {
            let Some(action) = self.session.borrow_mut().poll() else { break };
            match action {
                Action::AskToken => self.say(ASK_TOKEN),
                Action::Open => self.open(),
                Action::Send(text) => {
                    if let Some(socket) = self.socket.borrow().as_ref() {
                        // A socket that is closing loses it, and says so by itself.
                        let _ = socket.inner.send_with_str(text.expose());
                    }
                }
                Action::Close(code) => {
                    if let Some(socket) = self.socket.take() {
                        let _ = socket.inner.close_with_code(code);
                    }
                }
                Action::Tell(news) => {
                    if let Ok(text) = serde_json::to_string(&news) {
                        self.say(&text);
                    }
                }
            }
        }
        let is_full = self.send();
        self.set_timer(is_full);
    }

    /// Sends what the socket has room for. Returns whether it is full.
    fn send(&self) -> bool {
        let socket = self.socket.borrow();
        let socket = socket.as_ref().map(|socket| &socket.inner);
        let Some(socket) = socket.filter(|socket| socket.ready_state() == WebSocket::OPEN) else {
            return false;
        };
        let mut session = self.session.borrow_mut();
        loop {
            if socket.buffered_amount() >= ROOM {
                return true;
            }
            let sent = match session.next_frame() {
                Some(Outgoing::Frame(frame)) => socket.send_with_u8_array(frame),
                Some(Outgoing::Text(text)) => socket.send_with_str(&text),
                None => return false,
            };
            if sent.is_err() {
                return false;
            }
        }
    }

    fn set_timer(&self, is_full: bool) {
        if let Some(timer) = self.timer.take() {
            self.scope.clear_timeout_with_handle(timer);
        }
        let wake = self.session.borrow().wake_at().map(|at| at.saturating_sub(self.now()));
        let wait = if is_full { Some(wake.map_or(FULL, |wake| wake.min(FULL))) } else { wake };
        let Some(wait) = wait else { return };
        // Rounded up: a timer that fires early would only be set again.
        let wait = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX).saturating_add(1);
        let handler = self.on_timeout.as_ref().unchecked_ref();
        let timer = self.scope.set_timeout_with_callback_and_timeout_and_arguments_0(handler, wait);
        self.timer.set(timer.ok());
    }

    fn open(self: &Rc<Self>) {
        let Ok(socket) = WebSocket::new(&self.url.borrow()) else {
            self.session.borrow_mut().handle(self.now(), Event::Closed { code: 1006, reason: "" });
            return;
        };
        socket.set_binary_type(BinaryType::Arraybuffer);
        let shell = Rc::clone(self);
        let on_open = Closure::<dyn FnMut(DomEvent)>::new(move |_| shell.run(Event::Opened));
        let shell = Rc::clone(self);
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
            if let Some(text) = message.data().as_string() {
                shell.run(Event::Text(&text));
            }
        });
        let shell = Rc::clone(self);
        let on_close = Closure::<dyn FnMut(CloseEvent)>::new(move |event: CloseEvent| {
            shell.run(Event::Closed { code: event.code(), reason: &event.reason() });
        });
        socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        self.socket.replace(Some(Socket {
            inner: socket,
            _on_open: on_open,
            _on_message: on_message,
            _on_close: on_close,
        }));
    }

    fn say(&self, text: &str) {
        let _ = self.scope.post_message(&JsValue::from_str(text));
    }
}

fn millis(millis: f64) -> Duration {
    Duration::try_from_secs_f64(millis / 1000.0).unwrap_or_default()
}

#[expect(clippy::as_conversions, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn to_u32(number: f64) -> u32 {
    number as u32
}

#[expect(clippy::as_conversions, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn to_u64(number: f64) -> u64 {
    number as u64
}

fn to_usize(number: f64) -> usize {
    usize::try_from(to_u32(number)).unwrap_or(usize::MAX)
}
