//! What somebody has to do: whose it is, what, until when; and what is no task though it sounds like one.
//! Every call is on Wednesday 11 March 2026 at 10:00, with Ann.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::support::{Call, conversation, tasks};

/// Lines, and each task with its due time.
type Dialogue = (&'static [&'static str], &'static [(&'static str, Option<&'static str>)]);

#[test]
fn promises_and_requests_become_tasks_with_who_and_when() {
    let dialogues: &[Dialogue] = &[
        (
            &["U: I'll send you the report by Friday."],
            &[("You: Send Ann the report by Friday", Some("2026-03-13T23:59"))],
        ),
        (
            &["T: I'll send you my address tomorrow."],
            &[("Ann: Send you their address tomorrow", Some("2026-03-12T23:59"))],
        ),
        (
            &["T: Can you send me the signed contract by the end of the month?", "U: Sure."],
            &[("You: Send Ann the signed contract by the end of the month", Some("2026-03-31T23:59"))],
        ),
        (
            &["T: Can you send me the invoice?", "U: Sure, I'll send it tomorrow morning."],
            &[("You: Send Ann the invoice", Some("2026-03-12T09:00"))],
        ),
        (&["U: Please call the plumber at 5 pm."], &[("Ann: Call the plumber at 5 pm", Some("2026-03-11T17:00"))]),
        (&["U: We need to book the hotel next week."], &[("Both: Book the hotel next week", Some("2026-03-20T23:59"))]),
        (
            &["U: Remind me to pay the rent on April 1st."],
            &[("You: Pay the rent on April 1st", Some("2026-04-01T23:59"))],
        ),
        (&["T: Don't forget to bring the keys."], &[("You: Bring the keys", None)]),
        (&["T: Don't forget your passport."], &[("You: Remember your passport", None)]),
        (
            &["T: Would you mind dropping off the package tomorrow?"],
            &[("You: Drop off the package tomorrow", Some("2026-03-12T23:59"))],
        ),
        (
            &["U: I'm going to call the bank in two hours, and I'll let you know what they say."],
            &[("You: Call the bank in two hours", Some("2026-03-11T12:00")), ("You: Let Ann know what they say", None)],
        ),
        (
            &["T: I have to sign the form and mail it back on Monday."],
            &[("Ann: Sign the form", None), ("Ann: Mail it back on Monday", Some("2026-03-16T23:59"))],
        ),
        (&["T: Send me the photos when you get home."], &[("You: Send Ann the photos when you get home", None)]),
        (
            &["T: Let me know if you need a ride on Saturday."],
            &[("You: Let Ann know if you need a ride on Saturday", Some("2026-03-14T23:59"))],
        ),
        (
            &["U: You need to renew your passport before June."],
            &[("Ann: Renew their passport before June", Some("2026-06-30T23:59"))],
        ),
        (
            &["U: I need you to check the numbers tonight."],
            &[("Ann: Check the numbers tonight", Some("2026-03-11T20:00"))],
        ),
        (&["U: Make sure to water the plants, please."], &[("Ann: Water the plants", None)]),
        (&["U: By Friday I need to finish the slides."], &[("You: Finish the slides", Some("2026-03-13T23:59"))]),
        (
            &["T: I'll get back to you within the hour."],
            &[("Ann: Get back to you within the hour", Some("2026-03-11T11:00"))],
        ),
        (
            &["U: Could you please just email Dr. Smith's office today?"],
            &[("Ann: Email Dr. Smith's office today", Some("2026-03-11T23:59"))],
        ),
        (
            &["T: It would be great if you could review the draft this week."],
            &[("You: Review the draft this week", Some("2026-03-13T23:59"))],
        ),
        (
            &["U: Can you send me a written quote?", "T: Sure, I'll email it to you by tomorrow at 5."],
            &[("Ann: Send you a written quote", Some("2026-03-12T17:00"))],
        ),
        (
            &["T: We will send you the form, and you'll need to return it within two weeks."],
            &[("Ann: Send you the form", None), ("You: Return it within two weeks", Some("2026-03-25T23:59"))],
        ),
        (
            &["T: Just bring the salad, and don't forget grandma's birthday present."],
            &[("You: Bring the salad", None), ("You: Remember grandma's birthday present", None)],
        ),
        (&["U: Could you, um, please, uh, send the, um, file?"], &[("Ann: Send the file", None)]),
        (
            &["T: If you can finish the slides by Thursday, I'd appreciate it."],
            &[("You: Finish the slides by Thursday", Some("2026-03-12T23:59"))],
        ),
        (&["T: We'll call you tomorrow."], &[("Ann: Call you tomorrow", Some("2026-03-12T23:59"))]),
        (&["T: So we'll call you back."], &[("Ann: Call you back", None)]),
        (&["U: We should order more paper, but not today."], &[("Both: Order more paper", None)]),
    ];
    for (lines, expected) in dialogues {
        let expected: Vec<_> =
            expected.iter().map(|(what, due)| ((*what).to_owned(), due.map(str::to_owned))).collect();
        assert_eq!(tasks(&Call::new(lines).extract()), expected, "{lines:?}");
    }
}

