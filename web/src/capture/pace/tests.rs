//! Sound cards, contexts, threads and clocks by simulation. No test asks the machine for the time.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

const HOUR: f64 = 3_600.0;

/// What happens to a context or to the threads behind it.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// So many seconds are not rendered, and the context's count stands still: it is suspended, or the browser has given them up.
    StandsStill(f64),
    /// So many seconds are rendered without our node: the context's count goes on.
    Skips(f64),
    /// Nothing arrives for so many seconds, and then all of it at once.
    Stalls(f64),
    /// The context is closed, and another one takes over after so many seconds.
    OtherContext(f64),
}
use Trouble::{OtherContext, Skips, Stalls, StandsStill};

/// A call as it is rendered and as it arrives.
#[derive(Clone, Debug)]
struct Simulation {
    rate: u32,
    /// How much slower the sound card is than the clock, in millionths.
    slow_ppm: f64,
    seconds: f64,
    /// Each block arrives later by a chance of up to so many seconds. Blocks do not overtake each other.
    jitter: f64,
    seed: u64,
    /// When, in seconds of the call, and what.
    troubles: Vec<(f64, Trouble)>,
}

impl Simulation {
    fn new(seconds: f64) -> Self {
        Self { rate: 48_000, slow_ppm: 0.0, seconds, jitter: 0.0, seed: 1, troubles: Vec::new() }
    }

    fn rate(self, rate: u32) -> Self {
        Self { rate, ..self }
    }

    fn slow(self, slow_ppm: f64) -> Self {
        Self { slow_ppm, ..self }
    }

    fn jitter(self, jitter: f64) -> Self {
        Self { jitter, ..self }
    }

    fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    fn with(mut self, at: f64, trouble: Trouble) -> Self {
        self.troubles.push((at, trouble));
        self
    }

    fn every(self, period: f64, trouble: Trouble) -> Self {
        let times = (self.seconds / period) as u32;
        (1..times).fold(self, |simulation, n| simulation.with(f64::from(n) * period, trouble))
    }

    /// Each silence that is entered: after how much rendered audio, and how long.
    fn silences(&self) -> Vec<(f64, f64)> {
        const LENGTH: u32 = 2_048;
        let mut dice = Dice(self.seed);
        let mut pace = Pace::default();
        let mut silences = Vec::new();
        let (mut rendered, mut held_from, mut longest_held) = (0.0, 0.0, 0.0_f64);
        // What the card calls a second, and where the context that it is has begun.
        let length = f64::from(LENGTH) / f64::from(self.rate);
        let (mut now, mut arrived, mut stalled_until) = (5_000.0, 0.0_f64, 0.0_f64);
        let (mut frame, mut is_first) = (77 * 128, true);
        let mut troubles = self.troubles.iter().peekable();
        while now < 5_000.0 + self.seconds {
            while let Some((_, trouble)) = troubles.next_if(|(at, _)| 5_000.0 + at <= now) {
                match *trouble {
                    StandsStill(seconds) => now += seconds,
                    Skips(seconds) => {
                        now += seconds;
                        frame += (seconds * f64::from(self.rate)) as u64;
                    }
                    Stalls(seconds) => stalled_until = now + seconds,
                    OtherContext(seconds) => {
                        now += seconds;
                        (frame, is_first) = (3 * 128, true);
                    }
                }
            }
            now += length * (1.0 + self.slow_ppm / 1e6);
            arrived = arrived.max(now + self.jitter * dice.chance()).max(stalled_until);
            let at = Duration::from_secs_f64(arrived);
            let Place { missing, held } = pace.place(self.rate, frame, LENGTH as usize, at, is_first);
            if held == Held::Begins {
                held_from = rendered;
            }
            silences.push((rendered, missing));
            rendered += length;
            match held {
                Held::No => {}
                Held::Begins | Held::GoesOn => longest_held = longest_held.max(rendered - held_from),
                Held::Ends(missing) => silences.push((held_from, missing)),
            }
            frame += u64::from(LENGTH);
            is_first = false;
        }
        silences.push((held_from, pace.finish()));
        // Half a sample is none.
        silences.retain(|(_, seconds)| *seconds > 0.5 / 16_000.0);
        assert!(longest_held < MAX_HELD + 1.0, "{longest_held} s are held back");
        silences
    }
}

