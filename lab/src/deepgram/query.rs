//! The query of `/v1/listen`: every parameter is known and has a value that the service takes, or the answer is 400.

use fourwire_wire::units::Samples;

use super::models;
use super::refusal::{Refusal, RefusalKind};
use crate::ear::Settings;

/// Parameters that may be given once, with any value that is checked below or does not matter here.
const ONCE: [&str; 16] = [
    "callback",
    "callback_method",
    "channels",
    "diarize_model",
    "encoding",
    "endpointing",
    "interim_results",
    "language",
    "model",
    "punctuate",
    "sample_rate",
    "smart_format",
    "utterance_end_ms",
    "vad_events",
    "version",
    "multichannel",
];
/// Parameters that are `true` or `false` and change nothing in what the lab answers.
const SWITCHES: [&str; 8] = [
    "detect_entities",
    "diarize",
    "dictation",
    "filler_words",
    "mip_opt_out",
    "no_delay",
    "numerals",
    "profanity_filter",
];
/// Parameters that may be given several times.
const REPEATED: [&str; 8] = ["extra", "keyterm", "keywords", "language_hint", "redact", "replace", "search", "tag"];
/// Encodings that the service knows and the lab does not take.
const OTHER_ENCODINGS: [&str; 10] =
    ["linear32", "flac", "alaw", "mulaw", "amr-nb", "amr-wb", "opus", "ogg-opus", "speex", "g729"];
/// Rates that the lab can bring to 16 kHz, in hertz.
const SAMPLE_RATES: std::ops::RangeInclusive<u32> = 8_000..=48_000;
/// The service's default silence before a final, in milliseconds.
const DEFAULT_ENDPOINTING: u64 = 10;
/// The language of streams in which several are spoken.
const MULTI: &str = "multi";
/// The least that `utterance_end_ms` takes.
const MIN_UTTERANCE_END: u64 = 1_000;

/// What a stream was opened for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The model's name.
    pub model: String,
    /// Samples a second of 16-bit mono PCM; none: the audio must bring a container that says it.
    pub sample_rate: Option<u32>,
    /// Whether `SpeechStarted` is sent.
    pub vad_events: bool,
    /// Whether transcripts are written as sentences.
    pub punctuate: bool,
    /// What the ear must know.
    pub settings: Settings,
}

impl Listen {
    /// Reads the query, given as name and value pairs.
    ///
    /// # Errors
    /// A [`Refusal`] with status 400 for the first thing that the service would not take.
    pub fn parse(pairs: &[(String, String)]) -> Result<Self, Refusal> {
        check_names(pairs)?;
        let value = |name| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        for name in SWITCHES {
            switch(name, value(name))?;
        }

        let model = value("model").unwrap_or("base");
        let language = value("language").unwrap_or("en");
        if !models::languages(model).is_some_and(|languages| languages.contains(&language)) {
            return Err(Refusal::of(RefusalKind::Language));
        }
        check_hints(pairs, model, language)?;
        if value("keywords").is_some() && model.starts_with("nova-3") {
            return Err(Refusal::parameter("Keywords are not supported for Nova-3"));
        }
        if value("keyterm").is_some() && !model.starts_with("nova-3") {
            return Err(Refusal::parameter("keyterm is only for nova-3 models"));
        }
        check_channels(value("channels"), switch("multichannel", value("multichannel"))?)?;

        let interim = switch("interim_results", value("interim_results"))?;
        let settings = Settings {
            endpointing: match value("endpointing") {
                Some("false") => None,
                Some(millis) => Some(Samples::from_millis(number("endpointing", millis)?)),
                None => Some(Samples::from_millis(DEFAULT_ENDPOINTING)),
            },
            utterance_end: utterance_end(value("utterance_end_ms"), interim)?,
            interim,
        };
        let smart_format = switch("smart_format", value("smart_format"))?;
        Ok(Self {
            model: model.to_owned(),
            sample_rate: raw_audio(value("encoding"), value("sample_rate"))?,
            vad_events: switch("vad_events", value("vad_events"))?,
            punctuate: switch("punctuate", value("punctuate"))? || smart_format,
            settings,
        })
    }
}

fn check_names(pairs: &[(String, String)]) -> Result<(), Refusal> {
    for (index, (name, _)) in pairs.iter().enumerate() {
        let name = name.as_str();
        if REPEATED.contains(&name) {
            continue;
        }
        if !ONCE.contains(&name) && !SWITCHES.contains(&name) {
            return Err(Refusal::parameter(format!("unknown query parameter: {name}")));
        }
        if pairs[..index].iter().any(|(earlier, _)| earlier == name) {
            return Err(Refusal::parameter(format!("{name} is given twice")));
        }
    }
    Ok(())
}

/// Hints narrow down what a stream of several languages is listened to in.
fn check_hints(pairs: &[(String, String)], model: &str, language: &str) -> Result<(), Refusal> {
    for (_, hint) in pairs.iter().filter(|(name, _)| name == "language_hint") {
        if language != MULTI || !models::is_multilingual(model) {
            return Err(Refusal::parameter("language_hint needs language=multi and a nova-3 model"));
        }
        if !models::is_hint(hint) {
            return Err(Refusal::parameter(format!("language_hint: {hint} is not supported")));
        }
    }
    Ok(())
}

fn check_channels(channels: Option<&str>, multichannel: bool) -> Result<(), Refusal> {
    match channels.map_or(Ok(1), |channels| number("channels", channels))? {
        1 if !multichannel => Ok(()),
        0 => Err(Refusal::parameter("channels must be at least 1")),
        _ => Err(Refusal::parameter("this lab takes one channel a stream")),
    }
}

