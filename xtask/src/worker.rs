//! Builds the Worker with worker-build, and skips it while the sources are unchanged.

use std::path::PathBuf;
use std::{env, fs};

use anyhow::Result;

use crate::process;
use crate::progress::Progress;
use crate::repo::Repo;
use crate::setup::{self, Purpose};
use crate::site;
use crate::stamp::{self, Stamp};

/// All that the built Worker is made from. `xtask/src/worker.rs` says how.
const SOURCES: [&str; 11] = [
    "edge/Cargo.toml",
    "edge/src",
    "engine/Cargo.toml",
    "engine/src",
    "wire/Cargo.toml",
    "wire/src",
    "Cargo.toml",
    "Cargo.lock",
    ".cargo/config.toml",
    "package-lock.json",
    "xtask/src/worker.rs",
];

/// Which Worker is built.
#[derive(Clone, Copy)]
pub enum Flavour {
    /// What is deployed.
    Ship,
    /// The same without the last optimisation, which takes as long as everything before it: for this machine.
    Local,
    /// The same as that, with what the black-box tests need to look inside and to cause faults.
    FaultInjection,
}

/// Variable with which `cargo xtask dev` has wrangler, which builds anew when a source changes, build [`Flavour::Local`].
pub const LOCAL_BUILD: &str = "FOURWIRE_LOCAL_BUILD";

impl Flavour {
    /// What `cargo xtask build` builds: what is deployed, unless it is called for this machine.
    pub fn asked_for() -> Self {
        if env::var_os(LOCAL_BUILD).is_some() { Self::Local } else { Self::Ship }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Ship => "worker",
            Self::Local => "local",
            Self::FaultInjection => "fault-injection",
        }
    }

    /// What worker-build and Cargo are told besides.
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Ship => &[],
            Self::Local => &["--no-opt"],
            Self::FaultInjection => &["--no-opt", "--features", "fault-injection"],
        }
    }

    /// The folder of what is built.
    pub fn output(self, repo: &Repo) -> PathBuf {
        repo.path("build").join(self.name())
    }
}

/// `cargo xtask build`, which wrangler calls too: set-up where it is needed, then the Worker and the page that it serves.
///
/// # Errors
/// When a step fails.
pub fn run(repo: &Repo, flavour: Flavour) -> Result<()> {
    setup::run_if_needed(repo, Purpose::Build)?;
    let mut progress = Progress::new(2);
    build(repo, flavour, &mut progress)?;
    site::build(repo, &mut progress)
}

/// Builds the Worker as one step of `progress`, unless it is built from the sources as they are.
///
/// # Errors
/// When the build fails; with the end of what the compiler said.
pub fn build(repo: &Repo, flavour: Flavour, progress: &mut Progress) -> Result<()> {
    let step = match flavour {
        Flavour::Ship => "build and optimise the Worker",
        Flavour::Local => "build the Worker",
        Flavour::FaultInjection => "build the Worker with fault injection",
    };
    let output = flavour.output(repo);
    // Taken before the build: a source that changes meanwhile must count as not built.
    let stamp = Stamp::new(repo, flavour.name(), stamp::hash_of(&repo.path(""), &SOURCES)?);
    if stamp.is_set() && output.join("index.js").is_file() {
        progress.skip(step, "already built from these sources");
        return Ok(());
    }
    let log = repo.log(&format!("build {}", flavour.name()));
    let _ = fs::remove_file(&log);
    progress.quiet(step, "compiling (about 3 minutes the first time)", || {
        let mut command = repo.node_command(repo.cargo_tool("worker-build"));
        command
            .current_dir(repo.path("edge"))
            .args(["--release", "--panic-unwind", "--out-dir"])
            .arg(&output)
            .args(flavour.arguments());
        // With these, worker-build downloads nothing.
        command
            .env("WASM_BINDGEN_BIN", repo.cargo_tool("wasm-bindgen"))
            .env("WASM_OPT_BIN", repo.node_tool("wasm-opt"))
            .env("ESBUILD_BIN", repo.node_tool("esbuild"));
        process::run_logged(&mut command, &log)?;
        stamp.set()
    })
}
