//! `cargo xtask bench`: what a call costs, as tables on standard output.
#![allow(clippy::disallowed_methods, reason = "a native program has clocks")]

use std::fs;
use std::hint::black_box;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand, ValueEnum};
use fourwire_bench::call::Call;
use fourwire_bench::comparison::{self, Plan};
use fourwire_bench::report::{self, Calls, Results};
use fourwire_bench::{instructions, long, operations, page, top, webhooks};

/// How long a Worker is asked by Twilio: its rate settles at once.
const WEBHOOK_WINDOW: Duration = Duration::from_secs(5);
/// How long before that; its code is compiled and optimised.
const WEBHOOK_WARM_UP: Duration = Duration::from_secs(3);

/// How long the threads of a page are watched during a call.
const PAGE_WINDOW: Duration = Duration::from_secs(15);
/// How long its worklets are traced: 3,750 quanta.
const PAGE_TRACE: Duration = Duration::from_secs(10);

/// What calls and webhooks cost: the built Worker beside others, in plain workerd, and the module in a browser
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Options {
    /// Numbers of concurrent calls
    #[arg(long, value_delimiter = ',', default_value = "1,25,50")]
    calls: Vec<u32>,
    /// How often each is measured
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// How long each is measured
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// How many seconds the calls talk before that
    #[arg(long, default_value_t = 8)]
    warm_up: u64,
    /// Minutes of a call of which everything that is billed is counted
    #[arg(long, default_value_t = 3)]
    minutes: u32,
    /// How many times as fast as real time a call of four hours is sent
    #[arg(long, default_value_t = 100)]
    speed: u32,
    /// Write the tables to docs/bench.md too; those of a part take the place of what was there of it
    #[arg(long)]
    write: bool,
    /// Measure only a part
    #[arg(long)]
    only: Option<Part>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// What a call costs, in the Worker and in the engine
    Calls,
    /// How many of Twilio's questions are answered a second
    Webhooks,
    /// What the platform bills for a call
    Operations,
    /// What a call of four hours takes
    Long,
    /// What the browser module costs in a page
    Page,
}

#[derive(Subcommand)]
enum Command {
    /// Play a call through the engine and say nothing: what valgrind watches
    SessionSeconds {
        /// How long a call
        seconds: u32,
    },
    /// Play four hours through the engine and tell the memory that they take
    LongSession,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    match options.command {
        None => Box::pin(measure(&options)).await,
        Some(Command::SessionSeconds { seconds }) => {
            let mut call = Call::open();
            for _ in 0..seconds {
                black_box(call.second());
            }
            Ok(())
        }
        Some(Command::LongSession) => {
            for memory in long::engine()? {
                println!("{} {}", memory.resident, memory.peak);
            }
            Ok(())
        }
    }
}

async fn measure(options: &Options) -> Result<()> {
    let wants = |part| options.only.is_none_or(|only| only == part);
    // What is measured is what is there now, whoever commits something meanwhile.
    let occasion = report::occasion()?;
    let mut results = Results::default();
    if wants(Part::Calls) {
        results.calls = Some(measure_calls(options).await?);
    }
    if wants(Part::Webhooks) {
        let plan = webhooks::Plan { rounds: options.rounds, warm_up: WEBHOOK_WARM_UP, window: WEBHOOK_WINDOW };
        results.webhooks = Some((plan, webhooks::run(&plan, |step| eprintln!("{step}")).await?));
    }
    if wants(Part::Operations) {
        eprintln!("counting what is billed, in real time");
        let plan = operations::Plan { minutes: options.minutes };
        results.operations = Some((plan, Box::pin(operations::run(&plan)).await?));
    }
    if wants(Part::Long) {
        let plan = long::Plan { speed: options.speed };
        results.long = Some(long::run(&plan, |step| eprintln!("{step}")).await?);
    }
    if wants(Part::Page) {
        let plan = page::Plan {
            rounds: options.rounds,
            warm_up: Duration::from_secs(options.warm_up),
            window: PAGE_WINDOW,
            traced: PAGE_TRACE,
        };
        results.page = Some(Box::pin(page::run(&plan, |step| eprintln!("{step}"))).await?);
    }
    println!("{}", report::markdown(&results)?);
    if options.write {
        write(&results, options.only.map(|_| occasion.as_str()))?;
    }
    Ok(())
}

/// Writes docs/bench.md anew, or only the sections of a part that was measured by itself, on an occasion.
fn write(results: &Results, alone: Option<&str>) -> Result<()> {
    let file = top().join("docs/bench.md");
    let text = if let Some(occasion) = alone {
        let document = fs::read_to_string(&file).context("cannot read docs/bench.md")?;
        report::replace(&document, &report::sections(results)?, occasion)
    } else {
        report::markdown(results)?
    };
    fs::write(&file, text).context("cannot write docs/bench.md")
}

async fn measure_calls(options: &Options) -> Result<Calls> {
    let plan = Plan {
        calls: options.calls.clone(),
        rounds: options.rounds,
        warm_up: Duration::from_secs(options.warm_up),
        window: Duration::from_secs(options.seconds),
    };
    eprintln!("counting the engine's instructions");
    let instructions = instructions::per_call_second()?;
    let rows = comparison::run(&plan, |step| eprintln!("{step}")).await?;
    Ok(Calls { plan, rows, instructions })
}
