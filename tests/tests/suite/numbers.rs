//! A user's own telephone numbers: proven by whoever answers them, listed, chosen and given up.

use std::time::{Duration, Instant};

use fourwire_lab::LabOptions;
use fourwire_lab::twilio::{Course, Fault, Operation, Outcome};
use fourwire_tests::phone::PhoneUser;
use fourwire_tests::{World, http};
use hyper::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

const LIMIT: Duration = Duration::from_secs(20);
/// What the operator shows.
const KEY: &str = "the operator's key, of 32 letters";

#[tokio::test]
async fn a_number_is_verified_by_the_code_on_the_screen_and_listed() {
    let world = World::shared().await;
    let user = PhoneUser::new(world, "verifier");
    let number = "+12025550110";
    let started = user.verify(number).await;
    assert_eq!(started.status, 200, "{:?}", started.body);
    assert_eq!((&started.body["phone_number"], &started.body["status"]), (&json!(number), &json!("pending")));
    let code = started.body["validation_code"].as_str().expect("a text, with its zeros");
    assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()));
    assert!(started.body["verification_sid"].as_str().expect("a text").starts_with("CA"));

    let checked = user.wait_until_verified(number, LIMIT).await;
    let listed = user.get("/v1/phone/numbers").await;
    let own = &listed.body["numbers"][0];
    assert_eq!(own["id"], checked["phone_number_id"]);
    assert_eq!((&own["phone_number"], &own["is_primary"]), (&json!(number), &json!(true)));
    assert!(own["verified_at"].as_str().expect("a time").ends_with('Z'));
    assert_eq!(listed.body["pending"], json!([]));

    let again = user.verify(number).await;
    assert_eq!(
        (again.status, again.code(), again.detail()),
        (409, "already_verified", "Phone number already verified")
    );
    assert_eq!(world.lab.twilio().rings(number), 1);
}

#[tokio::test]
async fn what_goes_wrong_with_a_verification_is_told_so_that_a_person_understands() {
    let world = World::shared().await;
    let user = PhoneUser::new(world, "unlucky");
    for (number, status) in [("+12025550001", "wrong_code"), ("+12025550002", "no_answer")] {
        assert_eq!(user.verify(number).await.status, 200);
        assert_eq!(user.check(number).await["status"], "ringing");
        assert!(user.wait_until_status(number, status, LIMIT).await, "{status}");
        assert_eq!(user.check(number).await["verified"], false);
    }
    assert_eq!(user.check("+12025550199").await["status"], "none");
    assert_eq!(user.check("hello").await["status"], "none");
}

#[tokio::test]
async fn a_lost_callback_and_a_closed_app_lock_nobody_out() {
    let world = World::shared().await;
    let user = PhoneUser::new(world, "closed-app");
    // Twilio never tells of this one.
    let number = "+12125550003";
    assert_eq!(user.verify(number).await.status, 200);
    let twilio = world.lab.twilio();
    assert!(twilio.wait_until(LIMIT, |twilio| twilio.caller_ids().iter().any(|id| id.number.expose() == number)).await);
    // The app is opened again, and looks at its list.
    let listed = user.get("/v1/phone/numbers").await;
    assert_eq!(listed.body["numbers"][0]["phone_number"], number, "{:?}", listed.body);
}

#[tokio::test]
async fn deleting_the_primary_number_promotes_another() {
    let world = World::shared().await;
    let user = PhoneUser::new(world, "two-numbers");
    let (first, second) = ("+12025550120", "+12025550121");
    let first_id = user.verified(first).await;
    let second_id = user.verified(second).await;
    assert_eq!(user.post(&format!("/v1/phone/numbers/{second_id}/primary"), &json!({})).await.status, 200);
    assert_eq!(user.primary().await.as_deref(), Some(second));
    let deleted = user.send(Method::DELETE, &format!("/v1/phone/numbers/{second_id}")).await;
    assert_eq!((deleted.status, &deleted.body), (200, &json!({"success": true})));
    assert_eq!(user.primary().await.as_deref(), Some(first));
    assert!(!world.lab.twilio().caller_ids().iter().any(|id| id.number.expose() == second));
    let gone = user.send(Method::DELETE, &format!("/v1/phone/numbers/{second_id}")).await;
    assert_eq!((gone.status, gone.code()), (404, "number_not_found"));
    assert_eq!(user.send(Method::DELETE, &format!("/v1/phone/numbers/{first_id}")).await.status, 200);
    assert_eq!(user.primary().await, None);
}

