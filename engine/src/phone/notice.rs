//! What callees hear before they are connected: that the call is recorded, in each language that the operator's callees speak.
//!
//! Many countries forbid recording a call of which a party does not know, so that there is no default: the operator says what is
//! said, or that nothing is.

use thiserror::Error;

/// The word for a deployment whose callees are told in another way, or need not be.
const NONE: &str = "none";
/// Longest notice, in characters of all sentences: what Twilio reads in about four minutes, as many as one `<Say>` takes
/// (<https://www.twilio.com/docs/voice/twiml/say>).
pub const MAX_CHARACTERS: usize = 4_096;

/// What is said to callees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallNotice(Vec<Sentence>);

/// A sentence and who reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// The language in Twilio's spelling, such as `de-DE`; none: Twilio's default, English of the US.
    pub language: Option<String>,
    /// What is said.
    pub text: String,
}

/// A text is no notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NoticeError {
    /// There is a `|` with nothing to say on one of its sides.
    #[error("has an empty sentence")]
    Empty,
    /// What stands in brackets is no language.
    #[error("has a language that is not written like [de-DE]")]
    Language,
    /// It is longer than anybody listens.
    #[error("is longer than 4096 characters")]
    TooLong,
}

impl CallNotice {
    /// Reads sentences with `|` between them, each of which may begin with its language in brackets; or the word `none`.
    ///
    /// # Errors
    /// [`NoticeError`].
    pub fn parse(text: &str) -> Result<Self, NoticeError> {
        if text.trim() == NONE {
            return Ok(Self(Vec::new()));
        }
        if text.chars().count() > MAX_CHARACTERS {
            return Err(NoticeError::TooLong);
        }
        text.split('|').map(Sentence::parse).collect::<Result<_, _>>().map(Self)
    }

    /// What is said, in order; nothing where the operator said so.
    #[must_use]
    pub fn sentences(&self) -> &[Sentence] {
        &self.0
    }
}

impl Sentence {
    fn parse(text: &str) -> Result<Self, NoticeError> {
        let text = text.trim();
        let (language, text) = match text.strip_prefix('[') {
            None => (None, text),
            Some(rest) => {
                let (language, text) = rest.split_once(']').ok_or(NoticeError::Language)?;
                if !is_language(language) {
                    return Err(NoticeError::Language);
                }
                (Some(language.to_owned()), text.trim())
            }
        };
        if text.is_empty() { Err(NoticeError::Empty) } else { Ok(Self { language, text: text.to_owned() }) }
    }
}

/// Whether a tag has the form of those that `<Say>` takes: a language of two or three letters and mostly a region.
/// (<https://www.twilio.com/docs/voice/twiml/say/text-speech#available-voices-and-languages>)
fn is_language(tag: &str) -> bool {
    let is_part = |part: &str| (2..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let mut parts = tag.split('-');
    let is_name = |name: &str| matches!(name.len(), 2 | 3) && name.bytes().all(|byte| byte.is_ascii_lowercase());
    parts.next().is_some_and(is_name) && parts.clone().count() <= 2 && parts.all(is_part)
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn a_notice_has_a_sentence_for_each_language() {
        for (text, expected) in [
            ("none", &[][..]),
            (" none ", &[]),
            ("This call is recorded.", &[(None, "This call is recorded.")]),
            ("None of this is kept.", &[(None, "None of this is kept.")]),
            ("Hear [me]: yes", &[(None, "Hear [me]: yes")]),
            (
                "[de-DE] Das Gespräch wird aufgezeichnet. | [cmn-Hans-CN]a|Recorded.",
                &[(Some("de-DE"), "Das Gespräch wird aufgezeichnet."), (Some("cmn-Hans-CN"), "a"), (None, "Recorded.")],
            ),
        ] {
            let notice = CallNotice::parse(text).unwrap();
            let read: Vec<_> = notice.sentences().iter().map(|one| (one.language.as_deref(), &*one.text)).collect();
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_said_is_refused() {
        for (text, error) in [
            ("", NoticeError::Empty),
            ("a|", NoticeError::Empty),
            ("a||b", NoticeError::Empty),
            ("[de-DE]", NoticeError::Empty),
            ("[de-DE", NoticeError::Language),
            ("[]a", NoticeError::Language),
            ("[German]a", NoticeError::Language),
            ("[de_DE]a", NoticeError::Language),
            ("[DE]a", NoticeError::Language),
            ("[de-DE-1996-x]a", NoticeError::Language),
        ] {
            assert_eq!(CallNotice::parse(text), Err(error), "{text}");
        }
        assert!(CallNotice::parse(&"a".repeat(MAX_CHARACTERS)).is_ok());
        assert_eq!(CallNotice::parse(&"a".repeat(MAX_CHARACTERS + 1)), Err(NoticeError::TooLong));
    }
}
