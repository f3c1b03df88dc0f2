//! A channel's waveform: its columns, and the two shapes that they are drawn as.

use std::fmt::{self, Write as _};

use super::sound::{Column, Sound, SoundError};
use super::timeline::{COLUMNS, Timeline};

/// Both channels are drawn as loud as the louder one needs to fill its room, but nothing is made more than 10 times as
/// loud: a line's noise stays a line.
const QUIETEST_FULL: f64 = 3_276.7;
/// Heights are whole numbers of half pixels, which are the shortest to write.
pub const UNITS_PER_PX: f64 = 2.0;

/// A channel's sound, a column for each column of the picture.
pub struct Waveform {
    columns: Vec<Column>,
}

/// A row's part of a waveform, as SVG path data. A unit is 1 px to the right and half a pixel down.
pub struct Shapes {
    /// From the lowest to the highest sample of each column.
    pub peaks: String,
    /// The loudness of each column, both ways from the middle, inside the peaks.
    pub loudness: String,
    /// How many columns there are.
    pub columns: usize,
}

impl Waveform {
    /// Reads a channel's sound.
    pub fn read(sound: Sound, timeline: &Timeline) -> Result<Self, SoundError> {
        Ok(Self { columns: sound.columns(timeline.column())? })
    }

    /// Whether there is no sound at all, not even silence.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// A row's shapes: a sample of `full` is `half` px from the middle.
    pub fn shapes(&self, row: u32, full: f64, half: f64) -> Shapes {
        let width = usize::from(COLUMNS);
        let start = usize::try_from(row).map_or(usize::MAX, |row| row.saturating_mul(width)).min(self.columns.len());
        let columns = &self.columns[start..(start + width).min(self.columns.len())];
        let units = |value: f64| {
            #[expect(clippy::cast_possible_truncation, reason = "at most the height of a row")]
            let units = (value / full * half * UNITS_PER_PX).round() as i32;
            units
        };
        // Down is positive, as SVG has it.
        let peaks = columns.iter().map(|column| (-units(column.max.into()), -units(column.min.into())));
        let loudness = columns.iter().map(|column| {
            let (min, max) = (f64::from(column.min), f64::from(column.max));
            (-units(column.rms.min(max)), -units((-column.rms).max(min)))
        });
        Shapes {
            peaks: outline(&peaks.collect::<Vec<_>>()),
            loudness: outline(&loudness.collect::<Vec<_>>()),
            columns: columns.len(),
        }
    }
}

/// The sample that fills the whole height.
pub fn full_scale<'a>(waveforms: impl Iterator<Item = &'a Waveform>) -> f64 {
    let columns = waveforms.flat_map(|waveform| &waveform.columns);
    let peaks = columns.map(|column| column.min.unsigned_abs().max(column.max.unsigned_abs()));
    peaks.max().map_or(QUIETEST_FULL, |peak| f64::from(peak).max(QUIETEST_FULL))
}

/// A closed shape along the tops to the right, and along the bottoms back.
fn outline(columns: &[(i32, i32)]) -> String {
    let (Some((first, _)), Some((_, last))) = (columns.first(), columns.last()) else { return String::new() };
    let mut path = Path { data: format!("M0 {first}"), ..Path::default() };
    columns.windows(2).for_each(|pair| path.step(1, pair[1].0 - pair[0].0));
    path.down(columns.last().map_or(0, |(top, _)| last - top));
    columns.windows(2).rev().for_each(|pair| path.step(-1, pair[0].1 - pair[1].1));
    path.flush();
    path.data + "z"
}

/// Writes path data with as few characters as can be: the file is mostly this.
#[derive(Default)]
struct Path {
    data: String,
    /// Level steps that are not written yet.
    level: i32,
    /// Whether the last command was `l`, which need not be repeated.
    is_line: bool,
}

impl Path {
    fn step(&mut self, right: i32, down: i32) {
        if down == 0 {
            self.level += right;
            return;
        }
        self.flush();
        let command = if !self.is_line {
            "l"
        } else if right < 0 {
            ""
        } else {
            " "
        };
        let space = if down < 0 { "" } else { " " };
        self.write(format_args!("{command}{right}{space}{down}"));
        self.is_line = true;
    }

    fn down(&mut self, down: i32) {
        self.flush();
        self.write(format_args!("v{down}"));
        self.is_line = false;
    }

    fn flush(&mut self) {
        let level = std::mem::take(&mut self.level);
        if level != 0 {
            self.write(format_args!("h{level}"));
            self.is_line = false;
        }
    }

    fn write(&mut self, command: fmt::Arguments<'_>) {
        // A text takes whatever is written to it.
        let _ = self.data.write_fmt(command);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outline_goes_along_the_tops_and_back_along_the_bottoms() {
        assert_eq!(outline(&[(-1, 2), (-4, 2), (-4, 2), (-3, 5)]), "M0-1l1-3h1l1 1v8l-1-3h-2z".replace("M0-", "M0 -"));
        assert_eq!(outline(&[(0, 0); 100]), "M0 0h99v0h-99z");
        assert_eq!(outline(&[]), "");
    }

    #[test]
    fn noise_is_not_blown_up_and_speech_fills_the_height() {
        let waveform = |peak: i16| Waveform { columns: vec![Column { min: -peak, max: peak, rms: 1.0 }] };
        assert!((full_scale([waveform(20)].iter()) - QUIETEST_FULL).abs() < 1e-9);
        assert!((full_scale([waveform(20), waveform(9_000)].iter()) - 9_000.0).abs() < 1e-9);
        assert_eq!(waveform(20).shapes(0, QUIETEST_FULL, 42.0).peaks, "M0 -1v2z");
        assert_eq!(waveform(9_000).shapes(0, 9_000.0, 42.0).peaks, "M0 -84v168z");
    }
}
