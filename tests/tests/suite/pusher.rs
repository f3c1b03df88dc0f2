//! An operator's program hears a call while it runs, as the mix that is played back later, and reads its captions. Whatever
//! it does, the call is none the worse.

use std::time::{Duration, Instant};

use fourwire_lab::LabOptions;
use fourwire_lab::app::{Delivery, Mute, Phone, PhoneOptions, Received};
use fourwire_lab::pusher::frame::Frame;
use fourwire_lab::pusher::{ConnectionReport, Fault, KEY};
use fourwire_tests::playback::{assert_same, marked, mono};
use fourwire_tests::{Spoken, Talk, World, assert_words_land, http};
use fourwire_wire::conversation::Conversation;
use fourwire_wire::frame::Channel;
use fourwire_wire::units::{SAMPLES_PER_SECOND, UnixMillis};
use futures_util::future::join_all;
use serde_json::json;
use tokio::time::sleep;

const RATE: u32 = 16_000;
const LIMIT: Duration = Duration::from_secs(20);
/// Longest time from the end of a call to its conversation: what it takes without a pusher, and two seconds for one.
const SOON: Duration = Duration::from_secs(7);

#[tokio::test]
async fn a_pusher_hears_both_sides_as_one_reads_every_word_and_is_told_of_the_end() {
    let world = world(&[]).await;
    let options = world.phone("pushed");
    let mutes = [Mute { channel: Channel::User, from: Duration::from_secs(5), until: Duration::from_secs(11) }];
    let talk = Talk::random(201, options.sample_rate, 23, &mutes);
    let delivery = Delivery { mutes: mutes.to_vec(), ..Delivery::default() };
    let mut phone = Phone::connect(options.clone()).await.expect("let in");
    phone.play(&marked(talk.recording(), 201), &delivery).await.expect("still there");
    let received = phone.hang_up(LIMIT).await;
    let conversation = received.conversation().expect("memory_created").clone();

    let [connection] = &ended(&world, 1).await[..] else { panic!("one connection") };
    let query = connection.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>();
    assert_eq!(query, [("uid", "pushed"), ("sample_rate", "16000")]);
    assert_eq!(connection.frames.first(), Some(&Frame::Conversation(conversation.id)));
    let process = Frame::Process { conversation_id: conversation.id, language: "en".to_owned() };
    assert_eq!((connection.frames.last(), connection.closed_by_client), (Some(&process), Some(1000)));
    assert_eq!(connection.frames.iter().filter(|frame| **frame == Frame::Heartbeat).count(), 1);

    let heard = heard(std::slice::from_ref(connection), began(&conversation));
    let mix = mono(world.edge(), &options.token, conversation.id, "mix").await;
    assert_eq!(heard.first().map(|(at, _)| *at), Some(0));
    assert_same(&joined(&heard), &mix, "what the pusher heard");
    assert_reads(std::slice::from_ref(connection), &conversation);
    assert_words_land(&conversation.transcript_segments, &talk.said_unmuted(&mutes));
    let processed = world.logged_times("pusher_has_processed", 1).await;
    assert!(processed.iter().any(|line| line["conversation"] == json!(conversation.id)), "{processed:?}");
}

#[tokio::test]
async fn without_a_pusher_nobody_is_called() {
    let world = World::shared().await;
    let (received, _) = call(world, "unheard", 3).await;
    assert_eq!(received.close_code(), Some(1000));
    assert!(world.lab.pusher().connections().is_empty());
}

#[tokio::test]
async fn a_pusher_that_is_away_refuses_or_never_answers_costs_the_call_nothing() {
    let away = async || {
        // Nobody listens on that port.
        World::with(LabOptions::default(), |variables| {
            variables.insert("PUSHER_URL".to_owned(), "ws://127.0.0.1:9".into());
        })
        .await
    };
    let worlds = [away().await, world(&[(99, Fault::Refuse(503))]).await, world(&[(99, Fault::Hang)]).await];
    join_all(worlds.iter().map(async |world| {
        let (received, conversation) = call(world, "unheard", 10).await;
        let live = |received: &Received| received.statuses().all(|status| status.reason.is_none());
        assert!(live(&received), "{:?}", received.statuses().collect::<Vec<_>>());
        assert_eq!(conversation.transcript_segments.len(), received.segments.len());
    }))
    .await;
    assert!(worlds[1].lab.pusher().connections().len() >= 4, "it is tried again, ever more seldom");
}

