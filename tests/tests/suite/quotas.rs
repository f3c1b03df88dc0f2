//! What a user may use of what costs something: calls recorded at once, minutes of a day, summaries made anew; and what becomes of
//! calls in which nothing is said.

use std::time::{Duration, Instant};

use fourwire_lab::LabOptions;
use fourwire_lab::app::{Delivery, Phone, PhoneOptions};
use fourwire_lab::recording::Recording;
use fourwire_lab::tones::Script;
use fourwire_tests::raw::Raw;
use fourwire_tests::{Talk, World, begin, http};
use fourwire_wire::conversation::ConversationStatus;
use hyper::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

const RATE: u32 = 16_000;
const LIMIT: Duration = Duration::from_secs(30);

async fn world(settings: &[(&str, &str)]) -> World {
    let settings: Vec<_> = settings.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
    World::with(LabOptions::default(), |variables| variables.extend(settings)).await
}

fn phone(world: &World, user: &str) -> PhoneOptions {
    PhoneOptions { sample_rate: RATE, ..world.phone(user) }
}

/// How a socket of a call ends that is turned away; what comes first is not looked at.
async fn turned_away(world: &World, path: &str, user: &str, call: &str) -> (u16, String) {
    let token = world.token(user);
    let path = format!("{path}?channels=2&call_id={call}");
    let socket = if path.starts_with("/v4/web") {
        let mut socket = Raw::open(world.edge(), &path, None).await;
        socket.send_text(&json!({ "type": "auth", "token": token }).to_string()).await;
        socket
    } else {
        Raw::open(world.edge(), &path, Some(&format!("Bearer {token}"))).await
    };
    socket.rest().await.1
}

async fn is_let_in(world: &World, user: &str, call: &str) -> bool {
    let options = PhoneOptions { call_id: Some(call.to_owned()), ..phone(world, user) };
    let phone = Phone::connect(options).await.expect("a socket");
    let ready_or_closed = |received: &fourwire_lab::app::Received| {
        received.closing.is_some()
            || received.statuses().any(|status| status.status == fourwire_wire::event::Status::Ready)
    };
    assert!(phone.listener().wait_until(LIMIT, ready_or_closed).await);
    phone.received().closing.is_none()
}

#[tokio::test]
async fn a_user_has_so_many_calls_recorded_at_once_and_a_reconnect_is_none_more() {
    let mut world = world(&[("SESSIONS_AT_ONCE", "2")]).await;
    let user = "two-at-once";
    let token = world.token(user);
    let options = |world: &World, call: &str| PhoneOptions { call_id: Some(call.to_owned()), ..phone(world, user) };
    let mut first = Phone::connect(options(&world, "first")).await.expect("let in");
    begin(world.edge(), &token, &mut first).await;
    let mut second = Phone::connect(options(&world, "second")).await.expect("let in");
    begin(world.edge(), &token, &mut second).await;
    for path in ["/v4/listen", "/v4/web/listen"] {
        let end = turned_away(&world, path, user, "third").await;
        assert_eq!(end, (1008, "Too many calls are being recorded at once".to_owned()), "{path}");
    }
    // Whoever connects again takes over, as often as it wants.
    for _ in 0..5 {
        second = Phone::connect(options(&world, "second")).await.expect("let in again");
    }
    begin(world.edge(), &token, &mut second).await;
    assert!(is_let_in(&world, "somebody-else-at-once", "third").await, "each user by itself");

    // A call that ends frees its slot, and so does one in which nothing came.
    assert_eq!(first.hang_up(LIMIT).await.close_code(), Some(1000));
    let freed = Instant::now();
    while !is_let_in(&world, user, "third").await {
        assert!(freed.elapsed() < LIMIT, "its slot is free");
    }
    while !is_let_in(&world, user, "fourth").await {
        assert!(freed.elapsed() < LIMIT, "so is that of a call in which nothing came");
    }
    drop(second);

    // Whatever dies with the machine takes no slot for ever: the calls come back by themselves and end.
    world.crash();
    let restarted = Instant::now();
    let one_is_running = async |world: &World| {
        http::conversations(world.edge(), &token)
            .await
            .iter()
            .any(|entry| entry.status != ConversationStatus::Completed)
    };
    while one_is_running(&world).await {
        assert!(restarted.elapsed() < Duration::from_secs(200), "the calls are finished");
        sleep(Duration::from_secs(1)).await;
    }
    for call in ["fifth", "sixth"] {
        let begun = Instant::now();
        while !is_let_in(&world, user, call).await {
            assert!(begun.elapsed() < LIMIT);
            sleep(Duration::from_millis(200)).await;
        }
    }
}

