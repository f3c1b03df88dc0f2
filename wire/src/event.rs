//! Text messages both ways: what the server tells, what the client may say, and how a socket is closed.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::conversation::Conversation;
use crate::frame::{Channel, PerChannel};
use crate::ids::SegmentId;
use crate::pii::Pii;
use crate::units::Samples;

/// The heartbeat, plain text and no JSON, as the peer's clients know it.
pub const PING: &str = "ping";
/// Longest name of the other party, in characters.
pub const MAX_NAME: usize = 100;
/// Longest text that a client may send once it is signed in, in bytes; a longer one closes with [`close::TOO_BIG`].
pub const MAX_TEXT_BYTES: usize = 16 * 1024;
/// Milliseconds between two heartbeats.
pub const PING_EVERY_MILLIS: u64 = 10_000;

/// Close codes of the listen socket.
pub mod close {
    /// The call was ended by the client and everything is stored.
    pub const NORMAL: u16 = 1000;
    /// The server ended the session: silence of the client, another connection took over, the call's longest time.
    pub const GOING_AWAY: u16 = 1001;
    /// The client does what none may: no token, or one that is not good, a position ahead of the call, audio faster than time, a limit
    /// that it has reached; or the conversation was deleted (the reason says which).
    pub const POLICY: u16 = 1008;
    /// A frame was larger than [`crate::frame::MAX_PAYLOAD_BYTES`], or a text than [`super::MAX_TEXT_BYTES`].
    pub const TOO_BIG: u16 = 1009;
    /// The server cannot go on; the client may come back.
    pub const INTERNAL: u16 = 1011;
    /// The client's sign-in has expired and no fresh token came: a client that resumes comes back with one and loses nothing.
    pub const SIGN_IN_EXPIRED: u16 = 4001;
    /// The reason for [`POLICY`] where the user has had recorded as much as may be within a day.
    pub const DAY_USED_UP: &str = "The minutes of today are used up";
    /// The reason for [`POLICY`] where as many calls of the user are recorded as may be at once.
    pub const TOO_MANY_SESSIONS: &str = "Too many calls are being recorded at once";
    /// The reason for [`POLICY`] where all users together have used what they may within a day.
    pub const DEPLOYMENT_LIMIT: &str = "The service has reached its limit for today";
    /// Reasons that are limits: the user is known, and may come back later.
    pub const LIMITS: [&str; 3] = [DAY_USED_UP, TOO_MANY_SESSIONS, DEPLOYMENT_LIMIT];
    /// Longest reason, in bytes: a control frame carries 125, and the code is two of them (RFC 6455, section 5.5).
    pub const MAX_REASON_BYTES: usize = 123;

    /// Whether a code may stand in a close frame: what RFC 6455 (section 7.4) and the registry of its codes have, and what is free
    /// for libraries and applications. 1005, 1006 and 1015 are only names for what was not in a frame, and clients take a code
    /// that nobody has registered for an error.
    #[must_use]
    pub const fn is_sendable(code: u16) -> bool {
        matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }

    /// The code that answers a close frame: the same. A frame without a code, and what is no code, is answered as a normal close.
    #[must_use]
    pub const fn answer(code: u16) -> u16 {
        if is_sendable(code) { code } else { NORMAL }
    }

    /// The code that tells one side how the other one's connection ended: the same. Where there was no close frame, or none with a
    /// code, the other side is just not there any more.
    #[must_use]
    pub const fn relay(code: u16) -> u16 {
        if is_sendable(code) { code } else { GOING_AWAY }
    }

    /// A reason, as far as it fits into a close frame.
    #[must_use]
    pub fn reason(text: &str) -> &str {
        text.get(..text.floor_char_boundary(MAX_REASON_BYTES)).unwrap_or_default()
    }
}

