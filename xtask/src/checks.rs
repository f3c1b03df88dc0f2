//! `cargo xtask test`: every check and test, in the order in which a fault is cheapest to find.
//!
//! Checkers are quiet and keep a log; test runners print in full view, so that their closing lines can be read.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};
use clap::Args;

use crate::dev;
use crate::process;
use crate::progress::Progress;
use crate::repo::Repo;
use crate::setup::{self, Purpose, WASM_TARGET};
use crate::site;
use crate::stamp::{self, Stamp};
use crate::worker::{self, Flavour};

/// Tells tests to take their time.
const LONG: &str = "FOURWIRE_LONG";

/// What is run.
#[derive(Args)]
pub struct Options {
    /// Run only the steps whose name contains this
    filter: Option<String>,
    /// Name the steps and run none
    #[arg(long)]
    list: bool,
    /// Let troubles and calls last as long as they do outside: ten minutes of speech in the browser, a network that is away for
    /// twenty seconds, an archive that refuses for two minutes; and run the soak: every attack beside honest calls
    #[arg(long)]
    long: bool,
}

/// One step of the test run.
struct Check {
    name: &'static str,
    run: Run,
    /// What the outcome hangs on, where that is known as a whole: while it stays the same, a check that passed is skipped.
    hangs_on: Option<fn(&Repo) -> Result<String>>,
    /// Whether it is run only where tests may take their time.
    is_long: bool,
}

impl Check {
    const fn new(name: &'static str, run: Run) -> Self {
        Self { name, run, hangs_on: None, is_long: false }
    }

    /// A check of the recogniser, which is a workspace of its own, takes a minute and hardly ever changes.
    const fn of_recogniser(name: &'static str, run: Run) -> Self {
        Self { hangs_on: Some(setup::recogniser_sources), ..Self::new(name, run) }
    }

    /// A proof that takes a quarter of an hour.
    const fn long(name: &'static str, run: Run) -> Self {
        Self { is_long: true, ..Self::new(name, run) }
    }

    fn stamp(&self, repo: &Repo) -> Result<Option<Stamp>> {
        let key = self.hangs_on.map(|hangs_on| hangs_on(repo)).transpose()?;
        Ok(key.map(|key| Stamp::new(repo, &format!("passed-{}", self.name.replace(' ', "-")), key)))
    }
}

/// How a step is run.
enum Run {
    /// A checker: what it prints is shown when it fails.
    Quiet(fn(&Repo) -> Command),
    /// A test runner: what it prints is shown as it comes.
    Live(fn(&Repo) -> Command),
    /// A build that writes its own line of progress.
    Build(fn(&Repo, &mut Progress) -> Result<()>),
}

use Run::{Build, Live, Quiet};

const CHECKS: [Check; 19] = [
    Check::new("format", Quiet(format)),
    Check::new("clippy", Quiet(clippy)),
    Check::new("clippy of the Worker", Quiet(clippy_worker)),
    Check::new("clippy of the Worker with fault injection", Quiet(clippy_fault_injection)),
    Check::new("clippy of the browser module", Quiet(clippy_web)),
    Check::new("native tests", Live(native_tests)),
    Check::new("wasm tests", Live(wasm_tests)),
    Check::new("documentation", Quiet(documentation)),
    Check::of_recogniser("recogniser format", Quiet(recogniser_format)),
    Check::of_recogniser("recogniser clippy", Quiet(recogniser_clippy)),
    Check::of_recogniser("recogniser tests", Live(recogniser_tests)),
    Check::new("build the lab", Build(dev::build_lab)),
    Check::new("build the Worker with fault injection", Build(build_fault_injection)),
    Check::new("build the page", Build(site::build)),
    Check::new("types of the page", Quiet(page_types)),
    Check::new("black-box tests", Live(black_box_tests)),
    Check::new("page tests", Live(page_tests)),
    Check { hangs_on: Some(spoken_sources), ..Check::new("spoken calls", Live(spoken_calls)) },
    Check::long("soak", Live(soak)),
];

