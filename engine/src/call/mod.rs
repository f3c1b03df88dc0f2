//! The call session: everything that happens to one call between its first frame and its stored conversation.
//!
//! [`Session`] does no I/O. Its owner turns platform events into [`Event`]s and [`Action`]s into platform calls:
//!
//! ```text
//!   session.handle(now, event);                 // something happened
//!   while let Some(action) = session.poll(now)  // what follows from it: drain before the next event
//!   session.wake()                              // call handle(now, Event::Timeout) at this moment, or any time after
//! ```
//!
//! The contract, in the order in which methods are called:
//! 1. [`Session::start`] makes a new session, [`Session::restore`] goes on with one that was saved, [`Session::reopen`]
//!    with a finished conversation whose call turned out to go on.
//!    A client whose socket outlived a restart is reported to a restored session first of all, as [`Event::Reattached`].
//! 2. [`Session::handle`] is the only method that changes the session from outside. It never fails: bad input is an
//!    event too, and has an answer. Only a session that [is done](Session::is_done) takes no event any more.
//! 3. [`Session::poll`] is called until it says `None` before the next `handle`. Actions are carried out in the order in
//!    which they come. Audio is lent, not copied: its slice is valid until the next call.
//! 4. [`Session::wake`] is the earliest of all timers. A timer that is due also fires at the next `handle`, whatever the
//!    event, so a late wake-up delays nothing while a call is alive.
//!
//! The loop of an owner, which here is a world in which everything succeeds at once:
//!
//! ```
//! use std::collections::VecDeque;
//! use std::rc::Rc;
//!
//! use fourwire_engine::audio::SampleRate;
//! use fourwire_engine::call::{Action, Event, Services, Session, Start, ConnectOptions};
//! use fourwire_engine::zones::UtcOnly;
//! use fourwire_wire::ids::ConversationId;
//! use fourwire_wire::query::{Language, Source};
//! use fourwire_wire::units::UnixMillis;
//!
//! let services = Services { speech: Rc::new([]), has_model: false, pusher: None, zones: Rc::new(UtcOnly) };
//! let start = Start {
//!     conversation: ConversationId::from_random([7; 16]),
//!     call_id: None,
//!     phone_call: None,
//!     language: Language::parse("en").unwrap(),
//!     time_zone: None,
//!     source: Source::PhoneCall,
//! };
//! let mut now = UnixMillis::new(1_790_000_000_000);
//! let mut session = Session::start(start, &services, now);
//!
//! let terms = ConnectOptions { rate: SampleRate::INTERNAL, interim: false, resume: false };
//! let mut events = VecDeque::from([
//!     Event::Connected(terms),
//!     Event::Frame(&[1, 0, 0, 7, 0]), // two samples of the user's side
//!     Event::Text(r#"{"type":"end"}"#),
//! ]);
//! let (mut chunks, mut closed) = (VecDeque::new(), None);
//! while !session.is_done() {
//!     // What has come of an action, or the next thing that happens, or else the next timer.
//!     let chunk = chunks.pop_front();
//!     let stored = chunk.as_ref().map(Event::Recorded);
//!     let event = stored.or_else(|| events.pop_front()).unwrap_or_else(|| {
//!         now = session.wake().expect("a session that is not done waits for something");
//!         Event::Timeout
//!     });
//!     session.handle(now, event);
//!     while let Some(action) = session.poll(now) {
//!         match action {
//!             Action::Record(chunk) => chunks.push_back(chunk.span),
//!             Action::Register(_) => events.push_back(Event::Registered),
//!             Action::Store { .. } => events.push_back(Event::Stored),
//!             Action::Close { code, .. } => closed = Some(code),
//!             // A real owner sends, saves and counts.
//!             _ => {}
//!         }
//!     }
//! }
//! assert_eq!(closed, Some(1000));
//! ```
//!
//! Time is an argument, randomness (the conversation's id) too, so the same events at the same times lead to the same
//! actions: in a test, in a fuzzer, natively and in a Worker.

mod backlog;
mod captions;
mod intake;
mod link;
mod pusher;
mod record;
mod recorder;
mod session;
mod timeline;
mod timers;

pub use record::{Finished, Snapshot, SnapshotChannel, Start};
pub use recorder::Chunk;
pub(crate) use session::MAX_CALL_MILLIS;
pub use session::{Saved, Services, Session};

use fourwire_wire::conversation::{Conversation, PhoneCall};
use fourwire_wire::event::{ServiceStatus, SpeechFault};
use fourwire_wire::frame::{Channel, PerChannel};
use fourwire_wire::ids::SegmentId;
use fourwire_wire::pii::Pii;
use fourwire_wire::query::TimeZone;
use fourwire_wire::segment::Segment;
use fourwire_wire::structured::Structured;
use fourwire_wire::units::{Samples, UnixMillis};
use thiserror::Error;

