//! `cargo xtask deploy`: what is about to be deployed is built and its configuration checked; wrangler does the rest.

use std::{env, fs};

use anyhow::{Result, ensure};

use crate::process;
use crate::progress::Progress;
use crate::repo::Repo;
use crate::setup::{self, Purpose};
use crate::site;
use crate::worker::{self, Flavour};

/// Builds, checks and deploys; `args` go to `wrangler deploy`.
///
/// # Errors
/// When a step fails.
pub fn run(repo: &Repo, args: &[String]) -> Result<()> {
    setup::run(repo, Some(Purpose::Build))?;
    let mut progress = Progress::new(4);
    worker::build(repo, Flavour::Ship, &mut progress)?;
    site::build(repo, &mut progress)?;
    let log = repo.log("deploy check");
    let _ = fs::remove_file(&log);
    progress.quiet("configuration", "asking wrangler", || {
        let mut check = repo.node_command(repo.node_tool("wrangler"));
        check.args(["deploy", "--dry-run", "--outdir"]).arg(repo.path("build/deploy")).args(args);
        process::run_logged(&mut check, &log)
    })?;
    progress
        .live("deploy", || process::run_live(repo.node_command(repo.node_tool("wrangler")).arg("deploy").args(args)))
}

/// Has a deployed Worker seal everything anew.
///
/// # Errors
/// When it does not.
pub fn reseal(repo: &Repo, edge: &str) -> Result<()> {
    ensure!(
        env::var_os("OPERATOR_KEY").is_some(),
        "set OPERATOR_KEY to what the Worker has as its secret of that name"
    );
    setup::run_if_needed(repo, Purpose::Build)?;
    let script = include_str!("reseal.mjs");
    let mut node = repo.node_command("node");
    node.args(["--input-type=module", "--eval", script]).env("FOURWIRE_EDGE", edge);
    process::run_live(&mut node)
}
