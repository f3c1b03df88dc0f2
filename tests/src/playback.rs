//! What a conversation's audio sounds like: fetched, read by somebody else's WAV reader, and held against what was sent.

use std::io::Cursor;

use fourwire_engine::audio::SampleRate;
use fourwire_engine::audio::resample::Resampler;
use fourwire_lab::recording::Recording;
use fourwire_wire::frame::PerChannel;
use fourwire_wire::ids::ConversationId;
use fourwire_wire::units::SAMPLES_PER_SECOND;
use hound::{SampleFormat, WavReader, WavSpec};
use hyper::body::Bytes;

use crate::http;

/// How loud a [marked] recording's noise is: far below what counts as speech.
const NOISE: i16 = 50;

/// The path of a conversation's audio. `channel` is `1`, `2`, `stereo` or `mix`.
#[must_use]
pub fn path(conversation: ConversationId, channel: &str) -> String {
    format!("/v1/conversations/{conversation}/audio?channel={channel}")
}

/// A whole file of a conversation's audio, as it is sent.
///
/// # Panics
/// When it is not answered in full.
pub async fn file(edge: &str, token: &str, conversation: ConversationId, channel: &str) -> Bytes {
    let answer = http::get(edge, &path(conversation, channel), token).await;
    assert_eq!((answer.status, answer.code()), (200, ""));
    answer.bytes
}

/// One side of a conversation, or both in one: `1`, `2` or `mix`.
///
/// # Panics
/// When it is not answered with a mono file.
pub async fn mono(edge: &str, token: &str, conversation: ConversationId, channel: &str) -> Vec<i16> {
    let (channels, samples) = read(&file(edge, token, conversation, channel).await);
    assert_eq!(channels, 1, "{channel}");
    samples
}

/// Each side of a conversation by itself.
///
/// # Panics
/// When they are not answered.
pub async fn sides(edge: &str, token: &str, conversation: ConversationId) -> PerChannel<Vec<i16>> {
    PerChannel { user: mono(edge, token, conversation, "1").await, remote: mono(edge, token, conversation, "2").await }
}

/// Reads a WAV file: how many channels it has, and all samples as they lie in it.
///
/// # Panics
/// When it is none, or none of the form that is documented.
#[must_use]
pub fn read(file: &[u8]) -> (u16, Vec<i16>) {
    let mut reader = WavReader::new(Cursor::new(file)).expect("a WAV file");
    let WavSpec { channels, sample_rate, bits_per_sample, sample_format } = reader.spec();
    assert_eq!((sample_rate, bits_per_sample, sample_format), (SAMPLES_PER_SECOND, 16, SampleFormat::Int));
    (channels, reader.samples().collect::<Result<_, _>>().expect("as long as it says"))
}

/// A recording with a little noise in it, so that no sample can be taken for another's, nor for silence.
#[must_use]
pub fn marked(mut recording: Recording, seed: u32) -> Recording {
    let mut state = seed | 1;
    for samples in [&mut recording.audio.user, &mut recording.audio.remote] {
        for sample in samples {
            // Xorshift (Marsaglia 2003): the same on every machine.
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            let noise = i16::try_from(state % u32::from(2 * NOISE.unsigned_abs() + 1)).unwrap_or_default() - NOISE;
            *sample = sample.saturating_add(if noise == 0 { 1 } else { noise });
        }
    }
    recording
}

/// What is to be stored of samples that were sent: the documented conversion to 16 kHz, and nothing else.
///
/// # Panics
/// When nobody sends at such a rate.
#[must_use]
pub fn converted(samples: &[i16], sample_rate: u32) -> Vec<i16> {
    let mut resampler = Resampler::new(SampleRate::new(sample_rate).expect("a rate that is taken"));
    let mut converted = Vec::new();
    resampler.push(samples.iter().copied(), &mut converted);
    resampler.finish(&mut converted);
    converted
}

/// Asserts that audio is what was sent, sample for sample.
///
/// # Panics
/// When it is not; with the first sample that differs.
#[track_caller]
pub fn assert_same(heard: &[i16], sent: &[i16], what: &str) {
    let differs = heard.iter().zip(sent).position(|(heard, sent)| heard != sent);
    let [is, should_be] = [heard, sent].map(<[i16]>::len);
    assert!(differs.is_none() && is == should_be, "{what}: {is} samples of {should_be}, other from {differs:?} on");
}

/// Where in some audio a stretch begins, if it is there.
#[must_use]
pub fn find(audio: &[i16], stretch: &[i16]) -> Option<usize> {
    audio.windows(stretch.len()).position(|window| window == stretch)
}
