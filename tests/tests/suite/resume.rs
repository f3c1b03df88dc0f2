//! The page's own logic against the Worker: whatever breaks in the middle of a call, every sample of both sides is stored once
//! and every word is captioned once, in one conversation.

use std::time::{Duration, Instant};

use fourwire_lab::app::PhoneOptions;
use fourwire_lab::recording::Recording;
use fourwire_lab::tones::WORD_MILLIS;
use fourwire_tests::page::{Page, assert_shows};
use fourwire_tests::playback::{assert_same, marked, sides};
use fourwire_tests::raw::Raw;
use fourwire_tests::workerd::Sockets;
use fourwire_tests::world::call_object;
use fourwire_tests::{Said, Talk, World, assert_words_land, http, personal};
use fourwire_wire::conversation::Conversation;
use fourwire_wire::event::{ClientMessage, Status, close};
use fourwire_wire::frame::{Channel, Frame, PerChannel};
use fourwire_wire::units::Samples;
use serde_json::{Value, json};
use tokio::time::sleep;

const RATE: u32 = 16_000;
const LIMIT: Duration = Duration::from_secs(30);
/// What the page sends at once, in samples: 100 ms.
const FRAME: u64 = 1_600;
/// Seconds of a part of a call.
const PART_SECONDS: u32 = 3;
/// How long before a part's end the page stops sending where the network is to break: a whole number of frames.
const PAUSE: Samples = Samples::from_millis(200);
/// How long a word is, in samples.
const WORD: u64 = WORD_MILLIS * 16;
/// Longer than anything in these tests takes.
const REFUSES: &str = r#"{"type":"inject","fault":"archive","refuse_ms":600000}"#;
const TAKES_AGAIN: &str = r#"{"type":"inject","fault":"archive","refuse_ms":0}"#;
const PANICS: &str = r#"{"type":"inject","fault":"panic","within":true}"#;

/// What is said in a call, which ends in the middle of a frame.
struct Call {
    said: Vec<Said>,
    recording: Recording,
}

#[tokio::test]
async fn a_connection_that_breaks_twice_costs_neither_a_sample_nor_a_word() {
    let world = World::shared().await;
    let call = Call::new(81, 3);
    let mut page = call.start(world, "resumes-broken").await;
    for part in [1, 2] {
        page.wait_until(LIMIT, "let in", |page| page.held.len() == part).await;
        call.lose_network(&mut page, part).await;
    }
    let conversation = page.hang_up(LIMIT).await;
    assert_eq!((page.held.len(), page.closed.len()), (3, 3), "{:?}, {:?}", page.held, page.closed);
    assert_eq!(page.held, [0, 1, 2].map(Call::sent_before));
    call.assert_complete(world, &page, &conversation).await;
}

#[tokio::test]
async fn a_worker_that_is_killed_gets_again_what_it_had_not_stored() {
    let mut world = World::start().await;
    let calls = [Call::new(82, 3), Call::new(83, 3)];
    // The archive has a part of the first call, and nothing of the second one.
    let mut page = calls[0].start(&world, "resumes-killed").await;
    let mut refused = calls[1].start(&world, "resumes-killed-while-refused").await;
    let moment = calls[0].within_a_word(Channel::User, Samples::from_millis(6_000));
    tokio::join!(page.talk_until(moment), async {
        refused.wait_until(LIMIT, "let in", |page| page.held.len() == 1).await;
        refused.send_text(REFUSES).await;
        refused.talk_until(moment).await;
    });
    for page in [&page, &refused] {
        page.front.cut(true);
    }
    world.crash();
    for page in [&page, &refused] {
        page.front.move_to(world.edge());
        page.front.cut(false);
    }
    let (conversation, of_refused) = tokio::join!(page.hang_up(LIMIT), refused.hang_up(LIMIT));
    calls[0].assert_complete(&world, &page, &conversation).await;
    calls[1].assert_complete(&world, &refused, &of_refused).await;
    assert_eq!(refused.notices, [Status::RecordingDelayed]);
    for page in [page, refused] {
        let [first, second] = page.held[..] else { panic!("it came back once: {:?}", page.held) };
        assert_eq!(first, PerChannel::default());
        // Nothing of the seconds before is in the object's memory any more, and something was stored or kept.
        assert!(second.user > Samples::ZERO && second.user < moment, "{second:?} of {moment:?}");
    }
}

