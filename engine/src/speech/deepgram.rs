//! Deepgram's streaming API, `/v1/listen`: <https://developers.deepgram.com/reference/speech-to-text/listen-streaming>.
//!
//! One stream carries one channel, so nothing is diarised. Times in its messages are seconds from the stream's first
//! sample. A result's window is final or not; a final one may cover less than the interim result before it.

use fourwire_wire::pii::Pii;
use fourwire_wire::query::Language;
use fourwire_wire::units::Samples;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::language::lookup;
use super::{Endpoint, Heard, Refusal, RefusalKind, Window, Word};
use crate::outbound::OutboundUrl;

/// Where the public service is.
pub const DEFAULT_ORIGIN: &str = "https://api.deepgram.com";
/// Must be a text message; audio alone also keeps the stream open.
pub(super) const KEEP_ALIVE: &str = r#"{"type":"KeepAlive"}"#;
/// Answered with the last results, `Metadata` and a close.
pub(super) const CLOSE_STREAM: &str = r#"{"type":"CloseStream"}"#;

/// What every stream asks for. Interim results show that the service is at work as well as what it hears; a pause of
/// 300 ms ends an utterance, and `UtteranceEnd` after 1 s of no words does so where noise hides the pause.
const PARAMETERS: [(&str, &str); 9] = [
    ("model", "nova-3"),
    ("encoding", "linear16"),
    ("sample_rate", "16000"),
    ("channels", "1"),
    ("interim_results", "true"),
    ("endpointing", "300"),
    ("utterance_end_ms", "1000"),
    ("vad_events", "true"),
    ("smart_format", "true"),
];

/// A Deepgram project.
#[derive(Clone, Debug)]
pub struct Deepgram {
    origin: OutboundUrl,
    key: Pii<String>,
    model_improvement: ModelImprovement,
}

/// Whether the service may keep audio and transcripts to improve its models. It does unless each request says no:
/// <https://developers.deepgram.com/docs/the-deepgram-model-improvement-partnership-program>.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ModelImprovement {
    /// It may not: the callee has agreed to nothing.
    #[default]
    OptedOut,
    /// The operator allows it, for the lower price.
    Allowed,
}

impl Deepgram {
    /// The service at an origin (its path, if any, is kept as a prefix), with the project's API key.
    #[must_use]
    pub fn new(origin: OutboundUrl, key: Pii<String>) -> Self {
        Self { origin, key, model_improvement: ModelImprovement::default() }
    }

    /// The same with the operator's own word on model improvement.
    #[must_use]
    pub fn with_model_improvement(self, model_improvement: ModelImprovement) -> Self {
        Self { model_improvement, ..self }
    }

