//! A server that cannot hold a model to a schema is asked for less, and what it takes is remembered.

use fourwire_engine::summary::model::{AnswerForm, KnownForm, Model, ModelAnswer, workers_ai};
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::support::Call;

const FORMS: [AnswerForm; 3] = [AnswerForm::JsonSchema, AnswerForm::JsonObject, AnswerForm::Text];

fn body(form: AnswerForm) -> Value {
    let model = Model { url: "https://api.example/v1".parse().unwrap(), key: None, name: "gpt-test".to_owned() };
    serde_json::from_str(model.request(&Call::new(&["U: Hello."]).talk(), form).body.expose()).unwrap()
}

fn answer(status: u16, body: &str) -> ModelAnswer<'_> {
    ModelAnswer { status, retry_after: None, body: body.as_bytes() }
}

/// The forms in which a server is asked that answers each with a status.
fn asked(known: &mut KnownForm, status: impl Fn(AnswerForm) -> u16) -> Vec<AnswerForm> {
    let mut forms = vec![known.first()];
    while let Some(next) = known.next(forms[forms.len() - 1], &answer(status(forms[forms.len() - 1]), "{}")) {
        forms.push(next);
    }
    forms
}

#[test]
fn a_server_without_schemas_is_asked_for_less_once_and_then_at_once() {
    for refusal in [400, 422] {
        for (takes, forms) in [(0, &FORMS[..1]), (1, &FORMS[..2]), (2, &FORMS[..])] {
            let mut known = KnownForm::default();
            let status = |form| if FORMS[takes..].contains(&form) { 200 } else { refusal };
            assert_eq!(asked(&mut known, status), forms);
            assert_eq!(asked(&mut known, status), [FORMS[takes]], "what was found out is kept");
        }
    }
}

#[test]
fn a_server_that_takes_nothing_or_is_down_teaches_nothing() {
    let mut known = KnownForm::default();
    assert_eq!(asked(&mut known, |_| 400), FORMS);
    for status in [401, 402, 403, 404, 408, 413, 429, 500, 503] {
        assert_eq!(asked(&mut known, |_| status), [AnswerForm::JsonSchema], "{status}");
    }
    for code in ["model_not_found", "context_length_exceeded"] {
        let refusal = json!({ "error": { "message": "No.", "code": code } }).to_string();
        assert_eq!(known.next(AnswerForm::JsonSchema, &answer(400, &refusal)), None, "{code}");
    }
    for refusal in [r#"{"error":"'response_format.type' must be 'text'"}"#, "<html>", ""] {
        assert_eq!(known.next(AnswerForm::JsonSchema, &answer(400, refusal)), Some(AnswerForm::JsonObject));
    }
}

#[test]
fn each_form_has_its_format_and_the_weaker_ones_the_schema_in_words() {
    for (form, kind) in FORMS.into_iter().zip([json!("json_schema"), json!("json_object"), json!(null)]) {
        let body = body(form);
        assert_eq!(body["response_format"]["type"], kind);
        assert_eq!(body.get("response_format").is_some(), kind.is_string(), "none is not null");
        let system = body["messages"][0]["content"].as_str().unwrap();
        assert!(system.contains("JSON"), "json_object is refused where nobody speaks of JSON");
        assert_eq!(system.contains(r#""action_items":{"#), form != AnswerForm::JsonSchema);
    }
}

#[test]
fn cloudflares_models_without_json_mode_are_asked_for_less_too() {
    let call = Call::new(&["U: Hello."]);
    for (form, kind) in FORMS.into_iter().zip([json!("json_schema"), json!("json_object"), json!(null)]) {
        assert_eq!(workers_ai::input(&call.talk(), form)["response_format"]["type"], kind);
    }
    let mut known = KnownForm::default();
    let refusal = Some("5025: This model doesn't support JSON Schema.");
    assert_eq!(known.next_after_throw(FORMS[0], refusal), Some(FORMS[1]));
    assert_eq!(known.next_after_throw(FORMS[1], refusal), Some(FORMS[2]));
    assert_eq!(known.next_after_throw(FORMS[2], refusal), None);
    for other in ["3040: Capacity temporarily exceeded", "5024: JSON Mode couldn't be met", "Network connection lost."]
    {
        assert_eq!(known.next_after_throw(FORMS[0], Some(other)), None, "{other}");
    }
    assert_eq!(known.first(), FORMS[0]);
    assert_eq!(known.next_after_throw(FORMS[2], None), None);
    assert_eq!(known.first(), FORMS[2], "what worked is asked for first");
}
