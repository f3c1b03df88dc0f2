//! Ten honest calls beside every attack that is known, all at once: the honest ones lose nothing and are hardly slower, and the
//! Worker's memory does not grow. `cargo xtask test --long soak` runs it; it takes a quarter of an hour, and measures memory and time,
//! so it is a program of its own.
#![allow(missing_docs, clippy::disallowed_methods)]

use std::fs;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fourwire_lab::app::{Delivery, Message, Phone, PhoneOptions, Received};
use fourwire_lab::tones::speak;
use fourwire_tests::raw::Raw;
use fourwire_tests::{Talk, World, assert_words_land, http};
use fourwire_wire::event::ClientMessage;
use fourwire_wire::frame::{Channel, Frame, PerChannel};
use fourwire_wire::units::Samples;
use hyper::Method;
use tokio::runtime::{Builder, Runtime};
use tokio::time::sleep;

const RATE: u32 = 16_000;
/// Calls of people who do nothing wrong.
const HONEST: u64 = 10;
/// How long they talk while nobody attacks, which says how slow this machine is.
const QUIET_SECONDS: u32 = 60;
/// How long they talk under attack.
const ATTACKED_SECONDS: u32 = 600;
/// How much later 99 of 100 captions may come under attack.
const MAX_ADDED: Duration = Duration::from_millis(200);
/// How much more memory there may be in the last minute than in the fifth, in MB.
const MAX_GROWTH_MB: f64 = 20.0;
/// How long the end of a call may take.
const LIMIT: Duration = Duration::from_mins(1);

/// What the attackers share.
#[derive(Clone)]
struct Attack {
    world: &'static World,
    is_over: Arc<AtomicBool>,
    /// Gives every call its own name.
    calls: Arc<AtomicU64>,
}

impl Attack {
    fn call(&self) -> u64 {
        7_000_000 + self.calls.fetch_add(1, Ordering::Relaxed)
    }

    fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
    }

    /// A listen socket of a user; none where it is refused.
    async fn listen(&self, user: &str, call: u64, more: &str) -> Option<Raw> {
        let path = format!("/v4/listen?channels=2&sample_rate={RATE}&call_id={call}{more}");
        Raw::try_open(self.world.edge(), &path, Some(&format!("Bearer {}", self.world.token(user)))).await
    }

    /// Does something again and again, with a pause.
    async fn again<F: Future<Output = ()>>(self, pause: Duration, mut attack: impl FnMut(Self) -> F) {
        while self.goes_on() {
            attack(self.clone()).await;
            sleep(pause).await;
        }
    }
}

/// Attackers have machines of their own. Here their threads get only what the others leave of this one, so that what is measured
/// is what they cost the Worker.
fn attackers() -> Runtime {
    let give_way = || {
        let thread = fs::read_link("/proc/thread-self").expect("Linux");
        let id = thread.file_name().expect("a thread's id");
        let renice = Command::new("renice").args(["-n", "19", "-p"]).arg(id).stdout(Stdio::null()).status();
        assert!(renice.expect("util-linux").success());
    };
    Builder::new_multi_thread().worker_threads(2).enable_all().on_thread_start(give_way).build().expect("a runtime")
}

fn audio(channel: Channel, samples: impl IntoIterator<Item = i16>) -> Vec<u8> {
    let mut frame = Vec::new();
    Frame::write(channel, samples, &mut frame);
    frame
}

async fn a_first_message_of_32_mb(attack: Attack) {
    let path = format!("/v4/web/listen?channels=2&sample_rate={RATE}&call_id={}", attack.call());
    if let Some(mut raw) = Raw::try_open(attack.world.edge(), &path, None).await {
        raw.try_send_text(&"x".repeat(32 << 20)).await;
        let _ = raw.next().await;
    }
}

