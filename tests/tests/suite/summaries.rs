//! What is made of a call's text: by Fourwire itself, by a language model, and who is told of it.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fourwire_lab::LabOptions;
use fourwire_lab::app::{Delivery, Phone, PhoneOptions};
use fourwire_lab::model::{Fault, Formats, KEY, ModelOptions, NAME};
use fourwire_tests::workerd::top;
use fourwire_tests::{Talk, World, http};
use fourwire_wire::conversation::Conversation;
use fourwire_wire::query::TimeZone;
use fourwire_wire::structured::SummaryBy;
use serde_json::json;
use tokio::time::sleep;

const RATE: u32 = 16_000;
const LIMIT: Duration = Duration::from_secs(40);
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A world with the lab's language model, and its operator's server.
pub async fn world() -> World {
    world_with(LabOptions::default()).await
}

async fn world_with(options: LabOptions) -> World {
    World::with_urls(options, |variables, lab| {
        variables.insert("SUMMARY_MODEL".to_owned(), NAME.into());
        variables.insert("SUMMARY_URL".to_owned(), lab.model_url().into());
        variables.insert("SUMMARY_API_KEY".to_owned(), KEY.into());
        variables.insert("WEBHOOK_URL".to_owned(), lab.hook_url().into());
        variables.insert("WEBHOOK_SECRET".to_owned(), SECRET.into());
    })
    .await
}

/// A call in which something is said, and what the client is told at its end.
pub async fn call(world: &World, user: &str) -> (PhoneOptions, Conversation) {
    call_in(world, user, None).await
}

/// The same from a time zone.
async fn call_in(world: &World, user: &str, zone: Option<&str>) -> (PhoneOptions, Conversation) {
    let query = zone.map(|zone| ("time_zone".to_owned(), zone.to_owned())).into_iter().collect();
    let options = PhoneOptions { sample_rate: RATE, query, ..world.phone(user) };
    let mut phone = Phone::connect(options.clone()).await.expect("let in");
    phone.play(&Talk::random(91, RATE, 4, &[]).recording(), &Delivery::default()).await.expect("still there");
    let received = phone.hang_up(LIMIT).await;
    (options, received.conversation().expect("memory_created").clone())
}

#[tokio::test]
async fn without_a_model_the_built_in_summary_is_there_and_marked() {
    let world = World::shared().await;
    let (_, conversation) = call(world, "summed-up").await;
    assert_eq!(conversation.summary_by, SummaryBy::Extract);
    let first = conversation.transcript_segments[0].text.expose();
    assert!(
        conversation.structured.overview.expose().to_lowercase().contains(&first.to_lowercase()),
        "what was said is in it"
    );
    assert!(!conversation.structured.title.expose().is_empty());
}

#[tokio::test]
async fn a_language_model_sums_up_and_the_operator_s_server_is_told_of_it_in_a_way_it_can_believe() {
    let world = world().await;
    let (options, conversation) = call(&world, "model-summed-up").await;
    assert_eq!(conversation.summary_by, SummaryBy::Model);
    let asked = world.lab.model().asked();
    let [asked] = asked.as_slice() else { panic!("it is asked once, not {} times", asked.len()) };
    let transcript = asked.message("user");
    for segment in &conversation.transcript_segments {
        assert!(transcript.contains(segment.text.expose()), "everything that was said is summed up");
    }

    let begun = Instant::now();
    while world.lab.hook().messages().is_empty() {
        assert!(begun.elapsed() < LIMIT, "the operator's server is told");
        sleep(Duration::from_millis(100)).await;
    }
    let message = world.lab.hook().messages()[0].clone();
    let told = believe(&message.headers, &message.body).expect("the specification's own library believes it");
    assert_eq!(told["type"], "conversation.finished");
    assert_eq!(told["data"]["user_id"], "model-summed-up");
    let stored = http::only_conversation(world.edge(), &options.token).await;
    let conversation: Conversation =
        serde_json::from_value(told["data"]["conversation"].clone()).expect("a conversation");
    assert_eq!(conversation, stored);
    let forged = message.body.replace("conversation.finished", "conversation.finishes");
    assert_eq!(believe(&message.headers, &forged), None);
}