#[tokio::test]
async fn a_pusher_that_closes_or_breaks_off_is_connected_anew_and_hears_on() {
    let faults = [
        (1, Fault::Close { after: 4, code: 1013 }),
        (1, Fault::Drop { after: 4 }),
        (1, Fault::Close { after: 1, code: 1000 }),
    ];
    let world = world(&faults).await;
    let (_, conversation) = call(&world, "interrupted", 16).await;
    let connections = ended(&world, 4).await;
    let heard = heard(&connections, began(&conversation));
    assert!(heard.is_sorted_by(|(at, samples), (next, _)| at + samples.len() <= *next), "nothing comes twice");
    let missing: usize = gaps(&heard).iter().map(|(_, length)| length).sum();
    assert!(missing <= 6 * RATE as usize, "{:?}", gaps(&heard));
    let mix = mono(world.edge(), &world.token("interrupted"), conversation.id, "mix").await;
    for (at, samples) in &heard {
        assert_same(samples, &mix[*at..at + samples.len()], "a piece");
    }
    let (last, samples) = heard.last().expect("some audio");
    assert_eq!(last + samples.len(), mix.len(), "up to the end");
}

#[tokio::test]
async fn a_pusher_that_is_slow_to_answer_and_talks_nonsense_still_hears_all() {
    let world = world(&[(1, Fault::Slow(Duration::from_secs(3))), (1, Fault::Garbage)]).await;
    for user in ["late", "strange"] {
        let (_, conversation) = call(&world, user, 6).await;
        let connections = ended(&world, 1).await;
        let connection = connections.last().expect("a connection").clone();
        let mix = mono(world.edge(), &world.token(user), conversation.id, "mix").await;
        assert_same(&joined(&heard(std::slice::from_ref(&connection), began(&conversation))), &mix, user);
        assert_reads(&[connection], &conversation);
    }
    assert_eq!(world.logged_times("pusher_not_understood", 1).await.len(), 1, "once a connection");
}

#[tokio::test]
async fn a_pusher_that_does_not_read_is_given_up_before_it_fills_the_memory_and_tried_again() {
    let world = world(&[(1, Fault::Stall)]).await;
    let options = phone(&world, "unread");
    let talk = Talk::random(205, RATE, 90, &[]);
    let mut phone = Phone::connect(options.clone()).await.expect("let in");
    let recording = marked(talk.recording(), 205);
    // As fast as so much audio may come.
    phone.play(&recording, &Delivery { speed: 5.0, ..Delivery::default() }).await.expect("still there");
    assert!(world.lab.pusher().wait_until(LIMIT, |connections| connections.len() >= 2).await, "it is tried again");
    assert_eq!(world.logged_times("pusher_does_not_read", 1).await.len(), 1);
    let received = phone.hang_up(2 * LIMIT).await;
    let conversation = received.conversation().expect("memory_created");
    let user = mono(world.edge(), &options.token, conversation.id, "1").await;
    assert_same(&user, &recording.audio.user, "the record");
}

#[tokio::test]
async fn a_call_that_was_on_a_machine_that_died_is_heard_on_as_the_same_conversation() {
    let mut world = world(&[]).await;
    let mut options = phone(&world, "crashed-pushed");
    let mut phone = Phone::connect(options.clone()).await.expect("let in");
    let mut spoken = Spoken::default();
    spoken.say(&mut phone, &Talk::random(206, RATE, 4, &[])).await;
    sleep(Duration::from_millis(1_500)).await;
    world.crash();
    assert!(phone.listener().wait_until(LIMIT, |received| received.closing.is_some()).await);
    world.edge().clone_into(&mut options.edge);
    let mut phone = Phone::connect(options.clone()).await.expect("let in again");
    spoken.say(&mut phone, &Talk::random(207, RATE, 4, &[])).await;
    let received = phone.hang_up(LIMIT).await;
    let conversation = received.conversation().expect("memory_created");
    let connections = ended(&world, 2).await;
    for connection in &connections {
        assert_eq!(connection.frames.first(), Some(&Frame::Conversation(conversation.id)));
    }
    let processes: Vec<_> = connections.iter().map(processes).collect();
    assert_eq!(processes, [0, 1]);
    assert_reads(&connections, conversation);
    let heard = heard(&connections, began(conversation));
    let (last, samples) = heard.last().expect("some audio");
    let length = conversation.audio.iter().map(|audio| audio.samples.get()).max().unwrap_or_default();
    assert_eq!((last + samples.len()) as u64, length, "times are those of the call");
}

