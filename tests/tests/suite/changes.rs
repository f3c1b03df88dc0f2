//! What a user may change of a conversation, and having its summary made anew.

use std::time::Duration;

use fourwire_lab::app::{Delivery, Phone, PhoneOptions};
use fourwire_lab::recording::Recording;
use fourwire_lab::tones::Script;
use fourwire_tests::http::{self, Answer};
use fourwire_tests::{World, begin};
use fourwire_wire::conversation::Conversation;
use fourwire_wire::structured::SummaryBy;
use hyper::Method;
use serde_json::{Value, json};

const RATE: u32 = 16_000;
const LIMIT: Duration = Duration::from_secs(20);

#[tokio::test]
async fn title_name_and_star_are_changed_and_what_is_not_named_stays() {
    let world = World::shared().await;
    let token = world.token("changer");
    let (made, path) = call(world, "changer").await;
    let change = async |changes: Value| {
        let answer = http::patch(world.edge(), &path, &token, &changes.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        conversation(answer)
    };
    let mut expected = made.clone();
    expected.structured.title = "Friday's plan".to_owned().into();
    expected.title_given = true;
    assert_eq!(change(json!({ "title": "  Friday's plan\n" })).await, expected);
    expected.contact_name = Some("Ann & Örn".to_owned().into());
    expected.starred = true;
    assert_eq!(change(json!({ "contact_name": "Ann & Örn", "starred": true })).await, expected);
    assert_eq!(change(json!({})).await, expected, "nothing");
    assert_eq!(conversation(http::get(world.edge(), &path, &token).await), expected, "and it is kept");
    assert_eq!(http::conversations(world.edge(), &token).await, [expected.entry()], "in the list too");
    let text = http::get(world.edge(), &format!("{path}/transcript?format=txt"), &token).await.text;
    assert_eq!(text, "[00:00] You: harbor\n[00:01] Ann & Örn: magnet\n");
    let subtitles = http::get(world.edge(), &format!("{path}/transcript?format=vtt"), &token).await.text;
    assert!(subtitles.contains("<v Ann &amp; Örn>magnet\n"), "{subtitles}");
    expected.contact_name = None;
    expected.starred = false;
    assert_eq!(change(json!({ "contact_name": null, "starred": false })).await, expected);
}

#[tokio::test]
async fn what_cannot_be_changed_so_is_refused_and_nothing_is_changed() {
    let world = World::shared().await;
    let token = world.token("mistaken");
    let (made, path) = call(world, "mistaken").await;
    let long = |length: usize| "ö".repeat(length);
    let bodies = [
        json!({ "title": "" }).to_string(),
        json!({ "title": " \n" }).to_string(),
        json!({ "title": long(201), "starred": true }).to_string(),
        json!({ "contact_name": long(101), "starred": true }).to_string(),
        json!({ "contact_name": "" }).to_string(),
        json!({ "starred": "true" }).to_string(),
        json!({ "starred": true, "status": "in_progress" }).to_string(),
        json!({ "title": "New", "action_items": [{ "index": 1_000, "completed": true }] }).to_string(),
        json!({ "action_items": [{ "index": -1, "completed": true }] }).to_string(),
        json!({ "action_items": [{ "index": 0 }] }).to_string(),
        "[]".to_owned(),
        "{\"title\":".to_owned(),
        String::new(),
        json!({ "title": "New", "x": long(20_000) }).to_string(),
    ];
    for body in &bodies {
        let answer = http::patch(world.edge(), &path, &token, body).await;
        assert_eq!(
            (answer.status, answer.code()),
            (422, "body_invalid"),
            "{}",
            body.chars().take(80).collect::<String>()
        );
    }
    assert_eq!(conversation(http::get(world.edge(), &path, &token).await), made);
    let longest = json!({ "title": long(200), "contact_name": long(100) }).to_string();
    assert_eq!(http::patch(world.edge(), &path, &token, &longest).await.status, 200);
}

#[tokio::test]
async fn two_changes_at_once_are_both_made() {
    let world = World::shared().await;
    let token = world.token("two-hands");
    let (_, path) = call(world, "two-hands").await;
    for round in 0..5 {
        let title = json!({ "title": format!("Title {round}") }).to_string();
        let name = json!({ "contact_name": format!("Name {round}") }).to_string();
        let change = |body| http::patch(world.edge(), &path, &token, body);
        let (one, two) = tokio::join!(change(&title), change(&name));
        assert_eq!((one.status, two.status), (200, 200));
        let is = conversation(http::get(world.edge(), &path, &token).await);
        assert_eq!(is.structured.title.expose(), &format!("Title {round}"));
        assert_eq!(is.contact_name.as_ref().map(|name| name.expose().as_str()), Some(&*format!("Name {round}")));
        assert_eq!(http::conversations(world.edge(), &token).await, [is.entry()], "the list says the same");
    }
}

#[tokio::test]
async fn a_summary_made_anew_keeps_the_users_title_and_replaces_its_own() {
    let world = World::shared().await;
    let token = world.token("anew");
    let (made, path) = call(world, "anew").await;
    assert_eq!(made.summary_by, SummaryBy::Extract);
    assert!(made.structured.overview.expose().contains("harbor"), "what was said is in the overview");
    let reprocess = async || {
        let answer = http::send(Method::POST, world.edge(), &format!("{path}/reprocess"), Some(&token)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        conversation(answer)
    };
    assert_eq!(reprocess().await, made, "the same text makes the same summary");
    let name = json!({ "title": "Mine", "contact_name": "Ann" }).to_string();
    assert_eq!(http::patch(world.edge(), &path, &token, &name).await.status, 200);
    let anew = reprocess().await;
    assert_eq!(anew.structured.title.expose(), "Mine");
    assert!(anew.structured.overview.expose().contains("Ann"), "by name: {:?}", anew.structured.overview.expose());
    assert_eq!(anew.transcript_segments, made.transcript_segments);
    assert_eq!(conversation(http::get(world.edge(), &path, &token).await), anew);
    assert_eq!(http::conversations(world.edge(), &token).await, [anew.entry()]);
}

#[tokio::test]
async fn a_running_call_and_somebody_elses_conversation_are_not_touched() {
    let world = World::shared().await;
    let options = phone(world, "busy-caller");
    let stranger = world.token("meddler");
    let mut phone = Phone::connect(options.clone()).await.expect("let in");
    begin(world.edge(), &options.token, &mut phone).await;
    let before = http::only_conversation(world.edge(), &options.token).await;
    let path = format!("/v1/conversations/{}", before.id);
    let change = async |token: &str| {
        let change = http::patch(world.edge(), &path, token, r#"{"starred":true}"#).await;
        let reprocess = http::send(Method::POST, world.edge(), &format!("{path}/reprocess"), Some(token)).await;
        [change, reprocess].map(|answer| (answer.status, answer.code().to_owned()))
    };
    let attempts = async |token: &str| {
        let delete = http::send(Method::DELETE, world.edge(), &path, Some(token)).await;
        let [change, reprocess] = change(token).await;
        [change, reprocess, (delete.status, delete.code().to_owned())]
    };
    assert_eq!(change(&options.token).await, [(); 2].map(|()| (409, "call_running".to_owned())));
    assert_eq!(attempts(&stranger).await, [(); 3].map(|()| (404, "conversation_not_found".to_owned())));
    assert_eq!(http::only_conversation(world.edge(), &options.token).await, before);
    let received = phone.hang_up(LIMIT).await;
    assert_eq!(attempts(&stranger).await, [(); 3].map(|()| (404, "conversation_not_found".to_owned())));
    let after = http::only_conversation(world.edge(), &options.token).await;
    assert_eq!(received.conversation(), Some(&after));
}

fn phone(world: &World, user: &str) -> PhoneOptions {
    PhoneOptions { sample_rate: RATE, ..world.phone(user) }
}

/// A call of two words; the conversation and its path.
async fn call(world: &World, user: &str) -> (Conversation, String) {
    let mut phone = Phone::connect(phone(world, user)).await.expect("let in");
    let user = Script::new(RATE).word(0, "harbor").samples(2_000);
    let remote = Script::new(RATE).word(1_000, "magnet").samples(2_000);
    phone.play(&Recording::new(RATE, user, remote), &Delivery::default()).await.expect("still there");
    let conversation = phone.hang_up(LIMIT).await.conversation().expect("memory_created").clone();
    let path = format!("/v1/conversations/{}", conversation.id);
    (conversation, path)
}

fn conversation(answer: Answer) -> Conversation {
    serde_json::from_value(answer.body).expect("a conversation")
}
