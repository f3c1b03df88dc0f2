//! Whether somebody speaks, in frames of 16 ms.
//!
//! A level does not tell: it misses quiet callers and takes a noisy line for speech. The detector is `earshot`, a small
//! recurrent net that looks at the spectrum (<https://github.com/pykeio/earshot>). It takes about 5 ms of CPU for a second of
//! audio on wasm, so it is asked only where the answer matters.

use fourwire_wire::units::Samples;

/// Length of a frame: what the detector looks at at a time.
pub(crate) const FRAME: Samples = Samples::new(256);
/// The same in bytes of PCM16.
const FRAME_BYTES: usize = 512;

/// Score from which on a frame counts as speech. At 0.3 no speech of a measured two-party call was lost, from its own level
/// down to 26 dB below and with white noise up to 10 dB below the voice; at 0.5 up to 1.9 % was. It costs one frame in ten
/// of silence that counts as speech.
const SPEECH_SCORE: f32 = 0.3;

/// Looks for speech in one stream of 16 kHz mono PCM16, which it is given in order.
pub(crate) struct VoiceDetector(Box<earshot::Detector>);

impl VoiceDetector {
    /// A detector that has heard nothing yet.
    pub(crate) fn new() -> Self {
        Self(earshot::Detector::default_boxed())
    }

    /// Takes whole frames; calls `found` with each one's verdict. What is left over at the end is ignored.
    pub(crate) fn frames(&mut self, pcm: &[u8], mut found: impl FnMut(bool)) {
        let mut samples = [0_i16; FRAME_BYTES / 2];
        for frame in pcm.as_chunks::<FRAME_BYTES>().0 {
            for (sample, bytes) in samples.iter_mut().zip(frame.as_chunks::<2>().0) {
                *sample = i16::from_le_bytes(*bytes);
            }
            found(self.0.predict_i16(&samples) >= SPEECH_SCORE);
        }
    }
}

impl std::fmt::Debug for VoiceDetector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VoiceDetector")
    }
}
