//! `fourwire-lab serve`: prints one line of JSON when it is ready, and runs until it is interrupted.

use std::path::PathBuf;

use clap::ValueEnum;
use fourwire_lab::carrier::{Callee, CarrierOptions, Voice};
use fourwire_lab::deepgram::{Order, SpeechOptions};
use fourwire_lab::identity::IssuerOptions;
use fourwire_lab::model::ModelOptions;
use fourwire_lab::pusher::PusherOptions;
use fourwire_lab::recording::Recording;
use fourwire_lab::twilio::TwilioOptions;
use fourwire_lab::{EngineOptions, Lab, LabOptions};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

/// What `serve` is told.
#[derive(clap::Args)]
pub struct Options {
    /// The port on 127.0.0.1; 0 takes one that is free
    #[arg(long, default_value_t = 4010)]
    port: u16,
    /// What listens behind the speech server
    #[arg(long, value_enum, default_value_t = Engine::Tones)]
    engine: Engine,
    /// The recogniser's program
    #[arg(long, required_if_eq("engine", "whisper"))]
    recogniser: Option<PathBuf>,
    /// The directory of the recogniser's model
    #[arg(long, required_if_eq("engine", "whisper"))]
    model: Option<PathBuf>,
    /// Where the edge is asked what a call from a browser is to do
    #[arg(long)]
    voice_url: Option<String>,
    /// What people say who are called: a WAV file, of two channels the right one, or the directory of the real call; without
    /// it, words made of tones
    #[arg(long)]
    callee: Option<PathBuf>,
    /// A fault of the speech service in JSON, for one connection unless it says for which:
    /// `{"which":"all","fault":{"late_ms":5000}}`
    #[arg(long, value_name = "JSON")]
    speech_fault: Vec<Order>,
    /// Where the issuer's key is kept, so that tokens outlive the program
    #[arg(long)]
    state: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Engine {
    /// People, through the recogniser
    Whisper,
    /// Words made of tones, for tests
    Tones,
}

/// Runs the lab.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let engine = match (options.engine, options.recogniser, options.model) {
        (Engine::Whisper, Some(recogniser), Some(model)) => EngineOptions::Whisper { recogniser, model },
        _ => EngineOptions::Tones,
    };
    let callee = match &options.callee {
        Some(directory) if directory.is_dir() => {
            let call = Recording::read_sample(directory)?;
            Callee::who_says(Voice::recording(&call.audio.remote, call.sample_rate))
        }
        Some(file) => Callee::who_says(Voice::read_wav(file)?),
        None => Callee::default(),
    };
    let mut twilio = TwilioOptions::default();
    twilio.voice_url = options.voice_url.unwrap_or(twilio.voice_url);
    let lab = Lab::start(LabOptions {
        port: options.port,
        engine,
        // A lab that runs for days must not keep every sample it ever heard.
        speech: SpeechOptions { keep_audio: false, ..SpeechOptions::default() },
        issuer: IssuerOptions { state: options.state, ..IssuerOptions::default() },
        twilio,
        carrier: CarrierOptions { callee, keep_audio: false, ..CarrierOptions::default() },
        model: ModelOptions::default(),
        pusher: PusherOptions { keep_frames: false, ..PusherOptions::default() },
    })
    .await?;
    for Order { which, fault } in options.speech_fault {
        lab.speech().arm(which, fault);
    }
    println!("{}", json!({ "ready": true, "origin": lab.origin() }));

    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminated.recv() => {}
    }
    Ok(())
}
