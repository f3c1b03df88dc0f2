//! The two forms of subtitles: a cue for each segment, at its time.
//!
//! Cues of the two sides overlap where both speak; players show them above each other.

use std::fmt::Write;

use fourwire_wire::units::Samples;

use super::Line;

/// A cue is shown at least so long, or nobody could read it.
const SHORTEST: Samples = Samples::from_millis(500);

/// Writes `SubRip`.
pub(super) fn srt<'a>(lines: impl Iterator<Item = Line<'a>>) -> String {
    let mut file = String::new();
    for (number, Line { start, end, name, text }) in (1..).zip(lines) {
        let [start, end] = times(start, end).map(|time| clock(time, ','));
        let [name, text] = [name, &text].map(without_tags);
        // Writing into a string does not fail.
        let _ = write!(file, "{number}\n{start} --> {end}\n{name}: {text}\n\n");
    }
    file
}

/// Writes `WebVTT`.
pub(super) fn vtt<'a>(lines: impl Iterator<Item = Line<'a>>) -> String {
    let mut file = "WEBVTT\n".to_owned();
    for Line { start, end, name, text } in lines {
        let [start, end] = times(start, end).map(|time| clock(time, '.'));
        let [name, text] = [name, &text].map(escaped);
        let _ = write!(file, "\n{start} --> {end}\n<v {name}>{text}\n");
    }
    file
}

fn times(start: Samples, end: Samples) -> [Samples; 2] {
    [start, end.max(start + SHORTEST)]
}

fn clock(time: Samples, point: char) -> String {
    let millis = time.millis();
    let (seconds, millis) = (millis / 1_000, millis % 1_000);
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}{point}{millis:03}")
}

/// `SubRip` has tags but no way to write their characters as text, so those become their full-width forms, which read alike.
fn without_tags(text: &str) -> String {
    let full_width = |character| match character {
        '<' => '\u{ff1c}',
        '>' => '\u{ff1e}',
        '{' => '\u{ff5b}',
        '}' => '\u{ff5d}',
        '\\' => '\u{ff3c}',
        other => other,
    };
    text.chars().map(full_width).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
