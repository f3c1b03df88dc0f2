//! Times of day as they are said: `at 5`, `5:30 pm`, `half past three`, `noon`, `in the evening`.

use time::Time;

use super::numbers;
use super::salience::is_function_word;
use super::text::{Word, word};

/// A time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    hour: u8,
    minute: u8,
    half: Half,
    /// Said as a part of the day only: a time that is said elsewhere counts more.
    pub(super) vague: bool,
}

/// Which half of the day was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Half {
    Morning,
    Afternoon,
    /// Not said; both may be meant.
    Open,
    /// Nothing to choose: noon, 17:30.
    Sure,
}

impl Clock {
    /// The time, where an open one is heard as people mean it: one to seven in the afternoon, eight to eleven in the morning.
    pub(super) fn time(self) -> Option<Time> {
        let hour = match (self.half, self.hour) {
            (Half::Morning, hour) => hour % 12,
            (Half::Afternoon, hour) => hour % 12 + 12,
            (Half::Open, hour @ 1..=7) => hour + 12,
            (Half::Open | Half::Sure, hour) => hour,
        };
        Time::from_hms(hour, self.minute, 0).ok()
    }

    /// The same twelve hours later, where that may be meant too.
    pub(super) fn later(self) -> Option<Time> {
        let open = self.half == Half::Open && (8..12).contains(&self.hour);
        open.then(|| Time::from_hms(self.hour + 12, self.minute, 0).ok()).flatten()
    }

    /// The same with the half of the day that a part of the day says.
    pub(super) fn within(self, part: Self) -> Self {
        let half = if part.hour < 12 { Half::Morning } else { Half::Afternoon };
        if self.half == Half::Open { Self { half, ..self } } else { self }
    }

    const fn exact(hour: u8, minute: u8, half: Half) -> Self {
        Self { hour, minute, half, vague: false }
    }

    const fn part(hour: u8) -> Self {
        Self { hour, minute: 0, half: Half::Sure, vague: true }
    }
}

/// The time of day at a place, and how many words it takes.
pub(super) fn clock(words: &[Word], at: usize) -> Option<(Clock, usize)> {
    match word(words, at) {
        "noon" | "midday" => return Some((Clock::exact(12, 0, Half::Sure), 1)),
        "midnight" => return Some((Clock::exact(23, 59, Half::Sure), 1)),
        "half" if word(words, at + 1) == "past" => {
            return past(words, at + 2, 30).map(|(clock, used)| (clock, used + 2));
        }
        "quarter" => return quarter(words, at),
        "at" | "by" | "around" | "before" | "until" | "till" | "about" | "from" | "between" => {
            return after_preposition(words, at + 1).map(|(clock, used)| (clock, used + 1));
        }
        _ => {}
    }
    part_of_day(words, at).map(|clock| (clock, 1)).or_else(|| clear(words, at))
}

/// A time that needs no preposition: `5pm`, `5:30`, `five thirty pm`, `five o'clock`.
pub(super) fn clear(words: &[Word], at: usize) -> Option<(Clock, usize)> {
    let (hour, minute, half, used) = reading(words, at)?;
    let said_half = half != Half::Open;
    let with_colon = word(words, at).contains(':');
    let o_clock = word(words, at + used.saturating_sub(1)) == "o'clock";
    (said_half || with_colon || o_clock).then_some((Clock::exact(hour, minute, half), used))
}

/// A time after a preposition: also a bare `5`, unless it counts something.
fn after_preposition(words: &[Word], at: usize) -> Option<(Clock, usize)> {
    let at_half = match word(words, at) {
        "half" | "quarter" | "noon" | "midday" | "midnight" => return clock(words, at),
        "around" | "about" => return after_preposition(words, at + 1).map(|(clock, used)| (clock, used + 1)),
        _ => reading(words, at),
    };
    let (hour, minute, half, used) = at_half?;
    let next = words.get(at + used);
    let counts_nothing = next.is_none_or(|next| next.after_comma || is_function_word(&next.plain));
    let unit = next.is_some_and(|next| UNITS.contains(&next.plain.as_str()));
    (half != Half::Open || counts_nothing && !unit).then_some((Clock::exact(hour, minute, half), used))
}

/// What numbers count that is no time of day.
const UNITS: [&str; 14] = [
    "minute", "minutes", "hour", "hours", "day", "days", "week", "weeks", "month", "months", "year", "years", "more",
    "of",
];

