//! What the browser module costs in a real Chromium during a call: Twilio's own SDK calls through the lab, the built Worker
//! records, two sides talk. Beside it, in the same rounds, the same page with a module that does nothing in its place, and a
//! worklet that does nothing beside the module's.

pub mod size;
pub mod threads;
pub mod trace;

use std::collections::BTreeSet;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use fourwire_lab::LabOptions;
use fourwire_tests::World;
use fourwire_tests::browser::Browser;
use fourwire_tests::dialer::{self, Dialer, words_for_microphone, write_wav};
use fourwire_tests::workerd::Built;
use fourwire_web::capture::{Block, Capture, Silenced};
use fourwire_wire::frame::{Channel, PerChannel};
use fourwire_wire::units::SAMPLES_PER_SECOND;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::load::Noise;
use crate::usage::{self, Machine};
use size::Sizes;
use threads::{Threads, Times};
use trace::Calls;

/// Samples that a worklet is given at once.
pub const QUANTUM: u32 = 128;
/// The rate of audio contexts unless they are asked for another.
pub const USUAL_RATE: u32 = 48_000;
/// The other rate that many devices have. 16 kHz is no simple part of it.
pub const OTHER_RATE: u32 = 44_100;

/// Whoever has this number picks up, and says a word a second.
const CALLEE: &str = "+12025550150";
/// Samples of a side in a block of the worklet's.
const BLOCK: usize = 2_048;
/// Seconds of a call that are resampled natively: enough that its clock's resolution does not count.
const NATIVE_SECONDS: u32 = 60;
/// Less than this part of what is due means that something was lost.
const WHOLE: f64 = 0.95;
/// A trace with this part of all quanta says enough of how long they take.
const ENOUGH: f64 = 0.5;
/// How long the second context runs before it is looked at: its script is compiled.
const SETTLE: Duration = Duration::from_secs(2);

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How often each call is made.
    pub rounds: u32,
    /// How long both sides talk before: code is optimised.
    pub warm_up: Duration,
    /// How long its threads are watched.
    pub window: Duration,
    /// How long its worklets' threads are watched after that, and how long they are traced then.
    pub traced: Duration,
}

/// Which call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Recorded through an audio context of this rate.
    Recorded(u32),
    /// The same page with a module that does nothing.
    Null,
}

impl Kind {
    /// All that are compared.
    pub const ALL: [Self; 3] = [Self::Recorded(USUAL_RATE), Self::Recorded(OTHER_RATE), Self::Null];
}

/// What a window of a call took.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// How long it was.
    pub real: Duration,
    /// CPU time of the page's threads.
    pub times: Times,
    /// Captions that came.
    pub captions: u32,
    /// Part of the machine that neither the browser nor anything else of the benchmark used, but somebody.
    pub others: f64,
}

/// The calls of one round.
#[derive(Clone, Debug)]
pub struct Round {
    /// Recorded at [`USUAL_RATE`].
    pub usual: Sample,
    /// Recorded at [`OTHER_RATE`].
    pub other: Sample,
    /// Not recorded.
    pub null: Sample,
    /// The module's worklet in the first of them.
    pub tap: Worklet,
    /// One that does nothing, in the same call at the same time.
    pub null_tap: Worklet,
}

/// A worklet and the audio context that runs it.
#[derive(Clone, Debug)]
pub struct Worklet {
    /// CPU time of its thread for each quantum, in microseconds, while nothing is traced: with the whole graph around it.
    pub thread: f64,
    /// Each call of its processor, by Chromium's trace.
    pub calls: Calls,
}

/// Everything that was measured.
#[derive(Clone, Debug)]
pub struct Page {
    /// How.
    pub plan: Plan,
    /// The browser's version.
    pub chromium: String,
    /// In the browser.
    pub rounds: Vec<Round>,
    /// Resampling both sides natively, at the usual rate and at the other: CPU milliseconds for a second of a call, once a round.
    pub native_ms: [Vec<f64>; 2],
    /// What has to be loaded.
    pub sizes: Sizes,
}

