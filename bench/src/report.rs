//! The numbers as Markdown, which reads as well in a terminal.

mod long;
mod operations;
mod page;
mod part;
mod webhooks;

pub use part::replace;

use std::fmt::Write;
use std::fs;
use std::process::Command;

use anyhow::Result;

use crate::comparison::{Plan, Row, Sample, Subject};
use crate::load::Traffic;
use crate::{top, workerd};

/// A window in which others used more of the machine than this is called noisy.
const NOISY: f64 = 0.1;
/// A workerd that used more of its core than this may not have done all that it was sent.
const SATURATED: f64 = 0.9;
/// Less than this part of what was due: the load generator has fallen behind, or audio has not reached the service.
/// A window's edges cut off a frame or two of the twenty that one page sends a second.
const BEHIND: f64 = 0.98;

/// Everything that was measured; a part that was left out is left out.
#[derive(Default)]
pub struct Results {
    /// Calls.
    pub calls: Option<Calls>,
    /// Webhooks, and how they were measured.
    pub webhooks: Option<(crate::webhooks::Plan, Vec<crate::webhooks::Round>)>,
    /// What is billed for a call, and how it was counted.
    pub operations: Option<(crate::operations::Plan, Vec<crate::operations::Measured>)>,
    /// A call of four hours.
    pub long: Option<crate::long::Long>,
    /// The browser module in a page.
    pub page: Option<crate::page::Page>,
}

/// What calls cost.
pub struct Calls {
    /// How it was measured.
    pub plan: Plan,
    /// In the Worker.
    pub rows: Vec<Row>,
    /// In the engine alone; none without valgrind.
    pub instructions: Option<f64>,
}

/// Everything that was measured, with what it was measured on.
///
/// # Errors
/// When the machine does not tell what it is.
pub fn markdown(results: &Results) -> Result<String> {
    let mut text = "# Benchmarks\n\n\
                    Written by `cargo xtask bench --write`. What counts is the ratio: the two Workers of each table \
                    ran on the same machine, one after the other, several times.\n\n"
        .to_owned();
    text += &machine()?;
    text += &sections(results)?;
    Ok(text)
}

/// Only the sections of what was measured.
///
/// # Errors
/// When a tool does not tell its version.
pub fn sections(results: &Results) -> Result<String> {
    let mut text = String::new();
    if let Some(found) = &results.calls {
        text += &calls(found)?;
    }
    if let Some((plan, rounds)) = &results.webhooks {
        text += &webhooks::section(plan, rounds)?;
    }
    if let Some((plan, measured)) = &results.operations {
        text += &operations::section(*plan, measured)?;
    }
    if let Some(long) = &results.long {
        text += &long::section(long)?;
    }
    if let Some(page) = &results.page {
        text += &page::section(page)?;
    }
    Ok(text)
}

