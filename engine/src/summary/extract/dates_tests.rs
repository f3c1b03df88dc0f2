//! Moments that are said, against a call on Wednesday 11 March 2026 at 10:00, one hour ahead of UTC.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use time::format_description::well_known::Rfc3339;

use super::super::text::words;
use super::*;

fn read(text: &str) -> Option<String> {
    let now = OffsetDateTime::parse("2026-03-11T10:00:20+01:00", &Rfc3339).unwrap();
    find(&words(text), now, None).map(|when| when.moment.format(&Rfc3339).unwrap().replace(":00+01:00", ""))
}

#[test]
fn what_is_said_becomes_a_moment_on_the_users_calendar() {
    for (text, moment) in [
        ("by Friday", "2026-03-13T23:59"),
        ("on Wednesday", "2026-03-18T23:59"),
        ("this Wednesday at noon", "2026-03-11T12:00"),
        ("next Friday", "2026-03-20T23:59"),
        ("next Monday morning", "2026-03-16T09:00"),
        ("today", "2026-03-11T23:59"),
        ("tonight", "2026-03-11T20:00"),
        ("tonight at 8:30", "2026-03-11T20:30"),
        ("tomorrow", "2026-03-12T23:59"),
        ("tomorrow at 5", "2026-03-12T17:00"),
        ("tomorrow morning at 7", "2026-03-12T07:00"),
        ("at 3 pm tomorrow", "2026-03-12T15:00"),
        ("the day after tomorrow", "2026-03-13T23:59"),
        ("this afternoon", "2026-03-11T15:00"),
        ("at 5 pm", "2026-03-11T17:00"),
        ("at 9", "2026-03-11T21:00"),
        ("at 9 am", "2026-03-12T09:00"),
        ("in two hours", "2026-03-11T12:00"),
        ("in half an hour", "2026-03-11T10:30"),
        ("in an hour", "2026-03-11T11:00"),
        ("within 45 minutes", "2026-03-11T10:45"),
        ("in three days", "2026-03-14T23:59"),
        ("in a couple of weeks", "2026-03-25T23:59"),
        ("two weeks from now", "2026-03-25T23:59"),
        ("a week from Friday", "2026-03-20T23:59"),
        ("in a month", "2026-04-11T23:59"),
        ("next week", "2026-03-20T23:59"),
        ("by the end of the week", "2026-03-13T23:59"),
        ("at the end of the month", "2026-03-31T23:59"),
        ("end of next month", "2026-04-30T23:59"),
        ("end of the day", "2026-03-11T17:00"),
        ("by the end of the year", "2026-12-31T23:59"),
        ("this weekend", "2026-03-15T23:59"),
        ("on March 13th", "2026-03-13T23:59"),
        ("on March 3rd", "2027-03-03T23:59"),
        ("March the third 2028 at half past nine", "2028-03-03T09:30"),
        ("on the 2nd of May at 10", "2026-05-02T10:00"),
        ("3 April", "2026-04-03T23:59"),
        ("by the 15th", "2026-03-15T23:59"),
        ("on the tenth", "2026-04-10T23:59"),
        ("before June", "2026-06-30T23:59"),
    ] {
        let got = read(text).map(|got| got.replace("+02:00", ""));
        assert_eq!(got.as_deref(), Some(moment), "{text}");
    }
}

#[test]
fn what_is_past_or_no_moment_is_none() {
    for text in [
        "last Friday",
        "yesterday",
        "two days ago",
        "every Monday",
        "good morning",
        "march on",
        "you may go",
        "the second time",
        "on the first floor",
        "in the 90s",
        "this morning",
        "February 30th",
        "in 9999 years",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn a_day_without_a_time_is_told_from_one_with() {
    let now = OffsetDateTime::parse("2026-03-11T10:00:00Z", &Rfc3339).unwrap();
    let timed = |text: &str| find(&words(text), now, None).unwrap().timed;
    assert!(!timed("on Friday") && timed("on Friday at 3") && timed("Friday afternoon") && timed("in two hours"));
}
