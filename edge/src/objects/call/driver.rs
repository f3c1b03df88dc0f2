//! What drives the session of one call: turns the platform's events into the session's and the session's actions into platform calls.
//!
//! The session is taken out of its cell while it works. If a handler panics, it is gone from memory with the panic, and
//! the next event finds it again as it was last saved: a fault costs its call a moment and no other call anything.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use fourwire_engine::call::{Action, Alert, Event, Services, Session, Start};
use fourwire_engine::config::Config;
use fourwire_engine::conversations::finish_again;
use fourwire_engine::identity::{SignedIn, sign_out};
use fourwire_engine::names::{self, CallOwner};
use fourwire_engine::quota::deployment::Counter;
use fourwire_engine::quota::sessions::{Counted, Stretch};
use fourwire_engine::record::{ChunkName, Folder};
use fourwire_engine::socket;
use fourwire_engine::user::CallStart;
use fourwire_engine::user::follow_up::FollowUp;
use fourwire_engine::user::task::retry_wait;
use fourwire_engine::user::unfinished::CallState;
use fourwire_engine::vault::Vault;
use fourwire_wire::conversation::{Conversation, ConversationStatus, PhoneCall};
use fourwire_wire::event::{PING, ServerEvent, close};
use fourwire_wire::frame::Channel;
use fourwire_wire::ids::ConversationId;
use fourwire_wire::pii::Pii;
use fourwire_wire::query::ListenQuery;
use fourwire_wire::segment::{Segment, WireSegment};
use fourwire_wire::units::{Samples, UnixMillis};
use futures_util::future::join;
use serde::Serialize;
use worker::{Delay, Env, Request, Response, Result, State, WebSocket, WebSocketPair};

use super::client_socket::ClientSocket;
use super::host::Host;
use super::pusher_socket::PusherSocket;
use super::speech_sockets::SpeechSockets;
use super::store::{CallStore, SavedCall};
use crate::clock::now;
use crate::fault::{Cause as _, During, Fault, PlatformCause as _};
use crate::log;
use crate::objects::identity::ObjectIdentity;
use crate::outbound::{issuer, language_model};
use crate::problem::Problem;
use crate::rpc::call::{Admission, random_conversation};
use crate::rpc::deployment;
use crate::rpc::user::{self, Count, Enqueue, Expire, Register, Release, StartCall, Upsert};
use crate::settings;
use crate::socket::{Message, close_socket};
use crate::storage::archive::Archive;
use crate::storage::database::ObjectDatabase;
use crate::zones::PlatformZones;

/// Why a client is cut off whose user was signed out.
const SIGNED_OUT: &str = "Signed out";
/// While a call streams, an alarm this far ahead brings the object back if it is lost without a word.
const WATCHDOG_MILLIS: u64 = 60_000;

/// The object's inside, shared with the tasks that it spawns.
pub(super) struct Driver {
    state: State,
    env: Env,
    config: Rc<Config>,
    identity: ObjectIdentity<CallOwner>,
    session: RefCell<Option<Session>>,
    /// Where the session is saved, from its first save until it is forgotten.
    store: RefCell<Option<CallStore>>,
    /// Where the conversation is kept for good.
    archive: RefCell<Option<Rc<Archive>>>,
    /// The conversation's key, wrapped.
    key: RefCell<Vec<u8>>,
    /// Whether the language model failed, and may do better another time.
    owes_summary: Cell<bool>,
    client: ClientSocket,
    speech: Rc<SpeechSockets>,
    pusher: Rc<PusherSocket>,
    /// When the sleep that is under way ends.
    asleep_until: Cell<Option<UnixMillis>>,
    /// When the alarm that is set rings.
    alarm_at: Cell<Option<UnixMillis>>,
    /// The conversation that was deleted last, while a client that was just being let in may still be about to begin its call.
    deleted: Cell<Option<ConversationId>>,
}

/// What was saved of the call cannot be read. It is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Unreadable;

