use hyper::HeaderMap;

use super::*;
use crate::http::Answer;

fn judge(method: &Method, target: &str, status: u16, headers: &[(&'static str, &str)], text: &str) -> bool {
    judge_sent(method, target, b"", status, headers, text)
}

fn judge_sent(
    method: &Method,
    target: &str,
    sent: &[u8],
    status: u16,
    headers: &[(&'static str, &str)],
    text: &str,
) -> bool {
    let headers: HeaderMap =
        headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    let answer = Answer { status, headers, body: Value::Null, text: text.to_owned(), bytes: text.to_owned().into() };
    Description::get().judge(&Exchange { method, target, sent, answer: &answer }).is_ok()
}

const JSON: (&str, &str) = ("content-type", "application/json");
const NO_STORE: (&str, &str) = ("cache-control", "no-store");

#[test]
fn an_answer_with_another_shape_status_or_type_is_found() {
    let health = |status, headers: &[_], text| judge(&Method::GET, "/healthz?x=1", status, headers, text);
    assert!(health(200, &[JSON], r#"{"status":"ok","version":"1","problems":[]}"#));
    assert!(!health(200, &[JSON], r#"{"status":"ok","version":"1","problems":[],"more":1}"#), "one field more");
    assert!(!health(200, &[JSON], r#"{"status":"ok","version":"1"}"#), "one field less");
    assert!(!health(200, &[JSON], r#"{"status":"not_configured","version":"1","problems":[]}"#));
    assert!(!health(200, &[JSON], "fine"));
    assert!(!health(201, &[JSON], r#"{"status":"ok","version":"1","problems":[]}"#));
    assert!(!health(200, &[("content-type", "text/html")], r#"{"status":"ok","version":"1","problems":[]}"#));
}

#[test]
fn a_refusal_with_another_code_or_without_its_headers_is_found() {
    let token = |status, code: &str, headers: &[_]| {
        let text = format!(r#"{{"detail":"No.","code":"{code}"}}"#);
        judge(&Method::POST, "/v1/phone/token", status, &[&[JSON], headers].concat(), &text)
    };
    assert!(token(401, "authorization_missing", &[NO_STORE]));
    assert!(!token(401, "no_verified_number", &[NO_STORE]), "a code of another status");
    assert!(!token(401, "authorization_missing", &[]));
    assert!(!token(401, "authorization_missing", &[("cache-control", "public")]));
    assert!(token(429, "too_many_requests", &[NO_STORE, ("retry-after", "7")]));
    assert!(!token(429, "too_many_requests", &[NO_STORE]));
    assert!(!token(429, "too_many_requests", &[NO_STORE, ("retry-after", "0")]));
}

#[test]
fn a_head_is_an_answer_to_get_without_its_body() {
    let health = r#"{"status":"ok","version":"1","problems":[]}"#;
    let head = |target: &str, status, headers: &[_], text| judge(&Method::HEAD, target, status, headers, text);
    assert!(head("/healthz", 200, &[JSON], ""));
    assert!(!head("/healthz", 200, &[JSON], health), "a body");
    assert!(!head("/healthz", 201, &[JSON], ""), "a status that no GET has");
    assert!(!head("/v1/conversations", 200, &[JSON], ""), "a header less");
    assert!(head("/v1/phone/token", 405, &[JSON, NO_STORE, ("allow", "POST")], ""));
    assert!(!head("/v1/phone/token", 405, &[JSON, NO_STORE, ("allow", "POST, HEAD")], ""));
    assert!(!judge(
        &Method::POST,
        "/healthz",
        405,
        &[JSON, NO_STORE, ("allow", "GET")],
        r#"{"detail":"No.","code":"method_not_allowed"}"#
    ));
    assert!(judge(
        &Method::POST,
        "/healthz",
        405,
        &[JSON, NO_STORE, ("allow", "GET, HEAD")],
        r#"{"detail":"No.","code":"method_not_allowed"}"#
    ));
}

#[test]
fn what_is_not_described_must_be_refused_as_such() {
    let refused = |method: &Method, target: &str, status, code: &str| {
        let text = format!(r#"{{"detail":"No.","code":"{code}"}}"#);
        judge(method, target, status, &[JSON, NO_STORE, ("allow", "DELETE")], &text)
    };
    assert!(refused(&Method::GET, "/v1/phones", 404, "not_found"));
    assert!(!refused(&Method::GET, "/v1/phones", 401, "authorization_missing"));
    assert!(refused(&Method::PUT, "/v1/phone/numbers/5", 405, "method_not_allowed"));
    assert!(!refused(&Method::PUT, "/v1/phone/numbers/5", 404, "not_found"));
    assert!(!refused(&Method::DELETE, "/v1/phone/numbers/verify", 404, "number_not_found"), "it is no id");
}

#[test]
fn a_request_is_taken_or_refused_as_described() {
    let check = |sent: &[u8], status, text| {
        let headers = [JSON, NO_STORE];
        judge_sent(&Method::POST, "/v1/phone/numbers/verify/check", sent, status, &headers, text)
    };
    let none = r#"{"verified":false,"phone_number_id":null,"status":"none"}"#;
    let refusal = r#"{"detail":"No.","code":"body_invalid"}"#;
    let good = br#"{"phone_number":"anything"}"#;
    assert!(check(good, 200, none) && check(b"[]", 422, refusal) && check(b"", 422, refusal));
    assert!(!check(b"[]", 200, none) && !check(good, 422, refusal));
}

#[test]
fn a_refused_method_names_those_that_the_path_takes() {
    let refusal = r#"{"detail":"No.","code":"method_not_allowed"}"#;
    let refused = |allowed| judge(&Method::PUT, "/healthz", 405, &[JSON, NO_STORE, ("allow", allowed)], refusal);
    assert!(refused("GET, HEAD"));
    assert!(!refused("POST") && !refused("GET, POST") && !refused("GET") && !refused(""));
    assert!(!judge(&Method::PUT, "/healthz", 405, &[JSON, NO_STORE], refusal));
}

const AUDIO: &str = "/v1/conversations/6851270f-2c7d-4a36-b8a5-8e7151d8b3f0/audio?channel=1";

fn judge_audio(status: u16, more: &[(&'static str, &str)], bytes: &[u8]) -> bool {
    let file = [
        ("content-disposition", "inline; filename=\"call.wav\""),
        ("accept-ranges", "bytes"),
        ("etag", "\"0123456789abcdef0123456789abcdef\""),
        NO_STORE,
    ];
    let headers = file.iter().chain(more).map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    let (body, text) = (Value::Null, String::new());
    let answer = Answer { status, headers: headers.collect(), body, text, bytes: bytes.to_vec().into() };
    Description::get().judge(&Exchange { method: &Method::GET, target: AUDIO, sent: b"", answer: &answer }).is_ok()
}

#[test]
fn bytes_that_are_no_text_are_an_answer_where_they_are_described() {
    let wav = ("content-type", "audio/wav");
    let part = ("content-range", "bytes 44-47/48");
    assert!(judge_audio(200, &[wav], &[0xff, 0xfe]) && judge_audio(206, &[wav, part], &[0xff, 0xfe]));
    assert!(!judge_audio(200, &[JSON], &[0xff, 0xfe]), "another type");
    assert!(!judge_audio(206, &[wav], &[0xff]), "a part of nobody knows what");
    assert!(judge_audio(416, &[wav, ("content-range", "bytes */48")], &[]));
    assert!(!judge_audio(416, &[wav, part], &[]) && !judge_audio(416, &[wav, ("content-range", "bytes */48")], &[0]));
}

#[test]
fn an_answer_may_have_one_of_several_types_and_is_held_against_its_own() {
    let target = "/v1/conversations/6851270f-2c7d-4a36-b8a5-8e7151d8b3f0/transcript";
    let file = ("content-disposition", "inline; filename=\"transcript.txt\"");
    let transcript =
        |kind: &str, text: &str| judge(&Method::GET, target, 200, &[("content-type", kind), file, NO_STORE], text);
    assert!(transcript("application/json", "[]") && transcript("text/vtt; charset=utf-8", "WEBVTT\n"));
    assert!(transcript("text/plain; charset=utf-8", "[00:00] You: Hello.\n[1:00:00] Them: Bye.\n"));
    assert!(!transcript("text/plain; charset=utf-8", "WEBVTT\n"), "the form of another type");
    assert!(!transcript("text/plain", "[00:00] You: Hello.\n") && !transcript("text/html", "[]"));
}
