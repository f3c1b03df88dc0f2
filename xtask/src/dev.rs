//! `cargo xtask dev`: the Worker in workerd and the lab around it, on this machine, until Ctrl-C.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use crate::ports;
use crate::process;
use crate::progress::Progress;
use crate::repo::Repo;
use crate::service::{self, Service, Stop, Waited};
use crate::setup::{self, Purpose};
use crate::site;
use crate::stamp;
use crate::worker::{self, Flavour, LOCAL_BUILD};

/// Where this machine's Worker keeps what it stores. The number tells its form: a new form that cannot read the old one gets a
/// new number, as long as nothing is deployed that would have to be moved.
const STATE: &str = "state/2";
/// How long the lab may take to answer: it may read its speech model from a cold disk.
const LAB_PATIENCE: Duration = Duration::from_mins(1);
/// How long the Worker may take to answer: seconds, but minutes when a source was changed after our own build, since
/// wrangler then builds anew.
const WORKER_PATIENCE: Duration = Duration::from_mins(5);
/// The bytes of a generated secret.
const SECRET_BYTES: usize = 32;
/// What the lab prints once its servers listen.
const LAB_IS_READY: &str = "\"ready\":true";

/// How the system is run.
#[derive(Args)]
pub struct Options {
    /// The Worker's port
    #[arg(long, default_value_t = 8787)]
    port: u16,
    /// The lab's port: speech servers, identity issuer and telephone company
    #[arg(long, default_value_t = 4010)]
    lab_port: u16,
    /// What stands behind the lab's speech servers
    #[arg(long, value_enum, default_value_t = Engine::Whisper)]
    engine: Engine,
}

/// The lab's speech engines.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Engine {
    /// A real offline recogniser: hears what is said
    Whisper,
    /// Names the tones it hears: instant and exact, for tests
    Tones,
}

impl Engine {
    /// What has to be set up: tones need neither the recogniser nor its model.
    fn purpose(self) -> Purpose {
        match self {
            Self::Whisper => Purpose::Dev,
            Self::Tones => Purpose::Build,
        }
    }
}

/// Where a running system listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// The Worker's port.
    pub worker: u16,
    /// The lab's port.
    pub lab: u16,
}

impl Ports {
    /// Those of the running `cargo xtask dev`, if there is one.
    pub fn of_running(repo: &Repo) -> Option<Self> {
        let ports = Self::parse(&fs::read_to_string(Self::file(repo)).ok()?)?;
        // The file outlives a system that was killed.
        (ports::answers_http(ports.worker) && ports::answers_http(ports.lab)).then_some(ports)
    }

    fn file(repo: &Repo) -> PathBuf {
        repo.tools("dev/ports")
    }

    fn parse(text: &str) -> Option<Self> {
        let (worker, lab) = text.trim().split_once(' ')?;
        Some(Self { worker: worker.parse().ok()?, lab: lab.parse().ok()? })
    }

    fn note(self, repo: &Repo) -> Result<()> {
        fs::write(Self::file(repo), format!("{} {}\n", self.worker, self.lab)).context("cannot note the ports")
    }

    /// The Worker's address.
    pub fn worker_url(self) -> String {
        format!("http://127.0.0.1:{}", self.worker)
    }

    /// The lab's address.
    pub fn lab_url(self) -> String {
        format!("http://127.0.0.1:{}", self.lab)
    }
}

