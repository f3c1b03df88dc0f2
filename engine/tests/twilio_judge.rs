//! An independent judge: Twilio's own Node library says the same about tens of thousands of requests, good and bad, and
//! makes the same access tokens.
//!
//! The library comes with all of the project's node tools (`cargo xtask setup --for test`). Where the code under test
//! differs from it on purpose, a test of its own says so.

// There is no Node to start from WebAssembly.
#![cfg(not(target_arch = "wasm32"))]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use fourwire_engine::phone::sid::{AccountSid, ApiKeySid, AppSid};
use fourwire_engine::twilio::identity::{Identity, USER_ID};
use fourwire_engine::twilio::signature::{AuthTokens, Body};
use fourwire_engine::twilio::token::{AccessToken, ApiKey, TokenLife, VoiceGrant};
use fourwire_wire::ids::UserId;
use fourwire_wire::pii::Pii;
use fourwire_wire::units::UnixMillis;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The version that is the model, and that package.json names.
const VERSION: &str = "6.2.0";
/// Number of requests that are judged.
const REQUESTS: usize = 24_000;
/// Number of requests of each kind that must be accepted, and refused, for the comparison to mean something.
const OF_EACH_KIND: usize = 200;

#[test]
fn twilios_library_accepts_and_refuses_the_same_requests() {
    let mut dice = Dice(0x4657_5f54_5749_4c49);
    let requests: Vec<_> = (0..REQUESTS).map(|_| Request::any(&mut dice)).collect();
    let answers: Vec<Answer> = ask("judge", &requests);

    let mut differences = Vec::new();
    let mut counts = BTreeMap::<_, [usize; 2]>::new();
    for (request, answer) in requests.iter().zip(&answers) {
        if request.is_accepted(&answer.signature) != answer.accepted {
            differences.push(format!("{answer:?} {}", json!(request)));
        }
        let Signed { spelling, port, .. } = request.signed;
        for kind in [request.kind, spelling, port, request.header.0] {
            counts.entry(kind).or_default()[usize::from(answer.accepted)] += 1;
        }
    }
    assert!(differences.is_empty(), "{} differences, such as\n{}", differences.len(), differences[..1].join("\n"));

    assert_eq!(answers.len(), REQUESTS);
    for (kind, [refused, accepted]) in counts {
        let never_accepted = ["scheme", "foreign", "cut", "flip", "text"].contains(&kind);
        assert!(refused >= OF_EACH_KIND, "{kind}: {refused} refused");
        assert!(accepted >= OF_EACH_KIND || never_accepted, "{kind}: {accepted} accepted");
    }
}

#[test]
fn an_unsigned_parameter_cannot_hide_behind_a_thousand_others() {
    let request = |padding| Request {
        kind: "form",
        tokens: vec!["12345"],
        url: format!("https://calls.example.com/x?a=1{}hidden=1", "&".repeat(padding)),
        body: String::new(),
        signed: Signed {
            token: "12345",
            url: "https://calls.example.com/x?a=1".to_owned(),
            spelling: "raw",
            port: "as-is",
            body: String::new(),
        },
        header: ("whole", json!(null)),
    };
    let requests = [request(1), request(999), request(1_000)];
    let answers: Vec<Answer> = ask("judge", &requests);
    let accepted: Vec<_> = answers.iter().map(|answer| answer.accepted).collect();
    assert_eq!(accepted, [false, false, true], "the library forgets what comes after a thousand");
    for (request, answer) in requests.iter().zip(&answers) {
        assert!(!request.is_accepted(&answer.signature));
    }
}

#[test]
fn twilios_library_makes_the_same_access_tokens_and_reads_ours() {
    let mut dice = Dice(1);
    let issues: Vec<_> = (0..200).map(|_| Issue::any(&mut dice)).collect();
    let answers: Vec<Token> = ask("token", &issues);
    assert_eq!(answers.len(), 200);
    for (issue, answer) in issues.iter().zip(answers) {
        assert_eq!(issue.ours, answer.jwt, "{}", json!(issue));
        assert_eq!(answer.header, json!({"alg": "HS256", "typ": "JWT", "cty": "twilio-fpa;v=1"}));
        assert_eq!(answer.claims["grants"]["identity"], issue.identity);
    }
}

