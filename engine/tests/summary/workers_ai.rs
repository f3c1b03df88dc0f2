//! Cloudflare's own models: what they are given, and what they give.

use fourwire_engine::summary::model::workers_ai::{self, MAX_TRANSCRIPT};
use fourwire_engine::summary::model::{AnswerForm, ModelError, Part};
use fourwire_wire::frame::Channel;
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::support::{BEGAN, Call};

fn summary() -> Value {
    json!({ "title": "Roof", "overview": "It leaks.", "emoji": "🏠", "category": "real", "action_items": [], "events": [] })
}

fn read(output: &Value) -> Result<String, ModelError> {
    let call = Call::new(&["U: Hello."]);
    workers_ai::read(output, &call.talk(), BEGAN).map(|summary| summary.title.into_inner())
}

#[test]
fn the_input_is_that_of_json_mode_with_the_bare_schema_and_a_length() {
    let input = workers_ai::input(&Call::new(&["U: Hello."]).talk(), AnswerForm::JsonSchema);
    assert_eq!(input["response_format"]["type"], "json_schema");
    assert_eq!(input["response_format"]["json_schema"]["type"], "object");
    assert_eq!(input["max_tokens"], 2_048);
    assert_eq!(input["messages"][1]["content"], "[00:00] You: Hello.");
    let mut names: Vec<_> = input.as_object().unwrap().keys().collect();
    names.sort_unstable();
    assert_eq!(names, ["max_tokens", "messages", "response_format"]);
}

#[test]
fn a_long_call_fits_the_small_context() {
    let line = "word ".repeat(50);
    let call = Call::of((0..500).map(|_| (Channel::Remote, line.as_str())));
    let input = workers_ai::input(&call.talk(), AnswerForm::JsonSchema);
    let length = input["messages"][1]["content"].as_str().unwrap().chars().count();
    assert!(length <= MAX_TRANSCRIPT && length > MAX_TRANSCRIPT * 9 / 10, "{length}");
}

#[test]
fn an_object_its_text_and_a_completion_are_read() {
    let text = summary().to_string();
    for output in [
        json!({ "response": summary() }),
        json!({ "response": text, "usage": { "completion_tokens": 90 } }),
        json!({ "choices": [{ "message": { "content": text }, "finish_reason": "stop" }] }),
    ] {
        assert_eq!(read(&output).as_deref(), Ok("Roof"), "{output}");
    }
}

#[test]
fn what_is_no_summary_has_its_error() {
    for (output, error) in [
        (json!({}), ModelError::Wrong(Part::Answer)),
        (json!(null), ModelError::Wrong(Part::Answer)),
        (json!({ "response": null }), ModelError::Empty),
        (json!({ "response": "" }), ModelError::Empty),
        (json!({ "response": "Sorry, but" }), ModelError::NotJson(Part::Content)),
        (json!({ "response": "{\"title\":", "usage": { "completion_tokens": 2_048 } }), ModelError::Truncated),
        (json!({ "response": { "title": 5 } }), ModelError::Wrong(Part::Content)),
    ] {
        assert_eq!(read(&output), Err(error), "{output}");
    }
}

#[test]
fn exceptions_are_known_by_their_number() {
    for (message, error) in [
        ("5024: JSON Mode couldn't be met", ModelError::Wrong(Part::Content)),
        ("3036: You have used up your daily free allocation of 10,000 neurons.", ModelError::Quota),
        ("AiError: 3040: Capacity temporarily exceeded", ModelError::TooMany { retry_after: None }),
        ("InferenceUpstreamError: 5007: No such model @cf/x/y or task", ModelError::Refused(400)),
        ("5016: User has not agreed to Llama3.2 model terms", ModelError::Key),
        ("3006: Request is too large", ModelError::Refused(413)),
        ("3007: Request timeout", ModelError::Down { status: 0, retry_after: None }),
        ("Network connection lost.", ModelError::Down { status: 0, retry_after: None }),
        ("request 13040 failed", ModelError::Down { status: 0, retry_after: None }),
    ] {
        assert_eq!(workers_ai::thrown(message), error, "{message}");
    }
}
