//! The top of the page: what the call was about, when it was, and how long it took.

use std::io;

use super::Call;
use super::paper::{Paper, px};
use super::timeline::{COLUMNS, Timeline};
use super::typesetting::{clean, wrap};
use super::words;

/// The title's size in px, and the distance of its lines.
const TITLE: (f64, f64) = (30.0, 38.0);
/// A title that is longer is cut.
const TITLE_LINES: usize = 2;
/// Semi-bold letters are wider than the regular ones that are measured.
const BOLDNESS: f64 = 1.08;
/// From the top of the page to the title's first base line in px.
const FIRST_LINE: f64 = 80.0;
/// From the title's last base line to the line below it in px.
const ABOUT: f64 = 32.0;
/// Below everything in px.
const BELOW: f64 = 36.0;

/// The top of the page.
pub struct Header {
    emoji: String,
    title: Vec<String>,
    about: String,
}

impl Header {
    /// What is said of a call.
    pub fn new(call: &Call<'_>, timeline: &Timeline) -> Self {
        let structured = call.structured;
        let mut title = wrap(&clean(structured.title.expose()), TITLE.0 * BOLDNESS, f64::from(COLUMNS), TITLE_LINES);
        if title.is_empty() {
            title.push("Phone call".to_owned());
        }
        let parts = [words::moment(call.began), words::length(timeline.duration), words::category(structured.category)];
        // One line, whatever was sent as an emoji.
        let emoji = wrap(&clean(&structured.emoji), TITLE.0, 1.4 * TITLE.0, 1).concat();
        Self { emoji, title, about: parts.join("  ·  ") }
    }

    /// The call's title as one line.
    pub fn title(&self) -> String {
        self.title.join(" ")
    }

    /// How high it is in px.
    pub fn height(&self) -> f64 {
        self.last_line() + ABOUT + BELOW
    }

    /// Draws it, with its left edge at 0.
    pub fn write(&self, paper: &mut Paper) -> io::Result<()> {
        let first = px(FIRST_LINE);
        if !self.emoji.is_empty() {
            let place = [("class", "emoji"), ("x", "-20"), ("y", &first), ("text-anchor", "end")];
            paper.text("text", &place, &self.emoji)?;
        }
        for (line, y) in self.title.iter().zip(self.lines()) {
            paper.text("text", &[("class", "title"), ("x", "0"), ("y", &px(y))], line)?;
        }
        paper.text("text", &[("class", "about"), ("x", "0"), ("y", &px(self.last_line() + ABOUT))], &self.about)
    }

    fn lines(&self) -> impl Iterator<Item = f64> {
        std::iter::successors(Some(FIRST_LINE), |y| Some(y + TITLE.1)).take(self.title.len())
    }

    fn last_line(&self) -> f64 {
        self.lines().last().unwrap_or(FIRST_LINE)
    }
}
