//! How wide a text is, and where its lines end, without the font: an SVG is shown with whatever font its reader has.
//!
//! The widths are those of `DejaVu Sans`, the widest that a sans-serif text usually gets. In another one the lines are a
//! little shorter than their room, and never longer.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// What stands where text was cut.
const ELLIPSIS: &str = "…";

/// One line of plain text: no line breaks, no characters that XML does not have, none that turn the reading direction of
/// what follows.
pub fn clean(text: &str) -> String {
    let kept = text.chars().filter(
        |letter| !matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}'),
    );
    let spaced: String = kept.map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text's width in px.
pub fn width(text: &str, size: f64) -> f64 {
    text.graphemes(true).map(advance).sum::<f64>() * size
}

/// Whether a text is wider than `limit` px; a long one is not read to its end for it.
pub fn is_wider(text: &str, size: f64, limit: f64) -> bool {
    let mut used = 0.0;
    text.graphemes(true).any(|grapheme| {
        used += advance(grapheme) * size;
        used > limit
    })
}

/// A text in lines of at most `room` px; more than `limit` lines are cut with an ellipsis. What has no space to break at
/// is broken between two letters.
pub fn wrap(text: &str, size: f64, room: f64, limit: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let (mut used, space) = (0.0, advance(" ") * size);
    for word in text.split_whitespace() {
        if lines.len() > limit {
            break;
        }
        let fits_a_line = !is_wider(word, size, room);
        let gap = if used > 0.0 { space } else { 0.0 };
        if fits_a_line && used + gap + width(word, size) > room {
            lines.push(String::new());
            used = 0.0;
        } else if used > 0.0 {
            push(&mut lines, " ");
            used += space;
        }
        for grapheme in word.graphemes(true) {
            let wide = advance(grapheme) * size;
            if !fits_a_line && used > 0.0 && used + wide > room {
                lines.push(String::new());
                used = 0.0;
                if lines.len() > limit {
                    break;
                }
            }
            push(&mut lines, grapheme);
            used += wide;
        }
    }
    if lines.len() > limit {
        lines.truncate(limit);
        if let Some(last) = lines.last_mut() {
            cut(last, size, room);
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

fn push(lines: &mut [String], text: &str) {
    if let Some(line) = lines.last_mut() {
        line.push_str(text);
    }
}

/// Ends a line with an ellipsis, in the room it has: after a word, where it has more than one.
fn cut(line: &mut String, size: f64, room: f64) {
    let whole = line.len();
    while width(line, size) + advance(ELLIPSIS) * size > room {
        let Some((last, _)) = line.grapheme_indices(true).next_back() else { break };
        line.truncate(last);
    }
    if line.len() < whole
        && let Some(space) = line.rfind(' ')
    {
        line.truncate(space);
    }
    line.truncate(line.trim_end_matches([' ', ',', '.', ';', ':']).len());
    line.push_str(ELLIPSIS);
}

/// What one letter and its marks take, for a font of size 1.
fn advance(grapheme: &str) -> f64 {
    let Some(letter) = grapheme.chars().next() else { return 0.0 };
    match letter {
        'i' | 'j' | 'l' | 'I' | 'J' | '\'' | '’' | '|' => 0.30,
        ' ' | '.' | ',' | ':' | ';' | '/' | '\\' | '-' | 'f' => 0.36,
        't' | 'r' | '(' | ')' | '[' | ']' | '!' => 0.42,
        'c' | 's' | 'z' | '?' | '"' | '–' => 0.56,
        'w' | 'G' | 'D' | 'H' | 'N' | 'O' | 'Q' | 'U' => 0.82,
        'M' => 0.88,
        'm' | 'W' | '%' | '@' | '—' | '…' => 1.0,
        'A'..='Z' | '_' => 0.71,
        ' '..='~' => 0.65,
        '\u{1f000}'.. => 1.25,
        _ => match grapheme.width() {
            0 => 0.0,
            // One cell is a letter of an alphabet; two are an ideograph, which fills its square.
            1 => 0.72,
            cells => 0.55 * f64::from(u32::try_from(cells).unwrap_or(u32::MAX)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_between_words_and_fit_their_room() {
        let text = "Well, there isn't that much difference between the two of them.";
        let lines = wrap(text, 14.0, 160.0, 9);
        assert_eq!(lines.join(" "), text);
        assert!(lines.len() > 2 && lines.iter().all(|line| width(line, 14.0) <= 160.0), "{lines:?}");
    }

    #[test]
    fn what_cannot_be_broken_is_broken_between_letters_with_their_marks() {
        let word = "e\u{301}".repeat(40);
        let lines = wrap(&format!("a {word} b"), 14.0, 100.0, 99);
        assert!(lines.iter().all(|line| width(line, 14.0) <= 100.0 && !line.starts_with('\u{301}')), "{lines:?}");
        assert_eq!(lines.concat().replace(' ', ""), format!("a{word}b"));
        let japanese = "お電話ありがとうございます。少々お待ちください。";
        let lines = wrap(japanese, 14.0, 100.0, 99);
        assert_eq!(lines.concat(), japanese);
        assert!(lines.len() >= 3);
    }

    #[test]
    fn what_is_too_long_ends_with_an_ellipsis() {
        let lines = wrap(&"word ".repeat(1_000), 14.0, 120.0, 3);
        assert_eq!(lines.len(), 3);
        assert!(lines[2].ends_with(" word…") && width(&lines[2], 14.0) <= 120.0, "{lines:?}");
        assert_eq!(wrap(&"x".repeat(100_000), 14.0, 120.0, 2).len(), 2);
        assert!(wrap("", 14.0, 120.0, 2).is_empty());
    }

    #[test]
    fn text_loses_what_xml_or_a_line_cannot_have_and_nothing_else() {
        assert_eq!(clean("a\u{0}\u{1b}[31m\nb\t<c> & \u{202e}d\u{ffff}"), "a [31m b <c> & d");
        assert_eq!(clean("Zoë 👩‍👩‍👧 مرحبا"), "Zoë 👩‍👩‍👧 مرحبا");
    }
}
