//! The tables of the four-hour call.

use std::fmt::Write;

use anyhow::Result;

use crate::long::{Long, MARKS, Memory, Work};

/// CPU time that the platform allows an invocation unless it is told otherwise, in seconds.
const CPU_LIMIT: f64 = 30.0;

/// The section of its own.
pub(super) fn section(long: &Long) -> Result<String> {
    let mut text = format!(
        "\n## A call of four hours\n\n\
         Both sides talk all the time. Memory is in MB (10⁶ bytes). The engine plays the app's frames of 10 ms at 48 kHz \
         in a process of its own, and receives a word every half second on each side. workerd takes the page's frames of \
         100 ms at {:.0} times real time and stores all of it, which is more work than a call is: its heap is cleaned \
         less often for the work that it does. Speech services are never sent audio that fast, so they receive a part, and \
         return {} segments; four hours of words are in the engine's columns. The Worker's own memory, that of its \
         WebAssembly, is what the platform's 128 MB are for, together with the JavaScript heap.\n\n\
         | | engine, resident | engine, peak | workerd, resident | workerd, peak | the Worker's own |\n\
         | --- | --: | --: | --: | --: | --: |\n",
        long.speed, long.segments
    );
    let names = ["before the call"].into_iter().chain(MARKS.map(|(_, name)| name));
    for (name, (engine, workerd)) in names.zip(long.engine.iter().zip(&long.workerd)) {
        writeln!(
            text,
            "| {name} | {:.1} | {:.1} | {:.0} | {:.0} | {:.1} |",
            engine.resident, engine.peak, workerd.resident, workerd.peak, workerd.wasm
        )?;
    }
    text += "\n| | s | CPU s | resident before | peak | 2 s after | the Worker's own |\n\
             | --- | --: | --: | --: | --: | --: | --: |\n";
    for (name, Work { real, cpu, before: Memory { resident, .. }, after }) in [
        ("the call's end, until the client has the conversation", long.end),
        ("reading its audio, stereo", long.export),
    ] {
        writeln!(
            text,
            "| {name} | {:.1} | {:.1} | {resident:.0} | {:.0} | {:.0} | {:.1} |",
            real.as_secs_f64(),
            cpu.as_secs_f64(),
            after.peak,
            after.resident,
            after.wasm
        )?;
    }
    let megabytes = f64::from(long.export_bytes) / 1e6;
    writeln!(
        text,
        "\n- The audio is {megabytes:.0} MB, read with {:.0} MB a second; {:.1} s of CPU time in one request, of which the \
         platform allows {CPU_LIMIT} s by default and 300 s at most (`limits.cpu_ms`).\n\
         - A second of the call took {:.2} ms of CPU time.",
        megabytes / long.export.real.as_secs_f64(),
        long.export.cpu.as_secs_f64(),
        long.cpu_ms,
    )?;
    Ok(text)
}