/// Hour, minute and half of the day.
fn reading(words: &[Word], at: usize) -> Option<(u8, u8, Half, usize)> {
    let said = word(words, at);
    let (digits, half) = match (said.strip_suffix("am"), said.strip_suffix("pm")) {
        (Some(digits), _) => (digits, Half::Morning),
        (_, Some(digits)) => (digits, Half::Afternoon),
        _ => (said, Half::Open),
    };
    if let Some((hour, minute)) = digits.split_once([':', '.']) {
        let (hour, minute) = (hour.parse().ok()?, minute.parse().ok().filter(|_| minute.len() == 2)?);
        return finish(words, at, (hour, minute, half, 1));
    }
    if half != Half::Open {
        return finish(words, at, (digits.parse().ok()?, 0, half, 1));
    }
    let (hour, used) = numbers::number(words, at)?;
    let hour = u8::try_from(hour).ok().filter(|hour| *hour < 24)?;
    let minute = numbers::number(words, at + used).filter(|(minute, _)| (10..60).contains(minute));
    match minute.and_then(|(minute, more)| Some((u8::try_from(minute).ok()?, more))) {
        Some((minute, more)) if hour <= 12 => finish(words, at, (hour, minute, Half::Open, used + more)),
        _ => finish(words, at, (hour, 0, Half::Open, used)),
    }
}

/// Takes in what follows the numbers, and judges them.
fn finish(
    words: &[Word],
    at: usize,
    (hour, minute, half, used): (u8, u8, Half, usize),
) -> Option<(u8, u8, Half, usize)> {
    let (half, used) = match (half, word(words, at + used)) {
        (Half::Open, "am") => (Half::Morning, used + 1),
        (Half::Open, "pm") => (Half::Afternoon, used + 1),
        (half, "o'clock") => (half, used + 1),
        (half, _) => (half, used),
    };
    let (half, most) = match half {
        Half::Open if hour > 12 || hour == 0 => (Half::Sure, 23),
        half => (half, 12),
    };
    (hour <= most && minute < 60).then_some((hour, minute, half, used))
}

/// `half past` and `quarter past` an hour.
fn past(words: &[Word], at: usize, minute: u8) -> Option<(Clock, usize)> {
    let (hour, _, half, used) = reading(words, at)?;
    Some((Clock::exact(hour, minute, half), used))
}

fn quarter(words: &[Word], at: usize) -> Option<(Clock, usize)> {
    let (clock, used) = match word(words, at + 1) {
        "past" | "after" => past(words, at + 2, 15)?,
        "to" => {
            let (clock, used) = past(words, at + 2, 45)?;
            let hour = if clock.hour == 1 { 12 } else { clock.hour.checked_sub(1)? };
            (Clock { hour, ..clock }, used)
        }
        _ => return None,
    };
    Some((clock, used + 2))
}

/// `morning`, `evening` and the like, where a day is spoken of and not a greeting.
pub(super) fn part_of_day(words: &[Word], at: usize) -> Option<Clock> {
    let before = at.checked_sub(1).map_or("", |before| word(words, before));
    let greeting = before == "good";
    let clock = match word(words, at) {
        "morning" => Clock::part(9),
        "lunchtime" => Clock::part(12),
        "afternoon" => Clock::part(15),
        "evening" => Clock::part(18),
        "tonight" => Clock::part(20),
        "night" if before != "last" => Clock::part(20),
        _ => return None,
    };
    (!greeting).then_some(clock)
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::super::text::words;
    use super::*;

    fn read(text: &str) -> Option<(u8, u8)> {
        let (clock, _) = clock(&words(text), 0)?;
        clock.time().map(|time| (time.hour(), time.minute()))
    }

    #[test]
    fn times_of_day_are_read_as_people_mean_them() {
        for (text, time) in [
            ("at 5", (17, 0)),
            ("at 9 on Monday", (9, 0)),
            ("5 p.m.", (17, 0)),
            ("5pm", (17, 0)),
            ("at five thirty", (17, 30)),
            ("11:15", (11, 15)),
            ("17:30", (17, 30)),
            ("half past three", (15, 30)),
            ("quarter to eight am", (7, 45)),
            ("quarter past 12", (12, 15)),
            ("12 am", (0, 0)),
            ("at around ten o'clock", (10, 0)),
            ("noon", (12, 0)),
            ("twelve thirty pm", (12, 30)),
        ] {
            assert_eq!(read(text), Some(time), "{text}");
        }
    }

    #[test]
    fn numbers_that_count_something_are_no_times() {
        for text in
            ["at 5 percent", "by 10 minutes", "at 5 Main Street", "25:00", "5:75", "13 pm", "at 99", "5", "half"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
