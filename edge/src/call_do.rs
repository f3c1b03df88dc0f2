//! The object of one call: turns the platform's events into the session's and the session's actions into platform calls.
//!
//! The session is taken out of its cell while it works. If a handler panics, it is gone from memory with the panic, and
//! the next event finds it again as it was last saved: a fault costs its call a moment and no other call anything.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Duration;

use fourwire_engine::call::{Action, Event, Services, Session, Start};
use fourwire_engine::config::Config;
use fourwire_engine::quota::deployment::Counter;
use fourwire_engine::quota::sessions::{Counted, Stretch};
use fourwire_engine::vault::Vault;
use fourwire_engine::{names, socket};
use fourwire_wire::conversation::{Conversation, ConversationStatus, PhoneCall};
use fourwire_wire::event::{PING, ServerEvent};
use fourwire_wire::frame::Channel;
use fourwire_wire::ids::{CallId, UserId};
use fourwire_wire::query::ListenQuery;
use fourwire_wire::segment::WireSegment;
use fourwire_wire::units::{Samples, UnixMillis};
use futures_util::future::join;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::{Delay, DurableObject, Env, Request, Response, Result, State, WebSocket, WebSocketPair, durable_object};

use crate::archive::Archive;
use crate::call_store::{CallStore, SavedCall};
use crate::client::{self, Client};
use crate::clock::now;
use crate::inbox::Message;
use crate::problem::Problem;
use crate::pusher_socket::PusherSocket;
use crate::speech_socket::SpeechSockets;
use crate::user_do::{self, UserRequest};
use crate::user_duties::Duty;
use crate::zones::PlatformZones;
use crate::{deployment_do, listen, objects, settings, summaries};

/// While a call streams, an alarm this far ahead brings the object back if it is lost without a word.
const WATCHDOG_MILLIS: u64 = 60_000;

/// What the object is asked, besides taking a client's socket.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum CallRequest {
    /// The conversation as it is now. Answered by one, while the call runs.
    Conversation,
    /// Twilio has reported something of the call. Answered by nothing.
    PhoneCall(Box<PhoneCall>),
}

/// Asks the object of a user's call.
pub(crate) async fn ask<T: DeserializeOwned>(
    env: &Env,
    user: &UserId,
    call: &CallId,
    asked: &CallRequest,
) -> Result<T, Problem> {
    objects::ask(env, settings::CALLS, &names::call_object(user, call), asked).await
}

/// The object.
#[durable_object(alarm)]
pub struct Call {
    shell: Rc<Shell>,
}

impl std::panic::RefUnwindSafe for Call {}

impl DurableObject for Call {
    fn new(state: State, env: Env) -> Self {
        let config = settings::read(&env);
        let shell = Shell {
            state,
            env,
            config,
            session: RefCell::default(),
            store: RefCell::default(),
            archive: RefCell::default(),
            key: RefCell::default(),
            owes_summary: Cell::default(),
            client: Client::default(),
            speech: SpeechSockets::default(),
            pusher: PusherSocket::default(),
            asleep_until: Cell::default(),
            alarm_at: Cell::default(),
        };
        Self { shell: Rc::new(shell) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        if request.path() == "/listen" {
            return self.shell.listen(&request).await.or_else(|problem| problem.response());
        }
        let Ok(asked) = request.json().await else { return Problem::Internal.response() };
        match asked {
            CallRequest::Conversation => Response::from_json(&self.shell.conversation()),
            CallRequest::PhoneCall(call) => Response::from_json(&self.shell.phone_call(&call)),
        }
    }

    async fn alarm(&self) -> Result<Response> {
        self.shell.alarm_at.set(None);
        if self.shell.wake_up() {
            self.shell.run(Event::Timeout);
        }
        Response::empty()
    }
}

/// What the platform calls for a client's socket.
///
/// By hand, and not by the macro: that copies every message into our memory before it can be looked at, and our memory never
/// shrinks again. (<https://developers.cloudflare.com/durable-objects/best-practices/websockets/>; a message may have 32 MiB.)
#[wasm_bindgen(
    wasm_bindgen = ::worker::wasm_bindgen,
    wasm_bindgen_futures = ::worker::wasm_bindgen_futures,
    js_sys = ::worker::js_sys
)]
impl Call {
    /// A message has come.
    ///
    /// # Errors
    /// None that are expected; the platform wants a promise that can fail.
    #[wasm_bindgen(js_name = webSocketMessage)]
    pub async fn web_socket_message(
        &self,
        socket: web_sys::WebSocket,
        message: JsValue,
    ) -> std::result::Result<JsValue, JsValue> {
        // A panic in here rejects the promise, and is this call's own.
        AssertUnwindSafe(async move { self.shell.message(&socket.into(), &Message::new(message)) }).await;
        Ok(JsValue::UNDEFINED)
    }

