//! `fourwire-lab`: the lab as a program. `serve` runs the outside world; `call` and `phone` use an edge as people do.
#![allow(clippy::disallowed_methods, reason = "a native program has clocks")]

mod cli {
    //! The program's commands, a file each.
    pub mod call;
    pub mod captions;
    pub mod digits;
    pub mod download;
    pub mod folder;
    pub mod phone;
    pub mod serve;
    pub mod summary;
}

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The outside world on one machine, for development and tests of Fourwire.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the speech server, the identity issuer and the telephone company until interrupted
    Serve(cli::serve::Options),
    /// Make a call: play a recording to an edge, print its captions and what became of it
    Call(cli::call::Options),
    /// Verify a telephone number at an edge, then dial another with it
    Phone(cli::phone::Options),
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Serve(options) => cli::serve::run(options).await,
        Command::Call(options) => cli::call::run(options).await,
        Command::Phone(options) => cli::phone::run(options).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fourwire-lab: {error}");
            ExitCode::FAILURE
        }
    }
}