/// A request, and how it comes by its signature.
#[derive(Serialize)]
struct Request {
    kind: &'static str,
    tokens: Vec<&'static str>,
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
struct Answer {
    signature: String,
    accepted: bool,
}

impl Request {
    fn any(dice: &mut Dice) -> Self {
        let kind = dice.word("form form form other");
        let mut url = any_url(dice);
        let body = match kind {
            "form" => any_form(dice),
            _ => dice.pick(&["", "{}", r#"{"a": "é"}"#, "[1]", "To=%2B1555", "\u{1f4de}"]).to_owned(),
        };
        if kind == "other" {
            url = with_hash(dice, &url, &body);
        }
        let tokens = dice.pick(&[&["12345"][..], &["12345"], &["12345", "é"], &["next token", "12345"]]).to_vec();
        let signed = Signed {
            token: if dice.one_in(20) { "another" } else { "12345" },
            url: if dice.one_in(20) { any_url(dice) } else { url.clone() },
            spelling: dice.word("raw raw normal normal requeried requeried encoded encoded queryless small scheme"),
            port: dice.word("as-is as-is none none standard standard foreign"),
            body: if dice.one_in(10) { any_form(dice) } else { body.clone() },
        };
        let header = match dice.below(20) {
            0 => ("cut", json!(dice.below(28))),
            1 => ("flip", json!(dice.below(28))),
            2 => ("text", json!(dice.word("= WRONG AAAAAAAAAAAAAAAAAAAAAAAAAAA= é RSOYDt4T1cUTdK1PDd93_VVr8B8="))),
            3 if dice.one_in(2) => ("text", json!("")),
            _ => ("whole", json!(null)),
        };
        Self { kind, tokens, url, body, signed, header }
    }

    /// What the code under test says.
    fn is_accepted(&self, signature: &str) -> bool {
        let tokens = AuthTokens::parse(&self.tokens.join(",")).unwrap();
        let body = self.body.as_bytes();
        let verdict = match self.kind {
            "form" => tokens.verify(&self.url, Body::Form(body), signature),
            _ => tokens.verify(&self.url, Body::Other(body), signature),
        };
        verdict.is_ok()
    }
}

/// A URL as operators, proxies and attackers write them, but for what the code under test is known to see otherwise: it
/// has no more parameters than the library counts, and no segment that could be a drive letter.
fn any_url(dice: &mut Dice) -> String {
    loop {
        let url = odd_url(dice);
        // Parsers take tabs out.
        let seen = url.replace('\t', "");
        let is_drive =
            |segment: &str| matches!(segment.as_bytes(), [letter, b':' | b'|'] if letter.is_ascii_alphabetic());
        if !seen.split(['/', '\\']).any(is_drive) {
            return url;
        }
    }
}

fn odd_url(dice: &mut Dice) -> String {
    let scheme = dice.word("https https https http wss ws HTTPS Http");
    let user = if dice.one_in(3) { dice.word("user@ User:p:w@ :@ @ a%40b:'c|@ ñ:{}@") } else { "" };
    let host = dice.word(
        "calls.example.com calls.example.com calls.example.com Calls.Example.COM localhost 127.0.0.1 [::1] \
         [2001:DB8::0:1] bücher.example xn--bcher-kva.example a_b.example. ex%61mple.com 0x7f.1 faß.ＥＸＡＭＰＬＥ",
    );
    let port = if dice.one_in(2) { dice.word(":443 :80 :8443 : :0080") } else { "" };
    let mut url = format!("{scheme}://{user}{host}{port}");
    for _ in 0..dice.below(4) {
        url.push('/');
        url += &if dice.one_in(4) { any_text(dice) } else { dice.word(SEGMENTS).to_owned() };
    }
    if !dice.one_in(3) {
        url.push('?');
        for _ in 0..dice.below(6) {
            url += &if dice.one_in(5) { any_text(dice) } else { dice.word(PARAMETERS).to_owned() };
            url += dice.word("& & & && ;");
        }
    }
    if dice.one_in(20) {
        url += dice.word("# #rc=2&rt=5000 #a?b='c' #ñ`");
    }
    url
}

const SEGMENTS: &str =
    "twilio voice A .. . %2e%2E .%2e it's a+b a%20b ñ 日本 %zz %e9 a|b {x} a\\b ~a;b=c !$&()*,:@ \"<>` [0] a^b %27%2f";
const PARAMETERS: &str = "a=1 b=2 a=3 10=x 9=y 010=z = a= =v novalue it's=O'hara q=It's+amazing +=+ p=%2B%20%27 e=% e=%4 \
    e=%zz%41 e=%ff%C3%A9 u=ñ日本\u{1f4de} j=[{\"a\":1}] t=a|b`c^d x=a=b=c f=<> bodySHA256=0a1f __proto__=1 k=!*()~-_. \
    4294967295=m 4294967294=n semi;colon=1;2";

/// A few characters, any of which a URL parser or a form may treat in a way of its own.
fn any_text(dice: &mut Dice) -> String {
    let odd = ['\t', '\u{7f}', '\u{a0}', 'é', 'ß', '\u{2028}', '日', '\u{e000}', '\u{fffd}', '\u{1f4de}'];
    (0..=dice.below(4)).map(|_| if dice.one_in(6) { dice.pick(&odd) } else { dice.printable() }).collect()
}

/// A URL with the hash of its body, or with something like it.
fn with_hash(dice: &mut Dice, url: &str, body: &str) -> String {
    let hash = Sha256::digest(body).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let name = if dice.one_in(20) { "bodysha256" } else { dice.word("bodySHA256 bodySHA256 %62odySHA256") };
    let hash = match dice.below(20) {
        0 => hash.to_uppercase(),
        1 => hash[1..].to_owned(),
        2 => String::new(),
        3 => format!("{hash}%20"),
        4 => format!("%3{}{}", &hash[..1], &hash[1..]),
        5 => return url.to_owned(),
        _ => hash,
    };
    let (before, fragment) =
        url.split_once('#').map_or((url, String::new()), |(before, rest)| (before, format!("#{rest}")));
    let joint = if before.contains('?') { "&" } else { "?" };
    format!("{before}{joint}{name}={hash}{fragment}")
}

/// A form's body: fields of a webhook, fields with odd names and values, some more than once, escaped in many ways.
fn any_form(dice: &mut Dice) -> String {
    let mut form = if dice.one_in(5) { dice.word("& ? =").to_owned() } else { String::new() };
    for _ in 0..dice.below(8) {
        form += &if dice.one_in(8) { any_text(dice) } else { dice.word(NAMES).to_owned() };
        form += dice.word("= = = = == =+ &");
        form += &if dice.one_in(8) { any_text(dice) } else { dice.word(VALUES).to_owned() };
        form += dice.word("& & &&");
    }
    form
}

const NAMES: &str =
    "CallSid To From Digits Digits callSid ToCity 0 10 9 __proto__ length %C3%A9t%C3%A9 %EF%BD%9E %F0%9F%93%9E";
const VALUES: &str = "1234 5678 1234 & & %2B15551234567 +15551234567 ++two+spaces++ client%3Aalice caf%c3%a9 café O'hara a=b \
    %26%3C%22x%22%3E % %4 %zz %ff%fe %EF%BD%9E %F0%9F%93%9E %00%0d%0a";

/// What a token is made of, and the token that was made.
#[derive(Serialize)]
struct Issue {
    account: AccountSid,
    key: ApiKeySid,
    secret: Pii<String>,
    app: AppSid,
    identity: String,
    params: BTreeMap<&'static str, Pii<String>>,
    ttl: u32,
    now: u64,
    ours: String,
}

#[derive(Deserialize)]
struct Token {
    jwt: String,
    header: Value,
    claims: Value,
}

impl Issue {
    fn any(dice: &mut Dice) -> Self {
        let secret =
            dice.pick(&["secret", "e3cbd8ea94e5bf2b1f0e3d0b3d8e7c9a", "clé secrète", &"long ".repeat(40)]).to_owned();
        let user = dice.pick(&["alice", "auth0|5f7c8ec7c33c6c004bbafe82", "a_b-c.d:e@f", &"x".repeat(128)]).to_owned();
        let (user, identity) = (UserId::parse(&*user).unwrap(), Identity::of(&UserId::parse(user).unwrap()));
        let life = TokenLife::from_seconds(dice.pick(&[1, 60, 3_600, 86_399, 86_400])).unwrap();
        let now = 1_700_000_000_000 + u64::try_from(dice.below(1_000_000_000)).unwrap();
        let values =
            ["", "plain", "\"quoted\" \\ and\nbroken\t\u{1}\u{7f}", "é日本\u{1f4de}\u{2028}", "</script>&amp;"];
        let names = &["callId", "deviceId", "ré\"f"][..dice.below(4)];
        let params = names.iter().map(|&name| (name, Pii::new(dice.pick(&values).to_owned()))).collect();

        let key = ApiKey {
            account: AccountSid::parse(sid(dice, "AC")).unwrap(),
            sid: ApiKeySid::parse(sid(dice, "SK")).unwrap(),
            secret: Pii::new(secret),
        };
        let app = AppSid::parse(sid(dice, "AP")).unwrap();
        let grant = VoiceGrant { identity: &user, app: &app, params };
        let ours = AccessToken::issue(&key, &grant, life, UnixMillis::new(now)).unwrap().text().expose().clone();
        let VoiceGrant { mut params, .. } = grant;
        if identity.is_hashed() {
            params.insert(USER_ID, Pii::new(user.to_string()));
        }
        let identity = identity.as_str().to_owned();
        let ApiKey { account, sid: key, secret } = key;
        Self { account, key, secret, app, identity, params, ttl: life.seconds(), now, ours }
    }
}

fn sid(dice: &mut Dice, kind: &str) -> String {
    kind.chars().chain((0..32).map(|_| dice.pick(&['0', '5', '9', 'a', 'f', 'X']))).collect()
}

/// Gives the library orders of one sort, and takes its answers.
fn ask<T: DeserializeOwned>(order: &str, details: &[impl Serialize]) -> Vec<T> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut node = Command::new(tests.join("../../node_modules/.bin/node"))
        .arg(tests.join("twilio_judge.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node and the library are there: `cargo xtask setup --for test` installs them");
    let mut orders = vec![json!(["version"]).to_string()];
    orders.extend(details.iter().map(|details| json!([order, details]).to_string()));
    let mut input = node.stdin.take().unwrap();
    // Apart from reading the answers, since neither side may wait for the other.
    let writer = thread::spawn(move || writeln!(input, "{}", orders.join("\n")).unwrap());
    let mut answers = BufReader::new(node.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(answers.next().unwrap(), format!("\"{VERSION}\""));
    let answers = answers.map(|answer| serde_json::from_str(&answer).unwrap()).collect();
    writer.join().unwrap();
    assert!(node.wait().unwrap().success());
    answers
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
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of several words.
    fn word(&mut self, words: &'static str) -> &'static str {
        let words: Vec<_> = words.split(' ').collect();
        self.pick(&words)
    }

    /// A character of ASCII that is seen, or a space.
    fn printable(&mut self) -> char {
        char::from(b' ' + u8::try_from(self.below(95)).unwrap())
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}
