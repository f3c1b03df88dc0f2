//! The tables of the browser module.

use std::fmt::Write;

use anyhow::Result;

use super::{NOISY, Spread, percent};
use crate::page::size::Size;
use crate::page::threads::Times;
use crate::page::trace::Calls;
use crate::page::{OTHER_RATE, Page, QUANTUM, Round, Sample, USUAL_RATE, Worklet};

/// Durations of a part of each call.
type Part = fn(&Calls) -> &[f64];
/// One number of many.
type Statistic = fn(&[f64]) -> f64;
/// Seconds of one of the threads.
type Time = fn(&Times) -> f64;

/// The section of its own.
pub(super) fn section(page: &Page) -> Result<String> {
    let plan = &page.plan;
    let mut text = format!(
        "\n## The browser module\n\n\
         A call from the page in Chromium {} (headless), with Twilio's own SDK through the lab's carrier to the built Worker: \
         two sides that talk all the time, a word a second each, captions of both, as in a normal call. Beside it the same call \
         from the same page with a module that does nothing in the place of Fourwire's: it captures nothing, starts no worker and no \
         audio context, and no captions arrive. Each call was made {} times, in turn, and watched for {} s after {} s: the median, and the \
         least and the most.\n",
        page.chromium,
        plan.rounds,
        plan.window.as_secs(),
        plan.warm_up.as_secs()
    );
    text += &audio_thread(page)?;
    text += &threads(page)?;
    text += &sizes(page)?;
    let samples = || page.rounds.iter().flat_map(|round| [round.usual, round.other, round.null]);
    let others = samples().map(|sample| sample.others).fold(0.0, f64::max);
    let captions = page.rounds.iter().flat_map(|round| [round.usual, round.other]).map(|sample| sample.captions).min();
    let verdict = if others > NOISY { "noisy" } else { "a good run" };
    writeln!(
        text,
        "\nOther programs used at most {} of the machine: {verdict}. Browser, carrier, speech service and Worker ran on it \
         together. At least {} captions arrived in each recorded window; each recorded call was stored whole.",
        percent(others),
        captions.unwrap_or_default()
    )?;
    Ok(text)
}

fn audio_thread(page: &Page) -> Result<String> {
    let budget = f64::from(QUANTUM) * 1e6 / f64::from(USUAL_RATE);
    let mut text = format!(
        "\n### The audio thread\n\n\
         Microseconds for a render quantum of {QUANTUM} samples at {} kHz; it lasts {budget:.0}. The null worklet only returns true; it has \
         the same two inputs in an audio context of its own, and receives the same call at the same time. First the CPU time of each \
         one's thread for a quantum, {} s in each round, with the whole graph that is computed there and without a trace; then \
         Chromium's own trace of each call of `process()`, as long again, in time that passes: what the machine does besides \
         and the trace's own cost are in both, so the difference is what counts. Fourwire's copies two times {QUANTUM} samples, and \
         in every 16th quantum passes a block on.\n\n\
         | | Fourwire | null worklet | difference | ratio | Fourwire, of the quantum |\n\
         | --- | --: | --: | --: | --: | --: |\n",
        f64::from(USUAL_RATE) / 1_000.0,
        page.plan.traced.as_secs()
    );
    let parts: [(&str, Part); 2] = [("the call", |calls| &calls.whole), ("its script", |calls| &calls.script)];
    let statistics: [(&str, Statistic); 3] =
        [("median", |it| quantile(it, 0.5)), ("99 % are below", |it| quantile(it, 0.99)), ("mean", mean)];
    let row = |text: &mut String, name: &str, ours: &[f64], null: &[f64]| {
        let share = percent(Spread::new(ours.iter().map(|micros| micros / budget)).median);
        writeln!(text, "| {name} | {} | {share} |", compared(ours, null))
    };
    let thread =
        |worklet: fn(&Round) -> &Worklet| page.rounds.iter().map(|round| worklet(round).thread).collect::<Vec<f64>>();
    row(&mut text, "the thread, mean", &thread(|round| &round.tap), &thread(|round| &round.null_tap))?;
    for (part, durations) in parts {
        for (name, statistic) in statistics {
            let of = |worklet: fn(&Round) -> &Worklet| {
                page.rounds.iter().map(|round| statistic(durations(&worklet(round).calls))).collect::<Vec<f64>>()
            };
            let (ours, null) = (of(|round| &round.tap), of(|round| &round.null_tap));
            row(&mut text, &format!("{part}, {name}"), &ours, &null)?;
        }
    }
    Ok(text)
}

