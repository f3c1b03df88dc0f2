//! What a client asks for in the URL of `/v4/listen`: the peer's names and defaults, and Fourwire's own on top.
//!
//! Names that are not listed here are ignored, as the peer's server ignores them; of a name given twice the last counts.

use thiserror::Error;

use crate::ids::{CallId, IdError};
use crate::units::SAMPLES_PER_SECOND;

/// Slowest rate of the client's PCM: narrow-band telephony.
pub const MIN_SAMPLE_RATE: u32 = 8_000;
/// Fastest rate of the client's PCM: what phones and browsers capture at.
pub const MAX_SAMPLE_RATE: u32 = 48_000;

/// How the client names compressed audio that Fourwire does not take. Every other codec name, known or not, means
/// 16-bit little-endian PCM, as in the peer's two-channel mode.
const COMPRESSED_CODECS: [&str; 5] = ["opus", "opus_fs320", "aac", "lc3", "lc3_fs1030"];

/// The parsed query of a listen socket.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ListenQuery {
    /// Which call this is; a client that names none gets a session of its own at each connect.
    pub call_id: Option<CallId>,
    /// What is spoken.
    pub language: Language,
    /// The zone of the user's clock; absent where the client sends none or sends something that is not a zone's name.
    pub time_zone: Option<TimeZone>,
    /// Samples a second of the client's PCM, [`MIN_SAMPLE_RATE`] to [`MAX_SAMPLE_RATE`].
    pub sample_rate: u32,
    /// Where the audio comes from.
    pub source: Source,
    /// Whether interim results are sent, and segments carry `channel`, `is_final` and `confidence`.
    pub interim: bool,
    /// Whether the server says what it holds, so that the client goes on from there after a break and nothing is lost. Needs
    /// [`SAMPLES_PER_SECOND`], at which positions are counted.
    pub resume: bool,
}

/// A BCP-47 language tag, or `multi` for speech that changes between languages.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Language(String);

impl Language {
    /// Takes a tag such as `en`, `pt-BR` or `multi`, in any case. `auto` is Omi's other name for `multi`, `und` and `mul` are
    /// BCP-47's, and an empty tag says as little. Forms of a locale such as `de_DE.UTF-8` are what systems call a language.
    #[must_use]
    pub fn parse(tag: &str) -> Option<Self> {
        let tag = tag.split(['.', '@']).next()?.replace('_', "-");
        if ["", "auto", "multi", "mul", "und"].iter().any(|any| tag.eq_ignore_ascii_case(any)) {
            return Some(Self::any());
        }
        let mut parts = tag.split('-');
        let primary = parts.next()?;
        let primary_fits = (2..=3).contains(&primary.len()) && primary.bytes().all(|byte| byte.is_ascii_alphabetic());
        let rest_fits =
            parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        (primary_fits && rest_fits && tag.len() <= 35).then(|| Self(tag.clone()))
    }

    /// Speech of which the language is not known.
    #[must_use]
    pub fn any() -> Self {
        Self("multi".to_owned())
    }

    /// Whether the speech may be in any language, or in several.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.0 == "multi"
    }

    /// The tag.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of a time zone in the IANA database, such as `America/New_York`: what a phone or a browser calls its own
/// (`Intl.DateTimeFormat().resolvedOptions().timeZone`). Only its form is checked here. Which names exist depends on the
/// database of whoever resolves it: <https://www.iana.org/time-zones>.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeZone(String);

impl TimeZone {
    /// Longest name that is taken, in bytes. The longest in the database has 32.
    pub const MAX_BYTES: usize = 64;

    /// Takes a name: parts of ASCII letters, digits and `_ + -`, joined by `/`, the first beginning with a letter.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let is_part = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte))
        };
        let fits = name.len() <= Self::MAX_BYTES
            && name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic())
            && name.split('/').all(is_part);
        fits.then(|| Self(name.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TimeZone {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::parse(&name).ok_or("not the name of a time zone")
    }
}

impl From<TimeZone> for String {
    fn from(zone: TimeZone) -> Self {
        zone.0
    }
}

/// Where a conversation's audio comes from, in the peer's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A phone call; also what a client means that names no source.
    #[default]
    PhoneCall,
    /// A computer's microphone and its own sound.
    Desktop,
    /// A name nobody here knows.
    Unknown,
}

/// Why a query cannot be served. The text is for the person who sees it, [`QueryError::code`] for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum QueryError {
    /// `channels` is missing, 1 or not a number.
    #[error("Fourwire records both sides of a call apart: connect with channels=2")]
    Channels,
    /// `sample_rate` is not a number from 8000 to 48000.
    #[error("sample_rate must be a whole number from 8000 to 48000")]
    SampleRate,
    /// `codec` names compressed audio.
    #[error("codec must be pcm16: compressed audio is not taken")]
    Codec,
    /// `language` is not a language tag.
    #[error("language must be a language tag such as en or pt-BR, or multi")]
    Language,
    /// `call_id` is not an id.
    #[error("call_id {0}")]
    CallId(IdError),
    /// `resume=1` at another rate than [`SAMPLES_PER_SECOND`].
    #[error("resume=1 needs sample_rate=16000: that is what positions are counted in")]
    Resume,
    /// `custom_stt=enabled`: the client wants to send transcripts of its own.
    #[error("transcripts made by the client are not taken: connect without custom_stt")]
    CustomStt,
}

impl QueryError {
    /// The stable, machine-readable name of the error.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Channels => "channels_unsupported",
            Self::SampleRate => "sample_rate_invalid",
            Self::Codec => "codec_unsupported",
            Self::Language => "language_invalid",
            Self::CallId(_) => "call_id_invalid",
            Self::Resume => "resume_unsupported",
            Self::CustomStt => "custom_stt_unsupported",
        }
    }
}

