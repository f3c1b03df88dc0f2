//! A conversation's audio in parts, its transcript in every form, and who gets either.

use std::fmt::Write;
use std::time::Duration;

use fourwire_lab::app::{Delivery, Phone, PhoneOptions};
use fourwire_lab::recording::Recording;
use fourwire_lab::tones::Script;
use fourwire_tests::playback::{file, marked, path, sides};
use fourwire_tests::{Talk, World, http};
use fourwire_wire::conversation::Conversation;
use fourwire_wire::frame::PerChannel;
use fourwire_wire::ids::ConversationId;
use fourwire_wire::segment::WireSegment;
use fourwire_wire::units::Samples;

const RATE: u32 = 16_000;
const LIMIT: Duration = Duration::from_secs(20);
const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";

#[tokio::test]
async fn any_part_of_a_file_is_that_part_of_the_whole_one() {
    let world = World::shared().await;
    let options = phone(world, "parts");
    let recording = marked(Talk::random(31, RATE, 12, &[]).recording(), 31);
    let conversation = call(options.clone(), &recording).await;
    for channel in ["1", "stereo", "mix"] {
        let whole = file(world.edge(), &options.token, conversation.id, channel).await;
        let get = async |range: &str| {
            http::get_with(world.edge(), &path(conversation.id, channel), &options.token, &[("range", range)]).await
        };
        let end = whole.len();
        // In and behind the header, an odd byte, across the border of two chunks, to the end, of the end, beyond the end.
        let parts = [(0, 44), (40, 50), (45, 46), (100_001, 200_002), (159_990, 160_100), (end - 7, end), (0, end)];
        for (from, until) in parts {
            let answer = get(&format!("bytes={from}-{}", until - 1)).await;
            assert_eq!(answer.status, 206);
            assert_eq!(answer.headers["content-range"], format!("bytes {from}-{}/{end}", until - 1).as_str());
            assert_eq!(answer.headers["content-length"], (until - from).to_string().as_str());
            assert!(answer.bytes == whole[from..until], "{channel}: {from}..{until}");
        }
        for (range, from) in [(format!("bytes={}-", end - 1_001), end - 1_001), ("bytes=-333".to_owned(), end - 333)] {
            let answer = get(&range).await;
            assert!(answer.status == 206 && answer.bytes == whole[from..], "{channel}: {range}");
        }
        let beyond = get(&format!("bytes={end}-")).await;
        assert_eq!((beyond.status, beyond.bytes.len()), (416, 0));
        assert_eq!(beyond.headers["content-range"], format!("bytes */{end}").as_str());
        for range in ["bytes=0-1,5-6", "seconds=1-2", "bytes=9-2"] {
            let answer = get(range).await;
            assert!(answer.status == 200 && answer.bytes == whole, "{channel}: {range}");
        }
    }
}

