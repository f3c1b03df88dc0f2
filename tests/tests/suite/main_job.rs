//! Both sides of a call go in, captions with the right speaker come out live, one conversation is stored.

use std::time::Duration;

use fourwire_lab::app::{Delivery, Phone};
use fourwire_lab::recording::Recording;
use fourwire_lab::tones::Script;
use fourwire_tests::{World, http};
use fourwire_wire::conversation::Conversation;
use fourwire_wire::frame::Channel;

#[tokio::test]
async fn both_sides_are_captioned_apart_and_the_conversation_is_stored() {
    let world = World::shared().await;
    let options = world.phone("main-job");
    let token = options.token.clone();
    let user = Script::new(48_000).word(500, "harbor").word(900, "lantern").samples(4_000);
    let remote = Script::new(48_000).word(2_000, "harbor").samples(4_000);
    let mut phone = Phone::connect(options).await.expect("let in");
    phone.play(&Recording::new(48_000, user, remote), &Delivery::default()).await.expect("still there");
    let received = phone.hang_up(Duration::from_secs(20)).await;

    assert_eq!(received.text(Channel::User), "harbor lantern");
    assert_eq!(received.text(Channel::Remote), "harbor");
    assert_eq!(received.close_code(), Some(1000), "{:?}", world.workerd.log());
    let conversation = received.conversation().expect("memory_created");
    assert_eq!(conversation.audio.iter().map(|audio| audio.samples.get()).collect::<Vec<_>>(), [64_000, 64_000]);
    let stored = http::get(world.edge(), &format!("/v1/conversations/{}", conversation.id), &token).await;
    let stored: Conversation = serde_json::from_value(stored.body).expect("a conversation");
    assert_eq!(stored, *conversation, "what was announced is what is kept");
}
