//! What a stream's client sent and the stream has not got to yet.
//!
//! The socket is read also while the stream may not go on, because it keeps to a speed or waits for the recogniser: only
//! a socket that is read tells that its client is gone.

use std::collections::VecDeque;

use hyper::body::Bytes;

/// Bytes that may wait: a minute of the largest audio there is, 48 kHz × 2 bytes × 60 s. A socket whose client is further
/// ahead is not read until there is room (TCP then holds the client up, as the service does), so at most one message, of
/// tungstenite's 64 MiB, comes on top.
const MAX_BYTES: usize = 60 * 48_000 * 2;
/// What an entry costs beside its bytes, so that empty messages fill the inbox too.
const ENTRY: usize = 64;
/// Audio is taken in pieces of at most 100 ms at 16 kHz, so that one large message does not ask for many finals at once.
const PIECE: usize = 3_200;

/// One entry.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    /// Audio, cut anywhere.
    Audio(Bytes),
    /// A text message.
    Text(String),
    /// The client asked for the end by an empty binary message.
    End,
}

/// See the top of the file.
#[derive(Default)]
pub struct Inbox {
    entries: VecDeque<Received>,
    bytes: usize,
}

impl Inbox {
    /// Whether the socket may be read.
    pub const fn has_room(&self) -> bool {
        self.bytes < MAX_BYTES
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds what came last.
    pub fn push(&mut self, entry: Received) {
        self.bytes += cost(&entry);
        self.entries.push_back(entry);
    }

    /// Takes what came first: all of a text, a piece of audio.
    pub fn pop(&mut self) -> Option<Received> {
        if let Some(Received::Audio(bytes)) = self.entries.front_mut()
            && bytes.len() > PIECE
        {
            self.bytes -= PIECE;
            return Some(Received::Audio(bytes.split_to(PIECE)));
        }
        let entry = self.entries.pop_front()?;
        self.bytes -= cost(&entry);
        Some(entry)
    }
}

fn cost(entry: &Received) -> usize {
    ENTRY
        + match entry {
            Received::Audio(bytes) => bytes.len(),
            Received::Text(text) => text.len(),
            Received::End => 0,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_message_comes_out_in_pieces_and_in_order() {
        let sent: Vec<u8> = (0..=255).cycle().take(2 * PIECE + 1).collect();
        let mut inbox = Inbox::default();
        inbox.push(Received::Audio(sent.clone().into()));
        inbox.push(Received::Text("after".to_owned()));
        let (mut joined, mut lengths) = (Vec::new(), Vec::new());
        while let Some(Received::Audio(piece)) = inbox.pop() {
            lengths.push(piece.len());
            joined.extend(piece);
        }
        assert_eq!((joined, lengths), (sent, vec![PIECE, PIECE, 1]));
        assert!(inbox.is_empty());
    }

    #[test]
    fn it_fills_up_whatever_is_sent_and_empties_to_nothing() {
        for (entry, fills) in [
            (Received::Audio(vec![0; MAX_BYTES].into()), 1),
            (Received::Audio(vec![0; PIECE].into()), MAX_BYTES.div_ceil(PIECE + ENTRY)),
            (Received::Audio(Bytes::new()), MAX_BYTES.div_ceil(ENTRY)),
            (Received::Text("x".repeat(MAX_BYTES / 2)), 2),
            (Received::Text(String::new()), MAX_BYTES.div_ceil(ENTRY)),
            (Received::End, MAX_BYTES.div_ceil(ENTRY)),
        ] {
            let mut inbox = Inbox::default();
            let mut pushed = 0;
            while inbox.has_room() {
                pushed += 1;
                inbox.push(match &entry {
                    Received::Audio(bytes) => Received::Audio(bytes.clone()),
                    Received::Text(text) => Received::Text(text.clone()),
                    Received::End => Received::End,
                });
            }
            assert_eq!(pushed, fills, "entries of {} bytes", cost(&entry));
            while inbox.pop().is_some() {}
            assert!(inbox.is_empty() && inbox.bytes == 0, "entries of {} bytes", cost(&entry));
        }
    }
}
