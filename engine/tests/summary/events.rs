//! What was arranged for a time, and what was not. Every call is on Wednesday 11 March 2026 at 10:00, with Ann.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::support::Call;

#[test]
fn arrangements_with_a_time_become_events() {
    for (lines, title, start, minutes) in [
        (&["U: Let's meet on Thursday at 3.", "T: Great."][..], "Meeting with Ann", "2026-03-12T15:00:00Z", 30),
        (
            &["U: Can we meet next Monday at 10 am for an hour?", "T: Yes, that works."],
            "Meeting with Ann",
            "2026-03-16T10:00:00Z",
            60,
        ),
        (&["T: Your dentist appointment is tomorrow at 9:30."], "Dentist Appointment", "2026-03-12T09:30:00Z", 30),
        (&["U: How about lunch on Friday at noon?", "T: Sounds good."], "Lunch with Ann", "2026-03-13T12:00:00Z", 30),
        (&["T: The flight is on March 20th at 6:45 am."], "Flight", "2026-03-20T06:45:00Z", 30),
        (
            &["U: Let's have a call tomorrow afternoon for 45 minutes.", "T: No problem."],
            "Call with Ann",
            "2026-03-12T15:00:00Z",
            45,
        ),
        (&["U: See you on Saturday at 7.", "T: See you."], "Meeting with Ann", "2026-03-14T19:00:00Z", 30),
        (
            &["U: Let's meet tomorrow at 8 am for five hours.", "T: Okay."],
            "Meeting with Ann",
            "2026-03-12T08:00:00Z",
            180,
        ),
    ] {
        let events = Call::new(lines).extract().events;
        let found: Vec<_> =
            events.iter().map(|event| (event.title.expose().as_str(), event.start.rfc3339(), event.duration)).collect();
        assert_eq!(found, [(title, start.to_owned(), minutes)], "{lines:?}");
        assert!(!events[0].created && !events[0].description.expose().is_empty());
    }
}

#[test]
fn what_was_turned_down_is_past_or_has_no_time_is_no_event() {
    for lines in [
        &["U: Can we meet on Thursday at 3?", "T: No, I can't."][..],
        &["U: Can we meet on Thursday at 3?", "T: Sorry, I'm busy."],
        &["U: How about lunch on Friday at noon?"],
        &["U: We met on Thursday at 3."],
        &["U: Did we meet on Thursday at 3?", "T: Yes."],
        &["T: The meeting on Thursday at 3 is cancelled."],
        &["T: We can't meet on Thursday at 3."],
        &["U: Let's meet on Thursday.", "T: Okay."],
        &["U: Let's meet soon."],
        &["U: I'll call you tomorrow at 3."],
    ] {
        assert!(Call::new(lines).extract().events.is_empty(), "{lines:?}");
    }
}

#[test]
fn a_time_is_on_the_day_that_was_spoken_of_and_the_other_partys_own_plans_are_none() {
    let events = Call::new(&[
        "U: Are you free tomorrow?",
        "T: I have a meeting at 2, but after that I'm free.",
        "U: Let's grab coffee at 4 then.",
        "T: Works for me.",
    ])
    .extract()
    .events;
    let found: Vec<_> = events.iter().map(|event| (event.title.expose().as_str(), event.start.rfc3339())).collect();
    assert_eq!(found, [("Coffee with Ann", "2026-03-12T16:00:00Z".to_owned())]);
}

#[test]
fn a_meeting_is_an_event_and_not_a_task_as_well_and_is_said_twice_once() {
    let call = Call::new(&["U: Let's meet on Thursday at 3.", "T: Okay, see you on Thursday at 3.", "U: Bye."]);
    let summary = call.extract();
    assert_eq!((summary.events.len(), summary.action_items.len()), (1, 0));
    assert_eq!(summary.events[0].description.expose(), "You: Let's meet on Thursday at 3.");
}
