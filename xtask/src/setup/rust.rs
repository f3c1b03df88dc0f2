//! What rustup provides: the wasm target, and a nightly toolchain with its sources.
//!
//! Nightly is for the Worker alone: only there can a panic in wasm be unwound, which keeps one call's fault in that
//! call. A nightly that is there is used as it is and never updated.

use std::path::Path;

use anyhow::{Result, bail};

use crate::process;
use crate::repo::{self, Repo};

/// What Workers and browsers run.
pub const WASM_TARGET: &str = "wasm32-unknown-unknown";

const NIGHTLY: &str = "nightly";

/// Whether the toolchain in use has the wasm target.
pub fn has_wasm_target(repo: &Repo) -> bool {
    has_target(repo, &[])
}

/// Adds the wasm target to the toolchain in use.
pub fn add_wasm_target(repo: &Repo, log: &Path) -> Result<()> {
    rustup(repo, &["target", "add", WASM_TARGET], log)
}

/// Whether there is a nightly toolchain with its sources and the wasm target.
pub fn has_nightly(repo: &Repo) -> bool {
    let sources = || {
        process::answer(repo.command("rustc").args(["+nightly", "--print", "sysroot"]))
            .is_some_and(|sysroot| Path::new(&sysroot).join("lib/rustlib/src/rust/library").is_dir())
    };
    is_nightly_installed(repo) && sources() && has_target(repo, &["+nightly"])
}

/// Installs nightly, or adds to it what it lacks.
pub fn add_nightly(repo: &Repo, log: &Path) -> Result<()> {
    if !is_nightly_installed(repo) {
        rustup(repo, &["toolchain", "install", NIGHTLY, "--profile", "minimal"], log)?;
    }
    rustup(repo, &["component", "add", "rust-src", "--toolchain", NIGHTLY], log)?;
    rustup(repo, &["target", "add", WASM_TARGET, "--toolchain", NIGHTLY], log)
}

/// Asked of rustup and not of `rustc +nightly`, which may install a toolchain just to answer.
fn is_nightly_installed(repo: &Repo) -> bool {
    process::answer(repo.command("rustup").args(["toolchain", "list"]))
        .is_some_and(|list| list.lines().any(|line| line.starts_with("nightly-") && is_undated(line)))
}

/// "nightly-x86_64-…" is the channel, "nightly-2026-05-19-x86_64-…" a dated release, which does not answer to its name.
fn is_undated(toolchain: &str) -> bool {
    !toolchain.trim_start_matches("nightly-").starts_with(|first: char| first.is_ascii_digit())
}

fn has_target(repo: &Repo, toolchain: &[&str]) -> bool {
    let query = ["--target", WASM_TARGET, "--print", "target-libdir"];
    process::answer(repo.command("rustc").args(toolchain).args(query)).is_some_and(|folder| Path::new(&folder).is_dir())
}

fn rustup(repo: &Repo, arguments: &[&str], log: &Path) -> Result<()> {
    if repo::on_path("rustup").is_none() {
        bail!(
            "rustup is not on the path. Install Rust with rustup, or provide by other means what this was to do:\n    \
             rustup {}",
            arguments.join(" ")
        );
    }
    process::run_logged(repo.command("rustup").args(arguments), log)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dated_nightly_is_not_the_channel() {
        assert!(is_undated("nightly-x86_64-unknown-linux-gnu (default)"));
        assert!(!is_undated("nightly-2026-05-19-x86_64-unknown-linux-gnu"));
    }
}
