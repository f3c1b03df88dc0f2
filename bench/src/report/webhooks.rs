//! The table of Twilio's webhooks.

use std::fmt::Write;

use anyhow::Result;

use super::{NOISY, Spread, percent};
use crate::webhooks::{CONNECTIONS, Plan, Round, Sample, package_version};

/// A workerd that used less of its core than this has waited for its callers.
const IDLE: f64 = 0.8;

/// The section of its own.
pub(super) fn section(plan: &Plan, rounds: &[Round]) -> Result<String> {
    let package = format!("`twilio` {}", package_version()?);
    let mut text = format!(
        "\n## Webhooks\n\n\
         Twilio's signed request for a browser's call that names no destination, sent over {CONNECTIONS} \
         open connections as fast as it is answered: signature, form, identity, TwiML, and no object. Beside it a \
         Worker that does the same with Twilio's own package for Node. Both answer with the same bytes, and both \
         refuse a request that was tampered with; each answer was checked. Each was measured {} times, {} s at a \
         time after {} s of \
         warm-up: the median, and the least and the most.\n\n\
         | | Fourwire | {package} | ratio |\n\
         | --- | --: | --: | --: |\n",
        plan.rounds,
        plan.window.as_secs(),
        plan.warm_up.as_secs()
    );
    for (name, value) in [
        ("requests a second", (|it| it.per_second) as fn(&Sample) -> f64),
        ("CPU ms of workerd per request", |it| it.cpu_ms),
    ] {
        let ours = Spread::new(rounds.iter().map(|round| value(&round.fourwire)));
        let theirs = Spread::new(rounds.iter().map(|round| value(&round.package)));
        let ratios = Spread::new(rounds.iter().map(|round| value(&round.fourwire) / value(&round.package)));
        writeln!(text, "| {name} | {ours} | {theirs} | **{ratios}** |")?;
    }
    let samples = || rounds.iter().flat_map(|round| [round.fourwire, round.package]);
    let busy = samples().map(|sample| sample.spent.busy).fold(f64::INFINITY, f64::min);
    let others = samples().map(|sample| sample.spent.others).fold(0.0, f64::max);
    let verdict = match (busy < IDLE, others > NOISY) {
        (false, false) => "a good run",
        (true, false) => "the callers were too slow",
        (false, true) => "noisy",
        (true, true) => "noisy, and the callers were too slow",
    };
    let [busy, others] = [busy, others].map(percent);
    writeln!(
        text,
        "\nworkerd used at least {busy} of a core, and other programs at most {others} of the machine: {verdict}."
    )?;
    Ok(text)
}
