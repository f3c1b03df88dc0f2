//! What a speech service refuses for good is tried once on each side, told once, and waited for by nobody; and a language goes to
//! the service by the name that it lists.

use std::time::Duration;

use fourwire_lab::app::{Delivery, Phone, PhoneOptions};
use fourwire_lab::deepgram::{Fault, Refusal, RefusalKind, Which};
use fourwire_tests::{Talk, World, assert_words_land};
use fourwire_wire::event::{SpeechFault, Status};
use fourwire_wire::frame::Channel;
use serde_json::{Value, json};

const RATE: u32 = 16_000;
/// How long the call takes, in seconds: a service that was tried again would have been, several times.
const SECONDS: u32 = 8;
const LIMIT: Duration = Duration::from_mins(1);

#[tokio::test]
async fn what_a_service_refuses_for_good_is_tried_once_a_side_and_the_operator_finds_it_in_the_log() {
    for (kind, fault, status) in [
        (RefusalKind::Auth, SpeechFault::Credentials, 401),
        (RefusalKind::Model, SpeechFault::Credentials, 403),
        (RefusalKind::Payment, SpeechFault::Quota, 402),
        (RefusalKind::Quota, SpeechFault::Quota, 429),
        (RefusalKind::Language, SpeechFault::Language, 400),
    ] {
        let world = World::start().await;
        world.lab.speech().arm(Which::All, Fault::Refuse(Refusal::of(kind)));
        let options = PhoneOptions { sample_rate: RATE, ..world.phone("refused-for-good") };
        let mut phone = Phone::connect(options).await.expect("let in");
        let talk = Talk::random(61, RATE, SECONDS, &[]);
        phone.play(&talk.recording(), &Delivery::default()).await.expect("still there");
        let received = phone.hang_up(LIMIT).await;
        assert_eq!(received.close_code(), Some(1000));

        assert_eq!(world.lab.speech().streams().len(), 2, "one try a side: {kind:?}");
        let told: Vec<_> = received.statuses().filter(|told| told.channel.is_some()).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        for told in &told {
            let what = (told.status, told.reason, told.retryable, told.retry_after);
            assert_eq!(what, (Status::SttFailed, Some(fault), Some(false), None), "{told:?}");
            assert!(!told.status_text.contains("dg-") && !told.status_text.contains(&status.to_string()), "{told:?}");
        }
        let waited = received.closing.as_ref().expect("closed").at.saturating_sub(Duration::from_secs(SECONDS.into()));
        assert!(waited < Duration::from_secs(20), "the end waited for a service that cannot answer: {waited:?}");
        let conversation = received.conversation().expect("memory_created");
        assert!(conversation.audio.iter().all(|audio| audio.stored == talk.length()), "the record is complete");
        let lines = world.logged_times("speech_refused_for_good", 2).await;
        let of_call = |line: &&Value| line["conversation"] == json!(conversation.id);
        assert!(lines.iter().filter(of_call).all(|line| line["status"] == status), "{lines:?}");
        assert_eq!(lines.iter().filter(of_call).count(), 2, "once a side: {lines:?}");
    }
}

#[tokio::test]
async fn what_phones_and_browsers_call_a_language_is_captioned() {
    let world = World::start().await;
    let calls = [("de-DE", "de"), ("nb-NO", "no"), ("es-MX", "es-419"), ("zh-Hant-TW", "zh-TW"), ("en_CA", "en")];
    let placed = calls.map(|(tag, listed)| {
        let options =
            PhoneOptions { sample_rate: RATE, language: tag.to_owned(), ..world.phone(&format!("language-{listed}")) };
        let call = async move {
            let talk = Talk::random(62, RATE, 4, &[]);
            let mut phone = Phone::connect(options).await.expect("let in");
            phone.play(&talk.recording(), &Delivery::default()).await.expect("still there");
            (talk, phone.hang_up(LIMIT).await)
        };
        (tag, listed, tokio::spawn(call))
    });
    for (tag, listed, call) in placed {
        let (talk, received) = call.await.expect("the call ends well");
        let conversation = received.conversation().expect("memory_created");
        assert_words_land(&conversation.transcript_segments, &talk.said());
        assert_eq!(conversation.language.as_str(), tag.replace('_', "-"), "as the client said");
        let streams = world.lab.speech().streams();
        let own = streams.iter().filter(|stream| stream.parameter("language") == Some(listed)).count();
        assert_eq!(own, 2, "{tag} is {listed}");
    }
}

#[tokio::test]
async fn a_language_that_no_service_has_is_told_and_the_call_is_recorded() {
    let world = World::start().await;
    let options = PhoneOptions { sample_rate: RATE, language: "sw-KE".to_owned(), ..world.phone("language-none") };
    let mut phone = Phone::connect(options).await.expect("let in");
    let talk = Talk::random(63, RATE, 3, &[]);
    phone.play(&talk.recording(), &Delivery::default()).await.expect("still there");
    let received = phone.hang_up(LIMIT).await;
    for channel in Channel::BOTH {
        let told: Vec<_> = received.statuses().filter(|told| told.channel == Some(channel)).collect();
        let what: Vec<_> = told.iter().map(|told| (told.status, told.reason, told.retryable)).collect();
        assert_eq!(what, [(Status::SttFailed, Some(SpeechFault::Language), Some(false))]);
    }
    assert!(world.lab.speech().streams().is_empty());
    let conversation = received.conversation().expect("memory_created");
    assert!(conversation.audio.iter().all(|audio| audio.stored == talk.length()));
}
