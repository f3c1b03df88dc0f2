//! What a page has to load for the module, beside Twilio's SDK that it loads anyway.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, ensure};

use crate::top;

/// Bytes of one or several files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// As they are.
    pub raw: usize,
    /// Each compressed by `gzip -9`, as servers do.
    pub gzipped: usize,
}

/// The parts of the built page.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// The module's WebAssembly.
    pub wasm: Size,
    /// Its JavaScript, with the worker's and the worklet's.
    pub script: Size,
    /// Twilio's SDK, bundled and minified.
    pub sdk: Size,
}

/// Weighs the built page.
///
/// # Errors
/// When it is not built, or `gzip` does not run.
pub fn weigh() -> Result<Sizes> {
    let site = top().join("build/site");
    let (pkg, mut files) = (site.join("pkg"), Vec::new());
    collect(&pkg, &mut files).context("the page is not built: `cargo xtask build`")?;
    let is = |file: &Path, ending: &str| file.extension().is_some_and(|own| own == ending);
    let of = |ending: &str| files.iter().filter(|file| is(file, ending)).cloned().collect::<Vec<_>>();
    let mut own = Vec::new();
    collect(&site, &mut own)?;
    let is_sdk = |file: &PathBuf| {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("twilio-") && is(file, "js")
    };
    let sdk: Vec<PathBuf> = own.into_iter().filter(is_sdk).collect();
    Ok(Sizes { wasm: size(&of("wasm"))?, script: size(&of("js"))?, sdk: size(&sdk)? })
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn size(files: &[PathBuf]) -> Result<Size> {
    ensure!(!files.is_empty(), "a part of the page is missing in build/site");
    let mut sum = Size::default();
    for file in files {
        let bytes = fs::read(file)?;
        sum.raw += bytes.len();
        sum.gzipped += gzip(bytes)?;
    }
    Ok(sum)
}

/// How many bytes are left.
fn gzip(bytes: Vec<u8>) -> Result<usize> {
    let mut child = Command::new("gzip")
        .args(["-9", "--no-name", "--stdout"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("gzip does not run")?;
    let mut input = child.stdin.take().context("standard input is piped")?;
    // On a thread of its own: it writes before it has read all.
    let writing = thread::spawn(move || input.write_all(&bytes));
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "gzip failed");
    ensure!(writing.join().is_ok_and(|written| written.is_ok()), "gzip did not read all");
    Ok(output.stdout.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_get_small() {
        let length = gzip(vec![0; 100_000]).unwrap();
        assert!((20..1_000).contains(&length), "{length}");
    }
}
