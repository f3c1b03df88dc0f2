//! Where a moment of the call is on the page: which row, and how far from its left edge.

use super::words;

/// Most rows of a page.
pub const MAX_ROWS: u32 = 30;
/// Columns of a row, each 1 px wide.
pub const COLUMNS: u16 = 1_328;
/// A call up to this length is one row, in seconds: a last row of a few seconds is worse than a minute a little narrower.
const ONE_ROW: f64 = 75.0;
/// The shortest time that a row shows, in seconds.
const MIN_ROW: f64 = 5.0;
/// What a row of a longer call shows, in seconds; beyond, twice as much until it fits.
const ROWS: [f64; 7] = [60.0, 120.0, 300.0, 600.0, 1_200.0, 1_800.0, 3_600.0];
/// How far apart ticks may be, in seconds; beyond, twice as far until they fit.
const TICKS: [f64; 13] = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0];
/// The least distance of two ticks in px: a label and room around it.
const TICK_DISTANCE: f64 = 80.0;

/// The call's time, cut into rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    /// The call's length in seconds.
    pub duration: f64,
    /// What a row shows, in seconds.
    pub row: f64,
    /// How many rows there are.
    pub rows: u32,
}

/// A mark on the time axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// How far from the row's left edge, in px.
    pub x: f64,
    /// The time, as it is written.
    pub label: String,
}

impl Timeline {
    /// The rows of a call of this length in seconds.
    pub fn new(duration: f64) -> Self {
        let row = if duration <= ONE_ROW {
            duration.max(MIN_ROW)
        } else {
            first_of(&ROWS, |row| duration / row <= f64::from(MAX_ROWS))
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to MAX_ROWS")]
        let rows = (duration / row).ceil().max(1.0) as u32;
        Self { duration, row, rows }
    }

    /// The seconds that a column shows.
    pub fn column(&self) -> f64 {
        self.row / f64::from(COLUMNS)
    }

    /// When a row begins, in seconds.
    pub fn start(&self, row: u32) -> f64 {
        f64::from(row) * self.row
    }

    /// The row in which something starts.
    pub fn row_of(&self, seconds: f64) -> u32 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "saturates, and has an upper bound"
        )]
        let row = (seconds / self.row) as u32;
        row.min(self.rows - 1)
    }

    /// How far a moment is from a row's left edge, in px; before and after the row it is at its edges.
    pub fn x(&self, row: u32, seconds: f64) -> f64 {
        ((seconds - self.start(row)) / self.column()).clamp(0.0, f64::from(COLUMNS))
    }

    /// A row's ticks, up to the call's end. What is at a row's end is at the next row's start.
    pub fn ticks(&self, row: u32) -> Vec<Tick> {
        let (start, end) = (self.start(row), self.start(row + 1));
        let step = first_of(&TICKS, |step| step / self.column() >= TICK_DISTANCE);
        let from = (start / step).ceil();
        let times = (0..=COLUMNS).map(|tick| (from + f64::from(tick)) * step);
        let is_last = row + 1 == self.rows;
        times
            .take_while(|at| *at < end && *at <= self.duration || is_last && *at <= self.duration.min(end))
            .map(|at| Tick { x: self.x(row, at), label: words::clock(at) })
            .collect()
    }
}

/// The first that fits; beyond the last one, that one doubled until it fits.
fn first_of(steps: &[f64], fits: impl Fn(f64) -> bool) -> f64 {
    let last = steps.last().copied().unwrap_or(1.0);
    let doubled = std::iter::successors(Some(last * 2.0), |step| Some(step * 2.0));
    steps.iter().copied().chain(doubled).find(|step| fits(*step)).unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(seconds: f64) -> (f64, u32) {
        let timeline = Timeline::new(seconds);
        (timeline.row, timeline.rows)
    }

    #[test]
    fn a_short_call_is_one_row_and_a_long_one_has_a_bounded_number() {
        assert_eq!(rows(0.0), (5.0, 1));
        assert_eq!(rows(30.2), (30.2, 1));
        assert_eq!(rows(75.0), (75.0, 1));
        assert_eq!(rows(76.0), (60.0, 2));
        assert_eq!(rows(600.0), (60.0, 10));
        assert_eq!(rows(1_800.0), (60.0, 30));
        assert_eq!(rows(1_801.0), (120.0, 16));
        assert_eq!(rows(4.0 * 3_600.0), (600.0, 24));
        assert_eq!(rows(100.0 * 3_600.0), (14_400.0, 25));
        assert!(rows(1e9).1 <= MAX_ROWS);
    }

    #[test]
    fn a_moment_is_in_its_row_and_at_its_place() {
        let timeline = Timeline::new(600.0);
        assert_eq!((timeline.row_of(59.9), timeline.row_of(60.0), timeline.row_of(600.0)), (0, 1, 9));
        assert!((timeline.x(1, 90.0) - 664.0).abs() < 1e-9);
        assert!(timeline.x(1, 30.0).abs() < 1e-9 && (timeline.x(1, 130.0) - 1_328.0).abs() < 1e-9);
    }

    #[test]
    fn ticks_are_round_times_with_room_between_them() {
        let labels = |duration, row| -> Vec<String> {
            Timeline::new(duration).ticks(row).into_iter().map(|tick| tick.label).collect()
        };
        assert_eq!(labels(10.0, 0).len(), 11);
        assert_eq!(labels(30.0, 0)[..3], ["0:00", "0:02", "0:04"]);
        assert_eq!(labels(600.0, 1)[..2], ["1:00", "1:05"]);
        assert_eq!(labels(600.0, 1).last().unwrap(), "1:55");
        assert_eq!(labels(600.0, 9).last().unwrap(), "10:00");
        assert_eq!(labels(130.0, 2), ["2:00", "2:05", "2:10"]);
        assert_eq!(labels(4.0 * 3_600.0, 6)[..2], ["1:00:00", "1:01:00"]);
        for duration in [1.0, 44.0, 1_000.0, 9_000.0, 40_000.0, 1e7] {
            let ticks = Timeline::new(duration).ticks(0);
            assert!(ticks.windows(2).all(|pair| pair[1].x - pair[0].x >= TICK_DISTANCE - 1e-6), "{duration}");
        }
    }
}
