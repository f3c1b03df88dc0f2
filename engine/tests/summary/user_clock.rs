//! What is said of "tomorrow at three" is meant on the user's clock, with the offset of the moment meant; the rules of time
//! zones that a crate brings along are the judge.

use fourwire_engine::summary::model::{ModelAnswer, read};
use fourwire_engine::zones::{UserClock, UtcOnly};
use fourwire_wire::query::TimeZone;
use fourwire_wire::units::UnixMillis;
use jiff::civil::DateTime;
use jiff::tz::TimeZoneDatabase;
use proptest::prelude::*;
use serde_json::json;
use time::{Date, Month, PrimitiveDateTime, Time};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::bundled_zones::Bundled;
use crate::support::{Call, tasks};

/// A call in a zone, when it began, what the user says, and when that is due.
const SAID: [(&str, &str, &str, &str); 16] = [
    ("America/New_York", "2026-03-11T03:30:00Z", "I'll call you tomorrow at three pm.", "2026-03-11T19:00"),
    ("America/New_York", "2026-01-15T04:30:00Z", "I'll call you tomorrow at three pm.", "2026-01-15T20:00"),
    ("Europe/Berlin", "2026-03-11T10:00:00Z", "I'll call you tomorrow at 5 pm.", "2026-03-12T16:00"),
    ("Asia/Kolkata", "2026-03-11T10:00:00Z", "I'll call you tomorrow at 5 pm.", "2026-03-12T11:30"),
    ("Asia/Tokyo", "2026-03-11T16:00:00Z", "I'll call you tomorrow at 9 am.", "2026-03-13T00:00"),
    ("Pacific/Kiritimati", "2026-03-11T10:30:00Z", "I'll call you tomorrow at noon.", "2026-03-12T22:00"),
    ("Pacific/Pago_Pago", "2026-03-11T10:30:00Z", "I'll call you tomorrow at noon.", "2026-03-11T23:00"),
    // Clocks are put forward between the call and what is meant: America on 8 March, Europe on 29 March 2026 …
    ("America/New_York", "2026-03-07T20:00:00Z", "I'll call you tomorrow at 5 pm.", "2026-03-08T21:00"),
    ("Europe/Berlin", "2026-03-28T12:00:00Z", "I'll call you on Monday at 9 am.", "2026-03-30T07:00"),
    ("Europe/Berlin", "2026-03-28T12:00:00Z", "I'll send it by Monday.", "2026-03-30T21:59"),
    // … and put back: Europe on 25 October, Australia on 5 April.
    ("Europe/London", "2026-10-24T12:00:00Z", "I'll call you on Monday at 9 am.", "2026-10-26T09:00"),
    ("Australia/Sydney", "2026-04-04T02:00:00Z", "I'll call you tomorrow at 5 pm.", "2026-04-05T07:00"),
    // What is counted from the call is the same on every clock.
    ("America/New_York", "2026-03-08T06:30:00Z", "I'll call you back in two hours.", "2026-03-08T08:30"),
    ("Europe/Berlin", "2026-10-24T23:30:00Z", "I'll call you back in three hours.", "2026-10-25T02:30"),
    // A zone that nobody knows, and none, are UTC.
    ("Mars/Olympus_Mons", "2026-03-11T10:00:00Z", "I'll call you tomorrow at 5 pm.", "2026-03-12T17:00"),
    ("not a zone", "2026-03-11T10:00:00Z", "I'll call you tomorrow at 5 pm.", "2026-03-12T17:00"),
];

#[test]
fn what_is_said_is_due_on_the_users_clock_at_that_moment() {
    for (zone, began, said, due) in SAID {
        let call = Call::new(&[&format!("U: {said}")]).in_zone(zone).at(began);
        assert_eq!(tasks(&call.extract())[0].1.as_deref(), Some(due), "{said} in {zone} at {began}");
    }
}

#[test]
fn what_is_arranged_is_on_the_users_calendar_too() {
    for (zone, start) in [
        ("America/Los_Angeles", "2026-03-12T22:00:00Z"),
        ("Europe/Paris", "2026-03-12T14:00:00Z"),
        ("Asia/Kathmandu", "2026-03-12T09:15:00Z"),
    ] {
        let call = Call::new(&["U: Let's meet tomorrow at three.", "T: Yes, that works."]).in_zone(zone);
        let events = call.extract().events;
        assert_eq!(events[0].start.rfc3339(), start, "{zone}");
    }
}

