//! `docs/security.md` claims nothing that no test holds.

use std::collections::BTreeSet;
use std::fs;

use fourwire_tests::personal;
use fourwire_tests::workerd::top;

const PAGE: &str = include_str!("../../../docs/security.md");
/// Where tests are.
const SOURCES: [&str; 5] = ["tests/tests", "tests/src", "engine/src", "engine/tests", "wire/src"];
/// The fewest parts that a test's name has; settings and bindings have fewer.
const MIN_PARTS: usize = 4;

#[test]
fn every_test_that_the_page_names_is_there() {
    let sources = SOURCES.iter().flat_map(|folder| personal::files(&top().join(folder)).expect("a folder"));
    let sources: Vec<_> = sources.filter_map(|file| fs::read_to_string(file).ok()).collect();
    let is_name = |text: &&str| {
        text.split('_').count() >= MIN_PARTS
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let named: BTreeSet<_> = PAGE.split('`').skip(1).step_by(2).filter(is_name).collect();
    assert!(named.len() > 30, "the page was read: {named:?}");
    for name in named {
        let head = format!("fn {name}(");
        let is_test = |source: &String| {
            source.find(&head).is_some_and(|at| source[..at].trim_end_matches("async ").trim_end().ends_with(']'))
        };
        assert!(sources.iter().any(is_test), "{name}");
    }
}

#[test]
fn every_row_of_who_may_do_what_and_of_abuse_has_a_test() {
    for heading in ["## Who may do what", "## Abuse of the phone network"] {
        let (_, section) = PAGE.split_once(heading).expect("a section");
        let section = section.split("\n## ").next().unwrap_or_default();
        let rows: Vec<_> = section.lines().filter(|line| line.starts_with("| ")).skip(2).collect();
        assert!(rows.len() > 4, "{heading}");
        for row in rows {
            assert!(row.contains("(`"), "{row}");
        }
    }
}
