//! Calls of a minute with everything that real networks and phones do to audio: frames of any size, a side that mutes, a
//! network that stalls, a speech service that is slow to answer. Every word lands where it was said, and the recording
//! is as long as the call.

use std::time::Duration;

use fourwire_lab::LabOptions;
use fourwire_lab::app::{Delivery, Frames, Mute, Phone, PhoneOptions, Received, Stall};
use fourwire_lab::deepgram::{Closed, Fault, SpeechOptions, Which};
use fourwire_tests::talk::TOLERANCE;
use fourwire_tests::{Talk, World, assert_words_land};
use fourwire_wire::event::Status;
use fourwire_wire::frame::Channel;

const SECONDS: u32 = 60;
/// The service's handshake takes so long, and both sides speak from the first sample on.
const HANDSHAKE: Duration = Duration::from_secs(2);

/// One side is muted for ten seconds twice.
fn mutes(channel: Channel) -> Vec<Mute> {
    let mute = |from: u64| Mute { channel, from: Duration::from_secs(from), until: Duration::from_secs(from + 10) };
    vec![mute(8), mute(38)]
}

/// Both sides stand still for five seconds, then everything comes at once.
fn stall() -> Stall {
    Stall { from: Duration::from_secs(25), until: Duration::from_secs(30) }
}

async fn call(options: PhoneOptions, seed: u64, side: Channel) -> (Talk, Received) {
    let mutes = mutes(side);
    let talk = Talk::random(seed, options.sample_rate, SECONDS, &mutes);
    let delivery = Delivery { speed: 1.0, frames: Frames::Random { seed }, mutes, stalls: vec![stall()] };
    let mut phone = Phone::connect(options).await.expect("let in");
    phone.play(&talk.recording(), &delivery).await.expect("still there");
    (talk, phone.hang_up(Duration::from_secs(40)).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_on_the_way_every_word_of_a_minute_lands_where_it_was_said() {
    // The service reads no faster than the real one, so the burst after the stall has to be paced.
    let speech = SpeechOptions { fastest: Some(1.25), ..SpeechOptions::default() };
    let world = World::with(LabOptions { speech, ..LabOptions::default() }, |_| {}).await;
    world.lab.speech().arm(Which::All, Fault::Delay(HANDSHAKE));

    // A language of its own tells a call's streams apart at the speech service.
    let calls = [
        (8_000, "en", 1, Channel::User),
        (16_000, "de", 2, Channel::Remote),
        (44_100, "fr", 3, Channel::User),
        (48_000, "es", 4, Channel::Remote),
    ];
    let place = |(sample_rate, language, seed, muted): (u32, &str, u64, Channel)| {
        let mut options = world.phone(&format!("minute-{sample_rate}"));
        options.sample_rate = sample_rate;
        language.clone_into(&mut options.language);
        tokio::spawn(call(options, seed, muted))
    };
    let placed: Vec<_> = calls.into_iter().map(|known| (known, place(known))).collect();

    for ((sample_rate, language, _, muted), call) in placed {
        let (talk, received) = call.await.expect("the call ends well");
        assert_eq!(received.close_code(), Some(1000));
        let conversation = received.conversation().expect("memory_created");
        assert_words_land(&received.segments, &talk.said_unmuted(&mutes(muted)));
        assert_words_land(&conversation.transcript_segments, &talk.said_unmuted(&mutes(muted)));
        for (channel, length) in Channel::BOTH.into_iter().zip(&conversation.audio) {
            let off = Duration::from_secs_f64((length.samples.seconds() - talk.length().seconds()).abs());
            // What a muted side leaves out is known by the server's clock alone, between two frames of the other side.
            let allowed = if channel == muted { TOLERANCE } else { Duration::ZERO };
            assert!(off <= allowed, "{sample_rate} Hz, channel {}: off by {off:?}", channel.byte());
        }

        let streams = world.lab.speech().streams();
        let own: Vec<_> = streams.iter().filter(|stream| stream.parameter("language") == Some(language)).collect();
        // A service that a busy machine starves is replaced, and the client is told.
        let replaced = received.statuses().filter(|told| told.status == Status::SttFailed).count();
        assert_eq!(own.len(), 2 + replaced, "one stream a side");
        let good = Some(Closed::ByServer { code: 1000, reason: String::new() });
        assert_eq!(own.iter().filter(|stream| stream.closed == good).count(), 2, "both are drained");
    }
}