#[tokio::test]
async fn a_session_that_is_lost_under_the_open_socket_asks_for_what_it_had_in_memory() {
    let world = World::start().await;
    let call = Call::new(86, 3);
    let mut page = call.start(&world, "resumes-panicked").await;
    let moment = call.within_a_word(Channel::User, Samples::from_millis(6_500));
    page.talk_until(moment).await;
    page.send_text(PANICS).await;
    let conversation = page.hang_up(LIMIT).await;
    assert!(world.workerd.log().contains("injected fault"), "the fault was there");
    assert_eq!((page.held.len(), &page.closed[..]), (2, &[close::NORMAL][..]), "the socket stayed open");
    assert!(page.held[1].user > Samples::ZERO && page.held[1].user < moment, "{:?}", page.held);
    call.assert_complete(&world, &page, &conversation).await;
}

#[tokio::test]
async fn an_object_that_is_evicted_under_the_open_socket_goes_on_where_its_call_was() {
    let world = World::shared().await;
    let (page, call, conversation) = evicted_call(world, "resumes-hibernated", 84, Sockets::Hibernate).await;
    assert_eq!(page.closed.len(), 2, "the network broke, the call ended: {:?}", page.closed);
    call.assert_complete(world, &page, &conversation).await;
}

#[tokio::test]
async fn an_object_that_is_evicted_with_its_socket_goes_on_where_its_call_was() {
    let world = World::shared().await;
    let (page, call, conversation) = evicted_call(world, "resumes-evicted", 85, Sockets::Close).await;
    assert_eq!(page.closed.len(), 3, "the network broke, the socket was closed, the call ended: {:?}", page.closed);
    call.assert_complete(world, &page, &conversation).await;
}

#[tokio::test]
async fn an_archive_that_refuses_while_the_network_stands_still_gets_everything_when_it_takes_again() {
    let world = World::shared().await;
    let call = Call::new(87, 3);
    let mut page = call.start(world, "resumes-refused").await;
    page.wait_until(LIMIT, "let in", |page| page.held.len() == 1).await;
    page.send_text(REFUSES).await;
    page.wait_until(LIMIT, "told", |page| page.notices == [Status::RecordingDelayed]).await;
    page.front.cut(true);
    page.talk_until(page.captured() + Samples::from_millis(1_000)).await;
    page.front.cut(false);
    page.send_text(TAKES_AGAIN).await;
    let conversation = page.hang_up(LIMIT).await;
    assert_eq!(page.notices, [Status::RecordingDelayed, Status::RecordingRestored]);
    call.assert_complete(world, &page, &conversation).await;
}

#[tokio::test]
async fn what_a_client_does_not_have_any_more_is_silence_and_it_is_told() {
    let world = World::shared().await;
    let options = PhoneOptions { sample_rate: RATE, ..world.phone("resumes-behind") };
    let audio = Call::new(88, 2).recording.audio;
    let mut raw = connect(&options).await;
    assert_eq!(next_of(&mut raw, "audio_held").await, held(0, 0));
    // It has not said yet where that lies, so it lies nowhere.
    send(&mut raw, Channel::User, &audio.remote[..1_600]).await;
    raw.send_text(&audio_from(0, 0, 0)).await;
    for channel in Channel::BOTH {
        send(&mut raw, channel, &audio.get(channel)[..24_000]).await;
    }
    // What is on its way when a connection breaks may be lost with it.
    let has_come = async || {
        let conversation = http::only_conversation(world.edge(), &options.token).await;
        conversation.audio.iter().all(|audio| audio.samples == Samples::new(24_000))
    };
    let begun = Instant::now();
    while !has_come().await {
        assert!(begun.elapsed() < LIMIT, "it comes");
        sleep(Duration::from_millis(100)).await;
    }
    drop(raw);
    let mut raw = connect(&options).await;
    assert_eq!(next_of(&mut raw, "audio_held").await, held(24_000, 24_000));
    // A side has let go of a second, and the other one of half of it; both have something that is held already.
    raw.send_text(&audio_from(24_000, 40_000, 32_000)).await;
    let told = next_of(&mut raw, "service_status").await;
    assert_eq!((&told["status"], &told["channel"]), (&json!("recording_gap"), &Value::Null));
    send(&mut raw, Channel::User, &audio.user[40_000..]).await;
    send(&mut raw, Channel::Remote, &audio.remote[32_000..]).await;
    raw.send_text(&audio_from(24_000, 20_000, 20_000)).await;
    for channel in Channel::BOTH {
        send(&mut raw, channel, &audio.get(channel)[20_000..48_000]).await;
    }
    raw.send_text(ClientMessage::END).await;
    let (texts, end) = raw.rest().await;
    assert_eq!(end.0, close::NORMAL);
    assert!(texts.iter().all(|text| !text.contains("recording_gap")), "it is told once");

    let conversation = http::only_conversation(world.edge(), &options.token).await;
    let heard = sides(world.edge(), &options.token, conversation.id).await;
    for (channel, from) in [(Channel::User, 40_000), (Channel::Remote, 32_000)] {
        let mut expected = audio.get(channel).clone();
        expected[24_000..from].fill(0);
        assert_same(heard.get(channel), &expected, &format!("channel {}", channel.byte()));
    }
}

