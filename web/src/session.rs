//! One call's recording, without a browser: what happens goes in as an [`Event`] with the time, and what is to be done comes out
//! as [`Action`]s; time is told from a clock that only goes forward.
//!
//! After each [`Session::handle`] the owner drains [`Session::poll`], then [`Session::next_frame`] for as long as the socket has
//! room, and sets one timer to [`Session::wake_at`].

mod link;

use std::collections::VecDeque;
use std::time::Duration;

use fourwire_wire::event::{ClientMessage, ServiceStatus, Status, close};
use fourwire_wire::frame::{Channel, PerChannel};
use fourwire_wire::pii::Pii;
use fourwire_wire::units::Samples;
use serde::{Deserialize, Serialize};

use crate::buffer::Buffer;
use crate::captions::{Caption, Captions, Place};
use crate::capture::{Block, Capture, Meter, Silenced};
use crate::heard::{Heard, Json};
use link::Link;

/// How long the conversation is waited for after the call's end. The server takes up to 41 s for the last captions and 30 s for a
/// language model, and the network may break meanwhile.
const END_PATIENCE: Duration = Duration::from_mins(2);

/// What happens.
#[derive(Debug)]
pub enum Event<'a> {
    /// The call was answered: recording begins.
    Start,
    /// The worklet heard something.
    Audio(Block<'a>),
    /// The user mutes the microphone, or no longer does.
    Mute(bool),
    /// The user pauses the recording, or goes on.
    Pause(bool),
    /// The user says who the other party is.
    Contact(Pii<String>),
    /// The call cannot be recorded.
    Fail(Failure),
    /// The call is over.
    End,
    /// An ID token, or none to be had, after [`Action::AskToken`].
    Token(Option<Pii<String>>),
    /// The socket is open, after [`Action::Open`].
    Opened,
    /// A text message came.
    Text(&'a str),
    /// The socket is closed, or could not be opened.
    Closed {
        /// The close code.
        code: u16,
        /// The server's reason.
        reason: &'a str,
    },
    /// The time of [`Session::wake_at`] has come.
    Timeout,
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub enum Action {
    /// Get an ID token.
    AskToken,
    /// Open a socket. There is none open.
    Open,
    /// Send a text message.
    Send(Pii<String>),
    /// Close the socket and forget it: nothing of it is wanted any more.
    Close(u16),
    /// Tell the page.
    Tell(News),
}

/// What the page is told.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "news", rename_all = "camelCase")]
pub enum News {
    /// Another state.
    State(State),
    /// A caption is new, has changed or has moved.
    Caption {
        /// The caption as it is now.
        caption: Caption,
        /// Its place among all captions, by time.
        index: usize,
        /// Its place before, counted while it was still there.
        was: Option<usize>,
    },
    /// A caption is gone: its words came to nothing.
    CaptionRemoved {
        /// Its place before.
        index: usize,
    },
    /// How loud both sides are, as root mean square from 0 to 1, ten times a second.
    Levels(PerChannel<f64>),
    /// Something that the user should know.
    Notice(Notice),
    /// All is over; with the conversation, if it came.
    Done {
        /// The finished conversation.
        conversation: Option<Json>,
    },
}

/// Where a recording stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum State {
    /// Nothing is recorded: the call was not answered yet.
    Waiting,
    /// What is said is kept, and the server is being reached.
    Connecting,
    /// What is said is kept and sent.
    Recording,
    /// The user has paused it.
    Paused,
    /// The connection is lost. What is said is kept and sent later.
    #[serde(rename_all = "camelCase")]
    Reconnecting {
        /// Which attempt comes next, from 1 on.
        attempt: u32,
        /// Seconds until then.
        retry_in: f64,
    },
    /// The call is over, and its conversation is awaited.
    Ending,
    /// All is over.
    Ended,
    /// The recording was given up.
    Failed {
        /// Why, for programs.
        code: Failure,
        /// Why, for people.
        reason: &'static str,
    },
}

/// Why a recording is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The server does not take this user, or no token was to be had.
    NotAllowed,
    /// The user, or all users together, have used what may be recorded for now.
    LimitReached,
    /// The server could not be reached in all attempts.
    Unreachable,
    /// The server does not understand this module.
    Unsupported,
    /// The browser does not let the call be heard.
    NoAudio,
}

impl Failure {
    /// For people.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotAllowed => "You are not signed in any more. Sign in again.",
            Self::LimitReached => "No more can be recorded for now. Try again later.",
            Self::Unreachable => "The server cannot be reached.",
            Self::Unsupported => "The server and this page do not fit together. Load the page again.",
            Self::NoAudio => "This browser does not let the call be heard.",
        }
    }
}

/// Something that the user should know while recording goes on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Notice {
    /// What, for programs: the server's `status`, or one of this module's own.
    pub code: NoticeCode,
    /// What, for people.
    pub text: String,
    /// Which side, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
}

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum NoticeCode {
    /// A status of the server.
    Server(Status),
    /// Something on this side.
    Own(OwnNotice),
}

/// What this side has to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnNotice {
    /// The audio context has a rate that cannot be recorded.
    RateUnsupported,
}

