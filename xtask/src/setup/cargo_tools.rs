//! Programs that Cargo installs, under `.tools`: wasm-bindgen, worker-build and wasm-pack.
//!
//! They are built without optimisation (half the time, and fast enough in use) in one target folder, so that what they
//! have in common is built once.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::process;
use crate::repo::Repo;

/// The release line must be that of the `worker` crate in Cargo.toml.
const WORKER_BUILD: &str = "0.8.7";
/// The npm package of that name downloads a binary; this one is compiled here.
const WASM_PACK: &str = "0.15.1";

/// Whether wasm-bindgen's program is there, in the version of its library.
pub fn has_wasm_bindgen(repo: &Repo) -> bool {
    let wanted = wasm_bindgen_version(repo).map(|version| format!("wasm-bindgen {version}"));
    wanted.is_ok_and(|wanted| answer_to_version(repo, "wasm-bindgen").is_some_and(|found| found == wanted))
}

/// Installs it. Not with the lock file it was published with: that one names a dependency that can no longer be had.
pub fn install_wasm_bindgen(repo: &Repo, log: &Path) -> Result<()> {
    let version = wasm_bindgen_version(repo)?;
    process::run_logged(install(repo).args(["wasm-bindgen-cli", "--version", &version]), log)
}

/// Whether worker-build is there, in our version.
pub fn has_worker_build(repo: &Repo) -> bool {
    answer_to_version(repo, "worker-build").is_some_and(|found| found == WORKER_BUILD)
}

/// Installs it.
pub fn install_worker_build(repo: &Repo, log: &Path) -> Result<()> {
    process::run_logged(install(repo).args(["worker-build", "--version", WORKER_BUILD, "--locked"]), log)
}

/// Whether wasm-pack is there, in our version.
pub fn has_wasm_pack(repo: &Repo) -> bool {
    answer_to_version(repo, "wasm-pack").is_some_and(|found| found == format!("wasm-pack {WASM_PACK}"))
}

/// Installs it.
pub fn install_wasm_pack(repo: &Repo, log: &Path) -> Result<()> {
    process::run_logged(install(repo).args(["wasm-pack", "--version", WASM_PACK, "--locked"]), log)
}

fn answer_to_version(repo: &Repo, program: &str) -> Option<String> {
    process::answer(Command::new(repo.cargo_tool(program)).arg("--version"))
}

/// The program and the library must be of exactly one version, and the library's is in Cargo.lock.
fn wasm_bindgen_version(repo: &Repo) -> Result<String> {
    let lock = fs::read_to_string(repo.path("Cargo.lock")).context("cannot read Cargo.lock")?;
    locked_version(&lock, "wasm-bindgen").context("Cargo.lock does not name wasm-bindgen").map(str::to_owned)
}

/// The version of a package in a lock file, where each package is a `name` line with its `version` line below.
fn locked_version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"')
}

fn install(repo: &Repo) -> Command {
    let mut command = repo.command("cargo");
    command.env("CARGO_TARGET_DIR", repo.tools("build"));
    command.args(["install", "--debug", "--force", "--root"]).arg(repo.tools(""));
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locked_version_is_that_of_the_package_and_not_of_its_namesakes() {
        let lock = "[[package]]\nname = \"wasm-bindgen-futures\"\nversion = \"0.4.1\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\nsource = \"registry\"\n";
        assert_eq!(locked_version(lock, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(locked_version(lock, "worker"), None);
    }
}
