//! How well a transcript matches its reference: word error rate, after both are brought to the same spelling.

use std::fmt;

/// Sounds that are not words.
const FILLERS: [&str; 7] = ["uh", "um", "hm", "hmm", "mm", "mhm", "ah"];
/// Short forms and what they stand for; the first that fits a word's end counts.
const SHORT_FORMS: [(&str, &str); 8] = [
    ("won't", "will not"),
    ("can't", "can not"),
    ("n't", " not"),
    ("'m", " am"),
    ("'re", " are"),
    ("'ll", " will"),
    ("'ve", " have"),
    ("'s", " is"),
];

/// Errors against words of the reference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wer {
    /// Words that are missing, too many or others.
    pub errors: usize,
    /// Words of the reference.
    pub words: usize,
}

impl Wer {
    /// Errors for each word of the reference; 0 where there is none.
    #[must_use]
    pub fn rate(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "counts of words")]
        let (errors, words) = (self.errors as f64, self.words.max(1) as f64);
        errors / words
    }
}

impl fmt::Display for Wer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} % ({} of {} words)", self.rate() * 100.0, self.errors, self.words)
    }
}

/// Compares what was heard with what was said.
#[must_use]
pub fn wer(said: &str, heard: &str) -> Wer {
    let (said, heard) = (normalise(said), normalise(heard));
    // Levenshtein's distance by rows: `row[j]` is that of the first words of `said` to the first `j` of `heard`.
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (index, word) in said.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (place, other) in heard.iter().enumerate() {
            let replaced = diagonal + usize::from(word != other);
            diagonal = row[place + 1];
            row[place + 1] = replaced.min(diagonal + 1).min(row[place] + 1);
        }
    }
    Wer { errors: row[heard.len()], words: said.len() }
}

/// The words of a text: lower case, short forms written out, no punctuation, no fillers.
#[must_use]
pub fn normalise(text: &str) -> Vec<String> {
    text.to_lowercase()
        .replace('’', "'")
        .split_whitespace()
        .map(|word| word.trim_matches(|letter: char| !letter.is_alphanumeric()))
        .map(write_out)
        .flat_map(|words| words.split(|letter: char| !letter.is_alphanumeric()).map(str::to_owned).collect::<Vec<_>>())
        .filter(|word| !word.is_empty() && !FILLERS.contains(&word.as_str()))
        .map(|word| if word == "okay" { "ok".to_owned() } else { word })
        .collect()
}

fn write_out(word: &str) -> String {
    let found = SHORT_FORMS.iter().find_map(|(end, full)| word.strip_suffix(end).map(|stem| format!("{stem}{full}")));
    found.unwrap_or_else(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_alone_is_no_error() {
        let compared = wer("Okay, I'm sure we can't -- uh -- say: it isn’t!", "OK I am sure we can not say it is not");
        assert_eq!(compared, Wer { errors: 0, words: 11 });
    }

    #[test]
    fn each_missing_added_or_wrong_word_is_one_error() {
        assert_eq!(wer("one two three four", "one three four").errors, 1);
        assert_eq!(wer("one two three four", "one two two three four").errors, 1);
        assert_eq!(wer("one two three four", "one two tree for").errors, 2);
        assert_eq!(wer("", "you").errors, 1);
        assert!((wer("one two", "").rate() - 1.0).abs() < 1e-9);
    }
}