#[tokio::test]
async fn a_server_without_schemas_is_asked_for_less_and_what_it_takes_is_remembered() {
    let model = ModelOptions { formats: Formats::JsonObject, ..ModelOptions::default() };
    let world = world_with(LabOptions { model, ..LabOptions::default() }).await;
    for user in ["weaker-form", "weaker-form-known"] {
        let (_, conversation) = call(&world, user).await;
        assert_eq!(conversation.summary_by, SummaryBy::Model, "{user}");
    }
    let statuses: Vec<_> = world.lab.model().asked().iter().map(|asked| asked.status).collect();
    assert_eq!(statuses, [Some(400), Some(200), Some(200)], "the second call pays for no refusal");
}

#[tokio::test]
async fn a_model_s_time_is_on_the_clock_of_the_user_s_zone() {
    let world = world().await;
    for (user, zone, due) in [
        ("clock-new-york", "America/New_York", "2099-03-12T19:00:00Z"),
        ("clock-kolkata", "Asia/Kolkata", "2099-03-12T09:30:00Z"),
        ("clock-mars", "Mars/Base", "2099-03-12T15:00:00Z"),
    ] {
        let item = json!({ "description": "You: Call", "due_at": "2099-03-12T15:00" });
        let summary = json!({ "title": "A Call", "overview": "They called.", "action_items": [item], "events": null });
        world.lab.model().arm(1, Fault::Content(format!("<think>{{}}</think>```json\n{summary}\n```")));
        let (_, conversation) = call_in(&world, user, Some(zone)).await;
        assert_eq!(conversation.time_zone.as_ref().map(TimeZone::as_str), Some(zone));
        assert_eq!(conversation.summary_by, SummaryBy::Model, "{zone}");
        let found = conversation.structured.action_items[0].due_at.expect("a time");
        assert_eq!(found.rfc3339(), due, "{zone}");
    }
}

#[tokio::test]
async fn what_a_model_writes_that_is_no_summary_is_not_taken() {
    let world = world().await;
    for fault in [Fault::Garbage, Fault::Truncated, Fault::Refusal, Fault::Content(r#"{"title":""}"#.to_owned())] {
        world.lab.model().arm(1, fault);
        let (_, conversation) = call(&world, "model-talks-nonsense").await;
        assert_eq!(conversation.summary_by, SummaryBy::Extract);
    }
}

/// What the library of the webhook's specification says of a message: its content, if it is to be believed.
fn believe(headers: &hyper::HeaderMap, body: &str) -> Option<serde_json::Value> {
    const JUDGE: &str = r#"
        const { Webhook } = require("standardwebhooks");
        let text = "";
        process.stdin.on("data", (part) => (text += part)).on("end", () => {
          const { secret, headers, body } = JSON.parse(text);
          try {
            process.stdout.write(JSON.stringify(new Webhook(secret).verify(body, headers)));
          } catch {
            process.stdout.write("null");
          }
        });"#;
    let named = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let headers: serde_json::Map<_, _> =
        named.iter().map(|name| ((*name).to_owned(), headers[*name].to_str().expect("text").into())).collect();
    let mut node = Command::new("node")
        .current_dir(top())
        .args(["-e", JUDGE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node is there");
    let order = json!({ "secret": SECRET, "headers": headers, "body": body }).to_string();
    node.stdin.take().expect("a pipe").write_all(order.as_bytes()).expect("it reads");
    let output = node.wait_with_output().expect("it ends");
    let verdict = serde_json::from_slice(&output.stdout).expect("a verdict");
    if verdict == serde_json::Value::Null { None } else { Some(verdict) }
}
