//! What lies in the store is what docs/storage.md says: somebody else's reader opens all of it, with the secret and the
//! user's keys and nothing else.

use std::collections::BTreeMap;
use std::time::Duration;

use fourwire_engine::vault::Vault;
use fourwire_lab::app::{Delivery, Phone, PhoneOptions};
use fourwire_tests::kept::joined;
use fourwire_tests::playback::{assert_same, marked};
use fourwire_tests::world::SECRET;
use fourwire_tests::{Talk, World, http, personal};
use fourwire_wire::conversation::Conversation;
use fourwire_wire::frame::Channel;
use fourwire_wire::ids::UserId;

const RATE: u32 = 16_000;
const LIMIT: Duration = Duration::from_secs(20);
const USER: &str = "kept";

#[tokio::test]
async fn somebody_elses_reader_opens_every_object_and_finds_the_call_that_was_made() {
    let mut world = World::start().await;
    let mut calls = BTreeMap::new();
    for seed in [41, 42] {
        let options = PhoneOptions { sample_rate: RATE, ..world.phone(USER) };
        let recording = marked(Talk::random(seed.into(), RATE, 7, &[]).recording(), seed);
        for channel in Channel::BOTH {
            personal::protect_sound(recording.audio.get(channel));
        }
        let mut phone = Phone::connect(options).await.expect("let in");
        phone.play(&recording, &Delivery { speed: 2.0, ..Delivery::default() }).await.expect("still there");
        let conversation = phone.hang_up(LIMIT).await.conversation().expect("memory_created").clone();
        calls.insert(conversation.id.to_string(), (conversation, recording));
    }
    let mut kept = world.kill_and_read(USER);
    let others = kept.take_others();
    assert!(kept.keys.keys().eq(calls.keys()), "a key each: {:?}", kept.keys.keys());
    let mut opened = kept.opened(SECRET, USER);
    let owner = Vault::new(SECRET).expect("a secret").index("user", UserId::parse(USER).expect("a user").as_str());

    assert_eq!(others, [format!("users/{owner}")]);
    for (id, (conversation, recording)) in calls {
        let folder = format!("conversations/{owner}/{id}/");
        let document = opened.remove(&format!("{folder}conversation")).expect("the document");
        let document: Conversation = serde_json::from_slice(&document[0]).expect("a conversation");
        assert_eq!(document, conversation);
        let mut chunks = opened.split_off(&folder);
        let others = chunks.split_off(&format!("{folder}b"));
        opened.extend(others);
        assert!(chunks.len() > 1, "{:?}", chunks.keys());
        let stored = joined(chunks.values());
        for channel in Channel::BOTH {
            assert_same(stored.get(channel), recording.audio.get(channel), &format!("channel {}", channel.byte()));
        }
    }
    assert!(opened.is_empty(), "nothing else lies there: {:?}", opened.keys());

    world.crash();
    assert_eq!(http::conversations(world.edge(), &world.token(USER)).await.len(), 2, "and it is all still there");
}