/// Even numbers from 0 to 1 (splitmix64), the same in each run.
struct Dice(u64);

impl Dice {
    fn chance(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        f64::from((mixed >> 40) as u32) / f64::from(1_u32 << 24)
    }
}

#[test]
fn drift_and_lateness_never_make_silence() {
    let call = || Simulation::new(4.0 * HOUR);
    for simulation in [
        call(),
        call().slow(100.0),
        call().slow(200.0),
        call().slow(-200.0),
        call().slow(-100.0).rate(44_100),
        call().slow(400.0),
        call().slow(200.0).jitter(0.02),
        call().slow(-200.0).jitter(0.1).rate(16_000),
        call().slow(200.0).jitter(0.5),
        call().slow(-200.0).jitter(0.5),
        call().jitter(0.3).rate(44_100),
        // A thread that is held up by collecting garbage, and by worse.
        call().every(1.7, Stalls(0.08)),
        call().slow(150.0).every(60.0, Stalls(0.7)),
        call().slow(-150.0).jitter(0.05).every(300.0, Stalls(3.0)),
        call().with(0.05, Stalls(1.5)),
        call().with(1.0, Stalls(4.0)),
        call().jitter(0.5).with(100.0, Stalls(20.0)),
        call().with(HOUR, Stalls(45.0)),
        call().with(4.0 * HOUR - 1.0, Stalls(0.9)),
    ] {
        assert_eq!(simulation.silences(), [], "{simulation:?}");
    }
}

#[test]
fn chance_alone_is_never_taken_for_a_loss() {
    for seed in 0..60 {
        for (slow, jitter) in [(200.0, 0.5), (-200.0, 0.5), (0.0, 0.05), (100.0, 0.25)] {
            let simulation = Simulation::new(HOUR).slow(slow).jitter(jitter).seed(seed);
            assert_eq!(simulation.silences(), [], "{simulation:?}");
        }
    }
}

#[test]
fn what_is_missing_is_silence_in_its_place() {
    /// What is to be missing after which second of rendered audio; how much the sum, and each place, may differ.
    type Row = (Simulation, Vec<(f64, f64)>, f64, f64);

    let call = || Simulation::new(300.0);
    let table: Vec<Row> = vec![
        (call().with(100.0, StandsStill(5.0)), vec![(100.0, 5.0)], 0.001, 0.05),
        (call().with(0.5, StandsStill(2.0)), vec![(0.5, 2.0)], 0.001, 0.05),
        (
            call().with(100.0, StandsStill(1.2)).with(110.0, StandsStill(9.0)),
            vec![(100.0, 1.2), (108.8, 9.0)],
            0.001,
            0.05,
        ),
        (call().slow(200.0).with(200.0, StandsStill(30.0)), vec![(200.0, 30.0)], 0.01, 0.1),
        (call().slow(-200.0).jitter(0.1).with(200.0, StandsStill(30.0)), vec![(200.0, 30.0)], 0.12, 0.2),
        (call().jitter(0.5).with(50.0, StandsStill(5.0)), vec![(50.0, 5.0)], 0.5, 0.2),
        (call().with(100.0, StandsStill(70.0)), vec![(100.0, 60.0)], 0.001, 0.05),
        // A browser that gives up what it was late with.
        (call().with(100.0, Stalls(2.8)).with(100.0, StandsStill(7.2)), vec![(100.0, 7.2)], 0.001, 3.0),
        (call().with(100.0, StandsStill(0.2)), vec![(100.0, 0.2)], 0.002, 4.5),
        (call().jitter(0.02).with(100.0, StandsStill(0.3)), vec![(100.0, 0.3)], 0.01, 4.5),
        (call().with(50.0, StandsStill(0.1)).with(55.0, StandsStill(0.9)), vec![(50.0, 0.1), (55.0, 0.9)], 0.003, 4.5),
        (call().every(50.0, StandsStill(0.05)), (1..6).map(|n| (f64::from(n) * 50.0, 0.05)).collect(), 0.01, 4.5),
        // The count tells of these, whatever arrives when.
        (call().with(100.0, Skips(0.032)), vec![(100.0, 0.032)], 1e-6, 0.05),
        (call().jitter(0.5).with(100.0, Skips(0.25)), vec![(100.0, 0.25)], 1e-6, 0.05),
        (call().with(100.0, Skips(7.0)), vec![(100.0, 7.0)], 1e-6, 0.05),
        (call().with(100.0, Skips(80.0)), vec![(100.0, 60.0)], 1e-6, 0.05),
        // Between two contexts.
        (call().with(100.0, OtherContext(0.04)), vec![(100.0, 0.04)], 0.001, 0.05),
        (call().with(100.0, OtherContext(3.0)), vec![(100.0, 3.0)], 0.001, 0.05),
        (call().with(100.0, OtherContext(0.0)), vec![], 0.001, 0.05),
        (call().slow(200.0).jitter(0.05).with(100.0, OtherContext(0.3)), vec![(100.0, 0.3)], 0.06, 0.05),
        (call().jitter(0.5).with(100.0, OtherContext(2.0)), vec![(100.0, 2.0)], 0.5, 0.05),
        (
            call().with(100.0, StandsStill(4.0)).with(104.1, OtherContext(1.0)),
            vec![(100.0, 4.0), (100.1, 1.0)],
            0.001,
            0.1,
        ),
        (call().with(299.8, StandsStill(5.0)), vec![(299.8, 5.0)], 0.001, 0.05),
    ];
    for (simulation, expected, tolerance, place) in table {
        let silences = simulation.silences();
        let sum = |silences: &[(f64, f64)]| silences.iter().map(|(_, seconds)| seconds).sum::<f64>();
        let difference = sum(&silences) - sum(&expected);
        assert!(difference.abs() <= tolerance, "{difference} s: {silences:?} {simulation:?}");
        assert_eq!(silences.len(), expected.len(), "{silences:?} {simulation:?}");
        for ((at, _), (due, _)) in silences.iter().zip(&expected) {
            assert!((due - 0.1..=due + place).contains(at), "{silences:?} {simulation:?}");
        }
    }
}