/// Runs the checks that the options choose, up to the first that fails.
///
/// # Errors
/// The check that failed, or a filter that chooses none.
pub fn run(repo: &Repo, options: &Options) -> Result<()> {
    let chosen = choose(options.filter.as_deref(), options.long)?;
    if options.list {
        for check in chosen {
            println!("{}", check.name);
        }
        return Ok(());
    }
    setup::run(repo, Some(Purpose::Test))?;
    eprintln!();
    let variables = options.long.then_some((LONG, "1"));
    let mut progress = Progress::new(chosen.len());
    for check in chosen {
        let stamp = check.stamp(repo)?;
        if !options.long && stamp.as_ref().is_some_and(Stamp::is_set) {
            progress.skip(check.name, "passed before, and nothing has changed");
            continue;
        }
        match check.run {
            Quiet(command) => {
                let log = repo.log(check.name);
                let _ = fs::remove_file(&log);
                progress.quiet(check.name, "checking", || process::run_logged(&mut command(repo), &log))?;
            }
            Live(command) => progress.live(check.name, || process::run_live(command(repo).envs(variables)))?,
            Build(build) => build(repo, &mut progress)?,
        }
        if let Some(stamp) = stamp {
            stamp.set()?;
        }
    }
    Ok(())
}

fn choose(filter: Option<&str>, long: bool) -> Result<Vec<&'static Check>> {
    let is_chosen =
        |check: &&Check| filter.is_none_or(|filter| check.name.contains(filter)) && (long || !check.is_long);
    let chosen: Vec<_> = CHECKS.iter().filter(is_chosen).collect();
    if chosen.is_empty() {
        let names: Vec<_> = CHECKS.iter().map(|check| check.name).collect();
        bail!("no step is called \"{}\"; there are: {}", filter.unwrap_or_default(), names.join(", "));
    }
    Ok(chosen)
}

fn format(repo: &Repo) -> Command {
    cargo(repo, &["fmt", "--all", "--check"])
}

fn clippy(repo: &Repo) -> Command {
    cargo(repo, &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])
}

/// The Worker once more, for the target it is written for.
fn clippy_worker(repo: &Repo) -> Command {
    cargo(repo, &["clippy", "--package", WORKER, "--target", WASM_TARGET, "--", "-D", "warnings"])
}

fn clippy_fault_injection(repo: &Repo) -> Command {
    cargo(
        repo,
        &[
            "clippy",
            "--package",
            WORKER,
            "--target",
            WASM_TARGET,
            "--features",
            "fault-injection",
            "--",
            "-D",
            "warnings",
        ],
    )
}

/// The browser's half of the module, of which a native build sees nothing.
fn clippy_web(repo: &Repo) -> Command {
    cargo(repo, &["clippy", "--package", "fourwire-web", "--target", WASM_TARGET, "--", "-D", "warnings"])
}

/// All but the black-box tests, which need a built Worker.
fn native_tests(repo: &Repo) -> Command {
    cargo(repo, &["test", "--workspace", "--exclude", BLACK_BOX])
}

/// What runs in the Worker or in a browser is tested where it runs: on 32 bits, without threads, and with JavaScript's own randomness.
fn wasm_tests(repo: &Repo) -> Command {
    let mut command = cargo(repo, &["test", "--target", WASM_TARGET]);
    command.args(["--package", "fourwire-wire", "--package", "fourwire-engine", "--package", "fourwire-web"]);
    command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", repo.cargo_tool("wasm-bindgen-test-runner"));
    // The runner rewrites each program first, which takes three seconds more where lines are noted; the native run names them.
    command.env("CARGO_PROFILE_DEV_DEBUG", "false");
    command
}

/// With what is private: no crate here is published, so its readers are those who change it.
fn documentation(repo: &Repo) -> Command {
    let mut command = cargo(repo, &["doc", "--workspace", "--no-deps", "--document-private-items"]);
    command.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private-intra-doc-links");
    command
}

fn recogniser_format(repo: &Repo) -> Command {
    recogniser(repo, &["fmt", "--check"])
}

