//! `docs/openapi.json` and `docs/api.md` say what is there: all of it, and nothing else. That each answer is as described
//! is seen to wherever a test receives one ([`fourwire_tests::openapi`]).

use std::collections::BTreeSet;
use std::fs;

use fourwire_tests::openapi::{Description, Operation};
use fourwire_tests::workerd::top;
use fourwire_tests::{World, http, personal};
use hyper::Method;
use serde_json::Value;

const PAGE: &str = include_str!("../../../docs/api.md");
const OPERATIONS_PAGE: &str = include_str!("../../../docs/operations.md");
/// Where the edge and the query say which codes there are.
const CODES: [&str; 2] = [include_str!("../../../edge/src/problem.rs"), include_str!("../../../wire/src/query.rs")];
/// The folder in which it is said which settings there are.
const SETTINGS: &str = "engine/src/config";
/// Where it is said what callers hear.
const SENTENCES: &str = include_str!("../../../edge/src/api/twilio_webhooks.rs");
/// Only objects of the Worker hear these from each other; a client is turned away on its socket.
const WITHIN: [&str; 4] = ["call_not_found", "signed_out", "too_many_sessions", "minutes_used_up"];

/// A refusal: its status and its code.
type Refusal = (u16, String);

#[test]
fn the_description_is_of_this_version() {
    assert_eq!(Description::get().version, env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn whatever_is_described_is_there_and_wants_its_credentials() {
    let world = World::shared().await;
    for (path, operation) in Description::get().operations() {
        let answer = http::send(operation.method.clone(), world.edge(), &target(&path.template), None).await;
        let expected = match operation.credentials.as_deref() {
            _ if operation.responses.contains_key(&101) => (426, "websocket_required"),
            Some("idToken") => (401, "authorization_missing"),
            // The shared world has no operator.
            Some("operatorKey") => (503, "not_configured"),
            Some("twilioSignature") => (403, "signature_invalid"),
            _ => (200, ""),
        };
        assert_eq!((answer.status, answer.code()), expected, "{} {}", operation.method, path.template);
    }
}

#[tokio::test]
async fn no_path_takes_a_method_that_is_not_described() {
    let world = World::shared().await;
    let token = world.token("prober");
    for path in &Description::get().paths {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
            let method: Method = method.parse().expect("a method");
            let described = if method == Method::HEAD { Method::GET } else { method.clone() };
            if path.operations.iter().any(|operation| operation.method == described) {
                continue;
            }
            let answer = http::send(method.clone(), world.edge(), &target(&path.template), Some(&token)).await;
            let code = if method == Method::HEAD { "" } else { "method_not_allowed" };
            assert_eq!((answer.status, answer.code()), (405, code), "{method} {}", path.template);
        }
    }
}

#[tokio::test]
async fn no_path_is_there_that_is_not_described() {
    let world = World::shared().await;
    let token = world.token("explorer");
    let paths = &Description::get().paths;
    let beyond = paths.iter().map(|path| format!("{}/more", target(&path.template)));
    let is_described = |target: &String| paths.iter().any(|path| path.fits(target));
    // Each of these leads to a path, and is none.
    let before = ["/v1", "/v1/phone", "/v4", "/v4/web", "/v2/listen"].map(str::to_owned);
    for path in beyond.filter(|path| !is_described(path)).chain(before) {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let answer = http::send(method.clone(), world.edge(), &path, Some(&token)).await;
            assert_eq!((answer.status, answer.code()), (404, "not_found"), "{method} {path}");
        }
    }
}

#[test]
fn every_code_is_described_and_none_that_is_not_there() {
    let there: BTreeSet<_> = CODES.iter().flat_map(|source| texts(function(source, "fn code("))).collect();
    assert!(WITHIN.iter().all(|code| there.contains(code)) && there.len() > 20, "the sources were read: {there:?}");
    let described: BTreeSet<_> = Description::get().refusals().map(|(_, code)| code).chain(WITHIN).collect();
    assert_eq!(described, there);
}

#[test]
fn the_page_has_the_described_routes_and_no_others() {
    let described: BTreeSet<_> =
        Description::get().operations().map(|(path, operation)| route(&path.template, operation)).collect();
    let listed: BTreeSet<_> = PAGE.lines().filter(|line| line.starts_with("| `")).flat_map(routes).collect();
    assert_eq!(listed, described, "its table");
    let explained: BTreeSet<_> = sections().into_iter().flat_map(|(heading, _)| routes(heading)).collect();
    assert_eq!(explained, described, "its headings");
}

