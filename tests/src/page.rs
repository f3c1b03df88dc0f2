//! Fourwire's page as a client of the edge, without its browser: the page's own [`Session`] on a real socket, in real time,
//! over a [`Front`] that breaks. Both sides talk from the first moment on, whatever becomes of the connection.

use std::time::{Duration, Instant};

use fourwire_lab::recording::Recording;
use fourwire_web::captions::Caption;
use fourwire_web::capture::Block;
use fourwire_web::session::{Action, Event, News, NoticeCode, Outgoing, Session, State};
use fourwire_wire::conversation::Conversation;
use fourwire_wire::event::{ServerEvent, Status};
use fourwire_wire::frame::{Channel, PerChannel};
use fourwire_wire::pii::Pii;
use fourwire_wire::units::{SAMPLES_PER_SECOND, Samples};
use futures_util::future::pending;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::sleep_until;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::World;
use crate::front::Front;

/// What the worklet hears at once, in samples: 40 ms.
const BLOCK: usize = 640;
/// What a browser says of a socket that ended without a close frame.
const NO_FRAME: u16 = 1006;
/// What it says of one whose close frame has no code.
const NO_CODE: u16 = 1005;
/// How long a network swallows what the page believes to have sent, before it breaks.
const SWALLOWS: Duration = Duration::from_millis(400);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A page in the middle of a call.
pub struct Page {
    /// The network between it and the Worker.
    pub front: Front,
    /// The user's ID token.
    pub token: String,
    /// The call's name.
    pub call_id: String,
    /// Where the recording stood, one state after the other.
    pub states: Vec<State>,
    /// What the user was told by the server.
    pub notices: Vec<Status>,
    /// How much the server said that it holds, each time.
    pub held: Vec<PerChannel<Samples>>,
    /// How sockets were closed that were open, as a browser tells it.
    pub closed: Vec<u16>,
    /// Whether the browser's socket has room for audio.
    pub has_room: bool,
    session: Session,
    /// What is said at 16 kHz, and how much of it was heard so far.
    recording: Recording,
    captured: usize,
    begun: Instant,
    captions: Vec<Caption>,
    socket: Option<Socket>,
    connecting: Option<JoinHandle<Option<Socket>>>,
    /// As the server sent it.
    conversation: Option<Box<Conversation>>,
    /// All is over; whether the page was given the conversation.
    done: Option<bool>,
}

impl Page {
    /// A user's page, in whose call a recording is heard from now on.
    ///
    /// # Panics
    /// When the recording is not at 16 kHz.
    pub async fn start(world: &World, user: &str, recording: Recording) -> Self {
        assert_eq!(recording.sample_rate, SAMPLES_PER_SECOND);
        let options = world.phone(user);
        let mut page = Self {
            front: Front::start(world.edge(), &world.lab.origin()).await,
            token: options.token,
            call_id: options.call_id.expect("a new call has a name"),
            states: Vec::new(),
            notices: Vec::new(),
            held: Vec::new(),
            closed: Vec::new(),
            has_room: true,
            session: Session::new(|| 0.5),
            recording,
            captured: 0,
            begun: Instant::now(),
            captions: Vec::new(),
            socket: None,
            connecting: None,
            conversation: None,
            done: None,
        };
        page.tell(Event::Start).await;
        page
    }

    /// How much was heard of each side so far.
    #[must_use]
    pub fn captured(&self) -> Samples {
        Samples::new(u64::try_from(self.captured).unwrap_or(u64::MAX))
    }

    /// What is shown to the user, by time.
    #[must_use]
    pub fn captions(&self) -> &[Caption] {
        &self.captions
    }

    /// Talks on, until so much of the call was heard.
    pub async fn talk_until(&mut self, position: Samples) {
        while self.captured() < position {
            self.step().await;
        }
    }

    /// Talks on until something is so.
    ///
    /// # Panics
    /// When it is not so within `limit`.
    pub async fn wait_until(&mut self, limit: Duration, what: &str, wanted: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !wanted(self) {
            assert!(begun.elapsed() < limit, "not {what} after {limit:?}: {:?}, {:?}", self.states, self.notices);
            self.step().await;
        }
    }

