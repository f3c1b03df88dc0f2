//! A client comes back to a call that is finished: nothing is made anew unless it brings audio, and what the user has changed stays.

use std::time::{Duration, Instant};

use fourwire_lab::app::{Delivery, Phone};
use fourwire_lab::model::Fault;
use fourwire_tests::{Talk, http};
use fourwire_wire::conversation::Conversation;
use fourwire_wire::structured::SummaryBy;
use serde_json::json;
use tokio::time::sleep;

use crate::summaries::{call, world};

const LIMIT: Duration = Duration::from_secs(40);

#[tokio::test]
async fn a_finished_call_is_not_undone_by_a_client_that_comes_back() {
    let world = world().await;
    let items = ["Send the plan", "Call back"].map(|what| json!({ "description": what, "due_at": null }));
    let summary = json!({ "title": "A Plan", "overview": "They talked.", "action_items": items, "events": null });
    world.lab.model().arm(2, Fault::Content(summary.to_string()));
    let (options, made) = call(&world, "comes-back-to-it").await;
    assert_eq!((made.summary_by, made.structured.action_items.len()), (SummaryBy::Model, 2));
    let path = format!("/v1/conversations/{}", made.id);
    let changes = json!({ "starred": true, "action_items": [{ "index": 1, "completed": true }] }).to_string();
    let edited = http::patch(world.edge(), &path, &options.token, &changes).await;
    assert_eq!(edited.status, 200);
    let edited: Conversation = serde_json::from_value(edited.body).expect("a conversation");

    for _ in 0..2 {
        let phone = Phone::connect(options.clone()).await.expect("let in again");
        let received = phone.hang_up(LIMIT).await;
        assert_eq!(received.conversation(), Some(&edited), "it is told what there is");
        assert_eq!(http::only_conversation(world.edge(), &options.token).await, edited);
        assert_eq!(http::conversations(world.edge(), &options.token).await, [edited.entry()]);
    }
    assert_eq!(world.lab.model().asked().len(), 1, "the model is not asked again");

    // With more audio there is something new to be told.
    let mut phone = Phone::connect(options.clone()).await.expect("let in again");
    phone.play(&Talk::random(94, 16_000, 4, &[]).recording(), &Delivery::default()).await.expect("still there");
    phone.hang_up(LIMIT).await;
    assert_eq!(world.lab.model().asked().len(), 2);
    let grown = http::only_conversation(world.edge(), &options.token).await;
    assert!(grown.transcript_segments.len() > edited.transcript_segments.len());
    let is_done: Vec<_> = grown.structured.action_items.iter().map(|item| item.completed).collect();
    assert_eq!((is_done, grown.starred, grown.finishes), (vec![false, true], true, 2), "marks stay");

    let begun = Instant::now();
    while world.lab.hook().messages().len() < 2 {
        assert!(begun.elapsed() < LIMIT, "the operator's server is notified of both");
        sleep(Duration::from_millis(100)).await;
    }
    let messages = world.lab.hook().messages();
    let ids: Vec<_> = messages.iter().map(|message| message.headers["webhook-id"].to_str().expect("text")).collect();
    assert_eq!(ids, [format!("{}.1", made.id), format!("{}.2", made.id)], "each once, under its own id");
}
