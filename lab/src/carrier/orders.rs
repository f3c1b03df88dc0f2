//! What a running call, and the task of its media, are told.

use std::time::Duration;

use fourwire_wire::pii::Pii;
use tokio::sync::oneshot;

use super::outlet::Outlet;
use super::source::Source;

/// Something that a running call is told.
pub(super) enum Order {
    /// The browser hangs up.
    CallerLeaves,
    /// The callee hangs up.
    CalleeLeaves,
    /// The callee has said all.
    CalleeSaidAll,
    /// The browser is back, on this socket.
    Resume(Outlet),
    /// The browser's media is to be set up anew, by this offer.
    Restart(Pii<String>),
    /// The browser sent these keys as a message.
    Digits(String),
    /// No packet is let through for so long.
    StopMedia(Duration),
    /// The media broke, or the browser ended it and nothing else.
    MediaGone,
}

/// What the task of its media is told.
pub(super) enum Command {
    Play(Source),
    Stop(Duration),
    Restart(String, oneshot::Sender<Option<String>>),
}
