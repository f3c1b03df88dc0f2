//! What a client asks for of a file: the HTTP headers `Range`, `If-Range`, `If-Match` and `If-None-Match`, as RFC 9110 (sections 13
//! and 14) has them.
//!
//! One range of bytes is granted. Everything else that a `Range` can say may be left aside, and is: the whole file is a
//! right answer to several ranges, to other units and to what is no range.

use std::ops::Range;

use http_range_header::{RangeUnsatisfiableError, parse_range_header};

/// What a request says of the file, besides which: the values of its headers. Of a header that came several times, they are
/// joined by commas.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conditions<'a> {
    /// Whether it is a `HEAD`: only what there is to say of the file is wanted, and a `Range` means nothing (section 14.2).
    pub is_head: bool,
    /// `Range`.
    pub range: Option<&'a str>,
    /// `If-Range`: the file of which the client has a part already.
    pub if_range: Option<&'a str>,
    /// `If-Match`: the files of which it wants one, and no other.
    pub if_match: Option<&'a str>,
    /// `If-None-Match`: the files that it has already.
    pub if_none_match: Option<&'a str>,
}

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// The whole file.
    Whole,
    /// What there is to say of the whole file.
    Head,
    /// These bytes of it.
    Part(Range<u64>),
    /// Bytes that it does not have.
    Nothing,
    /// Nothing, since the client has the file.
    Unchanged,
    /// Another file than this one.
    Another,
}

impl Asked {
    /// Reads the headers, for a file of `total` bytes with a strong validator `etag`. The order is that of section 13.2.2.
    pub(super) fn parse(conditions: &Conditions<'_>, total: u64, etag: &str) -> Self {
        let Conditions { is_head, range, if_range, if_match, if_none_match } = *conditions;
        if if_match.is_some_and(|list| !names(list, etag, Comparison::Strong)) {
            return Self::Another;
        }
        if if_none_match.is_some_and(|list| names(list, etag, Comparison::Weak)) {
            return Self::Unchanged;
        }
        if is_head {
            return Self::Head;
        }
        // A date never fits, since the file has none, nor does a weak validator, of which bytes may differ (section 13.1.5).
        let range = range.filter(|_| if_range.is_none_or(|validator| validator.trim() == etag));
        let Some(range) = range else { return Self::Whole };
        match parse_range_header(range.trim()).and_then(|ranges| ranges.validate(total)).as_deref() {
            Ok([part]) => Self::Part(*part.start()..part.end().saturating_add(1)),
            Err(RangeUnsatisfiableError::Unsatisfiable) => Self::Nothing,
            Ok(_) | Err(_) => Self::Whole,
        }
    }
}

/// How validators are compared (section 8.8.3.2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    /// The same bytes.
    Strong,
    /// The same to a reader.
    Weak,
}

