//! The record of a call: what is stored, joined, is what each side's client sent, sample for sample, whatever the store does.

use fourwire_engine::audio::SampleRate;
use fourwire_engine::audio::resample::Resampler;
use fourwire_wire::event::Status;
use fourwire_wire::frame::{Channel, Frame};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::harness::Call;
use crate::harness::client::Client;
use crate::harness::voice::{Said, words};
use crate::harness::world::Told;

/// What a side sent, resampled in one piece; for clients that send all the time.
fn sent(client: &Client, channel: Channel) -> Vec<u8> {
    let mut resampler = Resampler::new(SampleRate::new(client.rate).unwrap());
    let mut samples = Vec::new();
    for (_, frame) in client.frames() {
        if let Frame::Audio { channel: of, pcm } = Frame::parse(&frame)
            && of == channel
        {
            resampler.push(pcm.samples(), &mut samples);
        }
    }
    resampler.finish(&mut samples);
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

fn talk() -> (Vec<Said>, Vec<Said>) {
    (words(0, 25, 300, 1_100), words(100, 25, 800, 1_100))
}

fn client(rate: u32, millis: u64) -> Client {
    let (user, remote) = talk();
    Client::new(rate, millis, user, remote)
}

fn assert_complete(call: &Call, client: &Client) {
    for channel in Channel::BOTH {
        let joined = call.world.recording.joined(channel);
        assert!(joined == sent(client, channel), "{channel:?}: {} bytes are stored", joined.len());
        let audio = call.conversation().audio.iter().find(|audio| audio.channel == channel).unwrap();
        assert_eq!(audio.samples, audio.stored);
        assert_eq!(usize::try_from(2 * audio.samples.get()).unwrap(), joined.len());
    }
}

/// What the client was told of the record, with the times.
fn told(call: &Call) -> Vec<(u64, Status)> {
    let told = call.world.told.iter().filter_map(|(at, told)| match told {
        Told::Status(status) if status.channel.is_none() => Some((*at, status.status)),
        _ => None,
    });
    let of_record = |(_, status): &(u64, Status)| {
        matches!(status, Status::RecordingDelayed | Status::RecordingRestored | Status::RecordingGap)
    };
    told.filter(of_record).collect()
}

#[test]
fn both_sides_are_stored_sample_for_sample_up_to_the_last() {
    for rate in [8_000, 16_000, 44_100, 48_000] {
        let client = client(rate, 28_730);
        let mut call = Call::new();
        call.play_and_end(&client);
        assert_complete(&call, &client);
        assert_eq!(call.world.recording.stored.len(), 6, "a chunk each 5 s, and one at the end");
        assert_eq!(told(&call), []);
    }
}

#[test]
fn audio_is_stored_within_five_seconds_also_where_little_follows() {
    let client = client(16_000, 2_000);
    let mut call = Call::new();
    call.play(&client);
    call.run_until(4_000);
    assert!(call.world.recording.stored.is_empty(), "a chunk is not stored for each frame");
    call.run_until(5_100);
    for channel in Channel::BOTH {
        assert_eq!(call.world.recording.joined(channel).len(), 2 * 32_000);
    }
}

#[test]
fn a_client_that_leaves_without_a_word_leaves_nothing_behind_in_memory() {
    let client = client(16_000, 7_000);
    let mut call = Call::new();
    call.play(&client);
    call.run_until(7_100);
    call.disconnect();
    call.run_for(100);
    for channel in Channel::BOTH {
        assert!(call.world.recording.joined(channel) == sent(&client, channel));
    }
}

#[test]
fn a_muted_side_is_stored_as_silence_and_stays_in_step() {
    let mut client = client(16_000, 20_000);
    client.sides.user.muted.push(4_000..12_000);
    let mut call = Call::new();
    call.play_and_end(&client);
    let user = call.world.recording.joined(Channel::User);
    client.sides.user.muted.clear();
    let whole = sent(&client, Channel::User);
    assert_eq!(user.len(), whole.len());
    let (mute, back) = (4_000 * 32, 12_000 * 32);
    assert!(user[..mute] == whole[..mute] && user[back..] == whole[back..], "what was said lies where it was said");
    assert!(user[mute..back].iter().all(|byte| *byte == 0), "a mute is silence");
}

#[test]
fn a_store_that_refuses_for_a_while_loses_nothing_and_the_client_knows() {
    for seconds in [1, 30, 120] {
        let client = client(16_000, 150_000);
        let mut call = Call::new();
        call.world.recording.refusing = 12_000..12_000 + seconds * 1_000;
        call.world.recording.millis = 40;
        call.play_and_end(&client);
        assert_complete(&call, &client);
        let told: Vec<_> = told(&call).into_iter().map(|(_, status)| status).collect();
        let expected = if seconds == 1 { vec![] } else { vec![Status::RecordingDelayed, Status::RecordingRestored] };
        assert_eq!(told, expected, "{seconds} s");
    }
}

#[test]
fn a_call_that_ends_while_the_store_refuses_is_finished_when_everything_is_stored() {
    let client = client(16_000, 8_000);
    let mut call = Call::new();
    call.world.recording.refusing = 4_000..60_000;
    call.play(&client);
    call.run_until(8_100);
    call.end();
    call.run_until(59_000);
    assert!(call.world.store.conversations.is_empty() && call.world.store.outstanding.is_none());
    assert!(
        call.world.told.iter().any(|(_, told)| matches!(told, Told::Processing(_))),
        "the client knows it is under way"
    );
    call.run_until(100_000);
    assert_complete(&call, &client);
}

#[test]
fn an_unknown_outcome_is_tried_again_and_nothing_is_doubled() {
    let client = client(16_000, 28_000);
    let mut call = Call::new();
    call.world.recording.unsure = 4_000..16_500;
    call.play_and_end(&client);
    assert_complete(&call, &client);
    assert!(call.world.recording.tries > 6);
}

#[test]
fn an_eviction_while_chunks_wait_loses_none_of_them() {
    let client = client(16_000, 28_000);
    let mut call = Call::new();
    call.world.recording.refusing = 4_000..40_000;
    call.play(&client);
    call.run_until(28_100);
    call.disconnect();
    call.run_for(100);
    assert_eq!(call.world.recording.kept.len(), 6);
    for _ in 0..3 {
        call.evict();
        call.run_for(5_000);
    }
    call.run_for(120_000);
    assert_complete(&call, &client);
}

#[test]
fn after_a_machine_died_nothing_overlaps_what_was_cut_before() {
    for (died, refusing) in [(6_500, 4_000..20_000), (6_500, 0..0), (13_200, 4_000..30_000)] {
        let mut call = Call::new();
        call.world.recording.refusing = refusing;
        call.play(&client(16_000, died));
        call.run_until(died + 50);
        call.evict();
        call.run_for(1_000);
        call.play(&client(16_000, 8_000));
        call.run_for(8_100);
        call.end();
        call.run_for(40_000);
        assert!(call.session.is_done());
        for channel in Channel::BOTH {
            let audio = call.conversation().audio.iter().find(|audio| audio.channel == channel).unwrap();
            // The tape that was in memory is lost, and the time until the client was back; both are silence.
            let length = call.world.recording.joined(channel).len();
            assert_eq!(length, usize::try_from(2 * audio.samples.get()).unwrap());
            assert!(
                audio.samples.seconds() > (f64::from(u32::try_from(died).unwrap()) + 9_000.0) / 1_000.0,
                "{audio:?}"
            );
            assert!(audio.samples.saturating_sub(audio.stored).seconds() < 6.5, "{audio:?}");
        }
    }
}

#[test]
fn what_cannot_be_stored_for_half_an_hour_is_lost_told_and_not_counted() {
    let client = Client::new(8_000, 2_000_000, Vec::new(), Vec::new());
    let mut call = Call::new();
    call.world.recording.refusing = 0..2_000_500;
    call.play_and_end(&client);
    assert!(told(&call).iter().any(|(_, status)| *status == Status::RecordingGap));
    let audio = call.conversation().audio[0];
    assert!(audio.stored < audio.samples, "{audio:?}");
    assert!(audio.stored.seconds() > 1_790.0, "{audio:?}");
}
