//! `cargo xtask`: every command of the project, and the set-up each of them needs.
//!
//! This file only reads the command line. Each command has a file of its own; `setup` is what they share.
#![allow(clippy::disallowed_methods, reason = "a native program has clocks")]

mod bench;
mod call;
mod checks;
mod deploy;
mod dev;
mod ports;
mod process;
mod progress;
mod repo;
mod service;
mod setup;
mod site;
mod stamp;
mod worker;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::repo::Repo;
use crate::setup::Purpose;
use crate::worker::Flavour;

/// The project's commands. Each one first brings the machine to where it needs it.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the whole system on this machine, with no account anywhere: the Worker and the lab around it
    Dev(dev::Options),
    /// Make a call against a running `cargo xtask dev`
    Call(call::CallOptions),
    /// Verify a number and dial another against a running `cargo xtask dev`, as the web dialer and Twilio would
    Phone(call::PhoneOptions),
    /// Run every check and test
    Test(checks::Options),
    /// Run the benchmarks
    Bench {
        /// Passed on to the benchmark program
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Build the Worker
    Build {
        /// Build the variant that takes orders for faults from the black-box tests, to build/fault-injection
        #[arg(long)]
        fault_injection: bool,
    },
    /// Install what the other commands need; what is there is skipped
    Setup {
        /// Install only what this command needs
        #[arg(long = "for", value_name = "COMMAND")]
        purpose: Option<Purpose>,
    },
    /// Have a deployed Worker seal everything anew under its current secret, after `ENCRYPTION_SECRET` was rotated
    Reseal {
        /// Where it is, such as <https://calls.example.com>; the variable `OPERATOR_KEY` lets this command in
        edge: String,
    },
    /// Build the Worker, check its configuration and deploy it to Cloudflare
    Deploy {
        /// Passed on to `wrangler deploy`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

fn main() -> ExitCode {
    let repo = Repo::here();
    let outcome = match Cli::parse().command {
        Command::Dev(options) => dev::run(&repo, &options),
        Command::Call(options) => call::run(&repo, &options),
        Command::Phone(options) => call::run_phone(&repo, &options),
        Command::Test(options) => checks::run(&repo, &options),
        Command::Bench { args } => bench::run(&repo, &args),
        Command::Build { fault_injection: true } => worker::run(&repo, Flavour::FaultInjection),
        Command::Build { fault_injection: false } => worker::run(&repo, Flavour::asked_for()),
        Command::Setup { purpose } => setup::run(&repo, purpose),
        Command::Reseal { edge } => deploy::reseal(&repo, &edge),
        Command::Deploy { args } => deploy::run(&repo, &args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
