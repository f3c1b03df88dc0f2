//! A speech service that says nothing is noticed by what is said and not by how loud: a real call, at its own level and far
//! below it.

use std::time::Duration;

use fourwire_lab::app::{Delivery, Phone, PhoneOptions};
use fourwire_lab::deepgram::{Fault, Which};
use fourwire_lab::recording::Recording;
use fourwire_tests::{World, workerd};
use fourwire_wire::event::{SpeechFault, Status};
use fourwire_wire::frame::Channel;
use fourwire_wire::units::Samples;

const RATE: u32 = 16_000;
/// How long the call is played: both have spoken for more than five seconds by then.
const SECONDS: usize = 22;

#[tokio::test]
async fn a_service_that_says_nothing_is_noticed_however_quiet_both_speak() {
    let sample = workerd::top().join(".tools/samples");
    assert!(sample.exists(), "{} is missing: `cargo xtask setup --for test` brings it", sample.display());
    let recording = Recording::read_sample(&sample).expect("the recording").at_rate(RATE);
    let world = World::start().await;
    world.lab.speech().arm(Which::All, Fault::Silent { from: Samples::ZERO });
    let calls = [0, 12, 20, 26].map(|decibels| {
        let options = PhoneOptions { sample_rate: RATE, ..world.phone(&format!("quiet-{decibels}")) };
        let gain = 10_f64.powf(-f64::from(decibels) / 20.0);
        let quieter = |samples: &[i16]| samples.iter().take(SECONDS * 16_000).map(|it| scaled(*it, gain)).collect();
        let [user, remote] = Channel::BOTH.map(|channel| quieter(recording.audio.get(channel)));
        let call = async move {
            let mut phone = Phone::connect(options).await.expect("let in");
            phone.play(&Recording::new(RATE, user, remote), &Delivery::default()).await.expect("still there");
            phone.hang_up(Duration::from_mins(1)).await
        };
        (decibels, tokio::spawn(call))
    });
    for (decibels, call) in calls {
        let received = call.await.expect("the call ends well");
        for channel in Channel::BOTH {
            let is_noticed = received.statuses().any(|told| {
                told.status == Status::SttFailed
                    && told.reason == Some(SpeechFault::Quiet)
                    && told.channel == Some(channel)
            });
            assert!(is_noticed, "channel {} at −{decibels} dB", channel.byte());
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "quieter than it was")]
fn scaled(sample: i16, gain: f64) -> i16 {
    (f64::from(sample) * gain) as i16
}
