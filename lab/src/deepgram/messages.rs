//! The stream's text messages: what the service sends, and what it understands of what the client sends.

use fourwire_wire::units::Samples;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::query::Listen;
use crate::ear::{Heard, Span, Word};

/// Which channel a message is about, of how many: the lab takes one channel a stream.
const CHANNEL: [u32; 2] = [0, 1];

/// Writes the messages of one stream.
pub struct Writer {
    request_id: String,
    listen: Listen,
}

impl Writer {
    /// A writer for a stream.
    pub fn new(request_id: String, listen: Listen) -> Self {
        Self { request_id, listen }
    }

    /// The message for something heard, where the client asked for that kind.
    pub fn heard(&self, heard: &Heard) -> Option<Value> {
        match heard {
            Heard::SpeechStarted { at } => self
                .listen
                .vad_events
                .then(|| json!({ "type": "SpeechStarted", "channel": CHANNEL, "timestamp": at.seconds() })),
            Heard::Interim { span, words } => {
                self.listen.settings.interim.then(|| self.results(*span, words, false, false, false))
            }
            Heard::Final { span, words, speech_final, from_finalize } => {
                Some(self.results(*span, words, true, *speech_final, *from_finalize))
            }
            Heard::UtteranceEnd { last_word_end } => Some(utterance_end(last_word_end.seconds())),
            Heard::Closed | Heard::Broken => None,
        }
    }

    fn results(&self, span: Span, words: &[Word], is_final: bool, speech_final: bool, from_finalize: bool) -> Value {
        let text = |word: &Word| if self.listen.punctuate { word.punctuated.clone() } else { word.text.clone() };
        let transcript = words.iter().map(text).collect::<Vec<_>>().join(" ");
        #[expect(clippy::cast_precision_loss, reason = "a few words")]
        let confidence = words.iter().map(|word| word.confidence).sum::<f64>() / words.len().max(1) as f64;
        let words: Vec<Value> = words.iter().map(|word| self.word(word)).collect();
        json!({
            "type": "Results",
            "channel_index": CHANNEL,
            "duration": span.until.saturating_sub(span.from).seconds(),
            "start": span.from.seconds(),
            "is_final": is_final,
            "speech_final": speech_final,
            "from_finalize": from_finalize,
            "channel": {
                "alternatives": [{ "transcript": transcript, "confidence": confidence, "words": words }],
            },
            "metadata": {
                "request_id": self.request_id,
                "model_info": { "name": self.listen.model, "version": "lab", "arch": self.listen.model },
                "model_uuid": "00000000-0000-4000-8000-000000000000",
            },
        })
    }

    fn word(&self, word: &Word) -> Value {
        let mut value = json!({
            "word": word.text, "start": word.start.seconds(), "end": word.end.seconds(), "confidence": word.confidence,
        });
        if self.listen.punctuate {
            value["punctuated_word"] = word.punctuated.as_str().into();
        }
        value
    }

    /// The last message of a stream.
    pub fn metadata(&self, audio_sha256: &str, created: &str, duration: Samples) -> Value {
        json!({
            "type": "Metadata",
            "transaction_key": "deprecated",
            "request_id": self.request_id,
            "sha256": audio_sha256,
            "created": created,
            "duration": duration.seconds(),
            "channels": 1,
        })
    }

    /// The answer to a text that is no message.
    pub fn not_understood(text: &str, why: &str) -> Value {
        json!({ "type": "Error", "variant": "SchemaError", "description": why, "message": text })
    }

    /// The answer to a change of key terms.
    pub fn configured(&self, keyterms: &[String]) -> Value {
        json!({ "type": "ConfigureSuccess", "request_id": self.request_id, "keyterms": keyterms })
    }
}

/// Nobody has said a word for a while; the last one ended at so many seconds.
pub fn utterance_end(last_word_end: f64) -> Value {
    json!({ "type": "UtteranceEnd", "channel": CHANNEL, "last_word_end": last_word_end })
}

/// What a client may say in text.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type")]
pub enum ClientMessage {
    /// There is no audio now, but the stream goes on.
    KeepAlive,
    /// Make a final of what there is.
    Finalize,
    /// No more audio comes.
    CloseStream,
    /// Change the key terms.
    Configure {
        /// The new ones.
        #[serde(default)]
        keyterms: Vec<String>,
    },
}

impl ClientMessage {
    /// Reads a text message. It must be a JSON object: of an array serde would take the first element for the type.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let object: Map<String, Value> = serde_json::from_str(text)?;
        Self::deserialize(Value::Object(object))
    }
}
