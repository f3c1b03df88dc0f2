//! What an operator gets who sets nothing: nobody trains on calls, addresses are safe and tell nothing, callees are told.

use std::time::{Duration, Instant};

use fourwire_lab::LabOptions;
use fourwire_lab::app::{Delivery, Phone, PhoneOptions};
use fourwire_lab::identity::KeysAnswer;
use fourwire_tests::phone::webhook::Webhook;
use fourwire_tests::workerd::top;
use fourwire_tests::{Talk, World, http, personal};
use hyper::Method;
use serde_json::{Map, Value, json};
use tokio::time::sleep;

const LIMIT: Duration = Duration::from_secs(30);
const SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// Headers that are there to be shown, or random, or have as many digits as a telephone number.
const SHOWN: [&str; 5] = ["authorization", "sec-websocket-key", "webhook-id", "webhook-signature", "webhook-timestamp"];

/// A call of three seconds in a world, with words in it.
async fn call(world: &World, user: &str) -> PhoneOptions {
    let options = PhoneOptions { sample_rate: 16_000, ..world.phone(user) };
    let mut phone = Phone::connect(options.clone()).await.expect("let in");
    let recording = Talk::random(1_312, 16_000, 3, &[]).recording();
    phone.play(&recording, &Delivery::default()).await.expect("still there");
    phone.hang_up(LIMIT).await.conversation().expect("memory_created");
    options
}

/// Waits for something that is sure to come.
async fn wait_until(mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < 2 * LIMIT, "it does not come");
        sleep(Duration::from_millis(100)).await;
    }
}

fn set(variables: &mut Map<String, Value>, settings: &[(&str, &str)]) {
    variables.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())));
}

#[tokio::test]
async fn a_speech_service_may_not_keep_calls_unless_the_operator_allows_it() {
    for (setting, expected) in [(None, Some("true")), (Some("allow"), None)] {
        let world = World::with(LabOptions::default(), |variables| {
            set(variables, setting.map(|value| ("DEEPGRAM_MODEL_IMPROVEMENT", value)).as_slice());
        })
        .await;
        call(&world, "not-trained-on").await;
        let streams = world.lab.speech().streams();
        assert!(!streams.is_empty());
        for stream in streams {
            assert_eq!(stream.parameter("mip_opt_out"), expected, "{setting:?}");
        }
    }
}

#[tokio::test]
async fn an_address_that_is_neither_https_nor_this_machine_is_refused_by_name() {
    const ADDRESSES: [&str; 6] =
        ["IDENTITY_KEYS_URL", "DEEPGRAM_URL", "TWILIO_API_URL", "SUMMARY_URL", "PUSHER_URL", "WEBHOOK_URL"];
    let world = World::with(LabOptions::default(), |variables| {
        set(variables, &[("SUMMARY_MODEL", "any"), ("WEBHOOK_SECRET", SECRET)]);
        set(variables, &ADDRESSES.map(|name| (name, "http://service.example.test")));
    })
    .await;
    let health = http::send(Method::GET, world.edge(), "/healthz", None).await;
    let problem = |name: &str| format!("{name} is not an https:// address (http:// is for this machine itself)");
    assert_eq!((health.status, &health.body["problems"]), (503, &json!(ADDRESSES.map(problem))));
}

#[tokio::test]
async fn a_webhook_that_points_elsewhere_is_not_followed_and_not_counted_as_told() {
    let world = World::with_urls(LabOptions::default(), |variables, lab| {
        set(variables, &[("WEBHOOK_URL", lab.hook_url().as_str()), ("WEBHOOK_SECRET", SECRET)]);
    })
    .await;
    world.lab.hook().answer([301]);
    call(&world, "not-redirected").await;
    wait_until(|| {
        world.logged("webhook_refused").iter().any(|line| line["status"] == 301) || world.lab.hook().followed() > 0
    })
    .await;
    assert_eq!((world.lab.hook().messages().len(), world.lab.hook().followed()), (1, 0));
}

#[tokio::test]
async fn keys_are_taken_from_the_issuer_s_own_address_alone() {
    let world = World::start().await;
    world.lab.issuer().answer_keys(KeysAnswer::Redirect);
    let answer = http::get(world.edge(), "/v1/conversations", &world.token("sent-elsewhere")).await;
    assert_eq!((answer.status, answer.code()), (503, "issuer_unreachable"));
}

#[tokio::test]
async fn nobody_is_recorded_before_the_operator_has_said_what_callees_are_told() {
    let world = World::with(LabOptions::default(), |variables| _ = variables.remove("CALL_NOTICE")).await;
    let sentence = "CALL_NOTICE is not configured";
    let health = http::send(Method::GET, world.edge(), "/healthz", None).await;
    assert_eq!((health.status, &health.body["problems"]), (503, &json!([sentence])));
    for path in ["/v4/listen?channels=2", "/v4/web/listen?channels=2"] {
        let answer = http::refused_upgrade(world.edge(), path).await;
        assert_eq!((answer.status, answer.detail()), (503, sentence), "{path}");
    }
    let token = http::send(Method::POST, world.edge(), "/v1/phone/token", Some(&world.token("not-recorded"))).await;
    assert_eq!((token.status, token.detail()), (503, sentence));
}