impl Host for Driver {
    /// Gives the session an event and does what follows from it.
    fn run(self: &Rc<Self>, event: Event<'_>) {
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

    fn conversation_id(&self) -> Option<ConversationId> {
        self.archive.borrow().as_ref().map(|archive| archive.conversation())
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.state.wait_until(task);
    }
}

impl Driver {
    pub(super) fn new(state: State, env: Env) -> Self {
        let config = settings::read(&env);
        Self {
            state,
            env,
            config,
            identity: ObjectIdentity::default(),
            session: RefCell::default(),
            store: RefCell::default(),
            archive: RefCell::default(),
            key: RefCell::default(),
            owes_summary: Cell::default(),
            client: ClientSocket::default(),
            speech: Rc::default(),
            pusher: Rc::default(),
            asleep_until: Cell::default(),
            alarm_at: Cell::default(),
            deleted: Cell::default(),
        }
    }

    /// The object's alarm rings.
    pub(super) fn alarm(self: &Rc<Self>) {
        self.alarm_at.set(None);
        if self.wake_up() == Ok(true) {
            self.run(Event::Timeout);
        }
    }

    /// A client's message has come.
    pub(super) fn message(self: &Rc<Self>, socket: &WebSocket, message: &Message) {
        let is_awake = self.wake_up();
        if is_awake == Err(Unreadable) {
            // Nobody could take what it sends; it may come back.
            return close_socket(socket, close::INTERNAL, "the call cannot be gone on with right now");
        }
        if is_awake == Ok(false) || !self.client.is(socket) {
            return;
        }
        if !socket::is_acceptable(message.kind(), message.length()) {
            return self.run(Event::MessageTooBig);
        }
        if let Some(text) = message.text() {
            #[cfg(feature = "fault-injection")]
            self.inject_fault(&text);
            self.run(Event::Text(&text));
        } else if let Some(bytes) = message.bytes() {
            self.run(Event::Frame(&bytes));
        }
    }

    /// Causes the fault that a test's client asks for, if it does.
    #[cfg(feature = "fault-injection")]
    fn inject_fault(&self, text: &str) {
        if let Ok(archive) = self.archive() {
            archive.faults.hear(text, || drop(self.session.take()), |filler| self.client.send(filler));
        }
    }

    /// A client's socket arrives.
    pub(super) async fn listen(self: &Rc<Self>, request: &Request) -> Result<Response, Problem> {
        let Admission { owner, query, signed_in_at, expires } = Admission::of(request)?;
        self.identify(owner)?;
        if self.is_signed_out(signed_in_at)? {
            return Err(Problem::SignedOut);
        }
        let until = self.stays_until(expires)?;
        // What cannot be read is not begun anew: it would be written over.
        if !self.wake_up().map_err(|Unreadable| Fault::new("call.restore", "it cannot be read now"))? {
            self.begin(&query, signed_in_at).await?;
        }
        let pair = WebSocketPair::new()?;
        let attached = self.client.accept(&self.state, pair.server, &query, until)?;
        self.run(Event::Connected(attached.terms().during("socket.attachment")?));
        self.run(Event::SignedIn { until });
        if let Some(zone) = &query.time_zone {
            self.run(Event::TimeZone(zone));
        }
        Ok(Response::from_websocket(pair.client)?)
    }

    /// The conversation as it is now, while the call runs.
    pub(super) fn conversation(self: &Rc<Self>) -> Option<Conversation> {
        (self.wake_up() == Ok(true)).then(|| self.session.borrow().as_ref().map(Session::conversation))?
    }

    /// Twilio has reported something of the call. Where nobody listens to it there is nothing to be kept: the user's
    /// object has the report.
    pub(super) fn phone_call(self: &Rc<Self>, call: &PhoneCall) {
        if self.wake_up() == Ok(true) {
            self.run(Event::PhoneCall(call));
        }
    }

