//! Faults that a test can order: for connections to come, and for streams that are open.

use std::time::Duration;

use fourwire_wire::units::Samples;

use super::refusal::Refusal;

/// Something that goes wrong. Positions are in the stream's own audio, counted in samples at 16 kHz.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The handshake is answered with this status and body.
    Refuse(Refusal),
    /// The TCP connection is taken, the handshake never answered.
    Hang,
    /// The handshake is answered so much later; then all is well.
    Delay(Duration),
    /// From that position on the stream takes audio and says nothing.
    Silent {
        /// Where in the stream.
        from: Samples,
    },
    /// At that position the connection is gone, without a close frame.
    Drop {
        /// Where in the stream.
        at: Samples,
    },
    /// At that position the stream is closed with this code.
    Close {
        /// Where in the stream.
        at: Samples,
        /// The WebSocket close code.
        code: u16,
        /// The close reason.
        reason: String,
    },
    /// At that position a text is sent that the service never sends; then all is well.
    Garbage {
        /// Where in the stream.
        at: Samples,
        /// The text.
        text: String,
    },
}

impl Fault {
    /// Where in a stream it strikes; `None` where it strikes the handshake.
    pub(super) fn position(&self) -> Option<Samples> {
        match self {
            Self::Refuse(_) | Self::Hang | Self::Delay(_) => None,
            Self::Silent { from: at } | Self::Drop { at } | Self::Close { at, .. } | Self::Garbage { at, .. } => {
                Some(*at)
            }
        }
    }
}

/// Which connections a fault is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// So many of the next ones.
    Next(u32),
    /// The one with this number, counted from 1 since the lab started.
    Nth(usize),
    /// All, until healed.
    All,
}

/// The faults that are armed, oldest first.
#[derive(Default)]
pub(super) struct Armed(Vec<(Which, Fault)>);

impl Armed {
    pub(super) fn add(&mut self, which: Which, fault: Fault) {
        self.0.push((which, fault));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault for connection number `number`: that of the oldest order that fits.
    pub(super) fn take(&mut self, number: usize) -> Option<Fault> {
        self.0.retain(|(which, _)| *which != Which::Next(0));
        let (which, fault) = self.0.iter_mut().find(|(which, _)| match which {
            Which::Next(_) | Which::All => true,
            Which::Nth(wanted) => *wanted == number,
        })?;
        if let Which::Next(left) = which {
            *left -= 1;
        }
        Some(fault.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_strike_just_the_connections_they_are_for() {
        let mut armed = Armed::default();
        armed.add(Which::Nth(2), Fault::Hang);
        armed.add(Which::Next(2), Fault::Delay(Duration::ZERO));
        let struck: Vec<_> = (1..=4).map(|number| armed.take(number)).collect();
        let delay = Some(Fault::Delay(Duration::ZERO));
        assert_eq!(struck, [delay.clone(), Some(Fault::Hang), delay, None]);
        armed.add(Which::All, Fault::Hang);
        assert_eq!(armed.take(9), Some(Fault::Hang));
        armed.clear();
        assert_eq!(armed.take(10), None);
    }
}
