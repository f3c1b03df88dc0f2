//! What models write around, before and inside the object that they are asked for, and what is made of it.

use fourwire_engine::summary::model::{ModelAnswer, ModelError, Part, read, workers_ai};
use fourwire_wire::structured::{Category, Structured};
use fourwire_wire::units::UnixMillis;
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::support::{BEGAN, Call};

const ROOF: &str = r#"{"title":"Roof","overview":"It leaks {badly}: \"}\".","emoji":"🏠","category":"real","action_items":[],"events":[]}"#;
const DRAFT: &str = r#"{"title":"Draft","overview":"Not yet."}"#;

/// What is made of a message, and how it ended.
fn of_message(message: &Value, finish: &str) -> Result<Structured, ModelError> {
    of_body(&json!({ "choices": [{ "message": message, "finish_reason": finish }] }).to_string())
}

fn of_body(body: &str) -> Result<Structured, ModelError> {
    let call = Call::new(&["U: Hello."]);
    read(&ModelAnswer { status: 200, retry_after: None, body: body.as_bytes() }, &call.talk(), BEGAN)
}

fn title(result: Result<Structured, ModelError>) -> Result<String, ModelError> {
    result.map(|summary| summary.title.into_inner())
}

/// The summary with other members.
fn with(members: &Value) -> Structured {
    let mut summary: Value = serde_json::from_str(ROOF).unwrap();
    summary.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    of_message(&json!({ "content": summary.to_string() }), "stop").unwrap()
}

#[test]
fn the_object_is_found_whatever_is_written_around_it() {
    for text in [
        format!("<think>The user wants {{JSON}}.</think>\n\n{ROOF}"),
        format!("<think>First: {DRAFT}. Better:</think>{ROOF}"),
        format!("<think>One <think>two {DRAFT}</think> {ROOF}"),
        format!("<think>never ended, {DRAFT}\n{ROOF}"),
        format!("{DRAFT} was a draft.</think>```json\n{ROOF}\n```"),
        format!("<THINKING>{{\"title\": \"half</THINKING>{ROOF}"),
        format!("[THINK]hm {DRAFT}[/THINK]{ROOF}"),
        format!("Here is your summary:\n```json\n{ROOF}\n```\nLet me know if you need {{anything}} else!"),
        format!("```json\n{DRAFT}\n```\nOn second thoughts:\n```\n{ROOF}\n```"),
        format!("The format is {{\"title\": string, \"overview\": string}} or {{\"type\":\"object\"}}. {ROOF}"),
        format!("{ROOF}\n\nFor {{\"example\": 1}} there is nothing to do."),
        format!("\u{feff}{ROOF}"),
        format!("[{ROOF}]"),
        format!("{{\"call_summary\": {ROOF}}}"),
        ROOF.replace("[]}", "[],}").replace("\"events\":[]", "\"events\":[ , ]").replace("[ , ]", "[]"),
        ROOF.replacen("[]", "[{\"description\":\"You: Call\",},]", 1),
        ROOF.replace("leaks ", "leaks\n"),
        ROOF.replacen("{\"title\":\"Roof\"", "{\"title\":\"Old\",\"title\":\"Roof\"", 1),
        ROOF.replace("It leaks", "He said </think> and leaks"),
        format!("{{ is a brace. {ROOF}"),
        format!("{}{ROOF}", "{x} ".repeat(500)),
    ] {
        let found = of_message(&json!({ "content": text }), "stop");
        assert_eq!(title(found).as_deref(), Ok("Roof"), "{text}");
    }
}

