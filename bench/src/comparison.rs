//! The same calls to the built Worker and to an empty one, in turn, and what each has cost.

use std::time::{Duration, Instant};

use anyhow::Result;
use fourwire_lab::{Lab, LabOptions};

use crate::load::{Calls, Sent, Traffic};
use crate::speech::Speech;
use crate::usage::{self, Machine};
use crate::workerd::{Subject, Workerd, World};

/// How much is measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Numbers of concurrent calls.
    pub calls: Vec<u32>,
    /// How often each is measured.
    pub rounds: u32,
    /// How long the calls talk before: code is optimised, and words are settled.
    pub warm_up: Duration,
    /// How long.
    pub window: Duration,
}

/// One Worker under one load.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// CPU time of workerd per two-channel second of a call, in milliseconds.
    pub cpu_ms: f64,
    /// Part of one core that workerd used. It works on one: what comes near 1 is more than it can do.
    pub busy: f64,
    /// Resident memory of workerd with the Worker loaded and no call yet, in MB.
    pub memory_before_mb: f64,
    /// The same at the window's end.
    pub memory_after_mb: f64,
    /// What was sent.
    pub sent: Sent,
    /// What was sent, as a part of what real time asks for.
    pub kept: f64,
    /// What the speech service received, as a part of what was sent; none for the null Worker, which passes nothing on.
    pub heard: Option<f64>,
    /// Part of the machine that neither workerd nor this program used, but somebody.
    pub others: f64,
}

/// Both Workers under one load, measured one after the other.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was sent.
    pub traffic: Traffic,
    /// By how many callers.
    pub calls: u32,
    /// The built Worker, once a round.
    pub fourwire: Vec<Sample>,
    /// The empty one, once a round.
    pub null: Vec<Sample>,
}

impl Row {
    /// One Worker's samples.
    #[must_use]
    pub fn samples(&self, subject: Subject) -> &[Sample] {
        match subject {
            Subject::Fourwire => &self.fourwire,
            Subject::Null => &self.null,
        }
    }
}

/// Measures everything, and tells `progress` each step.
///
/// # Errors
/// When a Worker does not run or cuts off a call.
pub async fn run(plan: &Plan, progress: impl Fn(&str)) -> Result<Vec<Row>> {
    let lab = Lab::start(LabOptions::default()).await?;
    let mut rows = Vec::new();
    for traffic in Traffic::ALL {
        for &calls in &plan.calls {
            let mut row = Row { traffic, calls, fourwire: Vec::new(), null: Vec::new() };
            for round in 1..=plan.rounds {
                progress(&format!("{}, {calls} calls, round {round} of {}", traffic.name(), plan.rounds));
                row.fourwire.push(measure(Subject::Fourwire, &lab, traffic, calls, plan).await?);
                row.null.push(measure(Subject::Null, &lab, traffic, calls, plan).await?);
            }
            rows.push(row);
        }
    }
    Ok(rows)
}

/// Starts a workerd, lets the calls talk, and looks at it.
async fn measure(subject: Subject, lab: &Lab, traffic: Traffic, calls: u32, plan: &Plan) -> Result<Sample> {
    let speech = Speech::start().await?;
    let workerd = Workerd::start(subject, &World { issuer: lab.issuer(), speech: &speech })?;
    let memory_before_mb = usage::memory_mb(workerd.pid())?;
    let token = lab.issuer().token("caller");
    let running = Calls::start(workerd.origin(), &token, traffic, calls).await?;
    running.go_on(plan.warm_up).await?;

    let before = Use::now(&workerd)?;
    let heard_before = speech.heard_seconds();
    let sent = running.go_on(plan.window).await?;
    let heard_after = speech.heard_seconds();
    let after = Use::now(&workerd)?;

    let real = after.at - before.at;
    let cpu = after.workerd.saturating_sub(before.workerd);
    let own = after.own.saturating_sub(before.own);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let machine = real.as_secs_f64() * f64::from(u32::try_from(cores)?);
    let known = (cpu + own).as_secs_f64() / machine;
    Ok(Sample {
        cpu_ms: cpu.as_secs_f64() * 1_000.0 / sent.call_seconds,
        busy: cpu.as_secs_f64() / real.as_secs_f64(),
        memory_before_mb,
        memory_after_mb: usage::memory_mb(workerd.pid())?,
        sent,
        kept: sent.call_seconds / (real.as_secs_f64() * f64::from(calls)),
        heard: (subject == Subject::Fourwire).then(|| (heard_after - heard_before) / (2.0 * sent.call_seconds)),
        others: (after.machine.busy_since(before.machine) - known).max(0.0),
    })
}

/// Everything that a window's two ends are compared by.
struct Use {
    at: Instant,
    workerd: Duration,
    own: Duration,
    machine: Machine,
}

impl Use {
    fn now(workerd: &Workerd) -> Result<Self> {
        Ok(Self {
            at: Instant::now(),
            workerd: usage::cpu(workerd.pid())?,
            own: usage::own_cpu()?,
            machine: Machine::now()?,
        })
    }
}