/// Whether a list of validators names this one; `*` names every one.
fn names(list: &str, etag: &str, comparison: Comparison) -> bool {
    if list.trim() == "*" {
        return true;
    }
    // Inside the quotes of a validator there may be a comma; ours has none, so whatever is cut there is another's.
    list.split(',').map(str::trim).any(|named| {
        let strong = named.strip_prefix("W/").filter(|_| comparison == Comparison::Weak);
        strong.unwrap_or(named) == etag
    })
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    const ETAG: &str = "\"abc\"";

    fn ask(header: &str) -> Asked {
        Asked::parse(&Conditions { range: Some(header), ..Conditions::default() }, 1_000, ETAG)
    }

    #[test]
    fn one_range_is_granted_up_to_the_files_end() {
        assert_eq!(ask("bytes=0-499"), Asked::Part(0..500));
        assert_eq!(ask("bytes=500-500"), Asked::Part(500..501));
        assert_eq!(ask("bytes=500-"), Asked::Part(500..1_000));
        assert_eq!(ask("bytes=999-5000"), Asked::Part(999..1_000));
        assert_eq!(ask("bytes=0-99999999999999999999999"), Asked::Part(0..1_000));
        assert_eq!(ask("bytes=-200"), Asked::Part(800..1_000));
        assert_eq!(ask("bytes=-5000"), Asked::Part(0..1_000));
        assert_eq!(ask("Bytes= 007-8"), Asked::Part(7..9));
        assert_eq!(ask("bytes=0-1,"), Asked::Part(0..2), "a list of one");
    }

    #[test]
    fn what_lies_behind_the_end_is_refused() {
        for header in ["bytes=1000-", "bytes=1000-1001", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(ask(header), Asked::Nothing, "{header}");
        }
    }

    #[test]
    fn several_ranges_and_what_is_no_range_are_answered_with_the_whole() {
        let headers = [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=2-1",
            "bytes=0-1,5-6",
            "bytes=0x1-2",
            "bytes=+1-2",
            "bytes=1--2",
            "bytes=1- 2",
            "bytes=١-٢",
            "samples=0-1",
        ];
        for header in headers {
            assert_eq!(ask(header), Asked::Whole, "{header}");
        }
        assert_eq!(Asked::parse(&Conditions::default(), 1_000, ETAG), Asked::Whole);
    }

    #[test]
    fn a_part_of_another_file_is_not_granted() {
        for (if_range, is_granted) in [
            (ETAG, true),
            (" \"abc\" ", true),
            ("W/\"abc\"", false),
            ("\"abd\"", false),
            ("\"ABC\"", false),
            ("\"abc", false),
            ("abc", false),
            ("", false),
            ("*", false),
            ("\"abc\", \"abd\"", false),
            ("Wed, 25 Mar 2026 12:00:00 GMT", false),
            ("Thu, 01 Jan 1970 00:00:00 GMT", false),
            ("Fri, 31 Dec 9999 23:59:59 GMT", false),
        ] {
            let ask = |range| {
                let conditions = Conditions { range, if_range: Some(if_range), ..Conditions::default() };
                Asked::parse(&conditions, 1_000, ETAG)
            };
            let granted = |part| if is_granted { part } else { Asked::Whole };
            assert_eq!(ask(Some("bytes=500-")), granted(Asked::Part(500..1_000)), "{if_range}");
            assert_eq!(ask(Some("bytes=1000-")), granted(Asked::Nothing), "{if_range}");
            assert_eq!(ask(Some("bytes=0-1,5-6")), Asked::Whole, "{if_range}");
            assert_eq!(ask(None), Asked::Whole, "without a range it means nothing: {if_range}");
        }
    }

    #[test]
    fn who_has_the_file_is_told_so_and_who_wants_another_as_well() {
        for (list, is_named, is_named_strongly) in [
            (ETAG, true, true),
            ("*", true, true),
            (" * ", true, true),
            ("W/\"abc\"", true, false),
            ("\"x\", \"abc\"", true, true),
            ("\"x\",W/\"abc\",\"y\"", true, false),
            ("\"x\" , \"y\"", false, false),
            ("\"x,\"abc\"", true, true),
            ("w/\"abc\"", false, false),
            ("W/W/\"abc\"", false, false),
            ("abc", false, false),
            ("", false, false),
            (",,", false, false),
        ] {
            let range = Some("bytes=0-1");
            let none_match = Conditions { if_none_match: Some(list), range, ..Conditions::default() };
            let expected = if is_named { Asked::Unchanged } else { Asked::Part(0..2) };
            assert_eq!(Asked::parse(&none_match, 1_000, ETAG), expected, "{list}");
            let head = Conditions { is_head: true, ..none_match };
            let expected = if is_named { Asked::Unchanged } else { Asked::Head };
            assert_eq!(Asked::parse(&head, 1_000, ETAG), expected, "{list}");
            let matching = Conditions { if_match: Some(list), range, ..Conditions::default() };
            let expected = if is_named_strongly { Asked::Part(0..2) } else { Asked::Another };
            assert_eq!(Asked::parse(&matching, 1_000, ETAG), expected, "{list}");
            let both = Conditions { if_none_match: Some("*"), ..matching };
            let expected = if is_named_strongly { Asked::Unchanged } else { Asked::Another };
            assert_eq!(Asked::parse(&both, 1_000, ETAG), expected, "{list}");
        }
    }

    #[test]
    fn a_range_means_nothing_where_no_byte_is_wanted() {
        for range in [None, Some("bytes=0-1"), Some("bytes=5000-"), Some("bytes=-1"), Some("nonsense")] {
            for if_range in [None, Some(ETAG), Some("\"other\"")] {
                let conditions = Conditions { is_head: true, range, if_range, ..Conditions::default() };
                assert_eq!(Asked::parse(&conditions, 1_000, ETAG), Asked::Head, "{range:?} {if_range:?}");
            }
        }
    }
}
