//! An independent judge: a reader written from `docs/storage.md` alone, on Node's own cryptography, opens what was sealed
//! here, to the byte, and opens nothing that was altered or put elsewhere.

// There is no Node to start from WebAssembly.
#![cfg(not(target_arch = "wasm32"))]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fourwire_engine::record::{self, ChunkName, Folder, Span};
use fourwire_engine::vault::{ConversationKey, Vault};
use fourwire_wire::frame::PerChannel;
use fourwire_wire::ids::{ConversationId, UserId};
use fourwire_wire::units::Samples;
use serde::{Deserialize, Serialize};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const NEXT_SECRET: &str = "the next one: Zm91cndpcmUgcm90YXRlZA==";
const DOCUMENT: &[u8] = r#"{"title": "Grüße"}"#.as_bytes();

#[test]
fn somebody_elses_reader_opens_a_call_to_the_byte() {
    let call = Call::stored();
    let answers = judged(&[call.order()]).remove(0);
    assert_eq!(answers.len(), call.objects.len());
    for (answer, stored) in answers.iter().zip(&call.objects) {
        assert_eq!(answer.opened().unwrap(), stored.plain, "{}", answer.name);
    }
}

#[test]
fn it_still_does_after_a_rotation_with_new_wrapping_and_without() {
    let call = Call::stored();
    let rotated = Vault::new(&format!("{NEXT_SECRET},{SECRET}")).unwrap();
    let wrapped = call.key.wrap(&rotated, &user("ann"), conversation(1), [8; 12]).unwrap();
    let secrets = vec![NEXT_SECRET, SECRET];
    let before = Order { secrets: secrets.clone(), ..call.order() };
    let after = Order { secrets, keys: keys(conversation(1), &wrapped), ..call.order() };
    for answer in judged(&[before, after]).concat() {
        assert!(answer.opened().is_ok(), "{answer:?}");
    }
}

#[test]
fn nothing_opens_for_another_user_conversation_place_or_side() {
    let call = Call::stored();
    let wrapped = call.key.wrap(&Vault::new(SECRET).unwrap(), &user("ann"), conversation(1), [8; 12]).unwrap();
    let elsewhere = |folder: &Folder| -> Vec<Object> {
        let moved = |stored: &Stored| Object {
            name: stored.name.replace(call.folder.prefix(), folder.prefix()),
            body: STANDARD.encode(&stored.body),
        };
        call.objects.iter().map(moved).collect()
    };
    let vault = Vault::new(SECRET).unwrap();
    let bobs = Folder::new(&vault, &user("bob"), conversation(1));
    let second = Folder::new(&vault, &user("ann"), conversation(2));
    let second_key =
        ConversationKey::from_random([9; 32]).wrap(&vault, &user("ann"), conversation(2), [7; 12]).unwrap();

    // Two chunks of the same form, each in the other's place, and one with its sides exchanged.
    let [_, first, next, ..] = &call.objects[..] else { panic!("a call") };
    let object = |name: &str, body: &[u8]| Object { name: name.to_owned(), body: STANDARD.encode(body) };
    let (one, two) = first.body.split_at(first.body.len() / 2);
    let places = vec![
        object(&first.name, &next.body),
        object(&next.name, &first.body),
        object(&first.name, &[two, one].concat()),
        object(&first.name, &[one, one].concat()),
        object(&first.name, &call.objects[0].body),
        object(&call.folder.document(), &first.body),
    ];

    let orders = [
        Order { user: "bob", ..call.order() },
        Order { user: "bob", objects: elsewhere(&bobs), ..call.order() },
        Order { keys: keys(conversation(2), &wrapped), objects: elsewhere(&second), ..call.order() },
        Order { keys: keys(conversation(2), &second_key), objects: elsewhere(&second), ..call.order() },
        Order { secrets: vec![NEXT_SECRET], ..call.order() },
        Order { objects: places, ..call.order() },
    ];
    for (number, answers) in judged(&orders).into_iter().enumerate() {
        assert!(!answers.is_empty());
        for answer in answers {
            assert!(answer.opened().is_err(), "order {number}: {answer:?}");
        }
    }
}

#[test]
fn neither_reader_opens_what_was_altered() {
    let call = Call::stored();
    let mut objects = Vec::new();
    for stored in &call.objects {
        let bits = stored.body.len() * 8;
        // Every part of the form, and a good many places in the ciphertexts.
        for bit in (0..bits).step_by(61).chain(0..17 * 8).chain(bits - 16 * 8..bits) {
            let mut body = stored.body.clone();
            body[bit / 8] ^= 1 << (bit % 8);
            if stored.name == call.folder.document() {
                assert!(call.key.open(&stored.name, &body).is_err());
            } else {
                let name = ChunkName::parse(&call.folder, &stored.name).unwrap();
                let sides = fourwire_wire::frame::Channel::BOTH;
                assert!(
                    sides.into_iter().any(|side| record::open(&call.key, &name, side, &body).is_err()),
                    "bit {bit}"
                );
            }
            objects.push(Object { name: stored.name.clone(), body: STANDARD.encode(body) });
        }
        for length in [0, 1, 16, 33, stored.body.len() - 1] {
            objects.push(Object { name: stored.name.clone(), body: STANDARD.encode(&stored.body[..length]) });
        }
    }
    let count = objects.len();
    let answers = judged(&[Order { objects, ..call.order() }]).remove(0);
    assert_eq!(answers.len(), count);
    for answer in answers {
        assert!(answer.opened().is_err(), "{}", answer.name);
    }
}

