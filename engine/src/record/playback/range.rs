//! The part of a file that a client asks for: the HTTP header `Range`, as RFC 9110 (section 14) has it.
//!
//! One range of bytes is granted. Everything else that a header can say may be left aside, and is: the whole file is a
//! right answer to several ranges, to other units and to what is no range.

use std::ops::Range;

use http_range_header::{RangeUnsatisfiableError, parse_range_header};

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// The whole file.
    Whole,
    /// These bytes of it.
    Part(Range<u64>),
    /// Bytes that it does not have.
    Nothing,
}

impl Asked {
    /// Reads the header's value, for a file of `total` bytes.
    pub(super) fn parse(header: Option<&str>, total: u64) -> Self {
        let Some(header) = header else { return Self::Whole };
        match parse_range_header(header.trim()).and_then(|ranges| ranges.validate(total)).as_deref() {
            Ok([part]) => Self::Part(*part.start()..part.end().saturating_add(1)),
            Err(RangeUnsatisfiableError::Unsatisfiable) => Self::Nothing,
            Ok(_) | Err(_) => Self::Whole,
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn ask(header: &str) -> Asked {
        Asked::parse(Some(header), 1_000)
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
        assert_eq!(Asked::parse(None, 1_000), Asked::Whole);
    }
}
