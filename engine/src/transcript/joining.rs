//! Joins recognised words into one text, with a blank only where the script and the punctuation take one.
//!
//! Speech services give words and marks one by one. English has a blank between words and none before `.`; Japanese and
//! Thai have none between words at all. Which scripts those are is data here ([`is_unspaced`], after the line-breaking
//! classes ID, CJ and SA of <https://www.unicode.org/reports/tr14/>), and so is which mark belongs to which side.

use unicode_script::{Script, UnicodeScript};

/// Marks that belong to the text before them: what ends a sentence or a part of it, what closes, and what measures.
/// Armenian, Hebrew, Arabic, Indic, Thai, Tibetan, Myanmar, Ethiopic and Khmer marks, then those of East Asia.
const BELONGS_BEFORE: &str = ".,!?:;…‥)]}”’»›%‰°′″\
    ։՝՞՜׃،؛؟۔।॥ฯๆ།༎་၊။፡።፣፤፥፦፧៖។៕ៗ\
    、。〃〉》」』】〕〗〙〛〞〟ゝゞヽヾ々・！），．：；？］｝｠｡｣､･％～〜";
/// Marks that belong to the text after them. `“` and the straight quotes open or close: see [`opens_quote`].
const BELONGS_AFTER: &str = "([{¿¡‘‚„«‹〈《「『【〔〖〘〚〝（［｛｟｢";
/// Quotation marks of which one closes what the other opened, where the text before tells which: `"a"`, `„a“`.
const QUOTES: [char; 3] = ['"', '“', '„'];
/// Ends of sentences and clauses that are followed by a blank in every script. Their full-width forms bring one along.
const SPACED_ENDS: &str = ".,!?:;";
/// What follows an apostrophe in a word's second half: `it` `'s`. Before anything else it opens: `'cause`.
const CLITICS: [&str; 7] = ["s", "t", "m", "d", "re", "ve", "ll"];

/// Adds a word, or a mark, to a text. A word may bring its own marks along, on both sides.
///
/// The cost grows with the word, and with the text only back to its last quotation mark where the word begins with one.
pub fn push_word(text: &mut String, word: &str) {
    let word = word.trim();
    if needs_blank(text, word) {
        text.push(' ');
    }
    text.push_str(word);
}

/// Words as one text: [`push_word`] for each of them.
pub fn join<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().fold(String::new(), |mut text, word| {
        push_word(&mut text, word);
        text
    })
}

/// A text on one line, without control characters and with single blanks. A blank stays, since somebody put it there; a
/// line break becomes one only where the script takes it.
pub(crate) fn one_line(text: &str) -> String {
    let is_break = |char: char| char.is_control() && char != '\t' || matches!(char, '\u{2028}' | '\u{2029}');
    let lines = text.split(is_break).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.fold(String::new(), |mut whole, line| {
        push_word(&mut whole, &line);
        whole
    })
}

/// Whether a script is written without blanks between words.
pub(crate) fn is_unspaced(char: char) -> bool {
    is_east_asian(char)
        || matches!(
            char.script(),
            Script::Thai
                | Script::Lao
                | Script::Khmer
                | Script::Myanmar
                | Script::Tibetan
                | Script::Tai_Le
                | Script::New_Tai_Lue
                | Script::Tai_Tham
                | Script::Tai_Viet
                | Script::Ahom
                | Script::Balinese
                | Script::Javanese
        )
}

/// Whether it is written in the squares of Chinese and Japanese: the letters, their marks and the full-width forms. Beside
/// them Latin letters and digits have no blank either: the distance is the typesetter's (<https://www.w3.org/TR/jlreq/>,
/// <https://www.w3.org/TR/clreq/>). Thai and its neighbours do put one around those.
fn is_east_asian(char: char) -> bool {
    match char.script() {
        Script::Han | Script::Hiragana | Script::Katakana | Script::Bopomofo => true,
        // Marks that several scripts share: the blocks of CJK symbols, kana and full-width forms.
        Script::Common | Script::Inherited => {
            matches!(char, '\u{3000}'..='\u{30ff}' | '\u{31c0}'..='\u{33ff}' | '\u{fe10}'..='\u{fe1f}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ffef}')
        }
        _ => false,
    }
}

/// Whether a character goes on with a word that has begun: a letter, a digit, or a mark on one of them, such as the vowel
/// signs and tone marks of Thai and Hindi, which are no letters by themselves.
pub(crate) fn continues_word(char: char) -> bool {
    char.is_alphanumeric()
        || is_joining(char)
        || char.script() != Script::Common && !BELONGS_BEFORE.contains(char) && !BELONGS_AFTER.contains(char)
}

