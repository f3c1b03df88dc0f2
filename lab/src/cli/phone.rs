//! `fourwire-lab phone`: verifies a telephone number at an edge, then dials another, as the web dialer and Twilio would.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use fourwire_lab::app::sign_in;
use fourwire_lab::http::{Answer, send_json};
use fourwire_lab::twilio::{Twiml, Verb};
use hyper::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::digits::big;

/// How often the edge is asked whether the number is verified, as the app does.
const CHECK_EVERY: Duration = Duration::from_secs(2);

/// What `phone` is told.
#[derive(clap::Args)]
pub struct Options {
    /// The number to verify. What happens when it is rung is decided by its last four digits: 0001 another code is typed,
    /// 0002 no answer, 0003 the result is not reported, 0004 answered after minutes, 0005 busy
    #[arg(default_value = "+12025550123")]
    number: String,
    /// The number to dial; here 0002 does not answer, 0005 is busy, and 0006 cannot be reached
    #[arg(long, default_value = "+12025550199")]
    to: String,
    /// How long they talk, in seconds
    #[arg(long, default_value_t = 3)]
    talk: u64,
    /// The edge
    #[arg(long, default_value = "http://127.0.0.1:8787")]
    edge: String,
    /// The lab that signs in and plays the telephone company
    #[arg(long, default_value = "http://127.0.0.1:4010")]
    lab: String,
    /// Who calls
    #[arg(long, default_value = "developer")]
    user: String,
}

/// Verifies, dials, and shows both.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let token = sign_in(&options.lab, &options.user).await?;
    let edge = Edge { origin: options.edge.trim_end_matches('/').to_owned(), token };
    verify(&edge, &options.number).await?;
    show_numbers(&edge.good(Method::GET, "/v1/phone/numbers", None).await?);
    dial(&edge, options.lab.trim_end_matches('/'), &options.to, options.talk).await?;
    show_calls(&edge.good(Method::GET, "/v1/phone/calls", None).await?);
    Ok(())
}

/// An edge, and who asks it.
struct Edge {
    origin: String,
    token: String,
}

impl Edge {
    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Answer> {
        Ok(send_json(method, &format!("{}{path}", self.origin), Some(&self.token), body).await?)
    }

    async fn good(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        good(&self.ask(method, path, body).await?)
    }
}

/// The answer's body, where it is no error.
fn good(answer: &Answer) -> anyhow::Result<Value> {
    let body = answer.json();
    if (200..300).contains(&answer.status) {
        return Ok(body);
    }
    match &body["detail"] {
        Value::Null => bail!("the edge answered {}", answer.status),
        Value::String(detail) => bail!("{detail} ({})", answer.status),
        other => bail!("{other} ({})", answer.status),
    }
}

async fn verify(edge: &Edge, number: &str) -> anyhow::Result<()> {
    let whose = json!({ "phone_number": number });
    let answer = edge.ask(Method::POST, "/v1/phone/numbers/verify", Some(&whose)).await?;
    if answer.status == 409 && answer.json()["code"] == "already_verified" {
        println!("{number} is verified already.");
        return Ok(());
    }
    let started = good(&answer)?;
    let code = started["validation_code"].as_str().context("the edge gave no code")?;
    println!("{number} is to be verified. The code:\n\n{}", big(code));
    println!("The telephone rings. Whoever answers types {code} on its keys: here the lab does.");
    loop {
        sleep(CHECK_EVERY).await;
        let checked = edge.good(Method::POST, "/v1/phone/numbers/verify/check", Some(&whose)).await?;
        let status = checked["status"].as_str().unwrap_or_default();
        if checked["verified"] == true {
            println!("  verified\n");
            return Ok(());
        }
        match failure(status) {
            Some(sentence) => bail!("{number} is not verified: {sentence}"),
            None => println!("  {status}"),
        }
    }
}

/// Why a verification came to nothing; none while it may still succeed.
fn failure(status: &str) -> Option<&'static str> {
    match status {
        "wrong_code" => Some("another code was typed"),
        "no_answer" => Some("nobody answered"),
        "expired" => Some("it took too long"),
        "none" => Some("the edge knows of no verification"),
        _ => None,
    }
}

fn show_numbers(list: &Value) {
    println!("Verified numbers:");
    for number in list["numbers"].as_array().into_iter().flatten() {
        let primary = if number["is_primary"] == true { "  (primary)" } else { "" };
        println!("  {}{primary}", text(&number["phone_number"]));
    }
    println!();
}