#[test]
fn losses_too_small_to_stand_out_are_made_up_for_once_they_add_up() {
    for (every, lost, jitter) in
        [(10.0, 0.03, 0.0), (5.0, 0.01, 0.0), (7.0, 0.035, 0.02), (20.0, 0.2, 0.2), (30.0, 0.3, 0.4)]
    {
        let simulation = Simulation::new(HOUR).jitter(jitter).every(every, StandsStill(lost));
        let lost = lost * f64::from((HOUR / every) as u32 - 1);
        let entered: f64 = simulation.silences().iter().map(|(_, seconds)| seconds).sum();
        // Drift may hide 500 ppm of it, and scatter four times itself.
        let hidden = MAX_DRIFT * HOUR + 0.1 + 4.0 * jitter;
        assert!((lost - hidden..=lost + jitter).contains(&entered), "{entered} of {lost} s: {simulation:?}");
    }
}

#[test]
fn a_straggler_of_the_context_before_makes_no_silence() {
    for (old_frame, new_frame) in [(10_000_000, 512), (48_000, 512), (512, 10_000_000), (512, 48_000)] {
        let mut pace = Pace::default();
        let mut missing = 0.0;
        let mut take = |frame: u64, millis: u64, is_first| {
            let taken = pace.place(48_000, frame, 2_400, Duration::from_millis(millis), is_first);
            missing += taken.missing + if let Held::Ends(before) = taken.held { before } else { 0.0 };
        };
        for n in 0..100 {
            take(old_frame + n * 2_400, n * 50, n == 0);
        }
        // The first block of the next context overtakes the last one of the one before.
        take(new_frame, 100 * 50, true);
        take(old_frame + 100 * 2_400, 100 * 50, false);
        for n in 1..100 {
            take(new_frame + n * 2_400, (101 + n) * 50, false);
        }
        assert!((0.0..0.06).contains(&missing), "{missing} s after {old_frame} and {new_frame}");
    }
}

#[test]
fn a_count_that_goes_back_and_a_rate_of_nothing_do_no_harm() {
    let mut pace = Pace::default();
    for (n, frame) in [0, 2_048, 1_024, u64::MAX, 0, 4_096].into_iter().enumerate() {
        let at = Duration::from_millis(43 * n as u64);
        let Place { missing, .. } = pace.place(if n == 3 { 0 } else { 48_000 }, frame, 2_048, at, false);
        assert!((0.0..=MAX_GAP).contains(&missing), "{missing}");
    }
    assert!((0.0..=MAX_GAP).contains(&pace.finish()));
}
