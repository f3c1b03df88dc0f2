//! The lab's language model takes what the real service would take, refuses the rest by its codes, and fails as a test
//! orders.

use std::net::Ipv4Addr;
use std::time::Duration;

use axum::Router;
use axum::http::Method;
use fourwire_lab::http::{Answer, HttpError, send, send_json};
use fourwire_lab::model::{Fault, Formats, KEY, ModelOptions, ModelServer, NAME, routes};
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

const SOON: Duration = Duration::from_millis(300);

/// The lab's model alone, on a port of its own.
struct World {
    server: ModelServer,
    url: String,
    _serving: JoinSet<std::io::Result<()>>,
}

impl World {
    async fn start() -> Self {
        Self::with(Formats::JsonSchema).await
    }

    async fn with(formats: Formats) -> Self {
        let server = ModelServer::new(ModelOptions { formats, ..ModelOptions::default() });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}/model/v1/chat/completions", listener.local_addr().unwrap());
        let routes = Router::new().nest("/model", routes(server.clone()));
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, routes).await });
        Self { server, url, _serving: serving }
    }

    async fn post(&self, body: &Value) -> Answer {
        send_json(Method::POST, &self.url, Some(KEY), Some(body)).await.unwrap()
    }

    async fn try_post(&self, headers: &[(&str, &str)], body: &str, limit: Duration) -> Result<Answer, HttpError> {
        let mut request = Request::builder().method(Method::POST).uri(&self.url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(request.body(Full::from(body.to_owned())).unwrap(), limit).await
    }

    /// The status and the code of a refusal.
    async fn refusal(&self, body: &Value) -> (u16, String) {
        let answer = self.post(body).await;
        let code = answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned();
        assert!(answer.json()["error"]["message"].is_string(), "{body}");
        (answer.status, code)
    }
}

/// What the engine sends: its own tests hold that file to what it really sends.
fn request() -> Value {
    let mut body: Value = serde_json::from_str(include_str!("../../engine/tests/summary/request.json")).unwrap();
    body["model"] = NAME.into();
    body
}

/// The same with something changed.
fn with(path: &str, value: Value) -> Value {
    let mut body = request();
    let (parent, name) = path.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[name] = value;
    body
}

/// The same without something.
fn without(path: &str) -> Value {
    let mut body = request();
    let (parent, name) = path.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
    body
}

#[tokio::test]
async fn the_engines_request_is_answered_with_a_summary_that_conforms() {
    let world = World::start().await;
    let answer = world.post(&request()).await;
    assert_eq!(answer.status, 200);
    let choice = &answer.json()["choices"][0];
    assert_eq!((&choice["finish_reason"], &choice["message"]["refusal"]), (&json!("stop"), &Value::Null));
    let summary: Value = serde_json::from_str(choice["message"]["content"].as_str().unwrap()).unwrap();
    assert_eq!(
        summary,
        json!({
            "title": "Hello, Ann",
            "overview": "You said: Hello, Ann. Ann said: Can you send me the invoice by Friday?",
            "emoji": "🗒️",
            "category": "other",
            "action_items": [{ "description": "Ann: Can you send me the invoice by Friday?", "due_at": null }],
            "events": [],
        })
    );
    assert_eq!(world.post(&request()).await.json()["choices"], answer.json()["choices"]);
}

#[tokio::test]
async fn what_was_asked_can_be_read() {
    let world = World::start().await;
    world.post(&request()).await;
    let asked = world.server.asked();
    assert_eq!((asked.len(), asked[0].status), (1, Some(200)));
    assert!(asked[0].message("system").contains("phone call"));
    assert!(asked[0].message("user").ends_with("Ann: Can you send me the invoice by Friday?"));
}

