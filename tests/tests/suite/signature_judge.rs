//! An independent judge of the running Worker: of hundreds of requests, signed, altered and forged, it turns away those that
//! Twilio's own Node library turns away, and no others.
//!
//! The engine is held against the same judge with many more requests (`engine/tests/twilio_judge.rs`); here each one
//! travels over HTTP and through workerd, so there are only such as HTTP can carry.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::thread;

use fourwire_lab::twilio::{AUTH_TOKEN, signature};
use fourwire_tests::phone::webhook::FORM;
use fourwire_tests::phone::{NEXT_AUTH_TOKEN, strict_world};
use fourwire_tests::workerd::top;
use fourwire_tests::world::PUBLIC_ORIGIN;
use fourwire_tests::{World, http};
use futures_util::future::join_all;
use hyper::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The library's version.
const VERSION: &str = "6.2.0";
/// Number of requests that are judged.
const REQUESTS: usize = 700;
/// Number of requests of each kind that must be accepted, and refused, for the comparison to mean something.
const OF_EACH_KIND: usize = 10;
/// How many requests are on their way at the same time.
const AT_ONCE: usize = 8;

#[tokio::test]
async fn twilio_s_library_and_the_worker_believe_the_same_requests() {
    let world = strict_world().await;
    let mut dice = Dice(0x4657_5349_474e);
    let requests: Vec<_> = (0..REQUESTS).map(|_| Request::any(&mut dice)).collect();
    let verdicts = judge(&requests);
    assert_eq!(verdicts.len(), REQUESTS);

    let mut counts = BTreeMap::<_, [usize; 2]>::new();
    let pairs: Vec<_> = requests.iter().zip(&verdicts).collect();
    for some in pairs.chunks(AT_ONCE) {
        let statuses = join_all(some.iter().map(|(request, verdict)| request.send(world, &verdict.signature))).await;
        for ((request, verdict), status) in some.iter().zip(statuses) {
            let expected = if verdict.accepted { 200 } else { 403 };
            assert_eq!(status, expected, "{verdict:?} {}", json!(request));
            for kind in [request.kind, request.signed.spelling, request.signed.port, request.header.0] {
                counts.entry(kind).or_default()[usize::from(verdict.accepted)] += 1;
            }
        }
    }
    for (kind, [refused, accepted]) in counts {
        let never_accepted = ["queryless", "scheme", "slash", "small", "other", "cut", "flip", "text"].contains(&kind);
        assert!(refused >= OF_EACH_KIND, "{kind}: {refused} refused");
        assert!(accepted >= OF_EACH_KIND || never_accepted, "{kind}: {accepted} accepted");
    }
}

