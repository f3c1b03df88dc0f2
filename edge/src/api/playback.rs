//! `GET /v1/conversations/{id}/audio` and `…/transcript`: a finished conversation to be heard and read elsewhere.

use std::collections::HashMap;

use fourwire_engine::record::playback::{Conditions, Playback, Step, Track};
use fourwire_engine::transcript::{self, Format, Names};
use futures_util::stream::try_unfold;
use worker::worker_sys::FixedLengthStream as PlatformStream;
use worker::{Env, FixedLengthStream, Method, Request, Response, ResponseBody};

use crate::api::own_conversation::{self, Opened, finished};
use crate::api::response::private;
use crate::fault::During;
use crate::log;
use crate::problem::Problem;
use crate::storage::archive::Archive;

/// Both sides' audio, or one's, as a WAV file. It is decrypted on its way out, a few seconds at a time; where no byte is
/// wanted, none is read.
pub(crate) async fn audio(request: &Request, env: &Env, id: &str) -> Result<Response, Problem> {
    let Opened { archive, found, .. } = own_conversation::open(request, env, id).await?;
    let track = match query(request)?.get("channel") {
        Some(name) => name.parse().map_err(Problem::Track)?,
        None => Track::default(),
    };
    finished(&found)?;
    let chunks = archive.chunks().await?;
    let header = |name| request.headers().get(name);
    let (range, if_range) = (header("range")?, header("if-range")?);
    let (if_match, if_none_match) = (header("if-match")?, header("if-none-match")?);
    let conditions = Conditions {
        is_head: request.method() == Method::Head,
        range: range.as_deref(),
        if_range: if_range.as_deref(),
        if_match: if_match.as_deref(),
        if_none_match: if_none_match.as_deref(),
    };
    let (key, folder) = (archive.key().clone(), archive.folder().clone());
    let playback = Playback::new(key, folder, chunks, track, &conditions).during("playback.plan")?;
    let headers = private("audio/wav", "call.wav")?;
    headers.set("accept-ranges", "bytes")?;
    headers.set("etag", playback.etag())?;
    if let Some(range) = playback.content_range() {
        headers.set("content-range", &range)?;
    }
    let (status, length) = (playback.status(), playback.remaining());
    let body = if length > 0 {
        ResponseBody::Stream(PlatformStream::from(stream(archive, playback, length)).readable())
    } else {
        // The platform tells the length of what it sends, and here nothing is sent.
        if let Some(length) = playback.content_length() {
            headers.set("content-length", &length.to_string())?;
        }
        ResponseBody::Empty
    };
    Ok(Response::from_body(body)?.with_status(status).with_headers(headers))
}

/// The file's bytes, each read from R2 when the listener has taken what came before.
fn stream(archive: Archive, playback: Playback, length: u64) -> FixedLengthStream {
    let parts = try_unfold((archive, playback), |(archive, mut playback)| async move {
        loop {
            match playback.poll() {
                Step::Send(bytes) => return Ok(Some((bytes, (archive, playback)))),
                Step::End => return Ok(None),
                Step::Read(read) => {
                    let stored = archive.read(&read).await.map_err(|problem| broken(&problem))?;
                    playback.handle_read(&stored).during("seal.chunk").map_err(|fault| broken(&fault.into()))?;
                }
            }
        }
    });
    FixedLengthStream::wrap(parts, length)
}

/// What ends a file in the middle: the listener notices, since its length was told.
fn broken(problem: &Problem) -> worker::Error {
    log::error!("playback_broken", error = problem.cause());
    worker::Error::RustError("a chunk of audio cannot be had".to_owned())
}

/// What was said, as text, subtitles or JSON.
pub(crate) async fn transcript(request: &Request, env: &Env, id: &str) -> Result<Response, Problem> {
    let opened = own_conversation::open(request, env, id).await?;
    let format = match query(request)?.get("format") {
        Some(name) => name.parse().map_err(Problem::Format)?,
        None => Format::Json,
    };
    let conversation = opened.read(env).await?;
    let them = conversation.contact_name.as_ref().map(|name| name.expose().as_str()).unwrap_or_default();
    let text = transcript::write(format, &conversation.transcript_segments, &Names::new("", them))
        .during("transcript.write")?;
    let headers = private(format.content_type(), format.file_name())?;
    Ok(Response::ok(text)?.with_headers(headers))
}

fn query(request: &Request) -> Result<HashMap<String, String>, Problem> {
    Ok(request.url()?.query_pairs().into_owned().collect())
}