/// The rate of raw audio. It needs both parameters; a container brings its own and has neither.
fn raw_audio(encoding: Option<&str>, sample_rate: Option<&str>) -> Result<Option<u32>, Refusal> {
    match (encoding, sample_rate) {
        (None, None) => Ok(None),
        (Some("linear16"), Some(rate)) => {
            let hertz = u32::try_from(number("sample_rate", rate)?).ok().filter(|rate| SAMPLE_RATES.contains(rate));
            hertz.map(Some).ok_or_else(|| Refusal::parameter("sample_rate must be from 8000 to 48000"))
        }
        (Some(other), Some(_)) if OTHER_ENCODINGS.contains(&other) => {
            Err(Refusal::parameter(format!("this lab takes linear16, not {other}")))
        }
        (Some(_), Some(_)) => Err(Refusal::parameter("encoding: no such encoding")),
        (Some(_), None) => Err(Refusal::parameter("raw audio needs a sample_rate beside its encoding")),
        (None, Some(_)) => Err(Refusal::parameter("raw audio needs an encoding beside its sample_rate")),
    }
}

fn utterance_end(millis: Option<&str>, interim: bool) -> Result<Option<Samples>, Refusal> {
    let Some(millis) = millis else { return Ok(None) };
    let millis = number("utterance_end_ms", millis)?;
    if !interim {
        return Err(Refusal::parameter("utterance_end_ms needs interim_results=true"));
    }
    if millis < MIN_UTTERANCE_END {
        return Err(Refusal::parameter("utterance_end_ms must be at least 1000"));
    }
    Ok(Some(Samples::from_millis(millis)))
}

fn switch(name: &str, value: Option<&str>) -> Result<bool, Refusal> {
    match value {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Refusal::parameter(format!("{name} must be true or false"))),
    }
}

fn number(name: &str, value: &str) -> Result<u64, Refusal> {
    value.parse().map_err(|_| Refusal::parameter(format!("{name} must be a whole number")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the edge is advised to send.
    const GOOD: &str = "model=nova-3&encoding=linear16&sample_rate=16000&channels=1&interim_results=true\
        &endpointing=300&utterance_end_ms=1000&vad_events=true&smart_format=true&language=en";

    fn parse(query: &str) -> Result<Listen, Refusal> {
        let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Listen::parse(&pairs)
    }

    #[test]
    fn the_advised_query_is_taken() {
        let listen = parse(GOOD).unwrap();
        assert_eq!(listen.sample_rate, Some(16_000));
        assert_eq!(listen.settings.endpointing, Some(Samples::from_millis(300)));
        assert!(listen.punctuate && listen.vad_events && listen.settings.interim);
    }

    #[test]
    fn what_the_service_would_refuse_is_refused() {
        for (from, to) in [
            ("model=nova-3", "model=nova-9"),
            ("model=nova-3", "Model=nova-3"),
            ("language=en", "language=xx"),
            ("language=en", "language=de-DE"),
            ("language=en", "language=en-us"),
            ("language=en", "language="),
            ("language=en", "language=gl"),
            ("language=en", "language=en&language_hint=en"),
            ("language=en", "language_hint=de"),
            ("language=en", "language=multi&language_hint=ur"),
            ("language=en", "language=multi&language_hint=de&language_hint=tlh"),
            ("language=en", "language=multi&language_hint="),
            ("model=nova-3", "model=nova-2&language_hint=de"),
            ("model=nova-3", "model=nova-3&keywords=Fourwire"),
            ("model=nova-3", "model=nova-3-medical&keywords=Fourwire"),
            ("language=en", "language=en&lang=en"),
            ("language=en", "language=en&language=de"),
            ("language=en", "language=en&diarize=1"),
            ("model=nova-3", "model=nova-2-meeting&keyterm=Fourwire"),
            ("encoding=linear16&", ""),
            ("sample_rate=16000&", ""),
            ("encoding=linear16", "encoding=pcm"),
            ("encoding=linear16", "encoding=mulaw"),
            ("sample_rate=16000", "sample_rate=16k"),
            ("sample_rate=16000", "sample_rate=96000"),
            ("channels=1", "channels=2"),
            ("channels=1", "channels=0"),
            ("interim_results=true", "interim_results=yes"),
            ("interim_results=true", "interim_results=false"),
            ("utterance_end_ms=1000", "utterance_end_ms=999"),
            ("endpointing=300", "endpointing=-1"),
            ("endpointing=300", "endpointing=soon"),
        ] {
            let query = GOOD.replace(from, to);
            assert_ne!(query, GOOD, "{from}");
            assert_eq!(parse(&query).map_err(|refusal| refusal.status), Err(400), "{query}");
        }
    }

    #[test]
    fn several_languages_take_hints_as_often_as_they_are_given() {
        for hints in ["", "&language_hint=de", "&language_hint=en-GB&language_hint=gl&language_hint=es-MX"] {
            let query = GOOD.replace("language=en", &format!("language=multi{hints}"));
            assert!(parse(&query).is_ok(), "{query}");
        }
        assert!(parse(&GOOD.replace("nova-3", "nova-2").replace("language=en", "language=multi")).is_ok());
    }

    #[test]
    fn a_language_that_is_left_out_is_english() {
        assert!(parse(&GOOD.replace("&language=en", "")).is_ok());
        // A model that hears nothing else takes it too.
        assert!(parse(&GOOD.replace("&language=en", "").replace("nova-3", "nova-3-medical")).is_ok());
    }

    #[test]
    fn what_is_left_out_takes_the_services_default() {
        let listen = parse("").unwrap();
        assert_eq!((listen.model.as_str(), listen.sample_rate), ("base", None));
        assert_eq!(listen.settings.endpointing, Some(Samples::from_millis(10)));
        assert_eq!(parse("endpointing=false").unwrap().settings.endpointing, None);
    }
}