/// Measures everything, and tells `progress` each step.
///
/// # Errors
/// When something is not built, or a measurement did not come about.
///
/// # Panics
/// When browser, Worker or page do not do what the tests of the page have shown that they do.
pub async fn run(plan: &Plan, progress: impl Fn(&str)) -> Result<Page> {
    let sizes = size::weigh()?;
    let native = |rate| (0..plan.rounds).map(|_| resample(rate)).collect::<Result<Vec<f64>>>();
    progress("the page's resampler, natively");
    let native_ms = [native(USUAL_RATE)?, native(OTHER_RATE)?];

    let scratch = Scratch::new()?;
    let microphone = scratch.file("microphone.wav");
    write_wav(&microphone, USUAL_RATE, &words_for_microphone());
    // It ends with this process.
    let browser: &'static Browser = Box::leak(Box::new(Browser::start(&microphone)));
    let world = dialer::world_of(Built::Ship, LabOptions::default()).await;

    let bench = Bench { plan: *plan, browser, world: &world, trace: scratch.file("trace.json") };
    let (mut rounds, mut chromium) = (Vec::new(), String::new());
    for round in 1..=plan.rounds {
        progress(&format!("calls from a page, round {round} of {}", plan.rounds));
        let (tap, usual) = bench.call(round, Kind::Recorded(USUAL_RATE), &mut chromium).await?;
        let (_, other) = bench.call(round, Kind::Recorded(OTHER_RATE), &mut chromium).await?;
        let (_, null) = bench.call(round, Kind::Null, &mut chromium).await?;
        let Some([tap, null_tap]) = tap else { anyhow::bail!("the worklets were not traced") };
        rounds.push(Round { usual, other, null, tap, null_tap });
    }
    Ok(Page { plan: *plan, chromium, rounds, native_ms, sizes })
}

/// What all calls have in common.
struct Bench<'a> {
    plan: Plan,
    browser: &'static Browser,
    world: &'a World,
    trace: PathBuf,
}

impl Bench<'_> {
    /// Makes a call and looks at it. Worklets are compared in one at the usual rate only.
    async fn call(&self, round: u32, kind: Kind, chromium: &mut String) -> Result<(Option<[Worklet; 2]>, Sample)> {
        let place = Kind::ALL.iter().position(|other| *other == kind).unwrap_or_default();
        let own = format!("0{round}{place}0");
        let dialer = Dialer::signed_in(self.world, self.browser, &format!("bench-page-{round}-{place}"), &own).await;
        drive(&dialer, json!({ "do": "let in" })).await;
        match kind {
            Kind::Null => {
                let module = include_str!("page/null_recorder.js");
                drive(&dialer, json!({ "do": "replace recorder", "module": module })).await;
            }
            Kind::Recorded(USUAL_RATE) => {}
            Kind::Recorded(rate) => {
                drive(&dialer, json!({ "do": "set rate", "rate": rate })).await;
            }
        }
        dialer.call(CALLEE).await;
        sleep(self.plan.warm_up).await;

        let pid = process_in_call(&dialer).await?;
        let captions_before = dialer.captions().await.len();
        let before = Point::now(pid)?;
        sleep(self.plan.window).await;
        let after = Point::now(pid)?;
        let captions = u32::try_from(dialer.captions().await.len() - captions_before)?;
        let sample = after.since(&before, captions);

        let is_usual = kind == Kind::Recorded(USUAL_RATE);
        let worklets = if is_usual { Some(self.compare_worklets(&dialer, pid).await?) } else { None };
        if let Some(version) = drive(&dialer, json!({ "do": "version" })).await.as_str() {
            version.clone_into(chromium);
        }
        dialer.hang_up().await;
        self.check(&dialer, kind, &sample).await?;
        drive(&dialer, json!({ "do": "close" })).await;
        Ok((worklets, sample))
    }

    /// Compares the module's worklet with one that does nothing, in the same call at the same time.
    async fn compare_worklets(&self, dialer: &Dialer<'_>, pid: u32) -> Result<[Worklet; 2]> {
        let ours: BTreeSet<u32> = Threads::now(pid)?.worklets().collect();
        let worklet = include_str!("page/null_worklet.js");
        drive(dialer, json!({ "do": "hear with nothing", "worklet": worklet })).await;
        sleep(SETTLE).await;
        let null = &Threads::now(pid)?.worklets().collect() - &ours;
        ensure!(ours.len() == 1 && null.len() == 1, "the two worklets do not run on a thread each");

        let (begun, before) = (Instant::now(), Threads::now(pid)?);
        sleep(self.plan.traced).await;
        let (real, after) = (begun.elapsed(), Threads::now(pid)?);
        drive(dialer, json!({ "do": "start trace", "categories": trace::CATEGORIES })).await;
        sleep(self.plan.traced).await;
        drive(dialer, json!({ "do": "stop trace", "file": self.trace })).await;
        let traced = trace::read(&self.trace)?;

        let quanta = |time: Duration| time.as_secs_f64() * f64::from(USUAL_RATE) / f64::from(QUANTUM);
        let worklet = |ids: &BTreeSet<u32>| {
            let thread = after.of(ids, &before).as_secs_f64() * 1e6 / quanta(real);
            let calls = ids.first().and_then(|id| traced.get(id)).cloned().context("a worklet was not traced")?;
            let [whole, script] = [&calls.whole, &calls.script].map(|durations| count(durations.len()));
            let due = quanta(self.plan.traced);
            ensure!(whole.min(script) >= due * ENOUGH, "{whole} calls and {script} scripts of {due:.0} were traced");
            Ok(Worklet { thread, calls })
        };
        Ok([worklet(&ours)?, worklet(&null)?])
    }

    /// The call was what it was to be.
    async fn check(&self, dialer: &Dialer<'_>, kind: Kind, sample: &Sample) -> Result<()> {
        let is_recorded = kind != Kind::Null;
        ensure!(is_recorded == (sample.captions > 0), "{} captions in a call: {kind:?}", sample.captions);
        ensure!(is_recorded == (sample.times.worker > Duration::ZERO), "a worker's thread: {kind:?}");
        ensure!(dialer.conversations().await == usize::from(is_recorded), "what is stored: {kind:?}");
        if is_recorded {
            let stored = dialer.stored().await;
            let due = (self.plan.warm_up + self.plan.window).as_secs_f64() * f64::from(SAMPLES_PER_SECOND);
            let is_whole = |channel| count(stored.get(channel).len()) >= due * WHOLE;
            ensure!(Channel::BOTH.into_iter().all(is_whole), "a part of the call was not recorded");
        }
        Ok(())
    }
}