#[tokio::test]
async fn only_its_own_key_opens_it() {
    let world = World::start().await;
    let body = request().to_string();
    let bearer = format!("Bearer {KEY}");
    for headers in [
        &[("content-type", "application/json")][..],
        &[("content-type", "application/json"), ("authorization", "Bearer wrong")],
        &[("content-type", "application/json"), ("authorization", KEY)],
    ] {
        let answer = world.try_post(headers, &body, SOON * 10).await.unwrap();
        assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (401, Some("invalid_api_key")));
    }
    let plain = [("content-type", "text/plain"), ("authorization", bearer.as_str())];
    assert_eq!(world.try_post(&plain, &body, SOON * 10).await.unwrap().status, 400);
    let json = [("content-type", "application/json; charset=utf-8"), ("authorization", bearer.as_str())];
    assert_eq!(world.try_post(&json, &body, SOON * 10).await.unwrap().status, 200);
    assert_eq!(world.try_post(&json, "{", SOON * 10).await.unwrap().status, 400);
    let get = send_json(Method::GET, &world.url, Some(KEY), None).await.unwrap();
    assert_eq!(get.status, 405);
    let elsewhere = world.url.replace("chat/completions", "completions");
    assert_eq!(send_json(Method::POST, &elsewhere, Some(KEY), Some(&request())).await.unwrap().status, 404);
}

#[tokio::test]
async fn a_body_that_the_service_would_refuse_is_refused_by_its_code() {
    let world = World::start().await;
    for (body, status, code) in [
        (with("/model", json!("gpt-9")), 404, "model_not_found"),
        (without("/model"), 400, "missing_required_parameter"),
        (without("/messages"), 400, "missing_required_parameter"),
        (with("/messages", json!([])), 400, "missing_required_parameter"),
        (with("/messages/0/role", json!("narrator")), 400, "invalid_value"),
        (with("/messages/0/content", json!("")), 400, "invalid_type"),
        (with("/messages/0/text", json!("x")), 400, "invalid_value"),
        (with("/messages/1/role", json!("assistant")), 400, "invalid_value"),
        (with("/max_token", json!(5)), 400, "unknown_parameter"),
        (with("/temperature", json!(3)), 400, "invalid_value"),
        (with("/temperature", json!("0")), 400, "invalid_value"),
        (without("/response_format"), 400, "invalid_value"),
        (with("/response_format/type", json!("json_object")), 400, "invalid_value"),
        (without("/response_format/json_schema"), 400, "missing_required_parameter"),
        (with("/response_format/json_schema/name", json!("a b")), 400, "invalid_value"),
        (with("/response_format/json_schema/strict", json!(false)), 400, "invalid_value"),
        (with("/response_format/json_schema/extra", json!(1)), 400, "unknown_parameter"),
    ] {
        assert_eq!(world.refusal(&body).await, (status, code.to_owned()), "{body}");
    }
}

#[tokio::test]
async fn a_server_without_schemas_takes_only_what_it_knows() {
    let object = with("/response_format", json!({ "type": "json_object" }));
    for (formats, takes) in [(Formats::JsonObject, [false, true, true]), (Formats::Text, [false, false, true])] {
        let world = World::with(formats).await;
        for (body, takes) in [request(), object.clone(), without("/response_format")].iter().zip(takes) {
            let answer = world.post(body).await;
            assert_eq!(answer.status, if takes { 200 } else { 400 }, "{formats:?} {}", body["response_format"]);
            if takes {
                let content = answer.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
                let summary: Value = serde_json::from_str(&content).unwrap();
                assert_eq!(summary["title"], "Hello, Ann");
            }
        }
        let mut silent = without("/response_format");
        silent["messages"] = json!([{ "role": "user", "content": "Sum this up." }]);
        assert_eq!(world.post(&silent).await.status, 400, "nobody speaks of JSON");
    }
}

#[tokio::test]
async fn a_schema_has_to_be_closed_required_and_of_known_keywords_at_every_level() {
    let world = World::start().await;
    let schema = "/response_format/json_schema/schema";
    for body in [
        without(schema),
        with(schema, json!({ "type": "array", "items": { "type": "string" } })),
        without(&format!("{schema}/additionalProperties")),
        with(&format!("{schema}/additionalProperties"), json!(true)),
        without(&format!("{schema}/required")),
        with(&format!("{schema}/required"), json!(["title"])),
        without(&format!("{schema}/properties/title")),
        without(&format!("{schema}/properties/title/type")),
        with(&format!("{schema}/properties/title/type"), json!("text")),
        with(&format!("{schema}/properties/title/minLength"), json!(1)),
        with(&format!("{schema}/properties/category/enum"), json!([])),
        without(&format!("{schema}/properties/events/items")),
        without(&format!("{schema}/properties/events/items/additionalProperties")),
        with(&format!("{schema}/properties/action_items/items/required"), json!(["description"])),
    ] {
        assert_eq!(world.refusal(&body).await, (400, "invalid_json_schema".to_owned()), "{body}");
    }
}