impl ListenQuery {
    /// Reads the query part of the URL, without its `?`.
    ///
    /// # Errors
    /// [`QueryError`] for the first value that cannot be served.
    pub fn parse(query: &str) -> Result<Self, QueryError> {
        let mut parsed = Self {
            call_id: None,
            language: Language("en".to_owned()),
            time_zone: None,
            sample_rate: 8_000,
            source: Source::PhoneCall,
            interim: false,
            resume: false,
        };
        let mut channels = 1;
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "call_id" if value.is_empty() => parsed.call_id = None,
                "call_id" => parsed.call_id = Some(CallId::parse(value).map_err(QueryError::CallId)?),
                "language" => parsed.language = Language::parse(&value).ok_or(QueryError::Language)?,
                // A call is not refused for a clock: without a zone, times count as UTC.
                "time_zone" => parsed.time_zone = TimeZone::parse(&value),
                "sample_rate" => {
                    parsed.sample_rate = value
                        .parse()
                        .ok()
                        .filter(|rate| (MIN_SAMPLE_RATE..=MAX_SAMPLE_RATE).contains(rate))
                        .ok_or(QueryError::SampleRate)?;
                }
                "codec" if COMPRESSED_CODECS.contains(&&*value) => return Err(QueryError::Codec),
                "channels" => channels = value.parse::<u32>().map_err(|_| QueryError::Channels)?,
                "source" => {
                    parsed.source = match &*value {
                        "phone_call" => Source::PhoneCall,
                        "desktop" => Source::Desktop,
                        _ => Source::Unknown,
                    }
                }
                "custom_stt" if value == "enabled" => return Err(QueryError::CustomStt),
                "interim" => parsed.interim = matches!(&*value, "1" | "true"),
                "resume" => parsed.resume = matches!(&*value, "1" | "true"),
                _ => {}
            }
        }
        // The peer treats every number from two up as its two-channel mode.
        if channels < 2 {
            return Err(QueryError::Channels);
        }
        if parsed.resume && parsed.sample_rate != SAMPLES_PER_SECOND {
            return Err(QueryError::Resume);
        }
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn the_peers_phone_client_is_understood() {
        let query =
            "language=en&sample_rate=48000&codec=pcm&channels=2&source=phone_call&call_id=1774440000500&uid=abc";
        let parsed = ListenQuery::parse(query).unwrap();
        assert_eq!(parsed.call_id, Some(CallId::parse("1774440000500").unwrap()));
        assert_eq!(parsed.sample_rate, 48_000);
        assert_eq!(parsed.source, Source::PhoneCall);
        assert!(!parsed.interim, "the peer's clients see nothing new");
    }

    #[test]
    fn what_is_left_out_takes_the_peers_default() {
        let parsed = ListenQuery::parse("channels=2").unwrap();
        assert_eq!((parsed.language.as_str(), parsed.sample_rate, parsed.call_id), ("en", 8_000, None));
    }

    #[test]
    fn a_value_that_cannot_be_served_is_named() {
        for (query, error) in [
            ("", QueryError::Channels),
            ("channels=1", QueryError::Channels),
            ("channels=two", QueryError::Channels),
            ("channels=2&sample_rate=7999", QueryError::SampleRate),
            ("channels=2&sample_rate=48001", QueryError::SampleRate),
            ("channels=2&sample_rate=fast", QueryError::SampleRate),
            ("channels=2&codec=opus", QueryError::Codec),
            ("channels=2&language=english%20please", QueryError::Language),
            ("channels=2&call_id=a%2Fb", QueryError::CallId(IdError::Character)),
            ("channels=2&custom_stt=enabled", QueryError::CustomStt),
        ] {
            assert_eq!(ListenQuery::parse(query), Err(error), "{query}");
        }
    }

    #[test]
    fn unknown_names_codecs_and_sources_are_no_error() {
        let parsed = ListenQuery::parse("channels=3&codec=pcm9&source=spaceship&colour=blue&vad_gate=enabled").unwrap();
        assert_eq!(parsed.source, Source::Unknown);
    }

    #[test]
    fn a_time_zone_is_taken_by_its_form_and_never_refuses_a_call() {
        for name in ["Europe/Berlin", "America/Argentina/ComodRivadavia", "Etc/GMT+5", "UTC", "EST5EDT"] {
            assert_eq!(TimeZone::parse(name).unwrap().as_str(), name);
        }
        for bad in ["", "/", "Europe/", "Europe//Berlin", "+02:00", "Europe/Berlin\n", "Zürich", &"a".repeat(65)] {
            assert_eq!(TimeZone::parse(bad), None, "{bad}");
        }
        let query = |zone: &str| ListenQuery::parse(&format!("channels=2&time_zone={zone}")).unwrap().time_zone;
        assert_eq!(query("America%2FNew_York"), TimeZone::parse("America/New_York"));
        assert_eq!(query("somewhere%20else"), None);
    }

    #[test]
    fn auto_means_several_languages_and_tags_are_kept() {
        for any in ["auto", "AUTO", "multi", "Multi", "und", "mul", ""] {
            assert!(Language::parse(any).unwrap().is_any(), "{any}");
        }
        for (text, tag) in
            [("zh-Hant-TW", "zh-Hant-TW"), ("en_US", "en-US"), ("de_DE.UTF-8", "de-DE"), ("sr_RS@latin", "sr-RS")]
        {
            assert_eq!(Language::parse(text).unwrap().as_str(), tag);
        }
        for bad in ["e", "english", "en-", "en--US", "-", "en&model=x", "en US", "日本語", "en-US-abcdefghi"] {
            assert_eq!(Language::parse(bad), None, "{bad}");
        }
    }
}
