//! Moments as they are said, on the user's calendar: `by Friday`, `tomorrow at five`, `in two hours`, `on March 3rd`.
//!
//! A week begins on Monday: `next Friday` is the Friday of the week after this one, a bare `Friday` the coming one.
//! Where only a day is said, what is due then is due at its end.

use fourwire_wire::units::UnixMillis;
use time::{Date, Duration, Month, OffsetDateTime, PrimitiveDateTime, Time, Weekday};

use super::clock::{self, Clock};
use super::numbers;
use super::text::{Word, word};
use crate::zones::UserClock;

/// The last minute of a day.
const END_OF_DAY: (u8, u8) = (23, 59);
/// When an office closes: the end of a working day.
const END_OF_WORK: (u8, u8) = (17, 0);

/// A moment that was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct When {
    moment: OffsetDateTime,
    /// Whether a time of day was said, and not only a day.
    pub(super) timed: bool,
    /// Whether a day was said, and not only a time of day.
    pub(super) with_day: bool,
    /// Whether it was counted from the call, as in "in two hours": no clock that is put forward meanwhile moves it.
    is_elapsed: bool,
}

impl When {
    /// The day on the user's calendar.
    pub(super) const fn date(self) -> Date {
        self.moment.date()
    }

    /// The moment in UTC: where the clock will show the time that was said.
    pub(super) fn unix(self, clock: &UserClock<'_>) -> Option<UnixMillis> {
        if !self.is_elapsed {
            return clock.moment(PrimitiveDateTime::new(self.moment.date(), self.moment.time()));
        }
        let seconds = u64::try_from(self.moment.unix_timestamp()).ok()?;
        seconds.checked_mul(1000).map(UnixMillis::new)
    }
}

/// The first moment after `now` that is said in the words; where only a time is said, on the day that is assumed.
pub(super) fn find(words: &[Word], now: OffsetDateTime, assumed: Option<Date>) -> Option<When> {
    let today = now.date();
    let (mut day, mut exact, mut part): (Option<Said>, Option<Clock>, Option<Clock>) = (None, None, None);
    let mut at = 0;
    while at < words.len() {
        let used = if let Some((span, used)) = elapsed(words, at) {
            match span {
                Span::Time(time) => return later(now, time),
                Span::Days(days) => keep(&mut day, today.checked_add(days).map(Said::day)),
                Span::Months(months) => keep(&mut day, add_months(today, months).map(Said::day)),
            }
            used
        } else if let Some((said, used)) = day_at(words, at, today) {
            keep(&mut day, said);
            // "Tonight" is a day and a part of it.
            keep(&mut part, clock::part_of_day(words, at));
            used
        } else if let Some((clock, used)) = clock::clock(words, at) {
            keep(if clock.vague { &mut part } else { &mut exact }, Some(clock));
            used
        } else {
            1
        };
        at += used.max(1);
    }
    let with_day = day.is_some();
    let assumed = assumed.map(|date| Said { today: date == today, ..Said::day(date) });
    let day = day.or(assumed.filter(|_| exact.or(part).is_some()));
    combine(now, day, exact, part).map(|(moment, timed)| When { moment, timed, with_day, is_elapsed: false })
}

/// A day, and a time on it where one goes without saying.
#[derive(Clone, Copy, Debug)]
struct Said {
    date: Date,
    time: Option<(u8, u8)>,
    /// Whether it is the day of the call.
    today: bool,
}

impl Said {
    const fn day(date: Date) -> Self {
        Self { date, time: None, today: false }
    }
}

/// How long from now.
enum Span {
    Time(Duration),
    Days(Duration),
    Months(u32),
}

fn keep<T>(slot: &mut Option<T>, value: Option<T>) {
    if slot.is_none() {
        *slot = value;
    }
}

/// `now` and a time, to the minute.
fn later(now: OffsetDateTime, time: Duration) -> Option<When> {
    let moment = now.checked_add(time)?;
    let moment = moment.replace_time(Time::from_hms(moment.hour(), moment.minute(), 0).ok()?);
    Some(When { moment, timed: true, with_day: true, is_elapsed: true })
}