async fn a_thousand_texts(attack: Attack) {
    if let Some(mut raw) = attack.listen("soaker-of-texts", attack.call(), "").await {
        for number in 0..1_000 {
            if !raw.try_send_text(&format!(r#"{{"type":"contact","name":"n{number}"}}"#)).await {
                return;
            }
        }
        raw.try_send_text(&"y".repeat(1 << 20)).await;
    }
}

async fn audio_as_fast_as_it_goes(attack: Attack) {
    if let Some(mut raw) = attack.listen("soaker-of-audio", attack.call(), "").await {
        let second = audio(Channel::Remote, std::iter::repeat_n(77, 16_000));
        for _ in 0..300 {
            if !raw.try_send_binary(second.clone()).await {
                return;
            }
        }
    }
}

async fn a_gap_of_89_seconds(attack: Attack) {
    if let Some(mut raw) = attack.listen("soaker-of-gaps", attack.call(), "&resume=1").await {
        let (from, held) = (Samples::from_millis(89_000), PerChannel::default());
        raw.try_send_text(&ClientMessage::audio_from(&PerChannel { user: from, remote: from }, &held)).await;
        raw.try_send_binary(audio(Channel::User, speak("harbor", RATE))).await;
        raw.try_send_text(r#"{"type":"end"}"#).await;
        let _ = raw.rest().await;
    }
}

async fn forty_sockets(attack: Attack) {
    let mut sockets = Vec::new();
    for _ in 0..40 {
        sockets.extend(attack.listen("soaker-of-sockets", attack.call(), "").await);
    }
    for _ in 0..20 {
        for socket in &mut sockets {
            socket.try_send_binary(vec![1, 0, 0]).await;
            socket.try_send_binary(vec![2, 0, 0]).await;
        }
        sleep(Duration::from_secs(1)).await;
    }
}

async fn an_end_without_audio(attack: Attack) {
    if let Some(mut raw) = attack.listen("soaker-of-ends", 42, "").await {
        raw.try_send_text(r#"{"type":"end"}"#).await;
        let _ = raw.rest().await;
    }
}

async fn sockets_without_audio(attack: Attack) {
    drop(attack.listen("soaker-of-nothing", attack.call(), "").await);
}

async fn who_never_reads(attack: Attack) {
    if let Some(mut raw) = attack.listen("soaker-who-is-deaf", attack.call(), "&interim=1").await {
        for word in ["harbor", "lantern"].iter().cycle().take(60) {
            raw.try_send_binary(audio(Channel::User, speak(word, RATE))).await;
            sleep(Duration::from_secs(1)).await;
        }
    }
}

async fn everything_that_is_listed(attack: Attack) {
    let (edge, token) = (attack.world.edge(), attack.world.token("soaker-of-gaps"));
    let conversations = http::get(edge, "/v1/conversations?limit=100", &token).await;
    http::get(edge, "/v1/account/export", &token).await;
    if let Some(id) = conversations.body.pointer("/0/id").and_then(serde_json::Value::as_str) {
        http::post(edge, &format!("/v1/conversations/{id}/reprocess"), &token, "").await;
    }
}

async fn numbers_of_others(attack: Attack) {
    let (edge, token) = (attack.world.edge(), attack.world.token("soaker-of-numbers"));
    http::post(edge, "/v1/phone/numbers/verify", &token, r#"{"phone_number":"+12025550177"}"#).await;
    http::get(edge, "/v1/phone/numbers", &token).await;
}

async fn tokens_and_signatures_that_are_none(attack: Attack) {
    let edge = attack.world.edge();
    drop(Raw::try_open(edge, "/v4/listen?channels=2", Some("Bearer x.y.z")).await);
    let form = [("content-type", "application/x-www-form-urlencoded"), ("x-twilio-signature", "AAAA")];
    http::raw(Method::POST, edge, "/v1/phone/twiml", &form, "To=%2B12025550199&CallSid=CA1").await;
}

/// Plays so much talk on every honest call at once.
async fn honest(world: &World, round: u64, seconds: u32) -> Vec<(Talk, Received)> {
    // Synthesised before anybody connects: it takes the longer, the longer a call is, and a call's clock begins with its connection.
    let talks = (0..HONEST).map(|number| {
        let talk = Talk::random(9_000 + 100 * round + number, RATE, seconds, &[]);
        let recording = talk.recording();
        (number, talk, recording)
    });
    let talks: Vec<_> = talks.collect();
    let calls = talks.into_iter().map(|(number, talk, recording)| {
        let options = PhoneOptions { sample_rate: RATE, ..world.phone(&format!("soaked-honest-{number}")) };
        async move {
            let mut phone = Phone::connect(options).await.expect("let in");
            phone.play(&recording, &Delivery::default()).await.expect("still there");
            let received = phone.hang_up(LIMIT).await;
            (talk, received)
        }
    });
    futures_util::future::join_all(calls).await
}

/// When 99 of 100 captions had come, after the end of what they say: of each minute of the calls, and of all.
fn latencies(calls: &[(Talk, Received)]) -> (Vec<Duration>, Duration) {
    let mut all = Vec::new();
    for (_, received) in calls {
        for segment in &received.segments {
            let shows = |message: &Message| matches!(message, Message::Segments(some) if some.iter().any(|one| one.id == segment.id));
            let first = received.arrivals.iter().find(|arrival| shows(&arrival.message));
            let at = first.expect("it came").at;
            all.push((at.as_secs() / 60, at.saturating_sub(Duration::from_secs_f64(segment.end))));
        }
    }
    let of = |minute: Option<u64>| {
        let mut some: Vec<Duration> =
            all.iter().filter(|(at, _)| minute.is_none_or(|minute| *at == minute)).map(|(_, late)| *late).collect();
        some.sort_unstable();
        some.get(some.len() * 99 / 100).copied()
    };
    ((0..).map_while(|minute| of(Some(minute))).collect(), of(None).expect("captions"))
}

fn assert_complete(calls: &[(Talk, Received)]) {
    for (talk, received) in calls {
        assert_eq!(received.close_code(), Some(1000));
        assert_words_land(&received.segments, &talk.said());
        let conversation = received.conversation().expect("memory_created");
        assert!(conversation.audio.iter().all(|audio| audio.samples == talk.length() && audio.stored == audio.samples));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn honest_calls_are_hardly_touched_by_every_attack_at_once() {
    let world: &World = World::shared().await;
    let quiet = honest(world, 0, QUIET_SECONDS).await;
    assert_complete(&quiet);
    let (_, before) = latencies(&quiet);
    eprintln!("quiet: p99 {before:?}, {:.0} MB", world.workerd.memory_mb());

    let attack = Attack { world, is_over: Arc::default(), calls: Arc::default() };
    let (fast, slow) = (Duration::from_millis(500), Duration::from_secs(2));
    let runtime = attackers();
    let attackers = [
        runtime.spawn(attack.clone().again(slow, a_first_message_of_32_mb)),
        runtime.spawn(attack.clone().again(slow, a_thousand_texts)),
        runtime.spawn(attack.clone().again(slow, audio_as_fast_as_it_goes)),
        runtime.spawn(attack.clone().again(slow, a_gap_of_89_seconds)),
        runtime.spawn(attack.clone().again(slow, forty_sockets)),
        runtime.spawn(attack.clone().again(fast, an_end_without_audio)),
        runtime.spawn(attack.clone().again(fast, sockets_without_audio)),
        runtime.spawn(attack.clone().again(slow, who_never_reads)),
        runtime.spawn(attack.clone().again(slow, everything_that_is_listed)),
        runtime.spawn(attack.clone().again(fast, numbers_of_others)),
        runtime.spawn(attack.clone().again(fast, tokens_and_signatures_that_are_none)),
    ];
    let begun = Instant::now();
    let memory = tokio::spawn(async move {
        let mut samples = Vec::new();
        while begun.elapsed() < Duration::from_secs(ATTACKED_SECONDS.into()) {
            samples.push(world.workerd.memory_mb());
            eprintln!("{:>4} s: {:.0} MB", begun.elapsed().as_secs(), samples[samples.len() - 1]);
            sleep(Duration::from_secs(10)).await;
        }
        samples
    });
    let attacked = honest(world, 1, ATTACKED_SECONDS).await;
    assert!(attackers.iter().all(|attacker| !attacker.is_finished()), "all attacked to the end");
    attack.is_over.store(true, Ordering::Relaxed);
    let memory = memory.await.expect("measured");
    runtime.shutdown_background();
    let (by_minute, after) = latencies(&attacked);
    eprintln!("attacked: p99 {after:?}, minute by minute {by_minute:?}");
    assert_complete(&attacked);
    assert!(after < before + MAX_ADDED, "{before:?} before, {after:?} under attack");
    let mean = |minute: usize| memory[minute * 6 - 6..minute * 6].iter().sum::<f64>() / 6.0;
    assert!(mean(10) < mean(5) + MAX_GROWTH_MB, "memory grows: {memory:?}");
}
