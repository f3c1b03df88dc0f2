//! Whether somebody speaks is heard in the voice, not in its level: a quiet caller's dead service is noticed, and a noisy line is
//! no reason to expect words.

use std::f64::consts::TAU;

use fourwire_wire::event::SpeechFault::Quiet;
use fourwire_wire::event::Status::SttFailed;
use fourwire_wire::frame::Channel::{self, User};
use fourwire_wire::frame::Frame;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::harness::Call;
use crate::harness::service::{Manner, Service};
use crate::harness::world::Coming;

/// Syllables as a throat makes them: a buzz of some pitch with three formants, 300 ms long and 200 ms apart.
fn voice(pitch: f64, seconds: u32) -> Vec<f64> {
    let formants = [(500.0, 200.0, 1.0), (1_500.0, 250.0, 0.5), (2_500.0, 300.0, 0.25)];
    let sample = |n: u32| {
        let (syllable, within) = (n / 8_000, n % 8_000);
        if within >= 4_800 {
            return 0.0;
        }
        let base = pitch + f64::from(syllable % 7) * 4.0;
        let harmonic = |number: u32| {
            let hz = base * f64::from(number);
            let gain: f64 =
                formants.iter().map(|(at, wide, gain)| gain * (-(hz - at).powi(2) / (2.0 * wide * wide)).exp()).sum();
            gain * (TAU * hz * f64::from(n) / 16_000.0).sin()
        };
        (1..30).map(harmonic).sum::<f64>() * 0.15
    };
    (0..seconds * 16_000).map(sample).collect()
}

/// White noise, and a mains hum.
fn noise(seconds: u32) -> Vec<f64> {
    let mut state = 1_u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1 << 23) - 1.0
    };
    (0..seconds * 16_000).map(|n| 0.5 * random() + 0.5 * (TAU * 50.0 * f64::from(n) / 16_000.0).sin()).collect()
}

/// Plays a side's sound to a service that never says anything; returns when the client was told that it is dead.
fn noticed(sound: &[f64], decibels: f64) -> Option<u64> {
    let mut call = Call::new();
    call.world.services[0].user = Service { manner: Manner::Quiet, ..Service::default() };
    call.connect(16_000);
    let gain = 10_f64.powf(decibels / 20.0) * 32_767.0;
    for (at, samples) in (0..).zip(sound.chunks(320)) {
        let mut frame = Vec::new();
        Frame::write(
            Channel::User,
            samples.iter().map(|sample| (sample * gain).clamp(-32_767.0, 32_767.0) as i16),
            &mut frame,
        );
        call.world.send(at * 20 + 50, Coming::Frame(frame));
    }
    call.run_until(u64::try_from(sound.len()).unwrap() / 16 + 100);
    let told = call.statuses(User).into_iter().find(|(_, status)| status.reason == Some(Quiet));
    told.map(|(at, status)| {
        assert_eq!(status.status, SttFailed);
        at
    })
}

#[test]
fn a_dead_service_is_noticed_within_five_seconds_however_quiet_the_caller_is() {
    for pitch in [95.0, 140.0, 220.0] {
        let voice = voice(pitch, 12);
        for decibels in [0.0, -12.0, -20.0, -26.0, -34.0] {
            let at = noticed(&voice, decibels).unwrap_or_else(|| panic!("{pitch} Hz at {decibels} dB is not heard"));
            assert!(at <= 5_300, "{pitch} Hz at {decibels} dB: noticed at {at} ms");
        }
    }
}

#[test]
fn noise_and_silence_are_nobodys_words() {
    assert_eq!(noticed(&vec![0.0; 16_000 * 30], 0.0), None);
    for decibels in [-60.0, -40.0, -30.0] {
        assert_eq!(noticed(&noise(30), decibels), None, "noise at {decibels} dB");
    }
}
