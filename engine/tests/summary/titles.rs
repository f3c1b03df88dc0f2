//! Titles and overviews: telling, short, attributed, and never a greeting.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use fourwire_wire::structured::Structured;

use crate::support::Call;

#[test]
fn a_title_names_the_subject_and_the_other_party() {
    for (lines, title) in [
        (
            &["T: Hello?", "T: I'm calling about your dentist appointment.", "U: Is the dentist there?"][..],
            "Dentist Appointment with Ann",
        ),
        (
            &["U: Hi. Did the invoice arrive?", "T: The invoice? No.", "U: I'll send the invoice again."],
            "Invoice with Ann",
        ),
        (&["U: I'm in New Jersey now.", "T: I love New Jersey."], "New Jersey with Ann"),
    ] {
        assert_eq!(Call::new(lines).extract().title.expose(), title);
    }
    let unknown = Call::new(&["T: Hello.", "T: The invoice is wrong, and the invoice is late."]).with(None);
    assert_eq!(unknown.extract().title.expose(), "Invoice");
}

#[test]
fn a_call_in_which_nothing_was_said_is_a_phone_call() {
    assert_eq!(Call::new(&[]).extract(), Structured::titled("Phone call"));
    assert_eq!(Call::new(&["U:  ", "T: ..."]).extract(), Structured::titled("Phone call"));
}

#[test]
fn a_call_of_a_few_words_is_titled_and_shown_in_full() {
    let summary = Call::new(&["T: Hello?", "U: Sorry, wrong number.", "T: Okay, bye."]).extract();
    assert_eq!(summary.title.expose(), "Short Call with Ann");
    assert_eq!(summary.overview.expose(), "Ann: Hello?\nYou: Sorry, wrong number.\nAnn: Okay, bye.");
    assert!(summary.action_items.is_empty() && summary.events.is_empty());
    assert_eq!(Call::new(&["T: Hello?"]).with(None).extract().overview.expose(), "Them: Hello?");
}

#[test]
fn a_call_with_nothing_but_an_arrangement_is_titled_by_it() {
    let call = Call::new(&["U: Let's meet on Thursday at 3.", "T: Okay."]);
    assert_eq!(call.extract().title.expose(), "Meeting with Ann");
}

#[test]
fn an_overview_has_the_most_telling_sentences_in_the_order_they_were_said() {
    let call = Call::new(&[
        "U: Hello?",
        "T: Hi, how are you?",
        "U: Good, thanks.",
        "T: The roof of the garage leaks, and the insurance wants photos of the damage.",
        "U: Oh.",
        "T: Yeah.",
        "U: The roofer told me that new shingles cost two thousand dollars.",
        "T: Right.",
        "U: Okay.",
        "T: Bye.",
    ]);
    let overview = call.extract().overview.into_inner();
    let lines: Vec<_> = overview.lines().collect();
    assert!((2..=4).contains(&lines.len()), "{overview}");
    assert!(lines[0].starts_with("Ann: The roof of the garage leaks"), "{overview}");
    assert!(lines[1].starts_with("You: The roofer told me"), "{overview}");
}

#[test]
fn a_title_has_at_most_ten_words_however_long_the_name_is() {
    let call = Call::new(&["T: The dentist appointment, the mortgage payment and the passport renewal are due."])
        .with(Some("Maria del Carmen Fernandez de la Vega y Garcia Lopez"));
    let title = call.extract().title.into_inner();
    assert!(title.split_whitespace().count() <= 10 && title.ends_with("with Maria del Carmen"), "{title}");
}
