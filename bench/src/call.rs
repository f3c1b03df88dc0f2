//! A call of the engine without any platform: a client that sends as the peer's app does, two speech services that are
//! open and answer, and a store that takes everything.

use std::rc::Rc;

use fourwire_engine::audio::SampleRate;
use fourwire_engine::call::{Action, ConnectOptions, Event, Services, Session, Start, StreamId};
use fourwire_engine::speech::Provider;
use fourwire_engine::speech::deepgram::Deepgram;
use fourwire_engine::zones::UtcOnly;
use fourwire_wire::frame::{Channel, PerChannel};
use fourwire_wire::ids::ConversationId;
use fourwire_wire::pii::Pii;
use fourwire_wire::query::{Language, Source};
use fourwire_wire::units::UnixMillis;

use crate::load::Traffic;
use crate::speech;

/// What is sent.
const TRAFFIC: Traffic = Traffic::App;

/// A running call.
pub struct Call {
    session: Session,
    now: UnixMillis,
    frames: PerChannel<Vec<Vec<u8>>>,
    streams: PerChannel<Option<StreamId>>,
    seconds: u32,
    heard_bytes: usize,
}

impl Call {
    /// A call whose client is connected and whose streams are open.
    ///
    /// # Panics
    /// Never: what it says of itself is valid.
    #[must_use]
    pub fn open() -> Self {
        let origin = fourwire_engine::speech::deepgram::DEFAULT_ORIGIN.parse().expect("an address");
        let providers: Rc<[Provider]> = Rc::new([Provider::Deepgram(Deepgram::new(origin, Pii::default()))]);
        let start = Start {
            conversation: ConversationId::from_random([7; 16]),
            call_id: None,
            phone_call: None,
            language: Language::parse("en").expect("a language"),
            time_zone: None,
            source: Source::PhoneCall,
        };
        let now = UnixMillis::new(1_800_000_000_000);
        let mut call = Self {
            session: Session::start(
                start,
                &Services { speech: providers, has_model: false, pusher: None, zones: Rc::new(UtcOnly) },
                now,
            ),
            now,
            frames: TRAFFIC.frames(),
            streams: PerChannel::default(),
            seconds: 0,
            heard_bytes: 0,
        };
        call.handle(Event::Connected(ConnectOptions { rate: SampleRate::MAX, interim: false, resume: false }));
        // The first audio makes the session open its streams.
        call.second();
        for channel in Channel::BOTH {
            let stream = call.streams.get(channel).expect("audio opens a stream");
            call.handle(Event::SpeechOpened { channel, stream });
        }
        call
    }

    /// One second of the call: a frame of each channel every 10 ms, then an answer on each stream. Returns how many
    /// bytes of audio went to the services.
    pub fn second(&mut self) -> usize {
        let heard_before = self.heard_bytes;
        let frames = std::mem::take(&mut self.frames);
        for (user, remote) in frames.user.iter().zip(&frames.remote) {
            self.now = self.now + 1_000 / u64::from(TRAFFIC.frames_per_second());
            self.handle(Event::Frame(user));
            self.handle(Event::Frame(remote));
        }
        self.frames = frames;
        if self.seconds > 0 {
            let text = speech::result(self.seconds);
            for channel in Channel::BOTH {
                if let Some(stream) = *self.streams.get(channel) {
                    self.handle(Event::SpeechText { channel, stream, text: &text });
                }
            }
        }
        self.seconds += 1;
        self.heard_bytes - heard_before
    }

    fn handle(&mut self, event: Event<'_>) {
        let mut recorded = Vec::new();
        self.session.handle(self.now, event);
        while let Some(action) = self.session.poll(self.now) {
            match action {
                Action::Record(chunk) => recorded.push(chunk.span),
                Action::SpeechOpen { channel, stream, .. } => *self.streams.get_mut(channel) = Some(stream),
                Action::SpeechAudio { pcm, .. } => self.heard_bytes += pcm.len(),
                _ => {}
            }
        }
        for span in recorded {
            // The store has taken it.
            self.handle(Event::Recorded(&span));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_second_brings_a_second_of_each_side_to_the_services_and_keeps_their_words() {
        let mut call = Call::open();
        let heard: usize = (0..12).map(|_| call.second()).sum();
        let expected = 12 * 2 * speech::BYTES_PER_SECOND as usize;
        assert!(heard.abs_diff(expected) < expected / 8, "{heard} of {expected} bytes");
        assert!(call.session.conversation().transcript_segments.len() >= 4, "final results became segments");
    }
}
