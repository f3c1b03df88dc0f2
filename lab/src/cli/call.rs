//! `fourwire-lab call`: signs in, plays a recording as the app would, shows the captions, prints what became of it and
//! writes it to a folder.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use fourwire_lab::app::{Delivery, Listener, Message, Phone, PhoneOptions, Received, sign_in};
use fourwire_lab::recording::Recording;
use fourwire_wire::conversation::Conversation;
use fourwire_wire::event::{ServerEvent, ServiceStatus};
use fourwire_wire::frame::Channel;

use super::captions::{Captions, name};
use super::folder::{self, Edge};
use super::summary::Summary;

/// How long the edge may take to finish a call: draining the speech services, storing and summing up.
const FINISH_LIMIT: Duration = Duration::from_mins(1);

/// What `call` is told.
#[derive(clap::Args)]
pub struct Options {
    /// A WAV file, left you, right them; without one the real call of the sample directory is played
    file: Option<PathBuf>,
    /// The edge
    #[arg(long, default_value = "http://127.0.0.1:8787")]
    edge: String,
    /// The lab that signs in
    #[arg(long, default_value = "http://127.0.0.1:4010")]
    lab: String,
    /// The directory of the real call, sample.wav and sample.stm
    #[arg(long, required_unless_present = "file")]
    sample_dir: Option<PathBuf>,
    /// 1 is real time, 2 twice as fast
    #[arg(long, default_value = "1", value_parser = speed)]
    speed: f64,
    /// Who calls
    #[arg(long, default_value = "developer")]
    user: String,
    /// The folder to write the finished conversation to: audio, transcript, record and picture
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The same, in a folder of the call's own in this one, named by its time and its id; --out goes before it
    #[arg(long, value_name = "DIR")]
    out_under: Option<PathBuf>,
}

impl Options {
    fn folder(&self, conversation: &Conversation) -> Option<PathBuf> {
        let own = self.out_under.as_ref().map(|parent| folder::named(parent, conversation));
        self.out.clone().or(own)
    }
}

fn speed(text: &str) -> Result<f64, String> {
    let good = |speed: &f64| *speed > 0.0;
    text.parse().ok().filter(good).ok_or_else(|| "a speed is a number above 0".to_owned())
}

/// Makes the call.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let recording = match (&options.file, &options.sample_dir) {
        (Some(file), _) => Recording::read_wav(file)?,
        (None, Some(directory)) => Recording::read_sample(directory)?,
        (None, None) => bail!("name a WAV file or --sample-dir"),
    };
    let token = sign_in(&options.lab, &options.user).await?;
    let phone = PhoneOptions { interim: true, ..PhoneOptions::new(&options.edge, &token) };
    let mut phone = Phone::connect(phone).await?;
    let showing = tokio::spawn(show(phone.listener()));

    let delivery = Delivery { speed: options.speed, ..Delivery::default() };
    let played = phone.play(&recording, &delivery).await;
    let received = phone.hang_up(FINISH_LIMIT).await;
    if received.closing.is_some() {
        showing.await?;
    }

    if let Some(conversation) = received.conversation() {
        print!("{}", Summary { conversation, recording: &recording });
        return write(&options, &token, conversation).await;
    }
    match received.closing {
        None => bail!("the edge did not finish the call within {} s", FINISH_LIMIT.as_secs()),
        Some(closing) => bail!(
            "the edge closed the connection {} and made no conversation (code {}{}{})",
            if played.is_err() { "during the call" } else { "after it" },
            closing.code.map_or("none".to_owned(), |code| code.to_string()),
            if closing.reason.is_empty() { "" } else { ": " },
            closing.reason,
        ),
    }
}

/// Writes the conversation to the folder that was asked for, if any.
async fn write(options: &Options, token: &str, conversation: &Conversation) -> anyhow::Result<()> {
    let Some(folder) = options.folder(conversation) else { return Ok(()) };
    let missing = folder::write(Edge { origin: &options.edge, token }, conversation, &folder).await?;
    println!("\nWritten to {}", folder.display());
    if missing.is_empty() { Ok(()) } else { bail!("{}", missing.join("; ")) }
}

/// Shows captions and troubles as they come, until the connection is closed.
async fn show(listener: Listener) {
    let mut captions = Captions::new();
    let mut shown = 0;
    loop {
        let news = |received: &Received| received.arrivals.len() > shown || received.closing.is_some();
        listener.wait_until(Duration::MAX, news).await;
        let Received { arrivals, closing, .. } = listener.received();
        for arrival in &arrivals[shown..] {
            match &arrival.message {
                Message::Segments(segments) => segments.iter().for_each(|segment| captions.show(segment)),
                Message::Event(ServerEvent::ServiceStatus(status)) => show_status(status, &mut captions),
                _ => {}
            }
        }
        shown = arrivals.len();
        if closing.is_some() {
            return;
        }
    }
}

/// Only what a channel's captions go through is worth a line.
fn show_status(status: &ServiceStatus, captions: &mut Captions) {
    if let Some(channel) = status.channel {
        captions.note(&format!("[{}: {}]", name(channel == Channel::User), status.status_text));
    }
}
