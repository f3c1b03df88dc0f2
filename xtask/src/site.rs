//! Builds the browser module with wasm-pack, to `pkg/`, and the dialer's page around it, to `build/site`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::process;
use crate::progress::Progress;
use crate::repo::Repo;
use crate::stamp::{self, Stamp};

/// All that both are made from.
const SOURCES: [&str; 11] = [
    "web/Cargo.toml",
    "web/README.md",
    "web/src",
    "web/js",
    "web/dialer",
    "wire/Cargo.toml",
    "wire/src",
    "Cargo.toml",
    "Cargo.lock",
    "package-lock.json",
    "xtask/src/site.rs",
];

/// Files of the page that are served as they are.
const PLAIN: [&str; 4] = ["index.html", "style.css", "icon.svg", HEADERS];
/// The headers that the platform serves them with.
const HEADERS: &str = "_headers";

/// Where the page is.
pub fn output(repo: &Repo) -> PathBuf {
    repo.path("build/site")
}

/// Builds both as one step of `progress`, unless they are built from the sources as they are.
///
/// # Errors
/// When a part of it fails.
pub fn build(repo: &Repo, progress: &mut Progress) -> Result<()> {
    let step = "build the browser module and the page";
    // Taken before the build: a source that changes meanwhile must count as not built.
    let stamp = Stamp::new(repo, "site", stamp::hash_of(&repo.path(""), &SOURCES)?);
    if stamp.is_set() && output(repo).join("index.html").is_file() {
        progress.skip(step, "already built from these sources");
        return Ok(());
    }
    let log = repo.log("build site");
    let _ = fs::remove_file(&log);
    progress.quiet(step, "compiling (about a minute the first time)", || {
        let pkg = repo.path("pkg");
        let mut wasm_pack = repo.node_command(repo.cargo_tool("wasm-pack"));
        // It finds wasm-bindgen and wasm-opt on the path, and downloads nothing.
        wasm_pack
            .args([
                "build",
                "web",
                "--target",
                "web",
                "--release",
                "--mode",
                "no-install",
                "--out-name",
                "fourwire_web",
            ])
            .arg("--out-dir")
            .arg(&pkg)
            // The resampler takes a third of the time; which browsers have it stands in web/README.md.
            .env("RUSTFLAGS", "-C target-feature=+simd128");
        process::run_logged(&mut wasm_pack, &log)?;

        let site = output(repo);
        let _ = fs::remove_dir_all(&site);
        let mut esbuild = repo.node_command(repo.node_tool("esbuild"));
        // The module stays a file of its own beside the page: it starts its worker and its worklet from there.
        esbuild
            .args(["web/dialer/main.ts", "--bundle", "--minify", "--format=esm", "--target=es2022"])
            .args(["--external:./pkg/*", "--splitting"])
            .arg(format!("--outdir={}", site.display()));
        process::run_logged(&mut esbuild, &log)?;
        let dialer = repo.path("web/dialer");
        for file in PLAIN {
            fs::copy(dialer.join(file), site.join(file)).with_context(|| format!("cannot copy {file}"))?;
        }
        copy(&pkg, &site.join("pkg"))?;
        stamp.set()
    })
}

/// Makes a copy of the page that signs in and calls through the lab, and returns where it is.
///
/// # Errors
/// When it cannot be written.
pub fn point_at_lab(repo: &Repo, lab: &str) -> Result<PathBuf> {
    let site = repo.tools("dev/site");
    let _ = fs::remove_dir_all(&site);
    copy(&output(repo), &site)?;
    fs::write(site.join("dialer.json"), format!("{{\"lab\":\"{lab}\"}}\n"))?;
    let headers = fs::read_to_string(site.join(HEADERS))?;
    fs::write(site.join(HEADERS), headers_for_lab(&headers, lab))?;
    Ok(site)
}

/// The page's headers with the lab as one more place that it may load from and talk to.
fn headers_for_lab(headers: &str, lab: &str) -> String {
    let socket = lab.replacen("http", "ws", 1);
    ["script-src", "media-src", "connect-src"].into_iter().fold(headers.to_owned(), |headers, directive| {
        headers.replacen(directive, &format!("{directive} {lab} {socket}"), 1)
    })
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let place = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &place)?;
        } else {
            fs::copy(entry.path(), &place).with_context(|| format!("cannot write {}", place.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lab_is_one_more_place_and_no_other_is_lost() {
        let headers = "default-src 'none'; script-src 'self'; media-src 'self'; connect-src 'self' https://a.test";
        assert_eq!(
            headers_for_lab(headers, "http://127.0.0.1:1"),
            "default-src 'none'; script-src http://127.0.0.1:1 ws://127.0.0.1:1 'self'; \
             media-src http://127.0.0.1:1 ws://127.0.0.1:1 'self'; \
             connect-src http://127.0.0.1:1 ws://127.0.0.1:1 'self' https://a.test"
        );
    }
}