#[tokio::test]
async fn one_user_cannot_see_choose_or_delete_another_s_number() {
    let world = World::shared().await;
    let owner = PhoneUser::new(world, "owner");
    let thief = PhoneUser::new(world, "thief");
    let number = "+12025550130";
    let id = owner.verified(number).await;
    assert_eq!(thief.get("/v1/phone/numbers").await.body["numbers"], json!([]));
    assert_eq!(thief.send(Method::DELETE, &format!("/v1/phone/numbers/{id}")).await.status, 404);
    assert_eq!(thief.post(&format!("/v1/phone/numbers/{id}/primary"), &json!({})).await.status, 404);
    assert_eq!(thief.check(number).await["status"], "none");
    let taken = thief.verify(number).await;
    assert_eq!((taken.status, taken.code()), (409, "number_taken"));
    assert_eq!(world.lab.twilio().rings(number), 1, "the owner's phone stays quiet");
    assert_eq!(owner.primary().await.as_deref(), Some(number));
}

#[tokio::test]
async fn two_users_who_want_one_number_get_it_as_the_phone_s_owner_decides() {
    let world = World::shared().await;
    let (ann, bob) = (PhoneUser::new(world, "rival-ann"), PhoneUser::new(world, "rival-bob"));
    let number = "+12025550131";
    world.lab.twilio().will(number, Course::Manual);
    let (first, second) = tokio::join!(ann.verify(number), bob.verify(number));
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{:?} {:?}", first.body, second.body);
    let (winner, loser) = if first.status == 200 { (&ann, &bob) } else { (&bob, &ann) };
    assert!(world.lab.twilio().finish(number, Outcome::Verified));
    winner.wait_until_verified(number, LIMIT).await;
    assert_eq!(loser.check(number).await["verified"], false);
    assert_eq!(loser.verify(number).await.code(), "number_taken");
    assert_eq!(world.lab.twilio().rings(number), 1);
}

#[tokio::test]
async fn a_number_that_was_given_up_while_twilio_was_down_can_be_verified_by_anybody_anew() {
    let world = World::with(LabOptions::default(), |_| {}).await;
    let (ann, bob) = (PhoneUser::new(&world, "leaving-ann"), PhoneUser::new(&world, "coming-bob"));
    let number = "+12025550132";
    let id = ann.verified(number).await;
    let twilio = world.lab.twilio();
    twilio.fail_on(Operation::Delete, 10, Fault::Down);
    assert_eq!(ann.send(Method::DELETE, &format!("/v1/phone/numbers/{id}")).await.status, 200);
    assert_eq!(ann.get("/v1/phone/numbers").await.body["numbers"], json!([]));
    assert_eq!(twilio.caller_ids().len(), 1, "Twilio still lists it");
    // Nobody has it, and the list proves nothing.
    assert_eq!(bob.check(number).await["verified"], false);
    let refused = bob.verify(number).await;
    assert_eq!((refused.status, refused.code()), (503, "verification_not_started"));
    assert!(refused.headers.contains_key("retry-after"));
    twilio.heal();
    bob.verified(number).await;
    assert_eq!(ann.check(number).await["verified"], false);
    assert_eq!((twilio.rings(number), twilio.caller_ids().len()), (2, 1));
}

#[tokio::test]
async fn a_victim_s_phone_rings_no_more_often_than_its_limit_however_many_ask() {
    let world = World::shared().await;
    let victim = "+12125550002";
    let mut refused = 0;
    for attacker in 0..12 {
        let user = PhoneUser::new(world, &format!("attacker-{attacker}"));
        let answer = user.verify(victim).await;
        if answer.status == 429 {
            refused += 1;
            assert_eq!(answer.code(), "number_called_too_often");
            let wait: u64 = answer.headers["retry-after"].to_str().expect("a text").parse().expect("seconds");
            assert!((1..=3_600).contains(&wait), "{wait}");
        } else {
            assert_eq!(answer.status, 200, "{:?}", answer.body);
            assert!(user.wait_until_status(victim, "no_answer", LIMIT).await);
        }
    }
    // Three within an hour, and six for users for whom it had not been rung.
    assert_eq!((world.lab.twilio().rings(victim), refused), (9, 3));
}

#[tokio::test]
async fn a_stranger_who_has_a_number_rung_again_and_again_does_not_lock_its_owner_out() {
    let world = World::shared().await;
    let number = "+12125552202";
    let (stranger, owner) = (PhoneUser::new(world, "rings-others"), PhoneUser::new(world, "rung-by-others"));
    world.lab.twilio().will(number, Course::Manual);
    for _ in 0..3 {
        assert_eq!(stranger.verify(number).await.status, 200);
        assert!(world.lab.twilio().finish(number, Outcome::NoAnswer));
        assert!(stranger.wait_until_status(number, "no_answer", LIMIT).await);
    }
    let refused = stranger.verify(number).await;
    assert_eq!((refused.status, refused.code()), (429, "number_called_too_often"));
    owner.verified_at_once(world.lab.twilio(), number).await;
    assert_eq!(owner.primary().await.as_deref(), Some(number));
}