#[tokio::test]
async fn a_part_goes_on_a_file_only_where_it_is_still_the_same() {
    let world = World::shared().await;
    let options = phone(world, "goes-on");
    let conversation = call(options.clone(), &Talk::random(34, RATE, 6, &[]).recording()).await;
    let get = async |channel: &str, headers: &[(&str, &str)]| {
        http::get_with(world.edge(), &path(conversation.id, channel), &options.token, headers).await
    };
    let tag = |answer: &http::Answer| answer.headers["etag"].to_str().expect("a tag").to_owned();
    let whole = get("stereo", &[]).await;
    let (etag, end) = (tag(&whole), whole.bytes.len());
    let other = tag(&get("mix", &[]).await);
    let weak = format!("W/{etag}");
    assert_ne!(etag, other);
    let range = "bytes=40-1039";
    for (if_range, is_part) in [
        (etag.as_str(), true),
        (&weak, false),
        (&other, false),
        ("\"\"", false),
        ("*", false),
        (etag.trim_matches('"'), false),
        ("\"00000000000000000000000000000000\"", false),
        ("Wed, 25 Mar 2026 12:00:00 GMT", false),
        ("Thu, 01 Jan 1970 00:00:00 GMT", false),
        ("Fri, 31 Dec 9999 23:59:59 GMT", false),
        ("tomorrow", false),
    ] {
        let answer = get("stereo", &[("range", range), ("if-range", if_range)]).await;
        let expected = if is_part { (206, &whole.bytes[40..1_040]) } else { (200, &whole.bytes[..]) };
        assert!((answer.status, &answer.bytes[..]) == expected, "{if_range}: {}", answer.status);
        assert_eq!(tag(&answer), etag);
        assert_eq!(answer.headers.contains_key("content-range"), is_part, "{if_range}");
        let without = get("stereo", &[("if-range", if_range)]).await;
        assert_eq!((without.status, without.bytes.len()), (200, end), "{if_range}");
        let beyond = get("stereo", &[("range", &format!("bytes={end}-")), ("if-range", if_range)]).await;
        assert_eq!(beyond.status, if is_part { 416 } else { 200 }, "{if_range}");
    }
    for (name, value, status, length) in [
        ("if-none-match", etag.as_str(), 304, 0),
        ("if-none-match", &weak, 304, 0),
        ("if-none-match", "*", 304, 0),
        ("if-none-match", &format!("{other}, {etag}"), 304, 0),
        ("if-none-match", &other, 200, end),
        ("if-match", &etag, 200, end),
        ("if-match", "*", 200, end),
        ("if-match", &weak, 412, 0),
        ("if-match", &other, 412, 0),
    ] {
        let answer = get("stereo", &[(name, value)]).await;
        assert_eq!((answer.status, answer.bytes.len()), (status, length), "{name}: {value}");
        let head = http::raw(
            hyper::Method::HEAD,
            world.edge(),
            &path(conversation.id, "stereo"),
            &[("authorization", &format!("Bearer {}", options.token)), (name, value), ("range", range)],
            "",
        )
        .await;
        assert_eq!((head.status, head.bytes.len()), (status, 0), "HEAD, {name}: {value}");
    }
}

#[tokio::test]
async fn a_transcript_is_had_in_every_form() {
    let world = World::shared().await;
    let options = phone(world, "transcribed");
    let user = Script::new(RATE).word(0, "harbor").word(1_900, "lantern").samples(4_000);
    let remote = Script::new(RATE).word(1_000, "magnet").samples(4_000);
    let conversation = call(options.clone(), &Recording::new(RATE, user, remote)).await;

    let get = async |format: &str| {
        let path = format!("{}{format}", transcript(conversation.id));
        let answer = http::get(world.edge(), &path, &options.token).await;
        assert_eq!((answer.status, answer.code()), (200, ""), "{format}");
        answer
    };
    assert_eq!(conversation.transcript_segments.len(), 3);
    for json in ["", "?format=json"] {
        let segments: Vec<WireSegment> = serde_json::from_value(get(json).await.body).expect("segments");
        assert_eq!(segments, conversation.transcript_segments);
    }
    let text = get("?format=txt").await.text;
    assert_eq!(text, "[00:00] You: harbor\n[00:01] Them: magnet\n[00:01] You: lantern\n");

    let times =
        conversation.transcript_segments.iter().map(|segment| (segment.start, segment.end.max(segment.start + 0.5)));
    let clock = |seconds: f64, point: char| {
        let millis = Samples::from_seconds(seconds).millis();
        format!("00:00:{:02}{point}{:03}", millis / 1_000, millis % 1_000)
    };
    let said = [("You", "harbor"), ("Them", "magnet"), ("You", "lantern")];
    let (mut srt, mut vtt) = (String::new(), "WEBVTT\n".to_owned());
    for ((number, (name, word)), (start, end)) in (1..).zip(said).zip(times) {
        let _ = write!(srt, "{number}\n{} --> {}\n{name}: {word}\n\n", clock(start, ','), clock(end, ','));
        let _ = write!(vtt, "\n{} --> {}\n<v {name}>{word}\n", clock(start, '.'), clock(end, '.'));
    }
    assert_eq!(get("?format=srt").await.text, srt);
    assert_eq!(get("?format=vtt").await.text, vtt);
}

