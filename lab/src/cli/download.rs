//! Files from the edge, written as they come: an hour of one side's audio is 115 MB, which nobody needs to hold.

use std::io;
use std::path::Path;
use std::time::Duration;

use fourwire_lab::http::HttpError;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::handshake;
use hyper::header::{AUTHORIZATION, HOST};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long the edge may be silent, before its answer and within it. There is no limit on the whole: a call's audio may be
/// long.
const SILENCE_LIMIT: Duration = Duration::from_secs(20);

/// Why there is no file.
#[derive(Debug, Error)]
pub enum DownloadError {
    /// The edge cannot be asked.
    #[error(transparent)]
    Edge(#[from] HttpError),
    /// It answered, and not with the file.
    #[error("the edge answered {0}")]
    Status(u16),
    /// Its answer ended too early.
    #[error("the edge's answer broke off: {0}")]
    BrokeOff(hyper::Error),
    /// It did not go on.
    #[error("the edge was silent for {} s", SILENCE_LIMIT.as_secs())]
    Silent,
    /// It cannot be written.
    #[error("it cannot be written: {0}")]
    File(#[from] io::Error),
}

/// Fetches a file. Only a whole one gets its name; what was there before under this name is gone in any case.
///
/// # Errors
/// [`DownloadError`] says who is to blame.
pub async fn download(url: &str, token: &str, to: &Path) -> Result<(), DownloadError> {
    match fs::remove_file(to).await {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let part = to.with_added_extension("part");
    let fetched = fetch(url, token, &part).await;
    match fetched {
        Ok(()) => Ok(fs::rename(&part, to).await?),
        Err(error) => {
            // It may not have been begun.
            let _ = fs::remove_file(&part).await;
            Err(error)
        }
    }
}

async fn fetch(url: &str, token: &str, to: &Path) -> Result<(), DownloadError> {
    // Ends the connection's task when this is over.
    let mut connections = JoinSet::new();
    let opened = timeout(SILENCE_LIMIT, open(url, token, &mut connections));
    let answer = opened.await.map_err(|_| DownloadError::Silent)??;
    if answer.status() != 200 {
        return Err(DownloadError::Status(answer.status().as_u16()));
    }
    let mut body = answer.into_body();
    let mut file = File::create(to).await?;
    while let Some(frame) = timeout(SILENCE_LIMIT, body.frame()).await.map_err(|_| DownloadError::Silent)? {
        if let Ok(bytes) = frame.map_err(DownloadError::BrokeOff)?.into_data() {
            file.write_all(&bytes).await?;
        }
    }
    Ok(file.flush().await?)
}

/// Asks for `url`; the connection lives in `connections`.
async fn open(
    url: &str,
    token: &str,
    connections: &mut JoinSet<hyper::Result<()>>,
) -> Result<Response<Incoming>, HttpError> {
    let address = || HttpError::Address(url.to_owned());
    let uri: Uri = url.parse().map_err(|_| address())?;
    let host = uri.authority().filter(|_| uri.scheme_str() == Some("http")).ok_or_else(address)?;
    let broken = |error: hyper::Error| HttpError::Broken(url.to_owned(), error.to_string());

    let connected = TcpStream::connect((host.host(), host.port_u16().unwrap_or(80))).await;
    let stream = connected.map_err(|error| HttpError::Unreachable(url.to_owned(), error))?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(broken)?;
    connections.spawn(connection);
    let request = Request::get(uri.path_and_query().map_or("/", |path| path.as_str()))
        .header(HOST, host.as_str())
        .header(AUTHORIZATION, format!("Bearer {token}"));
    let request = request.body(Empty::<Bytes>::new()).map_err(|_| address())?;
    sender.send_request(request).await.map_err(broken)
}
