//! The table of limits in `docs/operations.md` says what the code says.
//!
//! The link of a row's limit leads to a source, and its title is the name of a constant (or of a default's field) there.

use std::fs;

use fourwire_tests::personal;
use fourwire_tests::workerd::top;

const PAGE: &str = include_str!("../../../docs/operations.md");
/// The columns.
const HEAD: &str = "| limit | default | setting | what the client sees |";
/// The folder in which it is said which settings there are.
const SETTINGS: &str = "engine/src/config";

/// The cells of each row.
fn rows() -> Vec<[&'static str; 4]> {
    let (_, section) = PAGE.split_once("\n## Limits\n").expect("a section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let (_, table) = section.split_once(HEAD).expect("a table");
    let lines = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let cells = |line: &'static str| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        cells.try_into().unwrap_or_else(|cells| panic!("four cells: {cells:?}"))
    };
    lines.map(cells).collect()
}

#[test]
fn each_default_is_the_code_s() {
    let rows = rows();
    assert!(rows.len() > 20, "the table was read");
    for [limit, default, ..] in rows {
        let (file, name) = link(limit).unwrap_or_else(|| panic!("{limit}: a link with a constant's name as its title"));
        let source = fs::read_to_string(top().join(file)).unwrap_or_else(|error| panic!("{limit}: {error}"));
        let value = values_in(&source, name).unwrap_or_else(|| panic!("{limit}: there is no {name} in {file}"));
        assert_eq!(amounts(default), Some(value), "{limit}: {default}");
    }
}

#[test]
fn each_setting_of_a_limit_is_one() {
    let files = personal::files(&top().join(SETTINGS)).expect("a folder");
    let sources: String = files.iter().map(|file| fs::read_to_string(file).expect("a source")).collect();
    for [limit, _, setting, told] in rows() {
        let name = setting.trim_matches('`');
        assert!(name.is_empty() || sources.contains(&format!("\"{name}\"")), "{limit}: {setting}");
        assert!(!told.is_empty(), "{limit}: what is seen of it");
    }
}

#[test]
fn amounts_are_read_from_the_page_and_from_the_code() {
    for (text, expected) in [
        ("4 s", Some(4_000)),
        ("15 min", Some(900_000)),
        ("24 h", Some(86_400_000)),
        ("500 ms", Some(500)),
        ("64 KiB", Some(65_536)),
        ("2 MiB", Some(2_097_152)),
        ("200", Some(200)),
        ("many", None),
        ("4 weeks", None),
    ] {
        assert_eq!(amount(text), expected, "{text}");
    }
    let source = "const A: Duration = Duration::from_secs(4);\nconst B_SECONDS: u64 = 86_400;\n\
        pub const C_BYTES: usize = 64 * 1024;\nconst D_MILLIS: u64 = 4 * 60 * 60 * 1000;\n\
        const G: Samples = Samples::from_millis(30_000);\n\
        Self { at_once: 2, seconds_a_day: 36_000, longest: B_SECONDS }\nconst E: usize = 1;";
    for (name, expected) in [
        ("A", Some(4_000)),
        ("B_SECONDS", Some(86_400_000)),
        ("C_BYTES", Some(65_536)),
        ("D_MILLIS", Some(14_400_000)),
        ("at_once", Some(2)),
        ("seconds_a_day", Some(36_000_000)),
        ("longest", None),
        ("E", Some(1)),
        ("G", Some(30_000)),
        ("_SECONDS", None),
        ("F", None),
    ] {
        assert_eq!(value_in(source, name), expected, "{name}");
    }
}

/// File and name of `[text](../file "name")`.
fn link(cell: &str) -> Option<(&str, &str)> {
    let (_, target) = cell.strip_suffix("\")")?.split_once("](../")?;
    target.split_once(" \"")
}

/// What a cell says, amount for amount: `3 within 1 h` are two.
fn amounts(cell: &str) -> Option<Vec<u64>> {
    cell.split(", ").flat_map(|part| part.split(" within ")).map(amount).collect()
}

/// The same of a constant: of one that is made of `Limit`s, the count and the time of each.
fn values_in(source: &str, name: &str) -> Option<Vec<u64>> {
    let limits = || {
        let (_, rest) = source.split_once(&format!("const {name}: "))?;
        let (_, value) = rest.split(';').find(|part| part.contains("Limit {"))?.split_once('=').unwrap_or_default();
        let fields = value.split(['{', ',', '}']).filter_map(|field| field.split_once(": "));
        let fields: Vec<_> = fields.filter_map(|(_, value)| product(value)).collect();
        (!fields.is_empty()).then_some(fields)
    };
    value_in(source, name).map(|value| vec![value]).or_else(limits)
}

/// What a cell says: a time in milliseconds, a size in bytes, or a count.
fn amount(cell: &str) -> Option<u64> {
    let (number, unit) = cell.split_once(' ').unwrap_or((cell, ""));
    let factor = match unit {
        "" | "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "KiB" => 1_024,
        "MiB" => 1_024 * 1_024,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// The same of a constant, `NAME: type = value;`, or of a field, `name: value`.
fn value_in(source: &str, name: &str) -> Option<u64> {
    let head = format!("{name}: ");
    let mut expressions = source.match_indices(&head).filter_map(|(at, found)| {
        let is_whole = !source[..at].ends_with(|letter: char| letter.is_alphanumeric() || letter == '_');
        let rest = &source[at + found.len()..];
        let constant = rest.lines().next()?.split_once(" = ").and_then(|(_, value)| value.split(';').next());
        let field = || rest.split([',', '}', '\n']).next();
        is_whole.then(|| constant.or_else(field))?
    });
    let unit = if name.to_lowercase().contains("seconds") { 1_000 } else { 1 };
    expressions.find_map(evaluated).map(|(value, has_unit)| if has_unit { value } else { value * unit })
}

/// A product of numbers, or a duration; whether it says its own unit.
fn evaluated(expression: &str) -> Option<(u64, bool)> {
    let expression = expression.trim();
    if let Some(millis) = expression.strip_prefix("Samples::from_millis(") {
        return Some((product(millis.strip_suffix(')')?)?, true));
    }
    if let Some(duration) = expression.strip_prefix("Duration::from_") {
        let (unit, number) = duration.strip_suffix(')')?.split_once('(')?;
        let factor = match unit {
            "millis" => 1,
            "secs" => 1_000,
            "mins" => 60_000,
            "hours" => 3_600_000,
            _ => return None,
        };
        return Some((product(number)? * factor, true));
    }
    product(expression).map(|value| (value, false))
}

fn product(text: &str) -> Option<u64> {
    text.split('*').map(|factor| factor.trim().replace('_', "").parse::<u64>().ok()).product()
}