fn calls(Calls { plan, rows, instructions }: &Calls) -> Result<String> {
    let mut text = String::new();
    text += "\n## What a call costs\n\n\
             CPU time of plain workerd per second of a two-channel call (user and system, all threads): the median, and \
             the least and the most. The null Worker receives the same messages in an object with a hibernatable socket \
             and drops them, so it is what the platform itself takes. Fourwire resamples, passes the audio on to one \
             speech stream a channel, reads an answer a second on each, stores and sends the captions, and encrypts the audio and \
             stores it every five seconds. The page's \
             frames reach its object through the front Worker; the null Worker has none of that.\n\n";
    writeln!(
        text,
        "Each Worker was measured {} times, {} s at a time after {} s of warm-up.\n",
        plan.rounds,
        plan.window.as_secs(),
        plan.warm_up.as_secs()
    )?;
    text += "| client | calls | Fourwire, CPU ms per call-second | null Worker, CPU ms per call-second | ratio | run |\n\
             | --- | --: | --: | --: | --: | --- |\n";
    for row in rows {
        let (fourwire, null) = (Spread::of(&row.fourwire, |it| it.cpu_ms), Spread::of(&row.null, |it| it.cpu_ms));
        let ratios = Spread::new(row.fourwire.iter().zip(&row.null).map(|(ours, null)| ours.cpu_ms / null.cpu_ms));
        let (name, calls, verdict) = (row.traffic.name(), row.calls, verdict(row));
        // Work that was not done has cost nothing.
        let ratio = if is_done(row) { format!("**{ratios}**") } else { "not valid".to_owned() };
        writeln!(text, "| {name} | {calls} | {fourwire} | {null} | {ratio} | {verdict} |")?;
    }
    text += "\n## Whether it was a fair run\n\n\
             Frames sent, as a part of real time; the longest that one was late; audio that reached the \
             speech service, as a part of what was sent; use of a core by workerd, which has one thread for its Workers; \
             use of the machine by other programs. The worst window of each row.\n\n\
             | client | calls | Worker | sent | latest, ms | received | workerd | others |\n\
             | --- | --: | --- | --: | --: | --: | --: | --: |\n";
    for row in rows {
        for subject in Subject::BOTH {
            let worst = Worst::of(row.samples(subject));
            let heard = worst.heard.map_or_else(|| "–".to_owned(), percent);
            let [kept, busy, others] = [worst.kept, worst.busy, worst.others].map(percent);
            let (client, calls, name, late) = (row.traffic.name(), row.calls, subject.name(), worst.late_ms);
            writeln!(text, "| {client} | {calls} | {name} | {kept} | {late:.0} | {heard} | {busy} | {others} |")?;
        }
    }
    text += "\n## Memory\n\n\
             Resident memory of workerd in MB (10⁶ bytes) at the end of a window, the median; before any call, the Worker \
             is loaded. A further call's share is the difference between the most calls and the fewest, divided by their \
             number.\n\n";
    text += &memory(plan, rows)?;
    text += "\n## The engine by itself\n\n";
    match instructions {
        Some(count) => writeln!(
            text,
            "{:.1} million instructions per call-second, natively (callgrind): 100 frames of 10 ms at 48 kHz a channel \
             through the session, both speech streams open, an answer a second on each. `cargo xtask bench` then times it \
             with criterion too, and the resampler.",
            count / 1e6
        )?,
        None => text += "No instructions were counted: valgrind is not installed.\n",
    }
    Ok(text)
}

fn memory(plan: &Plan, rows: &[Row]) -> Result<String, std::fmt::Error> {
    let columns: Vec<String> = plan.calls.iter().map(|calls| format!("with {calls}")).collect();
    let mut text = format!("| client | Worker | before | {} | a further call |\n", columns.join(" | "));
    writeln!(text, "| --- | --- | --: |{} --: |", " --: |".repeat(columns.len()))?;
    for traffic in Traffic::ALL {
        let rows: Vec<&Row> = rows.iter().filter(|row| row.traffic == traffic).collect();
        for subject in Subject::BOTH {
            let samples = rows.iter().flat_map(|row| row.samples(subject));
            let before = Spread::new(samples.map(|sample| sample.memory_before_mb)).median;
            write!(text, "| {} | {} | {before:.0} |", traffic.name(), subject.name())?;
            let after = |row: &Row| Spread::of(row.samples(subject), |sample| sample.memory_after_mb).median;
            for row in &rows {
                write!(text, " {:.0} |", after(row))?;
            }
            let fewest = rows.iter().min_by_key(|row| row.calls);
            let most = rows.iter().max_by_key(|row| row.calls);
            match (fewest, most) {
                (Some(fewest), Some(most)) if most.calls > fewest.calls => {
                    let share = (after(most) - after(fewest)) / f64::from(most.calls - fewest.calls);
                    writeln!(text, " **{share:.2}** |")?;
                }
                _ => text += " – |\n",
            }
        }
    }
    Ok(text)
}