/// The moment that a day and a time of day make, and whether there is a time in it.
fn combine(
    now: OffsetDateTime,
    day: Option<Said>,
    exact: Option<Clock>,
    part: Option<Clock>,
) -> Option<(OffsetDateTime, bool)> {
    let clock = match (exact, part) {
        (Some(exact), Some(part)) => Some(exact.within(part)),
        (exact, part) => exact.or(part),
    };
    let on = |date: Date, time: Time| now.replace_date(date).replace_time(time);
    let Some(clock) = clock else {
        let day = day?;
        let (hour, minute) = day.time.unwrap_or(END_OF_DAY);
        let moment = on(day.date, Time::from_hms(hour, minute, 0).ok()?);
        let late = Time::from_hms(END_OF_DAY.0, END_OF_DAY.1, 0).ok().map(|time| on(day.date, time));
        let moment = if moment > now { moment } else { late? };
        return (moment > now).then_some((moment, day.time.is_some()));
    };
    let (date, is_today) = day.map_or((now.date(), true), |day| (day.date, day.today));
    let mut moment = on(date, clock.time()?);
    if moment <= now && is_today {
        let meant_later = clock.later().map(|time| on(date, time)).filter(|moment| *moment > now);
        let tomorrow = now.date().next_day().filter(|_| day.is_none());
        moment = meant_later.or(tomorrow.and_then(|date| Some(on(date, clock.time()?))))?;
    }
    (moment > now).then_some((moment, true))
}

/// `in two hours`, `within a week`, `three days from now`.
fn elapsed(words: &[Word], at: usize) -> Option<(Span, usize)> {
    let with_in = matches!(word(words, at), "in" | "within");
    let from = at + usize::from(with_in);
    if with_in && word(words, from) == "half" {
        let article = usize::from(matches!(word(words, from + 1), "a" | "an"));
        let hour = word(words, from + 1 + article) == "hour";
        return hour.then(|| (Span::Time(Duration::minutes(30)), 3 + article));
    }
    if with_in && word(words, from) == "the" {
        return (word(words, from + 1) == "hour").then(|| (Span::Time(Duration::hours(1)), 3));
    }
    let (count, used) = numbers::count(words, from)?;
    let unit = from + used;
    let mut end = unit + 1;
    if !with_in {
        let counted = word(words, end) == "from" && matches!(word(words, end + 1), "now" | "today");
        if !counted {
            return None;
        }
        end += 2;
    }
    let long = i64::from(count);
    let span = match word(words, unit) {
        "minute" | "minutes" => Span::Time(Duration::minutes(long)),
        "hour" | "hours" => Span::Time(Duration::hours(long)),
        "day" | "days" => Span::Days(Duration::days(long)),
        "week" | "weeks" => Span::Days(Duration::weeks(long)),
        "month" | "months" => Span::Months(count),
        "year" | "years" => Span::Months(count.checked_mul(12)?),
        _ => return None,
    };
    Some((span, end - at))
}

