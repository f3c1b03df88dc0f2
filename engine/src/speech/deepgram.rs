//! Deepgram's streaming API, `/v1/listen`: <https://developers.deepgram.com/reference/speech-to-text/listen-streaming>.
//!
//! One stream carries one channel, so nothing is diarised. Times in its messages are seconds from the stream's first
//! sample. A result's window is final or not; a final one may cover less than the interim result before it.

use fourwire_wire::pii::Pii;
use fourwire_wire::query::Language;
use fourwire_wire::units::Samples;
use serde::Deserialize;
use url::Url;

use super::{Endpoint, Heard, Window, Word};

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
    origin: Url,
    key: Pii<String>,
}

impl Deepgram {
    /// The service at an origin (its path, if any, is kept as a prefix), with the project's API key.
    #[must_use]
    pub fn new(origin: Url, key: Pii<String>) -> Self {
        Self { origin, key }
    }

    pub(super) fn endpoint(&self, language: &Language) -> Endpoint {
        let mut url = self.origin.clone();
        let path = format!("{}/v1/listen", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url.query_pairs_mut().clear().extend_pairs(PARAMETERS).append_pair("language", language.as_str());
        Endpoint { url: url.into(), authorization: Pii::new(format!("Token {}", self.key.expose())) }
    }
}

/// The server's messages, with only what is used of them. All but `type` may be missing in one message or another.
#[derive(Deserialize)]
#[serde(tag = "type")]
enum Message {
    Results(Results),
    UtteranceEnd,
    SpeechStarted,
    Metadata,
    Error,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Results {
    start: f64,
    duration: f64,
    #[serde(default)]
    is_final: bool,
    #[serde(default)]
    speech_final: bool,
    channel: Alternatives,
}

#[derive(Deserialize)]
struct Alternatives {
    alternatives: Vec<Alternative>,
}

#[derive(Deserialize)]
struct Alternative {
    #[serde(default)]
    words: Vec<RawWord>,
}

#[derive(Deserialize)]
struct RawWord {
    word: String,
    punctuated_word: Option<String>,
    start: f64,
    end: f64,
    #[serde(default)]
    confidence: f32,
}

/// What a message means.
pub(super) fn read(text: &str) -> Heard {
    let Ok(message) = serde_json::from_str(text) else { return Heard::Alive };
    match message {
        Message::Results(results) => Heard::Words(results.into()),
        Message::UtteranceEnd => Heard::UtteranceEnd,
        Message::Metadata => Heard::Drained,
        Message::Error => Heard::Error,
        Message::SpeechStarted | Message::Other => Heard::Alive,
    }
}

impl From<Results> for Window {
    fn from(results: Results) -> Self {
        let words = results.channel.alternatives.into_iter().next().map_or_else(Vec::new, |best| best.words);
        Self {
            end: Samples::from_seconds(results.start + results.duration),
            words: words.into_iter().map(Word::from).collect(),
            is_final: results.is_final,
            ends_utterance: results.speech_final,
        }
    }
}

impl From<RawWord> for Word {
    fn from(word: RawWord) -> Self {
        Self {
            text: Pii::new(word.punctuated_word.unwrap_or(word.word)),
            start: Samples::from_seconds(word.start),
            end: Samples::from_seconds(word.end),
            confidence: word.confidence,
        }
    }
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
        let deepgram = Deepgram::new(Url::parse("https://api.deepgram.com").unwrap(), Pii::new("KEY".to_owned()));
        let endpoint = deepgram.endpoint(&Language::parse("pt-BR").unwrap());
        assert_eq!(
            endpoint.url,
            "https://api.deepgram.com/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000&channels=1\
             &interim_results=true&endpointing=300&utterance_end_ms=1000&vad_events=true&smart_format=true&language=pt-BR"
        );
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
        for text in
            [r#"{"type":"Brand New","x":1}"#, "not json", r#"{"type":"Results"}"#, r#"{"type":"SpeechStarted"}"#]
        {
            assert_eq!(read(text), Heard::Alive, "{text}");
        }
        assert_eq!(read(r#"{"type":"UtteranceEnd","channel":[0,1],"last_word_end":2.4}"#), Heard::UtteranceEnd);
        assert_eq!(read(r#"{"type":"Metadata","request_id":"x","duration":1.0}"#), Heard::Drained);
    }
}
