//! `cargo xtask bench`: the benchmarks, on an optimised build of everything.

use anyhow::Result;

use crate::process;
use crate::progress::Progress;
use crate::repo::Repo;
use crate::setup::{self, Purpose};
use crate::worker::{self, Flavour};

/// Builds the Worker and runs the benchmark program with `args`.
///
/// # Errors
/// When a step fails.
pub fn run(repo: &Repo, args: &[String]) -> Result<()> {
    setup::run(repo, Some(Purpose::Test))?;
    let mut progress = Progress::new(2);
    worker::build(repo, Flavour::Ship, &mut progress)?;
    progress.live("benchmarks", || {
        let cargo = ["run", "--release", "--package", "fourwire-bench", "--"];
        process::run_live(repo.node_command("cargo").args(cargo).args(args))
    })
}