fn threads(page: &Page) -> Result<String> {
    let mut text = format!(
        "\n### Threads\n\n\
         CPU milliseconds for a second of the call: what the kernel counts for each thread of the page's process, so everything that \
         runs there is in it, and no trace is running. The audio contexts compute their whole graph on the worklets' thread. What the call itself takes, \
         sound devices and WebRTC, is in the process with and without the module.\n\n\
         | at {} kHz | Fourwire | null module | difference | ratio |\n\
         | --- | --: | --: | --: | --: |\n",
        f64::from(USUAL_RATE) / 1_000.0
    );
    let rows: [(&str, Time); 4] = [
        ("the page's own thread", |it| it.main.as_secs_f64()),
        ("the worker's thread", |it| it.worker.as_secs_f64()),
        ("the worklets' thread", |it| it.audio.as_secs_f64()),
        ("the whole process", |it| it.all.as_secs_f64()),
    ];
    let of = |sample: fn(&Round) -> &Sample, time: Time| {
        let rounds = page.rounds.iter().map(sample);
        rounds.map(|sample| time(&sample.times) * 1_000.0 / sample.real.as_secs_f64()).collect::<Vec<f64>>()
    };
    for (name, time) in rows {
        let (ours, null) = (of(|round| &round.usual, time), of(|round| &round.null, time));
        writeln!(text, "| {name} | {} |", compared(&ours, &null))?;
    }
    text += "\nThe worker's thread by the audio context's rate: resampling, levels, frames, the socket. Beside it only the resampling of both \
             sides, natively, in blocks as the worklet's.\n\n\
             | context | worker, CPU ms per call-second | times real time | natively, resampling only | times real time |\n\
             | --- | --: | --: | --: | --: |\n";
    let worker: Time = |it| it.worker.as_secs_f64();
    let [usual, other] = [of(|round| &round.usual, worker), of(|round| &round.other, worker)];
    for ((rate, worker), native) in [(USUAL_RATE, usual), (OTHER_RATE, other)].into_iter().zip(&page.native_ms) {
        let [worker, native] = [worker, native.clone()].map(|times| Spread::new(times.into_iter()));
        let [in_worker, in_native] = [&worker, &native].map(|it| 1_000.0 / it.median);
        let rate = f64::from(rate) / 1_000.0;
        writeln!(text, "| {rate} kHz | {worker} | {in_worker:.0} | {native} | {in_native:.0} |")?;
    }
    Ok(text)
}

fn sizes(page: &Page) -> Result<String> {
    let sizes = &page.sizes;
    let module = Size { raw: sizes.wasm.raw + sizes.script.raw, gzipped: sizes.wasm.gzipped + sizes.script.gzipped };
    let mut text = "\n### What is loaded\n\n\
                    In kB (10³ bytes), once a page; compressed with `gzip -9`.\n\n\
                    | | raw | compressed |\n\
                    | --- | --: | --: |\n"
        .to_owned();
    for (name, size) in [
        ("the module's WebAssembly", sizes.wasm),
        ("its JavaScript, with worker and worklet", sizes.script),
        ("**the module**", module),
        ("Twilio's SDK, bundled and minified", sizes.sdk),
    ] {
        let [raw, gzipped] = [size.raw, size.gzipped].map(kilobytes);
        writeln!(text, "| {name} | {raw} | {gzipped} |")?;
    }
    Ok(text)
}

fn kilobytes(bytes: usize) -> String {
    let bytes = u32::try_from(bytes).map_or(f64::INFINITY, f64::from);
    format!("{:.1}", bytes / 1_000.0)
}

/// Ours, the other's, the difference and the ratio of both, round by round.
fn compared(ours: &[f64], null: &[f64]) -> String {
    let pairs = || ours.iter().zip(null);
    let differences = Spread::new(pairs().map(|(ours, null)| ours - null));
    let all_null = Spread::new(null.iter().copied());
    let ratio = if null.iter().all(|it| *it > 0.0) {
        format!("**{}**", Spread::new(pairs().map(|(ours, null)| ours / null)))
    } else {
        "–".to_owned()
    };
    format!("{} | {all_null} | {differences} | {ratio}", Spread::new(ours.iter().copied()))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / u32::try_from(values.len()).map_or(f64::NAN, f64::from)
}

/// The value below which a part of all values lie.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a list")]
fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = u32::try_from(sorted.len().saturating_sub(1)).map_or(0.0, f64::from);
    sorted.get((last * part).round() as usize).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_and_means_are_of_all_values_in_any_order() {
        let values: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        let found = format!("{} {} {}", quantile(&values, 0.5), quantile(&values, 0.99), mean(&values));
        assert_eq!(found, "50 99 50");
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn what_takes_nothing_has_no_ratio() {
        assert_eq!(compared(&[2.0], &[0.0]), "2.00 (2.00–2.00) | 0.00 (0.00–0.00) | 2.00 (2.00–2.00) | –");
        assert_eq!(
            compared(&[2.0], &[1.0]),
            "2.00 (2.00–2.00) | 1.00 (1.00–1.00) | 1.00 (1.00–1.00) | **2.00 (2.00–2.00)**"
        );
    }
}
