//! Faults that a test can order, for connections to come.

use std::time::Duration;

/// Something that goes wrong with a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The handshake is answered with this status.
    Refuse(u16),
    /// The handshake is never answered.
    Hang,
    /// The handshake is answered so much later; then all is well.
    Slow(Duration),
    /// It is opened, and nothing is read from it for ten minutes; then it is gone.
    Stall,
    /// It says what no pusher says, and all is well.
    Garbage,
    /// After so many messages it is closed.
    Close {
        /// After how many.
        after: usize,
        /// The WebSocket close code.
        code: u16,
    },
    /// After so many messages it is gone, without a close frame.
    Drop {
        /// After how many.
        after: usize,
    },
}

/// The faults that are ordered, oldest first, each for so many connections.
#[derive(Default)]
pub(super) struct Orders(Vec<(u32, Fault)>);

impl Orders {
    pub(super) fn add(&mut self, connections: u32, fault: Fault) {
        self.0.push((connections, fault));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault for the next connection.
    pub(super) fn take(&mut self) -> Option<Fault> {
        self.0.retain(|(left, _)| *left > 0);
        let (left, fault) = self.0.first_mut()?;
        *left -= 1;
        Some(fault.clone())
    }
}
