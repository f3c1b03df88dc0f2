//! What was said in a call, in the forms that people and other programs take: plain text, subtitles, JSON.
//!
//! Whatever was said stays text: it cannot begin a line, a cue or a tag of its own. The subtitle forms are a line of times
//! and a line of text, so they are written here; what the crates for them add is parsers, while none makes text harmless.

mod joining;
mod subtitles;

use std::str::FromStr;

use fourwire_wire::pii::Pii;
use fourwire_wire::segment::{Segment, WireSegment};
use fourwire_wire::units::Samples;
use thiserror::Error;

pub(crate) use self::joining::{continues_word, is_unspaced, kind_of_letter, one_line};
pub use self::joining::{join, push_word};

/// A form of a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The segments, as the conversation has them.
    Json,
    /// `[00:12] You: …`, a line for each segment.
    Text,
    /// `SubRip`, which every player takes.
    Srt,
    /// `WebVTT`, which browsers take; it tells players who speaks.
    Vtt,
}

/// A text names no form of a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be json, txt, srt or vtt")]
pub struct UnknownFormat;

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        match text {
            "json" => Ok(Self::Json),
            "txt" => Ok(Self::Text),
            "srt" => Ok(Self::Srt),
            "vtt" => Ok(Self::Vtt),
            _ => Err(UnknownFormat),
        }
    }
}

impl Format {
    /// The media type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Text => "text/plain; charset=utf-8",
            Self::Srt => "application/x-subrip; charset=utf-8",
            Self::Vtt => "text/vtt; charset=utf-8",
        }
    }

    /// The name under which a browser keeps it. It tells nothing of the call.
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Json => "transcript.json",
            Self::Text => "transcript.txt",
            Self::Srt => "transcript.srt",
            Self::Vtt => "transcript.vtt",
        }
    }
}

/// What the two sides are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// Channel 1, who placed the call.
    you: Pii<String>,
    /// Channel 2, who was called.
    them: Pii<String>,
}

impl Default for Names {
    fn default() -> Self {
        Self::new("", "")
    }
}

impl Names {
    /// Names for the two sides; one that is blank becomes `You` or `Them`.
    #[must_use]
    pub fn new(you: &str, them: &str) -> Self {
        let or = |name: &str, other: &str| {
            let name = one_line(name);
            Pii::new(if name.is_empty() { other.to_owned() } else { name })
        };
        Self { you: or(you, "You"), them: or(them, "Them") }
    }

    fn of(&self, segment: &WireSegment) -> &str {
        if segment.is_user { self.you.expose() } else { self.them.expose() }
    }
}

/// Writes segments, by time, in a form.
///
/// # Errors
/// `serde_json`'s, which it has no reason to return.
pub fn write(format: Format, segments: &[WireSegment], names: &Names) -> serde_json::Result<String> {
    let mut by_time: Vec<_> = segments.iter().collect();
    by_time.sort_by(|a, b| a.start.total_cmp(&b.start).then(a.speaker_id.cmp(&b.speaker_id)));
    if format == Format::Json {
        return serde_json::to_string(&by_time);
    }
    let lines = by_time.into_iter().map(|segment| Line::new(segment, names)).filter(|line| !line.text.is_empty());
    Ok(match format {
        Format::Srt => subtitles::srt(lines),
        Format::Vtt => subtitles::vtt(lines),
        Format::Text | Format::Json => lines.map(|line| plain(&line)).collect(),
    })
}

/// One segment, as text of one line.
struct Line<'a> {
    start: Samples,
    end: Samples,
    name: &'a str,
    text: String,
}

impl<'a> Line<'a> {
    fn new(segment: &WireSegment, names: &'a Names) -> Self {
        Self {
            start: Samples::from_seconds(segment.start),
            end: Samples::from_seconds(segment.end),
            name: names.of(segment),
            text: one_line(segment.text.expose()),
        }
    }
}

fn plain(Line { start, name, text, .. }: &Line<'_>) -> String {
    let seconds = start.millis() / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let hours = if hours > 0 { format!("{hours}:") } else { String::new() };
    format!("[{hours}{minutes:02}:{seconds:02}] {name}: {text}\n")
}

/// Stored wire segments as the engine keeps them. Stored conversations always carry the extras.
pub(crate) fn segments_of(stored: &[WireSegment]) -> Vec<Segment> {
    let segment = |wire: &WireSegment| {
        let extras = wire.extras.as_ref()?;
        Some(Segment {
            id: wire.id,
            channel: extras.channel,
            start: Samples::from_seconds(wire.start),
            end: Samples::from_seconds(wire.end),
            text: wire.text.clone(),
            confidence: extras.confidence,
            is_final: extras.is_final,
        })
    };
    stored.iter().filter_map(segment).collect()
}

#[cfg(test)]
mod tests;
