//! The two codecs of a call, each between frames of 20 ms at 16 kHz and RTP payloads.
//!
//! G.711 is our own dozen lines; Opus is a crate, which codes at 16 kHz directly: whatever rate the other side has, the
//! packets are the same.
#![allow(clippy::cast_possible_truncation, reason = "decoded samples are clamped to 16 bits")]

use std::collections::VecDeque;

use opus_rs::{Application, OpusDecoder, OpusEncoder};
use str0m::media::Frequency;

use super::g711;
use crate::resample::Resampler;

/// Samples of 20 ms at 16 kHz.
pub(super) const FRAME: usize = 320;
/// A frame of audio.
pub(super) type Frame = [i16; FRAME];

/// What the carrier's audio is at.
const RATE: u32 = 16_000;
/// What G.711 is at.
const NARROW: u32 = 8_000;
/// Samples by which the narrowing filter is behind: 4 ms. With so much silence in front every frame is whole.
const NARROW_DELAY: usize = 32;
/// The longest Opus packet, 120 ms.
const MAX_PACKET: usize = 6 * FRAME;
/// What Opus may take: speech at 16 kHz hardly gets better beyond.
const OPUS_BITS_A_SECOND: i32 = 32_000;
/// The largest Opus payload, by RFC 6716.
const OPUS_BYTES: usize = 1_276;

/// A codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// G.711 μ-law at 8 kHz.
    Pcmu,
    /// Opus, at 16 kHz on the carrier's side.
    Opus,
}

impl Codec {
    /// The clock of its RTP timestamps.
    pub(super) const fn clock(self) -> Frequency {
        match self {
            Self::Pcmu => Frequency::EIGHT_KHZ,
            Self::Opus => Frequency::FORTY_EIGHT_KHZ,
        }
    }

    /// By how much its timestamps grow in one frame.
    pub(super) const fn ticks(self) -> u64 {
        match self {
            Self::Pcmu => 160,
            Self::Opus => 960,
        }
    }

    /// Its name in str0m.
    pub(super) const fn named(self) -> str0m::format::Codec {
        match self {
            Self::Pcmu => str0m::format::Codec::PCMU,
            Self::Opus => str0m::format::Codec::Opus,
        }
    }
}

/// Makes payloads of frames.
pub(super) enum Encoder {
    Pcmu {
        narrow: Resampler,
        /// What is narrowed and not sent yet.
        ready: VecDeque<i16>,
    },
    Opus(Box<OpusEncoder>),
}

impl Encoder {
    /// # Panics
    /// When the Opus crate does not know 16 kHz mono, which would be a mistake of ours.
    pub(super) fn new(codec: Codec) -> Self {
        match codec {
            Codec::Pcmu => {
                Self::Pcmu { narrow: Resampler::new(RATE, NARROW), ready: VecDeque::from(vec![0; NARROW_DELAY]) }
            }
            Codec::Opus => {
                let mut encoder = OpusEncoder::new(16_000, 1, Application::Voip).expect("Opus codes 16 kHz mono");
                encoder.bitrate_bps = OPUS_BITS_A_SECOND;
                Self::Opus(Box::new(encoder))
            }
        }
    }

    /// The payload of the next frame; none: the codec failed, and the frame is lost.
    pub(super) fn encode(&mut self, frame: &Frame) -> Option<Vec<u8>> {
        match self {
            Self::Pcmu { narrow, ready } => {
                let mut narrowed = Vec::new();
                narrow.push(frame, &mut narrowed);
                ready.extend(narrowed);
                Some(ready.drain(..FRAME / 2).map(g711::encode).collect())
            }
            Self::Opus(encoder) => {
                let mut payload = vec![0; OPUS_BYTES];
                let length = encoder.encode_i16(frame, FRAME, &mut payload).ok()?;
                payload.truncate(length);
                Some(payload)
            }
        }
    }
}

/// Makes audio at 16 kHz of payloads.
pub(super) enum Decoder {
    Pcmu(Resampler),
    Opus(Box<OpusDecoder>),
}

impl Decoder {
    /// # Panics
    /// As [`Encoder::new`].
    pub(super) fn new(codec: Codec) -> Self {
        match codec {
            Codec::Pcmu => Self::Pcmu(Resampler::new(NARROW, RATE)),
            Codec::Opus => Self::Opus(Box::new(OpusDecoder::new(16_000, 1).expect("Opus codes 16 kHz mono"))),
        }
    }

    /// Appends a payload's audio. How long it lasts, in ticks of the codec's clock; none: it is no payload of the codec.
    pub(super) fn decode(&mut self, payload: &[u8], out: &mut Vec<i16>) -> Option<u64> {
        match self {
            Self::Pcmu(widen) => {
                let samples: Vec<i16> = payload.iter().copied().map(g711::decode).collect();
                widen.push(&samples, out);
                Some(samples.len() as u64)
            }
            Self::Opus(decoder) => {
                let mut audio = [0.0; MAX_PACKET];
                let length = decoder.decode(payload, MAX_PACKET, &mut audio).ok()?;
                out.extend(audio[..length].iter().map(|value| (value * 32_768.0).round() as i16));
                Some(3 * length as u64)
            }
        }
    }

    /// Appends silence that lasts so many ticks of the codec's clock.
    pub(super) fn silence(&mut self, ticks: u64, out: &mut Vec<i16>) {
        let ticks = usize::try_from(ticks).unwrap_or_default();
        match self {
            Self::Pcmu(widen) => widen.push(&vec![0; ticks], out),
            Self::Opus(_) => out.resize(out.len() + ticks / 3, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tones;

    /// What comes out at the other end.
    fn carried(codec: Codec, audio: &[i16]) -> Vec<i16> {
        let (mut encoder, mut decoder) = (Encoder::new(codec), Decoder::new(codec));
        let mut out = Vec::new();
        for frame in audio.as_chunks::<FRAME>().0 {
            let payload = encoder.encode(frame).unwrap();
            assert_eq!(decoder.decode(&payload, &mut out), Some(codec.ticks()));
        }
        out
    }

    #[test]
    fn words_come_through_either_codec_in_their_places() {
        let script = tones::Script::new(RATE).word(200, "harbor").word(600, "lantern").word(1_000, "willow");
        let audio = script.samples(1_600);
        for codec in [Codec::Pcmu, Codec::Opus] {
            let heard = tones::detect(&carried(codec, &audio));
            assert_eq!(heard.iter().map(|word| word.word).collect::<Vec<_>>(), ["harbor", "lantern", "willow"]);
            for (word, millis) in heard.iter().zip([200, 600, 1_000]) {
                let late = word.start.millis().abs_diff(millis);
                assert!(late <= 15, "{codec:?}: {} is {late} ms off", word.word);
            }
        }
    }

    #[test]
    fn a_payload_that_is_none_is_refused() {
        let mut out = Vec::new();
        // Code 3 with no frames in it.
        assert_eq!(Decoder::new(Codec::Opus).decode(&[0x03, 0x00], &mut out), None);
        assert!(out.is_empty());
    }
}
