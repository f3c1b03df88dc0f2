//! What a client did not send costs nothing, however long it is, and what it sends too fast is not taken.

use fourwire_engine::record::{ChunkName, Folder};
use fourwire_engine::vault::Vault;
use fourwire_lab::tones::speak;
use fourwire_tests::raw::Raw;
use fourwire_tests::world::SECRET;
use fourwire_tests::{World, http};
use fourwire_wire::event::{ClientMessage, close};
use fourwire_wire::frame::{Channel, Frame, PerChannel};
use fourwire_wire::ids::{ConversationId, UserId};
use fourwire_wire::units::Samples;
use serde_json::Value;

/// 5 s at 16 kHz.
const MAX_CHUNK: u64 = 80_000;

async fn connect(world: &World, user: &str, call: &str, query: &str) -> Raw {
    let path = format!("/v4/listen?channels=2&sample_rate=16000&call_id={call}{query}");
    Raw::open(world.edge(), &path, Some(&format!("Bearer {}", world.token(user)))).await
}

async fn send(raw: &mut Raw, channel: Channel, samples: &[i16]) {
    let mut frame = Vec::new();
    Frame::write(channel, samples.iter().copied(), &mut frame);
    raw.send_binary(frame).await;
}

/// The conversation that the call became.
async fn end(mut raw: Raw) -> Value {
    raw.send_text(r#"{"type":"end"}"#).await;
    loop {
        let event = raw.next_json().await.expect("the conversation comes first");
        if event["type"] == "memory_created" {
            return event["memory"].clone();
        }
    }
}

#[tokio::test]
async fn a_position_far_ahead_is_stored_as_a_gap_and_played_as_silence() {
    let mut world = World::start().await;
    let user = "gaps-far-ahead";
    let mut raw = connect(&world, user, "9001", "&resume=1").await;
    let before = world.workerd.memory_mb();
    // 89 s and a word on each side.
    let from = Samples::from_millis(89_000);
    let (from, nothing) = (PerChannel { user: from, remote: from }, PerChannel::default());
    raw.send_text(&ClientMessage::audio_from(&from, &nothing)).await;
    for channel in Channel::BOTH {
        send(&mut raw, channel, &speak("harbor", 16_000)).await;
    }
    let conversation = end(raw).await;
    let grown = world.workerd.memory_mb() - before;
    let id = conversation["id"].as_str().expect("an id").to_owned();
    let answer = http::get(world.edge(), &format!("/v1/conversations/{id}/audio?channel=1"), &world.token(user)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let pcm = answer.bytes.get(44..).expect("a WAV file");
    let spoken = speak("harbor", 16_000);
    assert_eq!(pcm.len(), 2 * (89 * 16_000 + spoken.len()));
    let (silence, said) = pcm.split_at(2 * 89 * 16_000);
    assert!(silence.iter().all(|byte| *byte == 0), "89 s of silence");
    assert_eq!(said, spoken.iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<_>>());
    // The whole answer has 2.9 MB; workerd keeps some of what it needed once.
    assert!(grown < 30.0, "the gap took {grown} MB");

    let kept = world.kill_and_read(user);
    let vault = Vault::new(SECRET).expect("a secret");
    let id = ConversationId::parse(&id).expect("an id");
    let folder = Folder::new(&vault, &UserId::parse(user).expect("a user"), id);
    let names = kept.objects.iter().filter(|object| object.name.starts_with(&folder.audio()));
    let spans: Vec<_> = names.map(|object| ChunkName::parse(&folder, &object.name).expect("a chunk").span()).collect();
    assert!(!spans.is_empty());
    for span in spans {
        for channel in Channel::BOTH {
            assert!(span.get(channel).len().get() <= MAX_CHUNK, "{span:?}");
        }
    }
}

#[tokio::test]
async fn who_sends_audio_faster_than_it_can_be_spoken_is_told_and_nobody_waits_for_it() {
    let world = World::shared().await;
    let mut raw = connect(world, "gaps-too-fast", "9002", "").await;
    // 110 s of audio at once; a side may be 100 s ahead.
    let mut second = Vec::new();
    Frame::write(Channel::User, std::iter::repeat_n(0, 16_000), &mut second);
    for _ in 0..110 {
        if !raw.try_send_binary(second.clone()).await {
            break;
        }
    }
    let (_, (code, reason)) = raw.rest().await;
    assert_eq!((code, reason.as_str()), (close::POLICY, "audio comes faster than it can be spoken"));
}