#[tokio::test]
async fn another_schema_is_conformed_to_as_well() {
    let world = World::start().await;
    let schema = json!({
        "type": "object",
        "properties": {
            "title": { "type": "string" },
            "action_items": { "type": "array", "items": { "type": "string" } },
            "mood": { "type": "string", "enum": ["good", "bad"] },
            "score": { "type": "integer" },
            "note": { "type": ["string", "null"] },
        },
        "required": ["title", "action_items", "mood", "score", "note"],
        "additionalProperties": false,
    });
    let answer = world.post(&with("/response_format/json_schema/schema", schema)).await.json();
    let content: Value = serde_json::from_str(answer["choices"][0]["message"]["content"].as_str().unwrap()).unwrap();
    assert_eq!(
        content,
        json!({ "title": "Hello, Ann", "action_items": [""], "mood": "bad", "score": 1, "note": null })
    );
}

#[tokio::test]
async fn faults_strike_so_many_requests_and_then_all_is_well() {
    let world = World::start().await;
    world.server.arm(1, Fault::TooMany { retry_after: Some(7) });
    world.server.arm(2, Fault::Down(503));
    let first = world.post(&request()).await;
    assert_eq!((first.status, first.header("retry-after")), (429, Some("7")));
    assert_eq!(world.post(&request()).await.status, 503);
    assert_eq!(world.post(&request()).await.status, 503);
    assert_eq!(world.post(&request()).await.status, 200);
    world.server.arm(9, Fault::Quota);
    assert_eq!(world.refusal(&request()).await, (429, "insufficient_quota".to_owned()));
    world.server.heal();
    assert_eq!(world.post(&request()).await.status, 200);
    let statuses: Vec<_> = world.server.asked().iter().filter_map(|asked| asked.status).collect();
    assert_eq!(statuses, [429, 503, 503, 200, 429, 200]);
}

#[tokio::test]
async fn each_bad_answer_is_bad_in_its_own_way() {
    let world = World::start().await;
    for (fault, finish, content, refusal) in [
        (Fault::Refusal, "stop", None, true),
        (Fault::Filtered, "content_filter", Some(false), false),
        (Fault::Truncated, "length", Some(false), false),
        (Fault::Prose, "stop", Some(false), false),
        (Fault::Content("{\"name\":1}".to_owned()), "stop", Some(true), false),
    ] {
        world.server.arm(1, fault.clone());
        let answer = world.post(&request()).await;
        let choice = answer.json()["choices"][0].clone();
        assert_eq!((answer.status, choice["finish_reason"].as_str()), (200, Some(finish)), "{fault:?}");
        assert_eq!(choice["message"]["refusal"].is_string(), refusal, "{fault:?}");
        let is_json = |text: &str| serde_json::from_str::<Value>(text).is_ok();
        assert_eq!(choice["message"]["content"].as_str().map(is_json), content, "{fault:?}");
    }
    world.server.arm(1, Fault::Garbage);
    let garbage = world.post(&request()).await;
    assert!(garbage.status == 200 && garbage.body.starts_with(b"<html>"));
}

#[tokio::test]
async fn slow_is_answered_late_and_well_and_hanging_never() {
    let world = World::start().await;
    let (bearer, body) = (format!("Bearer {KEY}"), request().to_string());
    let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
    world.server.arm(1, Fault::Slow(SOON));
    assert!(world.try_post(&headers, &body, SOON / 3).await.is_err(), "it came at once");
    world.server.arm(1, Fault::Slow(SOON));
    assert_eq!(world.try_post(&headers, &body, SOON * 20).await.unwrap().status, 200);
    world.server.arm(1, Fault::Hang);
    assert!(world.try_post(&headers, &body, SOON).await.is_err());
    assert_eq!(world.server.asked().last().unwrap().status, None);
}

#[tokio::test]
async fn a_fault_does_not_hide_a_bad_key() {
    let world = World::start().await;
    world.server.arm(1, Fault::Refusal);
    let answer = send_json(Method::POST, &world.url, Some("wrong"), Some(&request())).await.unwrap();
    assert_eq!(answer.status, 401);
}