use crate::audio::SampleRate;
use crate::quota::sessions::Stretch;
use crate::record::ChunkSpan;
use crate::speech::{Endpoint, Refusal};

/// Something that happened to a call.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A client's socket was opened; an earlier one, if any, is replaced by it.
    Connected(ConnectOptions),
    /// A client's socket outlived a restart of the session's owner. The client knows nothing of the restart, so it is told
    /// nothing, and what it asked for before, such as the call's end, stays asked for; but one that resumes is asked for what
    /// was lost, and asks for the end again after it.
    Reattached(ConnectOptions),
    /// The client sent a binary message.
    Frame(&'a [u8]),
    /// The client sent a text message.
    Text(&'a str),
    /// The client's token is good: of its connection, or the one that [`Action::Verify`] was about.
    SignedIn {
        /// Until when the client may stay without another one.
        until: UnixMillis,
    },
    /// The client may not stay: the token of [`Action::Verify`] is not a good one of this user, or the user was signed out.
    NotAllowed {
        /// Why, for the close frame.
        reason: &'static str,
    },
    /// The client sent a message that is larger than any may be ([`crate::socket::is_acceptable`]), and was not looked at.
    MessageTooBig,
    /// The client's socket is gone.
    Disconnected,
    /// A speech service accepted a stream.
    SpeechOpened {
        /// Whose audio it takes.
        channel: Channel,
        /// Which of the channel's streams.
        stream: StreamId,
    },
    /// A speech service sent a text message.
    SpeechText {
        /// Whose audio it is about.
        channel: Channel,
        /// Which of the channel's streams.
        stream: StreamId,
        /// The message.
        text: &'a str,
    },
    /// A stream could not be opened, or has ended.
    SpeechDown {
        /// Whose audio it took.
        channel: Channel,
        /// Which of the channel's streams.
        stream: StreamId,
        /// How.
        down: Down<'a>,
    },
    /// The pusher accepted a connection.
    PusherOpened {
        /// Which one.
        stream: StreamId,
    },
    /// A connection to the pusher could not be opened, or has ended.
    PusherDown {
        /// Which one.
        stream: StreamId,
    },
    /// The carrier has reported what has become of the call.
    PhoneCall(&'a PhoneCall),
    /// A client has named the user's time zone; only the first one counts.
    TimeZone(&'a TimeZone),
    /// What a language model has made of the text, or nothing where it has not.
    Summarised(Option<&'a Structured>),
    /// A chunk of the record is stored.
    Recorded(&'a ChunkSpan),
    /// A chunk of the record is not stored, or not for certain. The owner keeps it, and will be asked for it again.
    RecordFailed(&'a ChunkSpan),
    /// A chunk of the record is neither stored nor kept.
    RecordLost(&'a ChunkSpan),
    /// The conversation is entered in the user's index.
    Registered,
    /// It could not be entered; it will be offered again.
    RegisterFailed,
    /// The call's audio is counted up to a position.
    Counted {
        /// Up to where.
        to: Samples,
        /// Whether the user may have more recorded.
        may_go_on: bool,
    },
    /// The finished conversation is stored.
    Stored,
    /// The finished conversation could not be stored; it will be offered again.
    StoreFailed,
    /// The user has deleted the conversation. The session ends at once, and nothing more is stored.
    Deleted,
    /// The moment of [`Session::wake`] has come.
    Timeout,
}

/// What a client asked for when it connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectOptions {
    /// The rate of its audio; [`SampleRate::INTERNAL`] where it resumes.
    pub rate: SampleRate,
    /// Whether it wants interim results.
    pub interim: bool,
    /// Whether it keeps what is not stored yet, and goes on from wherever the session asks.
    pub resume: bool,
}

/// How a stream of a speech service ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Down<'a> {
    /// It was never opened.
    Refused(Refusal<'a>),
    /// It was closed or broke off.
    Closed,
}

/// What the operator should know of, and the client cannot mend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Alert {
    /// A speech service refuses for good: the operator's account there, or a language that it does not take.
    #[error("speech: {service} refuses streams of this call for good: status {status}, {fault:?}")]
    SpeechRefused {
        /// Which one.
        service: &'static str,
        /// What it blames.
        fault: SpeechFault,
        /// Its HTTP status.
        status: u16,
    },
    /// A client sends binary messages that are no frames, and nothing else.
    #[error("client: binary messages whose first byte names no channel, and no audio")]
    FramesNotUnderstood,
    /// A client sends audio faster than anybody can speak, for longer than one that catches up does.
    #[error("client: audio faster than twice its time, for more than 100 s of it")]
    AudioTooFast,
}

/// Something to be done for a call.
#[derive(Debug, PartialEq)]
pub enum Action<'a> {
    /// Send the heartbeat to the client.
    Ping,
    /// Tell the client of a status.
    Status(ServiceStatus),
    /// Tell the operator of something, in the log.
    Alert(Alert),
    /// Ask a client that resumes to go on from these positions.
    Held(PerChannel<Samples>),
    /// Tell a client that resumes that it need not keep what lies before these positions.
    StoredUpTo(PerChannel<Samples>),
    /// Send a segment to the client; with Fourwire's extras where it asked for interim results.
    Caption {
        /// The segment as it is now.
        segment: Segment,
        /// Whether the client asked for the extras.
        extras: bool,
    },
    /// Tell the client that segments that it was shown have come to nothing.
    Withdrawn(Vec<SegmentId>),
    /// Tell the client that the conversation is being made.
    Processing(Box<Conversation>),
    /// Tell the client that the conversation is stored.
    Finished(Box<Conversation>),
    /// Check a token that the client sent on its running socket, and report [`Event::SignedIn`] or [`Event::NotAllowed`]; nothing
    /// where it cannot be checked now.
    Verify(Pii<String>),
    /// Close the client's socket.
    Close {
        /// One of [`fourwire_wire::event::close`].
        code: u16,
        /// Why, for whoever reads it.
        reason: &'static str,
    },
    /// Open a stream to a speech service, and report [`Event::SpeechOpened`] or [`Event::SpeechDown`].
    SpeechOpen {
        /// Whose audio it will take.
        channel: Channel,
        /// Its id, for the reports.
        stream: StreamId,
        /// Where.
        endpoint: Endpoint,
    },
    /// Send audio to a speech service: a binary message of PCM16 at 16 kHz, never empty.
    SpeechAudio {
        /// Whose audio it is.
        channel: Channel,
        /// Which of the channel's streams.
        stream: StreamId,
        /// The audio.
        pcm: &'a [u8],
    },
    /// Send a text message to a speech service.
    SpeechText {
        /// Whose audio it is about.
        channel: Channel,
        /// Which of the channel's streams.
        stream: StreamId,
        /// The message.
        text: &'static str,
    },
    /// Close a stream, or stop opening it.
    SpeechClose {
        /// Whose audio it took.
        channel: Channel,
        /// Which of the channel's streams.
        stream: StreamId,
    },
    /// Open a connection to the pusher, and report [`Event::PusherOpened`] or [`Event::PusherDown`]. One whose unsent bytes
    /// exceed [`crate::pusher::MAX_UNSENT_BYTES`] is to be broken off and reported.
    PusherOpen {
        /// Its id, for the reports.
        stream: StreamId,
        /// Where.
        endpoint: crate::pusher::Endpoint,
    },
    /// Send a binary message to the pusher.
    PusherSend {
        /// On which connection.
        stream: StreamId,
        /// The message.
        message: Pii<Vec<u8>>,
    },
    /// Close a connection to the pusher, or stop opening it. An open one has been sent everything, and may be left to the
    /// pusher for an answer.
    PusherClose {
        /// Which one.
        stream: StreamId,
    },
    /// Keep the session's state, in place of an earlier one.
    Save(Box<Snapshot>),
    /// Keep a segment, in place of an earlier one with the same id.
    SaveSegment(Segment),
    /// Store a chunk of the record for good, and report [`Event::Recorded`]; or keep it where it outlives a restart, and report
    /// [`Event::RecordFailed`].
    Record(Chunk),
    /// Keep a chunk of the record where it outlives a restart, until it is asked for.
    KeepChunk(Chunk),
    /// Store a chunk that is kept, as in [`Action::Record`], and keep it no more once it is stored. Where there is none, report
    /// [`Event::RecordLost`].
    RecordKept(ChunkSpan),
    /// Keep a chunk no more: its audio has come again, in others.
    DropChunk(ChunkSpan),
    /// Enter the conversation in the user's index, since its first audio has come or the call was ended, and report [`Event::Registered`] or
    /// [`Event::RegisterFailed`].
    Register(Box<Conversation>),
    /// Have the call's audio counted among what the user may use, and report [`Event::Counted`]; nothing where that fails, since
    /// the next report counts it.
    Count(Stretch),
    /// Have the rest of the call's audio counted, and the call taken for over. Nothing is reported.
    Release(Stretch),
    /// Have a language model sum the conversation up, and report [`Event::Summarised`].
    Summarise(Box<Conversation>),
    /// Store the finished conversation for good, and report [`Event::Stored`] or [`Event::StoreFailed`].
    Store {
        /// The conversation.
        conversation: Box<Conversation>,
        /// Whether it has audio that was not there when it was finished before. Where it is none, nothing is made of the text
        /// anew and nobody is told.
        is_news: bool,
        /// Whether it is known for certain that nothing was said: it need not be kept for long.
        is_empty: bool,
    },
    /// The call is over and stored: erase everything that was saved.
    Forget,
}

/// One of a channel's streams, or of the pusher's connections, counted from the session's start, so that late news of an earlier one is recognised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId(u32);

impl StreamId {
    fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}