/// A request, and how it comes by its signature, as the judge wants to be told.
#[derive(Serialize)]
struct Request {
    kind: &'static str,
    tokens: [&'static str; 2],
    url: String,
    body: String,
    signed: Signed,
    header: (&'static str, Value),
}

/// What the signature was made for.
#[derive(Serialize)]
struct Signed {
    token: &'static str,
    url: String,
    spelling: &'static str,
    port: &'static str,
    body: String,
}

#[derive(Debug, Deserialize)]
struct Verdict {
    signature: String,
    accepted: bool,
}

impl Request {
    fn any(dice: &mut Dice) -> Self {
        const SPELLINGS: [&str; 12] = [
            "raw",
            "raw",
            "raw",
            "normal",
            "requeried",
            "requeried",
            "encoded",
            "encoded",
            "slash",
            "queryless",
            "small",
            "scheme",
        ];
        const TEXTS: [&str; 5] = ["", "=", "WRONG", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "RSOYDt4T1cUTdK1PDd93_VVr8B8="];
        let kind = dice.pick(&["form", "form", "other"]);
        let (body, hash) = dice.pick(&HASHED);
        let body = if kind == "form" { any_form(dice) } else { body.to_owned() };
        let mut url = any_url(dice);
        if kind == "other" {
            url = with_hash(dice, &url, hash);
        }
        let signed = Signed {
            token: dice.pick(&[AUTH_TOKEN, AUTH_TOKEN, AUTH_TOKEN, NEXT_AUTH_TOKEN, NEXT_AUTH_TOKEN, "another"]),
            url: if dice.one_in(20) { any_url(dice) } else { url.clone() },
            spelling: dice.pick(&SPELLINGS),
            port: dice.pick(&["kept", "kept", "none", "none", "standard", "standard", "other"]),
            body: if dice.one_in(10) { any_form(dice) } else { body.clone() },
        };
        let header = match dice.below(20) {
            0 => ("cut", json!(dice.below(28))),
            1 => ("flip", json!(dice.below(28))),
            2 => ("text", json!(dice.pick(&TEXTS))),
            _ => ("kept", Value::Null),
        };
        Self { kind, tokens: [AUTH_TOKEN, NEXT_AUTH_TOKEN], url, body, signed, header }
    }

    /// The status of the Worker's answer. No request names a call, so none has a consequence.
    async fn send(&self, world: &World, signature: &str) -> u16 {
        let path = self.url.strip_prefix(PUBLIC_ORIGIN).expect("an address of the edge");
        let content_type = if self.kind == "form" { FORM } else { "application/json" };
        let headers = [("content-type", content_type), (signature::HEADER, signature)];
        http::raw(Method::POST, world.edge(), path, &headers, self.body.clone()).await.status
    }
}

/// Bodies that are no forms, and their SHA-256.
const HASHED: [(&str, &str); 5] = [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("{}", "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"),
    ("[1]", "080a9ed428559ef602668b4c00f114f1a11c3f6b02a435f0bdc154578e4d7f22"),
    ("{\"a\": \"é\"}", "c6c0a269c3d5a55e9c687d138cc1fcd13962dc2d96c1b9ff1ea01ff4ad4047d3"),
    ("To=%2B1555", "351861d13594007175812712d8c2f3761de7222bd0961af308f07fbeb7478483"),
];

/// An address of the voice webhook, with a query as proxies and attackers write them. It has no apostrophe: Miniflare, which
/// stands in front of workerd here, escapes it before the Worker sees it.
fn any_url(dice: &mut Dice) -> String {
    const PIECES: [&str; 27] = [
        "a=1",
        "b=2",
        "a=3",
        "10=x",
        "9=y",
        "010=z",
        "=",
        "a=",
        "=v",
        "novalue",
        "q=It%27s+amazing",
        "t=a|b",
        "j=[1]{}",
        "w=^`",
        "+=+",
        "p=%2B%20%27",
        "e=%",
        "e=%4",
        "e=%zz%41",
        "e=%ff%C3%A9",
        "u=%c3%b1",
        "x=a=b=c",
        "bodySHA256=0a1f",
        "__proto__=1",
        "k=!*()~-_.",
        "4294967295=m",
        "semi;colon=1;2",
    ];
    let mut url = format!("{PUBLIC_ORIGIN}/v1/phone/twiml");
    if !dice.one_in(3) {
        url.push('?');
        for _ in 0..dice.below(6) {
            url = url + dice.pick(&PIECES) + dice.pick(&["&", "&", "&", "&&", ""]);
        }
    }
    url
}

/// An address with the hash of its body, or with something like it.
fn with_hash(dice: &mut Dice, url: &str, hash: &str) -> String {
    let name = if dice.one_in(20) { "bodysha256" } else { dice.pick(&["bodySHA256", "bodySHA256", "%62odySHA256"]) };
    let hash = match dice.below(20) {
        0 => hash.to_uppercase(),
        1 => hash[1..].to_owned(),
        2 => String::new(),
        3 => format!("{hash}%20"),
        4 => format!("%3{}{}", &hash[..1], &hash[1..]),
        5 => return url.to_owned(),
        _ => hash.to_owned(),
    };
    let joint = if url.contains('?') { "&" } else { "?" };
    format!("{url}{joint}{name}={hash}")
}

/// A form's body: fields of a webhook, fields with odd names and values, some more than once, escaped in many ways.
fn any_form(dice: &mut Dice) -> String {
    const NAMES: [&str; 14] = [
        "CallSid",
        "To",
        "From",
        "Digits",
        "Digits",
        "callSid",
        "",
        "0",
        "10",
        "__proto__",
        "length",
        "%C3%A9t%C3%A9",
        "%EF%BD%9E",
        "%F0%9F%93%9E",
    ];
    const VALUES: [&str; 18] = [
        "",
        "1234",
        "5678",
        "1234",
        "%2B12125550142",
        "+12125550142",
        "++two+spaces++",
        "client%3Aalice",
        "caf%c3%a9",
        "café",
        "%26%3C%22x%22%3E",
        "O'hara",
        "a=b",
        "%",
        "%zz",
        "%ff%fe",
        "%F0%9F%93%9E",
        "%00%0d%0a",
    ];
    let mut form = dice.pick(&["", "", "", "", "", "&", "?"]).to_owned();
    for _ in 0..dice.below(8) {
        form = form
            + dice.pick(&NAMES)
            + dice.pick(&["=", "=", "=", "=", ""])
            + dice.pick(&VALUES)
            + dice.pick(&["&", "&", "&&"]);
    }
    form
}

/// Has Twilio's library sign the requests as told, and say which of them it takes.
fn judge(requests: &[Request]) -> Vec<Verdict> {
    let mut node = Command::new(top().join("node_modules/.bin/node"))
        .arg(top().join("engine/tests/twilio_judge.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node and the library are there: `cargo xtask setup --for test` installs them");
    let mut orders = vec![json!(["version"]).to_string()];
    orders.extend(requests.iter().map(|request| json!(["judge", request]).to_string()));
    let mut input = node.stdin.take().expect("piped");
    // Apart from reading the answers, since neither side may wait for the other.
    let writer = thread::spawn(move || writeln!(input, "{}", orders.join("\n")).expect("the judge listens"));
    let mut answers = BufReader::new(node.stdout.take().expect("piped")).lines().map(|line| line.expect("a line"));
    assert_eq!(answers.next().as_deref(), Some(&*json!(VERSION).to_string()));
    let verdicts = answers.map(|answer| serde_json::from_str(&answer).expect("a verdict")).collect();
    writer.join().expect("all orders were written");
    assert!(node.wait().expect("it ends").success());
    verdicts
}

/// The same numbers each time (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).expect("64 bits hold it");
        usize::try_from(self.next() % end).expect("it is below a size")
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}
