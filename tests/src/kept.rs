//! What the Worker has left in its store, read without any of its code, and opened by an independent judge.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fourwire_wire::frame::{Channel, PerChannel};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::workerd::{node, options};

/// What lies in the bucket, and the keys in one user's database.
#[derive(Debug, Deserialize)]
pub struct Kept {
    /// Every object, by name.
    pub objects: Vec<Object>,
    /// Of each conversation in the user's database, the wrapped key, in Base64.
    pub keys: BTreeMap<String, String>,
}

/// An object of the bucket.
#[derive(Debug, Deserialize, Serialize)]
pub struct Object {
    /// Its name.
    pub name: String,
    /// What is in it, in Base64.
    pub body: String,
}

/// What the judge makes of an object.
#[derive(Debug, Deserialize)]
struct Opened {
    name: String,
    /// In Base64.
    plain: Option<Vec<String>>,
    error: Option<String>,
}

impl Kept {
    /// Reads the state of a Worker that does not run any more, and of a user's object, by its name.
    pub(crate) fn read(state: &Path, object: &str) -> Self {
        let order = json!({ "options": options(), "state": state, "object": object });
        run(node("tests/src/kept.mjs").arg(order.to_string()), "")
    }

    /// Takes out what belongs to no conversation: the names of those objects.
    pub fn take_others(&mut self) -> Vec<String> {
        let others = self.objects.extract_if(.., |object| !object.name.starts_with("conversations/"));
        others.map(|object| object.name).collect()
    }

    /// Everything of conversations as the judge opens it, with nothing but the secret and the user's keys: of each object
    /// the one or two plain texts that are in it.
    ///
    /// # Panics
    /// When the judge cannot open an object.
    #[must_use]
    pub fn opened(&self, secret: &str, user: &str) -> BTreeMap<String, Vec<Vec<u8>>> {
        let order = json!({ "secrets": [secret], "user": user, "keys": self.keys, "objects": self.objects });
        let opened: Vec<Opened> = run(&mut node("tests/judges/open_record.mjs"), &format!("{order}\n"));
        let plain = |Opened { name, plain, error }: Opened| {
            let plain = plain.unwrap_or_else(|| panic!("{name}: {error:?}"));
            (name, plain.iter().map(|text| STANDARD.decode(text).expect("Base64")).collect())
        };
        opened.into_iter().map(plain).collect()
    }
}

/// Each side of a record, joined from its chunks as the judge opened them, in the order of their names.
#[must_use]
pub fn joined<'a>(chunks: impl IntoIterator<Item = &'a Vec<Vec<u8>>>) -> PerChannel<Vec<i16>> {
    let mut sides = PerChannel::<Vec<i16>>::default();
    for chunk in chunks {
        for (side, channel) in Channel::BOTH.into_iter().enumerate() {
            let pcm = chunk[side].as_chunks::<2>().0;
            sides.get_mut(channel).extend(pcm.iter().map(|bytes| i16::from_le_bytes(*bytes)));
        }
    }
    sides
}

/// Runs one of our scripts with an input, and reads its answer.
fn run<T: for<'de> Deserialize<'de>>(script: &mut Command, input: &str) -> T {
    let mut child = script
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("node runs: `cargo xtask setup --for test` installs it");
    // All of it is read before anything is answered, so neither waits for the other.
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("the script reads");
    let output = child.wait_with_output().expect("the script ends");
    serde_json::from_slice(&output.stdout).expect("the script's answer")
}