#[test]
fn the_page_tells_of_each_route_the_refusals_that_are_described() {
    let (_, everywhere) =
        sections().into_iter().find(|(heading, _)| *heading == "## Errors of every route").expect("it is there");
    let everywhere = refusals(everywhere);
    let described: BTreeSet<_> =
        Description::get().refusals().map(|(status, code)| (status, code.to_owned())).collect();
    assert!(everywhere.is_subset(&described), "{everywhere:?}");
    for (path, operation) in Description::get().operations() {
        let route = route(&path.template, operation);
        let has_route = |(heading, _): &(&str, &str)| routes(heading).contains(&route);
        let (_, section) = sections().into_iter().find(has_route).expect("each route has a section");
        let own: BTreeSet<Refusal> = operation.refusals().map(|(status, code)| (status, code.to_owned())).collect();
        let told: BTreeSet<Refusal> = refusals(section).difference(&everywhere).cloned().collect();
        assert_eq!(told, own.difference(&everywhere).cloned().collect(), "{route}");
    }
}

#[test]
fn the_page_s_examples_are_the_described_ones() {
    let bodies = Description::get().operations().flat_map(|(_, operation)| {
        let answers = operation.responses.values().flat_map(|response| &response.content);
        answers.chain(&operation.request).filter(|content| content.is_json())
    });
    let described: Vec<&Value> = bodies.filter_map(|content| content.example.as_ref()).collect();
    let blocks = PAGE.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next());
    let shown: Vec<Value> = blocks.map(|block| serde_json::from_str(block).expect("JSON")).collect();
    assert!(!shown.is_empty());
    for example in &shown {
        assert!(described.contains(&example), "{example} is not described");
    }
    for example in described {
        assert!(shown.contains(example), "{example} is not shown");
    }
}

#[test]
fn the_page_has_every_sentence_that_a_caller_may_hear() {
    let sentences = texts(function(SENTENCES, "mod sentence"));
    assert!(sentences.len() > 5, "the source was read: {sentences:?}");
    for sentence in sentences {
        assert!(PAGE.contains(&format!("| {sentence} |")), "{sentence}");
    }
}

#[test]
fn every_setting_is_told_to_operators() {
    let is_name = |text: &&str| text.len() > 3 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let files = personal::files(&top().join(SETTINGS)).expect("a folder");
    let sources: Vec<_> = files.iter().map(|file| fs::read_to_string(file).expect("a source")).collect();
    let settings: BTreeSet<_> = sources.iter().flat_map(|source| texts(source)).filter(is_name).collect();
    assert!(settings.contains("DIAL_REGIONS") && settings.len() > 15, "the sources were read: {settings:?}");
    for setting in settings {
        assert!(OPERATIONS_PAGE.contains(&format!("`{setting}`")), "{setting}");
    }
}

/// A path that fits a template.
fn target(template: &str) -> String {
    template.replace("{id}", "00000000-0000-4000-8000-000000000000")
}

fn route(template: &str, operation: &Operation) -> String {
    format!("{} {template}", operation.method)
}

/// The page's headings, each with everything below it.
fn sections() -> Vec<(&'static str, &'static str)> {
    let starts = PAGE.match_indices("\n#").map(|(at, _)| &PAGE[at + 1..]);
    let section = |rest: &'static str| {
        let (heading, below) = rest.split_once('\n').unwrap_or((rest, ""));
        let depth = heading.len() - heading.trim_start_matches('#').len();
        let ends = (1..=depth).filter_map(|depth| below.find(&format!("\n{} ", "#".repeat(depth))));
        (heading, &below[..ends.min().unwrap_or(below.len())])
    };
    starts.map(section).collect()
}

/// The routes that a line names.
fn routes(line: &str) -> Vec<String> {
    let is_route = |code: &&str| code.split_once(" /").is_some_and(|(method, _)| method.parse::<Method>().is_ok());
    line.split('`').skip(1).step_by(2).filter(is_route).map(str::to_owned).collect()
}

/// What a text tells as ``404 `not_found` ``.
fn refusals(text: &str) -> BTreeSet<Refusal> {
    let parts: Vec<&str> = text.split('`').collect();
    let refusal = |(before, code): (&&str, &&str)| {
        let status = before.strip_suffix(' ')?.get(before.len().checked_sub(4)?..)?.parse().ok()?;
        Some((status, (*code).to_owned()))
    };
    parts.iter().zip(parts.iter().skip(1)).step_by(2).filter_map(refusal).collect()
}

/// A function or module of a formatted source, up to the brace that ends it.
fn function<'a>(source: &'a str, head: &str) -> &'a str {
    let start = source.find(head).unwrap_or_else(|| panic!("there is a {head}"));
    let line = source[..start].rfind('\n').map_or(0, |at| at + 1);
    let indent = source[line..].len() - source[line..].trim_start().len();
    let end = source[start..].find(&format!("\n{}}}", " ".repeat(indent))).expect("it ends");
    &source[start..start + end]
}

/// The texts in quotes.
fn texts(source: &str) -> Vec<&str> {
    source.split('"').skip(1).step_by(2).collect()
}
