//! Programs that run to their end: quietly into a log whose tail is shown on failure, or in full view.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};

/// How much of a log is shown when something failed.
pub const TAIL_LINES: usize = 60;

/// Runs `command` with everything it prints going to the end of the file `log`.
///
/// # Errors
/// When it cannot be started or fails; the error shows the end of the log.
pub fn run_logged(command: &mut Command, log: &Path) -> Result<()> {
    start_logged(command, log)?.wait()
}

/// Starts `command` with everything it prints going to the end of the file `log`.
///
/// # Errors
/// When it cannot be started.
pub fn start_logged(command: &mut Command, log: &Path) -> Result<Started> {
    let output = append_to(log)?;
    let command = command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    let child = command.spawn().with_context(|| cannot_start(command))?;
    Ok(Started { child, shown: shown(command), log: log.to_owned() })
}

/// A program that runs beside this one. It is ended when nobody waits for it any more.
pub struct Started {
    child: Child,
    shown: String,
    log: PathBuf,
}

impl Started {
    /// Waits for its end.
    ///
    /// # Errors
    /// When it fails; the error shows the end of the log.
    pub fn wait(mut self) -> Result<()> {
        let status = self.child.wait().with_context(|| format!("cannot wait for `{}`", self.shown))?;
        if status.success() {
            return Ok(());
        }
        bail!("`{}` {}; the end of {}:\n{}", self.shown, ended(status), self.log.display(), tail(&self.log, TAIL_LINES))
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // Both do nothing to a program that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `command` in full view.
///
/// # Errors
/// When it cannot be started or fails.
pub fn run_live(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| cannot_start(command))?;
    if status.success() {
        return Ok(());
    }
    bail!("`{}` {}", shown(command), ended(status))
}

/// What `command` prints on its standard output, or `None` when it cannot be started or fails.
pub fn answer(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Opens `log` for writing at its end; the folder is made when it is missing.
///
/// # Errors
/// When the file cannot be written.
pub fn append_to(log: &Path) -> Result<File> {
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder)?;
    }
    File::options().create(true).append(true).open(log).with_context(|| format!("cannot write {}", log.display()))
}

/// The last lines of a file, indented.
pub fn tail(file: &Path, lines: usize) -> String {
    let text = fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    let shown = all.get(all.len().saturating_sub(lines)..).unwrap_or_default();
    if shown.is_empty() { "    (it is empty)".to_owned() } else { format!("    {}", shown.join("\n    ")) }
}

/// "exit code 3", or the signal that ended it.
pub fn ended(status: ExitStatus) -> String {
    status.code().map_or_else(|| format!("was ended ({status})"), |code| format!("failed with exit code {code}"))
}

fn cannot_start(command: &Command) -> String {
    format!("cannot start `{}`", command.get_program().to_string_lossy())
}

/// The command as one would type it, without the folders of the program.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let file = std::env::temp_dir().join(format!("fourwire-xtask-{}-{name}", std::process::id()));
        let _ = fs::remove_file(&file);
        file
    }

    #[test]
    fn a_failed_command_shows_what_it_said_last() {
        let log = scratch("failed.log");
        let error = run_logged(Command::new("sh").args(["-c", "echo first; echo the reason >&2; exit 3"]), &log)
            .expect_err("it exits with 3")
            .to_string();
        assert!(error.contains("failed with exit code 3"), "{error}");
        assert!(error.ends_with("    first\n    the reason"), "{error}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run_live(&mut Command::new("/no/such/program")).expect_err("it is not there").to_string();
        assert_eq!(error, "cannot start `/no/such/program`");
    }

    #[test]
    fn the_tail_is_the_last_lines_and_no_more() {
        let log = scratch("tail.log");
        fs::write(&log, "one\ntwo\nthree\n").expect("a scratch file");
        assert_eq!(tail(&log, 2), "    two\n    three");
        assert_eq!(tail(&log, 9), "    one\n    two\n    three");
        assert_eq!(tail(&scratch("absent.log"), 2), "    (it is empty)");
    }
}