/// A call's recording. The module's documentation says how it is driven.
pub struct Session {
    link: Link,
    capture: Capture,
    buffer: Buffer,
    /// How much the server last said that it holds.
    held: PerChannel<Samples>,
    meter: Meter,
    captions: Captions,
    silenced: Silenced,
    contact: Option<Pii<String>>,
    life: Phase,
    /// What the page was told last.
    told: State,
    conversation: Option<Json>,
    rate_refused: bool,
    actions: VecDeque<Action>,
}

/// How far the call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Not answered.
    Waiting,
    /// Both talk.
    Talking,
    /// Over since then; whether the server was told on the connection there is.
    Ending { since: Duration, is_told: bool },
    /// Nothing happens any more.
    Over,
}

impl Session {
    /// A call that was not answered yet. `chance` gives random numbers from 0 to 1.
    pub fn new(chance: fn() -> f64) -> Self {
        Self {
            link: Link::new(chance),
            capture: Capture::default(),
            buffer: Buffer::default(),
            held: PerChannel::default(),
            meter: Meter::default(),
            captions: Captions::default(),
            silenced: Silenced::default(),
            contact: None,
            life: Phase::Waiting,
            told: State::Waiting,
            conversation: None,
            rate_refused: false,
            actions: VecDeque::new(),
        }
    }

    /// Something happened.
    pub fn handle(&mut self, now: Duration, event: Event<'_>) {
        match event {
            Event::Mute(muted) => self.silenced.muted = muted,
            Event::Pause(paused) => self.silenced.paused = paused,
            _ if self.life == Phase::Over => return,
            Event::Contact(name) => self.contact(name),
            Event::Start => self.start(now),
            Event::Audio(block) => self.audio(&block),
            Event::Fail(failure) => self.fail(failure),
            Event::End => self.end(now),
            Event::Token(token) => {
                let lost = self.link.token(token, now, &mut self.actions);
                self.lost(lost);
            }
            Event::Opened => self.link.opened(now, &mut self.actions),
            Event::Text(text) => self.text(text, now),
            Event::Closed { code, reason } => self.closed(code, reason, now),
            Event::Timeout => {}
        }
        self.timers(now);
        self.tell_state(now);
    }

