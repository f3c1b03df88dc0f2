//! Instructions of a call-second of the engine: a number that a busy machine cannot blur.

use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Call-seconds of the shorter run; the longer has twice as many, and their difference is free of everything that
/// happens once. A multiple of [`crate::speech::UTTERANCE_SECONDS`].
const SECONDS: u32 = 20;

/// Counts by running this program under valgrind; `None` where there is no valgrind.
///
/// # Errors
/// When the run fails.
pub fn per_call_second() -> Result<Option<f64>> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        return Ok(None);
    }
    let (once, twice) = (count(SECONDS)?, count(2 * SECONDS)?);
    Ok(Some((twice - once) / f64::from(SECONDS)))
}

fn count(seconds: u32) -> Result<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args(["session-seconds", &seconds.to_string()])
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind failed: {said}");
    let count = said.lines().find_map(|line| line.split_once("Collected :")).context("valgrind has told no count")?;
    count.1.trim().parse().context("valgrind's count is no number")
}