/// What the server tells, besides segments (a bare array) and the heartbeat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerEvent {
    /// The answer to a browser's first message, and to a token that a client that resumes sends on its running socket.
    AuthResponse {
        /// Whether the token was good. The socket is closed after a `false`.
        success: bool,
        /// For a client that resumes: in how many seconds the token expires, which is when the next one should have come.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_in: Option<u64>,
    },
    /// Where the session stands, and each change of a channel's captions.
    ServiceStatus(ServiceStatus),
    /// How much of each side the server holds. A client that connects with `resume=1` answers with
    /// [`ClientMessage::AudioFrom`] and goes on from there. It comes at each connect, and whenever the server has lost something
    /// that the client still has; what comes before the answer is not taken.
    AudioHeld(PerChannel<Samples>),
    /// Up to where each side's audio is stored for good and has been listened to: a client with `resume=1` keeps it no more.
    AudioStored(PerChannel<Samples>),
    /// Segments that were shown as interim results and came to nothing: the client takes them off its screen. Omi's name for
    /// segments that are taken back; only a client that asked for interim results is sent it.
    SegmentsDeleted {
        /// Which ones.
        segment_ids: Vec<SegmentId>,
    },
    /// The call is over, its conversation is being made.
    MemoryProcessingStarted {
        /// The conversation as it is so far.
        memory: Box<Conversation>,
        /// Always empty: the peer's field for chat messages.
        messages: Vec<Value>,
    },
    /// The conversation is finished and stored.
    MemoryCreated {
        /// The finished conversation.
        memory: Box<Conversation>,
        /// Always empty: the peer's field for chat messages.
        messages: Vec<Value>,
    },
}

/// A `service_status` event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceStatus {
    /// What is reported.
    pub status: Status,
    /// The same for a person.
    pub status_text: String,
    /// The channel it is about; absent where it is the whole session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// Why, where something failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<SpeechFault>,
    /// Whether the server goes on trying, where something failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retryable: Option<bool>,
    /// Seconds until the next try, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<f64>,
}

/// The states a `service_status` event reports: the peer's first five, and Fourwire's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The session is being set up.
    Initiating,
    /// An earlier part of the same call was found and is taken up.
    InProgressConversationsProcessing,
    /// Speech services are being made ready.
    SttInitiating,
    /// Audio is welcome; it was from the first frame on.
    Ready,
    /// One channel's captions stopped; `channel`, `reason` and `retry_after` say which, why and what happens next.
    SttFailed,
    /// One channel's captions are back, with what was said meanwhile, as far as the buffer reached.
    SttRestored,
    /// Some speech of one channel will have no caption: it waited longer than the buffer holds.
    SttGap,
    /// Audio cannot be stored right now. It is kept, and stored as soon as it can be.
    RecordingDelayed,
    /// Audio that was kept is stored.
    RecordingRestored,
    /// Some audio is lost: it could neither be stored nor kept.
    RecordingGap,
    /// Binary messages come, and none of them is a frame: their first byte names no channel, so nothing is recorded.
    AudioNotUnderstood,
}

/// Why a channel's captions stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpeechFault {
    /// The service did not take the connection.
    Refused,
    /// The service did not answer in time.
    Timeout,
    /// The service ended the stream while audio was flowing.
    Closed,
    /// The service stayed connected and said nothing while audio was flowing.
    Quiet,
    /// The service reported an error of its own.
    Error,
    /// The service did not accept the operator's credentials.
    Credentials,
    /// The operator's account at the service has no money or no quota left.
    Quota,
    /// No configured service transcribes the call's language.
    Language,
}

/// What a client may say in text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientMessage {
    /// A browser's first message: who is there. On a running socket: a fresh token of the same user.
    Auth {
        /// The ID token.
        token: Pii<String>,
    },
    /// The call is over: drain, store, finish, answer `memory_created`, close.
    End,
    /// Who the other party is, in the user's words.
    Contact {
        /// The name, of 1 to [`MAX_NAME`] characters.
        name: Pii<String>,
    },
    /// Where on each side's timeline the frames begin that follow: the answer to [`ServerEvent::AudioHeld`].
    AudioFrom {
        /// Where they begin.
        from: PerChannel<Samples>,
        /// What the server last said that it holds. A server that was restarted meanwhile has asked again, and an answer to
        /// the earlier question would have it believe that the client has let go of what lies between.
        held: PerChannel<Samples>,
    },
    /// JSON of another type, or no JSON at all: nothing follows from it, the session goes on.
    Ignored(Ignored),
}

/// Why a text message has no meaning here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// It is not a JSON object.
    NotJson,
    /// It is JSON of a type that is not known (the peer's clients send some).
    UnknownType,
    /// It says `auth` but has no `token`.
    MissingToken,
    /// It says `contact` but has no name, or one that is too long.
    MissingName,
    /// It says `audio_from` but not where, for both sides, or not what it answers.
    MissingPosition,
}