/// Everything that a window's two ends are compared by.
struct Point {
    at: Instant,
    threads: Threads,
    ours: Duration,
    machine: Machine,
}

impl Point {
    fn now(pid: u32) -> Result<Self> {
        let (ours, machine) = (threads::own_and_children()?, Machine::now()?);
        Ok(Self { at: Instant::now(), threads: Threads::now(pid)?, ours, machine })
    }

    fn since(&self, earlier: &Self, captions: u32) -> Sample {
        let real = self.at - earlier.at;
        let cores = std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1));
        let ours = self.ours.saturating_sub(earlier.ours).as_secs_f64() / (real.as_secs_f64() * f64::from(cores));
        let others = (self.machine.busy_since(earlier.machine) - ours).max(0.0);
        Sample { real, times: self.threads.since(&earlier.threads), captions, others }
    }
}

/// A number of things.
fn count(length: usize) -> f64 {
    u32::try_from(length).map_or(f64::INFINITY, f64::from)
}

/// Has `driver.js` do something with a dialer's tab.
async fn drive(dialer: &Dialer<'_>, order: Value) -> Value {
    dialer.tab.run(&format!("const order = {order};\n{}", include_str!("page/driver.js"))).await
}

/// The process of the only page that is in a call.
async fn process_in_call(dialer: &Dialer<'_>) -> Result<u32> {
    let processes: Vec<u32> = serde_json::from_value(drive(dialer, json!({ "do": "renderers" })).await)?;
    let in_call = |pid: &u32| Threads::now(*pid).is_ok_and(|threads| threads.is_in_call());
    let mut found: Vec<u32> = processes.into_iter().filter(in_call).collect();
    found.pop().filter(|_| found.is_empty()).context("not one page is in a call")
}

/// CPU milliseconds that a second of a call takes from the worklet's blocks to 16 kHz, natively.
fn resample(rate: u32) -> Result<f64> {
    let mut noise = Noise(1);
    let mut side = || (0..BLOCK).map(|_| f32::from(noise.sample()) / 32_768.0).collect::<Vec<f32>>();
    let (user, remote) = (side(), side());
    let mut capture = Capture::default();
    let block_micros = BLOCK as u64 * 1_000_000 / u64::from(rate);
    let (mut at, mut frame) = (Duration::ZERO, 0);
    let before = usage::own_cpu()?;
    while at < Duration::from_secs(u64::from(NATIVE_SECONDS)) {
        let samples = PerChannel { user: user.as_slice(), remote: remote.as_slice() };
        let block = Block { rate, frame, at, is_first: at.is_zero(), samples: black_box(samples) };
        black_box(capture.block(&block, Silenced::default())?);
        frame += BLOCK as u64;
        at += Duration::from_micros(block_micros);
    }
    let spent = usage::own_cpu()?.saturating_sub(before);
    Ok(spent.as_secs_f64() * 1_000.0 / f64::from(NATIVE_SECONDS))
}

/// A folder that goes with the benchmark.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("fourwire-bench-page-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    fn file(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
