//! What a page needs beside the SDK to call through the lab: without TLS, and without a network.
//!
//! For development only: a page that is deployed calls through Twilio and loads neither.

use axum::http::header;
use axum::response::{IntoResponse, Response};

/// Turns the SDK's secure sockets to this machine into plain ones.
const SHIM: &str = include_str!("shim.js");
/// Samples a second of the silence.
const RATE: u32 = 8_000;
/// Samples of the silence: a tenth of a second.
const LENGTH: u32 = 800;
/// Bytes of the header in front of them.
const HEADER: usize = 44;

/// `GET /carrier/shim.js`
pub(super) async fn shim() -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], SHIM).into_response()
}

/// `GET /carrier/silence.wav`
pub(super) async fn silence() -> Response {
    ([(header::CONTENT_TYPE, "audio/wav")], wav()).into_response()
}

/// Silence as a WAV file: PCM, one channel, 8 bits, in which the middle is 128.
fn wav() -> Vec<u8> {
    let mut file = Vec::with_capacity(HEADER + LENGTH as usize);
    file.extend(b"RIFF");
    file.extend((36 + LENGTH).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend([1, 0, 1, 0]);
    file.extend(RATE.to_le_bytes());
    file.extend(RATE.to_le_bytes());
    file.extend([1, 0, 8, 0]);
    file.extend(b"data");
    file.extend(LENGTH.to_le_bytes());
    file.resize(HEADER + LENGTH as usize, 128);
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_silence_is_a_wav_file() {
        let mut reader = hound::WavReader::new(std::io::Cursor::new(wav())).unwrap();
        assert_eq!((reader.spec().sample_rate, reader.spec().channels, reader.duration()), (RATE, 1, LENGTH));
        assert!(reader.samples::<i8>().all(|sample| sample.unwrap() == 0));
    }
}
