//! A language model and an operator's server that are down are asked again, while the call is long finished. It takes a minute
//! until then, so this begins early.

use std::time::{Duration, Instant};

use fourwire_lab::model::Fault;
use fourwire_tests::http;
use fourwire_wire::structured::SummaryBy;
use tokio::time::sleep;

use crate::summaries::{call, world};

#[tokio::test]
async fn a_model_and_a_server_that_are_down_are_asked_again_and_the_call_is_finished_meanwhile() {
    let world = world().await;
    world.lab.model().arm(1, Fault::Down(503));
    world.lab.hook().answer([500]);
    let (options, conversation) = call(&world, "model-was-down").await;
    assert_eq!(conversation.summary_by, SummaryBy::Extract, "a client does not wait for a model that is down");

    let begun = Instant::now();
    loop {
        let stored = http::only_conversation(world.edge(), &options.token).await;
        if stored.summary_by == SummaryBy::Model && world.lab.hook().messages().len() == 2 {
            assert_eq!(http::conversations(world.edge(), &options.token).await[0].structured, stored.structured);
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(100), "both are tried again after a minute");
        sleep(Duration::from_secs(1)).await;
    }
    let messages = world.lab.hook().messages();
    assert_eq!(
        messages[0].headers["webhook-id"], messages[1].headers["webhook-id"],
        "it can be told that it is the same"
    );
}
