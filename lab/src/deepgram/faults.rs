//! Faults that a test can order: for connections to come, and for streams that are open.
//!
//! Each has a name in JSON, for [`Order`], for `fourwire-lab serve --speech-fault` and for the [routes](super#routes).
//! Positions are milliseconds of the stream's own audio, 0 where they are left out.
//!
//! | JSON | what goes wrong |
//! | --- | --- |
//! | `{"refuse":"rate"}` | the handshake is answered with a [`Refusal`]: see there for its forms |
//! | `"hang"` | the handshake is never answered |
//! | `{"slow_accept_ms":3000}` | the handshake is answered so much later |
//! | `{"silent":{"from_ms":1000}}` | the stream takes audio and says nothing |
//! | `{"drop":{"at_ms":1000}}` | the connection is gone, without a close frame |
//! | `{"close":{"at_ms":1000,"code":1011,"reason":"NET-0000"}}` | the stream is closed |
//! | `{"garbage":{"at_ms":1000,"text":"<html>"}}` | a text comes that the service never sends |
//! | `{"late_ms":5000}` | results come so much later; after `CloseStream` too, until all are told |
//! | `{"utterance_end":{"at_ms":1000,"last_word_end":-1}}` | an `UtteranceEnd` with this `last_word_end`, in seconds |
//! | `{"withdraw":{"from_ms":0}}` | the next final with words comes without them, after its interims had them |
//! | `{"nulls":{"from_ms":0,"what":"confidence"}}` | results lack something, or are absurd: see [`Blank`] for what |

use std::time::Duration;

use fourwire_wire::units::Samples;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::refusal::Refusal;

/// Something that goes wrong. Positions are in the stream's own audio, counted in samples at 16 kHz.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// The handshake is answered with this status and body.
    Refuse(Refusal),
    /// The TCP connection is taken, the handshake never answered.
    Hang,
    /// The handshake is answered so much later; then all is well.
    #[serde(rename = "slow_accept_ms", deserialize_with = "duration")]
    Delay(Duration),
    /// From that position on the stream takes audio and says nothing.
    Silent {
        /// Where in the stream.
        #[serde(rename = "from_ms", default, deserialize_with = "position")]
        from: Samples,
    },
    /// At that position the connection is gone, without a close frame.
    Drop {
        /// Where in the stream.
        #[serde(rename = "at_ms", default, deserialize_with = "position")]
        at: Samples,
    },
    /// At that position the stream is closed with this code.
    Close {
        /// Where in the stream.
        #[serde(rename = "at_ms", default, deserialize_with = "position")]
        at: Samples,
        /// The WebSocket close code.
        code: u16,
        /// The close reason.
        #[serde(default)]
        reason: String,
    },
    /// At that position a text is sent that the service never sends; then all is well.
    Garbage {
        /// Where in the stream.
        #[serde(rename = "at_ms", default, deserialize_with = "position")]
        at: Samples,
        /// The text.
        text: String,
    },
    /// Results come so much later than the service would send them, also after the client asked for the end.
    #[serde(rename = "late_ms", deserialize_with = "duration")]
    Late(Duration),
    /// At that position an `UtteranceEnd` is sent, whatever was said; then all is well.
    UtteranceEnd {
        /// Where in the stream.
        #[serde(rename = "at_ms", default, deserialize_with = "position")]
        at: Samples,
        /// Seconds; the service sends −1 where it has no word that a final did not end already:
        /// <https://developers.deepgram.com/docs/utterance-end>
        last_word_end: f64,
    },
    /// The first final with words after that position comes without any, though interims showed them.
    Withdraw {
        /// Where in the stream.
        #[serde(rename = "from_ms", default, deserialize_with = "position")]
        from: Samples,
    },
    /// From that position on results have something missing or absurd.
    Nulls {
        /// Where in the stream.
        #[serde(rename = "from_ms", default, deserialize_with = "position")]
        from: Samples,
        /// What.
        what: Blank,
    },
}

/// What is missing from results or absurd in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blank {
    /// `speech_final` is null.
    SpeechFinal,
    /// `confidence` is null, of the transcript and of every word.
    Confidence,
    /// The transcript has no list of words.
    Words,
    /// The first word begins three seconds before the stream and ends in a hundred days.
    Times,
}

