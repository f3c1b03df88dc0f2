//! Who may read which conversation, while the call runs and afterwards.

use std::time::Duration;

use fourwire_lab::app::{Delivery, Phone, text};
use fourwire_lab::recording::Recording;
use fourwire_lab::tones::Script;
use fourwire_tests::{World, http};
use fourwire_wire::conversation::{Conversation, ConversationStatus};
use fourwire_wire::frame::Channel;

#[tokio::test]
async fn a_conversation_is_read_by_its_user_while_it_runs_and_after_and_by_nobody_else() {
    let world = World::shared().await;
    let options = world.phone("reader");
    let (token, stranger) = (options.token.clone(), world.token("stranger"));
    let user = Script::new(48_000).word(200, "magnet").samples(2_500);
    let mut phone = Phone::connect(options).await.expect("let in");
    phone.play(&Recording::new(48_000, user, vec![]), &Delivery::default()).await.expect("still there");

    let running = http::only_conversation(world.edge(), &token).await;
    assert_eq!((running.status, running.finished_at), (ConversationStatus::InProgress, None));
    assert_eq!(text(&running.transcript_segments, Channel::User), "magnet");
    let path = format!("/v1/conversations/{}", running.id);
    let of_stranger = async || {
        let answer = http::get(world.edge(), &path, &stranger).await;
        (answer.status, answer.code().to_owned())
    };
    let not_found = (404, "conversation_not_found".to_owned());
    assert_eq!(of_stranger().await, not_found, "while it runs");

    let received = phone.hang_up(Duration::from_secs(20)).await;
    assert_eq!(of_stranger().await, not_found, "after it was stored");
    assert_eq!(http::conversations(world.edge(), &stranger).await, []);
    let answer = http::get(world.edge(), &path, &token).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    let stored: Conversation = serde_json::from_value(answer.body).expect("a conversation");
    assert_eq!(Some(&stored), received.conversation());
    assert_eq!(http::conversations(world.edge(), &token).await, [stored.entry()]);
}

#[tokio::test]
async fn the_list_is_newest_first_and_has_no_transcripts() {
    let world = World::shared().await;
    let token = world.token("lister");
    for _ in 0..3 {
        let mut phone = Phone::connect(world.phone("lister")).await.expect("let in");
        let user = Script::new(48_000).word(0, "saddle").samples(500);
        phone.play(&Recording::new(48_000, user, vec![]), &Delivery::default()).await.expect("still there");
        phone.hang_up(Duration::from_secs(20)).await;
    }
    let answer = http::get(world.edge(), "/v1/conversations", &token).await;
    assert!(!answer.text.contains("transcript_segments") && !answer.text.contains("SPEAKER_"));
    let list = http::conversations(world.edge(), &token).await;
    assert_eq!(list.len(), 3);
    assert!(list.is_sorted_by(|a, b| a.created_at >= b.created_at));
}

#[tokio::test]
async fn an_id_that_nobody_has_or_that_is_none_is_not_found() {
    let world = World::shared().await;
    let token = world.token("searcher");
    for id in ["00000000-0000-4000-8000-000000000000", "not-an-id", "..%2f..", "%00"] {
        let answer = http::get(world.edge(), &format!("/v1/conversations/{id}"), &token).await;
        assert_eq!((answer.status, answer.code()), (404, "conversation_not_found"), "{id}");
    }
}

#[tokio::test]
async fn a_call_in_which_nothing_was_said_is_kept_and_marked() {
    let world = World::shared().await;
    let options = world.phone("silent");
    let phone = Phone::connect(options.clone()).await.expect("let in");
    let received = phone.hang_up(Duration::from_secs(20)).await;
    let conversation = received.conversation().expect("memory_created");
    assert!(conversation.discarded && conversation.started_at.is_none());
    assert_eq!(http::only_conversation(world.edge(), &options.token).await, *conversation);
}
