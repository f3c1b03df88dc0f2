//! Speech, names and tokens reach neither the Worker's log nor its disk in clear, also where everything goes wrong.
//!
//! Every line of every world's log is judged when it comes (`fourwire_tests::personal`); this is the worst that one world
//! can go through, and what it leaves.

use std::path::PathBuf;
use std::time::Duration;

use fourwire_lab::app::{Delivery, Phone, PhoneOptions};
use fourwire_lab::deepgram::{Fault, Refusal, Which};
use fourwire_lab::identity::Flaw;
use fourwire_tests::raw::Raw;
use fourwire_tests::workerd::Sockets;
use fourwire_tests::{Talk, World, http, personal};
use fourwire_wire::frame::MAX_PAYLOAD_BYTES;
use fourwire_wire::units::Samples;

const RATE: u32 = 16_000;
const USER: &str = "someone@example.test";

#[tokio::test]
async fn a_world_in_which_everything_goes_wrong_tells_nothing_of_anybody() {
    let world = World::start().await;
    let speech = world.lab.speech();
    let at = Samples::from_millis(2_000);
    speech.arm(Which::Nth(1), Fault::Refuse(Refusal::new(402, "PAYMENT", "Payment required.")));
    speech.arm(Which::Nth(2), Fault::Garbage { at, text: r#"{"type":"Results","channel":"lantern"}"#.to_owned() });
    speech.arm(Which::Nth(3), Fault::Close { at, code: 1011, reason: "harbor".to_owned() });
    speech.arm(Which::Nth(4), Fault::Drop { at });

    let options = PhoneOptions { sample_rate: RATE, ..world.phone(USER) };
    let recording = Talk::random(61, RATE, 4, &[]).recording();
    let mut phone = Phone::connect(options.clone()).await.expect("let in");
    world.evict_call(USER, &options, Sockets::Hibernate);
    phone.play(&recording, &Delivery::default()).await.expect("still there");
    phone.send_text(r#"{"type":"lantern","token":"+4915550001111"}"#).await.expect("still there");
    phone.send_text(r#"{"type":"inject","fault":"panic"}"#).await.expect("still there");
    phone.play(&recording, &Delivery::default()).await.expect("still there");
    let _ = phone.send_binary(vec![1; MAX_PAYLOAD_BYTES + 2]).await;
    phone.vanish();

    let flawed = world.lab.issuer().flawed_token(USER, Flaw::ForgedSignature);
    Raw::open(world.edge(), "/v4/listen?channels=2", Some(&format!("Bearer {flawed}"))).await.rest().await;
    http::get(world.edge(), &format!("/v1/conversations/{USER}?token={flawed}"), &options.token).await;
    http::refused_upgrade(world.edge(), "/v4/listen?channels=2&call_id=someone%40example.test%2F").await;
    let mut phone = Phone::connect(options.clone()).await.expect("let in again");
    phone.play(&recording, &Delivery::default()).await.expect("still there");
    let received = phone.hang_up(Duration::from_secs(30)).await;
    let conversation = received.conversation().expect("memory_created");
    assert!(conversation.transcript_segments.len() > 3, "there was something to tell");

    let refused = world.logged_times("speech_refused", 1).await;
    let log = world.workerd.log();
    assert!(refused.iter().any(|line| line["status"] == 402), "the log tells what an operator needs: {log}");
    for line in log.lines() {
        assert_eq!(personal::in_line(line), None, "{line}");
    }
    let kept = |found: std::io::Result<Vec<PathBuf>>| found.expect("the state can be read");
    assert!(!kept(personal::files(&world.kept())).is_empty(), "there is something on disk to look at");
    assert_eq!(kept(personal::on_disk(&world.kept())), Vec::<PathBuf>::new());
    // workerd notes the name of each object beside its data, as the platform does in its dashboard: it is nobody's id.
    assert_eq!(kept(personal::user_on_disk(&world.kept(), USER)), Vec::<PathBuf>::new());
}
