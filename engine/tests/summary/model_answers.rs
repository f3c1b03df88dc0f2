//! Every answer of a language model that will not do has its own error, and what is merely off is mended.

use fourwire_engine::summary::model::{MAX_ANSWER_BYTES, MAX_OVERVIEW, MAX_TITLE, ModelAnswer, ModelError, Part, read};
use fourwire_wire::structured::{Category, Structured};
use fourwire_wire::units::UnixMillis;
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::support::{BEGAN, Call, conversation};

/// When answers come: an hour after the call began.
const NOW: UnixMillis = UnixMillis::new(BEGAN.get() + 3_600_000);

fn answered(status: u16, retry_after: Option<&str>, body: &str) -> Result<Structured, ModelError> {
    let call = Call::new(&["U: Hello."]);
    read(&ModelAnswer { status, retry_after, body: body.as_bytes() }, &call.talk(), NOW)
}

/// A good summary.
fn summary() -> Value {
    json!({
        "title": "Invoice for the Roof",
        "overview": "Ann asked for the invoice.",
        "emoji": "🧾",
        "category": "finance",
        "action_items": [{ "description": "You: Send the invoice", "due_at": "2026-03-13T17:00:00+01:00" }],
        "events": [{ "title": "Call", "description": "", "start": "2026-03-12T15:00:00Z", "duration": 45 }],
    })
}

/// The summary with something changed.
fn with(path: &str, value: Value) -> Value {
    let mut summary = summary();
    *summary.pointer_mut(path).unwrap() = value;
    summary
}

