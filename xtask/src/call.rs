//! `cargo xtask call` and `cargo xtask phone`: the lab's own programs, pointed at the running system.

use std::process::Command;

use anyhow::{Result, bail};
use clap::Args;

use crate::dev::{self, Ports};
use crate::process;
use crate::repo::Repo;
use crate::setup;

/// Which call is made, in the words of the lab's own `call`.
#[derive(Args)]
pub struct CallOptions {
    /// A WAV file with one party on each channel (without one, a real telephone call is played), and further options:
    /// `cargo xtask call -- --help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "FILE")]
    args: Vec<String>,
}

/// Which numbers are used, in the words of the lab's own `phone`.
#[derive(Args)]
pub struct PhoneOptions {
    /// The number to verify (without one, a number of the lab's), and further options: `cargo xtask phone -- --help` lists
    /// them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "NUMBER")]
    args: Vec<String>,
}

/// Where finished calls are written, each to a folder of its own, unless `--out` names another.
const CALLS: &str = "build/calls";

/// Plays a call's audio to the Worker, shows the captions, and writes what became of it to a folder.
///
/// # Errors
/// When no system is running, or the call fails.
pub fn run(repo: &Repo, options: &CallOptions) -> Result<()> {
    let mut command = lab(repo, "call")?;
    command
        .arg("--sample-dir")
        .arg(setup::sample_dir(repo))
        .arg("--out-under")
        .arg(repo.path(CALLS))
        .args(&options.args);
    process::run_live(&mut command)
}

/// Verifies a number and dials another, with the lab as the telephone company.
///
/// # Errors
/// When no system is running, or a step is refused.
pub fn run_phone(repo: &Repo, options: &PhoneOptions) -> Result<()> {
    process::run_live(lab(repo, "phone")?.args(&options.args))
}

/// A program of the lab. It is started where the user is, so that a file is found by the name the user gives it.
fn lab(repo: &Repo, program: &str) -> Result<Command> {
    let Some(ports) = Ports::of_running(repo) else {
        bail!("nothing is running to call: start `cargo xtask dev` in another terminal and wait for its addresses");
    };
    let mut command = Command::new(dev::lab_program()?);
    command.args([program, "--edge", &ports.worker_url(), "--lab", &ports.lab_url()]);
    Ok(command)
}
