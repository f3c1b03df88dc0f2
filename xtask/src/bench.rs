//! `cargo xtask bench`: the benchmarks, on an optimised build of everything.

use anyhow::Result;

use crate::process;
use crate::progress::Progress;
use crate::repo::Repo;
use crate::setup::{self, Purpose};
use crate::site;
use crate::worker::{self, Flavour};

const PACKAGE: &str = "fourwire-bench";
/// As release, but built in a fraction of the time.
const PROFILE: &str = "measure";

/// Builds the Worker and the page, runs the benchmark program with `args`, then times the engine natively.
///
/// # Errors
/// When a step fails.
pub fn run(repo: &Repo, args: &[String]) -> Result<()> {
    setup::run(repo, Some(Purpose::Test))?;
    let wants_page = wants(args, "page");
    let wants_engine = wants(args, "calls");
    let mut progress = Progress::new(2 + usize::from(wants_page) + usize::from(wants_engine));
    worker::build(repo, Flavour::Ship, &mut progress)?;
    if wants_page {
        site::build(repo, &mut progress)?;
    }
    progress.live("the Worker's and the page's benchmarks", || {
        let cargo = ["run", "--profile", PROFILE, "--package", PACKAGE, "--"];
        process::run_live(repo.node_command("cargo").args(cargo).args(args))
    })?;
    if wants_engine {
        progress.live("the engine's benchmarks", || {
            let cargo = ["bench", "--profile", PROFILE, "--package", PACKAGE];
            process::run_live(repo.node_command("cargo").args(cargo))
        })?;
    }
    Ok(())
}

/// Whether a part is measured: all are where the program is not told to measure only one.
fn wants(args: &[String], part: &str) -> bool {
    let after = args.iter().skip_while(|arg| *arg != "--only").nth(1).map(String::as_str);
    let joined = args.iter().find_map(|arg| arg.strip_prefix("--only="));
    after.or(joined).is_none_or(|only| only == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_measured_unless_another_one_is_asked_for() {
        let args = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert!(wants(&args("--rounds 3 --write"), "page"));
        assert!(wants(&args("--only page --write"), "page"));
        assert!(wants(&args("--write --only=page"), "page"));
        assert!(!wants(&args("--only calls"), "page"));
        assert!(!wants(&args("--only=webhooks"), "calls"));
    }
}