/// Runs the system until the user wants to end.
///
/// # Errors
/// When a port is taken, a step fails, or the Worker or the lab ends by itself.
pub fn run(repo: &Repo, options: &Options) -> Result<()> {
    let ports = Ports { worker: options.port, lab: options.lab_port };
    if let Some(running) = Ports::of_running(repo) {
        bail!("`cargo xtask dev` is running already, at {}: both would write the same state", running.worker_url());
    }
    // Before the set-up, which may take minutes.
    ports::ensure_free(ports.worker, "the Worker", "--port")?;
    ports::ensure_free(ports.lab, "the lab", "--lab-port")?;

    let mut progress = Progress::new(4);
    setup::run_with(repo, Some(options.engine.purpose()), || {
        build_lab(repo, &mut progress)?;
        worker::build(repo, Flavour::Local, &mut progress)?;
        site::build(repo, &mut progress)
    })?;
    let env_file = write_env_file(repo, ports)?;
    let site = site::point_at_lab(repo, &ports.lab_url())?;

    let stop = Stop::on_signal()?;
    let mut services = Vec::new();
    let waited = progress.quiet("start", "the Worker and the lab", || {
        services.push(Service::start("the lab", &mut lab_command(repo, options, ports)?, &repo.log("lab"))?);
        services.push(Service::start(
            "the Worker",
            &mut worker_command(repo, ports, &env_file, &site),
            &repo.log("worker"),
        )?);
        let lab_is_ready = |services: &[Service]| services.iter().any(|service| service.has_written(LAB_IS_READY));
        service::wait_until(&mut services, &stop, "the lab", LAB_PATIENCE, lab_is_ready)?;
        let worker_is_ready = |_: &[Service]| ports::answers_http(ports.worker);
        service::wait_until(&mut services, &stop, "the Worker", WORKER_PATIENCE, worker_is_ready)
    })?;
    if waited == Waited::Stopped {
        return Ok(());
    }
    ports.note(repo)?;
    welcome(repo, ports);
    let outcome = service::watch(&mut services, &stop);
    let _ = fs::remove_file(Ports::file(repo));
    eprintln!("\nending the Worker and the lab");
    outcome
}

fn welcome(repo: &Repo, ports: Ports) {
    println!("\nFourwire is running; Ctrl-C ends it.\n");
    println!("  Worker  {}", ports.worker_url());
    println!("  lab     {}  (identity issuer, speech servers and telephone company)", ports.lab_url());
    println!("  logs    {} and {}\n", repo.shown(&repo.log("worker")), repo.shown(&repo.log("lab")));
    println!("Open {} in a browser, sign in by any name, verify +12025550123 and call", ports.worker_url());
    println!("+12025550199: somebody answers. (…0002: nobody does; …0005: busy; …0006: cannot be reached.)\n");
    println!("Or, in another terminal:\n");
    println!("  cargo xtask call     makes a real two-party call and prints what both parties say");
    println!("  cargo xtask phone    verifies a telephone number and dials another");
}

/// Builds the lab's program as one step of `progress`.
///
/// # Errors
/// When it does not compile.
pub fn build_lab(repo: &Repo, progress: &mut Progress) -> Result<()> {
    let log = repo.log("build lab");
    let _ = fs::remove_file(&log);
    progress.quiet("build the lab", "compiling what changed", || {
        process::run_logged(repo.command("cargo").args(["build", "--package", "fourwire-lab"]), &log)
    })
}

/// The lab's program, which Cargo puts beside this one.
///
/// # Errors
/// When this program does not know where it is.
pub fn lab_program() -> Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name("fourwire-lab"))
}

fn lab_command(repo: &Repo, options: &Options, ports: Ports) -> Result<Command> {
    let mut command = repo.command(lab_program()?);
    command.args(["serve", "--port", &options.lab_port.to_string()]);
    command.arg("--state").arg(repo.tools("dev/identity"));
    command.args(["--voice-url", &format!("{}/v1/phone/twiml", ports.worker_url())]);
    match options.engine {
        Engine::Tones => command.args(["--engine", "tones"]),
        Engine::Whisper => command
            .args(["--engine", "whisper", "--recogniser"])
            .arg(setup::recogniser_program(repo))
            .arg("--model")
            .arg(setup::model_dir(repo))
            .arg("--callee")
            .arg(setup::sample_dir(repo)),
    };
    Ok(command)
}

