//! The archive refuses, or does not say whether it took something: no sample is lost or stored twice, the client is told,
//! and it stays one conversation.

use std::time::Duration;

use fourwire_engine::record::{ChunkName, ChunkSpan, Folder, Span};
use fourwire_engine::vault::Vault;
use fourwire_lab::app::{Delivery, Phone, PhoneOptions, Received};
use fourwire_lab::recording::Recording;
use fourwire_tests::kept::Kept;
use fourwire_tests::playback::{assert_same, find, marked, sides};
use fourwire_tests::world::SECRET;
use fourwire_tests::{Talk, World, http, personal, takes_its_time};
use fourwire_wire::conversation::Conversation;
use fourwire_wire::event::{ServerEvent, ServiceStatus, Status};
use fourwire_wire::frame::{Channel, PerChannel};
use fourwire_wire::ids::UserId;
use fourwire_wire::units::Samples;
use tokio::time::sleep;

const RATE: u32 = 16_000;
/// A chunk, in samples: five seconds, without what the network or a busy machine held up.
const WAITED: u64 = 72_000;
/// Longer than the archive refuses in any of these, and the wait before the next try.
fn limit() -> Duration {
    Duration::from_secs(if takes_its_time() { 170 } else { 70 })
}

/// A call in which something goes wrong with the archive.
struct Trouble {
    user: &'static str,
    /// What is said before it begins.
    before: Recording,
    /// What the Worker is asked to do wrong.
    fault: &'static str,
    /// What is said from then on. Then the call is ended.
    after: Recording,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_that_refuses_or_is_not_sure_costs_nothing_and_the_client_is_told() {
    let mut world = World::start().await;
    let mut troubles = vec![
        // The first chunk is refused and soon taken.
        Trouble::new("refused-1s", 4, r#"{"type":"inject","fault":"archive","refuse_ms":1500}"#, 6),
        // The call is over long before anything is taken.
        Trouble::new("refused-30s", 2, r#"{"type":"inject","fault":"archive","refuse_ms":30000}"#, 11),
        // Everything is taken at once, and the conversation too, and nothing is known of it.
        Trouble::new("unsure", 1, r#"{"type":"inject","fault":"archive","unsure_ms":9000}"#, 7),
    ];
    if takes_its_time() {
        troubles.push(Trouble::new("refused-2m", 3, r#"{"type":"inject","fault":"archive","refuse_ms":120000}"#, 12));
    }
    let calls = futures_util::future::join_all(troubles.iter().map(|trouble| trouble.call(&world))).await;
    for (Trouble { user, before, after, .. }, received) in troubles.iter().zip(&calls) {
        assert_eq!(received.close_code(), Some(1000), "{user}");
        let told: Vec<_> = received.statuses().filter(|status| is_of_recording(status)).collect();
        let [delayed, restored] = told[..] else { panic!("{user}: {told:?}") };
        assert_eq!((delayed.status, restored.status), (Status::RecordingDelayed, Status::RecordingRestored), "{user}");
        assert_eq!((delayed.channel, delayed.retryable, delayed.retry_after), (None, Some(true), Some(1.0)), "{user}");
        assert_eq!((restored.retryable, restored.retry_after), (None, None), "{user}");
        let created = received.events().filter(|event| matches!(event, ServerEvent::MemoryCreated { .. }));
        assert_eq!(created.count(), 1, "{user}");

        let token = world.token(user);
        let conversation = http::only_conversation(world.edge(), &token).await;
        assert_eq!(received.conversation(), Some(&conversation), "{user}");
        let heard = sides(world.edge(), &token, conversation.id).await;
        for channel in Channel::BOTH {
            let sent = [before, after].map(|part| part.audio.get(channel).as_slice()).concat();
            assert_same(heard.get(channel), &sent, &format!("{user}, channel {}", channel.byte()));
        }
    }
    let kept = world.kill_and_read(troubles[0].user);
    for (Trouble { user, .. }, received) in troubles.iter().zip(&calls) {
        assert_chunks_join(&kept, user, received.conversation().expect("memory_created"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_dies_while_the_archive_refuses_loses_no_chunk_that_waited() {
    let mut world = World::start().await;
    let refuses = r#"{"type":"inject","fault":"archive","refuse_ms":600000}"#;
    // One has a chunk that waits and the other two, when the machine dies in the middle of both.
    let troubles = [(Trouble::new("died-early", 1, refuses, 6), 1), (Trouble::new("died-late", 1, refuses, 11), 2)];
    let here = &world;
    let calls = troubles.iter().map(|(trouble, chunks)| async move {
        sleep(Duration::from_secs(5 * (2 - chunks))).await;
        let options = trouble.options(here);
        (trouble.talk(options.clone()).await, options)
    });
    let calls = futures_util::future::join_all(calls).await;
    for (phone, _) in &calls {
        assert!(phone.received().statuses().any(|status| status.status == Status::RecordingDelayed));
    }
    world.crash();
    let rest = marked(Talk::random(9, RATE, 2, &[]).recording(), 9);
    let mut conversations = Vec::new();
    for ((trouble, chunks), (_, mut options)) in troubles.iter().zip(calls) {
        world.edge().clone_into(&mut options.edge);
        let mut phone = Phone::connect(options.clone()).await.expect("let in again");
        phone.play(&rest, &Delivery::default()).await.expect("still there");
        let received = phone.hang_up(limit()).await;
        let conversation = http::only_conversation(world.edge(), &options.token).await;
        assert_eq!(received.conversation(), Some(&conversation));
        let heard = sides(world.edge(), &options.token, conversation.id).await;
        for channel in Channel::BOTH {
            let said = [&trouble.before, &trouble.after].map(|part| part.audio.get(channel).as_slice()).concat();
            let heard = heard.get(channel);
            let same = heard.iter().zip(&said).take_while(|(heard, said)| heard == said).count();
            assert!(same as u64 >= chunks * WAITED, "{}: {same} samples of what had waited", trouble.user);
            let at = find(&heard[same..], rest.audio.get(channel)).expect("what it said when it was back");
            assert_eq!(same + at + rest.audio.get(channel).len(), heard.len(), "{}", trouble.user);
        }
        conversations.push(conversation);
    }
    let kept = world.kill_and_read("died-early");
    for ((Trouble { user, .. }, _), conversation) in troubles.iter().zip(&conversations) {
        let spans = chunks(&kept, user, conversation);
        for channel in Channel::BOTH {
            let ends = spans.iter().map(|span| span.get(channel).end);
            let overlaps = spans[1..].iter().zip(ends).any(|(next, end)| next.get(channel).start < end);
            assert!(!overlaps, "{user}: what lies there twice: {spans:?}");
        }
        for audio in &conversation.audio {
            assert!(audio.stored <= audio.samples, "{user}: {audio:?}");
        }
    }
}

impl Trouble {
    fn new(user: &'static str, before: u32, fault: &'static str, after: u32) -> Self {
        let part = |seconds: u32| {
            let part = marked(Talk::random(seconds.into(), RATE, seconds, &[]).recording(), seconds);
            for channel in Channel::BOTH {
                personal::protect_sound(part.audio.get(channel));
            }
            part
        };
        Self { user, before: part(before), fault, after: part(after) }
    }

    fn options(&self, world: &World) -> PhoneOptions {
        PhoneOptions { sample_rate: RATE, ..world.phone(self.user) }
    }

    async fn call(&self, world: &World) -> Received {
        self.talk(self.options(world)).await.hang_up(limit()).await
    }

    /// The call until just before its end.
    async fn talk(&self, options: PhoneOptions) -> Phone {
        let mut phone = Phone::connect(options).await.expect("let in");
        phone.play(&self.before, &Delivery::default()).await.expect("still there");
        phone.send_text(self.fault).await.expect("still there");
        phone.play(&self.after, &Delivery::default()).await.expect("still there");
        phone
    }
}

fn is_of_recording(status: &ServiceStatus) -> bool {
    matches!(status.status, Status::RecordingDelayed | Status::RecordingRestored | Status::RecordingGap)
}

/// Asserts that each side's chunks begin at the call's start, end at its end, and join in between: nothing lies there twice.
fn assert_chunks_join(kept: &Kept, user: &str, conversation: &Conversation) {
    let spans = chunks(kept, user, conversation);
    let mut ends = PerChannel::<Samples>::default();
    for span in &spans {
        for channel in Channel::BOTH {
            let Span { start, end } = *span.get(channel);
            assert_eq!(start, *ends.get(channel), "{user}: {spans:?}");
            *ends.get_mut(channel) = end;
        }
    }
    let lengths: Vec<_> = conversation.audio.iter().map(|audio| (audio.samples, audio.stored)).collect();
    assert_eq!(lengths, [(ends.user, ends.user), (ends.remote, ends.remote)], "{user}");
}

/// The chunks of a conversation that lie in the store, by time: more than one.
fn chunks(kept: &Kept, user: &str, conversation: &Conversation) -> Vec<ChunkSpan> {
    let vault = Vault::new(SECRET).expect("a secret");
    let folder = Folder::new(&vault, &UserId::parse(user).expect("a user"), conversation.id);
    let audio = folder.audio();
    let names = kept.objects.iter().map(|object| object.name.as_str()).filter(|name| name.starts_with(&audio));
    let spans: Vec<_> = names.map(|name| ChunkName::parse(&folder, name).expect("a chunk").span()).collect();
    assert!(spans.len() > 1, "{user}: {spans:?}");
    spans
}