#[test]
fn the_documented_example_is_what_is_stored() {
    let documentation = include_str!("../../docs/storage.md");
    let call = Call::stored();
    let [start, one, two] = [0, 1, 2].map(Samples::new);
    let span = PerChannel { user: Span { start, end: one }, remote: Span { start, end: two } };
    let name = ChunkName::new(&call.folder, span);
    let nonces = PerChannel { user: [6; 12], remote: [7; 12] };
    let pcm: PerChannel<&[u8]> = PerChannel { user: &[1, 0], remote: &[2, 0, 0xff, 0xff] };
    let body = record::seal(&call.key, &name, nonces, pcm).unwrap();
    let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let (user, remote) = body.split_at(35);
    for documented in [hex(&call.wrapped), name.to_string(), hex(user), hex(remote)] {
        let is_there = documentation.lines().any(|line| line.trim() == documented);
        assert!(is_there, "docs/storage.md does not have {documented}");
    }
}

/// A call as it is stored.
struct Call {
    folder: Folder,
    key: ConversationKey,
    wrapped: Vec<u8>,
    objects: Vec<Stored>,
}

struct Stored {
    name: String,
    body: Vec<u8>,
    plain: Vec<Vec<u8>>,
}

impl Call {
    fn stored() -> Self {
        let vault = Vault::new(SECRET).unwrap();
        let key = ConversationKey::from_random([3; 32]);
        let wrapped = key.wrap(&vault, &user("ann"), conversation(1), [5; 12]).unwrap();
        let folder = Folder::new(&vault, &user("ann"), conversation(1));
        let document = folder.document();
        let body = key.seal(&document, [6; 12], DOCUMENT).unwrap();
        let mut objects = vec![Stored { name: document, body, plain: vec![DOCUMENT.to_vec()] }];
        // Two chunks of one form, one with uneven sides, and two in which a side has nothing.
        let places = [
            [0, 400, 0, 400],
            [400, 800, 400, 800],
            [800, 1_300, 800, 1_225],
            [1_300, 1_300, 1_225, 1_500],
            [1_300, 1_301, 1_500, 1_500],
        ];
        for (number, place) in (10..).step_by(2).zip(places) {
            let [us, ue, rs, re] = place.map(Samples::new);
            let span = PerChannel { user: Span { start: us, end: ue }, remote: Span { start: rs, end: re } };
            let name = ChunkName::new(&folder, span);
            let pcm = |span: Span, step: u8| -> Vec<u8> {
                (0..span.len().get() * 2).map(|at| u8::try_from(at % 251).unwrap().wrapping_mul(step)).collect()
            };
            let plain = vec![pcm(span.user, 3), pcm(span.remote, 5)];
            let nonces = PerChannel { user: [number; 12], remote: [number + 1; 12] };
            let body = record::seal(&key, &name, nonces, PerChannel { user: &plain[0], remote: &plain[1] }).unwrap();
            objects.push(Stored { name: name.to_string(), body, plain });
        }
        Self { folder, key, wrapped, objects }
    }

    fn order(&self) -> Order {
        let object = |stored: &Stored| Object { name: stored.name.clone(), body: STANDARD.encode(&stored.body) };
        Order {
            secrets: vec![SECRET],
            user: "ann",
            keys: keys(conversation(1), &self.wrapped),
            objects: self.objects.iter().map(object).collect(),
        }
    }
}

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

fn conversation(number: u8) -> ConversationId {
    ConversationId::from_random([number; 16])
}

fn keys(conversation: ConversationId, wrapped: &[u8]) -> BTreeMap<String, String> {
    BTreeMap::from([(conversation.to_string(), STANDARD.encode(wrapped))])
}

/// What the judge is given.
#[derive(Serialize)]
struct Order {
    secrets: Vec<&'static str>,
    user: &'static str,
    keys: BTreeMap<String, String>,
    objects: Vec<Object>,
}

#[derive(Clone, Serialize)]
struct Object {
    name: String,
    body: String,
}

/// What it says of one object.
#[derive(Clone, Debug, Deserialize)]
struct Answer {
    name: String,
    plain: Option<Vec<String>>,
    error: Option<String>,
}

impl Answer {
    fn opened(&self) -> Result<Vec<Vec<u8>>, &str> {
        let Some(plain) = &self.plain else { return Err(self.error.as_deref().unwrap()) };
        Ok(plain.iter().map(|plain| STANDARD.decode(plain).unwrap()).collect())
    }
}

/// The judge's answers to orders.
fn judged(orders: &[Order]) -> Vec<Vec<Answer>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut node = Command::new(root.join("node_modules/.bin/node"))
        .arg(root.join("tests/judges/open_record.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node is there: `cargo xtask setup --for test` installs it");
    let orders: Vec<_> = orders.iter().map(|order| serde_json::to_string(order).unwrap()).collect();
    let mut input = node.stdin.take().unwrap();
    // Apart from reading the answers, since neither side may wait for the other.
    let writer = std::thread::spawn(move || writeln!(input, "{}", orders.join("\n")).unwrap());
    let output = node.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    let answers = String::from_utf8(output.stdout).unwrap();
    answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