    /// What there is of a conversation here.
    pub(super) fn conversation_state(self: &Rc<Self>, id: ConversationId) -> CallState {
        match self.wake_up() {
            Err(Unreadable) => CallState::Unreadable,
            Ok(_) if self.running() == Some(id) => CallState::Running,
            Ok(_) => CallState::Absent,
        }
    }

    /// The conversation of the session in memory.
    fn running(&self) -> Option<ConversationId> {
        self.session.borrow().as_ref().map(Session::conversation_id)
    }

    /// Stores audio that is kept here of a conversation that cannot be gone on with, and gives out the segments that can be read.
    pub(super) async fn salvage(self: &Rc<Self>, id: ConversationId) -> Result<Vec<Segment>, Problem> {
        if self.wake_up() != Err(Unreadable) {
            return Ok(Vec::new());
        }
        let owner = self.owner()?;
        let Some(store) = CallStore::find(&self.state)? else { return Ok(Vec::new()) };
        let vault = self.vault()?;
        let folder = Folder::new(vault, &owner.user, id);
        let bucket = self.env.bucket(settings::ARCHIVE)?;
        // Each is sealed under the conversation's key already.
        for name in store.chunk_names()?.iter().filter_map(|name| ChunkName::parse(&folder, name).ok()) {
            if let Some(body) = store.chunk(&name)? {
                bucket.put(name.as_str(), body).execute().await?;
            }
        }
        store.readable_segments(vault, &owner)
    }

    /// Ends the call of a conversation that is no more, and forgets everything.
    pub(super) async fn delete(self: &Rc<Self>, id: ConversationId) -> Result<(), Problem> {
        self.deleted.set(Some(id));
        match self.wake_up() {
            Ok(_) if self.running() == Some(id) => self.run(Event::Deleted),
            Ok(_) => {}
            Err(Unreadable) => {
                self.client.find(&self.state);
                self.client.close(close::POLICY, "the conversation was deleted");
                self.store.take();
                self.alarm_at.set(None);
                self.state.storage().delete_all().await?;
            }
        }
        Ok(())
    }

    /// Makes sure that the session is in memory; false where there is none. Where there is one that cannot be read, the next
    /// try is planned: whatever keeps it from being read may be mended, and until then nothing of it is lost.
    fn wake_up(self: &Rc<Self>) -> Result<bool, Unreadable> {
        if self.session.borrow().is_some() {
            return Ok(true);
        }
        match self.restore() {
            Ok(is_there) => {
                if is_there && CallStore::forget_failures(&self.state).is_err() {
                    log::error!("call_failures_not_forgotten", conversation = self.conversation_id());
                }
                Ok(is_there)
            }
            Err(problem) => {
                let now = now();
                if self.alarm_at.get().is_none_or(|at| at <= now) {
                    // The count is for the pace only: without it, it is the fastest.
                    let failures = CallStore::count_failure(&self.state).unwrap_or(1);
                    self.set_alarm(now + retry_wait(failures), now);
                }
                log::error!("call_not_restored", object = self.state.id().name(), error = problem.cause());
                Err(Unreadable)
            }
        }
    }

    /// Takes up a saved session, and the client's socket if that outlived the object's memory.
    fn restore(self: &Rc<Self>) -> Result<bool, Problem> {
        let Some(store) = CallStore::find(&self.state)? else { return Ok(false) };
        let owner = self.owner()?;
        let Some(SavedCall { snapshot, saved, key }) = store.load(self.vault()?, &owner)? else { return Ok(false) };
        let archive = Archive::open(&self.env, self.vault()?, &owner.user, snapshot.conversation, &key)?;
        self.keep_archive(archive, &key);
        // After a panic, streams of the lost session may still be open: they are nobody's now.
        for channel in Channel::BOTH {
            self.speech.close(channel);
        }
        self.pusher.close(self);
        self.session.replace(Some(Session::restore(snapshot, saved, &self.services()?)));
        if let Some(attached) = self.client.find(&self.state) {
            self.run(Event::Reattached(attached.terms().during("socket.attachment")?));
            if let Some(until) = attached.until {
                self.run(Event::SignedIn { until });
            }
        } else {
            self.run(Event::Timeout);
        }
        Ok(true)
    }

