//! Twilio's own machine-readable description of its API, by which a test judges our requests. Twilio publishes it inside
//! an npm package whose programs are not wanted, so only the archive is fetched, and its hash is checked.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use crate::process;
use crate::repo::Repo;
use crate::stamp::{self, Stamp};

const PACKAGE: &str = "@twilio-alpha/mcp@0.7.0";
const ARCHIVE: &str = "twilio-alpha-mcp-0.7.0.tgz";
const SHA256: &str = "7ff791d1023cad6372496d8aba1c49bc3ffbcf0989b9f96b3a83d2df9d6af755";
/// The folder inside the archive.
const FROM: &str = "package/twilio-oai/spec/json";
const FILE: &str = "twilio_api_v2010.json";

/// Whether it is there.
pub fn has_twilio(repo: &Repo) -> bool {
    stamp(repo).is_set() && repo.tools("descriptions").join(FILE).is_file()
}

/// Fetches it.
pub fn fetch_twilio(repo: &Repo, log: &Path) -> Result<()> {
    let downloads = repo.tools("downloads");
    fs::create_dir_all(&downloads)?;
    process::run_logged(repo.command("npm").args(["pack", PACKAGE, "--pack-destination"]).arg(&downloads), log)?;
    let archive = downloads.join(ARCHIVE);
    let found = stamp::hex(&Sha256::digest(fs::read(&archive).context("npm packed nothing")?));
    ensure!(found == SHA256, "{PACKAGE} is not what it was: its hash is {found}");
    let to = repo.tools("descriptions");
    fs::create_dir_all(&to)?;
    let depth = format!("--strip-components={}", FROM.split('/').count());
    let mut tar = repo.command("tar");
    tar.arg("-xzf").arg(&archive).arg("-C").arg(&to).args([depth, format!("{FROM}/{FILE}")]);
    process::run_logged(&mut tar, log)?;
    fs::remove_file(archive)?;
    stamp(repo).set()
}

fn stamp(repo: &Repo) -> Stamp {
    Stamp::new(repo, "twilio-description", SHA256)
}