#[test]
fn a_content_in_parts_is_what_its_texts_are() {
    let (head, tail) = ROOF.split_at(20);
    for content in [
        json!([{ "type": "text", "text": ROOF }]),
        json!([{ "type": "output_text", "text": ROOF, "annotations": [] }]),
        json!([{ "type": "text", "text": head }, { "type": "text", "text": tail }]),
        json!([{ "type": "reasoning", "text": DRAFT }, { "type": "text", "text": ROOF }]),
        json!([{ "type": "thinking", "thinking": [{ "type": "text", "text": DRAFT }] }, { "type": "text", "text": ROOF }]),
        json!([head, tail]),
        json!([{ "text": { "value": ROOF } }]),
        json!({ "type": "text", "text": ROOF }),
        serde_json::from_str(ROOF).unwrap(),
        json!([serde_json::from_str::<Value>(ROOF).unwrap()]),
        json!({ "summary": serde_json::from_str::<Value>(ROOF).unwrap() }),
    ] {
        let found = of_message(&json!({ "content": content, "reasoning_content": DRAFT, "refusal": "" }), "stop");
        assert_eq!(title(found).as_deref(), Ok("Roof"), "{content}");
    }
}

#[test]
fn what_holds_no_summary_says_why() {
    let half = &ROOF[..ROOF.len() - 3];
    for (message, finish, error) in [
        (json!({ "content": null, "refusal": "I can't." }), "stop", ModelError::Declined),
        (json!({ "content": [{ "type": "refusal", "refusal": "I can't." }] }), "stop", ModelError::Declined),
        (json!({ "content": null, "reasoning_content": ROOF }), "stop", ModelError::Empty),
        (json!({ "content": [] }), "stop", ModelError::Empty),
        (json!({ "content": [{ "type": "text", "text": "" }] }), "stop", ModelError::Empty),
        (json!({ "content": format!("<think>{DRAFT}</think>") }), "stop", ModelError::NotJson(Part::Content)),
        (json!({ "content": format!("<think>{ROOF}</think> Sorry.") }), "stop", ModelError::NotJson(Part::Content)),
        (json!({ "content": half }), "length", ModelError::Truncated),
        (json!({ "content": format!("<think>{half}") }), "length", ModelError::Truncated),
        (json!({ "content": half }), "stop", ModelError::NotJson(Part::Content)),
        (json!({ "content": "{\"name\":1}" }), "stop", ModelError::Wrong(Part::Content)),
        (json!({ "content": "{}" }), "stop", ModelError::Wrong(Part::Content)),
        (json!({ "content": [{ "type": "image_url", "image_url": {} }] }), "stop", ModelError::Wrong(Part::Content)),
        (json!({ "content": "{\"title\":\"\",\"overview\":\"It leaks.\"}" }), "stop", ModelError::Wrong(Part::Title)),
    ] {
        assert_eq!(title(of_message(&message, finish)), Err(error), "{message}");
    }
}

#[test]
fn a_byte_order_mark_before_the_answer_is_no_part_of_it() {
    let body = format!("\u{feff}{}", json!({ "choices": [{ "message": { "content": ROOF } }] }));
    assert_eq!(title(of_body(&body)).as_deref(), Ok("Roof"));
}

#[test]
fn text_made_of_braces_takes_no_longer_than_other_text() {
    for text in [
        "{".repeat(250_000),
        "{\"a\":".repeat(50_000),
        "{\"".repeat(120_000),
        format!("{}{}", "{".repeat(99_000), "}".repeat(99_000)),
    ] {
        assert!(of_message(&json!({ "content": text }), "stop").is_err());
    }
}