    /// Begins the call's session. The user's index knows whether the call has a conversation already.
    async fn begin(self: &Rc<Self>, query: &ListenQuery, signed_in_at: UnixMillis) -> Result<(), Problem> {
        let CallOwner { user, call } = self.owner()?;
        let mut start = Start {
            conversation: random_conversation()?,
            call_id: Some(call),
            phone_call: None,
            language: query.language.clone(),
            time_zone: query.time_zone.clone(),
            source: query.source,
        };
        let offered = Session::start(start.clone(), &self.services()?, now()).conversation().entry();
        // Both at once: a client is waiting.
        let (begun, admitted) = join(
            user::call(&self.env, &user, StartCall(offered, signed_in_at)),
            deployment::admit(&self.env, Counter::SpeechMillis),
        )
        .await;
        let (known, is_registered, key, phone_call) = match begun? {
            CallStart::Go { entry, is_registered, key, phone_call } => (entry, is_registered, key, phone_call),
            CallStart::NoSuchCall => return Err(Problem::NoSuchCall),
            CallStart::SignedOut => return Err(Problem::SignedOut),
            CallStart::Refused(error) => return Err(error.into()),
        };
        if let Err(problem) = admitted {
            self.release(Stretch { from: Samples::ZERO, to: Samples::ZERO }).await;
            return Err(problem);
        }
        let archive = Archive::open(&self.env, self.vault()?, &user, known.id, &key)?;
        let finished = if is_registered { archive.get().await?.map(|(finished, _)| finished) } else { None };
        let mut session = if let Some(finished) = finished {
            let session = Session::reopen(finished, &self.services()?);
            user::call(&self.env, &user, Upsert(session.conversation().entry())).await?;
            session
        } else {
            start.conversation = known.id;
            start.phone_call = phone_call.map(|call| *call);
            Session::start(start, &self.services()?, now())
        };
        if is_registered {
            session.handle(now(), Event::Registered);
        }
        // While this waited, the user may have deleted it.
        if self.deleted.get() == Some(known.id) {
            self.release(Stretch { from: Samples::ZERO, to: Samples::ZERO }).await;
            return Err(Problem::NoSuchCall);
        }
        // Or another connection of the same call may have begun it, and with another key where the conversation is not entered yet.
        if self.session.borrow().is_none() {
            self.with_store(|store| store.save_key(&key))?;
            self.keep_archive(archive, &key);
            self.session.replace(Some(session));
        }
        Ok(())
    }

