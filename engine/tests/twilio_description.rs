//! Twilio's own machine-readable description judges our requests to it, and its examples what we read in the answers.
#![cfg(not(target_arch = "wasm32"))]
#![allow(missing_docs)]

use std::fs;
use std::path::Path;

use fourwire_engine::phone::number::PhoneNumber;
use fourwire_engine::phone::sid::{AccountSid, CallerIdSid};
use fourwire_engine::twilio::caller_ids::{self, ApiRequest, CallerIds, Verb};
use fourwire_wire::pii::Pii;
use serde_json::Value;
use url::Url;

/// The resource, as the description names it.
const LIST: &str = "/2010-04-01/Accounts/{AccountSid}/OutgoingCallerIds.json";
const ONE: &str = "/2010-04-01/Accounts/{AccountSid}/OutgoingCallerIds/{Sid}.json";

fn description() -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/descriptions/twilio_api_v2010.json");
    let text = fs::read_to_string(file).expect("the description is there: `cargo xtask setup --for test` fetches it");
    serde_json::from_str(&text).expect("it is JSON")
}

fn api() -> CallerIds {
    let origin = caller_ids::DEFAULT_ORIGIN.parse().unwrap();
    let account = AccountSid::parse("AC00000000000000000000000000000001").unwrap();
    CallerIds::new(&origin, &account, Pii::new("Basic dTpw".to_owned()))
}

fn number() -> PhoneNumber {
    PhoneNumber::parse("+12025550142").unwrap()
}

fn caller_id() -> CallerIdSid {
    CallerIdSid::parse("PN00000000000000000000000000000002").unwrap()
}

/// Checks a request against the operation that it should be.
fn judge(request: &ApiRequest, template: &str) {
    let description = description();
    let verb = match request.verb {
        Verb::Get => "get",
        Verb::Post => "post",
        Verb::Delete => "delete",
    };
    let operation = &description["paths"][template][verb];
    assert!(operation.is_object(), "{verb} {template} exists");
    let server = description["paths"][template]["servers"][0]["url"].as_str().unwrap();
    let url = Url::parse(request.url.expose()).unwrap();
    assert_eq!(url.origin().ascii_serialization(), server);

    let parameters = operation["parameters"].as_array().unwrap();
    let mut ours = url.path().split('/');
    for part in template.split('/') {
        let own = ours.next().expect("as many parts");
        let name = part.strip_suffix(".json").unwrap_or(part);
        match name.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => {
                let parameter = parameters.iter().find(|known| known["name"] == name && known["in"] == "path").unwrap();
                let own = own.strip_suffix(".json").unwrap_or(own);
                fits(own, &parameter["schema"], name);
            }
            None => assert_eq!(own, part),
        }
    }
    assert_eq!(ours.next(), None);
    for (name, value) in url.query_pairs() {
        let parameter = parameters.iter().find(|known| known["name"] == *name && known["in"] == "query");
        fits(&value, &parameter.unwrap_or_else(|| panic!("{name} is not described"))["schema"], &name);
    }
    let form = request.form.as_ref().map(Pii::expose);
    let schema = &operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"];
    for (name, value) in form_urlencoded::parse(form.map(String::as_bytes).unwrap_or_default()) {
        fits(&value, &schema["properties"][&*name], &name);
    }
    for required in schema["required"].as_array().into_iter().flatten() {
        let required = required.as_str().unwrap();
        assert!(form.is_some_and(|form| form.contains(&format!("{required}="))), "{required} is required");
    }
    assert!(request.authorization.expose().starts_with("Basic "));
}

/// Checks a value against its schema, as far as these schemas go.
fn fits(value: &str, schema: &Value, name: &str) {
    assert!(schema.is_object(), "{name} is not described");
    if schema["type"] == "integer" {
        assert!(value.parse::<u32>().is_ok(), "{name}={value} is a whole number");
    }
    for (bound, is_kept) in [
        ("minLength", schema["minLength"].as_u64().is_none_or(|least| value.len() as u64 >= least)),
        ("maxLength", schema["maxLength"].as_u64().is_none_or(|most| value.len() as u64 <= most)),
        ("enum", schema["enum"].as_array().is_none_or(|all| all.iter().any(|one| one == value))),
        ("pattern", schema["pattern"].as_str().is_none_or(|pattern| is_sid(value, pattern))),
    ] {
        assert!(is_kept, "{name} keeps its {bound}");
    }
}

/// The only patterns here are those of SIDs: `^PN[0-9a-fA-F]{32}$`.
fn is_sid(value: &str, pattern: &str) -> bool {
    let prefix = pattern.strip_prefix('^').and_then(|rest| rest.strip_suffix("[0-9a-fA-F]{32}$")).expect("a SID's");
    value.strip_prefix(prefix).is_some_and(|hex| hex.len() == 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The examples of an operation's good answer.
fn examples(verb: &str, template: &str) -> Vec<Vec<u8>> {
    let content = &description()["paths"][template][verb]["responses"]["200"]["content"]["application/json"];
    let examples = content["examples"].as_object().expect("it has examples");
    examples.values().map(|example| serde_json::to_vec(&example["value"]).unwrap()).collect()
}

#[test]
fn every_request_is_one_that_twilio_describes() {
    judge(&api().verify(&number(), "https://calls.example.com/v1/phone/numbers/verify/status"), LIST);
    judge(&api().find(&number()), LIST);
    judge(&api().fetch(&caller_id()), ONE);
    judge(&api().delete(&caller_id()), ONE);
}

#[test]
fn twilio_s_own_examples_are_read() {
    let started: Vec<_> = examples("post", LIST).iter().map(|body| caller_ids::started(200, body)).collect();
    assert!(!started.is_empty() && started.iter().all(Result::is_ok), "{started:?}");
    let listed: Vec<_> = examples("get", LIST).iter().map(|body| caller_ids::listed(200, body).unwrap()).collect();
    assert!(listed.iter().any(Option::is_some) && listed.iter().any(Option::is_none), "{listed:?}");
}