async fn dial(edge: &Edge, lab: &str, to: &str, talk: u64) -> anyhow::Result<()> {
    let granted = edge.good(Method::POST, "/v1/phone/token", None).await?;
    println!("{} dials {to} with a token that is good for {} s.", text(&granted["identity"]), granted["ttl"]);
    let call = json!({
        "webhook_url": format!("{}/v1/phone/twiml", edge.origin),
        "access_token": granted["access_token"],
        "to": to,
        "params": { "CallId": call_id() },
    });
    let answer = send_json(Method::POST, &format!("{lab}/twilio/lab/place-call"), None, Some(&call)).await?;
    let placed = answer.json();
    if answer.status != 200 {
        bail!("{}", placed["message"].as_str().unwrap_or("the lab did not place the call"));
    }
    print!("Twilio asked the edge what to do, which said:\n{}", outline_of(&placed));
    for problem in placed["problems"].as_array().into_iter().flatten() {
        println!("  {} {}", problem["code"], text(&problem["message"]));
    }
    let dialled = placed["dialled"].as_array().map(Vec::as_slice).unwrap_or_default();
    if dialled.is_empty() {
        println!("Nothing was dialled.\n");
        return Ok(());
    }
    for leg in dialled {
        println!("Dialled {}, who sees {}.", text(&leg["number"]), text(&leg["caller_id"]));
    }

    let play = json!({ "call_sid": placed["call_sid"], "talk_seconds": talk });
    let told = send_json(Method::POST, &format!("{lab}/twilio/lab/play-call"), None, Some(&play)).await?.json();
    println!("The edge was told:");
    for event in told["told"].as_array().into_iter().flatten() {
        let duration = event["duration"].as_str().map(|seconds| format!(" after {seconds} s")).unwrap_or_default();
        let answer = event["error"].as_str().map_or_else(|| event["status"].to_string(), str::to_owned);
        println!("  {}{duration}: answered {answer}", text(&event["call_status"]));
    }
    println!();
    Ok(())
}

/// What the edge told Twilio to do: a verb a line; as it came where it is no good answer.
fn outline_of(placed: &Value) -> String {
    let body = text(&placed["body"]);
    match Twiml::read(placed["content_type"].as_str(), body.as_bytes()) {
        Ok(twiml) => outline(&twiml.verbs, 1),
        Err(_) => format!("  {body}\n"),
    }
}

fn outline(verbs: &[Verb], depth: usize) -> String {
    let line = |verb: &Verb| {
        let mut words = vec![verb.name.clone()];
        words.extend((!verb.text().is_empty()).then(|| format!("{:?}", verb.text())));
        words.extend(verb.attributes().map(|(name, value)| format!("{name}={value}")));
        let indent = "  ".repeat(depth);
        format!("{indent}{}\n{}", words.join(" "), outline(&verb.children, depth + 1))
    };
    verbs.iter().map(line).collect()
}

fn show_calls(list: &Value) {
    println!("Calls:");
    for call in list["calls"].as_array().into_iter().flatten() {
        let outcome = call["outcome"].as_str().unwrap_or("not over");
        let duration = call["duration"].as_u64().map(|seconds| format!(", {seconds} s")).unwrap_or_default();
        println!("  {} to {}: {outcome}{duration}", text(&call["requested_at"]), text(&call["callee"]));
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

/// A name for the call, as the app makes it: milliseconds since 1970.
fn call_id() -> String {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_shown_a_verb_a_line() {
        let body = r#"<Response><Say>Hello</Say><Dial callerId="+12025550123"><Number>+12025550199</Number></Dial></Response>"#;
        let shown = outline_of(&json!({ "content_type": "text/xml", "body": body }));
        assert_eq!(shown, "  Say \"Hello\"\n  Dial callerId=+12025550123\n    Number \"+12025550199\"\n");
        assert_eq!(outline_of(&json!({ "content_type": "text/html", "body": "<p>" })), "  <p>\n");
    }

    #[test]
    fn an_edges_error_is_shown_by_its_detail() {
        let answer =
            |status, body: &str| Answer { status, headers: hyper::HeaderMap::default(), body: body.to_owned().into() };
        let refused = good(&answer(429, r#"{"detail":"Too many requests","code":"rate_limited"}"#)).unwrap_err();
        assert_eq!(refused.to_string(), "Too many requests (429)");
        assert_eq!(good(&answer(502, "<html>")).unwrap_err().to_string(), "the edge answered 502");
        assert_eq!(good(&answer(200, r#"{"a":1}"#)).unwrap(), json!({ "a": 1 }));
    }
}