#[tokio::test]
async fn a_user_has_so_many_verifications_a_day_and_all_users_together_too() {
    let limits = [("VERIFICATIONS_A_DAY", "2"), ("TOTAL_RINGS_A_DAY", "3"), ("OPERATOR_KEY", KEY)];
    let limits = limits.map(|(name, value)| (name.to_owned(), Value::from(value)));
    let world = World::with(LabOptions::default(), |variables| variables.extend(limits)).await;
    let first = PhoneUser::new(&world, "has-two-a-day");
    for (number, status) in [("+12025552211", 200), ("+12025552212", 200), ("+12025552213", 429)] {
        let answer = first.verify(number).await;
        assert_eq!(answer.status, status, "{number}: {:?}", answer.body);
        if status == 429 {
            assert_eq!(answer.code(), "too_many_requests");
            let wait: u64 = answer.headers["retry-after"].to_str().expect("a text").parse().expect("seconds");
            assert!((80_000..=86_400).contains(&wait), "{wait}");
        }
    }
    let second = PhoneUser::new(&world, "comes-too-late");
    assert_eq!(second.verify("+12025552214").await.status, 200);
    let refused = second.verify("+12025552215").await;
    assert_eq!((refused.status, refused.code()), (503, "deployment_limit_reached"));
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(world.lab.twilio().rings("+12025552215"), 0);
    let reached = json!({ "level": "error", "event": "ceiling_reached", "counter": "rings", "used": 3, "ceiling": 3 });
    assert_eq!(world.logged_times("ceiling_reached", 1).await, [reached]);
    let usage = http::get(world.edge(), "/v1/operator/usage", KEY).await;
    assert_eq!(usage.body["usage"][0], json!({"counter": "rings", "used": 3, "ceiling": 3}), "{:?}", usage.body);
    // With its number the user has what there was before.
    assert_eq!(http::get(world.edge(), "/v1/operator/usage", &second.token).await.status, 401);
}

#[tokio::test]
async fn a_list_that_is_asked_for_again_and_again_asks_twilio_seldom() {
    let world = World::with(LabOptions::default(), |_| {}).await;
    let user = PhoneUser::new(&world, "keeps-looking");
    let numbers: Vec<_> = (0..5).map(|last| format!("+1202555223{last}")).collect();
    for number in &numbers {
        world.lab.twilio().will(number, Course::Manual);
        assert_eq!(user.verify(number).await.status, 200);
    }
    let asked = || world.lab.twilio().requests().len();
    let (before, begun) = (asked(), Instant::now());
    for _ in 0..60 {
        let listed = user.get("/v1/phone/numbers").await;
        assert_eq!(listed.body["pending"].as_array().map(Vec::len), Some(numbers.len()), "{:?}", listed.body);
        sleep(Duration::from_millis(100)).await;
    }
    // A number every three seconds, so this many at most, however long the machine took.
    let most = numbers.len() as u64 * (1 + begun.elapsed().as_secs() / 3);
    assert!((asked() - before) as u64 <= most, "{} of at most {most}", asked() - before);
}

#[tokio::test]
async fn a_user_has_five_verifications_an_hour() {
    let world = World::shared().await;
    let user = PhoneUser::new(world, "impatient");
    for last in 50..55 {
        assert_eq!(user.verify(&format!("+120255501{last}")).await.status, 200);
    }
    let sixth = user.verify("+12025550155").await;
    assert_eq!((sixth.status, sixth.code(), sixth.detail()), (429, "too_many_requests", "Too Many Requests"));
    assert!(sixth.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn numbers_that_nobody_should_ring_are_refused_before_anything_happens() {
    let world = World::shared().await;
    let user = PhoneUser::new(world, "fraudster");
    for (number, code) in [
        ("+15551234567", "number_invalid"),
        ("2025550142", "number_invalid"),
        ("+1202555014", "number_invalid"),
        ("", "number_invalid"),
        ("+19002340142", "number_not_allowed"),
        ("+18765550142", "number_not_allowed"),
        ("+881612345678", "number_not_allowed"),
        ("+252612345678", "number_not_allowed"),
    ] {
        let answer = user.verify(number).await;
        assert_eq!((answer.status, answer.code()), (400, code), "{number}");
        assert_eq!(world.lab.twilio().rings(number), 0);
    }
    for body in ["", "{}", "[]", r#"{"phone_number":5}"#, r#"{"phone_number":"+12025550142""#] {
        let answer = user.post_text("/v1/phone/numbers/verify", body).await;
        assert_eq!((answer.status, answer.code()), (422, "body_invalid"), "{body}");
    }
}

#[tokio::test]
async fn a_stranger_has_no_numbers() {
    let world = World::shared().await;
    for (method, path) in [
        (Method::GET, "/v1/phone/numbers"),
        (Method::POST, "/v1/phone/numbers/verify"),
        (Method::POST, "/v1/phone/numbers/verify/check"),
        (Method::POST, "/v1/phone/token"),
        (Method::GET, "/v1/phone/calls"),
        (Method::DELETE, "/v1/phone/numbers/5f7c8ec7-c33c-4c00-8bba-fe8200000000"),
    ] {
        let answer = http::send(method, world.edge(), path, None).await;
        assert_eq!((answer.status, answer.code()), (401, "authorization_missing"), "{path}");
    }
}
