//! The node tools that package-lock.json names: wrangler with workerd, esbuild, wasm-opt, and a Node new enough for them.

use std::path::Path;

use anyhow::Result;

use crate::process;
use crate::repo::Repo;
use crate::stamp::{self, Stamp};

/// Whether `node_modules` is what package-lock.json says.
pub fn is_done(repo: &Repo) -> bool {
    stamp(repo).is_ok_and(|stamp| stamp.is_set()) && repo.node_tool("wrangler").exists()
}

/// Installs it anew.
pub fn run(repo: &Repo, log: &Path) -> Result<()> {
    // The system's own Node may be older than wrangler wants: wrangler runs on the one that is installed here.
    let flags = ["ci", "--no-audit", "--no-fund"];
    process::run_logged(repo.command("npm").args(flags), log)?;
    stamp(repo)?.set()
}

fn stamp(repo: &Repo) -> Result<Stamp> {
    Ok(Stamp::new(repo, "node-tools", stamp::hash_of(&repo.path(""), &["package.json", "package-lock.json"])?))
}
