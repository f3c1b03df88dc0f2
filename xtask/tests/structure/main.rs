//! Imports run one way. In no crate do modules that lie side by side import each other in a circle, and the Worker's rooms lie as its front page
//! says: `routes → api → rpc ← objects`, with `storage`, `outbound` and the ground below.
#![allow(missing_docs)]

mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sources::Crate;

/// Every crate of the workspace that has more than one file.
const CRATES: [&str; 7] = ["wire", "engine", "edge", "web", "lab", "bench", "xtask"];

/// The Worker's rooms, each with those that it may import.
const ROOMS: [(&str, &[&str]); 6] = [
    ("routes", &["api", "ground"]),
    ("api", &["rpc", "storage", "outbound", "ground"]),
    ("objects", &["rpc", "storage", "outbound", "ground"]),
    ("rpc", &["storage", "ground"]),
    ("storage", &["outbound", "ground"]),
    ("outbound", &["ground"]),
];

fn read(name: &str) -> Crate {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
    Crate::read(&top.join(name).join("src"))
}

/// The room of a module, by its name; everything that is no room is ground.
fn room(module: &str) -> &str {
    let first = module.split("::").next().unwrap_or_default();
    ROOMS.iter().map(|(room, _)| *room).find(|room| *room == first).unwrap_or("ground")
}

/// Imports of the Worker that run from a room into one that it may not import.
fn astray(edge: &Crate) -> Vec<String> {
    let allowed = |from: &str, to: &str| {
        let rules = ROOMS.iter().find(|(room, _)| *room == from).map_or(&[][..], |(_, allowed)| allowed);
        from == to || rules.contains(&to)
    };
    let imports = edge.imports().into_iter().filter(|(from, _)| !from.is_empty());
    let wrong = imports.filter(|(from, to)| !allowed(room(from), room(to)));
    wrong.map(|(from, to)| format!("{from} imports {to}")).collect()
}

/// The circles among some things, by what each imports: as many names as are in any.
fn circles(imports: &BTreeSet<(String, String)>) -> Vec<String> {
    let mut waits: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (from, to) in imports.iter().filter(|(from, to)| from != to) {
        waits.entry(from).or_default().insert(to);
        waits.entry(to).or_default();
    }
    // Whoever imports nothing that is left is in no circle; and then, whoever is imported by nothing that is left.
    loop {
        let free: Vec<&str> = waits.iter().filter(|(_, to)| to.is_empty()).map(|(from, _)| *from).collect();
        let imported: BTreeSet<&str> = waits.values().flatten().copied().collect();
        let unused: Vec<&str> = waits.keys().filter(|from| !imported.contains(*from)).copied().collect();
        if free.is_empty() && unused.is_empty() {
            return waits.into_keys().map(str::to_owned).collect();
        }
        for gone in free.into_iter().chain(unused) {
            waits.remove(gone);
            for to in waits.values_mut() {
                to.remove(gone);
            }
        }
    }
}

/// The imports between the modules that lie side by side in a module: `call::link` and `call::pusher` are two of `call`.
fn beside(imports: &BTreeSet<(String, String)>, parent: &str) -> BTreeSet<(String, String)> {
    let child = |module: &str| {
        let rest = if parent.is_empty() { module } else { module.strip_prefix(parent)?.strip_prefix("::")? };
        let first = rest.split("::").next().filter(|first| !first.is_empty())?;
        Some(if parent.is_empty() { first.to_owned() } else { format!("{parent}::{first}") })
    };
    imports.iter().filter_map(|(from, to)| Some((child(from)?, child(to)?))).collect()
}

/// The modules that import each other in a circle, in any folder. A module and what lies inside it are one: a folder's face has the
/// types that its parts share, and hands on what they make of them.
fn all_circles(source: &Crate) -> Vec<String> {
    let imports = source.imports();
    let parents = source.modules().into_iter().chain([""]);
    let found: BTreeSet<String> = parents.flat_map(|parent| circles(&beside(&imports, parent))).collect();
    found.into_iter().collect()
}

#[test]
fn no_crate_has_a_circle() {
    let found = CRATES.map(|name| {
        let source = read(name);
        assert!(!source.imports().is_empty(), "{name} was read");
        (name, all_circles(&source))
    });
    assert!(found.iter().all(|(_, circles)| circles.is_empty()), "{found:#?}");
}

#[test]
fn the_worker_s_rooms_lie_as_its_front_page_says() {
    assert_eq!(astray(&read("edge")), [""; 0]);
}

#[test]
fn a_planted_import_is_found() {
    let worker = |more: &[(&str, &str)]| {
        let files = [
            ("lib.rs", "mod api;\nmod objects;\nmod problem;\nmod rpc;\n"),
            ("api/mod.rs", "pub(crate) mod phone;\n"),
            ("api/phone.rs", "use crate::problem::Problem;\nuse crate::rpc::user::{self, Find};\n"),
            ("objects/mod.rs", "mod user;\n"),
            ("objects/user.rs", "use crate::rpc::user::Find;\n"),
            ("problem.rs", ""),
            ("rpc/mod.rs", "pub(crate) mod user;\n"),
            ("rpc/user.rs", "use super::super::problem::Problem;\n"),
        ];
        let mut files: BTreeMap<_, _> = files.into_iter().collect();
        files.extend(more.iter().copied());
        Crate::of(files)
    };
    assert_eq!((astray(&worker(&[])), all_circles(&worker(&[]))), (vec![], vec![]));
    for (file, source) in [
        ("api/phone.rs", "use crate::objects::user::User;\n"),
        ("objects/user.rs", "fn a() {\n    crate::api::phone::list();\n}\n"),
        ("rpc/user.rs", "use crate::{\n    objects::user,\n    problem::Problem,\n};\n"),
        ("problem.rs", "use super::rpc::user as asked;\n"),
    ] {
        assert_eq!(astray(&worker(&[(file, source)])).len(), 1, "{file}: {source}");
    }
    let circle = [("problem.rs", "use crate::rpc::user::Find;\n")];
    assert_eq!(all_circles(&worker(&circle)), ["problem", "rpc"]);
}