    /// The socket is closed.
    ///
    /// # Errors
    /// None that are expected.
    #[wasm_bindgen(js_name = webSocketClose)]
    pub async fn web_socket_close(
        &self,
        socket: web_sys::WebSocket,
        code: u16,
        reason: String,
    ) -> std::result::Result<JsValue, JsValue> {
        AssertUnwindSafe(async move {
            let socket = socket.into();
            // First of all, and whatever the socket was: the platform answers no close frame of a hibernating socket, and a
            // client that waits for the answer hangs until its own time-out.
            client::answer_close(&socket, code, &reason);
            self.shell.gone(&socket);
        })
        .await;
        Ok(JsValue::UNDEFINED)
    }

    /// The socket is broken.
    ///
    /// # Errors
    /// None that are expected.
    #[wasm_bindgen(js_name = webSocketError)]
    pub async fn web_socket_error(&self, socket: web_sys::WebSocket) -> std::result::Result<JsValue, JsValue> {
        AssertUnwindSafe(async move { self.shell.gone(&socket.into()) }).await;
        Ok(JsValue::UNDEFINED)
    }
}

/// The object's inside, shared with the tasks that it spawns.
pub(crate) struct Shell {
    state: State,
    env: Env,
    config: Rc<Config>,
    session: RefCell<Option<Session>>,
    /// Where the session is saved, from its first save until it is forgotten.
    store: RefCell<Option<CallStore>>,
    /// Where the conversation is kept for good.
    archive: RefCell<Option<Rc<Archive>>>,
    /// The conversation's key, wrapped.
    key: RefCell<Vec<u8>>,
    /// Whether the language model failed, and may do better another time.
    owes_summary: Cell<bool>,
    client: Client,
    pub(crate) speech: SpeechSockets,
    pub(crate) pusher: PusherSocket,
    /// When the sleep that is under way ends.
    asleep_until: Cell<Option<UnixMillis>>,
    /// When the alarm that is set rings.
    alarm_at: Cell<Option<UnixMillis>>,
}

impl Shell {
    /// Gives the session an event and does what follows from it.
    pub(crate) fn run(self: &Rc<Self>, event: Event<'_>) {
        let Some(mut session) = self.session.take() else { return };
        let now = now();
        session.handle(now, event);
        while let Some(action) = session.poll(now) {
            self.perform(action);
        }
        self.set_timers(&session, now);
        if !session.is_done() {
            self.session.replace(Some(session));
        }
    }