    /// The network swallows what is sent, and then breaks.
    pub async fn lose_network(&mut self) {
        self.front.cut(true);
        self.has_room = true;
        let until = Instant::now() + SWALLOWS;
        while Instant::now() < until {
            self.step().await;
        }
        self.front.break_off();
        // Before, what was held up would get through after all. On a machine that stood still the page may have given the
        // connection up by itself.
        while self.socket.is_some() {
            self.step().await;
        }
        self.front.cut(false);
    }

    /// Talks to the recording's end, ends the call, and waits for the conversation.
    ///
    /// # Panics
    /// When it does not come within `limit`.
    pub async fn hang_up(&mut self, limit: Duration) -> Conversation {
        self.talk_until(Samples::new(u64::try_from(self.recording.audio.user.len()).unwrap_or_default())).await;
        self.tell(Event::End).await;
        self.wait_until(limit, "over", |page| page.done.is_some()).await;
        assert_eq!(self.done, Some(true), "with the conversation: {:?}", self.states);
        *self.conversation.take().expect("memory_created")
    }

    /// Sends a text that no page sends.
    ///
    /// # Panics
    /// When the socket is not open.
    pub async fn send_text(&mut self, text: &str) {
        let socket = self.socket.as_mut().expect("an open socket");
        socket.send(Message::text(text)).await.expect("an open socket");
    }

    /// What happens next: something is heard, something comes, or a time is over.
    async fn step(&mut self) {
        let block = BLOCK.min(self.recording.audio.user.len() - self.captured);
        // A worklet gives a block when its last sample was heard.
        let heard = (block > 0).then(|| self.begun + duration(self.captured + block));
        let wake = self.session.wake_at().map(|at| self.begun + at);
        tokio::select! {
            message = next(&mut self.socket) => self.message(message).await,
            socket = connected(&mut self.connecting) => {
                self.connecting = None;
                self.socket = socket;
                let is_open = self.socket.is_some();
                self.tell(if is_open { Event::Opened } else { Event::Closed { code: NO_FRAME, reason: "" } }).await;
            }
            () = at(heard) => self.hear(block).await,
            () = at(wake) => self.tell(Event::Timeout).await,
        }
    }

    async fn hear(&mut self, count: usize) {
        let from = self.captured;
        self.captured += count;
        // As the worklet has it, without loss.
        let heard = PerChannel::from_fn(|side| {
            let samples = &self.recording.audio.get(side)[from..self.captured];
            samples.iter().map(|sample| f32::from(*sample) / f32::from(i16::MAX)).collect::<Vec<_>>()
        });
        let samples = PerChannel { user: &heard.user[..], remote: &heard.remote[..] };
        let (frame, at) = (u64::try_from(from).expect("a place"), duration(self.captured));
        let block = Block { rate: SAMPLES_PER_SECOND, frame, at, is_first: from == 0, samples };
        self.tell(Event::Audio(block)).await;
    }

    async fn message(&mut self, message: Option<Message>) {
        match message {
            Some(Message::Text(text)) => {
                match serde_json::from_str(&text) {
                    Ok(ServerEvent::AudioHeld(held)) => self.held.push(held),
                    Ok(ServerEvent::MemoryCreated { memory, .. }) => self.conversation = Some(memory),
                    _ => {}
                }
                self.tell(Event::Text(&text)).await;
            }
            Some(Message::Close(frame)) => {
                // The answer to it is on its way when this returns.
                if let Some(mut socket) = self.socket.take() {
                    let _ = socket.flush().await;
                }
                self.socket_closed(frame.map_or(NO_CODE, |frame| frame.code.into())).await;
            }
            Some(_) => {}
            None => {
                self.socket = None;
                self.socket_closed(NO_FRAME).await;
            }
        }
    }

    async fn socket_closed(&mut self, code: u16) {
        self.closed.push(code);
        self.tell(Event::Closed { code, reason: "" }).await;
    }

