//! A call of four hours, the longest that the telephone company allows: how much memory it takes in the engine and in
//! workerd, and what reading its audio takes afterwards. In workerd it runs faster than real time.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use fourwire_lab::{Lab, LabOptions};
use fourwire_wire::event::Status;
use tokio::time::sleep;

use crate::archive::Archive;
use crate::call::Call;
use crate::load::{Talker, Traffic, connect};
use crate::speech::Speech;
use crate::workerd::{Worker, Workerd, World};
use crate::{download, usage};

/// Call times at which memory is looked at, in seconds, with their names.
pub const MARKS: [(u32, &str); 3] = [(5 * 60, "5 minutes"), (60 * 60, "1 hour"), (4 * 60 * 60, "4 hours")];
/// The client's pace.
const TRAFFIC: Traffic = Traffic::Page;
/// Seconds that are sent in real time: a stream that opens late would have missed more than is kept for it.
const OPENING: u32 = 5;
/// Then the speech services are given what they have missed: a stream gets audio hardly faster than real time, and of all
/// else only what is kept for it.
const CATCHING_UP: Duration = Duration::from_secs(20);
/// How long a long call's end may take.
const END_LIMIT: Duration = Duration::from_mins(2);
/// The platform counts memory that is no longer used a while after.
const AFTERWARDS: Duration = Duration::from_secs(2);

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many times as fast as real time the call is sent.
    pub speed: u32,
}

/// Memory at some time of a call, in MB.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Resident.
    pub resident: f64,
    /// The most of that since the call began, or since what is measured began.
    pub peak: f64,
    /// The Worker's own: its WebAssembly memory, which never shrinks. None in the engine alone.
    pub wasm: f64,
}

/// Everything about the call.
#[derive(Clone, Debug)]
pub struct Long {
    /// The engine by itself: before the call, then at each of [`MARKS`].
    pub engine: Vec<Memory>,
    /// workerd: before the call, then at each of [`MARKS`].
    pub workerd: Vec<Memory>,
    /// How many times as fast as real time it was.
    pub speed: f64,
    /// CPU time of workerd for a second of the call, in milliseconds.
    pub cpu_ms: f64,
    /// Segments that came of what the speech services got.
    pub segments: usize,
    /// The call's end, until the client had the conversation.
    pub end: Work,
    /// Reading all its audio.
    pub export: Work,
    /// Bytes of that.
    pub export_bytes: u32,
}

/// Something that takes its time.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// How long it took.
    pub real: Duration,
    /// CPU time of workerd.
    pub cpu: Duration,
    /// Before it.
    pub before: Memory,
    /// A while after it; the peak is that of the work.
    pub after: Memory,
}

/// Measures all of it, and tells `progress` each step.
///
/// # Errors
/// When a Worker does not run, or the call does not go well.
pub async fn run(plan: &Plan, progress: impl Fn(&str)) -> Result<Long> {
    progress("four hours of the engine");
    let engine = engine_in_a_process()?;
    let lab = Lab::start(LabOptions::default()).await?;
    progress("four hours of a browser's call");
    record_and_export(&lab, plan, engine).await
}

/// Plays four hours through the engine, and tells the memory of this process before it and at each of [`MARKS`].
///
/// # Errors
/// When the system does not tell.
pub fn engine() -> Result<Vec<Memory>> {
    let own = std::process::id();
    usage::forget_peak(own)?;
    let look =
        || -> Result<Memory> { Ok(Memory { resident: usage::memory_mb(own)?, peak: usage::peak_mb(own)?, wasm: 0.0 }) };
    let mut found = vec![look()?];
    let mut call = Call::open();
    let mut second = 1;
    for (mark, _) in MARKS {
        while second < mark {
            call.second();
            second += 1;
        }
        found.push(look()?);
    }
    Ok(found)
}

/// The same in a process of its own, in which nothing else moves the memory.
fn engine_in_a_process() -> Result<Vec<Memory>> {
    let output = Command::new(std::env::current_exe()?).arg("long-session").output()?;
    ensure!(output.status.success(), "the engine's call failed: {}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout)?;
    let memory = |line: &str| {
        let (resident, peak) = line.split_once(' ').context("two numbers a line")?;
        Ok(Memory { resident: resident.parse()?, peak: peak.parse()?, wasm: 0.0 })
    };
    told.lines().map(memory).collect()
}

async fn record_and_export(lab: &Lab, plan: &Plan, engine: Vec<Memory>) -> Result<Long> {
    let (speech, archive) = (Speech::start().await?, Archive::start().await?);
    let world = World { issuer: lab.issuer(), speech: &speech, archive: &archive };
    let workerd = Workerd::start(Worker::Counted(&world))?;
    let token = lab.issuer().token("caller");

    let mut found = vec![look(&workerd)?];
    let phone = connect(&workerd.origin(), &token, TRAFFIC, TRAFFIC.auth()).await?;
    let mut talker = Talker::new(phone, TRAFFIC);
    talk(&mut talker, OPENING).await?;
    talker.hurry(plan.speed);
    let (begun, cpu_before) = (Instant::now(), usage::cpu(workerd.pid())?);
    let mut said = OPENING;
    for (mark, _) in MARKS {
        talk(&mut talker, mark - said).await?;
        said = mark;
        found.push(look(&workerd)?);
    }
    let (real, cpu) = (begun.elapsed(), usage::cpu(workerd.pid())?.saturating_sub(cpu_before));

    sleep(CATCHING_UP).await;
    let ending = Begun::now(&workerd)?;
    let received = talker.into_phone().hang_up(END_LIMIT).await;
    let has_gap = received.statuses().any(|told| told.status == Status::RecordingGap);
    ensure!(!has_gap, "at this pace audio comes faster than it is stored: choose a lower --speed");
    let conversation = received.conversation().context("the call ended without a conversation")?;
    let end = ending.done(&workerd).await?;
    let exporting = Begun::now(&workerd)?;
    let export_bytes = download::audio(&workerd, &token, conversation.id, said).await?;
    let export = exporting.done(&workerd).await?;
    Ok(Long {
        engine,
        workerd: found,
        speed: f64::from(said - OPENING) / real.as_secs_f64(),
        cpu_ms: cpu.as_secs_f64() * 1_000.0 / f64::from(said - OPENING),
        segments: conversation.transcript_segments.len(),
        end,
        export,
        export_bytes,
    })
}

async fn talk(talker: &mut Talker, seconds: u32) -> Result<()> {
    for _ in 0..seconds {
        talker.second().await.context("the Worker has cut off the call")?;
    }
    Ok(())
}

fn look(workerd: &Workerd) -> Result<Memory> {
    let pid = workerd.pid();
    let wasm = workerd.counts()?.get("wasm bytes").copied().unwrap_or_default() / 1e6;
    Ok(Memory { resident: usage::memory_mb(pid)?, peak: usage::peak_mb(pid)?, wasm })
}

/// Work that has begun.
struct Begun {
    at: Instant,
    cpu: Duration,
    before: Memory,
}

impl Begun {
    fn now(workerd: &Workerd) -> Result<Self> {
        usage::forget_peak(workerd.pid())?;
        Ok(Self { before: look(workerd)?, at: Instant::now(), cpu: usage::cpu(workerd.pid())? })
    }

    async fn done(self, workerd: &Workerd) -> Result<Work> {
        let (real, cpu) = (self.at.elapsed(), usage::cpu(workerd.pid())?.saturating_sub(self.cpu));
        sleep(AFTERWARDS).await;
        Ok(Work { real, cpu, before: self.before, after: look(workerd)? })
    }
}
