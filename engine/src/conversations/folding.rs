//! One form for every way in which a text may be written, so that a search finds it: a query and the texts are both folded.
//!
//! Compatibility forms become plain ones (NFKD), accents and characters that are not seen are left out, letters lose their
//! case by the full rules (`ß` is `ss`), and what is left is composed (NFC). The steps are those of the Unicode Standard's
//! caseless matching (chapter 3.13), with accents left out between them.
//!
//! Left out are marks that a writer may leave out without writing another word: accents of Latin, Greek and Cyrillic, vowel
//! signs of Hebrew, Arabic and Syriac. So `и` finds `й`, and `е` finds `ё`. A mark that makes another letter stays: vowel
//! signs of Indic scripts, tones of Thai, the voicing marks of kana.

use crate::unicode;

/// The folded form of a text. It takes time in proportion to the text's length.
pub(super) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let letters = unicode::decomposed(text.chars()).filter(|character| !is_left_out(*character));
    unicode::composed(letters.flat_map(without_case).flat_map(plain)).collect()
}

/// Whether a character says nothing about which word it is.
fn is_left_out(character: char) -> bool {
    // ASCII is most of a text.
    !character.is_ascii() && (unicode::is_invisible(character) || is_accent(character))
}

fn is_accent(character: char) -> bool {
    // Blocks whose marks are of the scripts above; within them not every character is a mark.
    let may_be = matches!(
        character,
        // Combining diacritical marks, their extensions, supplement, those for symbols and half marks.
        '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
        | '\u{fe20}'..='\u{fe2f}'
        // Cyrillic.
        | '\u{483}'..='\u{489}' | '\u{2de0}'..='\u{2dff}' | '\u{a66f}'..='\u{a67d}' | '\u{a69e}'..='\u{a69f}'
        // Hebrew, Arabic with its extensions, Syriac.
        | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}'
        | '\u{6d6}'..='\u{6ed}' | '\u{711}'..='\u{74a}' | '\u{897}'..='\u{8ff}'
    );
    // The tatweel only makes an Arabic word longer.
    character == '\u{640}' || (may_be && unicode::is_mark(character))
}

/// A letter without its case, by the full rules of case folding. The standard library has no folding, but a letter and its
/// other forms (`ẞ` and `ß`, `ς` and `σ`, `ſ` and `s`, `ı` and `i`) all meet in the small letters of their capital ones.
fn without_case(character: char) -> impl Iterator<Item = char> {
    character.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}