#[tokio::test]
async fn when_the_minutes_of_a_day_are_used_up_the_call_ends_with_what_it_has_and_no_other_begins() {
    let world = world(&[("SESSION_MINUTES_A_DAY", "1"), ("OPERATOR_KEY", KEY)]).await;
    let user = "has-one-minute";
    let options = phone(&world, user);
    let mut phone = Phone::connect(options.clone()).await.expect("let in");
    // Sent as fast as a client may: the minutes are those of the audio, not of the clock.
    let silence = Script::new(RATE).samples(70_000);
    let recording = Recording::new(RATE, silence.clone(), silence);
    let _ = phone.play(&recording, &Delivery { speed: 2.0, ..Delivery::default() }).await;
    // The call is asked for its audio once a minute.
    assert!(phone.listener().wait_until(Duration::from_secs(90), |received| received.closing.is_some()).await);
    let closing = phone.received().closing.expect("closed");
    assert_eq!((closing.code, closing.reason.as_str()), (Some(1008), "The minutes of today are used up"));
    let conversation = http::wait_until_completed(world.edge(), &options.token, LIMIT).await;
    assert!(conversation.audio.iter().any(|audio| audio.samples.millis() >= 60_000), "{:?}", conversation.audio);
    for path in ["/v4/listen", "/v4/web/listen"] {
        let end = turned_away(&world, path, user, "another").await;
        assert_eq!(end, (1008, "The minutes of today are used up".to_owned()), "{path}");
    }
    assert!(is_let_in(&world, "has-another-minute", "mine").await);
    let usage = http::get(world.edge(), "/v1/operator/usage", KEY).await;
    let speech = usage.body["usage"][2]["used"].as_u64().expect("a number");
    assert!((60_000..=71_000).contains(&speech), "{:?}", usage.body);
}

/// What the operator shows.
const KEY: &str = "the operator's key, of 32 letters";

