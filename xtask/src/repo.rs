//! Where things are in the checkout, and commands that start there.
//!
//! Everything that set-up installs lies under `.tools` or `node_modules`, never in the user's own directories.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The checkout that this program was built from.
pub struct Repo {
    root: PathBuf,
}

impl Repo {
    /// The checkout around this crate.
    pub fn here() -> Self {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self { root: manifest.parent().unwrap_or(manifest).to_owned() }
    }

    /// A path in the checkout.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.join(relative)
    }

    /// A path under `.tools`, where set-up keeps what it installs and what the commands write.
    pub fn tools(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.path(".tools").join(relative)
    }

    /// A program that set-up installs with Cargo.
    pub fn cargo_tool(&self, name: &str) -> PathBuf {
        self.tools("bin").join(name)
    }

    /// A program that set-up installs with npm.
    pub fn node_tool(&self, name: &str) -> PathBuf {
        self.path("node_modules/.bin").join(name)
    }

    /// Where the output of the tool or step called `name` is kept.
    pub fn log(&self, name: &str) -> PathBuf {
        self.tools("logs").join(format!("{}.log", name.replace([' ', '/'], "-")))
    }

    /// A path as a reader at the top of the checkout would write it.
    pub fn shown<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }

    /// A command that starts at the top of the checkout.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        command
    }

    /// The same with the checkout's own Node and tools first on the path, for programs that are written for them.
    pub fn node_command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.command(program);
        let own = [self.path("node_modules/.bin"), self.tools("bin")];
        let inherited = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths(own.into_iter().chain(env::split_paths(&inherited)));
        command.env("PATH", path.unwrap_or(inherited));
        command
    }
}

/// The first program of this name on the path.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}
