//! Twilio's question what to do with a call, put to the built Worker and to one on Twilio's own package, in turn: how
//! many a second each answers. The call names no destination, so neither an object nor anybody outside takes part:
//! what is measured is the signature, the form and the TwiML.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::{fs, str};

use anyhow::{Context, Result, bail, ensure};
use fourwire_lab::twilio::{ACCOUNT_SID, AUTH_TOKEN, TWIML_APP_SID, signature};
use fourwire_lab::{Lab, LabOptions};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;
use url::form_urlencoded;

use crate::archive::Archive;
use crate::speech::Speech;
use crate::top;
use crate::usage::{Spent, Use};
use crate::workerd::{PUBLIC_ORIGIN, Worker, Workerd, World};

/// Connections, each with one request after the other: enough that a Worker never waits for its callers.
pub const CONNECTIONS: u32 = 8;

const PATH: &str = "/v1/phone/twiml";
/// The answer, by either Worker, to the byte.
const TWIML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
    <Response><Say>No destination number provided. Goodbye.</Say></Response>";
/// What Twilio sends for a browser that calls and names nobody.
const FIELDS: [(&str, &str); 12] = [
    ("CallSid", "CA1ab00000000000000000000000000001"),
    ("AccountSid", ACCOUNT_SID),
    ("ApplicationSid", TWIML_APP_SID),
    ("ApiVersion", "2010-04-01"),
    ("Direction", "inbound"),
    ("CallStatus", "ringing"),
    ("From", "client:5f7c8ec7c33c6c004bbafe82"),
    ("Caller", "client:5f7c8ec7c33c6c004bbafe82"),
    ("To", ""),
    ("Called", ""),
    ("CallId", "5ac4d5b8-7f0e-4b5b-9d0c-1f0f6c0f9e57"),
    ("Locale", "en-GB"),
];

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How often each Worker is measured.
    pub rounds: u32,
    /// How long it is asked before: code is optimised.
    pub warm_up: Duration,
    /// How long.
    pub window: Duration,
}

/// One Worker in one window.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Answers a second.
    pub per_second: f64,
    /// CPU time of workerd per answer, in milliseconds.
    pub cpu_ms: f64,
    /// What the window took.
    pub spent: Spent,
}

/// Both Workers, measured one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// The built Worker.
    pub fourwire: Sample,
    /// The one on Twilio's package.
    pub package: Sample,
}

/// Measures both, and tells `progress` each step.
///
/// # Errors
/// When a Worker does not run, or answers anything with what it should not.
pub async fn run(plan: &Plan, progress: impl Fn(&str)) -> Result<Vec<Round>> {
    let lab = Lab::start(LabOptions::default()).await?;
    let (speech, archive) = (Speech::start().await?, Archive::start().await?);
    let world = World { issuer: lab.issuer(), speech: &speech, archive: &archive };
    let bundle = bundle()?;
    let mut rounds = Vec::new();
    for round in 1..=plan.rounds {
        progress(&format!("webhooks, round {round} of {}", plan.rounds));
        rounds.push(Round {
            fourwire: measure(Worker::Fourwire(&world), plan).await.context("Fourwire")?,
            package: measure(Worker::Package(&bundle), plan).await.context("Twilio's package")?,
        });
    }
    Ok(rounds)
}

/// The version of Twilio's package.
///
/// # Errors
/// When it is not installed.
pub fn package_version() -> Result<String> {
    #[derive(Deserialize)]
    struct Package {
        version: String,
    }
    let text = fs::read(top().join("node_modules/twilio/package.json")).context("Twilio's package is not installed")?;
    Ok(serde_json::from_slice::<Package>(&text)?.version)
}

/// Makes one module of the Worker on Twilio's package.
fn bundle() -> Result<PathBuf> {
    let output = top().join("build/bench/peer_webhook.js");
    // Node's own modules stay outside; the package asks for them the old way.
    let banner = "import { createRequire } from 'node:module'; const require = createRequire('/');";
    let built = Command::new(top().join("node_modules/.bin/esbuild"))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/peer_webhook.mjs"))
        .args(["--bundle", "--minify", "--format=esm", "--platform=node", "--log-level=error"])
        .args([format!("--banner:js={banner}"), format!("--outfile={}", output.display())])
        .output()
        .context("esbuild does not run: `cargo xtask setup --for test` installs it")?;
    ensure!(built.status.success(), "esbuild failed: {}", String::from_utf8_lossy(&built.stderr));
    Ok(output)
}

