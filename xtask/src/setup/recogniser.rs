//! The offline speech recogniser of the lab: a crate of its own with a long C++ build, made once.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::process::{self, Started};
use crate::repo::Repo;
use crate::stamp::{self, Stamp};

const SOURCES: [&str; 4] =
    ["lab/recogniser/src", "lab/recogniser/tests", "lab/recogniser/Cargo.toml", "lab/recogniser/Cargo.lock"];

/// A hash of everything that it is made from.
///
/// # Errors
/// When a source cannot be read.
pub fn sources(repo: &Repo) -> Result<String> {
    stamp::hash_of(&repo.path(""), &SOURCES)
}

/// The program.
pub fn program(repo: &Repo) -> PathBuf {
    target_dir(repo).join("release/fourwire-recogniser")
}

/// Where it is built: outside the workspace's folder, so that cleaning that one does not cost the C++ build.
pub fn target_dir(repo: &Repo) -> PathBuf {
    repo.tools("recogniser-target")
}

/// Whether it is built from the sources as they are.
pub fn is_done(repo: &Repo) -> bool {
    stamp(repo).is_ok_and(|stamp| stamp.is_set()) && program(repo).exists()
}

/// A build that is under way.
pub struct Build {
    cargo: Started,
    stamp: Stamp,
}

impl Build {
    /// Waits for its end.
    ///
    /// # Errors
    /// When it fails.
    pub fn wait(self) -> Result<()> {
        self.cargo.wait()?;
        self.stamp.set()
    }
}

/// Begins to build it.
///
/// # Errors
/// When that cannot be begun.
pub fn start(repo: &Repo, log: &Path) -> Result<Build> {
    // Taken before the build: a source that changes meanwhile must count as not built.
    let stamp = stamp(repo)?;
    let mut cargo = repo.command("cargo");
    cargo.current_dir(repo.path("lab/recogniser")).env("CARGO_TARGET_DIR", target_dir(repo));
    // Left to itself its C++ part compiles one file at a time.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cargo.env("CMAKE_PARALLEL", cores.to_string());
    let cargo = process::start_logged(cargo.args(["build", "--release", "--locked"]), log)?;
    Ok(Build { cargo, stamp })
}

fn stamp(repo: &Repo) -> Result<Stamp> {
    Ok(Stamp::new(repo, "recogniser", sources(repo)?))
}
