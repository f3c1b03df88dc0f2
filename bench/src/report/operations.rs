//! The tables of what the platform bills.

use std::fmt::Write;

use anyhow::Result;

use crate::operations::{Measured, Plan};
use crate::prices::{Bill, Item, READ, STORED_GB_MONTH};

/// Gigabytes of a thousand minutes of both sides: 60 s, 16,000 samples a second, two bytes, two sides.
const GB_PER_THOUSAND_MINUTES: f64 = 3.84;
/// Dollars for a call-minute's rows, puts and so on are too small to be read: all prices are for a thousand.
const HEAD: &str = "| what is billed | app | page | $ a million | app, $ | page, $ |\n\
                    | --- | --: | --: | --: | --: | --: |\n";

/// The section of its own.
pub(super) fn section(plan: Plan, measured: &[Measured]) -> Result<String> {
    let [app, page] = measured else { anyhow::bail!("two clients are measured") };
    let mut text = format!(
        "\n## What is billed for a call\n\n\
         Counted over {} minutes of a call in real time, by a Worker that calls the built one and puts a counter at each \
         method of the platform; rows are the platform's own count. Prices are those of {READ}, without what the plan \
         includes. The app sends 10 ms frames, the page frames of 100 ms, each for two sides. Dollars are for a thousand \
         call-minutes.\n\n{HEAD}",
        plan.minutes
    );
    rows(&mut text, &app.minute, &page.minute)?;
    text += "\nAt the start and the end of a call, together; dollars for a thousand calls:\n\n";
    text += HEAD;
    rows(&mut text, &app.ends, &page.ends)?;
    writeln!(
        text,
        "\n- The speech services' messages arrive on sockets that the object opened. The price list does not say whether they \
         are billed; here they are.\n\
         - A browser's messages pass through the Worker, which pays CPU time: what workerd used beyond a page's call \
         that reaches its object directly, at the same time.\n\
         - Not billed: {:.0} messages a minute out of the objects, {} requests to other services in the whole call.\n\
         - Storing the audio: {:.4} $ a month for a thousand minutes ({GB_PER_THOUSAND_MINUTES} GB).\n\
         - Playing it, from one end to the other: {:.4} $ for a thousand minutes, {:.1} R2 reads a minute.\n",
        app.sent,
        app.fetches,
        GB_PER_THOUSAND_MINUTES * STORED_GB_MONTH,
        app.playback.total_per_thousand(),
        app.playback.amount(Item::ClassB),
    )?;
    text += &forms(app)?;
    Ok(text)
}

fn rows(text: &mut String, app: &Bill, page: &Bill) -> Result<()> {
    for item in Item::ALL {
        if app.amount(item).max(page.amount(item)) > 0.0 {
            writeln!(
                text,
                "| {} | {} | {} | {} | {:.5} | {:.5} |",
                item.name(),
                amount(app.amount(item)),
                amount(page.amount(item)),
                item.per_million(),
                app.per_thousand(item),
                page.per_thousand(item)
            )?;
        }
    }
    let [app, page] = [app, page].map(Bill::total_per_thousand);
    writeln!(text, "| **together** | | | | **{app:.4}** | **{page:.4}** |")?;
    Ok(())
}

/// The ways in which audio could be stored, by the price of each.
fn forms(app: &Measured) -> Result<String> {
    let (chunks, kept) = (app.chunks, app.kept);
    let mut text = format!(
        "### Ways to store audio\n\n\
         By the same prices: {chunks:.1} chunks a minute, and {kept:.0} rows for one that is in the object's database \
         before it is in R2 (counted while the store refused). Dollars are for a thousand call-minutes.\n\n\
         | way | puts a minute | rows a minute | $ | in nothing but memory |\n\
         | --- | --: | --: | --: | --- |\n"
    );
    for (name, puts, rows, lost) in [
        ("**an object of both sides every 5 s**", chunks, 0.0, "5 s and what is on its way"),
        ("an object of each side every 5 s", 2.0 * chunks, 0.0, "the same"),
        ("rows every 5 s, then R2 every 5 s", chunks, chunks * kept, "5 s"),
        ("rows every 5 s, then R2 every 30 s", 2.0, chunks * kept, "5 s"),
        ("an object of both sides every 30 s", 2.0, 0.0, "30 s and what is on its way"),
    ] {
        let dollars = Bill::of([(Item::ClassA, puts), (Item::RowWritten, rows)]).total_per_thousand();
        writeln!(text, "| {name} | {} | {} | {dollars:.4} | {lost} |", amount(puts), amount(rows))?;
    }
    Ok(text)
}

/// As many digits as tell something.
fn amount(amount: f64) -> String {
    if amount >= 100.0 || amount.fract().abs() < 1e-9 { format!("{amount:.0}") } else { format!("{amount:.2}") }
}
