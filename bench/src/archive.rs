//! A bucket that costs next to nothing: it speaks what workerd's R2 bindings speak, and keeps everything in memory.
//!
//! workerd sends a question as JSON, in a header or in front of a body, and takes an answer's JSON in front of a body. What
//! the Worker does not use, such as uploads in parts, is not there.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, ensure};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderMap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Header of a question without a body.
const REQUEST: &str = "cf-r2-request";
/// Header with the length of the JSON in front of a body.
const METADATA_SIZE: &str = "cf-r2-metadata-size";
/// Header of an answer that is none.
const ERROR: &str = "cf-r2-error";
/// R2's code for an object that is not there.
const NO_SUCH_KEY: u32 = 10_007;
/// How many objects a list has at most.
const PAGE: usize = 1_000;

/// The running bucket. It ends when dropped, with everything in it.
pub struct Archive {
    address: SocketAddr,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    objects: Mutex<BTreeMap<String, Bytes>>,
    refuses: AtomicBool,
}

/// A question.
#[derive(Deserialize)]
#[serde(tag = "method", rename_all = "camelCase")]
enum Asked {
    Put {
        object: String,
    },
    Get {
        object: String,
        range: Option<Range>,
    },
    Head {
        object: String,
    },
    List {
        #[serde(default)]
        prefix: String,
        cursor: Option<String>,
    },
    Delete {
        object: Option<String>,
        #[serde(default)]
        objects: Vec<String>,
    },
}

/// A part of an object. workerd writes large numbers as texts.
#[derive(Deserialize)]
struct Range {
    offset: Value,
    length: Value,
}

impl Archive {
    /// Starts it on a free port.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let served = Arc::clone(&shared);
        let serving = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let served = Arc::clone(&served);
                let service = service_fn(move |request| serve(Arc::clone(&served), request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(connection), service));
            }
        });
        Ok(Self { address, shared, serving })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many objects have `part` in their names.
    #[must_use]
    pub fn objects_with(&self, part: &str) -> u32 {
        self.shared.objects().keys().map(|name| u32::from(name.contains(part))).sum()
    }

    /// Lets everything that is to be stored from now on fail, or not any more.
    pub fn refuse(&self, refuses: bool) {
        self.shared.refuses.store(refuses, Ordering::Relaxed);
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Shared {
    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, Bytes>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, method: &Method, headers: &HeaderMap, body: &Bytes) -> Result<Response<Full<Bytes>>> {
        if method == Method::PUT {
            let length: usize = headers.get(METADATA_SIZE).context("no length")?.to_str()?.parse()?;
            ensure!(length <= body.len(), "the question is cut off");
            return self.change(serde_json::from_slice(&body[..length])?, body.slice(length..));
        }
        match serde_json::from_str(headers.get(REQUEST).context("no question")?.to_str()?)? {
            Asked::Get { object, range } => self.get(&object, range.as_ref()),
            Asked::Head { object } => match self.objects().get(&object) {
                Some(body) => told(&describe(&object, body), &Bytes::new()),
                None => refused(StatusCode::NOT_FOUND, NO_SUCH_KEY),
            },
            Asked::List { prefix, cursor } => self.list(&prefix, cursor),
            Asked::Put { .. } | Asked::Delete { .. } => anyhow::bail!("a change without a body"),
        }
    }

    fn change(&self, asked: Asked, body: Bytes) -> Result<Response<Full<Bytes>>> {
        match asked {
            Asked::Put { .. } if self.refuses.load(Ordering::Relaxed) => {
                refused(StatusCode::SERVICE_UNAVAILABLE, 10_043)
            }
            Asked::Put { object } => {
                let answer = told(&describe(&object, &body), &Bytes::new());
                self.objects().insert(object, body);
                answer
            }
            Asked::Delete { object, objects } => {
                for name in object.into_iter().chain(objects) {
                    self.objects().remove(&name);
                }
                Ok(Response::new(Full::default()))
            }
            _ => anyhow::bail!("a question with a body"),
        }
    }

    fn get(&self, name: &str, range: Option<&Range>) -> Result<Response<Full<Bytes>>> {
        let Some(body) = self.objects().get(name).cloned() else {
            return refused(StatusCode::NOT_FOUND, NO_SUCH_KEY);
        };
        let mut description = describe(name, &body);
        let Some(range) = range else { return told(&description, &body) };
        let (offset, length) = (number(&range.offset)?, number(&range.length)?);
        let part = body.get(offset..offset + length).context("a range beyond the object")?;
        description["range"] = json!({ "offset": offset, "length": length });
        told(&description, &body.slice_ref(part))
    }

    fn list(&self, prefix: &str, cursor: Option<String>) -> Result<Response<Full<Bytes>>> {
        let objects = self.objects();
        let from = cursor.map_or_else(|| Bound::Included(prefix.to_owned()), Bound::Excluded);
        let mut found = objects.range((from, Bound::Unbounded)).take_while(|(name, _)| name.starts_with(prefix));
        let taken: Vec<_> = found.by_ref().take(PAGE).collect();
        let last = taken.last().map(|(name, _)| name.as_str()).filter(|_| found.next().is_some());
        let entries: Vec<Value> = taken.iter().map(|(name, body)| describe(name, body)).collect();
        let mut page = json!({ "objects": entries, "truncated": last.is_some(), "delimitedPrefixes": [] });
        if let Some(last) = last {
            page["cursor"] = last.into();
        }
        told(&page, &Bytes::new())
    }
}

async fn serve(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    shared.answer(&head.method, &head.headers, &body.collect().await?.to_bytes())
}

fn number(value: &Value) -> Result<usize> {
    match value {
        Value::String(text) => Ok(text.parse()?),
        value => Ok(usize::try_from(value.as_u64().context("no number")?)?),
    }
}

/// An object's description. Nothing compares etags or looks at a time.
fn describe(name: &str, body: &Bytes) -> Value {
    json!({
        "name": name, "version": "1", "size": body.len(), "etag": "00000000000000000000000000000000",
        "uploaded": 1_800_000_000_000_u64, "customFields": [], "checksums": {},
    })
}

/// An answer: its JSON, then the object.
fn told(description: &Value, body: &Bytes) -> Result<Response<Full<Bytes>>> {
    let description = description.to_string();
    let answer = Response::builder().header(METADATA_SIZE, description.len());
    Ok(answer.body(Full::from([description.as_bytes(), body].concat()))?)
}

fn refused(status: StatusCode, code: u32) -> Result<Response<Full<Bytes>>> {
    let error = json!({ "version": 1, "v4code": code, "message": "refused" });
    Ok(Response::builder().status(status).header(ERROR, error.to_string()).body(Full::default())?)
}