fn worker_command(repo: &Repo, ports: Ports, env_file: &Path, site: &Path) -> Command {
    let mut command = repo.node_command(repo.node_tool("wrangler"));
    // wrangler.toml names what is deployed.
    command.arg("dev").arg(Flavour::Local.output(repo).join("index.js")).env(LOCAL_BUILD, "1");
    command.args(["--ip", "127.0.0.1", "--port", &ports.worker.to_string()]);
    command.args(["--show-interactive-dev-session=false", "--persist-to"]).arg(repo.tools(STATE));
    command.arg("--env-file").arg(env_file).arg("--assets").arg(site);
    // Nothing but this machine is asked or told anything, and wrangler's own files stay in the checkout.
    command
        .envs([
            ("CI", "true"),
            ("CLOUDFLARE_CF_FETCH_ENABLED", "false"),
            ("WRANGLER_HIDE_BANNER", "true"),
            ("WRANGLER_SEND_ERROR_REPORTS", "false"),
            ("WRANGLER_SEND_METRICS", "false"),
        ])
        .env("XDG_CONFIG_HOME", repo.tools("dev/config"))
        .env("WRANGLER_LOG_PATH", repo.tools("logs/wrangler"))
        .env("WRANGLER_REGISTRY_PATH", repo.tools("dev/registry"));
    command
}

/// Writes the Worker's variables and secrets for this machine. Only the encryption secret is kept from one start to the
/// next: what is stored is sealed with it.
fn write_env_file(repo: &Repo, ports: Ports) -> Result<PathBuf> {
    let file = repo.tools("dev/worker.env");
    let secret = match kept_secret(&fs::read_to_string(&file).unwrap_or_default()) {
        Some(secret) => secret,
        None => new_secret()?,
    };
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut out = fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&file)?;
    out.write_all(env_text(ports, &secret).as_bytes())?;
    Ok(file)
}

fn env_text(ports: Ports, secret: &str) -> String {
    let (worker, lab) = (ports.worker_url(), ports.lab_url());
    format!(
        "PUBLIC_ORIGIN={worker}\n\
         IDENTITY_ISSUER={lab}/identity\n\
         IDENTITY_AUDIENCE=fourwire-dev\n\
         IDENTITY_KEYS_URL={lab}/identity/keys\n\
         DEEPGRAM_URL={lab}/deepgram\n\
         DEEPGRAM_API_KEY=lab-deepgram-key\n\
         TWILIO_API_URL={lab}/twilio\n\
         TWILIO_ACCOUNT_SID=AC1ab00000000000000000000000000001\n\
         TWILIO_AUTH_TOKEN=1ab0a0704e0000000000000000000001\n\
         TWILIO_API_KEY_SID=SK1ab00000000000000000000000000001\n\
         TWILIO_API_KEY_SECRET=lab0000000000000000000000000key1\n\
         TWILIO_TWIML_APP_SID=AP1ab00000000000000000000000000001\n\
         CALL_NOTICE=This call is recorded.\n\
         {SECRET_NAME}={secret}\n"
    )
}

const SECRET_NAME: &str = "ENCRYPTION_SECRET";

fn kept_secret(env_text: &str) -> Option<String> {
    let mut lines = env_text.lines();
    let secret = lines.find_map(|line| line.strip_prefix(SECRET_NAME)?.strip_prefix('='))?;
    (secret.len() == 2 * SECRET_BYTES).then(|| secret.to_owned())
}

fn new_secret() -> Result<String> {
    let mut bytes = [0; SECRET_BYTES];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(stamp::hex(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_survives_a_restart_on_other_ports() {
        let secret = new_secret().expect("random bytes");
        let text = env_text(Ports { worker: 8787, lab: 4010 }, &secret);
        assert_eq!(kept_secret(&text), Some(secret));
        assert_eq!(kept_secret("ENCRYPTION_SECRET=short\n"), None, "too weak to keep");
        assert_ne!(new_secret().expect("random bytes"), new_secret().expect("random bytes"));
    }

    #[test]
    fn the_variables_follow_the_ports() {
        let text = env_text(Ports { worker: 9000, lab: 9001 }, "s");
        assert!(text.contains("PUBLIC_ORIGIN=http://127.0.0.1:9000\n"), "{text}");
        assert!(text.contains("IDENTITY_KEYS_URL=http://127.0.0.1:9001/identity/keys\n"), "{text}");
        assert!(!text.contains("8787") && !text.contains("4010"), "{text}");
    }

    #[test]
    fn noted_ports_read_back_and_a_torn_note_does_not() {
        assert_eq!(Ports::parse("8787 4010\n"), Some(Ports { worker: 8787, lab: 4010 }));
        assert_eq!(Ports::parse("8787"), None);
    }
}
