//! Numbers as they are said: `3`, `three`, `twenty-five`, `a couple of`, `third`, `3rd`.

use super::text::{Word, word};

/// Words for the numbers from zero.
const SMALL: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
/// Words for the tens from twenty.
const TENS: [&str; 4] = ["twenty", "thirty", "forty", "fifty"];
/// Words for the ordinals from first.
const ORDINALS: [&str; 19] = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
];

/// A number at a place, and how many words it takes.
pub(super) fn number(words: &[Word], at: usize) -> Option<(u32, usize)> {
    let said = word(words, at);
    if let Some(tens) = tens(said) {
        let unit = small(word(words, at + 1)).filter(|unit| (1..10).contains(unit));
        return Some(unit.map_or((tens, 1), |unit| (tens + unit, 2)));
    }
    let digits = || said.parse().ok().filter(|_| said.len() <= 4);
    small(said).or_else(digits).map(|number| (number, 1))
}

/// A number of units, as in `in two hours`, `in an hour`, `in a couple of days`.
pub(super) fn count(words: &[Word], at: usize) -> Option<(u32, usize)> {
    let after_article = usize::from(word(words, at) == "a");
    match word(words, at + after_article) {
        "couple" => return Some((2, after_article + 1 + usize::from(word(words, at + after_article + 1) == "of"))),
        "few" => return Some((3, after_article + 1)),
        _ => {}
    }
    match word(words, at) {
        "a" | "an" | "one" => Some((1, 1)),
        _ => number(words, at),
    }
}

/// A day of a month at a place: `3rd`, `third`, `twenty-third`; where `plain` says so also `3`.
pub(super) fn day_of_month(words: &[Word], at: usize, plain: bool) -> Option<(u8, usize)> {
    let said = word(words, at);
    let stem = ["st", "nd", "rd", "th"].iter().find_map(|suffix| said.strip_suffix(suffix));
    if let Some(day) = stem.and_then(|digits| digits.parse().ok()) {
        return fits(day, 1);
    }
    if let Some(tens) = tens(said)
        && let Some(unit) = ordinal(word(words, at + 1)).filter(|unit| *unit < 10)
    {
        return fits(tens + unit, 2);
    }
    let whole = match said {
        "twentieth" => Some(20),
        "thirtieth" => Some(30),
        _ => ordinal(said),
    };
    if let Some(day) = whole {
        return fits(day, 1);
    }
    let (day, taken) = number(words, at).filter(|_| plain)?;
    fits(day, taken)
}

fn fits(day: u32, taken: usize) -> Option<(u8, usize)> {
    u8::try_from(day).ok().filter(|day| (1..=31).contains(day)).map(|day| (day, taken))
}

fn small(said: &str) -> Option<u32> {
    SMALL.iter().position(|known| *known == said).and_then(|number| u32::try_from(number).ok())
}

fn tens(said: &str) -> Option<u32> {
    let place = TENS.iter().position(|known| *known == said)?;
    u32::try_from(place).ok().map(|place| (place + 2) * 10)
}

fn ordinal(said: &str) -> Option<u32> {
    let place = ORDINALS.iter().position(|known| *known == said)?;
    u32::try_from(place).ok().map(|place| place + 1)
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::super::text::words;
    use super::*;

    #[test]
    fn numbers_are_read_in_digits_and_in_words() {
        assert_eq!(number(&words("forty-five minutes"), 0), Some((45, 2)));
        assert_eq!(count(&words("a couple of days"), 0), Some((2, 3)));
        assert_eq!(count(&words("an hour"), 0), Some((1, 1)));
        assert_eq!(day_of_month(&words("twenty-third"), 0, false), Some((23, 2)));
        assert_eq!(day_of_month(&words("22nd of March"), 0, false), Some((22, 1)));
        assert_eq!(day_of_month(&words("32nd"), 0, false), None);
        assert_eq!(day_of_month(&words("3"), 0, false), None);
        assert_eq!(number(&words("99999999999"), 0), None);
    }
}
