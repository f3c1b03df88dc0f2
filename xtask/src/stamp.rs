//! Skipping what is done: a stamp file holds the key (a version, or a hash of sources) that a result was made from.

use std::fmt::Write;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::repo::Repo;

/// Folders inside source folders that hold results, not sources.
const NOT_SOURCES: [&str; 3] = ["target", "build", "node_modules"];

/// The memory of one step: done for this key, or not.
pub struct Stamp {
    file: PathBuf,
    key: String,
}

impl Stamp {
    /// The stamp of the step called `name` for `key`.
    pub fn new(repo: &Repo, name: &str, key: impl Into<String>) -> Self {
        Self { file: repo.tools("stamps").join(name), key: key.into() }
    }

    /// Whether the step was done for this key.
    pub fn is_set(&self) -> bool {
        fs::read_to_string(&self.file).is_ok_and(|found| found == self.key)
    }

    /// Notes that the step is done.
    ///
    /// # Errors
    /// When the stamp cannot be written.
    pub fn set(&self) -> Result<()> {
        if let Some(folder) = self.file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&self.file, &self.key).with_context(|| format!("cannot write {}", self.file.display()))
    }
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A hash over the files and folders in `paths`: their names and contents. What is absent counts as absent.
///
/// # Errors
/// When a file that is there cannot be read.
pub fn hash_of(root: &Path, paths: &[&str]) -> Result<String> {
    let mut hash = Sha256::new();
    for path in paths {
        add(&mut hash, root, &root.join(path))?;
    }
    Ok(hex(&hash.finalize()))
}

fn add(hash: &mut Sha256, root: &Path, path: &Path) -> Result<()> {
    if path.is_dir() {
        let mut entries = fs::read_dir(path)?.map(|entry| entry.map(|it| it.path())).collect::<Result<Vec<_>, _>>()?;
        entries.sort();
        return entries.iter().filter(|entry| is_source(entry)).try_for_each(|entry| add(hash, root, entry));
    }
    let content = match fs::read(path) {
        Ok(content) => content,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy();
    // Lengths in front: otherwise moving a byte from a name to a content would go unseen.
    for part in [name.as_bytes(), &content] {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    Ok(())
}

fn is_source(path: &Path) -> bool {
    !NOT_SOURCES.iter().any(|name| path.ends_with(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small source tree in a folder of its own.
    fn tree(name: &str) -> PathBuf {
        let root = std::env::temp_dir().join(format!("fourwire-xtask-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("src/target")).expect("a scratch folder");
        fs::write(root.join("src/one.rs"), "one").expect("a scratch file");
        fs::write(root.join("src/two.rs"), "two").expect("a scratch file");
        root
    }

    #[test]
    fn a_changed_added_renamed_or_removed_file_changes_the_hash() {
        let root = tree("changes");
        let mut seen = vec![hash_of(&root, &["src"]).expect("readable")];
        let changes: [&dyn Fn() -> std::io::Result<()>; 4] = [
            &|| fs::write(root.join("src/one.rs"), "uno"),
            &|| fs::write(root.join("src/three.rs"), ""),
            &|| fs::rename(root.join("src/one.rs"), root.join("src/uno.rs")),
            &|| fs::remove_file(root.join("src/two.rs")),
        ];
        for change in changes {
            change().expect("a change to the scratch tree");
            let hash = hash_of(&root, &["src"]).expect("readable");
            assert!(!seen.contains(&hash), "unnoticed change after {} others", seen.len() - 1);
            seen.push(hash);
        }
    }

    #[test]
    fn results_inside_a_source_folder_do_not_count() {
        let root = tree("results");
        let before = hash_of(&root, &["src"]).expect("readable");
        fs::write(root.join("src/target/artefact"), "new").expect("a scratch file");
        assert_eq!(hash_of(&root, &["src"]).expect("readable"), before);
    }

    #[test]
    fn the_place_of_the_checkout_does_not_count() {
        let (here, there) = (tree("here"), tree("there"));
        assert_eq!(hash_of(&here, &["src"]).expect("readable"), hash_of(&there, &["src", "absent"]).expect("readable"));
    }
}