/// What a fault does to results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    Withdraw,
    Blank(Blank),
}

impl Edit {
    /// Changes a message; `false` where this edit is for others.
    pub(super) fn apply(self, message: &mut Value) -> bool {
        let is_final = message["is_final"] == true;
        let Some(best) = message.pointer_mut("/channel/alternatives/0") else { return false };
        let has_words = best["words"].as_array().is_some_and(|words| !words.is_empty());
        match self {
            Self::Withdraw if !(is_final && has_words) => return false,
            Self::Withdraw => {
                best["transcript"] = "".into();
                best["confidence"] = 0.0.into();
                best["words"] = json!([]);
            }
            Self::Blank(Blank::SpeechFinal) => message["speech_final"] = Value::Null,
            Self::Blank(Blank::Confidence) => {
                best["confidence"] = Value::Null;
                for word in best["words"].as_array_mut().into_iter().flatten() {
                    word["confidence"] = Value::Null;
                }
            }
            Self::Blank(Blank::Words) => {
                best.as_object_mut().and_then(|best| best.remove("words"));
            }
            Self::Blank(Blank::Times) => {
                if let Some(word) = best.pointer_mut("/words/0") {
                    word["start"] = (-3.0).into();
                    word["end"] = 8_640_000.0.into();
                }
            }
        }
        true
    }
}

impl Fault {
    /// Where in a stream it strikes; `None` where it strikes the handshake.
    pub(super) fn position(&self) -> Option<Samples> {
        match self {
            Self::Refuse(_) | Self::Hang | Self::Delay(_) => None,
            Self::Late(_) => Some(Samples::ZERO),
            Self::Silent { from: at }
            | Self::Withdraw { from: at }
            | Self::Nulls { from: at, .. }
            | Self::Drop { at }
            | Self::Close { at, .. }
            | Self::Garbage { at, .. }
            | Self::UtteranceEnd { at, .. } => Some(*at),
        }
    }
}

fn duration<'de, D: Deserializer<'de>>(millis: D) -> Result<Duration, D::Error> {
    u64::deserialize(millis).map(Duration::from_millis)
}

fn position<'de, D: Deserializer<'de>>(millis: D) -> Result<Samples, D::Error> {
    u64::deserialize(millis).map(Samples::from_millis)
}

/// Which connections a fault is for. In JSON: `{"next":2}`, `{"nth":1}`, `"all"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// So many of the next ones.
    Next(u32),
    /// The one with this number, counted from 1 since the lab started.
    Nth(usize),
    /// All, until healed.
    All,
}

/// A fault, and the connections that it is for: `{"which":{"next":2},"fault":{"refuse":"payment"}}`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The connections; the next one where it is left out.
    #[serde(default = "next_one")]
    pub which: Which,
    /// The fault.
    pub fault: Fault,
}

const fn next_one() -> Which {
    Which::Next(1)
}

impl std::str::FromStr for Order {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text)
    }
}

/// The faults that are armed, oldest first.
#[derive(Default)]
pub(super) struct Armed(Vec<(Which, Fault)>);