#[tokio::test]
async fn a_position_ahead_of_the_call_is_not_taken_and_the_call_goes_on_without_it() {
    let world = World::shared().await;
    let options = PhoneOptions { sample_rate: RATE, ..world.phone("resumes-ahead") };
    let audio = Call::new(89, 1).recording.audio;
    for ahead in [audio_from(0, 16_000 * 3_600, 0), audio_from(0, 0, u64::MAX)] {
        let mut raw = connect(&options).await;
        assert_eq!(next_of(&mut raw, "audio_held").await, held(0, 0));
        raw.send_text(&ahead).await;
        assert_eq!(raw.rest().await.1, (close::POLICY, "audio_from lies ahead of the call".to_owned()));
    }
    let mut raw = connect(&options).await;
    assert_eq!(next_of(&mut raw, "audio_held").await, held(0, 0));
    raw.send_text(&audio_from(0, 0, 0)).await;
    for channel in Channel::BOTH {
        send(&mut raw, channel, audio.get(channel)).await;
    }
    raw.send_text(ClientMessage::END).await;
    assert_eq!(raw.rest().await.1.0, close::NORMAL);
    let conversation = http::only_conversation(world.edge(), &options.token).await;
    assert_eq!(sides(world.edge(), &options.token, conversation.id).await, audio);
}

/// A call whose object is evicted in the middle of it. workerd evicts none while streams to speech services are open, so the
/// network breaks first, and the page is back when the streams are closed and has sent nothing yet.
async fn evicted_call(world: &'static World, user: &str, seed: u32, sockets: Sockets) -> (Page, Call, Conversation) {
    let call = Call::new(seed, 3);
    let mut page = call.start(world, user).await;
    page.wait_until(LIMIT, "let in", |page| page.held.len() == 1).await;
    call.lose_network(&mut page, 1).await;
    page.has_room = false;
    page.wait_until(LIMIT, "back", |page| page.held.len() == 2).await;
    let call_name = call_object(user, &page.call_id);
    let evicting = tokio::task::spawn_blocking(move || world.workerd.evict("Call", &call_name, sockets));
    page.wait_until(LIMIT, "evicted", |_| evicting.is_finished()).await;
    evicting.await.expect("evicted");
    page.has_room = true;
    let conversation = page.hang_up(LIMIT).await;
    let [_, before, after] = page.held[..] else { panic!("it was asked again: {:?}", page.held) };
    let sent = Call::sent_before(1);
    assert_eq!(before, sent, "the object had all that came before the network broke");
    for channel in Channel::BOTH {
        // All of it is stored; what had no final words yet is asked for once more.
        assert!(after.get(channel) <= sent.get(channel), "{channel:?}: {after:?}");
    }
    (page, call, conversation)
}

impl Call {
    /// Parts of 3 s, each of which begins with a word on both sides and ends with half a second of silence.
    fn new(seed: u32, parts: usize) -> Self {
        let (mut said, mut audio) = (Vec::new(), PerChannel::<Vec<i16>>::default());
        for part in 0..parts {
            let talk = Talk::random(u64::from(seed << 8) + to_u64(part), RATE, PART_SECONDS, &[]);
            said.extend(talk.said().into_iter().map(|said| Said { at: said.at + part_end(part), ..said }));
            let recording = talk.recording();
            for channel in Channel::BOTH {
                audio.get_mut(channel).extend(recording.audio.get(channel));
            }
        }
        let mut recording = marked(Recording::new(RATE, audio.user, audio.remote), seed);
        for channel in Channel::BOTH {
            let samples = recording.audio.get_mut(channel);
            samples.truncate(samples.len() - 77);
            personal::protect_sound(samples);
        }
        Self { said, recording }
    }