#[test]
fn what_is_odd_costs_itself_and_nothing_else() {
    let good = json!({ "description": "You: Call", "due_at": "2026-03-12T17:00:00" });
    for (list, descriptions) in [
        (json!(null), vec![]),
        (json!("none"), vec![]),
        (json!({}), vec![]),
        (json!([good, null, 5, "Send it", [], {}]), vec!["You: Call"]),
        (json!([{ "description": null }, good]), vec!["You: Call"]),
        (json!([{ "description": ["a"] }, { "description": 7, "due_at": null }, good]), vec!["You: Call"]),
        (json!([{ "description": "You: Pay", "due_at": { "date": "soon" } }, good]), vec!["You: Pay", "You: Call"]),
        (json!([{ "description": "You: Pay", "due_at": [] }]), vec!["You: Pay"]),
        (json!([{ "description": "You: Pay", "priority": "high" }]), vec!["You: Pay"]),
        (json!([{ "description": "You: Pay", "due_at": true }]), vec!["You: Pay"]),
    ] {
        let summary = with(&json!({ "action_items": list }));
        let found: Vec<_> = summary.action_items.iter().map(|item| item.description.expose().as_str()).collect();
        assert_eq!(found, descriptions, "{list}");
    }
    let call = json!({ "title": "Call", "description": "", "start": "2026-03-12T17:00:00", "duration": 45 });
    for (list, count) in [
        (json!(null), 0),
        (json!([call, { "title": "Lunch", "duration": 30 }, { "title": "Tea", "start": null }]), 1),
        (json!([{ "title": 5, "start": "2026-03-12T17:00:00" }, call]), 1),
        (json!([{ "title": "Tea", "description": null, "start": "2026-03-12T17:00:00", "duration": null }, call]), 2),
        (json!([{ "title": "Tea", "start": "2026-03-12" }, { "title": "Tea", "start": "tomorrow" }, call]), 1),
        (json!([null, [call], call]), 1),
    ] {
        assert_eq!(with(&json!({ "events": list })).events.len(), count, "{list}");
    }
}

#[test]
fn lengths_emojis_and_categories_are_read_as_models_write_them() {
    for (duration, minutes) in [
        (json!("30 minutes"), 30),
        (json!("45"), 45),
        (json!(45.0), 45),
        (json!("1 hour"), 60),
        (json!("1.5 hours"), 90),
        (json!("1h 15m"), 75),
        (json!("PT1H30M"), 90),
        (json!("20min"), 20),
        (json!("2 days"), 30),
        (json!("long"), 30),
        (json!(null), 30),
        (json!([60]), 30),
        (json!("-5"), 1),
        (json!("100000 hours"), 180),
        (json!(1e300), 180),
        (json!("1.2.3 hours"), 30),
    ] {
        let event = json!({ "title": "Call", "start": "2026-03-12T17:00:00Z", "duration": duration });
        assert_eq!(with(&json!({ "events": [event] })).events[0].duration, minutes, "{duration}");
    }
    for (emoji, first) in [
        (json!("🧾🏠"), "🧾"),
        (json!("👩‍👩‍👧‍👦 family"), "👩‍👩‍👧‍👦"),
        (json!("👍🏽"), "👍🏽"),
        (json!("🇩🇪🇫🇷"), "🇩🇪"),
        (json!("❤️"), "❤️"),
        (json!(":receipt:"), "📞"),
        (json!("receipt 🧾"), "📞"),
        (json!(null), "📞"),
        (json!(["🧾"]), "📞"),
        (json!(""), "📞"),
    ] {
        assert_eq!(with(&json!({ "emoji": emoji })).emoji, first, "{emoji}");
    }
    for (category, read) in [
        (json!("FINANCE"), Category::Finance),
        (json!("home improvement"), Category::Other),
        (json!(null), Category::Other),
        (json!(["finance"]), Category::Other),
    ] {
        assert_eq!(with(&json!({ "category": category })).category, read, "{category}");
    }
}

#[test]
fn cloudflares_models_write_in_as_many_ways() {
    let thought = format!("<think>{DRAFT}</think>{ROOF}");
    for output in [
        json!({ "response": serde_json::from_str::<Value>(ROOF).unwrap() }),
        json!({ "response": ROOF }),
        json!({ "response": thought }),
        json!({ "response": format!("Here it is: ```json\n{ROOF}```") }),
        json!({ "response": [{ "type": "text", "text": ROOF }] }),
        json!({ "choices": [{ "message": { "content": thought } }] }),
        json!({ "choices": [{ "message": { "content": [{ "type": "text", "text": ROOF }] } }] }),
        json!({ "output": [
            { "type": "reasoning", "content": [{ "type": "reasoning_text", "text": DRAFT }] },
            { "type": "message", "content": [{ "type": "output_text", "text": ROOF }] },
        ] }),
    ] {
        let call = Call::new(&["U: Hello."]);
        let found = workers_ai::read(&output, &call.talk(), UnixMillis::default());
        assert_eq!(title(found).as_deref(), Ok("Roof"), "{output}");
    }
}