    /// A stream in the model of a language; `None` where there is none.
    pub(super) fn endpoint(&self, language: &Language) -> Option<Endpoint> {
        let (model, hint) = match lookup(language, &LANGUAGES) {
            Some(listed) => (listed, None),
            None => (MULTI, Some(lookup(language, &ONLY_MULTI)?)),
        };
        let mut url = self.origin.url().clone();
        let path = format!("{}/v1/listen", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url.query_pairs_mut()
            .clear()
            .extend_pairs(PARAMETERS)
            .extend_pairs((self.model_improvement == ModelImprovement::OptedOut).then_some(("mip_opt_out", "true")))
            .append_pair("language", model)
            .extend_pairs(hint.map(|hint| ("language_hint", hint)));
        Some(Endpoint { url: url.into(), authorization: Pii::new(format!("Token {}", self.key.expose())) })
    }
}

/// The languages that have a nova-3 model of their own (state of 2026-11-27):
/// <https://developers.deepgram.com/docs/models-languages-overview>. Any other tag is refused with 400.
const LANGUAGES: [&str; 93] = [
    "af", "ar", "ar-AE", "ar-DZ", "ar-EG", "ar-IQ", "ar-IR", "ar-JO", "ar-KW", "ar-LB", "ar-MA", "ar-PS", "ar-QA",
    "ar-SA", "ar-SD", "ar-SY", "ar-TD", "ar-TN", "be", "bg", "bn", "bs", "ca", "cs", "da", "da-DK", "de", "de-CH",
    "el", "en", "en-AU", "en-GB", "en-IN", "en-NZ", "en-US", "es", "es-419", "et", "fa", "fi", "fr", "fr-CA", "gu",
    "gu-IN", "he", "hi", "hr", "hu", "hy", "id", "it", "ja", "ka", "kn", "ko", "ko-KR", "lt", "lv", "mk", "mr", "ms",
    "ne", "nl", "nl-BE", "no", "pa", "pl", "pt", "pt-BR", "pt-PT", "ro", "ru", "sk", "sl", "sr", "sv", "sv-SE", "ta",
    "te", "th", "th-TH", "tl", "tr", "uk", "ur", "vi", "zh", "zh-CN", "zh-HK", "zh-Hans", "zh-Hant", "zh-TW", MULTI,
];
/// Languages that only the multilingual model knows, which is told of them by `language_hint`.
const ONLY_MULTI: [&str; 3] = ["gl", "xh", "zu"];
/// The multilingual model. It costs more a minute, so it is the second choice.
const MULTI: &str = "multi";

/// How far before its window a word may begin: one that began in the window before, and was not said with it.
const MAX_WORD_BEFORE_WINDOW: Samples = Samples::from_millis(1_000);

/// What a refusal before the upgrade means: <https://developers.deepgram.com/docs/errors>. The body is JSON with `err_code` and
/// `err_msg`.
pub(super) fn refused(refusal: &Refusal<'_>) -> RefusalKind {
    let body = refusal.body.to_ascii_lowercase();
    let names = |words: &[&str]| words.iter().any(|word| body.contains(word));
    match refusal.status {
        401 | 403 => RefusalKind::Credentials,
        402 => RefusalKind::Quota,
        429 if names(&["quota", "daily", "balance", "credit", "payment"]) => RefusalKind::Quota,
        400 if names(&["language"]) => RefusalKind::Language,
        _ => RefusalKind::Outage { retry_after: refusal.seconds() },
    }
}

/// The server's messages, with only what is used of them. Each member may be missing, null or of a type that it should not
/// have: that costs the member, or the word that it belongs to, and nothing else.
#[derive(Deserialize)]
#[serde(tag = "type")]
enum Message {
    Results(Box<Results>),
    UtteranceEnd {
        #[serde(default, deserialize_with = "or_none")]
        last_word_end: Option<f64>,
    },
    SpeechStarted,
    Metadata,
    Error,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Results {
    #[serde(default, deserialize_with = "or_none")]
    start: Option<f64>,
    #[serde(default, deserialize_with = "or_none")]
    duration: Option<f64>,
    #[serde(default, deserialize_with = "or_none")]
    is_final: Option<bool>,
    #[serde(default, deserialize_with = "or_none")]
    speech_final: Option<bool>,
    #[serde(default, deserialize_with = "or_none")]
    channel: Option<Alternatives>,
}

#[derive(Deserialize)]
struct Alternatives {
    #[serde(default, deserialize_with = "readable")]
    alternatives: Vec<Alternative>,
}

#[derive(Deserialize)]
struct Alternative {
    #[serde(default, deserialize_with = "or_none")]
    transcript: Option<String>,
    #[serde(default, deserialize_with = "or_none")]
    confidence: Option<f32>,
    #[serde(default, deserialize_with = "readable")]
    words: Vec<RawWord>,
}

#[derive(Deserialize)]
struct RawWord {
    #[serde(default, deserialize_with = "or_none")]
    word: Option<String>,
    #[serde(default, deserialize_with = "or_none")]
    punctuated_word: Option<String>,
    #[serde(default, deserialize_with = "or_none")]
    start: Option<f64>,
    #[serde(default, deserialize_with = "or_none")]
    end: Option<f64>,
    #[serde(default, deserialize_with = "or_none")]
    confidence: Option<f32>,
}

/// A value, or none where it is null or of another type.
fn or_none<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(from)?).ok())
}

/// The members of a list that can be read; none where there is no list.
fn readable<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Vec<T>, D::Error> {
    let Value::Array(members) = Value::deserialize(from)? else { return Ok(Vec::new()) };
    Ok(members.into_iter().filter_map(|member| serde_json::from_value(member).ok()).collect())
}

/// What a message means.
pub(super) fn read(text: &str) -> Heard {
    let Ok(message) = serde_json::from_str(text) else { return Heard::Alive };
    match message {
        Message::Results(results) => Heard::Words((*results).into()),
        // −1 says that there was no word to speak of; so does a time that is none.
        Message::UtteranceEnd { last_word_end: Some(end) } if end.is_nan() || end < 0.0 => Heard::Alive,
        Message::UtteranceEnd { last_word_end } => {
            Heard::UtteranceEnd { last_word_end: last_word_end.map(Samples::from_seconds) }
        }
        Message::Metadata => Heard::Drained,
        Message::Error => Heard::Error,
        Message::SpeechStarted | Message::Other => Heard::Alive,
    }
}