/// A letter that Unicode does not take apart, as it is written by who has no key for it.
fn plain(letter: char) -> impl Iterator<Item = char> {
    let (first, second) = match letter {
        'æ' => ('a', Some('e')),
        'œ' => ('o', Some('e')),
        'þ' => ('t', Some('h')),
        'đ' | 'ð' | 'ɖ' => ('d', None),
        'ħ' => ('h', None),
        'ı' => ('i', None),
        'ł' => ('l', None),
        'ø' => ('o', None),
        'ŧ' => ('t', None),
        letter => (letter, None),
    };
    [Some(first), second].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn ways_to_write_one_word_have_one_form() {
        for ways in [
            // Composed, decomposed, without accents, in capitals.
            &["\u{d6}rn", "O\u{308}rn", "orn", "ÖRN", "ÓRN"][..],
            &["Zoë", "Zoe\u{308}", "ZOE"],
            &["Straße", "STRASSE", "strasse", "STRAẞE"],
            &["İstanbul", "i\u{307}stanbul", "I\u{307}STANBUL", "istanbul", "ISTANBUL", "ıstanbul"],
            &["ışık", "IŞIK", "isik", "Işık"],
            &["Ὀδυσσεύς", "ΟΔΥΣΣΕΥΣ", "οδυσσεύσ", "Οδυσσευς"],
            &["Μάϊος", "ΜΑΪΟΣ", "μαιος", "Μα\u{301}ι\u{308}ος"],
            &["ᾳδης", "ᾼΔΗΣ", "αδης"],
            // Vietnamese: two marks in either order, and a letter with a stroke.
            &["Nguyễn", "Nguye\u{302}\u{303}n", "Nguyê\u{303}n", "nguyen", "NGUYỄN"],
            &["Đặng", "đa\u{323}\u{306}ng", "đa\u{306}\u{323}ng", "dang", "ĐẶNG"],
            &["Łódź", "lodz", "ŁÓDŹ"],
            &["Søren", "soren", "SØREN"],
            &["Æsir", "aesir", "ǼSIR"],
            // Compatibility forms.
            &["Ａｎｎ　Ｏ", "ann o", "ANN\u{a0}O"],
            &["ﬁnance oﬃce", "finance office", "FINANCE OFFICE"],
            &["№ ①②", "no 12", "NO 12"],
            &["𝓐𝓷𝓷", "ann", "ⓐⓝⓝ"],
            &["ｶﾞｰﾃﾞﾝ", "ガーデン", "カ\u{3099}ーテ\u{3099}ン"],
            &["한국", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}"],
            &["㈜한국", "(주)한국"],
            // Vowel signs and what only looks different.
            &["שָׁלוֹם", "שלום", "\u{fb2a}לום"],
            &["مُحَمَّد", "محمد", "محـــمد"],
            &["أحمد", "احمد", "ا\u{654}حمد"],
            &["Алёна", "АЛЕНА", "алена", "Але\u{308}на"],
            &["Сергей", "сергеи\u{306}", "СЕРГЕИ"],
            &["co\u{ad}op", "coop", "co\u{200b}op", "\u{202a}coop\u{202c}"],
            &["❤\u{fe0f}", "❤"],
            &["👩\u{200d}🔧", "👩🔧"],
            &["ſchon", "SCHON", "schon"],
            &["µ-law", "μ-law", "Μ-LAW"],
            &["ΰ", "Υ\u{308}\u{301}", "υ"],
            &["և", "եւ", "ԵՒ"],
            &["ნინო", "ᲜᲘᲜᲝ"],
        ] {
            let forms: Vec<_> = ways.iter().map(|way| fold(way)).collect();
            assert!(forms.iter().all(|form| form == &forms[0]), "{ways:?}: {forms:?}");
        }
    }

    #[test]
    fn what_is_another_letter_stays_another_one() {
        for (one, other) in [
            // A voiced kana, a vowel sign, a tone, a syllable with another end.
            ("か", "が"),
            ("ハ", "パ"),
            ("कि", "की"),
            ("มา", "ม้า"),
            ("하", "한"),
            ("ш", "щ"),
            ("ا", "ب"),
            ("ת", "ט"),
            ("n", "m"),
            ("👍", "👎"),
            ("が", "ガ"),
        ] {
            assert_ne!(fold(one), fold(other), "{one} {other}");
            assert!(!fold(other).contains(&fold(one)), "{one} in {other}");
        }
    }

    #[test]
    fn a_folded_text_is_folded_again_to_itself_whatever_it_is_made_of() {
        // Planes beyond these have no letters.
        for character in '\0'..='\u{3ffff}' {
            let once = fold(&character.to_string());
            assert_eq!(fold(&once), once, "U+{:04X}", u32::from(character));
            // Both cases have one form. The iota below a Greek vowel, which is left out, is a letter of its own in capitals.
            if unicode::decomposed(std::iter::once(character)).any(|part| part == '\u{345}') {
                continue;
            }
            let both = [character.to_uppercase().to_string(), character.to_lowercase().to_string()];
            assert!(both.iter().all(|form| fold(form) == once), "U+{:04X}", u32::from(character));
        }
    }

    #[test]
    fn a_long_run_of_marks_is_no_more_work_than_as_many_letters() {
        // A quadratic step would take minutes.
        for unit in ["\u{301}", "\u{323}\u{301}", "\u{3099}", "\u{93c}\u{94d}", "\u{fdfa}", "ﬃ", "\u{1161}"] {
            let long = format!("a{}", unit.repeat(200_000 / unit.len()));
            assert!(fold(&long).len() <= 12 * long.len(), "{unit:?}");
        }
    }

    proptest! {
        #[test]
        fn composed_and_decomposed_texts_have_one_form(text in "\\PC{0,20}") {
            let composed: String = crate::unicode::composed(text.chars()).collect();
            let decomposed: String = crate::unicode::decomposed(text.chars()).collect();
            prop_assert_eq!(fold(&composed), fold(&text));
            prop_assert_eq!(fold(&decomposed), fold(&text));
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
        }
    }
}