fn completion(content: &Value) -> String {
    let message = json!({ "role": "assistant", "content": content, "refusal": null });
    json!({ "id": "chatcmpl-1", "object": "chat.completion", "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }] })
        .to_string()
}

fn written(summary: &Value) -> Result<Structured, ModelError> {
    answered(200, None, &completion(&Value::from(summary.to_string())))
}

#[test]
fn a_good_answer_becomes_a_summary() {
    let read = written(&summary()).unwrap();
    assert_eq!((read.title.expose().as_str(), read.emoji.as_str()), ("Invoice for the Roof", "🧾"));
    assert_eq!((read.overview.expose().as_str(), read.category), ("Ann asked for the invoice.", Category::Finance));
    let item = &read.action_items[0];
    assert_eq!(item.description.expose(), "You: Send the invoice");
    assert_eq!(item.due_at.unwrap().rfc3339(), "2026-03-13T16:00:00Z");
    assert_eq!((item.created_at, item.conversation_id, item.completed), (NOW, conversation(), false));
    assert_eq!((read.events[0].start.rfc3339().as_str(), read.events[0].duration), ("2026-03-12T15:00:00Z", 45));
}

#[test]
fn json_in_a_fence_or_as_an_object_is_read_too() {
    for content in [
        Value::from(format!("```json\n{}\n```", summary())),
        Value::from(format!("  ```\n{}```\n", summary())),
        summary(),
    ] {
        assert!(answered(200, None, &completion(&content)).is_ok(), "{content}");
    }
}

#[test]
fn refusals_by_status_tell_what_to_do() {
    let quota =
        r#"{"error":{"message":"secret","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#;
    for (status, retry_after, body, error, retryable) in [
        (401, None, "{}", ModelError::Key, false),
        (403, None, "<html>", ModelError::Key, false),
        (404, None, "{}", ModelError::Refused(404), false),
        (400, None, "{}", ModelError::Refused(400), false),
        (301, None, "", ModelError::Refused(301), false),
        (429, None, quota, ModelError::Quota, false),
        (429, Some("20"), "{}", ModelError::TooMany { retry_after: Some(20) }, true),
        (429, None, "<html>", ModelError::TooMany { retry_after: None }, true),
        (429, Some("soon"), "{}", ModelError::TooMany { retry_after: None }, true),
        (429, Some("999999999"), "{}", ModelError::TooMany { retry_after: Some(3_600) }, true),
        (503, Some("Wed, 11 Mar 2026 11:00:30 GMT"), "", ModelError::Down { status: 503, retry_after: Some(30) }, true),
        (503, Some("Wed, 11 Mar 2026 10:00:00 GMT"), "", ModelError::Down { status: 503, retry_after: Some(0) }, true),
        (500, None, "<html>", ModelError::Down { status: 500, retry_after: None }, true),
        (529, None, "{}", ModelError::Down { status: 529, retry_after: None }, true),
        (408, None, "{}", ModelError::Down { status: 408, retry_after: None }, true),
    ] {
        let got = answered(status, retry_after, body).unwrap_err();
        assert_eq!(got, error, "{status} {retry_after:?}");
        assert_eq!(got.is_retryable(), retryable, "{status}");
        assert!(!got.to_string().contains("secret"));
    }
    assert_eq!(ModelError::TooMany { retry_after: Some(20) }.retry_after(), Some(20));
}

#[test]
fn an_answer_that_is_none_is_told_apart_by_what_is_wrong() {
    let message = |message: Value, finish: &str| {
        json!({ "choices": [{ "message": message, "finish_reason": finish }] }).to_string()
    };
    let whole = summary().to_string();
    for (body, error) in [
        ("<html>A page of some proxy</html>".to_owned(), ModelError::NotJson(Part::Answer)),
        (String::new(), ModelError::NotJson(Part::Answer)),
        ("{}".to_owned(), ModelError::Wrong(Part::Answer)),
        (r#"{"choices":[]}"#.to_owned(), ModelError::Wrong(Part::Answer)),
        (r#"{"choices":[{}]}"#.to_owned(), ModelError::Wrong(Part::Answer)),
        (message(json!({ "content": null, "refusal": "I cannot" }), "stop"), ModelError::Declined),
        (message(json!({ "content": &whole[..whole.len() / 2] }), "length"), ModelError::Truncated),
        (message(json!({ "content": "" }), "content_filter"), ModelError::Filtered),
        (message(json!({ "content": null }), "stop"), ModelError::Empty),
        (message(json!({}), "stop"), ModelError::Empty),
        (message(json!({ "content": " \n" }), "stop"), ModelError::Empty),
        (message(json!({ "content": "Here is your summary!" }), "stop"), ModelError::NotJson(Part::Content)),
        (message(json!({ "content": &whole[..whole.len() / 2] }), "stop"), ModelError::NotJson(Part::Content)),
        (message(json!({ "content": "[]" }), "stop"), ModelError::Wrong(Part::Content)),
        (message(json!({ "content": "{}" }), "stop"), ModelError::Wrong(Part::Content)),
        (message(json!({ "content": 5 }), "stop"), ModelError::Wrong(Part::Content)),
    ] {
        assert_eq!(answered(200, None, &body), Err(error), "{body}");
    }
    let endless = completion(&Value::from("a".repeat(MAX_ANSWER_BYTES)));
    assert_eq!(answered(200, None, &endless), Err(ModelError::Wrong(Part::Answer)));
}

#[test]
fn a_summary_of_the_wrong_kind_is_refused() {
    for (path, value, part) in [
        ("/title", json!(""), Part::Title),
        ("/title", json!(" \n\u{0}"), Part::Title),
        ("/title", json!("x".repeat(MAX_TITLE + 1)), Part::Title),
        ("/overview", json!(""), Part::Overview),
        ("/overview", json!("x".repeat(MAX_OVERVIEW + 1)), Part::Overview),
        ("/title", json!(7), Part::Content),
        ("/overview", json!(["a"]), Part::Content),
    ] {
        assert_eq!(written(&with(path, value)), Err(ModelError::Wrong(part)), "{path}");
    }
    assert!(written(&with("/title", json!("é".repeat(MAX_TITLE)))).is_ok());
}

#[test]
fn what_is_merely_off_is_mended() {
    let read = |path, value| written(&with(path, value)).unwrap();
    assert_eq!(read("/category", json!("gardening")).category, Category::Other);
    assert_eq!(read("/category", json!("Finance ")).category, Category::Finance);
    assert_eq!(read("/emoji", json!("ok")).emoji, "📞");
    assert_eq!(read("/emoji", json!("🧾".repeat(40))).emoji, "📞");
    assert_eq!(read("/title", json!("Two\nLines")).title.expose(), "Two Lines");
    for (due, kept) in [
        ("2026-03-10T10:00:00Z", true),
        ("2026-03-10T09:59:59Z", false),
        ("2020-01-01T00:00:00Z", false),
        ("next Friday", false),
        ("2026-03-13", false),
        ("", false),
    ] {
        assert_eq!(read("/action_items/0/due_at", json!(due)).action_items[0].due_at.is_some(), kept, "{due}");
        assert_eq!(read("/events/0/start", json!(due)).events.len(), usize::from(kept), "{due}");
    }
    for (duration, minutes) in [(0, 1), (-5, 1), (180, 180), (100_000, 180)] {
        assert_eq!(read("/events/0/duration", json!(duration)).events[0].duration, minutes);
    }
    assert!(read("/action_items/0/description", json!(" ")).action_items.is_empty());
    assert!(read("/events/0/title", json!("")).events.is_empty());
}

#[test]
fn lists_and_texts_are_bounded() {
    let item = json!({ "description": "x".repeat(1_000), "due_at": null });
    let many = written(&with("/action_items", Value::from(vec![item; 100]))).unwrap();
    assert_eq!(many.action_items.len(), 30);
    assert!(many.action_items.iter().all(|item| item.description.expose().chars().count() == 300));
    let event = summary()["events"][0].clone();
    assert_eq!(written(&with("/events", Value::from(vec![event; 100]))).unwrap().events.len(), 15);
}