    /// Tells the session, and does what it wants done.
    async fn tell(&mut self, event: Event<'_>) {
        self.session.handle(self.begun.elapsed(), event);
        while let Some(action) = self.session.poll() {
            match action {
                Action::AskToken => {
                    let token = Pii::new(self.token.clone());
                    self.session.handle(self.begun.elapsed(), Event::Token(Some(token)));
                }
                Action::Open => {
                    let url = self.url();
                    let connect = async move { connect_async(url).await.ok().map(|(socket, _)| socket) };
                    self.connecting = Some(tokio::spawn(connect));
                }
                Action::Send(text) => self.send(Message::text(text.into_inner())).await,
                Action::Close(_) => {
                    self.socket = None;
                    self.stop_connecting();
                }
                Action::Tell(news) => self.learn(news),
            }
        }
        while self.has_room {
            let message = match self.session.next_frame() {
                Some(Outgoing::Frame(frame)) => Message::binary(frame.to_vec()),
                Some(Outgoing::Text(text)) => Message::text(text),
                None => break,
            };
            self.send(message).await;
        }
    }

    async fn send(&mut self, message: Message) {
        if let Some(socket) = &mut self.socket {
            // One that is closing loses it, and says so by itself.
            let _ = socket.send(message).await;
        }
    }

    fn learn(&mut self, news: News) {
        match news {
            News::State(state) => self.states.push(state),
            News::CaptionRemoved { index } => drop(self.captions.remove(index)),
            News::Caption { caption, index, was } => {
                if let Some(was) = was {
                    self.captions.remove(was);
                }
                self.captions.insert(index, caption);
            }
            News::Notice(notice) => {
                if let NoticeCode::Server(status) = notice.code {
                    self.notices.push(status);
                }
            }
            News::Done { conversation } => self.done = Some(conversation.is_some()),
            News::Levels(_) => {}
        }
    }

    fn stop_connecting(&mut self) {
        if let Some(connecting) = self.connecting.take() {
            connecting.abort();
        }
    }

    /// What the browser module connects to.
    fn url(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("channels", "2").append_pair("sample_rate", &SAMPLES_PER_SECOND.to_string());
        query.append_pair("interim", "1").append_pair("resume", "1").append_pair("call_id", &self.call_id);
        format!("{}/v4/web/listen?{}", self.front.origin().replacen("http", "ws", 1), query.finish())
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.stop_connecting();
    }
}

/// Asserts that a page shows the conversation's text and nothing else, each side's in its order and all of it final.
///
/// # Panics
/// When it does not; with what it shows.
#[track_caller]
pub fn assert_shows(page: &Page, conversation: &Conversation) {
    for channel in Channel::BOTH {
        let own =
            conversation.transcript_segments.iter().filter(|segment| segment.is_user == (channel == Channel::User));
        let stored: Vec<_> = own.map(|segment| (segment.id, segment.start, segment.text.expose().as_str())).collect();
        let own = page.captions().iter().filter(|caption| caption.channel == channel);
        let shown: Vec<_> =
            own.clone().map(|caption| (caption.id, caption.start, caption.text.expose().as_str())).collect();
        assert_eq!(shown, stored, "channel {}", channel.byte());
        assert!(own.clone().all(|caption| caption.is_final), "channel {}: {shown:?}", channel.byte());
    }
}

/// How long so many samples at 16 kHz last.
fn duration(samples: usize) -> Duration {
    Duration::from_secs(1) * u32::try_from(samples).unwrap_or(u32::MAX) / SAMPLES_PER_SECOND
}

/// The socket's next message; none when it ended without a close frame. Never, where there is no socket.
async fn next(socket: &mut Option<Socket>) -> Option<Message> {
    match socket {
        Some(socket) => socket.next().await.and_then(Result::ok),
        None => pending().await,
    }
}

/// What becomes of a connection that is being made. Never, where there is none.
async fn connected(connecting: &mut Option<JoinHandle<Option<Socket>>>) -> Option<Socket> {
    match connecting {
        Some(connecting) => connecting.await.ok().flatten(),
        None => pending().await,
    }
}

/// Comes at a time; never, where there is none.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time.into()).await,
        None => pending().await,
    }
}