#[tokio::test]
async fn a_notice_is_said_in_each_of_its_languages() {
    let world = World::with(LabOptions::default(), |variables| {
        set(variables, &[("CALL_NOTICE", "[de-DE] Dieses Gespräch wird aufgezeichnet. | This call is recorded.")]);
    })
    .await;
    let heard = Webhook::new("/v1/phone/notice", &[("CallSid", "CA0")]).send(&world).await;
    let body = "<Response><Say language=\"de-DE\">Dieses Gespräch wird aufgezeichnet.</Say>\
                <Say>This call is recorded.</Say></Response>";
    assert!(heard.status == 200 && heard.text.ends_with(body), "{}", heard.text);
}

#[tokio::test]
async fn what_somebody_looks_for_stands_in_no_address() {
    let world = World::shared().await;
    let token = world.token("looks-privately");
    let answer = http::get(world.edge(), "/v1/conversations?q=roof", &token).await;
    assert_eq!((answer.status, answer.code()), (400, "page_invalid"), "{}", answer.text);
    for body in ["", "[]", r#"{"q":1}"#, r#"{"words":"roof"}"#] {
        let answer = http::post(world.edge(), "/v1/conversations/search", &token, body).await;
        assert_eq!((answer.status, answer.code()), (422, "body_invalid"), "{body}");
    }
    let answer = http::post(world.edge(), "/v1/conversations/search", &token, r#"{"q":"roof","limit":201}"#).await;
    assert_eq!((answer.status, answer.code()), (400, "page_invalid"));
    let answer = http::post(world.edge(), "/v1/conversations/search", &token, r#"{"q":"roof"}"#).await;
    assert_eq!((answer.status, &answer.body), (200, &json!([])));
}

#[tokio::test]
async fn nothing_personal_stands_in_an_address_or_a_header_that_goes_out() {
    let world = World::with_urls(LabOptions::default(), |variables, lab| {
        let (hook, model) = (lab.hook_url(), lab.model_url());
        set(variables, &[("WEBHOOK_URL", hook.as_str()), ("WEBHOOK_SECRET", SECRET)]);
        set(variables, &[("SUMMARY_URL", model.as_str()), ("SUMMARY_MODEL", "any"), ("SUMMARY_API_KEY", "any")]);
    })
    .await;
    let options = call(&world, "unseen-on-the-way@example.test").await;
    let call_id = options.call_id.expect("a name");
    wait_until(|| !world.lab.hook().messages().is_empty()).await;
    let requests = world.lab.requests();
    let of = |path: &str| requests.iter().filter(|seen| seen.uri.path().starts_with(path)).count();
    for path in ["/identity/keys", "/deepgram/v1/listen", "/model/", "/hook"] {
        assert!(of(path) > 0, "{path} was asked");
    }
    for seen in &requests {
        let uri = seen.uri.to_string();
        assert_eq!(personal::in_line(&uri), None, "{uri}");
        assert!(!uri.contains(&call_id), "{uri}");
        for (name, value) in &seen.headers {
            let value = value.to_str().unwrap_or_default();
            if !SHOWN.contains(&name.as_str()) {
                assert_eq!(personal::in_line(value), None, "{name}");
                assert!(!value.contains(&call_id), "{name}");
            }
        }
    }
}

/// What the platform logs is set where it is deployed from: <https://developers.cloudflare.com/workers/observability/logs/workers-logs/>.
#[test]
fn the_platform_logs_no_requests_and_no_queries() {
    let settings = std::fs::read_to_string(top().join("wrangler.toml")).expect("it is there");
    let observability = settings.split("[observability]").nth(1).expect("it says what is logged");
    assert!(observability.contains("\nredact_query_string = true\n"), "{observability}");
    let logs = observability.split("[observability.logs]").nth(1).expect("it says how");
    assert!(logs.contains("\ninvocation_logs = false\n"), "{logs}");
    let traces = observability.split("[observability.traces]").nth(1).expect("it says how");
    assert!(traces.contains("\nenabled = false\n"), "{traces}");
}

/// Objects are asked under constant addresses: what is asked is in the body, and in a header where an upgrade has no body.
#[test]
fn no_address_within_the_worker_has_anything_put_into_it() {
    for file in personal::files(&top().join("edge/src")).expect("a folder") {
        let source = std::fs::read_to_string(&file).expect("a source");
        assert!(!source.contains("format!(\"https://") && !source.contains("format!(\"http://"), "{}", file.display());
    }
}