impl ClientMessage {
    /// [`Self::End`], as a client writes it.
    pub const END: &str = r#"{"type":"end"}"#;

    /// [`Self::Auth`], as a client writes it.
    #[must_use]
    pub fn auth(token: &Pii<String>) -> Pii<String> {
        Pii::new(json!({ "type": "auth", "token": token }).to_string())
    }

    /// [`Self::Contact`], as a client writes it.
    #[must_use]
    pub fn contact(name: &Pii<String>) -> Pii<String> {
        Pii::new(json!({ "type": "contact", "name": name }).to_string())
    }

    /// [`Self::AudioFrom`], as a client writes it.
    #[must_use]
    pub fn audio_from(from: &PerChannel<Samples>, held: &PerChannel<Samples>) -> String {
        let PerChannel { user, remote } = from;
        json!({ "type": "audio_from", "user": user, "remote": remote, "held": held }).to_string()
    }

    /// Reads a text message. Nothing a client sends is an error: what has no meaning is [`ClientMessage::Ignored`].
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let Ok(message) = serde_json::from_str::<Map<String, Value>>(text) else {
            return Self::Ignored(Ignored::NotJson);
        };
        let text = |name| message.get(name).and_then(Value::as_str);
        if text("type") == Some("contact") {
            let name = text("name").map(str::trim).filter(|name| (1..=MAX_NAME).contains(&name.chars().count()));
            return name
                .map_or(Self::Ignored(Ignored::MissingName), |name| Self::Contact { name: Pii::new(name.to_owned()) });
        }
        if text("type") == Some("audio_from") {
            let held = PerChannel::deserialize(message.get("held").unwrap_or(&Value::Null));
            return match (PerChannel::deserialize(&message), held) {
                (Ok(from), Ok(held)) => Self::AudioFrom { from, held },
                _ => Self::Ignored(Ignored::MissingPosition),
            };
        }
        match (text("type"), text("token")) {
            (Some("auth"), Some(token)) => Self::Auth { token: Pii::new(token.to_owned()) },
            (Some("auth"), None) => Self::Ignored(Ignored::MissingToken),
            (Some("end"), _) => Self::End,
            _ => Self::Ignored(Ignored::UnknownType),
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn a_status_of_the_whole_session_has_only_the_peers_fields() {
        let event = ServerEvent::ServiceStatus(ServiceStatus {
            status: Status::Ready,
            status_text: "Ready".to_owned(),
            channel: None,
            reason: None,
            retryable: None,
            retry_after: None,
        });
        assert_eq!(
            serde_json::to_string(&event).unwrap(),
            r#"{"type":"service_status","status":"ready","status_text":"Ready"}"#
        );
    }

    #[test]
    fn a_close_is_answered_with_its_code_and_told_on_where_that_may_be_sent() {
        for (code, answer, relay) in [
            (0, 1000, 1001),
            (1, 1000, 1001),
            (999, 1000, 1001),
            (1000, 1000, 1000),
            (1001, 1001, 1001),
            (1002, 1002, 1002),
            (1003, 1003, 1003),
            (1004, 1000, 1001),
            (1005, 1000, 1001),
            (1006, 1000, 1001),
            (1007, 1007, 1007),
            (1008, 1008, 1008),
            (1009, 1009, 1009),
            (1010, 1010, 1010),
            (1011, 1011, 1011),
            (1012, 1012, 1012),
            (1013, 1013, 1013),
            (1014, 1014, 1014),
            (1015, 1000, 1001),
            (1016, 1000, 1001),
            (1100, 1000, 1001),
            (2000, 1000, 1001),
            (2999, 1000, 1001),
            (3000, 3000, 3000),
            (3999, 3999, 3999),
            (4000, 4000, 4000),
            (4999, 4999, 4999),
            (5000, 1000, 1001),
            (u16::MAX, 1000, 1001),
        ] {
            assert_eq!((close::answer(code), close::relay(code)), (answer, relay), "{code}");
        }
    }

    #[test]
    fn a_reason_fits_into_a_close_frame_and_stays_text() {
        for (text, length) in [
            (String::new(), 0),
            ("done".to_owned(), 4),
            ("a".repeat(122), 122),
            ("a".repeat(123), 123),
            ("a".repeat(124), 123),
            ("a".repeat(100_000), 123),
            // Two, three and four bytes a letter.
            ("ä".repeat(61), 122),
            ("ä".repeat(62), 122),
            ("€".repeat(41), 123),
            ("€".repeat(42), 123),
            (format!("a{}", "€".repeat(41)), 121),
            ("🎧".repeat(31), 120),
        ] {
            let reason = close::reason(&text);
            assert_eq!(reason.len(), length, "{text}");
            assert!(text.starts_with(reason));
        }
    }

    #[test]
    fn positions_are_counts_of_samples_by_side() {
        let held = PerChannel { user: Samples::new(32_000), remote: Samples::new(30_400) };
        let text = r#"{"type":"audio_held","user":32000,"remote":30400}"#;
        assert_eq!(serde_json::to_string(&ServerEvent::AudioHeld(held)).unwrap(), text);
        assert_eq!(serde_json::from_str::<ServerEvent>(text).unwrap(), ServerEvent::AudioHeld(held));
    }

    #[test]
    fn what_a_client_writes_is_understood() {
        let text = Pii::new("a \"b\"".to_owned());
        let from = PerChannel { user: Samples::new(1), remote: Samples::new(u64::MAX) };
        let held = PerChannel { user: Samples::ZERO, remote: Samples::new(7) };
        assert_eq!(ClientMessage::parse(ClientMessage::END), ClientMessage::End);
        assert_eq!(
            ClientMessage::parse(ClientMessage::auth(&text).expose()),
            ClientMessage::Auth { token: text.clone() }
        );
        assert_eq!(ClientMessage::parse(ClientMessage::contact(&text).expose()), ClientMessage::Contact { name: text });
        let answer = ClientMessage::audio_from(&from, &held);
        assert_eq!(ClientMessage::parse(&answer), ClientMessage::AudioFrom { from, held });
    }

    #[test]
    fn client_texts_are_understood_or_ignored_and_never_an_error() {
        let token = Pii::new("abc".to_owned());
        for (text, expected) in [
            (r#"{"type":"auth","token":"abc"}"#, ClientMessage::Auth { token }),
            (r#"{"type":"auth"}"#, ClientMessage::Ignored(Ignored::MissingToken)),
            (r#"{"type":"end","reason":"hang-up"}"#, ClientMessage::End),
            (r#"{"type":"contact","name":" Ann "}"#, ClientMessage::Contact { name: Pii::new("Ann".to_owned()) }),
            (r#"{"type":"contact","name":" "}"#, ClientMessage::Ignored(Ignored::MissingName)),
            (
                r#"{"type":"audio_from","user":32000,"remote":30400,"held":{"user":16000,"remote":1600}}"#,
                ClientMessage::AudioFrom {
                    from: PerChannel { user: Samples::new(32_000), remote: Samples::new(30_400) },
                    held: PerChannel { user: Samples::new(16_000), remote: Samples::new(1_600) },
                },
            ),
            (r#"{"type":"audio_from","user":1}"#, ClientMessage::Ignored(Ignored::MissingPosition)),
            (r#"{"type":"audio_from","user":1,"remote":1}"#, ClientMessage::Ignored(Ignored::MissingPosition)),
            (
                r#"{"type":"audio_from","user":1,"remote":-1,"held":{"user":0,"remote":0}}"#,
                ClientMessage::Ignored(Ignored::MissingPosition),
            ),
            (
                r#"{"type":"audio_from","user":1,"remote":1,"held":{"user":0}}"#,
                ClientMessage::Ignored(Ignored::MissingPosition),
            ),
            (r#"{"type":"skip_question"}"#, ClientMessage::Ignored(Ignored::UnknownType)),
            ("{}", ClientMessage::Ignored(Ignored::UnknownType)),
            ("ping", ClientMessage::Ignored(Ignored::NotJson)),
            ("[1]", ClientMessage::Ignored(Ignored::NotJson)),
            (r#"["end"]"#, ClientMessage::Ignored(Ignored::NotJson)),
            (r#"{"type":5}"#, ClientMessage::Ignored(Ignored::UnknownType)),
        ] {
            assert_eq!(ClientMessage::parse(text), expected, "{text}");
        }
    }
}