/// In which of the scripts of Japanese a character is written, where a change of script mostly begins another word.
pub(crate) fn kind_of_letter(char: char) -> Option<Script> {
    let script = char.script();
    matches!(script, Script::Han | Script::Hiragana | Script::Katakana).then_some(script)
}

fn needs_blank(text: &str, word: &str) -> bool {
    let Some((before, after)) = last_visible(text).zip(word.chars().next()) else { return false };
    if text.ends_with(char::is_whitespace) || text.ends_with('\u{200b}') || is_joining(after) {
        return false;
    }
    if belongs_before(text, word, after) || belongs_after(text, before, after) {
        return false;
    }
    let hangul = |char: char| char.script() == Script::Hangul;
    if is_east_asian(before) || is_east_asian(after) {
        // Korean has blanks, and a Latin full stop takes one after it.
        return hangul(before) || hangul(after) || SPACED_ENDS.contains(before);
    }
    !(is_unspaced(before) && is_unspaced(after))
}

/// The last character that is one by itself, and not an accent or a selector on the one before.
fn last_visible(text: &str) -> Option<char> {
    text.chars().rev().find(|char| !is_joining(*char))
}

/// Whether it is a part of the character before: combining marks, joiners and variation selectors.
fn is_joining(char: char) -> bool {
    matches!(char, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}') || char.script() == Script::Inherited
}

/// Whether a word begins with a mark that belongs to the text before.
fn belongs_before(text: &str, word: &str, after: char) -> bool {
    match after {
        // ".5" and ".com" are words of their own, "." is none.
        '.' | ',' => !word.chars().nth(1).is_some_and(char::is_alphanumeric),
        '\'' | '’' => {
            let rest = word.trim_start_matches(['\'', '’']);
            let letters = rest.trim_end_matches(|char: char| !char.is_alphanumeric()).to_lowercase();
            letters.is_empty() || CLITICS.contains(&letters.as_str())
        }
        _ if QUOTES.contains(&after) => !opens_quote(text, after),
        _ => BELONGS_BEFORE.contains(after),
    }
}

/// Whether a text ends with a mark that belongs to what comes after it.
fn belongs_after(text: &str, before: char, after: char) -> bool {
    if QUOTES.contains(&before) {
        let start = text.rfind(before).unwrap_or_default();
        return opens_quote(text.get(..start).unwrap_or_default(), before);
    }
    // "$" "5" is an amount, and so is "5 €", which ends there.
    let is_amount = after.is_numeric() && is_currency(before);
    let number_before = || text.trim_end_matches(before).trim_end().ends_with(char::is_numeric);
    BELONGS_AFTER.contains(before) || is_amount && !number_before()
}

/// Whether a quotation mark after a text opens: not where the last one of its kind did, which has a blank or nothing
/// before it, or is one that only opens.
fn opens_quote(text: &str, quote: char) -> bool {
    let Some((at, last)) = text.rmatch_indices(['"', '“', '„', '”']).next() else {
        return true;
    };
    let before = text.get(..at).unwrap_or_default();
    let last_opened = match last {
        "„" => true,
        "\"" => before.chars().next_back().is_none_or(|char| char.is_whitespace() || BELONGS_AFTER.contains(char)),
        _ => false,
    };
    match quote {
        '"' => !(last == "\"" && last_opened),
        '“' => last != "„",
        _ => true,
    }
}

