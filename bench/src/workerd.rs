//! A Worker in plain workerd, without the proxies that wrangler and Miniflare put in front of it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use fourwire_lab::identity::Issuer;
use fourwire_lab::twilio;
use serde::Deserialize;
use serde_json::Value;

use crate::archive::Archive;
use crate::{speech, top};

/// The address under which the Workers that are asked by Twilio are known to it.
pub const PUBLIC_ORIGIN: &str = "https://calls.example.test";

/// Which Worker runs.
#[derive(Clone, Copy)]
pub enum Worker<'a> {
    /// The one that is deployed.
    Fourwire(&'a World<'a>),
    /// The same with a counter at everything that the platform bills: see [`Workerd::counts`].
    Counted(&'a World<'a>),
    /// One that receives the same audio and drops it.
    Null,
    /// One that answers a webhook with Twilio's own package; its bundle.
    Package(&'a Path),
}

/// Everything that the Worker needs around it.
pub struct World<'a> {
    /// Who signs users in.
    pub issuer: &'a Issuer,
    /// Where its audio goes.
    pub speech: &'a speech::Speech,
    /// Where it stores conversations.
    pub archive: &'a Archive,
}

/// A running workerd. It ends when dropped, with its state.
pub struct Workerd {
    child: Child,
    folder: PathBuf,
    address: SocketAddr,
}

/// What is used of `wrangler.toml`.
#[derive(Deserialize)]
struct Wrangler {
    compatibility_date: String,
    #[serde(default)]
    vars: toml::Table,
    durable_objects: DurableObjects,
    #[serde(default)]
    r2_buckets: Vec<Bucket>,
}

#[derive(Deserialize)]
struct DurableObjects {
    bindings: Vec<ObjectBinding>,
}

#[derive(Deserialize)]
struct ObjectBinding {
    name: String,
    class_name: String,
}

#[derive(Deserialize)]
struct Bucket {
    binding: String,
}

/// The one message of workerd that is waited for.
#[derive(Deserialize)]
struct Listening {
    port: u16,
}