/// What is to be said against a row, or that nothing is.
fn verdict(row: &Row) -> String {
    let [ours, null] = Subject::BOTH.map(|subject| Worst::of(row.samples(subject)));
    let mut faults = Vec::new();
    if ours.kept.min(null.kept) < BEHIND {
        faults.push("not real time");
    }
    if ours.heard.is_some_and(|heard| heard < BEHIND) {
        faults.push("audio missing");
    }
    if ours.busy.max(null.busy) > SATURATED {
        faults.push("saturated");
    }
    if ours.others.max(null.others) > NOISY {
        faults.push("noisy");
    }
    if faults.is_empty() { "good".to_owned() } else { faults.join(", ") }
}

/// Whether everything was sent, and what was sent has gone all its way.
fn is_done(row: &Row) -> bool {
    Subject::BOTH.into_iter().all(|subject| {
        let worst = Worst::of(row.samples(subject));
        worst.kept >= BEHIND && worst.heard.is_none_or(|heard| heard >= BEHIND)
    })
}

/// The worst of several windows, each number for itself.
struct Worst {
    kept: f64,
    late_ms: f64,
    heard: Option<f64>,
    busy: f64,
    others: f64,
}

impl Worst {
    fn of(samples: &[Sample]) -> Self {
        let most = |value: fn(&Sample) -> f64| samples.iter().map(value).fold(0.0, f64::max);
        Self {
            kept: samples.iter().map(|sample| sample.kept).fold(f64::INFINITY, f64::min),
            late_ms: most(|sample| sample.sent.late.as_secs_f64() * 1_000.0),
            heard: samples.iter().filter_map(|sample| sample.heard).reduce(f64::min),
            busy: most(|sample| sample.busy),
            others: most(|sample| sample.others),
        }
    }
}

fn percent(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

/// When and on what a part is measured by itself, for the line under its headings.
///
/// # Errors
/// When the machine does not tell what it is.
pub fn occasion() -> Result<String> {
    let commit = told(top_command("git").args(["rev-parse", "--short", "HEAD"]));
    let status = told(top_command("git").args(["status", "--porcelain", "--untracked-files=no", "--"]).args(MEASURED));
    let changed = if status.is_empty() { "" } else { ", changed since" };
    let date = told(top_command("date").args(["--utc", "+%F"]));
    Ok(format!(
        "Measured by itself on {date}, at commit {commit}{changed}, with {}, on {}.",
        workerd::version()?,
        cores()?
    ))
}

/// Where that lies of which the benchmarks tell something.
const MEASURED: [&str; 5] = ["edge", "engine", "web", "wire", "Cargo.lock"];

/// What it ran on.
fn machine() -> Result<String> {
    let rustc = told(top_command("rustc").arg("--version"));
    let size = fs::metadata(top().join("build/worker/index_bg.wasm"))?.len() / 1_000;
    Ok(format!(
        "- machine: {}; the callers ran on it too\n\
         - {}, {rustc}\n\
         - the Worker: fourwire {}, {size} kB of wasm\n",
        cores()?,
        workerd::version()?,
        env!("CARGO_PKG_VERSION"),
    ))
}

/// Processor and kernel.
fn cores() -> Result<String> {
    let cpus = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let system = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    Ok(format!("{cores} cores of {}, Linux {}", model.trim_start_matches([':', ' ', '\t']), system.trim()))
}

fn top_command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(top());
    command
}

/// What a program prints; nothing where it does not run.
fn told(command: &mut Command) -> String {
    let output = command.output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}

/// A number's median, least and most over the rounds.
struct Spread {
    median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    fn of(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> Self {
        Self::new(samples.iter().map(value))
    }

    fn new(values: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.collect();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        let last = sorted.len().saturating_sub(1);
        Self { median: f64::midpoint(at(last / 2), at(last.div_ceil(2))), least: at(0), most: at(last) }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2} ({:.2}–{:.2})", self.median, self.least, self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_the_middle_and_both_ends() {
        assert_eq!(Spread::new([3.0, 1.0, 2.5].into_iter()).to_string(), "2.50 (1.00–3.00)");
        assert_eq!(Spread::new([4.0, 1.0].into_iter()).to_string(), "2.50 (1.00–4.00)");
    }
}
