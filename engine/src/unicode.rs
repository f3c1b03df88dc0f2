//! What the Unicode Character Database says of characters, where Rust's own `char` does not say it. The tables are those that
//! `url` brings for host names.

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};

/// Whether a character is meant not to be seen: bidirectional controls, zero-width characters, soft hyphens, variation
/// selectors (`Default_Ignorable_Code_Point`, <https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point>).
pub(crate) fn is_invisible(character: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character)
}

/// The value of a decimal digit of any script.
pub(crate) fn digit(character: char) -> Option<u32> {
    if character.is_ascii() {
        return character.to_digit(10);
    }
    let is_digit =
        |character: &char| CodePointMapData::<GeneralCategory>::new().get(*character) == GeneralCategory::DecimalNumber;
    if !is_digit(&character) {
        return None;
    }
    // Each script's ten digits follow one another, and a run of digits begins with a zero
    // (<https://www.unicode.org/policies/stability_policy.html>, "Numeric_Type=Decimal"). The longest run is that of the
    // mathematical digits, five times ten.
    let before = (1..50_u32).take_while(|back| {
        u32::from(character).checked_sub(*back).and_then(char::from_u32).is_some_and(|earlier| is_digit(&earlier))
    });
    u32::try_from(before.count()).ok().map(|place| place % 10)
}

/// Whether a character is a mark on the one before it.
pub(crate) fn is_mark(character: char) -> bool {
    let category = CodePointMapData::<GeneralCategory>::new().get(character);
    matches!(category, GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark)
}

/// A text with each character taken apart into its letter and its marks, and each compatibility form made the plain one
/// (NFKD).
pub(crate) fn decomposed(text: impl Iterator<Item = char>) -> impl Iterator<Item = char> {
    DecomposingNormalizerBorrowed::new_nfkd().normalize_iter(text)
}

/// A text with letters and their marks put together again (NFC).
pub(crate) fn composed(text: impl Iterator<Item = char>) -> impl Iterator<Item = char> {
    ComposingNormalizerBorrowed::new_nfc().normalize_iter(text)
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn digits_of_every_script_have_their_value() {
        let zeros = [
            '0', '٠', '۰', '߀', '०', '০', '੦', '૦', '୦', '௦', '౦', '೦', '൦', '෦', '๐', '໐', '༠', '၀', '႐', '០', '᠐',
            '᥆', '᧐', '᪀', '᪐', '᭐', '᮰', '᱀', '᱐', '꘠', '꣐', '꤀', '꧐', '꧰', '꩐', '꯰', '０', '𐒠', '𑁦', '𑃰', '𑄶', '𑛀',
            '𖩠', '𞥐', '𝟎', '𝟘', '𝟢', '𝟬', '𝟶',
        ];
        for zero in zeros {
            for value in 0..10 {
                let character = char::from_u32(u32::from(zero) + value).unwrap();
                assert_eq!(digit(character), Some(value), "U+{:04X}", u32::from(character));
            }
        }
        for other in ['a', ' ', '²', '①', '½', 'Ⅷ', '〇', '三', '𐄇', '᧚', '⁰', '፩', '+', '\u{200b}'] {
            assert_eq!(digit(other), None, "{other}");
        }
    }

    #[test]
    fn every_digit_of_the_database_stands_in_a_run_of_ten() {
        let digits = ('\0'..=char::MAX).filter_map(|character| digit(character).map(|value| (character, value)));
        let (mut count, mut expected, mut last) = (0, 0, '\0');
        for (character, value) in digits {
            let follows = u32::from(character) == u32::from(last) + 1;
            assert!(follows || expected == 0, "U+{:04X}", u32::from(character));
            assert_eq!(value, expected, "U+{:04X}", u32::from(character));
            (count, expected, last) = (count + 1, (expected + 1) % 10, character);
        }
        assert!(count >= 680 && count % 10 == 0, "{count}");
    }

    #[test]
    fn what_is_not_seen_is_told_from_what_is_only_narrow() {
        for invisible in
            "\u{ad}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{202a}\u{202c}\u{2060}\u{2066}\u{2069}\u{feff}".chars()
        {
            assert!(is_invisible(invisible), "U+{:04X}", u32::from(invisible));
        }
        for seen in " \u{a0}\u{2009}\u{202f}-\u{2011}\0\u{7f}\u{301}\u{fffd}a".chars() {
            assert!(!is_invisible(seen), "U+{:04X}", u32::from(seen));
        }
    }
}