    /// A client's socket is gone.
    pub(super) fn gone(self: &Rc<Self>, socket: &WebSocket) {
        if self.wake_up() == Ok(true) && self.client.is(socket) {
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
            Action::Alert(alert) => self.alert(alert),
            Action::Withdrawn(segment_ids) => self.tell(&ServerEvent::SegmentsDeleted { segment_ids }),
            Action::Caption { segment, extras } => self.tell(&[WireSegment::new(&segment, extras)]),
            Action::Processing(memory) => {
                self.tell(&ServerEvent::MemoryProcessingStarted { memory, messages: Vec::new() });
            }
            Action::Finished(memory) => self.tell(&ServerEvent::MemoryCreated { memory, messages: Vec::new() }),
            Action::Verify(token) => {
                let driver = Rc::clone(self);
                self.spawn(async move { driver.verify(&token).await });
            }
            Action::Close { code, reason } => self.client.close(code, reason),
            Action::SpeechOpen { channel, stream, endpoint } => self.speech.open(self, channel, stream, endpoint),
            Action::SpeechAudio { channel, stream, pcm } => self.speech.audio(self, channel, stream, pcm),
            Action::SpeechText { channel, stream, text } => self.speech.text(channel, stream, text),
            Action::SpeechClose { channel, .. } => self.speech.close(channel),
            Action::PusherOpen { stream, endpoint } => self.pusher.open(self, stream, endpoint),
            Action::PusherSend { stream, message } => self.pusher.send(self, stream, message.expose()),
            Action::PusherClose { .. } => self.pusher.close(self),
            Action::Save(snapshot) => self.keep(|store, vault, owner| store.save(vault, owner, &snapshot)),
            Action::SaveSegment(segment) => self.keep(|store, vault, owner| store.save_segment(vault, owner, &segment)),
            Action::Record(chunk) => self.record(chunk),
            Action::KeepChunk(chunk) => self.keep_chunk(&chunk),
            Action::RecordKept(span) => self.record_kept(span),
            Action::DropChunk(span) => self.drop_chunk(span),
            Action::Summarise(conversation) => {
                let driver = Rc::clone(self);
                self.spawn(async move {
                    let summary = language_model::sum_up(&driver.env, &conversation).await;
                    driver.owes_summary.set(matches!(&summary, Some(Err(error)) if error.is_retryable()));
                    driver.run(Event::Summarised(summary.and_then(Result::ok).as_ref()));
                });
            }
            Action::Register(conversation) => {
                let driver = Rc::clone(self);
                self.spawn(async move {
                    let registered = driver.register(&conversation).await;
                    driver.run(if registered.is_ok() { Event::Registered } else { Event::RegisterFailed });
                });
            }
            Action::Count(audio) => {
                let driver = Rc::clone(self);
                self.spawn(async move {
                    if let Ok(Counted { may_go_on, .. }) = driver.count(audio).await {
                        driver.run(Event::Counted { to: audio.to, may_go_on });
                    }
                });
            }
            Action::Release(audio) => {
                let driver = Rc::clone(self);
                self.spawn(async move { driver.release(audio).await });
            }
            Action::Store { conversation, is_news, is_empty } => {
                let driver = Rc::clone(self);
                self.spawn(async move {
                    let stored = driver.store(*conversation, is_news, is_empty).await;
                    driver.run(if stored.is_ok() { Event::Stored } else { Event::StoreFailed });
                });
            }
            Action::Forget => {
                self.store.take();
                self.archive.take();
                let storage = self.state.storage();
                self.alarm_at.set(None);
                self.spawn(async move {
                    if let Err(error) = storage.delete_all().await {
                        log::error!("call_not_forgotten", error = error.cause());
                    }
                });
            }
        }
    }

    /// Checks a token that the client sent on its running socket.
    async fn verify(self: &Rc<Self>, token: &Pii<String>) {
        let Some(socket) = self.client.socket() else { return };
        let verified = issuer::verify(token.expose(), &self.config).await;
        if !self.client.is(&socket) {
            return;
        }
        match self.renewal(verified) {
            Ok(expires) => {
                let expires_in = Some(expires.since(now()) / 1000);
                self.tell(&ServerEvent::AuthResponse { success: true, expires_in });
                if let Ok(until) = self.stays_until(expires) {
                    if self.client.extend(until).is_err() {
                        log::error!("sign_in_not_noted", conversation = self.conversation_id());
                    }
                    self.run(Event::SignedIn { until });
                }
            }
            Err(Problem::SignedOut) => self.run(Event::NotAllowed { reason: SIGNED_OUT }),
            Err(Problem::BadAuthorization) => self.run(Event::NotAllowed { reason: "Invalid token" }),
            // It cannot be checked now: the one before it is good for its time.
            Err(problem) => {
                log::warning!("token_not_checked", conversation = self.conversation_id(), error = problem.cause());
            }
        }
    }

    /// Until when a fresh token of this user is good.
    fn renewal(&self, verified: Result<SignedIn, Problem>) -> Result<UnixMillis, Problem> {
        let SignedIn { user, signed_in, expires } = verified?;
        if user != self.owner()?.user {
            return Err(Problem::BadAuthorization);
        }
        if self.is_signed_out(signed_in)? { Err(Problem::SignedOut) } else { Ok(expires) }
    }