#[test]
fn a_models_times_without_an_offset_are_on_the_users_clock() {
    for (zone, written, moment) in [
        ("America/New_York", json!("2026-03-12T15:00:00"), "2026-03-12T19:00:00Z"),
        ("America/New_York", json!("2026-11-12T15:00:00"), "2026-11-12T20:00:00Z"),
        ("America/New_York", json!("2026-03-12T15:00"), "2026-03-12T19:00:00Z"),
        ("America/New_York", json!(" 2026-03-12 15:00 "), "2026-03-12T19:00:00Z"),
        ("America/New_York", json!("2026-03-12T15:00:00.250"), "2026-03-12T19:00:00Z"),
        ("Europe/Berlin", json!("2026-03-30T09:00:00"), "2026-03-30T07:00:00Z"),
        ("No/Where", json!("2026-03-12T15:00:00"), "2026-03-12T15:00:00Z"),
        // With an offset the clock has no say.
        ("Europe/Berlin", json!("2026-03-12T15:00:00Z"), "2026-03-12T15:00:00Z"),
        ("Europe/Berlin", json!("2026-03-12T15:00+05:30"), "2026-03-12T09:30:00Z"),
        ("Europe/Berlin", json!("2026-03-12T15:00:00-0400"), "2026-03-12T19:00:00Z"),
        ("Europe/Berlin", json!("2026-03-12T15:00:00-04"), "2026-03-12T19:00:00Z"),
        ("Europe/Berlin", json!("2026-03-12T15:00:00-04:00[America/New_York]"), "2026-03-12T19:00:00Z"),
        ("Europe/Berlin", json!(1_773_342_000), "2026-03-12T19:00:00Z"),
        ("Europe/Berlin", json!(1_773_342_000_000_u64), "2026-03-12T19:00:00Z"),
        ("Europe/Berlin", json!("1773342000"), "2026-03-12T19:00:00Z"),
    ] {
        let call = Call::new(&["U: Hello."]).in_zone(zone);
        let summary = json!({
            "title": "A Call", "overview": "They called.",
            "action_items": [{ "description": "You: Call", "due_at": written }],
            "events": [{ "title": "Call", "description": "", "start": written, "duration": 30 }],
        });
        let body = json!({ "choices": [{ "message": { "content": summary.to_string() } }] }).to_string();
        let answer = ModelAnswer { status: 200, retry_after: None, body: body.as_bytes() };
        let read = read(&answer, &call.talk(), UnixMillis::default()).unwrap();
        let minute = UnixMillis::from_rfc3339(moment).unwrap();
        assert_eq!(read.action_items[0].due_at.map(|due| due.get() / 60_000), Some(minute.get() / 60_000), "{written}");
        assert_eq!(read.events[0].start.get() / 60_000, minute.get() / 60_000, "{written}");
    }
}

#[test]
fn times_that_clocks_skip_are_later_and_times_that_they_show_twice_are_the_earlier() {
    for (zone, shown, moment) in [
        ("America/New_York", (2026, 3, 8, 2, 30), "2026-03-08T07:30:00Z"),
        ("America/New_York", (2026, 11, 1, 1, 30), "2026-11-01T05:30:00Z"),
        ("Europe/Berlin", (2026, 3, 29, 2, 0), "2026-03-29T01:00:00Z"),
        ("Europe/Berlin", (2026, 10, 25, 2, 59), "2026-10-25T00:59:00Z"),
        ("Australia/Lord_Howe", (2026, 10, 4, 2, 15), "2026-10-03T15:45:00Z"),
        ("Australia/Lord_Howe", (2026, 4, 5, 1, 45), "2026-04-04T14:45:00Z"),
        // Samoa left out a whole day.
        ("Pacific/Apia", (2011, 12, 30, 12, 0), "2011-12-30T22:00:00Z"),
    ] {
        let (year, month, day, hour, minute) = shown;
        let zone = TimeZone::parse(zone).unwrap();
        let moment_of = UserClock::new(Some(&zone), &Bundled).moment(local(year, month, day, hour, minute));
        assert_eq!(moment_of.map(UnixMillis::rfc3339).as_deref(), Some(moment), "{shown:?}");
    }
    let utc = UserClock::new(None, &UtcOnly);
    assert_eq!(utc.moment(local(2026, 3, 8, 2, 30)).unwrap().rfc3339(), "2026-03-08T02:30:00Z");
    assert_eq!(utc.moment(local(1969, 12, 31, 23, 59)), None);
}

fn local(year: i16, month: u8, day: u8, hour: u8, minute: u8) -> PrimitiveDateTime {
    let date = Date::from_calendar_date(year.into(), Month::try_from(month).unwrap(), day).unwrap();
    PrimitiveDateTime::new(date, Time::from_hms(hour, minute, 0).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn any_time_in_any_zone_is_the_moment_that_the_judge_says(
        zone in proptest::sample::select(vec![
            "America/New_York", "Europe/London", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo",
            "Africa/Casablanca", "Pacific/Apia", "Asia/Tehran", "America/St_Johns", "Antarctica/Troll",
        ]),
        year in 1990_i16..2040, month in 1_u8..=12, day in 1_u8..=28, hour in 0_u8..24, minute in 0_u8..60
    ) {
        let name = TimeZone::parse(zone).unwrap();
        let ours = UserClock::new(Some(&name), &Bundled).moment(local(year, month, day, hour, minute)).unwrap();
        let signed = |number: u8| i8::try_from(number).unwrap();
        let civil = DateTime::new(year, signed(month), signed(day), signed(hour), signed(minute), 0, 0).unwrap();
        let judge = TimeZoneDatabase::bundled().get(zone).unwrap().to_ambiguous_zoned_datetime(civil).compatible().unwrap();
        prop_assert_eq!(i64::try_from(ours.get()).unwrap(), judge.timestamp().as_millisecond());
    }
}
