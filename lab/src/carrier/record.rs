//! What is kept of a call: what each side heard, and how it went.
//!
//! Both sides' audio is on one timeline, which begins with the media and is counted in samples.

use std::time::{Duration, SystemTime};

use fourwire_wire::pii::Pii;
use fourwire_wire::units::{SAMPLES_PER_SECOND, Samples};

use super::codec::Codec;
use crate::twilio::Ending;

/// How much of either side's audio is kept, in samples: 15 minutes. What comes later is not.
const MAX_AUDIO: usize = 15 * 60 * SAMPLES_PER_SECOND as usize;

/// How a call ended, seen from the browser that placed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The caller hung up.
    ByCaller,
    /// The callee hung up.
    ByCallee,
    /// It was as long as the dial allows.
    TimeLimit,
    /// The number that was dialled last did not answer.
    NotAnswered(Ending),
    /// The application had nothing more to do: it refused, or its answer was not good.
    ByApplication,
    /// It was refused by this number of Twilio's errors.
    Refused(u32),
    /// The browser was gone and did not come back in time, or its media was.
    Lost,
}

/// When a call came how far.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// The browser asked for it.
    pub placed: SystemTime,
    /// The browser was told that it rings.
    pub ringing: Option<SystemTime>,
    /// The browser was told that it is answered, by the callee or by an announcement.
    pub answered: Option<SystemTime>,
    /// It was over.
    pub ended: Option<SystemTime>,
}

/// A call from a browser.
#[derive(Clone, Debug)]
pub struct CarriedCall {
    /// Names the browser's leg.
    pub call_sid: String,
    /// Who placed it, by the access token.
    pub identity: Pii<String>,
    /// The parameters that the browser sent.
    pub params: Vec<(String, Pii<String>)>,
    /// Who picked up.
    pub callee: Option<Pii<String>>,
    /// The codec, once there is media.
    pub codec: Option<Codec>,
    /// What the caller said, at 16 kHz from the start of the media on: silence until the two are connected, and where
    /// nothing arrived.
    pub heard: Vec<i16>,
    /// How far `heard` reached when each packet had come, and when that was, since the start of the media.
    pub arrivals: Vec<(Samples, Duration)>,
    /// What the caller was sent, on the same timeline: ringback, announcements, the callee.
    pub sent: Vec<i16>,
    /// Where in both the callee and the caller were connected.
    pub connected: Option<Samples>,
    /// The keys that the caller pressed.
    pub digits: Pii<String>,
    /// How often its browser came back on another signalling socket.
    pub reconnects: u32,
    /// How often its media was set up anew.
    pub ice_restarts: u32,
    /// What is wrong with the browser's offer, where that is why the call has no media.
    pub problem: Option<String>,
    /// When it came how far.
    pub times: Times,
    /// How it ended; none while it runs.
    pub ended: Option<Ended>,
}

impl CarriedCall {
    pub(super) fn new(call_sid: String, identity: Pii<String>, params: Vec<(String, Pii<String>)>) -> Self {
        let times = Times { placed: SystemTime::now(), ringing: None, answered: None, ended: None };
        Self {
            call_sid,
            identity,
            params,
            callee: None,
            codec: None,
            heard: Vec::new(),
            arrivals: Vec::new(),
            sent: Vec::new(),
            connected: None,
            digits: Pii::new(String::new()),
            reconnects: 0,
            ice_restarts: 0,
            problem: None,
            times,
            ended: None,
        }
    }

    /// A parameter that the browser sent.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| known == name).map(|(_, value)| value.expose().as_str())
    }

    /// What the caller said since the two were connected.
    #[must_use]
    pub fn heard_by_callee(&self) -> &[i16] {
        self.since_connected(&self.heard)
    }

    /// What the caller was sent since the two were connected.
    #[must_use]
    pub fn sent_by_callee(&self) -> &[i16] {
        self.since_connected(&self.sent)
    }

    fn since_connected<'a>(&self, audio: &'a [i16]) -> &'a [i16] {
        let from = self.connected.map_or(usize::MAX, |at| usize::try_from(at.get()).unwrap_or(usize::MAX));
        audio.get(from..).unwrap_or_default()
    }
}

/// Adds audio to a call's, up to the bound.
pub(super) fn keep(kept: &mut Vec<i16>, audio: &[i16]) {
    let room = MAX_AUDIO.saturating_sub(kept.len());
    kept.extend(audio.iter().take(room));
}