    /// Until when a client with a token may stay.
    fn stays_until(&self, expires: UnixMillis) -> Result<UnixMillis, Problem> {
        let grace = self.config.issuer()?.grace;
        Ok(expires + u64::try_from(grace.as_millis()).unwrap_or(u64::MAX))
    }

    /// The user was signed out everywhere: whoever signed in before is cut off, now and later.
    pub(super) fn sign_out(self: &Rc<Self>, moment: UnixMillis) -> Result<(), Problem> {
        let is_awake = self.wake_up();
        if is_awake == Ok(false) {
            return Ok(());
        }
        sign_out::note(&ObjectDatabase::of(&self.state), moment)?;
        if is_awake == Ok(true) {
            self.run(Event::NotAllowed { reason: SIGNED_OUT });
        } else {
            self.client.find(&self.state);
            self.client.close(close::POLICY, SIGNED_OUT);
        }
        Ok(())
    }

    fn is_signed_out(&self, signed_in_at: UnixMillis) -> Result<bool, Problem> {
        Ok(sign_out::is_signed_out(&ObjectDatabase::of(&self.state), signed_in_at)?)
    }

    /// Tells the operator.
    fn alert(&self, alert: Alert) {
        let conversation = self.conversation_id();
        match alert {
            Alert::SpeechRefused { service, fault, status } => log::error!(
                "speech_refused_for_good",
                conversation = conversation,
                service = service,
                status = status,
                error = format!("{fault:?}")
            ),
            Alert::FramesNotUnderstood => log::error!("frames_not_understood", conversation = conversation),
            Alert::AudioTooFast => log::error!("audio_too_fast", conversation = conversation),
        }
    }

    fn tell(&self, message: &impl Serialize) {
        match serde_json::to_string(message) {
            Ok(text) => self.client.send(&text),
            Err(error) => {
                log::error!("message_not_written", conversation = self.conversation_id(), error = error.cause());
            }
        }
    }

    /// Writes to the object's own store. What fails is logged: the next write brings the newest state anyway.
    fn keep(&self, write: impl FnOnce(&CallStore, &Vault, &CallOwner) -> Result<(), Problem>) {
        if let Err(problem) = self.try_keep(write) {
            log::error!("call_not_saved", conversation = self.conversation_id(), error = problem.cause());
        }
    }

    fn try_keep(
        &self,
        write: impl FnOnce(&CallStore, &Vault, &CallOwner) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let owner = self.owner()?;
        self.with_store(|store| write(store, self.vault()?, &owner))
    }

    /// Works on the object's own store, which is made when it is first needed.
    pub(super) fn with_store<T>(&self, work: impl FnOnce(&CallStore) -> Result<T, Problem>) -> Result<T, Problem> {
        let mut opened = self.store.borrow_mut();
        let store = if let Some(store) = opened.take() {
            store
        } else {
            self.identity.keep(&self.state, self.vault()?)?;
            CallStore::open(&self.state)?
        };
        work(opened.insert(store))
    }

    /// Where the conversation is kept for good.
    pub(super) fn archive(&self) -> Result<Rc<Archive>, Problem> {
        Ok(self.archive.borrow().clone().during("call.archive")?)
    }

    fn keep_archive(&self, archive: Archive, key: &[u8]) {
        self.key.replace(key.to_vec());
        self.archive.replace(Some(Rc::new(archive)));
    }

    /// Has the conversation entered in the user's index.
    async fn register(&self, conversation: &Conversation) -> Result<(), Problem> {
        let CallOwner { user, .. } = self.owner()?;
        let key = self.key.borrow().clone();
        user::call(&self.env, &user, Register(conversation.entry(), key)).await
    }

    /// Tells the user's object that the call goes on.
    async fn count(&self, audio: Stretch) -> Result<Counted, Problem> {
        let CallOwner { user, call } = self.owner()?;
        user::call(&self.env, &user, Count(call, audio)).await
    }