impl Workerd {
    /// Starts a Worker, with its state in a folder of its own.
    ///
    /// # Errors
    /// When it is not built, or does not run.
    pub fn start(worker: Worker<'_>) -> Result<Self> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let serial = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("fourwire-bench-{}-{serial}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("state"))?;
        fs::write(folder.join("config.capnp"), config(worker, &folder)?)?;
        let log = folder.join("log");
        let mut child = Command::new(program())
            // Where it listens is told on standard output.
            .args(["serve", "--control-fd=1", "config.capnp"])
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()
            .context("workerd does not run: `cargo xtask setup --for test` installs it")?;
        let mut told = BufReader::new(child.stdout.take().context("standard output is piped")?);
        let mut line = String::new();
        told.read_line(&mut line)?;
        let mut workerd = Self { child, folder, address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)) };
        let Ok(Listening { port }) = serde_json::from_str(&line) else {
            let _ = workerd.child.wait();
            bail!("workerd did not start: {line}{}", fs::read_to_string(log)?);
        };
        // Whatever else it says must not fill the pipe.
        thread::spawn(move || std::io::copy(&mut told, &mut std::io::sink()));
        workerd.address.set_port(port);
        check_health(workerd.address)?;
        Ok(workerd)
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as a web address.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that was counted in a [counted](Worker::Counted) Worker since it was started.
    ///
    /// # Errors
    /// When it does not tell.
    pub fn counts(&self) -> Result<BTreeMap<String, f64>> {
        let answer = ask(self.address, "/counts")?;
        let (_, body) = answer.split_once("\r\n\r\n").context("no body")?;
        serde_json::from_str(body).context("no counts")
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Workerd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The Worker is loaded and has all its settings.
fn check_health(address: SocketAddr) -> Result<()> {
    let answer = ask(address, "/healthz")?;
    ensure!(answer.lines().next().is_some_and(|status| status.contains(" 200 ")), "the Worker is not well: {answer}");
    Ok(())
}

/// An answer, head and all.
fn ask(address: SocketAddr, path: &str) -> Result<String> {
    let mut connection = TcpStream::connect(address)?;
    write!(connection, "GET {path} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer)
}

/// The version of workerd.
///
/// # Errors
/// When it does not run.
pub fn version() -> Result<String> {
    let output = Command::new(program()).arg("--version").output().context("workerd does not run")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The binary itself: npm puts it there in place of its starter.
fn program() -> PathBuf {
    top().join("node_modules/workerd/bin/workerd")
}

/// workerd's configuration. The Workers' files are copied beside it, since it embeds only what lies near.
fn config(worker: Worker<'_>, folder: &Path) -> Result<String> {
    let wrangler: Wrangler =
        toml::from_str(&fs::read_to_string(top().join("wrangler.toml"))?).context("wrangler.toml")?;
    let mut modules = vec!["(name = \"index.js\", esModule = embed \"index.js\")".to_owned()];
    let mut archive = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let mut bindings = Vec::new();
    match worker {
        Worker::Null => fs::write(folder.join("index.js"), include_str!("null_worker.js"))?,
        Worker::Fourwire(world) | Worker::Counted(world) => {
            archive = world.archive.address();
            if matches!(worker, Worker::Counted(_)) {
                fs::write(folder.join("counting.js"), include_str!("counting_worker.js"))?;
                // The first is the one that is asked.
                modules.insert(0, "(name = \"counting.js\", esModule = embed \"counting.js\")".to_owned());
            }
            let built = top().join("build/worker");
            for file in ["index.js", "index_bg.wasm"] {
                fs::copy(built.join(file), folder.join(file))
                    .context("the Worker is not built: `cargo xtask build`")?;
            }
            modules.push("(name = \"index_bg.wasm\", wasm = embed \"index_bg.wasm\")".to_owned());
            bindings.extend(variables(&wrangler, world));
            let buckets = wrangler.r2_buckets.iter();
            bindings
                .extend(buckets.map(|bucket| format!("(name = {}, r2Bucket = \"archive\")", quoted(&bucket.binding))));
        }
        Worker::Package(bundle) => {
            fs::copy(bundle, folder.join("index.js"))?;
            let variables = [("PUBLIC_ORIGIN", PUBLIC_ORIGIN), ("TWILIO_AUTH_TOKEN", twilio::AUTH_TOKEN)];
            bindings.extend(variables.map(|(name, value)| variable(name, value)));
        }
    }
    let mut classes = Vec::new();
    for object in &wrangler.durable_objects.bindings {
        let has_class = match worker {
            Worker::Fourwire(_) | Worker::Counted(_) => true,
            Worker::Null => object.class_name == "Call",
            Worker::Package(_) => false,
        };
        if !has_class {
            continue;
        }
        let class = quoted(&object.class_name);
        classes.push(format!("(className = {class}, uniqueKey = {class}, enableSql = true)"));
        bindings.push(format!("(name = {}, durableObjectNamespace = {class})", quoted(&object.name)));
    }
    let [modules, bindings, classes] = [modules, bindings, classes].map(|parts| parts.join(",\n    "));
    Ok(format!(
        r#"using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "worker", worker = .worker),
    (name = "internet", network = (allow = ["local"])),
    (name = "state", disk = (path = "state", writable = true)),
    (name = "archive", external = (address = "{archive}", http = ())),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "worker")],
);

const worker :Workerd.Worker = (
  compatibilityDate = {date},
  modules = [
    {modules}
  ],
  bindings = [
    {bindings}
  ],
  durableObjectNamespaces = [
    {classes}
  ],
  durableObjectStorage = (localDisk = "state"),
);
"#,
        date = quoted(&wrangler.compatibility_date)
    ))
}

/// `wrangler.toml`'s variables and what an operator would set besides, pointing at what runs here.
fn variables(wrangler: &Wrangler, world: &World<'_>) -> Vec<String> {
    let own = [
        ("IDENTITY_ISSUER", world.issuer.url().to_owned()),
        ("IDENTITY_AUDIENCE", world.issuer.audience().to_owned()),
        ("IDENTITY_KEYS_URL", world.issuer.keys_url()),
        ("DEEPGRAM_URL", world.speech.url()),
        ("DEEPGRAM_API_KEY", "any".to_owned()),
        ("CALL_NOTICE", "none".to_owned()),
        ("ENCRYPTION_SECRET", "a secret that is only good for benchmarks".to_owned()),
        ("PUBLIC_ORIGIN", PUBLIC_ORIGIN.to_owned()),
        ("TWILIO_ACCOUNT_SID", twilio::ACCOUNT_SID.to_owned()),
        ("TWILIO_AUTH_TOKEN", twilio::AUTH_TOKEN.to_owned()),
        ("TWILIO_API_KEY_SID", twilio::API_KEY_SID.to_owned()),
        ("TWILIO_API_KEY_SECRET", twilio::API_KEY_SECRET.to_owned()),
        ("TWILIO_TWIML_APP_SID", twilio::TWIML_APP_SID.to_owned()),
    ];
    let set = wrangler.vars.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?.to_owned())));
    set.chain(own).map(|(name, value)| variable(name, &value)).collect()
}

fn variable(name: &str, value: &str) -> String {
    format!("(name = {}, text = {})", quoted(name), quoted(value))
}

/// A text literal: Cap'n Proto's are written like JSON's, for texts like these.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