/// In the release profile, as the build: the C++ part is then compiled once for all.
fn recogniser_clippy(repo: &Repo) -> Command {
    recogniser(repo, &["clippy", "--release", "--locked", "--all-targets", "--", "-D", "warnings"])
}

fn recogniser_tests(repo: &Repo) -> Command {
    recogniser(repo, &["test", "--release", "--locked"])
}

fn build_fault_injection(repo: &Repo, progress: &mut Progress) -> Result<()> {
    worker::build(repo, Flavour::FaultInjection, progress)
}

fn page_types(repo: &Repo) -> Command {
    let mut tsc = repo.node_command(repo.node_tool("tsc"));
    tsc.args(["--project", "web/dialer"]);
    tsc
}

fn black_box_tests(repo: &Repo) -> Command {
    cargo(repo, &["test", "--package", BLACK_BOX, "--lib", "--test", "suite"])
}

fn page_tests(repo: &Repo) -> Command {
    cargo(repo, &["test", "--package", BLACK_BOX, "--test", "page"])
}

/// In real time, and one after the other: recognising speech takes the whole machine.
fn spoken_calls(repo: &Repo) -> Command {
    cargo(repo, &["test", "--package", BLACK_BOX, "--test", "real_call", "--test", "page_speech"])
}

/// Every attack at once beside honest calls, by itself, since it measures memory and time.
fn soak(repo: &Repo) -> Command {
    let mut soak = cargo(repo, &["test", "--package", BLACK_BOX, "--test", "soak", "--", "--nocapture"]);
    // Objects wait for this machine's disk with each row, which on the platform is not theirs alone: what is measured is the Worker.
    if Path::new(MEMORY_DISK).is_dir() {
        soak.env("TMPDIR", MEMORY_DISK);
    }
    soak
}

fn spoken_sources(repo: &Repo) -> Result<String> {
    const SOURCES: [&str; 11] = [
        "wire/src",
        "engine/src",
        "edge/src",
        "web",
        "lab/src",
        "tests/src",
        "tests/tests/real_call.rs",
        "tests/tests/page_speech.rs",
        "Cargo.toml",
        "Cargo.lock",
        "package-lock.json",
    ];
    stamp::hash_of(&repo.path(""), &SOURCES)
}

const WORKER: &str = "fourwire-edge";
/// Linux's file system in memory.
const MEMORY_DISK: &str = "/dev/shm";
const BLACK_BOX: &str = "fourwire-tests";

/// Cargo as all checks run it: tests that start Node programs find ours.
fn cargo(repo: &Repo, arguments: &[&str]) -> Command {
    let mut command = repo.node_command("cargo");
    command.args(arguments);
    command
}

/// The same in the recogniser's own workspace; its tests are told where set-up put what they need.
fn recogniser(repo: &Repo, arguments: &[&str]) -> Command {
    let mut command = cargo(repo, arguments);
    command
        .current_dir(repo.path("lab/recogniser"))
        .env("CARGO_TARGET_DIR", setup::recogniser_target_dir(repo))
        .env("FOURWIRE_MODEL", setup::model_dir(repo))
        .env("FOURWIRE_SAMPLE", setup::sample_dir(repo));
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_chooses_by_a_part_of_the_name() {
        let names =
            |filter, long| choose(filter, long).map(|checks| checks.iter().map(|check| check.name).collect::<Vec<_>>());
        assert_eq!(names(Some("wasm"), false).expect("a step"), ["wasm tests"]);
        assert_eq!(names(None, true).expect("all steps").len(), CHECKS.len());
        assert_eq!(
            names(None, false).expect("all steps").len(),
            CHECKS.len() - 1,
            "the soak takes a quarter of an hour"
        );
    }

    #[test]
    fn a_filter_that_chooses_nothing_is_an_error_with_the_names() {
        let error = choose(Some("sewing"), true).err().expect("no such step").to_string();
        assert!(error.starts_with("no step is called \"sewing\"; there are: format, clippy,"), "{error}");
    }
}