    /// Runs a task beside the events, for as long as it takes.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.state.wait_until(task);
    }

    /// A client's message has come.
    fn message(self: &Rc<Self>, socket: &WebSocket, message: &Message) {
        if !self.wake_up() || !self.client.is(socket) {
            return;
        }
        if !socket::is_acceptable(message.kind(), message.length()) {
            return self.run(Event::MessageTooBig);
        }
        if let Some(text) = message.text() {
            #[cfg(feature = "drill")]
            self.drill(&text);
            self.run(Event::Text(&text));
        } else if let Some(bytes) = message.bytes() {
            self.run(Event::Frame(&bytes));
        }
    }

    /// Causes the fault that a test's client asks for, if it does.
    #[cfg(feature = "drill")]
    fn drill(&self, text: &str) {
        if let Ok(archive) = self.archive() {
            archive.faults.hear(text, || drop(self.session.take()), |filler| self.client.send(filler));
        }
    }

    /// A client's socket arrives.
    async fn listen(self: &Rc<Self>, request: &Request) -> Result<Response, Problem> {
        let query = ListenQuery::parse(&listen::query_text(request)?)?;
        if !self.wake_up() {
            self.begin(&query).await?;
        }
        let pair = WebSocketPair::new()?;
        let attached = self.client.accept(&self.state, pair.server, &query)?;
        self.run(Event::Connected(attached.terms().ok_or(Problem::Internal)?));
        if let Some(zone) = &query.time_zone {
            self.run(Event::TimeZone(zone));
        }
        Ok(Response::from_websocket(pair.client)?)
    }

    /// The conversation as it is now, while the call runs.
    fn conversation(self: &Rc<Self>) -> Option<Conversation> {
        self.wake_up().then(|| self.session.borrow().as_ref().map(Session::conversation))?
    }

    /// Twilio has reported something of the call. Where nobody listens to it there is nothing to be kept: the user's
    /// object has the report.
    fn phone_call(self: &Rc<Self>, call: &PhoneCall) {
        if self.wake_up() {
            self.run(Event::PhoneCall(call));
        }
    }

    /// Makes sure that the session is in memory; false where there is none.
    fn wake_up(self: &Rc<Self>) -> bool {
        if self.session.borrow().is_some() {
            return true;
        }
        match self.restore() {
            Ok(session) => session,
            Err(problem) => {
                worker::console_error!("a call could not be taken up again: {problem}");
                false
            }
        }
    }

    /// Takes up a saved session, and the client's socket if that outlived the object's memory.
    fn restore(self: &Rc<Self>) -> Result<bool, Problem> {
        let (user, _) = self.name()?;
        let Some(store) = CallStore::find(&self.state)? else { return Ok(false) };
        let Some(SavedCall { snapshot, saved, key }) = store.load(self.vault()?, &user)? else { return Ok(false) };
        let archive = Archive::open(&self.env, self.vault()?, &user, snapshot.conversation, &key)?;
        self.keep_archive(archive, &key);
        // After a panic, streams of the lost session may still be open: they are nobody's now.
        for channel in Channel::BOTH {
            self.speech.close(channel);
        }
        PusherSocket::close(self);
        self.session.replace(Some(Session::restore(snapshot, saved, &self.services()?)));
        if let Some(attached) = self.client.find(&self.state) {
            self.run(Event::Reattached(attached.terms().ok_or(Problem::Internal)?));
        } else {
            self.run(Event::Timeout);
        }
        Ok(true)
    }

    /// Begins the call's session. The user's index knows whether the call has a conversation already.
    async fn begin(self: &Rc<Self>, query: &ListenQuery) -> Result<(), Problem> {
        let (user, call) = self.name()?;
        let mut start = Start {
            conversation: listen::random_conversation()?,
            call_id: Some(call),
            phone_call: None,
            language: query.language.clone(),
            time_zone: query.time_zone.clone(),
            source: query.source,
        };
        let offered = Session::start(start.clone(), &self.services()?, now()).conversation().entry();
        // Both at once: a client is waiting.
        let start_request = UserRequest::Start(offered);
        let (begun, admitted) = join(
            user_do::ask(&self.env, &user, &start_request),
            deployment_do::admit(&self.env, Counter::SpeechMillis),
        )
        .await;
        let (known, is_registered, key, phone_call) = match begun? {
            user_do::Start::Go { entry, is_registered, key, phone_call } => (entry, is_registered, key, phone_call),
            user_do::Start::NoSuchCall => return Err(Problem::NoSuchCall),
            user_do::Start::Refused(error) => return Err(error.into()),
        };
        if let Err(problem) = admitted {
            self.release(Stretch { from: Samples::ZERO, to: Samples::ZERO }).await;
            return Err(problem);
        }
        let archive = Archive::open(&self.env, self.vault()?, &user, known.id, &key)?;
        let finished = if is_registered { archive.get().await?.map(|(finished, _)| finished) } else { None };
        let mut session = if let Some(finished) = finished {
            let session = Session::reopen(finished, &self.services()?);
            user_do::ask::<bool>(&self.env, &user, &UserRequest::Keep(session.conversation().entry())).await?;
            session
        } else {
            start.conversation = known.id;
            start.phone_call = phone_call.map(|call| *call);
            Session::start(start, &self.services()?, now())
        };
        if is_registered {
            session.handle(now(), Event::Registered);
        }
        // While this waited, another connection of the same call may have begun it, and with another key where the conversation
        // is not entered yet.
        if self.session.borrow().is_none() {
            self.with_store(|store| store.save_key(&key))?;
            self.keep_archive(archive, &key);
            self.session.replace(Some(session));
        }
        Ok(())
    }

    /// A client's socket is gone.
    fn gone(self: &Rc<Self>, socket: &WebSocket) {
        if self.wake_up() && self.client.is(socket) {
            self.client.forget();
            self.run(Event::Disconnected);
        }
    }

    fn perform(self: &Rc<Self>, action: Action<'_>) {
        match action {
            Action::Ping => self.client.send(PING),
            Action::Status(status) => self.tell(&ServerEvent::ServiceStatus(status)),
            Action::Held(positions) => self.tell(&ServerEvent::AudioHeld(positions)),
            Action::StoredUpTo(positions) => self.tell(&ServerEvent::AudioStored(positions)),
            Action::Alert(alert) => worker::console_error!("{alert}"),
            Action::Withdrawn(segment_ids) => self.tell(&ServerEvent::SegmentsDeleted { segment_ids }),
            Action::Caption { segment, extras } => self.tell(&[WireSegment::new(&segment, extras)]),
            Action::Processing(memory) => {
                self.tell(&ServerEvent::MemoryProcessingStarted { memory, messages: Vec::new() });
            }
            Action::Finished(memory) => self.tell(&ServerEvent::MemoryCreated { memory, messages: Vec::new() }),
            Action::Close { code, reason } => self.client.close(code, reason),
            Action::SpeechOpen { channel, stream, endpoint } => SpeechSockets::open(self, channel, stream, endpoint),
            Action::SpeechAudio { channel, stream, pcm } => SpeechSockets::audio(self, channel, stream, pcm),
            Action::SpeechText { channel, stream, text } => self.speech.text(channel, stream, text),
            Action::SpeechClose { channel, .. } => self.speech.close(channel),
            Action::PusherOpen { stream, endpoint } => PusherSocket::open(self, stream, endpoint),
            Action::PusherSend { stream, message } => PusherSocket::send(self, stream, message.expose()),
            Action::PusherClose { .. } => PusherSocket::close(self),
            Action::Save(snapshot) => self.keep(|store, vault, user| store.save(vault, user, &snapshot)),
            Action::SaveSegment(segment) => self.keep(|store, vault, user| store.save_segment(vault, user, &segment)),
            Action::Record(chunk) => self.record(chunk),
            Action::KeepChunk(chunk) => self.keep_chunk(&chunk),
            Action::RecordKept(span) => self.record_kept(span),
            Action::DropChunk(span) => self.drop_chunk(span),
            Action::Summarise(conversation) => {
                let shell = Rc::clone(self);
                self.spawn(async move {
                    let summary = summaries::ask(&shell.env, &conversation).await;
                    shell.owes_summary.set(matches!(&summary, Some(Err(error)) if error.is_retryable()));
                    shell.run(Event::Summarised(summary.and_then(Result::ok).as_ref()));
                });
            }
            Action::Register(conversation) => {
                let shell = Rc::clone(self);
                self.spawn(async move {
                    let registered = shell.register(&conversation).await;
                    shell.run(if registered.is_ok() { Event::Registered } else { Event::RegisterFailed });
                });
            }
            Action::Count(audio) => {
                let shell = Rc::clone(self);
                self.spawn(async move {
                    if let Ok(Counted { may_go_on, .. }) = shell.count(audio).await {
                        shell.run(Event::Counted { to: audio.to, may_go_on });
                    }
                });
            }
            Action::Release(audio) => {
                let shell = Rc::clone(self);
                self.spawn(async move { shell.release(audio).await });
            }
            Action::Store { conversation, is_empty } => {
                let shell = Rc::clone(self);
                self.spawn(async move {
                    let stored = shell.store(&conversation, is_empty).await;
                    shell.run(if stored.is_ok() { Event::Stored } else { Event::StoreFailed });
                });
            }
            Action::Forget => {
                self.store.take();
                self.archive.take();
                let storage = self.state.storage();
                self.alarm_at.set(None);
                self.spawn(async move {
                    if storage.delete_all().await.is_err() {
                        worker::console_error!("a finished call could not be erased from its object");
                    }
                });
            }
        }
    }

    fn tell(&self, message: &impl Serialize) {
        match serde_json::to_string(message) {
            Ok(text) => self.client.send(&text),
            Err(_) => worker::console_error!("a message could not be written"),
        }
    }

    /// Writes to the object's own store. What fails is logged: the next write brings the newest state anyway.
    fn keep(&self, write: impl FnOnce(&CallStore, &Vault, &UserId) -> Result<(), Problem>) {
        if let Err(problem) = self.try_keep(write) {
            worker::console_error!("a call's state was not saved: {problem}");
        }
    }

    fn try_keep(&self, write: impl FnOnce(&CallStore, &Vault, &UserId) -> Result<(), Problem>) -> Result<(), Problem> {
        let (user, _) = self.name()?;
        self.with_store(|store| write(store, self.vault()?, &user))
    }

    /// Works on the object's own store, which is made when it is first needed.
    pub(crate) fn with_store<T>(&self, work: impl FnOnce(&CallStore) -> Result<T, Problem>) -> Result<T, Problem> {
        let mut opened = self.store.borrow_mut();
        let store = match opened.take() {
            Some(store) => store,
            None => CallStore::open(&self.state)?,
        };
        work(opened.insert(store))
    }

    /// Where the conversation is kept for good.
    pub(crate) fn archive(&self) -> Result<Rc<Archive>, Problem> {
        self.archive.borrow().clone().ok_or(Problem::Internal)
    }

    fn keep_archive(&self, archive: Archive, key: &[u8]) {
        self.key.replace(key.to_vec());
        self.archive.replace(Some(Rc::new(archive)));
    }

    /// Has the conversation entered in the user's index.
    async fn register(&self, conversation: &Conversation) -> Result<(), Problem> {
        let (user, _) = self.name()?;
        let key = self.key.borrow().clone();
        user_do::ask(&self.env, &user, &UserRequest::Register(conversation.entry(), key)).await
    }

    /// Tells the user's object that the call goes on.
    async fn count(&self, audio: Stretch) -> Result<Counted, Problem> {
        let (user, call) = self.name()?;
        user_do::ask(&self.env, &user, &UserRequest::Count(call, audio)).await
    }

    /// Tells the user's object that the call is over. Where that fails, it finds out by itself.
    async fn release(&self, audio: Stretch) {
        let Ok((user, call)) = self.name() else { return };
        let released: Result<(), Problem> = user_do::ask(&self.env, &user, &UserRequest::Release(call, audio)).await;
        if released.is_err() {
            worker::console_warn!("a call's slot was not given back");
        }
    }

    /// Stores the finished conversation, then its entry in the user's index.
    async fn store(&self, conversation: &Conversation, is_empty: bool) -> Result<(), Problem> {
        debug_assert_eq!(conversation.status, ConversationStatus::Completed);
        let (user, _) = self.name()?;
        self.archive()?.put(conversation).await?;
        user_do::ask::<bool>(&self.env, &user, &UserRequest::Keep(conversation.entry())).await?;
        if is_empty {
            user_do::ask::<()>(&self.env, &user, &UserRequest::Expire(conversation.id)).await?;
        }
        let has_webhook = self.config.webhook.as_ref().map_err(Clone::clone)?.is_some();
        let duties = [(Duty::Summary, self.owes_summary.get()), (Duty::Webhook, has_webhook)];
        for (duty, _) in duties.into_iter().filter(|(_, is_due)| *is_due) {
            user_do::ask::<()>(&self.env, &user, &UserRequest::Owe(conversation.id, duty)).await?;
        }
        Ok(())
    }

    /// Sees to it that the session is woken in time: by a sleep while it lives in memory anyway, by the object's alarm
    /// when it does not, and by a distant alarm in both cases.
    fn set_timers(self: &Rc<Self>, session: &Session, now: UnixMillis) {
        let Some(wake) = session.wake() else { return };
        if session.is_streaming() {
            if self.asleep_until.get().is_none_or(|until| wake < until) {
                self.sleep(wake, now);
            }
            if self.alarm_at.get().is_none_or(|at| at < now + WATCHDOG_MILLIS / 2) {
                self.set_alarm(now + WATCHDOG_MILLIS, now);
            }
        } else if self.alarm_at.get().is_none_or(|at| wake < at || at < now) {
            self.set_alarm(wake, now);
        }
    }

    fn sleep(self: &Rc<Self>, until: UnixMillis, now: UnixMillis) {
        self.asleep_until.set(Some(until));
        let shell = Rc::clone(self);
        self.spawn(async move {
            Delay::from(Duration::from_millis(until.since(now))).await;
            // A later sleep that ends earlier has taken over, and this one has nothing to say.
            if shell.asleep_until.get() == Some(until) {
                shell.asleep_until.set(None);
                shell.run(Event::Timeout);
            }
        });
    }

    fn set_alarm(self: &Rc<Self>, at: UnixMillis, now: UnixMillis) {
        self.alarm_at.set(Some(at));
        let storage = self.state.storage();
        self.spawn(async move {
            if storage.set_alarm(Duration::from_millis(at.since(now))).await.is_err() {
                worker::console_error!("a call's alarm was not set");
            }
        });
    }

    fn vault(&self) -> Result<&Vault, Problem> {
        self.config.vault.as_ref().map_err(|error| error.clone().into())
    }

    fn services(&self) -> Result<Services, Problem> {
        let speech = self.config.speech.as_ref().map_err(Clone::clone)?.clone().into();
        let has_model = self.config.summariser.as_ref().map_err(Clone::clone)?.is_some();
        let pusher = self.config.pusher.as_ref().map_err(Clone::clone)?;
        let (user, _) = self.name()?;
        let pusher = pusher.as_ref().map(|pusher| pusher.endpoint(&user));
        Ok(Services { speech, has_model, pusher, zones: Rc::new(PlatformZones) })
    }

    /// Whose call this is: the object's name says it.
    fn name(&self) -> Result<(UserId, CallId), Problem> {
        let name = self.state.id().name().ok_or(Problem::Internal)?;
        names::parse_call_object(&name).ok_or(Problem::Internal)
    }
}