/// The day at a place, and how many words it takes. What is past takes its words and is no day.
fn day_at(words: &[Word], at: usize, today: Date) -> Option<(Option<Said>, usize)> {
    let next = word(words, at + 1);
    let next_is = |offset: usize| word(words, at + offset);
    match word(words, at) {
        "today" | "tonight" => Some((Some(Said { today: true, ..Said::day(today) }), 1)),
        "tomorrow" => Some((today.next_day().map(Said::day), 1)),
        "day" if next == "after" && next_is(2) == "tomorrow" => {
            Some((today.checked_add(Duration::days(2)).map(Said::day), 3))
        }
        "week" if matches!(next, "from" | "after") => {
            let (day, used) = day_at(words, at + 2, today)?;
            let date = day.and_then(|day| day.date.checked_add(Duration::weeks(1)));
            Some((date.map(Said::day), used + 2))
        }
        "last" | "past" | "every" | "each" if weekday(next).is_some() || is_period(next) => Some((None, 2)),
        "this" if matches!(next, "morning" | "afternoon" | "evening") => {
            Some((Some(Said { today: true, ..Said::day(today) }), 1))
        }
        "this" | "coming" if weekday(next).is_some() => {
            let same = weekday(next) == Some(today.weekday());
            let date = if same { Some(today) } else { weekday(next).and_then(|day| coming(today, day)) };
            Some((date.map(|date| Said { today: same, ..Said::day(date) }), 2))
        }
        "next" if weekday(next).is_some() => {
            let monday = monday(today)?.checked_add(Duration::weeks(1))?;
            let days = i64::from(weekday(next)?.number_days_from_monday());
            Some((monday.checked_add(Duration::days(days)).map(Said::day), 2))
        }
        "weekend" => Some((weekend(today, 0), 1)),
        "next" if next == "weekend" => Some((weekend(today, 1), 2)),
        "next" | "this" if is_period(next) => Some((end_of(today, next, word(words, at) == "next"), 2)),
        "end" if next == "of" => end_of_period(words, at + 2, today).map(|(day, used)| (day, used + 2)),
        "eod" => Some((Some(Said { time: Some(END_OF_WORK), today: true, ..Said::day(today) }), 1)),
        "close" if next == "of" && next_is(2) == "business" => {
            Some((Some(Said { time: Some(END_OF_WORK), today: true, ..Said::day(today) }), 3))
        }
        name if weekday(name).is_some() => Some((coming(today, weekday(name)?).map(Said::day), 1)),
        _ => in_month(words, at, today),
    }
}

/// `end of the week`, `end of next month`, `end of March`.
fn end_of_period(words: &[Word], at: usize, today: Date) -> Option<(Option<Said>, usize)> {
    let article = usize::from(matches!(word(words, at), "the" | "this" | "next"));
    let next = word(words, at) == "next";
    match word(words, at + article) {
        "day" => Some((Some(Said { time: Some(END_OF_WORK), today: true, ..Said::day(today) }), article + 1)),
        period if is_period(period) => Some((end_of(today, period, next), article + 1)),
        name => month(name).map(|month| (last_day(today, month), article + 1)),
    }
}

fn is_period(name: &str) -> bool {
    matches!(name, "week" | "month" | "year")
}

/// The last day of this or the next week, month or year; a week's is its Friday, on a weekend its Sunday.
fn end_of(today: Date, period: &str, next: bool) -> Option<Said> {
    let date = match period {
        "week" => {
            let weekend = today.weekday().number_days_from_monday() > 4;
            let days = if weekend && !next { 6 } else { 4 } + if next { 7 } else { 0 };
            monday(today)?.checked_add(Duration::days(days))?
        }
        "month" => {
            let within = if next { add_months(today.replace_day(1).ok()?, 1)? } else { today };
            within.replace_day(within.month().length(within.year())).ok()?
        }
        _ => Date::from_calendar_date(today.year() + i32::from(next), Month::December, 31).ok()?,
    };
    Some(Said::day(date))
}

/// The Sunday of this week or a later one.
fn weekend(today: Date, weeks: i64) -> Option<Said> {
    monday(today)?.checked_add(Duration::days(6 + 7 * weeks)).map(Said::day)
}

fn monday(today: Date) -> Option<Date> {
    today.checked_sub(Duration::days(i64::from(today.weekday().number_days_from_monday())))
}

/// The first such weekday after today.
fn coming(today: Date, weekday: Weekday) -> Option<Date> {
    let ahead = i64::from(weekday.number_days_from_monday()) - i64::from(today.weekday().number_days_from_monday());
    today.checked_add(Duration::days((ahead - 1).rem_euclid(7) + 1))
}

/// The same day so many months later, or the last of a shorter month.
fn add_months(date: Date, months: u32) -> Option<Date> {
    let count = i64::from(date.year()) * 12 + i64::from(u8::from(date.month())) - 1 + i64::from(months);
    let year = i32::try_from(count.div_euclid(12)).ok()?;
    let month = Month::try_from(u8::try_from(count.rem_euclid(12) + 1).ok()?).ok()?;
    Date::from_calendar_date(year, month, date.day().min(month.length(year))).ok()
}