impl From<Results> for Window {
    fn from(results: Results) -> Self {
        let start = Samples::from_seconds(results.start.unwrap_or_default());
        let end = results.duration.map(|duration| start + Samples::from_seconds(duration));
        let best = results.channel.and_then(|channel| channel.alternatives.into_iter().next());
        let words = best.map_or_else(Vec::new, |best| words_of(best, start, end));
        let ends_utterance = results.speech_final.unwrap_or_default();
        Self {
            // A window without a length is as long as its words.
            end: end.unwrap_or_else(|| words.last().map_or(start, |word| word.end)),
            words,
            // <https://developers.deepgram.com/docs/understand-endpointing-interim-results>: `speech_final` is only said of finals.
            is_final: results.is_final.unwrap_or(ends_utterance),
            ends_utterance,
        }
    }
}

/// The words of the likeliest reading of a window, within it: a word may begin a little before, and no later than it ends.
fn words_of(best: Alternative, start: Samples, end: Option<Samples>) -> Vec<Word> {
    let earliest = start.saturating_sub(MAX_WORD_BEFORE_WINDOW);
    let latest = end.unwrap_or(Samples::new(u64::MAX));
    let whole = best.confidence.unwrap_or_default();
    let mut words: Vec<Word> = Vec::with_capacity(best.words.len());
    for raw in best.words {
        let Some(text) = raw.punctuated_word.or(raw.word).filter(|text| !text.trim().is_empty()) else { continue };
        let after = words.last().map_or(start, |word| word.end);
        // A word without its times lies right behind the one before it.
        let from = raw.start.map_or(after, Samples::from_seconds);
        let from = if from < earliest { start } else { from.min(latest) };
        let to = raw.end.map_or(from, Samples::from_seconds).min(latest).max(from);
        let confidence = raw.confidence.unwrap_or(whole);
        words.push(Word { text: Pii::new(text), start: from, end: to, confidence });
    }
    let text = best.transcript.unwrap_or_default();
    if words.is_empty() && !text.trim().is_empty() {
        return super::spread(&text, start, end.unwrap_or(start), whole);
    }
    words
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn words(text: &str) -> Window {
        let Heard::Words(window) = read(text) else { panic!("no words in {text}") };
        window
    }

    #[test]
    fn a_stream_asks_for_one_channel_of_16_khz_and_interim_results() {
        let deepgram = Deepgram::new("https://api.deepgram.com".parse().unwrap(), Pii::new("KEY".to_owned()));
        let endpoint = deepgram.endpoint(&Language::parse("pt-BR").unwrap()).unwrap();
        assert_eq!(
            endpoint.url,
            "https://api.deepgram.com/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000&channels=1\
             &interim_results=true&endpointing=300&utterance_end_ms=1000&vad_events=true&smart_format=true\
             &mip_opt_out=true&language=pt-BR"
        );
        let allowing = deepgram.clone().with_model_improvement(ModelImprovement::Allowed);
        let allowed = allowing.endpoint(&Language::parse("pt-BR").unwrap()).unwrap();
        assert_eq!(allowed.url, endpoint.url.replace("&mip_opt_out=true", ""));
        assert_eq!(endpoint.authorization.expose(), "Token KEY");
        assert!(!format!("{deepgram:?} {endpoint:?}").contains("KEY"), "a key is never printed");
    }

    #[test]
    fn a_result_carries_its_words_where_they_were_said() {
        let window = words(
            r#"{"type":"Results","channel_index":[0,1],"duration":1.5,"start":2.0,"is_final":true,"speech_final":true,
                "channel":{"alternatives":[{"transcript":"Tell me.","confidence":0.99,"words":[
                {"word":"tell","start":2.25,"end":2.5,"confidence":0.75,"punctuated_word":"Tell"},
                {"word":"me","start":2.5,"end":3.0,"confidence":0.5}]}]},"metadata":{"request_id":"x"}}"#,
        );
        assert_eq!(window.end, Samples::from_millis(3_500));
        assert!(window.is_final && window.ends_utterance);
        let read: Vec<_> = window.words.iter().map(|word| (word.text.expose().as_str(), word.start)).collect();
        assert_eq!(read, [("Tell", Samples::from_millis(2_250)), ("me", Samples::from_millis(2_500))]);
    }

    #[test]
    fn silence_is_a_final_window_without_words() {
        let window = words(
            r#"{"type":"Results","start":0,"duration":3.2,"is_final":true,"channel":{"alternatives":[{"transcript":""}]}}"#,
        );
        assert_eq!((window.words.len(), window.ends_utterance), (0, false));
    }

    #[test]
    fn messages_of_every_other_kind_show_that_the_service_is_alive() {
        for text in [r#"{"type":"Brand New","x":1}"#, "not json", "[]", r#"{"type":"SpeechStarted"}"#] {
            assert_eq!(read(text), Heard::Alive, "{text}");
        }
        assert_eq!(read(r#"{"type":"Metadata","request_id":"x","duration":1.0}"#), Heard::Drained);
    }

    #[test]
    fn a_language_goes_to_the_service_by_a_name_that_it_lists() {
        let deepgram = Deepgram::new(DEFAULT_ORIGIN.parse().unwrap(), Pii::new("KEY".to_owned()));
        for (tag, asked) in [
            ("de-DE", "de"),
            ("fr-FR", "fr"),
            ("fr-CA", "fr-CA"),
            ("es-MX", "es-419"),
            ("es-ES", "es"),
            ("ja-JP", "ja"),
            ("en-CA", "en"),
            ("en-gb", "en-GB"),
            ("nb-NO", "no"),
            ("zh-Hant-TW", "zh-TW"),
            ("zh-Hans-SG", "zh-Hans"),
            ("yue", "zh-HK"),
            ("pt-AO", "pt-PT"),
            ("ar-OM", "ar"),
            ("fil-PH", "tl"),
            ("iw", "he"),
            ("uk_UA", "uk"),
            ("auto", "multi"),
            ("", "multi"),
            ("gl-ES", "multi&language_hint=gl"),
            ("zu", "multi&language_hint=zu"),
        ] {
            let endpoint = deepgram.endpoint(&Language::parse(tag).unwrap()).unwrap();
            assert!(endpoint.url.ends_with(&format!("&language={asked}")), "{tag}: {}", endpoint.url);
        }
        for tag in ["sw-KE", "am", "eo", "yi", "mt-MT"] {
            assert_eq!(deepgram.endpoint(&Language::parse(tag).unwrap()), None, "{tag}");
        }
    }

    #[test]
    fn a_refusal_is_read_by_its_meaning() {
        let outage = RefusalKind::Outage { retry_after: None };
        for (status, retry_after, body, kind) in [
            (401, None, r#"{"err_code":"INVALID_AUTH","err_msg":"Invalid credentials."}"#, RefusalKind::Credentials),
            (401, None, r#"{"err_code":"INSUFFICIENT_PERMISSIONS"}"#, RefusalKind::Credentials),
            (403, None, "", RefusalKind::Credentials),
            (
                402,
                None,
                r#"{"err_code":"ASR_PAYMENT_REQUIRED","err_msg":"Project has no credits."}"#,
                RefusalKind::Quota,
            ),
            (429, None, r#"{"err_code":"QUOTA_EXCEEDED","err_msg":"Daily quota exceeded."}"#, RefusalKind::Quota),
            (429, None, r#"{"err_code":"TOO_MANY_REQUESTS","err_msg":"Too many requests."}"#, outage),
            (429, Some("7"), "", RefusalKind::Outage { retry_after: Some(7) }),
            (400, None, r#"{"err_msg":"No such model/language/tier combination found."}"#, RefusalKind::Language),
            (400, None, r#"{"err_code":"INVALID_QUERY_PARAMETER","err_msg":"utterance_end_ms"}"#, outage),
            (503, Some("Fri, 27 Nov 2026 22:00:00 GMT"), "", outage),
            (500, None, "<html>", outage),
            (200, None, "", outage),
            (0, None, "", outage),
        ] {
            assert_eq!(refused(&Refusal { status, retry_after, body }), kind, "{status} {body}");
        }
    }

    #[test]
    fn one_odd_member_costs_that_member_and_not_the_result() {
        // start, duration, what else; then what is read: (text, start, end) in ms, whether it is final, where it ends.
        type Read<'a> = (&'a [(&'a str, u64, u64)], bool, u64);
        let rows: [(&str, Read<'_>); 15] = [
            (
                r#""is_final":null,"channel":{"alternatives":[{"words":[{"word":"a","start":1,"end":2}]}]}"#,
                (&[("a", 1000, 2000)], false, 4000),
            ),
            (r#""is_final":true,"speech_final":null,"channel":{"alternatives":[]}"#, (&[], true, 4000)),
            (r#""is_final":"yes","channel":{}"#, (&[], false, 4000)),
            (r#""is_final":true,"channel":null"#, (&[], true, 4000)),
            (r#""is_final":true,"channel":[]"#, (&[], true, 4000)),
            (r#""is_final":true,"channel":{"alternatives":null}"#, (&[], true, 4000)),
            (
                r#""is_final":true,"channel":{"alternatives":[null,{"transcript":"second"}]}"#,
                (&[("second", 0, 4000)], true, 4000),
            ),
            (
                r#""is_final":true,"channel":{"alternatives":[{"transcript":"Ja. Nein"}]}"#,
                (&[("Ja.", 0, 1714), ("Nein", 1714, 4000)], true, 4000),
            ),
            (
                r#""is_final":true,"channel":{"alternatives":[{"transcript":"one","words":null}]}"#,
                (&[("one", 0, 4000)], true, 4000),
            ),
            (r#""is_final":true,"channel":{"alternatives":[{"transcript":"  ","words":[]}]}"#, (&[], true, 4000)),
            (
                r#""is_final":true,"channel":{"alternatives":[{"words":[null,5,{"word":"a","start":1,"end":2,"confidence":null},{"word":null}]}]}"#,
                (&[("a", 1000, 2000)], true, 4000),
            ),
            (
                r#""is_final":true,"channel":{"alternatives":[{"words":[{"word":"a","start":1,"end":2},{"word":"b"},{"word":"c","start":3}]}]}"#,
                (&[("a", 1000, 2000), ("b", 2000, 2000), ("c", 3000, 3000)], true, 4000),
            ),
            (
                r#""is_final":true,"channel":{"alternatives":[{"words":[{"word":"a","start":2,"end":1},{"word":"b","start":-3,"end":"x"}]}]}"#,
                (&[("a", 2000, 2000), ("b", 0, 0)], true, 4000),
            ),
            (
                r#""is_final":true,"channel":{"alternatives":[{"words":[{"word":"","punctuated_word":"A","start":0,"end":1}]}]}"#,
                (&[("A", 0, 1000)], true, 4000),
            ),
            (
                r#""speech_final":true,"channel":{"alternatives":[{"words":[{"word":"a","punctuated_word":null,"start":0,"end":1}]}]}"#,
                (&[("a", 0, 1000)], true, 4000),
            ),
        ];
        for (members, (expected, is_final, end)) in rows {
            let window = words(&format!(r#"{{"type":"Results","start":0,"duration":4,{members}}}"#));
            let read: Vec<_> = window
                .words
                .iter()
                .map(|word| (word.text.expose().as_str(), word.start.millis(), word.end.millis()))
                .collect();
            assert_eq!((read.as_slice(), window.is_final, window.end.millis()), (expected, is_final, end), "{members}");
        }
        for (placed, expected) in [
            (r#""start":-3,"end":8640000"#, (10_000, 14_000)),
            (r#""start":8,"end":11"#, (10_000, 11_000)),
            (r#""start":9.5,"end":11"#, (9_500, 11_000)),
            (r#""start":602,"end":602.5"#, (14_000, 14_000)),
            (r#""start":13,"end":14.01"#, (13_000, 14_000)),
            (r#""start":11"#, (11_000, 11_000)),
            (r#""end":12"#, (10_000, 12_000)),
        ] {
            let window = words(&format!(
                r#"{{"type":"Results","start":10,"duration":4,"channel":{{"alternatives":[{{"words":[{{"word":"a",{placed}}}]}}]}}}}"#
            ));
            let word = &window.words[0];
            assert_eq!((word.start.millis(), word.end.millis()), expected, "{placed}");
        }
        let endless = words(
            r#"{"type":"Results","start":10,"channel":{"alternatives":[{"words":[{"word":"a","start":11,"end":12}]}]}}"#,
        );
        assert_eq!((endless.end.millis(), endless.words[0].end.millis()), (12_000, 12_000));
        for unplaced in ["", r#","start":null,"duration":null"#, r#","start":"0","duration":1e300"#] {
            let window = words(&format!(r#"{{"type":"Results"{unplaced}}}"#));
            assert_eq!((window.words.len(), window.is_final), (0, false), "{unplaced}");
        }
    }

    #[test]
    fn the_end_of_an_utterance_says_where_its_last_word_ends_or_nothing() {
        let end = |millis| Heard::UtteranceEnd { last_word_end: Some(Samples::from_millis(millis)) };
        for (member, heard) in [
            (r#","last_word_end":2.4"#, end(2_400)),
            (r#","last_word_end":0"#, end(0)),
            (r#","last_word_end":-1"#, Heard::Alive),
            (r#","last_word_end":-1.0"#, Heard::Alive),
            ("", Heard::UtteranceEnd { last_word_end: None }),
            (r#","last_word_end":null"#, Heard::UtteranceEnd { last_word_end: None }),
        ] {
            assert_eq!(read(&format!(r#"{{"type":"UtteranceEnd","channel":[0,1]{member}}}"#)), heard, "{member}");
        }
    }
}