/// A world whose edge has the lab's pusher, with faults for the first connections.
async fn world(faults: &[(u32, Fault)]) -> World {
    let world = World::with_urls(LabOptions::default(), |variables, lab| {
        variables.insert("PUSHER_URL".to_owned(), lab.pusher_url().replace("http", "ws").into());
        variables.insert("PUSHER_KEY".to_owned(), KEY.into());
    })
    .await;
    for (connections, fault) in faults {
        world.lab.pusher().arm(*connections, fault.clone());
    }
    world
}

fn phone(world: &World, user: &str) -> PhoneOptions {
    PhoneOptions { sample_rate: RATE, ..world.phone(user) }
}

/// A call of so many seconds whose words land and which ends soon.
async fn call(world: &World, user: &str, seconds: u32) -> (Received, Conversation) {
    let talk = Talk::random(u64::from(seconds), RATE, seconds, &[]);
    let mut phone = Phone::connect(phone(world, user)).await.expect("let in");
    phone.play(&talk.recording(), &Delivery::default()).await.expect("still there");
    let begun = Instant::now();
    let received = phone.hang_up(LIMIT).await;
    assert!(begun.elapsed() <= SOON, "the end took {:?}", begun.elapsed());
    assert_words_land(&received.segments, &talk.said());
    let conversation = received.conversation().expect("memory_created").clone();
    let stored = http::only_conversation(world.edge(), &world.token(user)).await;
    assert_eq!(stored, conversation);
    (received, conversation)
}

/// All connections, once the newest of at least so many is over; nothing was wrong with any.
async fn ended(world: &World, count: usize) -> Vec<ConnectionReport> {
    let over = |connections: &[ConnectionReport]| {
        connections.len() >= count && connections.iter().all(|known| known.ended || !known.opened)
    };
    let pusher = world.lab.pusher();
    assert!(pusher.wait_until(LIMIT, over).await, "{:?}", pusher.connections().len());
    let connections = pusher.connections();
    assert!(connections.iter().all(|known| known.problem.is_none()), "{:?}", connections.last());
    connections
}

fn began(conversation: &Conversation) -> UnixMillis {
    conversation.started_at.expect("it had audio")
}

/// The pieces of audio: where each begins in the call, in samples, and its samples.
fn heard(connections: &[ConnectionReport], began: UnixMillis) -> Vec<(usize, Vec<i16>)> {
    let frames = connections.iter().flat_map(|connection| &connection.frames);
    let piece = |frame: &Frame| match frame {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        Frame::Audio { start, samples } => {
            let position = (start - began.get() as f64 / 1000.0) * f64::from(SAMPLES_PER_SECOND);
            assert!(position > -0.1);
            Some((position.round() as usize, samples.clone()))
        }
        _ => None,
    };
    frames.filter_map(piece).collect()
}

/// Where pieces do not follow one another, and how many samples are missing there.
fn gaps(heard: &[(usize, Vec<i16>)]) -> Vec<(usize, usize)> {
    let ends = heard.iter().map(|(at, samples)| at + samples.len());
    let pairs = ends.zip(heard.iter().skip(1));
    pairs.filter(|(end, (at, _))| end != at).map(|(end, (at, _))| (end, at.saturating_sub(end))).collect()
}

fn joined(heard: &[(usize, Vec<i16>)]) -> Vec<i16> {
    assert_eq!(gaps(heard), []);
    heard.iter().flat_map(|(_, samples)| samples.iter().copied()).collect()
}

/// The newest version of each segment is what is in the conversation.
#[track_caller]
fn assert_reads(connections: &[ConnectionReport], conversation: &Conversation) {
    let frames = connections.iter().flat_map(|connection| &connection.frames);
    let read: Vec<_> = frames
        .filter_map(|frame| match frame {
            Frame::Segments { segments, .. } => Some(segments),
            _ => None,
        })
        .flatten()
        .collect();
    for segment in &conversation.transcript_segments {
        let newest = read.iter().rev().find(|known| known.id == segment.id).expect("every segment");
        assert_eq!((&newest.text, newest.is_user, newest.start), (&segment.text, segment.is_user, segment.start));
    }
}

fn processes(connection: &ConnectionReport) -> usize {
    connection.frames.iter().filter(|frame| matches!(frame, Frame::Process { .. })).count()
}