/// `March 3rd`, `3 March`, `the 3rd of March 2027`, `the 15th`, `in March`.
fn in_month(words: &[Word], at: usize, today: Date) -> Option<(Option<Said>, usize)> {
    if let Some(month) = month(word(words, at)) {
        let article = usize::from(word(words, at + 1) == "the");
        if let Some((day, used)) = numbers::day_of_month(words, at + 1 + article, true) {
            return Some(dated(words, at, 1 + article + used, (day, month), today));
        }
        let spoken_of = at.checked_sub(1).is_some_and(|before| {
            matches!(word(words, before), "in" | "by" | "until" | "till" | "before" | "next" | "this")
        });
        return spoken_of.then(|| (last_day(today, month), 1));
    }
    let article = usize::from(word(words, at) == "the");
    // "3 March" has no article and may be plain; "the 15th" has one, and is no month's day when something is counted.
    let (day, used) = numbers::day_of_month(words, at + article, true)?;
    let of = usize::from(word(words, at + article + used) == "of");
    if let Some(month) = month(word(words, at + article + used + of)) {
        return Some(dated(words, at, article + used + of + 1, (day, month), today));
    }
    let before = at.checked_sub(1).map_or("", |before| word(words, before));
    let spoken_of = article == 1 && matches!(before, "on" | "by" | "until" | "till" | "before" | "for");
    let (day, _) = numbers::day_of_month(words, at + article, false).filter(|_| spoken_of)?;
    let next = words.get(at + article + used);
    let alone = next.is_none_or(|next| next.after_comma || super::salience::is_function_word(&next.plain));
    alone.then(|| (day_in_coming_month(today, day), article + used))
}

/// A day of a month, in the year that is said or the coming one.
fn dated(words: &[Word], at: usize, used: usize, (day, month): (u8, Month), today: Date) -> (Option<Said>, usize) {
    let year = word(words, at + used).parse().ok().filter(|year: &i32| (2000..2200).contains(year));
    let in_year = |year| Date::from_calendar_date(year, month, day).ok();
    let date = match year {
        Some(year) => in_year(year),
        None => in_year(today.year()).filter(|date| *date >= today).or_else(|| in_year(today.year() + 1)),
    };
    let said = date.map(|date| Said { today: date == today, ..Said::day(date) });
    (said, used + usize::from(year.is_some()))
}

/// The next day with that number.
fn day_in_coming_month(today: Date, day: u8) -> Option<Said> {
    let first = today.replace_day(1).ok()?;
    let months = (0..3).filter_map(|months| add_months(first, months)?.replace_day(day).ok());
    months.into_iter().find(|date| *date >= today).map(|date| Said { today: date == today, ..Said::day(date) })
}

/// The last day of the coming month of that name.
fn last_day(today: Date, month: Month) -> Option<Said> {
    let year = today.year() + i32::from(u8::from(month) < u8::from(today.month()));
    Date::from_calendar_date(year, month, month.length(year)).ok().map(Said::day)
}

fn weekday(name: &str) -> Option<Weekday> {
    Some(match name {
        "monday" => Weekday::Monday,
        "tuesday" | "tues" => Weekday::Tuesday,
        "wednesday" => Weekday::Wednesday,
        "thursday" | "thurs" => Weekday::Thursday,
        "friday" => Weekday::Friday,
        "saturday" => Weekday::Saturday,
        "sunday" => Weekday::Sunday,
        _ => return None,
    })
}

fn month(name: &str) -> Option<Month> {
    Some(match name {
        "january" | "jan" => Month::January,
        "february" | "feb" => Month::February,
        "march" => Month::March,
        "april" | "apr" => Month::April,
        "may" => Month::May,
        "june" => Month::June,
        "july" => Month::July,
        "august" | "aug" => Month::August,
        "september" | "sept" => Month::September,
        "october" | "oct" => Month::October,
        "november" | "nov" => Month::November,
        "december" | "dec" => Month::December,
        _ => return None,
    })
}

#[cfg(test)]
#[path = "dates_tests.rs"]
mod tests;
