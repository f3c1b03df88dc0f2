//! Which module of a crate imports which, read from its sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A crate: its modules by their path, `call::link`; the root is empty.
pub struct Crate {
    modules: BTreeMap<String, Module>,
}

/// What a file says of others.
#[derive(Default)]
struct Module {
    /// Every path that it names, as it is written.
    paths: BTreeSet<Vec<String>>,
    /// Names that it hands on, and where they come from.
    handed_on: BTreeMap<String, Vec<String>>,
}

impl Crate {
    /// Reads the files of a folder.
    pub fn read(folder: &Path) -> Self {
        let mut files = BTreeMap::new();
        collect(folder, folder, &mut files);
        Self::of(files.iter().map(|(file, source)| (file.as_str(), source.as_str())))
    }

    /// The crate of these files, each with its path in the crate's folder.
    pub fn of<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let modules = files.into_iter().map(|(file, source)| (module_of(file), Module::parse(source)));
        Self { modules: modules.collect() }
    }

    /// The names of all modules that are files.
    pub fn modules(&self) -> Vec<&str> {
        self.modules.keys().map(String::as_str).collect()
    }

    /// Which module imports which.
    pub fn imports(&self) -> BTreeSet<(String, String)> {
        let mut imports = BTreeSet::new();
        for (name, module) in &self.modules {
            for path in &module.paths {
                if let Some(target) = self.resolve(name, path, 0).filter(|target| target != name) {
                    imports.insert((name.clone(), target));
                }
            }
        }
        imports
    }

    /// The module that a path in a module leads to: the one that defines its name, and not one that only hands it on.
    fn resolve(&self, from: &str, path: &[String], depth: usize) -> Option<String> {
        let mut at: Vec<&str> = from.split("::").filter(|part| !part.is_empty()).collect();
        let (first, mut rest) = path.split_first()?;
        match first.as_str() {
            "crate" => at.clear(),
            "self" => {}
            "super" => _ = at.pop(),
            child => {
                let child_path = join(&at, child);
                let is_child = self.modules.contains_key(&child_path) && child_path != from;
                if !is_child {
                    return None;
                }
                at.push(child);
            }
        }
        while let Some((next, behind)) = rest.split_first() {
            if next == "super" {
                at.pop();
            } else if self.modules.contains_key(&join(&at, next)) {
                at.push(next);
            } else {
                break;
            }
            rest = behind;
        }
        let module = at.join("::");
        if let Some(target) = rest.first().and_then(|name| self.modules.get(&module)?.handed_on.get(name))
            && depth < 8
        {
            return self.resolve(&module, target, depth + 1).or(Some(module));
        }
        Some(module)
    }
}

fn join(at: &[&str], next: &str) -> String {
    at.iter().copied().chain([next]).collect::<Vec<_>>().join("::")
}

/// `call/link.rs` and `call/link/mod.rs` are `call::link`; `lib.rs` and `main.rs` are the root.
fn module_of(file: &str) -> String {
    let path = file.trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    if matches!(path, "lib" | "main" | "mod") { String::new() } else { path.replace('/', "::") }
}

fn collect(top: &Path, folder: &Path, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(top, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(top).expect("inside").to_string_lossy().replace('\\', "/");
            files.insert(name, fs::read_to_string(&path).expect("a source"));
        }
    }
}

impl Module {
    fn parse(source: &str) -> Self {
        // Tests may look at anything.
        let source = source.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        let code: String = source.lines().map(without_comment).collect::<Vec<_>>().join("\n");
        let mut module = Self::default();
        let mut rest = code.as_str();
        while let Some((at, is_handed_on)) = next_use(rest) {
            module.inline(&rest[..at.start]);
            let (tree, behind) = rest[at.end..].split_once(';').unwrap_or((&rest[at.end..], ""));
            for (path, name) in leaves(tree) {
                if is_handed_on {
                    module.handed_on.insert(name, path.clone());
                }
                module.paths.insert(path);
            }
            rest = behind;
        }
        module.inline(rest);
        module
    }

    /// Notes the paths that stand in code, as far as they say where they begin.
    fn inline(&mut self, code: &str) {
        for head in ["crate::", "super::"] {
            for (at, _) in code.match_indices(head) {
                if code[..at].ends_with(|letter: char| letter.is_alphanumeric() || matches!(letter, '_' | ':' | '$')) {
                    continue;
                }
                let path = code[at..].split(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '_' | ':'));
                let path = path.into_iter().next().unwrap_or_default();
                self.paths.insert(path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect());
            }
        }
    }
}

fn without_comment(line: &str) -> &str {
    let code = line.trim_start();
    if code.starts_with("//") { "" } else { line.split(" // ").next().unwrap_or_default() }
}

/// Where the next `use` stands, and whether it hands on what it names.
fn next_use(code: &str) -> Option<(std::ops::Range<usize>, bool)> {
    let mut begin = 0;
    for line in code.split_inclusive('\n') {
        let indented = line.trim_start();
        let at = begin + line.len() - indented.len();
        let is_public = indented.starts_with("pub");
        let visible = if is_public { indented.find("use ").filter(|at| *at < 16) } else { Some(0) };
        if let Some(offset) = visible.filter(|offset| indented[*offset..].starts_with("use ")) {
            return Some((at..at + offset + 4, is_public));
        }
        begin += line.len();
    }
    None
}

/// The paths of a use tree, each with the name that it brings.
fn leaves(tree: &str) -> Vec<(Vec<String>, String)> {
    let tree = tree.trim();
    if let Some((head, group)) = tree.split_once('{') {
        let head: Vec<String> = parts(head);
        let group = group.trim_end().strip_suffix('}').unwrap_or(group);
        return split_group(group)
            .into_iter()
            .flat_map(leaves)
            .map(|(path, name)| {
                let path = if path == ["self"] { head.clone() } else { head.iter().cloned().chain(path).collect() };
                (path, name)
            })
            .collect();
    }
    let (path, name) = tree.split_once(" as ").map_or((tree, None), |(path, name)| (path, Some(name.trim())));
    let path = parts(path);
    let Some(last) = path.last().cloned() else { return Vec::new() };
    vec![(path, name.map_or(last, str::to_owned))]
}

fn parts(path: &str) -> Vec<String> {
    path.split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// A group's members, at its commas that are in no inner group.
fn split_group(group: &str) -> Vec<&str> {
    let (mut members, mut begin, mut depth) = (Vec::new(), 0, 0_u32);
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                members.push(&group[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    members.push(&group[begin..]);
    members.into_iter().map(str::trim).filter(|member| !member.is_empty()).collect()
}