#[tokio::test]
async fn when_all_users_together_have_used_what_they_may_nothing_new_is_recorded() {
    let world = world(&[("TOTAL_SPEECH_MINUTES_A_DAY", "0")]).await;
    for path in ["/v4/listen", "/v4/web/listen"] {
        let end = turned_away(&world, path, "one-of-too-many", "any").await;
        assert_eq!(end, (1008, "The service has reached its limit for today".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn connecting_without_a_word_leaves_nothing() {
    let world = World::shared().await;
    let user = "says-nothing-at-all";
    for number in 0..20 {
        let options = PhoneOptions { call_id: Some(format!("silent-{number}")), ..phone(world, user) };
        let mut phone = Phone::connect(options.clone()).await.expect("let in");
        phone.send_text(r#"{"type":"contact","name":"Nobody"}"#).await.expect("still there");
        phone.close(LIMIT).await;
    }
    assert_eq!(http::conversations(world.edge(), &world.token(user)).await, []);
    let mut phone = Phone::connect(phone(world, user)).await.expect("let in");
    begin(world.edge(), &world.token(user), &mut phone).await;
    assert_eq!(http::conversations(world.edge(), &world.token(user)).await.len(), 1);
}

#[tokio::test]
async fn a_conversation_is_summed_up_anew_only_so_often() {
    let world = world(&[("REPROCESS_AN_HOUR", "4")]).await;
    let user = "never-content";
    let token = world.token(user);
    let mut ids = Vec::new();
    for seed in [11, 12] {
        let mut phone = Phone::connect(phone(&world, user)).await.expect("let in");
        let talk = Talk::random(seed, RATE, 2, &[]);
        phone.play(&talk.recording(), &Delivery { speed: 2.0, ..Delivery::default() }).await.expect("still there");
        ids.push(phone.hang_up(LIMIT).await.conversation().expect("memory_created").id);
    }
    let reprocess = async |index: usize| {
        let path = format!("/v1/conversations/{}/reprocess", ids[index]);
        http::send(Method::POST, world.edge(), &path, Some(&token)).await
    };
    for (index, status) in [(0, 200), (0, 200), (0, 200), (0, 429), (1, 200), (1, 429), (0, 429)] {
        let answer = reprocess(index).await;
        assert_eq!(answer.status, status, "{:?}", answer.body);
        if status == 429 {
            assert_eq!(answer.code(), "too_many_requests");
            let wait: u64 = answer.headers["retry-after"].to_str().expect("a text").parse().expect("seconds");
            assert!((3_000..=3_600).contains(&wait), "{wait}");
        }
    }
    let missing = "/v1/conversations/00000000-0000-4000-8000-000000000000/reprocess";
    assert_eq!(
        http::send(Method::POST, world.edge(), missing, Some(&token)).await.status,
        404,
        "it is looked for first"
    );
}

#[tokio::test]
async fn an_account_is_exported_only_so_often() {
    let world = world(&[("EXPORTS_AN_HOUR", "2")]).await;
    let export = async |user: &str, query: &str| {
        http::get(world.edge(), &format!("/v1/account/export{query}"), &world.token(user)).await
    };
    for (query, status) in [("", 200), ("?cursor=x", 400), ("", 200), ("", 429)] {
        let answer = export("takes-it-along-again", query).await;
        assert_eq!(answer.status, status, "{:?}", answer.body);
        if status == 429 {
            assert_eq!(answer.code(), "too_many_requests");
            let wait: u64 = answer.headers["retry-after"].to_str().expect("a text").parse().expect("seconds");
            assert!((3_000..=3_600).contains(&wait), "{wait}");
        }
    }
    assert_eq!(export("takes-it-along-once", "").await.status, 200, "each user's own");
}

#[tokio::test]
async fn a_conversation_in_which_nothing_was_said_goes_by_itself_and_one_that_the_user_has_marked_does_not() {
    let world = world(&[("DISCARDED_MINUTES", "1")]).await;
    let user = "has-nothing-to-say";
    let token = world.token(user);
    let call = async |recording: Option<Recording>| {
        let mut phone = Phone::connect(phone(&world, user)).await.expect("let in");
        if let Some(recording) = recording {
            phone.play(&recording, &Delivery { speed: 2.0, ..Delivery::default() }).await.expect("still there");
        }
        phone.hang_up(LIMIT).await.conversation().expect("memory_created").id
    };
    let silence = Script::new(RATE).samples(2_000);
    let silent = call(Some(Recording::new(RATE, silence.clone(), silence.clone()))).await;
    let empty = call(None).await;
    let marked = call(Some(Recording::new(RATE, silence.clone(), silence))).await;
    let spoken = call(Some(Talk::random(13, RATE, 2, &[]).recording())).await;
    let path = format!("/v1/conversations/{marked}");
    assert_eq!(http::patch(world.edge(), &path, &token, r#"{"starred":true}"#).await.status, 200);
    let ids =
        async || -> Vec<_> { http::conversations(world.edge(), &token).await.iter().map(|entry| entry.id).collect() };
    assert_eq!(ids().await, [spoken, marked, empty, silent]);
    let begun = Instant::now();
    while ids().await != [spoken, marked] {
        assert!(begun.elapsed() < Duration::from_secs(150), "after a minute: {:?}", ids().await);
        sleep(Duration::from_secs(2)).await;
    }
    assert_eq!(http::get(world.edge(), &format!("/v1/conversations/{silent}"), &token).await.status, 404);
}
