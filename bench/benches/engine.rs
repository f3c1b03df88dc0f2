//! The engine natively: resamplers per second of one channel's audio, and a session per second of a whole call.
#![allow(missing_docs, reason = "criterion's macros make public functions without any")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use fourwire_bench::call::Call;
use fourwire_bench::load::Noise;
use fourwire_engine::audio::SampleRate;
use fourwire_engine::audio::resample::Resampler;

fn resampler(criterion: &mut Criterion) {
    for hz in [48_000, 44_100] {
        let rate = SampleRate::new(hz).expect("a rate");
        let mut noise = Noise(1);
        let second: Vec<i16> = (0..hz).map(|_| noise.sample()).collect();
        let mut resampler = Resampler::new(rate);
        let mut out = Vec::new();
        criterion.bench_function(&format!("a second of one channel, {hz} Hz to 16 kHz"), |bencher| {
            bencher.iter(|| {
                out.clear();
                resampler.push(black_box(&second).iter().copied(), &mut out);
                black_box(&out);
            });
        });
    }
}

fn session(criterion: &mut Criterion) {
    // A call for each second: one that grew for hours would be another one.
    criterion.bench_function("a second of a call, 10 ms frames at 48 kHz", |bencher| {
        bencher.iter_batched_ref(Call::open, Call::second, BatchSize::SmallInput);
    });
}

criterion_group!(benches, resampler, session);
criterion_main!(benches);