/// Currency signs: <https://www.unicode.org/charts/PDF/U20A0.pdf> and those outside of that block.
const fn is_currency(char: char) -> bool {
    matches!(
        char,
        '$' | '¢' | '£' | '¤' | '¥' | '֏' | '৳' | '฿' | '៛' | '\u{20a0}'..='\u{20cf}' | '＄' | '￡' | '￥' | '￦'
    )
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    /// Words as a speech service gives them, with a `|` between them.
    fn joined(words: &str) -> String {
        join(words.split('|'))
    }

    #[test]
    fn scripts_without_spaces_have_no_blank_between_words() {
        for (words, text) in [
            ("はい|。じゃあ|始め|ます|。", "はい。じゃあ始めます。"),
            ("明日|の|会議|は|3|時|から|です|ね|？", "明日の会議は3時からですね？"),
            ("Zoom|で|OK|です|か|？|Yes|!", "ZoomでOKですか？Yes!"),
            (
                "スーパー|マーケット|・|セール|で|1,200|円|、|約|50|%|引き",
                "スーパーマーケット・セールで1,200円、約50%引き",
            ),
            ("「|はい|」|と|言い|ました|。", "「はい」と言いました。"),
            ("か\u{3099}|き|😀|です", "か\u{3099}き😀です"),
            ("你好|，|我|想|订|2|张|票|。|谢谢|！", "你好，我想订2张票。谢谢！"),
            ("我们|在|《|新闻|》|里|看到|的|：|“|可以|”|……|对|吧", "我们在《新闻》里看到的：“可以”……对吧"),
            ("ㄋㄧˇ|ㄏㄠˇ", "ㄋㄧˇㄏㄠˇ"),
            ("สวัสดี|ครับ|ผม|ชื่อ|สมชาย", "สวัสดีครับผมชื่อสมชาย"),
            ("นัด|วันจันทร์|เวลา|10|โมง|ที่|Starbucks|นะ|ครับ", "นัดวันจันทร์เวลา 10 โมงที่ Starbucks นะครับ"),
            ("ช้า|ๆ|หน่อย|ราคา|฿|500", "ช้าๆหน่อยราคา ฿500"),
            ("ສະບາຍດີ|ເຈົ້າ|ຊື່|ຫຍັງ|?", "ສະບາຍດີເຈົ້າຊື່ຫຍັງ?"),
            ("ខ្ញុំ|ចង់|ទៅ|ផ្សារ|។|អរគុណ|។", "ខ្ញុំចង់ទៅផ្សារ។អរគុណ។"),
            ("မင်္ဂလာပါ|ခင်ဗျာ|။", "မင်္ဂလာပါခင်ဗျာ။"),
            ("བཀྲ་|ཤིས་|བདེ་|ལེགས|།", "བཀྲ་ཤིས་བདེ་ལེགས།"),
        ] {
            assert_eq!(joined(words), text);
        }
    }

    #[test]
    fn scripts_with_spaces_have_one_between_words_and_none_before_a_mark() {
        for (words, text) in [
            ("Hello|,|how|are|you|?|Fine|.", "Hello, how are you? Fine."),
            ("내일|세|시|에|만나요|.|좋아요|👍", "내일 세 시 에 만나요. 좋아요 👍"),
            ("한국|사람|は|はい", "한국 사람 ははい"),
            ("مرحبا|،|كيف|حالك|؟|جيد|۔", "مرحبا، كيف حالك؟ جيد۔"),
            ("बैठक|कल|है|।|ठीक|है|॥|₹|५००", "बैठक कल है। ठीक है॥ ₹५००"),
            ("שלום|,|מה|שלומך|?", "שלום, מה שלומך?"),
            ("Բարեւ|։|ሰላም|።", "Բարեւ։ ሰላም።"),
            ("Mañana|.|¿|Qué|tal|?|¡|Hola|!", "Mañana. ¿Qué tal? ¡Hola!"),
            ("she|said|“|yes|”|(|twice|)|;|«|да|»|!", "she said “yes” (twice); «да»!"),
            ("er|sagt|„|ja|“|und|\"|no|\"|and|\"|so|\"", "er sagt „ja“ und \"no\" and \"so\""),
            ("\"first|of|all\"|then|\"second\"", "\"first of all\" then \"second\""),
            ("it|'s|what|we|’ll|do|'cause|the|dogs'|food", "it's what we’ll do 'cause the dogs' food"),
            (
                "about|50|%|of|$|20|or|20|€|5|times|,|that|is|.5|of|node|.|js",
                "about 50% of $20 or 20 € 5 times, that is .5 of node. js",
            ),
            ("a|well-known|case|-|2|km|/|h|at|5|:|30", "a well-known case - 2 km / h at 5: 30"),
            ("well|…|cafe\u{301}|noir|😀|❤\u{fe0f}|!", "well… cafe\u{301} noir 😀 ❤\u{fe0f}!"),
            ("OK|.|はい|, |東京|(|Tokyo|)", "OK. はい, 東京(Tokyo)"),
        ] {
            assert_eq!(joined(words), text);
        }
    }

    #[test]
    fn a_word_that_is_empty_or_has_blanks_around_it_adds_none() {
        let mut text = String::new();
        for word in ["", " Hi ", " ", "there\u{3000}", "\u{200b}", "\t!"] {
            push_word(&mut text, word);
        }
        assert_eq!(text, "Hi there\u{200b}!");
    }

    #[test]
    fn many_quotation_marks_take_no_longer_than_other_words() {
        // A search back to the first mark each time would take hours.
        let text = join(std::iter::repeat_n("\"", 200_000));
        assert!(text.len() >= 200_000);
    }

    #[test]
    fn one_line_joins_lines_and_keeps_the_blanks_within_them() {
        for (text, line) in [
            (" a\n\tb\u{0} c ", "a b c"),
            ("山田 太郎", "山田 太郎"),
            ("今日は\r\n晴れ\u{2028}です", "今日は晴れです"),
            ("a  b\u{85}\u{3000}c\n.", "a b c."),
            ("\u{1}\n", ""),
        ] {
            assert_eq!(one_line(text), line, "{text:?}");
        }
    }
}
