//! A call's audio as a listener gets it: the whole file, stereo, read as fast as it comes.

use anyhow::{Context, Result, ensure};
use fourwire_wire::ids::ConversationId;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::workerd::Workerd;

/// Bytes of a WAV file before its samples.
const WAV_HEADER: u32 = 44;
/// Bytes of a second: two sides, 16,000 samples each, of two bytes.
const BYTES_PER_SECOND: u32 = 64_000;

/// Reads the audio of a conversation that lasted so many seconds, and says how many bytes it was.
///
/// # Errors
/// When it is not there, breaks off, or is not all that was said.
pub async fn audio(workerd: &Workerd, token: &str, id: ConversationId, seconds: u32) -> Result<u32> {
    let stream = TcpStream::connect(workerd.address()).await?;
    let (mut sender, driving) = handshake(TokioIo::new(stream)).await?;
    let mut driver = JoinSet::new();
    driver.spawn(driving);
    let request = Request::get(format!("/v1/conversations/{id}/audio"))
        .header(HOST, "calls.example.test")
        .header(AUTHORIZATION, format!("Bearer {token}"))
        .body(Empty::<Bytes>::new())?;
    let (head, mut body) = sender.send_request(request).await?.into_parts();
    ensure!(head.status == StatusCode::OK, "the audio was answered with {}", head.status);
    let promised: u32 = head.headers.get(CONTENT_LENGTH).context("no length")?.to_str()?.parse()?;
    let expected = WAV_HEADER + seconds * BYTES_PER_SECOND;
    ensure!(promised == expected, "{promised} bytes of audio, and not {expected}");
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        let length = frame.context("the audio broke off")?.data_ref().map_or(0, Bytes::len);
        bytes += u32::try_from(length)?;
    }
    ensure!(bytes == promised, "{bytes} bytes of audio came, and not {promised}");
    Ok(bytes)
}