#[tokio::test]
async fn while_the_call_runs_there_is_a_transcript_and_no_audio_yet() {
    let world = World::shared().await;
    let options = phone(world, "not-yet");
    let mut phone = Phone::connect(options.clone()).await.expect("let in");
    let user = Script::new(RATE).word(200, "saddle").samples(2_500);
    phone.play(&Recording::new(RATE, user, vec![]), &Delivery::default()).await.expect("still there");
    let id = http::only_conversation(world.edge(), &options.token).await.id;
    let audio = http::get(world.edge(), &path(id, "stereo"), &options.token).await;
    assert_eq!((audio.status, audio.code(), audio.detail()), (409, "call_running", "The call is still running"));
    let text = http::get(world.edge(), &format!("{}?format=txt", transcript(id)), &options.token).await.text;
    assert_eq!(text, "[00:00] You: saddle\n");
    phone.hang_up(LIMIT).await;
    assert_eq!(http::get(world.edge(), &path(id, "stereo"), &options.token).await.status, 200);
}

#[tokio::test]
async fn nobody_else_gets_audio_or_transcript_and_what_there_is_not_is_refused() {
    let world = World::shared().await;
    let options = phone(world, "overheard");
    let stranger = world.token("eavesdropper");
    let conversation = call(options.clone(), &Talk::random(33, RATE, 2, &[]).recording()).await;
    let answered = async |path: &str, token: Option<&str>| {
        let answer = http::send(hyper::Method::GET, world.edge(), path, token).await;
        (answer.status, answer.code().to_owned())
    };
    for path in [path(conversation.id, "1"), transcript(conversation.id)] {
        assert_eq!(answered(&path, Some(&stranger)).await, (404, "conversation_not_found".to_owned()), "{path}");
        assert_eq!(answered(&path, None).await, (401, "authorization_missing".to_owned()), "{path}");
        let unknown = path.replace(&conversation.id.to_string(), UNKNOWN);
        assert_eq!(answered(&unknown, Some(&options.token)).await, (404, "conversation_not_found".to_owned()));
    }
    for channel in ["3", "0", "", "left", "Stereo"] {
        let refusal = answered(&path(conversation.id, channel), Some(&options.token)).await;
        assert_eq!(refusal, (400, "channel_invalid".to_owned()), "{channel:?}");
        assert_eq!(answered(&path(conversation.id, channel), None).await.0, 401, "who asks comes first");
    }
    for format in ["doc", "", "JSON"] {
        let path = format!("{}?format={format}", transcript(conversation.id));
        assert_eq!(answered(&path, Some(&options.token)).await, (400, "format_invalid".to_owned()), "{format:?}");
    }
}

#[tokio::test]
async fn a_call_without_a_sample_is_a_file_without_one() {
    let world = World::shared().await;
    let options = phone(world, "soundless");
    let received = Phone::connect(options.clone()).await.expect("let in").hang_up(LIMIT).await;
    let id = received.conversation().expect("memory_created").id;
    assert_eq!(sides(world.edge(), &options.token, id).await, PerChannel::default());
    let beyond = http::get_with(world.edge(), &path(id, "stereo"), &options.token, &[("range", "bytes=44-")]).await;
    assert_eq!(beyond.status, 416);
    let text = http::get(world.edge(), &format!("{}?format=txt", transcript(id)), &options.token).await;
    assert_eq!((text.status, text.text.as_str()), (200, ""));
}

fn phone(world: &World, user: &str) -> PhoneOptions {
    PhoneOptions { sample_rate: RATE, ..world.phone(user) }
}

fn transcript(conversation: ConversationId) -> String {
    format!("/v1/conversations/{conversation}/transcript")
}

/// Places a call, plays a recording to it and ends it.
async fn call(options: PhoneOptions, recording: &Recording) -> Conversation {
    let mut phone = Phone::connect(options).await.expect("let in");
    phone.play(recording, &Delivery::default()).await.expect("still there");
    phone.hang_up(LIMIT).await.conversation().expect("memory_created").clone()
}
