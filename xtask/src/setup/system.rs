//! Programs of the operating system: installed with apt-get where that can be done, listed where it cannot.
//!
//! They are asked for only while something that needs them is still to be made, so a machine with a full `.tools` needs
//! no C++ compiler.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{node, recogniser, wheels};
use crate::process;
use crate::repo::{self, Repo};

/// A program and where Debian keeps it.
struct Program {
    /// How to ask whether it is there.
    probe: &'static [&'static str],
    package: &'static str,
    purpose: &'static str,
}

const NODE: [Program; 2] = [
    Program { probe: &["node", "--version"], package: "nodejs", purpose: "runs npm" },
    Program { probe: &["npm", "--version"], package: "npm", purpose: "installs the node tools" },
];

const SPEECH: [Program; 4] = [
    Program { probe: &["cmake", "--version"], package: "cmake", purpose: "builds the recogniser" },
    Program { probe: &["g++", "--version"], package: "g++", purpose: "compiles the recogniser" },
    Program { probe: &["python3", "--version"], package: "python3", purpose: "unpacks the speech model" },
    Program {
        probe: &["python3", "-m", "pip", "--version"],
        package: "python3-pip",
        purpose: "fetches the speech model",
    },
];

const BROWSER: [Program; 2] = [
    Program { probe: &["chromium", "--version"], package: "chromium", purpose: "runs the page in tests" },
    Program { probe: &["flite", "-lv"], package: "flite", purpose: "speaks in tests" },
];

/// Whether there is a browser for the page's tests, and a voice.
pub fn has_browser(_: &Repo) -> bool {
    missing(&BROWSER).is_empty()
}

/// Installs them.
pub fn add_browser(repo: &Repo, log: &Path) -> Result<()> {
    install(repo, &missing(&BROWSER), log)
}

/// Whether there is what the node tools are installed with.
pub fn has_node(repo: &Repo) -> bool {
    node::is_done(repo) || missing(&NODE).is_empty()
}

/// Installs it.
pub fn add_node(repo: &Repo, log: &Path) -> Result<()> {
    install(repo, &missing(&NODE), log)
}

/// Whether there is what the recogniser and its data are made with.
pub fn has_speech(repo: &Repo) -> bool {
    let is_made = wheels::has_model(repo) && wheels::has_sample(repo) && recogniser::is_done(repo);
    is_made || missing(&SPEECH).is_empty()
}

/// Installs it.
pub fn add_speech(repo: &Repo, log: &Path) -> Result<()> {
    install(repo, &missing(&SPEECH), log)
}

fn install(repo: &Repo, programs: &[&Program], log: &Path) -> Result<()> {
    let packages: Vec<&str> = programs.iter().map(|program| program.package).collect();
    if repo::on_path("apt-get").is_none() {
        bail!("this is not a Debian system, so install these by hand and start again:\n{}", list(programs));
    }
    let Some(root) = root_prefix() else {
        bail!(
            "this needs root, and there is no sudo here; let root run\n    apt-get install --no-install-recommends {}\n\
             and start again. It is for:\n{}",
            packages.join(" "),
            list(programs)
        );
    };
    // Its failure is in the log, but an old list of packages may do: the installation decides.
    let _ = apt_get(repo, root, &["update"], log);
    apt_get(repo, root, &[&["install", "-y", "--no-install-recommends"], packages.as_slice()].concat(), log)
        .with_context(|| format!("could not install {}", packages.join(", ")))
}

fn missing(programs: &'static [Program]) -> Vec<&'static Program> {
    programs.iter().filter(|program| !is_there(program)).collect()
}

fn is_there(program: &Program) -> bool {
    let [name, arguments @ ..] = program.probe else { return true };
    process::answer(Command::new(name).args(arguments)).is_some()
}

fn list(programs: &[&Program]) -> String {
    programs.iter().map(|it| format!("    {:12} {}", it.package, it.purpose)).collect::<Vec<_>>().join("\n")
}

/// What to put in front of a command that needs root: nothing, or sudo; `None` when there is neither.
fn root_prefix() -> Option<&'static [&'static str]> {
    if nix::unistd::geteuid().is_root() {
        return Some(&[]);
    }
    repo::on_path("sudo").map(|_| ["sudo"].as_slice())
}

fn apt_get(repo: &Repo, root: &[&str], arguments: &[&str], log: &Path) -> Result<()> {
    // Through `env`, since sudo does not hand the environment on.
    let words = [root, &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"], arguments].concat();
    let [program, rest @ ..] = words.as_slice() else { return Ok(()) };
    process::run_logged(repo.command(program).args(rest), log)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_programs_are_listed_by_package_and_use() {
        let programs: Vec<&Program> = NODE.iter().collect();
        assert_eq!(list(&programs), "    nodejs       runs npm\n    npm          installs the node tools");
    }

    #[test]
    fn a_program_counts_as_there_when_it_answers() {
        let program = |probe| Program { probe, package: "", purpose: "" };
        assert!(is_there(&program(&["true"])));
        assert!(!is_there(&program(&["false"])), "python3 without pip answers like this");
        assert!(!is_there(&program(&["no-such-program"])));
    }
}
