//! How much may come over a socket, and wait: judged by a message's length alone, before anything of it is copied or parsed.

/// Largest message that a client may send before it is signed in, in bytes: an ID token has about 1,200, one with many claims
/// 4,000.
pub const MAX_FIRST_BYTES: usize = 8 * 1024;
/// Largest text that a client may send after that, in bytes: the longest that means anything is some hundreds.
pub const MAX_TEXT_BYTES: usize = fourwire_wire::event::MAX_TEXT_BYTES;
/// Largest binary message that a client may send, in bytes: the channel and the largest payload.
pub const MAX_BINARY_BYTES: usize = 1 + fourwire_wire::frame::MAX_PAYLOAD_BYTES;
/// How much may wait to be sent to a client, in bytes. A client that comes back to a call of four hours is sent all of its
/// captions at once, which are about 3 MB; one that reads nothing is closed.
pub const MAX_UNSENT_TO_CLIENT_BYTES: u32 = 8 * 1024 * 1024;
/// How much may wait to be taken by a call's object, in bytes: 20 s of both sides at 48 kHz.
pub const MAX_UNSENT_TO_CALL_BYTES: u32 = 4 * 1024 * 1024;
/// How much may wait to be taken by a speech service, in bytes: two minutes of a side at 16 kHz, more than is ever sent again.
pub const MAX_UNSENT_TO_SPEECH_BYTES: u32 = 4 * 1024 * 1024;
/// Most that waits to be looked at of what a browser sends while its token is checked: 5 s of both sides at 48 kHz.
const MAX_WAITING_BYTES: usize = 1024 * 1024;
/// Largest message of a speech service. The longest have the words of half a minute, some dozens of kilobytes.
const MAX_SPEECH_BYTES: usize = 256 * 1024;
/// Most that waits to be looked at of what it sends.
const MAX_WAITING_SPEECH_BYTES: usize = 1024 * 1024;
/// Largest message of the pusher, whose only one is that it is done.
const MAX_PUSHER_BYTES: usize = 16 * 1024;
/// Most that waits to be looked at of what it sends.
const MAX_WAITING_PUSHER_BYTES: usize = 64 * 1024;

/// What a socket may bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Largest first message, in bytes, where that is less than others may have.
    pub first: Option<usize>,
    /// Largest text, in bytes.
    pub text: usize,
    /// Largest binary message, in bytes.
    pub binary: usize,
    /// How much may wait to be looked at, in bytes.
    pub waiting: usize,
}

impl Bounds {
    /// A browser's socket. What it sends while its token is checked waits.
    pub const BROWSER: Self = Self {
        first: Some(MAX_FIRST_BYTES),
        text: MAX_TEXT_BYTES,
        binary: MAX_BINARY_BYTES,
        waiting: MAX_WAITING_BYTES,
    };
    /// The other end of a client's socket, in a call's object: its longest message is a conversation of four hours.
    pub const CALL: Self = Self { first: None, text: 16 * 1024 * 1024, binary: 0, waiting: 16 * 1024 * 1024 };
    /// A speech service.
    pub const SPEECH: Self =
        Self { first: None, text: MAX_SPEECH_BYTES, binary: MAX_SPEECH_BYTES, waiting: MAX_WAITING_SPEECH_BYTES };
    /// The pusher.
    pub const PUSHER: Self =
        Self { first: None, text: MAX_PUSHER_BYTES, binary: MAX_PUSHER_BYTES, waiting: MAX_WAITING_PUSHER_BYTES };
}

/// What a message is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// Bytes.
    Binary,
}

/// Why nothing more is taken from a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overrun {
    /// A message was larger than any may be.
    MessageTooBig,
    /// More is waiting than may wait.
    TooMuchWaiting,
}

/// Keeps count of what waits.
#[derive(Clone, Copy, Debug)]
pub struct Gauge {
    bounds: Bounds,
    has_begun: bool,
    waiting: usize,
}

impl Gauge {
    /// Nothing has come yet.
    #[must_use]
    pub const fn new(bounds: Bounds) -> Self {
        Self { bounds, has_begun: false, waiting: 0 }
    }

    /// A message has come; it waits from now on, unless it is refused.
    ///
    /// # Errors
    /// [`Overrun`] where it is too large, or one too many.
    pub fn came(&mut self, kind: Kind, length: usize) -> Result<(), Overrun> {
        let of_kind = match kind {
            Kind::Text => self.bounds.text,
            Kind::Binary => self.bounds.binary,
        };
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        let most = self.bounds.first.filter(|_| is_first).map_or(of_kind, |first| first.min(of_kind));
        if length > most {
            return Err(Overrun::MessageTooBig);
        }
        let waiting = self.waiting.saturating_add(length);
        if waiting > self.bounds.waiting {
            return Err(Overrun::TooMuchWaiting);
        }
        self.waiting = waiting;
        Ok(())
    }

    /// A message is looked at, and waits no more.
    pub fn taken(&mut self, length: usize) {
        self.waiting = self.waiting.saturating_sub(length);
    }
}

/// Whether a message of a client that is signed in may be looked at.
#[must_use]
pub const fn is_acceptable(kind: Kind, length: usize) -> bool {
    match kind {
        Kind::Text => length <= MAX_TEXT_BYTES,
        Kind::Binary => length <= MAX_BINARY_BYTES,
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::Kind::{Binary, Text};
    use super::*;

    const BOUNDS: Bounds = Bounds { first: Some(10), text: 20, binary: 30, waiting: 50 };

    #[test]
    fn each_kind_of_message_has_its_largest_and_the_first_is_smaller() {
        for (before, kind, length, expected) in [
            (0, Text, 10, Ok(())),
            (0, Text, 11, Err(Overrun::MessageTooBig)),
            (0, Binary, 10, Ok(())),
            (0, Binary, 11, Err(Overrun::MessageTooBig)),
            (1, Text, 20, Ok(())),
            (1, Text, 21, Err(Overrun::MessageTooBig)),
            (1, Binary, 30, Ok(())),
            (1, Binary, 31, Err(Overrun::MessageTooBig)),
            (1, Binary, usize::MAX, Err(Overrun::MessageTooBig)),
        ] {
            let mut gauge = Gauge::new(BOUNDS);
            for _ in 0..before {
                gauge.came(Text, 0).unwrap();
            }
            assert_eq!(gauge.came(kind, length), expected, "{before} {kind:?} {length}");
        }
    }

    #[test]
    fn what_was_looked_at_waits_no_more() {
        let mut gauge = Gauge::new(BOUNDS);
        gauge.came(Text, 10).unwrap();
        gauge.came(Binary, 30).unwrap();
        assert_eq!(gauge.came(Text, 11), Err(Overrun::TooMuchWaiting));
        gauge.came(Text, 10).unwrap();
        gauge.taken(30);
        gauge.came(Binary, 30).unwrap();
        assert_eq!(gauge.came(Text, 1), Err(Overrun::TooMuchWaiting));
    }

    #[test]
    fn a_client_that_is_signed_in_may_send_the_largest_frame_and_a_text_of_16_kib() {
        for (kind, length, expected) in
            [(Text, 16_384, true), (Text, 16_385, false), (Binary, 65_537, true), (Binary, 65_538, false)]
        {
            assert_eq!(is_acceptable(kind, length), expected, "{kind:?} {length}");
        }
    }
}
