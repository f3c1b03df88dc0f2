//! `cargo xtask call`: the lab's phone, pointed at the running system.

use std::process::Command;

use anyhow::{Result, bail};
use clap::Args;

use crate::dev::{self, Ports};
use crate::process;
use crate::repo::Repo;
use crate::setup;

/// Which call is made, in the words of the lab's own `call`.
#[derive(Args)]
pub struct Options {
    /// A WAV file with one party on each channel (without one, a real telephone call is played), and further options:
    /// `cargo xtask call -- --help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "FILE")]
    args: Vec<String>,
}

/// Makes the call and shows it.
///
/// # Errors
/// When no system is running, or the call fails.
pub fn run(repo: &Repo, options: &Options) -> Result<()> {
    let Some(ports) = Ports::of_running(repo) else {
        bail!("nothing is running to call: start `cargo xtask dev` in another terminal and wait for its addresses");
    };
    // Started where the user is, so that a file is found by the name the user gives it.
    let mut command = Command::new(dev::lab_program()?);
    command.args(["call", "--edge", &ports.worker_url(), "--lab", &ports.lab_url(), "--sample-dir"]);
    process::run_live(command.arg(setup::sample_dir(repo)).args(&options.args))
}