    /// Tells the user's object that the call is over. Where that fails, it finds out by itself.
    async fn release(&self, audio: Stretch) {
        let Ok(CallOwner { user, call }) = self.owner() else { return };
        if let Err(problem) = user::call(&self.env, &user, Release(call, audio)).await {
            log::warning!("slot_not_released", conversation = self.conversation_id(), error = problem.cause());
        }
    }

    /// Stores the finished conversation, then its entry in the user's index. What the user has changed meanwhile in an earlier
    /// form of it stays.
    async fn store(&self, conversation: Conversation, is_news: bool, is_empty: bool) -> Result<(), Problem> {
        debug_assert_eq!(conversation.status, ConversationStatus::Completed);
        let CallOwner { user, .. } = self.owner()?;
        let archive = self.archive()?;
        let conversation = match archive.get().await? {
            None => {
                archive.put(&conversation).await?;
                conversation
            }
            Some((stored, version)) => {
                let again = finish_again(&stored, conversation);
                // Where somebody else was faster, the session offers it once more.
                if again != stored && !archive.replace(&again, version).await? {
                    return Err(Fault::new("r2.replace", "the conversation was changed meanwhile").into());
                }
                again
            }
        };
        user::call(&self.env, &user, Upsert(conversation.entry())).await?;
        if is_empty {
            user::call(&self.env, &user, Expire(conversation.id)).await?;
        }
        // A setting that cannot be read is taken for one that will be: the user's object tries again until it gives up.
        let has_webhook = !matches!(self.config.webhook, Ok(None));
        let owes_summary = self.owes_summary.get() || self.config.summariser.is_err();
        let follow_ups = [(FollowUp::Summary, owes_summary), (FollowUp::Webhook, has_webhook)];
        for (follow_up, _) in follow_ups.into_iter().filter(|(_, is_due)| *is_due && is_news) {
            user::call(&self.env, &user, Enqueue(conversation.id, follow_up)).await?;
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
        let driver = Rc::clone(self);
        self.spawn(async move {
            Delay::from(Duration::from_millis(until.since(now))).await;
            // A later sleep that ends earlier has taken over, and this one has nothing to say.
            if driver.asleep_until.get() == Some(until) {
                driver.asleep_until.set(None);
                driver.run(Event::Timeout);
            }
        });
    }

    fn set_alarm(self: &Rc<Self>, at: UnixMillis, now: UnixMillis) {
        self.alarm_at.set(Some(at));
        let storage = self.state.storage();
        self.spawn(async move {
            if let Err(error) = storage.set_alarm(Duration::from_millis(at.since(now))).await {
                log::error!("alarm_not_set", error = error.cause());
            }
        });
    }

    fn vault(&self) -> Result<&Vault, Problem> {
        Ok(self.config.vault()?)
    }

    /// What the session can ask for. Where a setting cannot be read, the call goes on without what it is for: nobody is let in
    /// without a speech service, and /healthz names the rest.
    fn services(&self) -> Result<Services, Problem> {
        let speech = self.config.speech.as_ref().cloned().unwrap_or_default().into();
        let has_model = matches!(self.config.summariser, Ok(Some(_)));
        let CallOwner { user, .. } = self.owner()?;
        let pusher = self.config.pusher.as_ref().ok().and_then(Option::as_ref);
        let pusher = pusher.map(|pusher| pusher.endpoint(&user));
        Ok(Services { speech, has_model, pusher, zones: Rc::new(PlatformZones) })
    }

    /// Whose call this is.
    fn owner(&self) -> Result<CallOwner, Problem> {
        Ok(self.identity.get(&self.state, self.vault()?)?.during("object.identity")?)
    }

    /// Takes a request's word for whose call this is.
    pub(super) fn identify(&self, owner: CallOwner) -> Result<(), Problem> {
        let name = names::call_object(self.vault()?, &owner);
        self.identity.learn(&self.state, owner, &name)
    }
}
