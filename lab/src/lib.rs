//! The outside world on one machine: what Fourwire's edge talks to, for development and tests. Nothing of it is deployed.
//!
//! - [`identity`]: signs users in and publishes the keys with which the edge checks their tokens;
//! - [`deepgram`]: the streaming speech service, strict, with an ear behind it that hears [`tones`] or people;
//! - [`model`]: the language model that sums calls up, strict, with a writer behind it that needs no model;
//! - [`hook`]: an operator's own server, which is told of finished conversations;
//! - [`pusher`]: an operator's program that hears calls while they run, strict;
//! - [`twilio`]: the telephone company: caller IDs and the calls that verify them, signed webhooks, what a call is to do;
//! - [`carrier`]: its voice network, through which a browser calls with Twilio's own SDK;
//! - [`app`]: the phone, a client of the edge; [`recording`] is what it plays, [`wer`] judges what came back, [`picture`]
//!   draws it.
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use fourwire_lab::{Lab, LabOptions};
//!
//! let lab = Lab::start(LabOptions::default()).await?;
//! let token = lab.issuer().token("ann");
//! assert!(lab.speech().streams().is_empty());
//! assert_eq!(lab.deepgram_url(), format!("{}/deepgram", lab.origin()));
//! # let _ = token;
//! # Ok::<(), fourwire_lab::StartError>(())
//! # }).unwrap();
//! ```
#![allow(clippy::disallowed_methods, reason = "a native program has clocks")]

pub mod app;
pub mod carrier;
pub mod deepgram;
pub mod hook;
pub mod http;
pub mod identity;
pub mod model;
pub mod picture;
pub mod pusher;
pub mod recording;
pub mod resample;
pub mod tones;
pub mod twilio;
pub mod wer;

mod cors;
mod ear;
mod history;
mod requests;
mod upgrade;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use axum::Router;
use axum::middleware::from_fn_with_state;
use socket2::SockRef;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use carrier::{Carrier, CarrierOptions};
use deepgram::{Speech, SpeechOptions};
pub use ear::RecogniserError;
use ear::{Engine, Recogniser};
use hook::HookServer;
use identity::{Issuer, IssuerOptions, KeyError};
use model::{ModelOptions, ModelServer};
use pusher::{PusherOptions, PusherServer};
use requests::Requests;
pub use requests::Seen;
use twilio::{Twilio, TwilioOptions};

/// What to start.
#[derive(Clone, Debug, Default)]
pub struct LabOptions {
    /// The port on 127.0.0.1; 0: any that is free.
    pub port: u16,
    /// What listens behind the speech server.
    pub engine: EngineOptions,
    /// How the speech server behaves.
    pub speech: SpeechOptions,
    /// How the identity issuer behaves.
    pub issuer: IssuerOptions,
    /// How the telephone company behaves.
    pub twilio: TwilioOptions,
    /// How its voice network behaves.
    pub carrier: CarrierOptions,
    /// What the language model wants to be asked with.
    pub model: ModelOptions,
    /// How an operator's program behaves that hears calls.
    pub pusher: PusherOptions,
}

/// What listens behind the speech server.
#[derive(Clone, Debug, Default)]
pub enum EngineOptions {
    /// The vocabulary of [`tones`]: instant and exact.
    #[default]
    Tones,
    /// People, through the recogniser's child process.
    Whisper {
        /// The program.
        recogniser: PathBuf,
        /// The directory of its model.
        model: PathBuf,
    },
}

/// Why the lab did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The port is taken, or may not be used.
    #[error("cannot listen on 127.0.0.1:{0}: {1}")]
    Port(u16, std::io::Error),
    /// No threads.
    #[error("cannot start threads: {0}")]
    Threads(std::io::Error),
    /// The recogniser does not run.
    #[error(transparent)]
    Recogniser(#[from] RecogniserError),
    /// The issuer has no key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Starting was given up half-way.
    #[error("the lab was stopped while it started")]
    Stopped,
}

/// A running lab. It stops when dropped, with every connection that it has.
pub struct Lab {
    address: SocketAddr,
    speech: Speech,
    issuer: Issuer,
    twilio: Twilio,
    carrier: Carrier,
    model: ModelServer,
    hook: HookServer,
    pusher: PusherServer,
    requests: Requests,
    _threads: Threads,
}

impl Lab {
    /// Starts everything on one port.
    ///
    /// # Errors
    /// [`StartError`] says what is missing.
    pub async fn start(options: LabOptions) -> Result<Self, StartError> {
        let threads = Threads::new()?;
        let serving = threads.0.as_ref().map(|runtime| runtime.spawn(serve(options)));
        let started = serving.ok_or(StartError::Stopped)?.await.map_err(|_| StartError::Stopped)?;
        let Served { address, speech, issuer, twilio, carrier, model, hook, pusher, requests } = started?;
        Ok(Self { address, speech, issuer, twilio, carrier, model, hook, pusher, requests, _threads: threads })
    }