    /// The next thing to be done.
    pub fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The next binary message, for a socket with room.
    pub fn next_frame(&mut self) -> Option<Outgoing<'_>> {
        if !self.link.is_attached() {
            return None;
        }
        if let Some(from) = self.buffer.skipped() {
            return Some(Outgoing::Text(ClientMessage::audio_from(&from, &self.held)));
        }
        let is_ending = matches!(self.life, Phase::Ending { .. });
        if is_ending && self.buffer.is_sent() {
            let Phase::Ending { is_told, .. } = &mut self.life else { return None };
            return (!std::mem::replace(is_told, true)).then(|| Outgoing::Text(ClientMessage::END.to_owned()));
        }
        self.buffer.next_frame(is_ending).map(Outgoing::Frame)
    }

    /// When [`Event::Timeout`] is wanted at the latest.
    #[must_use]
    pub fn wake_at(&self) -> Option<Duration> {
        let end = match self.life {
            Phase::Ending { since, .. } => Some(since + END_PATIENCE),
            Phase::Waiting | Phase::Talking | Phase::Over => None,
        };
        [end, self.link.wake_at()].into_iter().flatten().min().filter(|_| self.life != Phase::Over)
    }

    fn start(&mut self, now: Duration) {
        if self.life == Phase::Waiting {
            self.life = Phase::Talking;
            self.link.connect(now, &mut self.actions);
        }
    }

    fn audio(&mut self, block: &Block<'_>) {
        if self.life != Phase::Talking {
            return;
        }
        match self.capture.block(block, self.silenced) {
            Ok(samples) => {
                self.buffer.push(samples);
                if let Some(levels) = self.meter.take(samples) {
                    self.actions.push_back(Action::Tell(News::Levels(levels)));
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut self.rate_refused, true) {
                    let code = NoticeCode::Own(OwnNotice::RateUnsupported);
                    self.notice(Notice { code, text: format!("Nothing is recorded: {error}"), channel: None });
                }
            }
        }
    }

    fn contact(&mut self, name: Pii<String>) {
        if self.link.is_attached() {
            self.actions.push_back(Action::Send(ClientMessage::contact(&name)));
        }
        self.contact = Some(name);
    }

    fn end(&mut self, now: Duration) {
        match self.life {
            Phase::Waiting => self.over(),
            Phase::Talking => {
                self.life = Phase::Ending { since: now, is_told: false };
                let rest = std::mem::take(&mut self.capture).finish();
                self.buffer.push(&rest);
            }
            Phase::Ending { .. } | Phase::Over => {}
        }
    }

    fn text(&mut self, text: &str, now: Duration) {
        self.link.heard(now);
        match Heard::parse(text) {
            Heard::Nothing => {}
            Heard::AuthResponse { success: true, expires_in } => self.link.signed_in(expires_in, now),
            Heard::AuthResponse { success: false, .. } => self.fail(Failure::NotAllowed),
            Heard::Segments(segments) => {
                for segment in segments {
                    if let Some((caption, Place { index, was })) = self.captions.take(segment) {
                        let news = News::Caption { caption: caption.clone(), index, was };
                        self.actions.push_back(Action::Tell(news));
                    }
                }
            }
            Heard::SegmentsDeleted(ids) => {
                for id in ids {
                    if let Some(index) = self.captions.remove(id) {
                        self.actions.push_back(Action::Tell(News::CaptionRemoved { index }));
                    }
                }
            }
            Heard::AudioHeld(held) => self.held(&held, now),
            Heard::AudioStored(stored) => {
                self.buffer.let_go(&stored);
                self.link.flows();
            }
            Heard::Status(status) => self.status(status),
            // The call may also be ended by the carrier's word.
            Heard::Processing => self.end(now),
            Heard::Created(conversation) => self.conversation = Some(conversation),
        }
    }

    /// The server says how much it holds: it gets what follows.
    fn held(&mut self, held: &PerChannel<Samples>, now: Duration) {
        if let Some(begun) = self.link.attached(held, now) {
            self.buffer.begin_at(begun);
        }
        self.held = *held;
        let from = self.buffer.rewind(held);
        self.actions.push_back(Action::Send(Pii::new(ClientMessage::audio_from(&from, held))));
        if let Some(name) = &self.contact {
            self.actions.push_back(Action::Send(ClientMessage::contact(name)));
        }
        if let Phase::Ending { is_told, .. } = &mut self.life {
            *is_told = false;
        }
    }

    fn status(&mut self, status: ServiceStatus) {
        let is_trouble = match status.status {
            Status::Initiating | Status::InProgressConversationsProcessing | Status::SttInitiating | Status::Ready => {
                false
            }
            Status::SttFailed
            | Status::SttRestored
            | Status::SttGap
            | Status::RecordingDelayed
            | Status::RecordingRestored
            | Status::RecordingGap
            | Status::AudioNotUnderstood => true,
        };
        if is_trouble {
            let code = NoticeCode::Server(status.status);
            self.notice(Notice { code, text: status.status_text, channel: status.channel });
        }
    }

    fn closed(&mut self, code: u16, reason: &str, now: Duration) {
        if self.conversation.is_some() || code == close::NORMAL {
            self.over();
        } else if code == close::POLICY && close::LIMITS.contains(&reason) {
            self.fail(Failure::LimitReached);
        } else if code == close::POLICY {
            self.fail(Failure::NotAllowed);
        } else if code == close::TOO_BIG {
            self.fail(Failure::Unsupported);
        } else {
            let lost = self.link.lost(now);
            self.lost(lost);
        }
    }

    fn timers(&mut self, now: Duration) {
        if let Phase::Ending { since, .. } = self.life
            && now >= since + END_PATIENCE
        {
            // It is stored, or will be: the user finds it in the list.
            self.actions.push_back(Action::Close(close::NORMAL));
            self.over();
        }
        let lost = self.link.timeout(now, &mut self.actions);
        self.lost(lost);
    }

    /// The connection was lost; with a failure where it is not tried again.
    fn lost(&mut self, failure: Option<Failure>) {
        if let Some(failure) = failure {
            self.fail(failure);
        }
    }

    fn over(&mut self) {
        if self.life != Phase::Over {
            self.life = Phase::Over;
            self.tell(State::Ended);
            let conversation = self.conversation.take();
            self.actions.push_back(Action::Tell(News::Done { conversation }));
        }
    }

    /// The recording is given up; the call itself goes on.
    fn fail(&mut self, failure: Failure) {
        if self.life != Phase::Over {
            self.life = Phase::Over;
            self.actions.push_back(Action::Close(close::NORMAL));
            self.tell(State::Failed { code: failure, reason: failure.reason() });
            self.actions.push_back(Action::Tell(News::Done { conversation: None }));
        }
    }

    fn notice(&mut self, notice: Notice) {
        self.actions.push_back(Action::Tell(News::Notice(notice)));
    }

    fn tell_state(&mut self, now: Duration) {
        let state = match self.life {
            Phase::Over => return,
            Phase::Waiting => State::Waiting,
            Phase::Ending { .. } => State::Ending,
            Phase::Talking => match self.link.retry(now) {
                Some((attempt, wait)) => State::Reconnecting { attempt, retry_in: wait.as_secs_f64() },
                None if self.silenced.paused => State::Paused,
                None if self.link.is_attached() => State::Recording,
                None => State::Connecting,
            },
        };
        let again = |state: &State| if let State::Reconnecting { attempt, .. } = state { Some(*attempt) } else { None };
        if self.told != state && (again(&self.told).is_none() || again(&self.told) != again(&state)) {
            self.tell(state);
        }
    }

    fn tell(&mut self, state: State) {
        self.told = state.clone();
        self.actions.push_back(Action::Tell(News::State(state)));
    }
}

/// What goes out on the socket next.
#[derive(Debug, PartialEq, Eq)]
pub enum Outgoing<'a> {
    /// A binary message.
    Frame(&'a [u8]),
    /// A text message; nothing personal is in it.
    Text(String),
}

#[cfg(test)]
mod tests;