impl Armed {
    pub(super) fn add(&mut self, which: Which, fault: Fault) {
        self.0.push((which, fault));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault for connection number `number`: that of the oldest order that fits.
    pub(super) fn take(&mut self, number: usize) -> Option<Fault> {
        self.0.retain(|(which, _)| *which != Which::Next(0));
        let (which, fault) = self.0.iter_mut().find(|(which, _)| match which {
            Which::Next(_) | Which::All => true,
            Which::Nth(wanted) => *wanted == number,
        })?;
        if let Which::Next(left) = which {
            *left -= 1;
        }
        Some(fault.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::refusal::RefusalKind;
    use super::*;

    #[test]
    fn faults_strike_just_the_connections_they_are_for() {
        let mut armed = Armed::default();
        armed.add(Which::Nth(2), Fault::Hang);
        armed.add(Which::Next(2), Fault::Delay(Duration::ZERO));
        let struck: Vec<_> = (1..=4).map(|number| armed.take(number)).collect();
        let delay = Some(Fault::Delay(Duration::ZERO));
        assert_eq!(struck, [delay.clone(), Some(Fault::Hang), delay, None]);
        armed.add(Which::All, Fault::Hang);
        assert_eq!(armed.take(9), Some(Fault::Hang));
        armed.clear();
        assert_eq!(armed.take(10), None);
    }

    #[test]
    fn every_fault_has_a_name_in_json() {
        let (second, start) = (Samples::from_millis(1_000), Samples::ZERO);
        let rate = |retry_after| Refusal { retry_after, ..Refusal::of(RefusalKind::Rate) };
        for (json, fault) in [
            (r#"{"refuse":"language"}"#, Fault::Refuse(Refusal::of(RefusalKind::Language))),
            (r#"{"refuse":"quota"}"#, Fault::Refuse(Refusal::of(RefusalKind::Quota))),
            (r#"{"refuse":{"kind":"rate","retry_after":30}}"#, Fault::Refuse(rate(Some(30)))),
            (r#"{"refuse":{"kind":"rate"}}"#, Fault::Refuse(rate(None))),
            (r#"{"refuse":{"status":502,"code":"X","message":"No."}}"#, Fault::Refuse(Refusal::new(502, "X", "No."))),
            (r#""hang""#, Fault::Hang),
            (r#"{"slow_accept_ms":2500}"#, Fault::Delay(Duration::from_millis(2_500))),
            (r#"{"silent":{"from_ms":1000}}"#, Fault::Silent { from: second }),
            (r#"{"silent":{}}"#, Fault::Silent { from: start }),
            (r#"{"drop":{"at_ms":1000}}"#, Fault::Drop { at: second }),
            (r#"{"close":{"code":1011}}"#, Fault::Close { at: start, code: 1011, reason: String::new() }),
            (r#"{"garbage":{"at_ms":1000,"text":"<"}}"#, Fault::Garbage { at: second, text: "<".to_owned() }),
            (r#"{"late_ms":5000}"#, Fault::Late(Duration::from_secs(5))),
            (r#"{"utterance_end":{"last_word_end":-1}}"#, Fault::UtteranceEnd { at: start, last_word_end: -1.0 }),
            (r#"{"withdraw":{"from_ms":1000}}"#, Fault::Withdraw { from: second }),
            (r#"{"nulls":{"what":"times"}}"#, Fault::Nulls { from: start, what: Blank::Times }),
            (r#"{"nulls":{"what":"speech_final"}}"#, Fault::Nulls { from: start, what: Blank::SpeechFinal }),
        ] {
            assert_eq!(serde_json::from_str::<Fault>(json).unwrap(), fault, "{json}");
        }
    }

    #[test]
    fn what_is_no_fault_is_not_taken_for_one() {
        for json in [
            r#""hangs""#,
            r#""rate""#,
            r#"{"refuse":"Rate"}"#,
            r#"{"refuse":{"kind":"rate","retry":30}}"#,
            r#"{"refuse":{"status":502}}"#,
            r#"{"silent":{"at_ms":1000}}"#,
            r#"{"drop":{"at_ms":-1}}"#,
            r#"{"close":{"at_ms":0}}"#,
            r#"{"late_ms":"5 s"}"#,
            r#"{"late_ms":1.5}"#,
            r#"{"nulls":{}}"#,
            r#"{"hang":{},"late_ms":1}"#,
        ] {
            assert!(serde_json::from_str::<Fault>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn an_order_is_for_the_next_connection_unless_it_says_otherwise() {
        for (json, which) in [
            (r#"{"fault":"hang"}"#, Some(Which::Next(1))),
            (r#"{"which":{"next":3},"fault":"hang"}"#, Some(Which::Next(3))),
            (r#"{"which":{"nth":2},"fault":"hang"}"#, Some(Which::Nth(2))),
            (r#"{"which":"all","fault":"hang"}"#, Some(Which::All)),
            (r#"{"which":"every","fault":"hang"}"#, None),
            (r#"{"for":"all","fault":"hang"}"#, None),
            (r#"{"which":"all"}"#, None),
        ] {
            assert_eq!(json.parse::<Order>().ok().map(|order| order.which), which, "{json}");
        }
    }
}
