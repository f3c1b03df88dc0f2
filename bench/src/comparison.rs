//! The same calls to the built Worker and to an empty one, in turn, and what each has cost.

use std::time::Duration;

use anyhow::Result;
use fourwire_lab::{Lab, LabOptions};

use crate::archive::Archive;
use crate::load::{Calls, Sent, Traffic};
use crate::speech::Speech;
use crate::usage::{self, Use};
use crate::workerd::{Worker, Workerd, World};

/// Which of the two Workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The one that is deployed.
    Fourwire,
    /// One that receives the same messages and drops them.
    Null,
}

impl Subject {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Fourwire, Self::Null];

    /// For a table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fourwire => "Fourwire",
            Self::Null => "null",
        }
    }
}

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
    let (speech, archive) = (Speech::start().await?, Archive::start().await?);
    let world = World { issuer: lab.issuer(), speech: &speech, archive: &archive };
    let workerd = Workerd::start(match subject {
        Subject::Fourwire => Worker::Fourwire(&world),
        Subject::Null => Worker::Null,
    })?;
    let memory_before_mb = usage::memory_mb(workerd.pid())?;
    let token = lab.issuer().token("caller");
    let running = Calls::start(&workerd.origin(), &token, traffic, calls).await?;
    running.go_on(plan.warm_up).await?;

    let before = Use::now(workerd.pid())?;
    let heard_before = speech.heard_seconds();
    let sent = running.go_on(plan.window).await?;
    let heard_after = speech.heard_seconds();
    let after = Use::now(workerd.pid())?;

    let used = after.since(&before);
    Ok(Sample {
        cpu_ms: used.workerd.as_secs_f64() * 1_000.0 / sent.call_seconds,
        busy: used.busy,
        memory_before_mb,
        memory_after_mb: usage::memory_mb(workerd.pid())?,
        sent,
        kept: sent.call_seconds / (used.real.as_secs_f64() * f64::from(calls)),
        heard: (subject == Subject::Fourwire).then(|| (heard_after - heard_before) / (2.0 * sent.call_seconds)),
        others: used.others,
    })
}