/// Starts a workerd, sees that its Worker checks signatures, and asks it as fast as it answers.
async fn measure(worker: Worker<'_>, plan: &Plan) -> Result<Sample> {
    let workerd = Workerd::start(worker)?;
    let webhook = Webhook::signed();
    let mut connection = Connection::open(&workerd).await?;
    connection.ask_well(&webhook).await?;
    let (status, _) = connection.ask(&webhook.tampered()).await?;
    ensure!(status == StatusCode::FORBIDDEN, "a request that was tampered with was answered with {status}");

    let answered = Arc::new(AtomicU32::new(0));
    let mut callers = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let connection = Connection::open(&workerd).await?;
        callers.spawn(connection.go_on_asking(webhook.clone(), Arc::clone(&answered)));
    }
    sleep(plan.warm_up).await;
    let (before, answered_before) = (Use::now(workerd.pid())?, answered.load(Ordering::Relaxed));
    sleep(plan.window).await;
    let (after, answered_after) = (Use::now(workerd.pid())?, answered.load(Ordering::Relaxed));
    if let Some(ended) = callers.try_join_next() {
        match ended? {
            Ok(never) => match never {},
            Err(error) => bail!(error),
        }
    }

    let (spent, count) = (after.since(&before), f64::from(answered_after - answered_before));
    ensure!(count > 0.0, "nothing was answered");
    Ok(Sample {
        per_second: count / spent.real.as_secs_f64(),
        cpu_ms: spent.workerd.as_secs_f64() * 1_000.0 / count,
        spent,
    })
}

/// A request as Twilio sends it.
#[derive(Clone)]
struct Webhook {
    signature: String,
    form: Bytes,
}

impl Webhook {
    fn signed() -> Self {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(FIELDS).finish();
        Self { signature: signature::sign(AUTH_TOKEN, &format!("{PUBLIC_ORIGIN}{PATH}"), FIELDS), form: form.into() }
    }

    /// The same with one field more, which nobody has signed.
    fn tampered(&self) -> Self {
        Self { form: [&self.form, &b"&CallToken=added"[..]].concat().into(), ..self.clone() }
    }
}

/// A connection that is kept.
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// A set, since it ends the connection when dropped.
    _driver: JoinSet<hyper::Result<()>>,
}

impl Connection {
    async fn open(workerd: &Workerd) -> Result<Self> {
        let stream = TcpStream::connect(workerd.address()).await?;
        stream.set_nodelay(true)?;
        let (sender, driving) = handshake(TokioIo::new(stream)).await?;
        let mut driver = JoinSet::new();
        driver.spawn(driving);
        Ok(Self { sender, _driver: driver })
    }

    async fn ask(&mut self, webhook: &Webhook) -> Result<(StatusCode, Bytes)> {
        let request = Request::post(PATH)
            .header(HOST, "calls.example.test")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded; charset=UTF-8")
            .header(signature::HEADER, &webhook.signature)
            .body(Full::new(webhook.form.clone()))?;
        self.sender.ready().await?;
        let (head, body) = self.sender.send_request(request).await?.into_parts();
        Ok((head.status, body.collect().await?.to_bytes()))
    }

    /// The same where the answer must be the good one.
    async fn ask_well(&mut self, webhook: &Webhook) -> Result<()> {
        let (status, body) = self.ask(webhook).await?;
        let text = str::from_utf8(&body)?;
        ensure!(status == StatusCode::OK && text == TWIML, "answered with {status}, {text}");
        Ok(())
    }

    async fn go_on_asking(mut self, webhook: Webhook, answered: Arc<AtomicU32>) -> Result<Infallible> {
        loop {
            self.ask_well(&webhook).await?;
            answered.fetch_add(1, Ordering::Relaxed);
        }
    }
}