#[test]
fn what_was_done_denied_or_only_asked_about_is_no_task() {
    for line in [
        "T: I didn't send the report.",
        "T: Did you send the invoice?",
        "T: I sent you the form yesterday.",
        "T: I won't call them again.",
        "T: You don't have to bring anything.",
        "T: We don't need to book a table.",
        "T: I was going to call you on Friday.",
        "T: Do I need to sign the form?",
        "T: I can't send it today.",
        "T: I'm going to Paris on Monday.",
        "T: I will never buy that again.",
        "T: I'll talk to you later.",
        "T: I have to go now.",
        "T: Can you hear me?",
        "T: Could you believe the weather on Monday?",
        "T: Let me tell you, it was great.",
        "T: I have to say I liked it.",
        "T: How can you buy that?",
        "T: If I have to pay for it I won't come.",
        "T: Please don't tell anybody.",
        "T: I thought I would send it.",
        "T: Give me a second.",
        "T: We'll see.",
        "T: So, we'll call you.",
        "T: I should have called.",
        "T: Why should I pay that?",
        "T: Let me know.",
        "T: They will send it on Friday.",
        "T: I'm not going to pay for that.",
    ] {
        let found = tasks(&Call::new(&[line]).extract());
        assert!(found.is_empty(), "{line}: {found:?}");
    }
}

#[test]
fn a_request_that_is_declined_is_no_task() {
    for answer in ["No, I don't have it.", "Sorry, I can't.", "I won't."] {
        let call = Call::new(&["T: Can you send me the invoice?", &format!("U: {answer}")]);
        assert!(tasks(&call.extract()).is_empty(), "{answer}");
    }
    let call = Call::new(&["T: Can you send me the invoice?", "U: No problem."]);
    assert_eq!(tasks(&call.extract()).len(), 1);
}

#[test]
fn the_same_request_twice_is_one_task() {
    let call = Call::new(&["T: Can you send me the invoice?", "U: What?", "T: Can you send me the invoice by Monday?"]);
    assert_eq!(tasks(&call.extract()), [("You: Send Ann the invoice".to_owned(), Some("2026-03-16T23:59".to_owned()))]);
}

#[test]
fn an_unknown_party_is_them_and_both_sides_keep_their_own_tasks() {
    let call = Call::new(&["U: I'll send you the photos.", "T: And I'll send you the recipe."]).with(None);
    let found: Vec<_> = tasks(&call.extract()).into_iter().map(|(what, _)| what).collect();
    assert_eq!(found, ["You: Send them the photos", "Them: Send you the recipe"]);
}

#[test]
fn days_and_hours_are_those_of_the_users_clock() {
    // It is 22:00 on Tuesday where the user is.
    let call = Call::new(&["U: I'll call the bank tomorrow at 9 am."]).in_zone("Etc/GMT+12");
    assert_eq!(tasks(&call.extract())[0].1.as_deref(), Some("2026-03-11T21:00"));
}

#[test]
fn a_task_is_noted_when_it_was_said_and_belongs_to_its_conversation() {
    let summary = Call::new(&["U: Hello.", "U: I'll send you the report."]).extract();
    let item = &summary.action_items[0];
    assert_eq!(item.created_at.rfc3339(), "2026-03-11T10:00:04Z");
    assert_eq!((item.completed, item.completed_at, item.conversation_id), (false, None, conversation()));
}