    async fn start(&self, world: &World, user: &str) -> Page {
        Page::start(world, user, self.recording.clone()).await
    }

    /// How much of each side the page has sent in the pause at the end of so many parts.
    fn sent_before(parts: usize) -> PerChannel<Samples> {
        let sent = part_end(parts).saturating_sub(PAUSE);
        PerChannel { user: sent, remote: sent }
    }

    /// The network breaks in the pause at the end of a part, when the server has all words before it and the page believes
    /// to have sent the first ones behind it.
    async fn lose_network(&self, page: &mut Page, part: usize) {
        let sent = Self::sent_before(part).user;
        page.talk_until(sent).await;
        page.has_room = false;
        let words = self.said.iter().filter(|said| said.at < sent).count();
        let shown = |page: &Page| page.captions().iter().filter(|caption| caption.is_final).count();
        page.wait_until(LIMIT, "captioned", |page| shown(page) == words).await;
        page.talk_until(part_end(part) + Samples::from_millis(700)).await;
        page.lose_network().await;
    }

    /// A moment behind `after` at which the frames that were sent end in the middle of a word: what breaks then breaks the
    /// word.
    fn within_a_word(&self, channel: Channel, after: Samples) -> Samples {
        let mut own = self.said.iter().filter(|said| said.channel == channel && said.at > after);
        let edge = own.find_map(|said| {
            let (start, end) = (said.at.get(), said.at.get() + WORD);
            let edge = (start + WORD / 4).next_multiple_of(FRAME);
            (edge <= end - WORD / 4).then_some(edge)
        });
        // The frame that was full then has half of its length to get through.
        Samples::new(edge.expect("a word over the edge of a frame") + FRAME / 2)
    }

    /// Asserts that whatever was said is stored once and captioned once in one conversation, and that the page shows it.
    async fn assert_complete(&self, world: &World, page: &Page, received: &Conversation) {
        let conversation = http::only_conversation(world.edge(), &page.token).await;
        assert_eq!(received, &conversation);
        let heard = sides(world.edge(), &page.token, conversation.id).await;
        for (channel, audio) in Channel::BOTH.into_iter().zip(&conversation.audio) {
            let sent = self.recording.audio.get(channel);
            assert_same(heard.get(channel), sent, &format!("channel {}", channel.byte()));
            let length = Samples::new(to_u64(sent.len()));
            assert_eq!((audio.channel, audio.samples, audio.stored), (channel, length, length));
        }
        assert_words_land(&conversation.transcript_segments, &self.said);
        assert_shows(page, &conversation);
    }
}

/// Where so many parts end.
fn part_end(parts: usize) -> Samples {
    Samples::from_millis(to_u64(parts) * u64::from(PART_SECONDS) * 1_000)
}

fn to_u64(number: usize) -> u64 {
    u64::try_from(number).expect("a small number")
}

/// A client that resumes, message by message.
async fn connect(options: &PhoneOptions) -> Raw {
    let call = options.call_id.as_deref().expect("the call has a name");
    let path = format!("/v4/listen?channels=2&sample_rate={RATE}&resume=1&call_id={call}");
    Raw::open(&options.edge, &path, Some(&format!("Bearer {}", options.token))).await
}

/// The next event of a type; of `service_status` the next that tells of trouble.
async fn next_of(raw: &mut Raw, kind: &str) -> Value {
    loop {
        let event = raw.next_json().await.expect("the socket is open");
        let status = event["status"].as_str().unwrap_or_default();
        if event["type"] == kind && !["initiating", "stt_initiating", "ready"].contains(&status) {
            return event;
        }
    }
}

async fn send(raw: &mut Raw, channel: Channel, samples: &[i16]) {
    for samples in samples.chunks(1_600) {
        let mut frame = Vec::new();
        Frame::write(channel, samples.iter().copied(), &mut frame);
        raw.send_binary(frame).await;
    }
}

fn held(user: u64, remote: u64) -> Value {
    json!({ "type": "audio_held", "user": user, "remote": remote })
}

/// The answer to an `audio_held` that says the same of both sides.
fn audio_from(held: u64, user: u64, remote: u64) -> String {
    let [user, remote, held] = [user, remote, held].map(Samples::new);
    ClientMessage::audio_from(&PerChannel { user, remote }, &PerChannel { user: held, remote: held })
}
