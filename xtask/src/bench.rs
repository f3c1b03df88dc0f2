//! `cargo xtask bench`: the benchmarks, on an optimised build of everything.

use anyhow::Result;

use crate::process;
use crate::progress::Progress;
use crate::repo::Repo;
use crate::setup::{self, Purpose};
use crate::worker::{self, Flavour};

const PACKAGE: &str = "fourwire-bench";
/// As release, but built in a fraction of the time.
const PROFILE: &str = "measure";

/// Builds the Worker, runs the benchmark program with `args`, then times the engine natively.
///
/// # Errors
/// When a step fails.
pub fn run(repo: &Repo, args: &[String]) -> Result<()> {
    setup::run(repo, Some(Purpose::Test))?;
    let mut progress = Progress::new(3);
    worker::build(repo, Flavour::Ship, &mut progress)?;
    progress.live("the Worker's benchmarks", || {
        let cargo = ["run", "--profile", PROFILE, "--package", PACKAGE, "--"];
        process::run_live(repo.node_command("cargo").args(cargo).args(args))
    })?;
    progress.live("the engine's benchmarks", || {
        let cargo = ["bench", "--profile", PROFILE, "--package", PACKAGE];
        process::run_live(repo.node_command("cargo").args(cargo))
    })
}