    /// Its address, such as `http://127.0.0.1:4010`.
    #[must_use]
    pub fn origin(&self) -> String {
        origin(self.address)
    }

    /// The base address of the speech service: `/v1/listen` follows.
    #[must_use]
    pub fn deepgram_url(&self) -> String {
        format!("{}/deepgram", self.origin())
    }

    /// The base address of the telephone company's API: `/2010-04-01/Accounts/…` follows.
    #[must_use]
    pub fn twilio_url(&self) -> String {
        format!("{}/twilio", self.origin())
    }

    /// The base address of the language model: `/chat/completions` follows.
    #[must_use]
    pub fn model_url(&self) -> String {
        format!("{}/model/v1", self.origin())
    }

    /// Orders faults of the speech service and looks at its streams.
    #[must_use]
    pub fn speech(&self) -> &Speech {
        &self.speech
    }

    /// Makes tokens and changes keys.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Orders how calls go, and places them.
    #[must_use]
    pub fn twilio(&self) -> &Twilio {
        &self.twilio
    }

    /// Orders how calls from browsers go, and looks at what was said in them.
    #[must_use]
    pub fn carrier(&self) -> &Carrier {
        &self.carrier
    }

    /// Every request that came, whoever it was for, without its body.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.requests.seen()
    }

    /// Where an operator's own server takes messages.
    #[must_use]
    pub fn hook_url(&self) -> String {
        format!("{}/hook", self.origin())
    }

    /// Orders what an operator's server answers and looks at what it was sent.
    #[must_use]
    pub fn hook(&self) -> &HookServer {
        &self.hook
    }

    /// The base address of the program that hears calls: `/v1/trigger/listen` follows.
    #[must_use]
    pub fn pusher_url(&self) -> String {
        format!("{}/pusher", self.origin())
    }

    /// Orders faults of the program that hears calls and looks at what it heard.
    #[must_use]
    pub fn pusher(&self) -> &PusherServer {
        &self.pusher
    }

    /// Orders faults of the language model and looks at what it was asked.
    #[must_use]
    pub fn model(&self) -> &ModelServer {
        &self.model
    }
}

/// The lab's own threads: a test that is busy does not hold up the outside world, and without them all of it ends.
struct Threads(Option<Runtime>);

impl Threads {
    fn new() -> Result<Self, StartError> {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).thread_name("lab").enable_all().build().map_err(StartError::Threads)?;
        Ok(Self(Some(runtime)))
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // A plain drop waits for the tasks, which an async test must not do.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// What is served, and where.
struct Served {
    address: SocketAddr,
    speech: Speech,
    issuer: Issuer,
    twilio: Twilio,
    carrier: Carrier,
    model: ModelServer,
    hook: HookServer,
    pusher: PusherServer,
    requests: Requests,
}

/// What a packet carries at most, as on an Ethernet. A machine's own network has packets of 64 KiB, of which a kernel keeps
/// megabytes for somebody who does not read, so that nobody would notice for minutes that they do not.
const SEGMENT_BYTES: u32 = 1_460;

/// Binds the port and starts serving in the background.
async fn serve(options: LabOptions) -> Result<Served, StartError> {
    let LabOptions { port, engine, speech, issuer, twilio, carrier, model, pusher } = options;
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    let listener = bound.map_err(|error| StartError::Port(port, error))?;
    let address = listener.local_addr().map_err(|error| StartError::Port(port, error))?;
    SockRef::from(&listener).set_tcp_mss(SEGMENT_BYTES).map_err(|error| StartError::Port(port, error))?;

    let engine = match engine {
        EngineOptions::Tones => Engine::Tones,
        EngineOptions::Whisper { recogniser, model } => Engine::Whisper(Recogniser::start(recogniser, model).await?),
    };
    let speech = Speech::new(speech);
    let issuer = Issuer::new(format!("{}/identity", origin(address)), issuer)?;
    let twilio = Twilio::new(twilio);
    let carrier = Carrier::new(carrier, twilio.clone());
    let model = ModelServer::new(model);
    let hook = HookServer::default();
    let pusher = PusherServer::new(pusher);
    let requests = Requests::default();
    let routes = Router::new()
        .nest("/identity", issuer.routes())
        .nest("/deepgram", deepgram::routes(speech.clone(), engine))
        .nest("/twilio", twilio::routes(twilio.clone()))
        .nest("/model", model::routes(model.clone()))
        .nest("/pusher", pusher::routes(pusher.clone()))
        .nest("/hook", hook.routes())
        .merge(carrier::routes(carrier.clone()))
        .layer(from_fn_with_state(requests.clone(), requests::note));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(Served { address, speech, issuer, twilio, carrier, model, hook, pusher, requests })
}

fn origin(address: SocketAddr) -> String {
    format!("http://{address}")
}
